// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Keeps a stream waiting at a pad, so that what is behind it can be linked
// otherwise. One thread pushes through the whole chain: when it waits here,
// nobody is in any of the elements.
#pragma once

#include <gst/gst.h>

namespace desk {

class Hold {
 public:
  explicit Hold(GstPad *pad) : pad_(pad) {
    g_mutex_init(&mutex_);
    g_cond_init(&cond_);
    probe_ =
        gst_pad_add_probe(pad,
                          GstPadProbeType(GST_PAD_PROBE_TYPE_IDLE |
                                          GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM),
                          on_idle, this, nullptr);
    // Longer than any buffer is, if nothing downstream hangs.
    const gint64 until = g_get_monotonic_time() + G_TIME_SPAN_SECOND;
    g_mutex_lock(&mutex_);
    while (!idle_ && g_cond_wait_until(&cond_, &mutex_, until))
      ;
    g_mutex_unlock(&mutex_);
  }
  ~Hold() {
    if (probe_) gst_pad_remove_probe(pad_, probe_);
    g_mutex_clear(&mutex_);
    g_cond_clear(&cond_);
  }
  Hold(const Hold &) = delete;
  Hold &operator=(const Hold &) = delete;

  bool holds() const { return idle_; }

 private:
  static GstPadProbeReturn on_idle(GstPad *, GstPadProbeInfo *, gpointer data) {
    auto *self = static_cast<Hold *>(data);
    g_mutex_lock(&self->mutex_);
    self->idle_ = true;
    g_cond_signal(&self->cond_);
    g_mutex_unlock(&self->mutex_);
    return GST_PAD_PROBE_OK;  // it waits until the probe is removed
  }

  GstPad *const pad_;
  gulong probe_ = 0;
  GMutex mutex_;
  GCond cond_;
  bool idle_ = false;
};

}  // namespace desk
