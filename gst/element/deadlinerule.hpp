// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long a plugin in another process may take for a buffer. What it takes in
// a live pipeline is in the LATENCY answer, so that it is not late downstream.
#pragma once

#include <algorithm>
#include <atomic>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

class DeadlineRule {
 public:
  // Beside other programs that want each core, waking a process twice takes a
  // few turns of theirs, in one call of hundreds.
  static constexpr uint64_t room_ns = 20000000;

  // The property: ms; 0: for ever; -1: as it fits the pipeline.
  void set(int milliseconds) { property_ = milliseconds; }
  int property() const { return property_; }

  // The streaming thread's. `rate` is that of a block's frames, 0: they are
  // bytes.
  void start(bool live, int rate) {
    live_ = live;
    rate_ = rate;
    behind_ = 0;
    longest_ = 0;
  }
  bool hurries() const {
    const int set = property_.load(std::memory_order_relaxed);
    return set < 0 ? live_.load(std::memory_order_relaxed) : set > 0;
  }
  // Calls that take longer than their buffers add up, but never to more than
  // the one deadline that downstream was told of.
  uint64_t with(const Block &block) const {
    const uint64_t length = length_of(block);
    const uint64_t whole = deadline(length);
    if (!live_ || whole == 0) return whole;
    return std::max(length / 2, whole - std::min(behind_, whole));
  }
  // After each call. True: the latency is another one now.
  bool took(const Block &block, uint64_t ns) {
    const uint64_t length = length_of(block);
    behind_ = behind_ + ns > length ? behind_ + ns - length : 0;
    behind_ = std::min(behind_, deadline(length));
    if (!live_ || length <= longest_.load(std::memory_order_relaxed))
      return false;
    longest_ = length;
    return property_.load(std::memory_order_relaxed) < 0;
  }

  // Any thread: how much later than without this plugin a live buffer may be.
  uint64_t latency() const { return live_ ? deadline(longest_) : 0; }

 private:
  uint64_t deadline(uint64_t length) const {
    const int set = property_.load(std::memory_order_relaxed);
    if (set >= 0) return uint64_t(set) * 1000000u;
    return live_ ? length + room_ns : 0;
  }
  uint64_t length_of(const Block &block) const {
    if (rate_ > 0) return uint64_t(block.frames) * GST_SECOND / uint64_t(rate_);
    return block.duration == no_time ? 0 : block.duration;
  }

  std::atomic<int> property_{-1};
  std::atomic<bool> live_{false};
  std::atomic<uint64_t> longest_{0};  // of the buffers since start()
  int rate_ = 0;
  uint64_t behind_ = 0;  // of the time at which the last call was due back
};

}  // namespace pythonfilter
