// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a plugin tells the application, and who passes it on. Part of the seam:
// plain C++17, as bridge.hpp, which includes it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pythonfilter {

// A field of a message: a number or a text, or an array of one kind of them.
using FieldValue = std::variant<bool, int64_t, double, std::string,
                                std::vector<bool>, std::vector<int64_t>,
                                std::vector<double>, std::vector<std::string>>;

struct Message {
  std::string name;
  std::vector<std::pair<std::string, FieldValue>> fields;
  // The times of the buffer whose call posted the message; UINT64_MAX where
  // there is none.
  uint64_t pts = UINT64_MAX;
  uint64_t duration = UINT64_MAX;
};

// The levels of Python's logging; Off is above them all.
enum class LogLevel { Debug, Info, Warning, Error, Off };

// Python's numbers, of which there may be others in between.
inline LogLevel level_of(int number) {
  return number >= 40   ? LogLevel::Error
         : number >= 30 ? LogLevel::Warning
         : number >= 20 ? LogLevel::Info
                        : LogLevel::Debug;
}

inline int number_of(LogLevel level) {
  constexpr int off = 1000;  // OFF of pythonfilter/log.py
  return level == LogLevel::Off ? off : 10 + 10 * int(level);
}

struct LogRecord {
  LogLevel level = LogLevel::Debug;
  std::string file;
  int line = 0;
  std::string function;
  std::string text;
  // Said by nobody knows which plugin: on a thread that is in no call.
  bool anonymous = false;
};

struct Failure;

// Used without the GIL and without a lock, by any thread, and for as long as
// any code of the plugin lives: also when the element is gone.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual void post(const Message &message) = 0;
  // Messages that one call posted beyond what is kept of it.
  virtual void count_dropped(uint64_t messages) = 0;
  virtual void log(const LogRecord &record) = 0;
  // A call failed whose end nobody waits for.
  virtual void failed(const Failure &failure) = 0;
  // The least that log() is interested in; with the GIL held, too.
  virtual LogLevel log_threshold() const = 0;
};

}  // namespace pythonfilter
