// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The times of raw audio that a plugin makes of something else: counted in its
// own samples, from the first input on. As long as as much comes out as went
// in, that is the time of each input.
#pragma once

#include <gst/audio/audio.h>

#include "../../bridge/contract.hpp"

namespace pythonfilter {

class SampleClock {
 public:
  explicit SampleClock(const StreamingThread &streaming)
      : streaming_(streaming) {}

  // Input rate 0: no raw audio, which lasts as long as its buffers say.
  void start(int input_rate, int output_rate);
  // What comes next is a stretch of its own; with `resumes` on the same line of
  // time. Its output lags so many of its frames behind, if it turns out to.
  void begin(guint64 lag, bool resumes);
  // Lags more, or less, from here on.
  void change_lag(guint64 lag);

  // Went in now. True: the output that comes next begins where it does.
  bool add_input(GstBuffer *input, size_t frames);
  // So many frames come out for it.
  void expect_output(size_t frames) {
    if (undecided_) decide(frames);
  }
  // How many of the next `frames` lie before the first one that went in.
  size_t skip(size_t frames);
  void add_output(guint64 frames) { out_ += frames; }
  // The plugin says so of what comes next.
  void move_to(GstClockTime pts);

  // Where what comes next begins. NONE: not known.
  GstClockTime time() const;
  guint64 offset() const;
  // As much came out as went in.
  bool in_step() const;
  // What went in and did not come out.
  guint64 missing() const;
  guint64 lag() const { return lag_; }
  GstClockTime time_of(guint64 frames) const {
    return gst_util_uint64_scale(frames, GST_SECOND, guint64(out_rate_));
  }
  guint64 frames_of(GstClockTime time) const {
    return gst_util_uint64_scale_round(time, guint64(out_rate_), GST_SECOND);
  }

 private:
  void decide(size_t frames);

  const StreamingThread &streaming_;
  int in_rate_ = 0, out_rate_ = 0;
  bool begun_ = false;
  bool said_ = false;     // the plugin said where it is
  bool unknown_ = false;  // an input did not say how long it is
  // Where in_ and out_ are counted from.
  GstClockTime pts_ = GST_CLOCK_TIME_NONE;
  guint64 offset_ = GST_BUFFER_OFFSET_NONE;
  guint64 in_ = 0;   // frames, or ns of what is no raw audio
  guint64 out_ = 0;  // frames
  // Where the stretch began.
  GstClockTime first_ = GST_CLOCK_TIME_NONE;
  guint64 first_offset_ = GST_BUFFER_OFFSET_NONE;
  // The end of the stretch before, where that got ahead of its input.
  GstClockTime end_ = GST_CLOCK_TIME_NONE;

  guint64 lag_ = 0;
  guint64 skip_ = 0;        // of these that have not come out
  bool lags_ = false;       // it gives them; or it holds back
  bool undecided_ = false;  // nobody knows which
};

}  // namespace pythonfilter
