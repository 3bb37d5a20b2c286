// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What went in, in the place of what the plugin makes of it, with a fade. The
// plugin goes on meanwhile, so that it knows what was played when it is heard
// again, and the latency stays.
#pragma once

#include <atomic>
#include <vector>

#include <gst/audio/audio.h>

#include "../buffers/audioblock.hpp"

namespace pythonfilter {

class Bypass {
 public:
  // Any thread.
  void set(bool on) {
    on_ = on;
    if (on) active_ = true;
  }
  bool is_on() const { return on_; }

  // The rest is the streaming thread's.

  // Whether keep() and mix() have something to do: it is on, or fades.
  bool active() const { return active_.load(std::memory_order_relaxed); }
  // A stream begins, as it is set now; `possible`: it is what the plugin gets,
  // and gives in the same buffer.
  void start(const GstAudioInfo &info, bool possible);
  // What goes in, before the call. Played backwards, a buffer that goes before
  // the last one has nothing to do with it.
  void keep(const AudioBlock &block, bool backwards);
  // What comes out, in its order, and with its time where it has one.
  void mix(GstBuffer **buffer);
  // What comes out next has nothing to do with what went in.
  void forget() { dry_.clear(); }

 private:
  size_t kept() const { return dry_.size() / size_t(info_.bpf); }
  ptrdiff_t first_of(const AudioBlock &block) const;
  template <typename Sample>
  void fade(const AudioBlock &block, ptrdiff_t first);

  std::atomic<bool> on_{false}, active_{false};
  GstAudioInfo info_ = {};
  bool possible_ = false;
  double wet_ = 1;
  std::vector<std::byte> dry_;              // frames
  GstClockTime pts_ = GST_CLOCK_TIME_NONE;  // of the first one
};

}  // namespace pythonfilter
