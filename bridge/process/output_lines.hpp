// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a process prints, line by line: into the log, as much of it as a log
// can bear, and the last lines for whoever asks what it died of.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include "../contract.hpp"
#include "../listener.hpp"
#include "descriptor.hpp"
#include "supervisor.hpp"

namespace pythonfilter {

class OutputLines final : public Watched {
 public:
  // With both ends closed to programs that are started. Of a group, nobody
  // knows which plugin says it.
  static std::shared_ptr<OutputLines> make(std::shared_ptr<Listener> listener,
                                           bool anonymous,
                                           Descriptor *write_end);

  int descriptor() const override { return pipe_.get(); }
  bool readable() override { return read_some(false); }
  // Whoever prints waits for us once the pipe is full. So a flood is read as
  // fast as it comes, but not looked at, and not for each line of it.
  uint64_t rest_ns() const override {
    return is_flood() || wakes_ >= most_wakes ? pace_ns : 0;
  }
  bool wants_look() const override {
    return left_out_ > 0 || skipped_ > 0 || wakes_ > 0;
  }
  void look() override;
  // The end of what somebody said who has ended.
  void read_rest() { read_some(true); }
  std::string last_lines() const;

 private:
  // Between two looks of the supervisor's.
  static constexpr size_t most_bytes = 256 << 10;
  static constexpr int most_wakes = 100;
  static constexpr uint64_t pace_ns = 3000000;

  bool is_flood() const { return read_ >= most_bytes; }
  bool read_some(bool ended);
  void skip_flood();
  bool has_ended() const;
  void widen(bool wide);
  void take(const char *bytes, size_t size);
  void end_line();
  void begin_second();
  void tell_left_out();
  void log(std::string text);

  Mutex reading_;  // only tried, as the log is written under it
  Descriptor pipe_;
  std::shared_ptr<Listener> listener_;  // NULL: kept only
  bool anonymous_ = false;
  std::string line_;
  uint64_t second_ = 0;
  int lines_in_second_ = 0;
  std::atomic<uint64_t> left_out_{0};  // lines
  std::atomic<uint64_t> skipped_{0};   // bytes
  std::atomic<size_t> read_{0};        // bytes, since the last look
  std::atomic<int> wakes_{0};          // the same
  bool wide_ = false;

  mutable Mutex mutex_;  // a leaf; guards last_
  std::deque<std::string> last_;
};

}  // namespace pythonfilter
