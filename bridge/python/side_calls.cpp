// SPDX-License-Identifier: LGPL-2.1-or-later
#include "side_calls.hpp"

#include <algorithm>

namespace pythonfilter {

std::shared_ptr<CallSite> SideCalls::add() {
  auto site = std::make_shared<CallSite>();
  site->listener = listener_;
  std::lock_guard lock(mutex_);
  sites_.push_back(site);
  if (deadline_) watch_call_site(site, deadline_, observer_);
  return site;
}

void SideCalls::remove(const std::shared_ptr<CallSite> &site) {
  {
    std::lock_guard lock(mutex_);
    sites_.erase(std::remove(sites_.begin(), sites_.end(), site), sites_.end());
  }
  // Nobody watches it again.
  unwatch_call_site(site);
}

void SideCalls::set_deadline(uint64_t deadline, HangObserver *observer) {
  std::vector<std::shared_ptr<CallSite>> sites;
  {
    std::lock_guard lock(mutex_);
    deadline_ = deadline;
    observer_ = observer;
    if (deadline) {
      for (const auto &site : sites_)
        watch_call_site(site, deadline, observer);
      return;
    }
    sites = sites_;
  }
  // Waits for messages that are being posted, so not under the lock.
  for (const auto &site : sites)
    unwatch_call_site(site);
}

void SideCalls::interrupt() {
  std::lock_guard lock(mutex_);
  for (const auto &site : sites_)
    interrupt_call(site.get());
}

}  // namespace pythonfilter
