// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A clock that goes as fast as a device plays: the system's, set by how many
// frames are gone from the device at which time, as a clock from the network
// is. Whoever reads it calls no plugin, and it goes on where nothing is noted.
#pragma once

#include <atomic>

#include <gst/gst.h>

namespace pythonfilter {

class DeviceClock {
 public:
  DeviceClock();
  ~DeviceClock() { gst_object_unref(clock_); }
  DeviceClock(const DeviceClock &) = delete;
  DeviceClock &operator=(const DeviceClock &) = delete;

  // Any thread.
  GstClock *ref() { return GST_CLOCK(gst_object_ref(clock_)); }
  // What is noted from here on has nothing to do with what was before.
  void restart() { anchored_ = false; }

  // The streaming thread's: at `now` of the clock's own, unset, time so many
  // frames were gone, but for a number that stays the same.
  void note(GstClockTime now, guint64 frames, int rate);
  GstClockTime now() const { return gst_clock_get_internal_time(clock_); }

 private:
  void anchor(GstClockTime shows, GstClockTime played);
  void observe(GstClockTime now, GstClockTime played);
  GstClockTime time_at(GstClockTime now) const;

  GstClock *const clock_;
  std::atomic<bool> anchored_{false};
  GstClockTimeDiff off_ = 0;  // of the clock's time from what was played
  GstClockTime next_ = 0;     // the end of the interval
  GstClockTime seen_at_ = GST_CLOCK_TIME_NONE;  // in it, and how far that was
  GstClockTimeDiff ahead_ = 0;                  // ahead of the unset time
};

}  // namespace pythonfilter
