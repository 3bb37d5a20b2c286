// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Measures before and behind a processor, and fades it out and in again.
//
// Probes and no tee with a queue: a tee makes each buffer somebody else's as
// well, and a plugin that works in place would get a copy.
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include <gst/audio/audio.h>

namespace desk {

class Tap {
 public:
  Tap(GstPad *sink, GstPad *src);  // either may be NULL
  ~Tap();
  Tap(const Tap &) = delete;
  Tap &operator=(const Tap &) = delete;

  // The highest since it was asked for; negative: there was no sound.
  float take_peak(bool behind) { return sides_[behind].peak.exchange(-1); }

  // Of what comes out (of a sink: what goes in) the last samples of the first
  // channel. The stream never waits for who looks at them.
  std::vector<float> picture() const;
  int rate() const { return sides_[sides_[1].pad != nullptr].rate; }

  // Within 10 ms. The plugin goes on meanwhile, so that it can come back.
  void bypass(bool on) { bypass_ = on; }
  bool is_bypassed() const { return bypass_; }

 private:
  struct Side {
    Tap *tap;
    GstPad *pad;
    gulong probe;
    GstAudioInfo info;         // the streaming thread's
    std::atomic<int> rate{0};  // 0: no 32-bit floats, interleaved
    std::atomic<float> peak{-1};
  };
  static GstPadProbeReturn on_data(GstPad *, GstPadProbeInfo *, gpointer);
  void look_at(Side *side, float *samples, size_t count, bool fades);
  void fade(float *samples, size_t count);

  Side sides_[2] = {};
  std::atomic<bool> bypass_{false};
  std::array<std::atomic<float>, 2048> ring_ = {};
  std::atomic<size_t> next_{0};
  // The streaming thread's.
  float wet_ = 1;
  std::vector<float> dry_;
};

}  // namespace desk
