// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Memory that a plugin in another process can see, for the buffers of whoever
// is upstream: they go in without a copy. GstFdAllocator maps a descriptor for
// each memory; these lie in the one region that the worker has mapped already.
#pragma once

#include <memory>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"

namespace pythonfilter {

// Whose memory is lent; that may change while buffers flow.
class Lender {
 public:
  void set(const std::shared_ptr<Plugin> &plugin) {
    std::lock_guard lock(mutex_);
    plugin_ = plugin;
  }
  // Any thread. False: there is none, and other memory does.
  bool lend(size_t size, Output *memory) const {
    const std::shared_ptr<Plugin> plugin = now();
    Isolated *isolated = plugin ? plugin->isolated() : nullptr;
    return isolated && isolated->lend(size, memory);
  }

 private:
  std::shared_ptr<Plugin> now() const {
    std::lock_guard lock(mutex_);
    return plugin_.lock();
  }

  mutable Mutex mutex_;  // a leaf
  std::weak_ptr<Plugin> plugin_;
};

// Makes an allocator of it the first choice of an ALLOCATION query.
void offer_lent_memory(GstQuery *query, std::shared_ptr<Lender> lender);

// Puts copies in the place of lent memory, which a worker may write to.
void replace_lent_memory(GstBuffer **buffer);

}  // namespace pythonfilter
