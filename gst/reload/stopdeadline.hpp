// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The time by which an element's plugins have to come back from their calls
// once it stops: the one that plays, and those that come and go meanwhile.
#pragma once

#include <memory>
#include <vector>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"

namespace pythonfilter {

// Any thread.
class StopDeadline {
 public:
  explicit StopDeadline(HangObserver *observer) : observer_(observer) {}

  // Before its first call, and after its last one.
  void add(const std::shared_ptr<Plugin> &plugin);
  void remove(const std::shared_ptr<Plugin> &plugin);

  // For all of them; `deadline` is monotonic_ns().
  void begin(uint64_t deadline);
  // Returns when the observer is left alone.
  void end();

  // For one of them, although the element does not stop.
  void hurry(Plugin *plugin, uint64_t deadline);
  void calm(Plugin *plugin);

 private:
  HangObserver *const observer_;
  // Only the watchdog's lock, a leaf, is taken under it. Nobody is waited for.
  Mutex mutex_;
  uint64_t deadline_ = 0;                       // guarded by mutex_; 0: none
  std::vector<std::weak_ptr<Plugin>> plugins_;  // guarded by mutex_
};

}  // namespace pythonfilter
