// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stopdeadline.hpp"

#include <algorithm>

namespace pythonfilter {

void StopDeadline::add(const std::shared_ptr<Plugin> &plugin) {
  std::lock_guard lock(mutex_);
  plugins_.push_back(plugin);
  if (deadline_) plugin->stop_deadline(deadline_, observer_);
}

void StopDeadline::remove(const std::shared_ptr<Plugin> &plugin) {
  {
    std::lock_guard lock(mutex_);
    const auto is_it = [&](auto &each) { return each.lock() == plugin; };
    plugins_.erase(std::remove_if(plugins_.begin(), plugins_.end(), is_it),
                   plugins_.end());
  }
  // Nobody arms it again.
  plugin->stop_deadline(0, nullptr);
}

void StopDeadline::begin(uint64_t deadline) {
  std::lock_guard lock(mutex_);
  deadline_ = deadline;
  for (const auto &each : plugins_)
    if (auto plugin = each.lock()) plugin->stop_deadline(deadline, observer_);
}

void StopDeadline::end() {
  std::vector<std::shared_ptr<Plugin>> plugins;
  {
    std::lock_guard lock(mutex_);
    deadline_ = 0;
    for (const auto &each : plugins_)
      if (auto plugin = each.lock()) plugins.push_back(std::move(plugin));
  }
  // Waits for messages that are being posted, so not under the lock.
  for (const auto &plugin : plugins)
    plugin->stop_deadline(0, nullptr);
}

void StopDeadline::hurry(Plugin *plugin, uint64_t deadline) {
  std::lock_guard lock(mutex_);
  if (!deadline_) plugin->stop_deadline(deadline, observer_);
}

void StopDeadline::calm(Plugin *plugin) {
  plugin->stop_deadline(0, nullptr);
  std::lock_guard lock(mutex_);
  if (deadline_) plugin->stop_deadline(deadline_, observer_);
}

}  // namespace pythonfilter
