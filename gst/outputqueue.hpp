// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a converting plugin gave, as buffers that wait to be pushed: its objects
// become their memory, and the time of what went in is shared among them.
#pragma once

#include <vector>

#include <gst/audio/audio.h>

#include "../bridge/bridge.hpp"

namespace pythonfilter {

class OutputQueue {
 public:
  OutputQueue() { gst_audio_info_init(&info_); }
  ~OutputQueue() { clear(); }
  OutputQueue(const OutputQueue &) = delete;
  OutputQueue &operator=(const OutputQueue &) = delete;

  // What comes out; frame size 0: no raw audio.
  void start(const GstAudioInfo &info);
  void clear();

  // Takes the outputs, which may be none yet, of `input`. `discont`: they do
  // not continue what came out before, even if the input does.
  void add(GstBuffer *input, std::vector<Output> *outputs, bool discont);
  // Those that drain() gave, one at least, where the stream had got to.
  void add_last(std::vector<Output> *outputs, bool discont);
  // The next one, NULL when there is none.
  GstBuffer *pop() { return buffers_.empty() ? nullptr : pop_waiting(); }
  // Those that nobody took, but not what is known of inputs that wait.
  void drop_waiting() {
    while (GstBuffer *buffer = pop())
      gst_buffer_unref(buffer);
  }

 private:
  // What the next outputs stand for.
  struct Span {
    GstClockTime pts = GST_CLOCK_TIME_NONE;
    GstClockTime dts = GST_CLOCK_TIME_NONE;
    GstClockTime duration = GST_CLOCK_TIME_NONE;
    guint64 offset = GST_BUFFER_OFFSET_NONE;
    guint64 offset_end = GST_BUFFER_OFFSET_NONE;
    guint flags = 0;
  };

  GstBuffer *pop_waiting();
  void extend_span(GstBuffer *input, bool discont);
  void fit_to_length(size_t bytes);
  void share_out(std::vector<Output> *outputs, GstBuffer *like);
  void set_flags(GstBuffer *buffer, bool first, bool last) const;
  GstClockTime later(guint64 from, guint64 parts) const;
  void set_times(GstBuffer *buffer, guint64 from, guint64 to,
                 guint64 parts) const;
  GstBuffer *wrap(const Output &output) const;

  GstAudioInfo info_;
  std::vector<GstBuffer *> buffers_;
  size_t next_ = 0;  // of buffers_
  Span span_;
  bool pending_ = false;        // span_ is of inputs that gave nothing yet
  GstBuffer *metas_ = nullptr;  // has those of the first of them
  GstClockTime end_ = GST_CLOCK_TIME_NONE;  // where the last span ended
};

}  // namespace pythonfilter
