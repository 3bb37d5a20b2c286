// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonsrc does: asks the plugin to fill buffers, counts time in
// samples, and keeps a live stream going when the plugin has nothing yet.
#pragma once

#include <gst/base/gstbasesrc.h>

#include "pause.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

class SourceStream {
 public:
  explicit SourceStream(GstBaseSrc *source)
      : python(GST_ELEMENT(source), PluginKind::Source, source->segment),
        source_(source) {}

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(const GstAudioInfo &info);
  // Makes sure that buffers come from a pool and are large enough.
  void choose_pool(GstQuery *query);
  GstFlowReturn create(GstBuffer **buffer);
  GstClockTime buffer_duration() const { return duration_.load(); }
  void set_unlocked(bool unlocked);

  PythonElement python;

 private:
  GstFlowReturn next_buffer(GstBuffer **buffer);
  GstFlowReturn new_buffer(GstBuffer **buffer);
  GstFlowReturn fill(GstBuffer *buffer, GstFlowReturn *flow);
  Outcome ask(GstBuffer *buffer);
  void stamp(GstBuffer *buffer);
  GstClockTime running_time() const;
  bool wait_until(GstClockTime running_time);
  bool is_live() const { return gst_base_src_is_live(source_); }
  GstClockTime time_of(guint64 sample) const;

  GstBaseSrc *const source_;
  Pause pause_;
  std::atomic<GstClockTime> duration_{GST_CLOCK_TIME_NONE};

  // The streaming thread's.
  size_t frames_ = 0;      // of each buffer
  guint64 next_ = 0;       // sample to come
  GstClockTime base_ = 0;  // running time of sample 0
  bool based_ = false;
  int buffers_left_ = -1;  // of num-buffers
  bool discont_ = true;
};

}  // namespace pythonfilter
