// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A streaming thread's wait that unlock() ends: a flush, a stop.
#pragma once

#include <chrono>

#include "../../bridge/contract.hpp"

namespace pythonfilter {

class Pause {
 public:
  // False at once, and from then on, while unlocked.
  bool wait(std::chrono::nanoseconds time) {
    std::unique_lock<Mutex> lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return unlocked_; });
  }

  void set_unlocked(bool unlocked) {
    {
      std::lock_guard lock(mutex_);
      unlocked_ = unlocked;
    }
    changed_.notify_all();
  }

 private:
  Mutex mutex_;  // a leaf
  Condition changed_;
  bool unlocked_ = false;
};

}  // namespace pythonfilter
