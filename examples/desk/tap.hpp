// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Measures before and behind a processor, and fades it out and in again.
//
// Probes and no tee with a queue: a tee makes each buffer somebody else's as
// well, and a plugin that works in place would get a copy.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include <gst/audio/audio.h>

namespace desk {

class Tap {
 public:
  Tap(GstPad *sink, GstPad *src);  // either may be NULL
  ~Tap();
  Tap(const Tap &) = delete;
  Tap &operator=(const Tap &) = delete;

  // The highest since they were asked for; negative: there was no sound.
  float take_peak_before() { return before_.peak.exchange(-1); }
  float take_peak_behind() { return behind_.peak.exchange(-1); }

  // Of what comes out (of a sink: what goes in) the last samples of the first
  // channel, from when it was first asked for. The stream never waits for who
  // looks at them: what comes meanwhile is not in the picture.
  static constexpr size_t picture_size = 2048;
  std::vector<float> picture();
  int rate() const { return behind_.pad ? behind_.rate : before_.rate; }

  // Within 10 ms. The plugin goes on meanwhile, so that it can come back.
  void bypass(bool on) { bypass_ = on; }
  bool is_bypassed() const { return bypass_; }

 private:
  struct Side {
    Tap *tap = nullptr;
    GstPad *pad = nullptr;
    gulong probe = 0;
    bool sound = false;  // 32-bit floats, interleaved
    GstAudioInfo info = {};
    std::atomic<int> rate{0};
    std::atomic<float> peak{-1};
  };
  static GstPadProbeReturn on_data(GstPad *, GstPadProbeInfo *, gpointer);
  void watch(Side *side, GstPad *pad);
  void keep_dry(const float *samples, size_t count);
  void fade(float *samples, size_t count);
  void draw(const float *samples, size_t count, size_t channels);

  Side before_, behind_;
  std::atomic<bool> bypass_{false}, draws_{false};
  std::mutex mutex_;
  std::vector<float> ring_;  // guarded by mutex_, as is the next
  size_t next_ = 0;
  // The streaming thread's.
  float wet_ = 1;
  std::vector<float> dry_;
};

}  // namespace desk
