// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clockwait.hpp"

#include "../debug.hpp"

namespace pythonfilter {

GstFlowReturn ClockWait::until(GstClockTime running_time) {
  for (;;) {
    guint64 pauses;
    {
      std::lock_guard lock(mutex_);
      if (unlocked_) return GST_FLOW_FLUSHING;
      pauses = pauses_;
    }
    // Not in PAUSED: what the clock shows then is no running time.
    const GstFlowReturn flow = gst_base_src_wait_playing(source_);
    if (flow != GST_FLOW_OK) return flow;
    GstElement *element = GST_ELEMENT(source_);
    GST_OBJECT_LOCK(element);
    g_autoptr(GstClock) clock = GST_ELEMENT_CLOCK(element);
    if (clock) gst_object_ref(clock);
    const GstClockTime base = element->base_time;
    GST_OBJECT_UNLOCK(element);
    if (!clock) return GST_FLOW_OK;
    if (!prepare(clock, base + running_time, pauses)) continue;
    GST_TRACE_OBJECT(source_, "waits until running time %" GST_TIME_FORMAT,
                     GST_TIME_ARGS(running_time));
    if (wait() != GST_CLOCK_UNSCHEDULED) return GST_FLOW_OK;
  }
}

// False: something happened since the caller looked.
bool ClockWait::prepare(GstClock *clock, GstClockTime time, guint64 pauses) {
  std::lock_guard lock(mutex_);
  if (unlocked_ || pauses != pauses_) return false;
  // The clock id is used again, as a wait comes with each buffer.
  if (!id_ || !gst_clock_id_uses_clock(id_, clock) ||
      !gst_clock_single_shot_id_reinit(clock, id_, time)) {
    g_clear_pointer(&id_, gst_clock_id_unref);
    id_ = gst_clock_new_single_shot_id(clock, time);
  }
  waiting_ = true;
  return true;
}

GstClockReturn ClockWait::wait() {
  const GstClockReturn result = gst_clock_id_wait(id_, nullptr);
  std::lock_guard lock(mutex_);
  waiting_ = false;
  return result;
}

void ClockWait::set_unlocked(bool unlocked) {
  std::lock_guard lock(mutex_);
  unlocked_ = unlocked;
  if (unlocked && waiting_) gst_clock_id_unschedule(id_);
}

void ClockWait::pause() {
  std::lock_guard lock(mutex_);
  pauses_++;
  if (waiting_) gst_clock_id_unschedule(id_);
}

}  // namespace pythonfilter
