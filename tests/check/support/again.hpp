// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Threads that all want something at once, for so many times.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "waiting.hpp"

namespace check {

// Calls a function again and again, in a thread of its own.
class Again {
 public:
  explicit Again(std::function<void()> call)
      : thread_([this, call] {
          while (!over_) {
            call();
            times_++;
          }
        }) {}
  ~Again() { stop(); }
  int times() const { return times_; }
  void wait_for(int times) const {
    fail_unless(wait_until([&] { return times_ >= times; }), "%d times, not %d",
                int(times_), times);
  }
  void wait_for_more() const { wait_for(times_ + 1); }
  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<int> times_{0};
  std::thread thread_;
};

// A lock for one thread that has it nearly always, and one that wants it now
// and then. A mutex alone goes, most times, to whoever has just let it go.
class Turns {
 public:
  std::unique_lock<std::mutex> again() {
    while (wanted_)
      g_usleep(1);
    return std::unique_lock<std::mutex>(mutex_);
  }
  std::unique_lock<std::mutex> now() {
    wanted_ = true;
    std::unique_lock<std::mutex> lock(mutex_);
    wanted_ = false;
    return lock;
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> wanted_{false};
};

}  // namespace check
