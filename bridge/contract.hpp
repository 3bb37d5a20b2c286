// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The rule about locks that all else rests on, checked where assertions are on,
// which is all builds but those with -Dbuildtype=release: none is held while
// the GIL is taken (Gil, in python/gil.hpp). So every lock here is a Mutex,
// which counts itself.
#pragma once

#include <cassert>
#include <condition_variable>
#include <mutex>

namespace pythonfilter {

#ifdef NDEBUG

using Mutex = std::mutex;
using Condition = std::condition_variable;
inline bool holds_no_lock() {
  return true;
}

#else

// The elements and each bridge are libraries of their own, and all of them have
// to mean the same count: so it is visible, against the rule for all else.
struct [[gnu::visibility("default")]] HeldLocks {
  [[gnu::tls_model("initial-exec")]] static inline thread_local int count = 0;
};

inline bool holds_no_lock() {
  return HeldLocks::count == 0;
}

class Mutex {
 public:
  void lock() {
    mutex_.lock();
    HeldLocks::count++;
  }
  bool try_lock() {
    const bool locked = mutex_.try_lock();
    if (locked) HeldLocks::count++;
    return locked;
  }
  void unlock() {
    HeldLocks::count--;
    mutex_.unlock();
  }

 private:
  std::mutex mutex_;
};

using Condition = std::condition_variable_any;

#endif

}  // namespace pythonfilter
