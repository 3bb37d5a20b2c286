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
  bool readable() override;
  // What is not read waits in the pipe, and so does whoever prints it.
  static constexpr size_t most_bytes = 256 << 10;
  bool rests() const override { return read_ >= most_bytes; }
  bool wants_look() const override { return left_out_ > 0 || rests(); }
  void look() override;
  std::string last_lines() const;

 private:
  void take(const char *bytes, size_t size);
  void end_line();
  void tell_left_out();
  void log(std::string text);

  Mutex reading_;  // only tried, as the log is written under it
  Descriptor pipe_;
  std::shared_ptr<Listener> listener_;  // NULL: kept only
  bool anonymous_ = false;
  std::string line_;
  uint64_t second_ = 0;
  int lines_in_second_ = 0;
  std::atomic<uint64_t> left_out_{0};
  std::atomic<size_t> read_{0};  // bytes, since the last look

  mutable Mutex mutex_;  // a leaf; guards last_
  std::deque<std::string> last_;
};

}  // namespace pythonfilter
