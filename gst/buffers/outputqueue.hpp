// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a converting plugin gave, as buffers that wait to be pushed: its objects
// become their memory, and the time of what went in is shared among them, or
// counted in samples, or what the plugin says. GAP events wait in their place.
#pragma once

#include <vector>

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "sampleclock.hpp"

namespace pythonfilter {

// A plugin's object as a buffer. Read-only, because it may be bytes: whoever
// wants to write makes a copy, as of any memory that is shared. With a
// GstAudioMeta where `info` is of planes.
GstBuffer *buffer_of(const Output &output, const GstAudioInfo &info);
// What nobody takes.
void discard(std::vector<Output> *outputs);

class OutputQueue {
 public:
  explicit OutputQueue(const StreamingThread &streaming)
      : streaming_(streaming), clock_(streaming) {
    gst_audio_info_init(&info_);
  }
  ~OutputQueue() { clear(); }
  OutputQueue(const OutputQueue &) = delete;
  OutputQueue &operator=(const OutputQueue &) = delete;

  // What goes in and comes out; frame size 0: no raw audio.
  void start(const GstAudioInfo &input, const GstAudioInfo &output);
  void clear();
  // What comes next does not continue what came; with `resumes` it is on the
  // same line of time. It lags so far behind.
  void begin(GstClockTime lag, bool resumes);
  void change_lag(GstClockTime lag) {
    clock_.change_lag(clock_.frames_of(lag));
  }

  // Takes the outputs, which may be none yet, of `input`, with so many frames
  // if it is raw audio. `discont`: they do not continue what came out before,
  // even if the input does.
  void add(GstBuffer *input, size_t frames, std::vector<Output> *outputs,
           bool discont);
  // The input, which is writable, is its own output. NULL is left where all of
  // it lies before the first sample.
  void add_same(GstBuffer **buffer, size_t frames);
  // Adds what drain() gave, one at least, where the stream had got to.
  void add_last(std::vector<Output> *outputs, bool discont);
  // As it is.
  void put(GstBuffer *buffer) {
    assert(streaming_.is_here());
    items_.push_back(GST_MINI_OBJECT_CAST(buffer));
  }
  bool empty() const { return items_.empty(); }
  // The next buffer or event, NULL when there is none.
  GstMiniObject *pop() { return empty() ? nullptr : pop_waiting(); }
  // Drops the outputs that nobody took, but not what is known of inputs that
  // wait.
  void drop_waiting() {
    while (GstMiniObject *item = pop())
      gst_mini_object_unref(item);
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

  bool is_raw() const { return info_.bpf > 0; }
  GstMiniObject *pop_waiting();
  void extend_span(GstBuffer *input, bool discont);
  void end_span();
  void give(std::vector<Output> *outputs, GstBuffer *like);
  void count_out(std::vector<Output> *outputs, GstBuffer *like);
  void share_out(std::vector<Output> *outputs, GstBuffer *like);
  void set_flags(GstBuffer *buffer, bool first, bool last) const;
  GstClockTime later(guint64 from, guint64 parts) const;
  void set_times(GstBuffer *buffer, guint64 from, guint64 to,
                 guint64 parts) const;
  bool move_to(GstClockTime pts);
  bool stamp(GstBuffer *buffer, size_t frames, bool last);
  void add_gap(GstClockTime pts, GstClockTime duration);
  void leave_gap(const Output &gap);

  const StreamingThread &streaming_;
  GstAudioInfo info_;
  std::vector<GstMiniObject *> items_;
  size_t next_ = 0;  // of items_
  Span span_;
  guint owed_flags_ = 0;        // of a break, by the next buffer
  bool pending_ = false;        // span_ is of inputs that gave nothing yet
  GstBuffer *metas_ = nullptr;  // has those of the first of them
  GstClockTime end_ = GST_CLOCK_TIME_NONE;  // where the last span ended
  SampleClock clock_;                       // of raw audio
  bool at_input_ = false;  // its output begins with that of the span
};

}  // namespace pythonfilter
