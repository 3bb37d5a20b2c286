// SPDX-License-Identifier: LGPL-2.1-or-later
#include "deviceclock.hpp"

#include <cstdlib>

namespace pythonfilter {

namespace {

// A device's memory empties a period at a time: of what is seen in an interval
// that counts which was seen the least late, and only over some seconds it says
// how fast the device is.
constexpr GstClockTime interval = 100 * GST_MSECOND;
constexpr int window = 64, enough = 16;
// No device is so far off: it ran dry, or stood still. As GStreamer's sinks.
constexpr GstClockTimeDiff tolerance = 40 * GST_MSECOND;
// Nor so fast or slow.
constexpr double most_off = 0.02;

}  // namespace

DeviceClock::DeviceClock()
    : clock_(GST_CLOCK(gst_object_ref_sink(g_object_new(
          GST_TYPE_SYSTEM_CLOCK, "name", "GstPythonSinkClock", nullptr)))) {}

// The clock goes on from what it shows; what it was set by is forgotten.
void DeviceClock::anchor(GstClockTime shows, GstClockTime played) {
  off_ = GST_CLOCK_DIFF(played, shows);
  g_object_set(clock_, "window-size", window, "window-threshold", enough,
               nullptr);
}

void DeviceClock::note(GstClockTime now, guint64 frames, int rate) {
  const bool begins = !anchored_.exchange(true);
  const GstClockTime played =
      gst_util_uint64_scale(frames, GST_SECOND, guint64(rate));
  const GstClockTimeDiff ahead = GST_CLOCK_DIFF(now, played);
  if (begins || seen_at_ == GST_CLOCK_TIME_NONE || ahead > ahead_) {
    seen_at_ = now;
    ahead_ = ahead;
  }
  if (begins) anchor(time_at(now), played);
  if (now >= next_) {
    next_ = now + interval;
    observe(seen_at_, seen_at_ + GstClockTime(ahead_));
    seen_at_ = GST_CLOCK_TIME_NONE;
  }
}

GstClockTime DeviceClock::time_at(GstClockTime now) const {
  GstClockTime internal, external, numerator, denominator;
  gst_clock_get_calibration(clock_, &internal, &external, &numerator,
                            &denominator);
  return gst_clock_adjust_with_calibration(clock_, now, internal, external,
                                           numerator, denominator);
}

void DeviceClock::observe(GstClockTime now, GstClockTime played) {
  const GstClockTime shows = time_at(now);
  if (std::abs(GST_CLOCK_DIFF(shows, played) + off_) > tolerance)
    anchor(shows, played);
  double fits;
  GstClockTime internal, external, numerator, denominator;
  if (gst_clock_add_observation_unapplied(
          clock_, now, played + GstClockTime(off_), &fits, &internal, &external,
          &numerator, &denominator) &&
      std::abs(double(numerator) / double(denominator) - 1) < most_off)
    gst_clock_set_calibration(clock_, internal, external, numerator,
                              denominator);
}

}  // namespace pythonfilter
