// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonsrc does: asks the plugin to fill buffers, counts time in
// samples, and keeps a live stream going when the plugin has nothing yet.
#pragma once

#include <gst/base/gstbasesrc.h>

#include "../buffers/outputqueue.hpp"
#include "../element/pythonelement.hpp"
#include "clockwait.hpp"
#include "latencytold.hpp"
#include "pause.hpp"
#include "sourcetimes.hpp"

namespace pythonfilter {

class SourceStream {
 public:
  explicit SourceStream(GstBaseSrc *source)
      : python(GST_ELEMENT(source), PluginKind::Source, source->segment),
        source_(source),
        wait_(source) {
    gst_audio_info_init(&output_);
  }
  ~SourceStream() {
    drop_ready();
    gst_clear_buffer(&nowhere_);
  }

  // The properties that every element has, and those of this one.
  static void install_properties(GObjectClass *object_class);
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(GstCaps *caps);
  // Makes sure that buffers come from a pool and are large enough.
  void choose_pool(GstQuery *query);
  GstFlowReturn create(GstBuffer **buffer);

  // In sourceseek.cpp.
  bool seek(GstSegment *segment);

  // Any thread.
  bool can_seek(GstEvent *event) const;
  bool answer_seeking(GstQuery *query) const;
  bool answer_convert(GstQuery *query) const;
  // How much later a frame comes than it was made, for whoever asks.
  GstClockTime tell_latency() {
    return told_.tell([this] { return latency(); });
  }
  // From NULL on nobody knows what was told.
  void forget_latency() { told_.forget(); }
  void set_unlocked(bool unlocked);
  // After the element was told to pause.
  void pause() { wait_.pause(); }

  PythonElement python;

 private:
  bool start_plugin(GstCaps *caps, const GstAudioInfo &info);
  // In sourceoutputs.cpp.
  bool describe_outputs(GstCaps *caps, StreamFormat *format);
  GstFlowReturn next_output(GstBuffer **buffer);
  GstFlowReturn more_outputs();
  Outcome ask_for_outputs();
  GstFlowReturn wait_for(const Output &output);
  size_t frames_of(const Output &output) const;
  GstBuffer *wrap(const Output &output);
  GstClockTime time_of(const Output &output) const;
  void leave_gap(const Output &gap);
  void drop_outputs();

  enum class Made { Samples, Silence, Nothing };

  GstFlowReturn next_buffer(GstBuffer **buffer);
  bool is_last(GstBuffer *buffer) const;
  void begin();
  bool move(guint64 frame, bool backwards);
  bool go_on(GstClockTime place, GstClockTime time);
  void restore_segment();
  void check_length();
  GstFlowReturn step_back(size_t frames);
  size_t frames_to_ask() const;
  GstFlowReturn new_buffer(size_t frames, GstBuffer **buffer);
  GstFlowReturn make(size_t frames);
  GstFlowReturn fill(GstBuffer *buffer, size_t *frames, Made *made);
  GstFlowReturn wait_for_samples(GstClockTime due, bool *too_late);
  bool may_ask();
  Outcome call(AudioBlock *block, CallResult *result);
  Outcome ask(GstBuffer *buffer, size_t frames, size_t *given);
  void shorten(GstBuffer *buffer, size_t frames);
  void note_lateness(size_t frames);
  void stamp(GstBuffer *buffer);
  GstClockTime time_of_capture(GstClockTime duration) const;
  void drop_ready();
  GstFlowReturn rest(GstClockTime time);
  GstClockTime latency() const;
  void check_latency();
  GstClockTime now() const;
  GstClockTime due_after(size_t frames) const;
  bool is_backwards() const { return segment().rate < 0; }
  bool is_live() const { return gst_base_src_is_live(source_); }
  const GstSegment &segment() const { return source_->segment; }

  GstBaseSrc *const source_;
  Pause pause_;                            // where time is nobody's
  ClockWait wait_;                         // where it is the pipeline's
  std::atomic<GstClockTime> duration_{0};  // of a buffer
  LatencyTold told_;

  // The streaming thread's.
  size_t frames_ = 0;  // of each buffer
  SourceTimes times_;
  bool based_ = false;          // a live source's times have begun
  GstBuffer *ready_ = nullptr;  // filled, and not due yet
  size_t length_ = 0;      // frames of what is; without a buffer it was dropped
  bool lost_ = false;      // the plugin said so in its last call
  int buffers_left_ = -1;  // of num-buffers
  bool discont_ = true;
  GstClockTime first_place_ = 0;  // where the stream begins
  bool in_place_ = true;          // the plugin is where times_ is
  bool converts_ = false;         // it gives bytes, of these caps
  GstAudioInfo output_;           // which are raw audio, or bpf is 0
  std::vector<Output> given_;     // in its last call
  size_t next_output_ = 0;        // of those
  GstBuffer *nowhere_ = nullptr;  // has what the plugin gets
  bool segment_lost_ = false;     // downstream has none any more
  bool segment_sent_ = false;     // downstream has this one
};

}  // namespace pythonfilter
