// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Keeps a stream waiting at a pad, so that what is behind it can be linked
// otherwise. One thread pushes through the whole chain: when it waits here,
// nobody is in any of the elements.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include <gst/gst.h>

namespace desk {

class Hold {
 public:
  explicit Hold(GstPad *pad) : pad_(pad) {
    probe_ =
        gst_pad_add_probe(pad,
                          GstPadProbeType(GST_PAD_PROBE_TYPE_IDLE |
                                          GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM),
                          on_idle, this, nullptr);
    // Longer than any buffer is, if nothing downstream hangs.
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::seconds(1), [this] { return holds_; });
  }
  ~Hold() {
    if (probe_) gst_pad_remove_probe(pad_, probe_);
  }
  Hold(const Hold &) = delete;
  Hold &operator=(const Hold &) = delete;

  bool holds() const { return holds_; }

 private:
  static GstPadProbeReturn on_idle(GstPad *, GstPadProbeInfo *, gpointer data) {
    auto *self = static_cast<Hold *>(data);
    const std::lock_guard lock(self->mutex_);
    self->holds_ = true;
    self->came_.notify_one();
    return GST_PAD_PROBE_OK;  // it waits until the probe is removed
  }

  GstPad *const pad_;
  gulong probe_ = 0;
  std::mutex mutex_;
  std::condition_variable came_;
  bool holds_ = false;
};

}  // namespace desk
