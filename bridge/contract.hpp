// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two rules that all else rests on, checked where assertions are on, which is
// all builds but those with -Dbuildtype=release.
//
// No lock is held while the GIL is taken (Gil, in python/gil.hpp). So every
// lock here is a Mutex, which counts itself.
//
// What belongs to the streaming thread is touched within the calls by which
// GStreamer streams, and these never overlap. Which thread makes them may
// change, and a plugin may push into its own element.
#pragma once

#include <atomic>
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

class StreamingThread {
 public:
  struct Call {
    explicit Call(StreamingThread *) {}
    ~Call() {}
  };
  bool is_here() const { return true; }
  void end() {}
};

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

class StreamingThread {
  // Cheaper than asking for an id, and as good: no two threads share it.
  static const int *this_thread() { return &HeldLocks::count; }

 public:
  // In each of these calls, for as long as it takes.
  class Call {
   public:
    [[gnu::always_inline]] explicit Call(StreamingThread *stream)
        : stream_(stream),
          outer_(stream->thread_.load(std::memory_order_relaxed)) {
      assert(!outer_ || stream->is_here());
      stream->thread_.store(this_thread(), std::memory_order_relaxed);
    }
    ~Call() { stream_->thread_.store(outer_, std::memory_order_relaxed); }
    Call(const Call &) = delete;

   private:
    StreamingThread *const stream_;
    const int *const outer_;  // NULL, or this one
  };
  bool is_here() const {
    return thread_.load(std::memory_order_relaxed) == this_thread();
  }
  // Nobody streams any more: what is left is for this thread to take apart.
  void end() { thread_.store(this_thread(), std::memory_order_relaxed); }

 private:
  std::atomic<const int *> thread_{nullptr};
};

#endif

}  // namespace pythonfilter
