// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Calls that any thread may make at any time, beside the one that the
// plugin's CallSite knows: each has a site of its own, under the same deadline.
#pragma once

#include <vector>

#include "../contract.hpp"
#include "running_call.hpp"

namespace pythonfilter {

// Any thread. Without the GIL, except interrupt().
class SideCalls {
 public:
  explicit SideCalls(const std::shared_ptr<Listener> &listener)
      : listener_(listener) {}

  // The site of a call that is about to begin, and of one that is over.
  std::shared_ptr<CallSite> add();
  void remove(const std::shared_ptr<CallSite> &site);

  // For those that run and those to come; 0 takes it back and returns when the
  // observer is no longer in use.
  void set_deadline(uint64_t deadline, HangObserver *observer);

  // The plugin goes away, so nobody can use their answers.
  void interrupt();

 private:
  const std::shared_ptr<Listener> listener_;
  // Only the watchdog's lock, a leaf, is taken under it. Nobody is waited for.
  Mutex mutex_;
  uint64_t deadline_ = 0;                         // guarded by mutex_; 0: none
  HangObserver *observer_ = nullptr;              // guarded by mutex_
  std::vector<std::shared_ptr<CallSite>> sites_;  // guarded by mutex_
};

}  // namespace pythonfilter
