// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long a process, or a thread of this one, has had, without the time for
// which a busy machine kept it from a processor: what waits for its turn does
// not hang.
#pragma once

#include <cstdint>
#include <string>
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
  // The same of one thread of this process; 0: nobody knows which.
  bool is_over_of_thread(pid_t thread, uint64_t allowed);

 private:
  struct Turns;
  static Turns turns_of(const std::string &tasks, pid_t without);
  static void add_turns(const std::string &task, Turns *all);
  bool is_over(pid_t id, const Turns &now, uint64_t allowed);

  uint64_t began_;
  pid_t id_ = 0;
  uint64_t used_ = 0;
  uint64_t kept_ = 0;
  uint64_t excused_ = 0;
  bool was_over_ = false;
};

}  // namespace pythonfilter
