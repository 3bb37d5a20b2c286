// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Measures what comes out of an element, and fades a plugin out and in again.
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
  // Goes after the element was stopped for the last time.
  explicit Tap(GstElement *element);

  // The highest since it was asked for.
  float take_peak() { return peak_.exchange(0); }
  // The last samples of the first channel. The stream never waits for who
  // looks at them.
  std::vector<float> picture() const;
  int rate() const { return rate_; }  // 0: there are no 32-bit floats

  // Within 10 ms. The plugin goes on meanwhile, so that it can come back.
  void bypass(bool on) { bypass_ = on; }

 private:
  static GstPadProbeReturn on_data(GstPad *, GstPadProbeInfo *, gpointer);
  void read_caps(GstCaps *caps, GstAudioInfo *format);
  size_t channels() const { return size_t(formats_[1].channels); }
  void keep(const float *samples, size_t count);
  void fade(float *samples, size_t count);
  void measure(const float *samples, size_t count);

  GstPad *before_ = nullptr;  // of a source there is none
  std::atomic<bool> bypass_{false};
  std::atomic<int> rate_{0};
  std::atomic<float> peak_{0};
  std::array<std::atomic<float>, 2048> ring_ = {};
  std::atomic<size_t> next_{0};
  // The streaming thread's.
  GstAudioInfo formats_[2] = {};  // of what goes in, and of what comes out
  bool fits_ = false;             // they are the same
  float wet_ = 1;
  std::vector<float> dry_;
};

}  // namespace desk
