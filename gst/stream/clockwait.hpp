// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A live source's wait for the pipeline's clock, whatever clock that is. That
// of GstBaseSrc comes after create() alone, and so never while a plugin that
// had nothing is to be asked again.
#pragma once

#include <gst/base/gstbasesrc.h>

#include "../../bridge/contract.hpp"

namespace pythonfilter {

class ClockWait {
 public:
  explicit ClockWait(GstBaseSrc *source) : source_(source) {}
  ~ClockWait() { g_clear_pointer(&id_, gst_clock_id_unref); }
  ClockWait(const ClockWait &) = delete;
  ClockWait &operator=(const ClockWait &) = delete;

  // The streaming thread's. Until the element's clock shows this running time,
  // of which paused time is no part. FLUSHING: unlocked. OK at once where there
  // is no clock, as nobody can say when it is time.
  GstFlowReturn until(GstClockTime running_time);

  // Any thread. No wait begins, or goes on, while unlocked.
  void set_unlocked(bool unlocked);
  // After the element was told to pause: times are others when it plays again,
  // and so may the clock be.
  void pause();

 private:
  bool prepare(GstClock *clock, GstClockTime time, guint64 pauses);
  GstClockReturn wait();

  GstBaseSrc *const source_;
  Mutex mutex_;              // a leaf, but for the clock's own locks
  GstClockID id_ = nullptr;  // written under mutex_ by the streaming thread
  bool waiting_ = false;     // guarded by mutex_
  bool unlocked_ = false;    // guarded by mutex_
  guint64 pauses_ = 0;       // guarded by mutex_
};

}  // namespace pythonfilter
