// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sourcetimes.hpp"

namespace pythonfilter {

void SourceTimes::start(guint64 rate, GstClockTime time) {
  rate_ = rate;
  next_ = 0;
  base_ = time;
  forget_lateness();
}

// Frame 0 may be before time 0 then: the sum is right all the same.
void SourceTimes::go_to(guint64 frame, GstClockTime time) {
  next_ = frame;
  base_ = time - plain_time_of(frame);
  forget_lateness();
}

guint64 SourceTimes::frame_at(GstClockTime time) const {
  // Times of frames are rounded, so a frame's own time may be before it.
  const guint64 frame = gst_util_uint64_scale_round(time, rate_, GST_SECOND);
  return frame > 0 && plain_time_of(frame) > time ? frame - 1 : frame;
}

guint64 SourceTimes::frames_until(GstClockTime time) const {
  const auto length = GstClockTimeDiff(time - base_);
  if (length <= 0) return 0;
  const guint64 end =
      gst_util_uint64_scale_round(guint64(length), rate_, GST_SECOND);
  return end > next_ ? end - next_ : 0;
}

guint64 SourceTimes::frames_lost(GstClockTimeDiff late, GstClockTime now,
                                 bool said) {
  if (late <= 0 || (late < tolerance && !said)) {
    forget_lateness();
    return 0;
  }
  if (!said) {
    if (late_since_ == GST_CLOCK_TIME_NONE || now < late_since_)
      late_since_ = now;
    if (now - late_since_ < patience) return 0;
  }
  forget_lateness();
  return gst_util_uint64_scale_round(guint64(late), rate_, GST_SECOND);
}

}  // namespace pythonfilter
