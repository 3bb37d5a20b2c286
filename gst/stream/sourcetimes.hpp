// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which frame a source makes next, and when that is. Times are computed from
// the frame's number, so nothing drifts; where a live source lost some of it,
// they jump.
#pragma once

#include <gst/gst.h>

namespace pythonfilter {

class SourceTimes {
 public:
  // From here on frames come `rate` times a second; the next one is frame 0 and
  // comes at `time`.
  void start(guint64 rate, GstClockTime time);
  // The next frame is this one, and that is when it is.
  void go_to(guint64 frame, GstClockTime time);
  void go_to(guint64 frame) { go_to(frame, plain_time_of(frame)); }

  guint64 next() const { return next_; }
  GstClockTime time() const { return time_after(0); }
  // Where that is in what the source has, whenever it plays.
  GstClockTime place() const { return plain_time_of(next_); }
  // When the frame comes that is so many after the next one.
  GstClockTime time_after(guint64 frames) const {
    return base_ + plain_time_of(next_ + frames);
  }
  void advance(guint64 frames) { next_ += frames; }

  // The frame at `time`, or the last one before it, where frame 0 is at 0.
  guint64 frame_at(GstClockTime time) const;
  // How many there are before `time`.
  guint64 frames_until(GstClockTime time) const;

  // A buffer came so much after it was due, in running time `now`. How many
  // frames are lost for good: those of all that time if the plugin said so, or
  // if no buffer was less than `tolerance` late for `patience`.
  guint64 frames_lost(GstClockTimeDiff late, GstClockTime now, bool said);
  void forget_lateness() { late_since_ = GST_CLOCK_TIME_NONE; }

  // The defaults of GstAudioStreamAlign.
  static constexpr GstClockTimeDiff tolerance = 40 * GST_MSECOND;
  static constexpr GstClockTime patience = GST_SECOND;

 private:
  GstClockTime plain_time_of(guint64 frame) const {
    return gst_util_uint64_scale_round(frame, GST_SECOND, rate_);
  }

  guint64 rate_ = 1;
  guint64 next_ = 0;
  GstClockTime base_ = 0;  // of frame 0
  GstClockTime late_since_ = GST_CLOCK_TIME_NONE;
};

}  // namespace pythonfilter
