// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long a plugin in another process may take for a buffer.
#pragma once

#include <atomic>

#include <gst/gst.h>

#include "../bridge/bridge.hpp"

namespace pythonfilter {

class Patience {
 public:
  // The property: ms; 0: for ever; -1: as it fits the pipeline.
  void set(int milliseconds) { property_ = milliseconds; }
  int property() const { return property_; }

  // The streaming thread's. `rate` is that of a block's frames, 0: they are
  // bytes.
  void start(bool live, int rate) {
    live_ = live;
    rate_ = rate;
  }
  bool hurries() const {
    const int set = property_.load(std::memory_order_relaxed);
    return set < 0 ? live_ : set > 0;
  }
  uint64_t with(const Block &block) const {
    const int set = property_.load(std::memory_order_relaxed);
    if (set >= 0) return uint64_t(set) * 1000000u;
    if (!live_) return 0;
    if (rate_ > 0) return uint64_t(block.frames) * GST_SECOND / uint64_t(rate_);
    return block.duration == no_time ? 0 : block.duration;
  }

 private:
  std::atomic<int> property_{-1};
  bool live_ = false;
  int rate_ = 0;
};

}  // namespace pythonfilter
