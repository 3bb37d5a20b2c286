// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Since when calls of a plugin are not waited for any longer.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

#include "descriptor.hpp"

namespace pythonfilter {

// Who waits for something else looks at it so often.
constexpr std::chrono::milliseconds look_at_stop_every(20);

class StopSignal {
 public:
  // 0: none. Any thread.
  void set(uint64_t deadline) {
    deadline_ = deadline;
    uint64_t count = 1;
    const ssize_t done = deadline ? write(fd_.get(), &count, sizeof count)
                                  : read(fd_.get(), &count, sizeof count);
    if (done < 0) return;  // it was already so
  }
  // In a fork: what is there is still its parent's, too.
  void forget() {
    fd_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    deadline_ = 0;
  }
  uint64_t deadline() const { return deadline_; }
  // Readable as long as there is a deadline: whoever knows it does not look.
  int descriptor() const { return fd_.get(); }

 private:
  std::atomic<uint64_t> deadline_{0};
  Descriptor fd_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

}  // namespace pythonfilter
