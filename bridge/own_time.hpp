// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long a process has had, without the time for which a busy machine
// kept it from a processor: one that waits for its turn does not hang.
#pragma once

#include <cstdint>
#include <sys/types.h>

namespace pythonfilter {

class OwnTime {
 public:
  // How often it has to be asked from when it may be over.
  static constexpr uint64_t ask_every_ns = 20000000;

  OwnTime();
  // Whether a process has had more processor time than `allowed`; asked once at
  // the begin, too. `pid` is of whoever is waited for now; 0: nobody knows yet.
  // Ten times as much are too much for anybody. `without` is a thread of it
  // that does not count: the one that asks.
  bool is_over(pid_t pid, uint64_t allowed, pid_t without = 0);

 private:
  uint64_t began_;
  pid_t pid_ = 0;
  uint64_t used_ = 0;
  uint64_t kept_ = 0;
  uint64_t excused_ = 0;
  bool was_over_ = false;
};

}  // namespace pythonfilter
