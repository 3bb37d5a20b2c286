// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythondemixer does to a stream: one call of the plugin for each buffer,
// what goes out of each pad then, what a failed call lets through, and the end.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <gst/gst.h>

#include "../../bridge/contract.hpp"
#include "../demixerpad.hpp"
#include "../element/pythonelement.hpp"
#include "continuity.hpp"
#include "lag.hpp"
#include "latencytold.hpp"

namespace pythonfilter {

class DemixerStream {
 public:
  explicit DemixerStream(GstElement *demixer)
      : python(demixer, PluginKind::Splitter, segment_), demixer_(demixer) {}
  ~DemixerStream() { forget(); }
  void set_input(GstPad *sink) { sink_ = sink; }

  static void install_properties(GObjectClass *object_class) {
    PythonElement::install_properties(object_class);
  }
  bool set_property(guint id, const GValue *value) {
    return python.set_property(id, value);
  }
  bool get_property(guint id, GValue *value) {
    return python.get_property(id, value);
  }

  // Caps, for whoever asks: any thread. What the plugin takes.
  GstCaps *input_caps() const;
  // What of these goes with all that is linked to the outputs.
  GstCaps *possible_input(GstCaps *caps);
  GstCaps *output_caps(GstPad *pad) const;
  void add_latency(GstQuery *query) {
    told_.add_to(query, [this] { return latency(); });
  }

  // Of the event that ended the stream, from before it is told on; any thread.
  guint32 end_number() const { return end_number_; }

  // The rest is the streaming thread's.

  // What follows is for pads that came meanwhile, too: they hear what they
  // missed.
  void meet_new_pads() {
    if (G_UNLIKELY(has_other_pads())) collect_outputs();
  }
  void begin_stream(GstEvent *stream_start);
  // The input's caps: (re)starts the plugin. False: an error was posted.
  bool start(GstCaps *caps);
  void begin_segment(const GstSegment &segment);
  // Takes the buffer.
  GstFlowReturn process(GstBuffer *buffer);
  bool lags() const { return lag_.frames() > 0; }
  // What the plugin still holds goes out, and it begins anew.
  GstFlowReturn end_part();
  // The same, and nothing follows that event.
  void end(guint32 number);
  void flush();
  // Nothing is known of any stream any more.
  void forget();

  PythonElement python;

 private:
  // One of the plugin's outputs; the pad is kept from one change of pads to the
  // next. NULL: it has gone.
  struct Output {
    std::string name;
    GstPythonDemixerPad *pad;
    GstAudioInfo info;
  };

  GstClockTime latency() const { return python.latency() + python.deadline(); }

  // Caps and pads: demixercaps.cpp.
  GstCaps *caps_of(const std::string &name, const GstAudioInfo *input) const;
  GstCaps *wanted_of_input(GstPad *pad);
  bool choose_caps(Output *output, const GstAudioInfo &input);
  std::vector<PortFormat> describe_outputs() const;
  bool has_other_pads() const;
  void collect_outputs();
  void collect_pads();
  void tell_all(Output *output);
  GstFlowReturn update_outputs();

  void clip(GstBuffer **buffer);
  GstFlowReturn prepare(GstBuffer **buffer);
  GstFlowReturn split(GstBuffer *buffer);
  bool show_outputs(size_t frames, std::string *problem);
  GstFlowReturn deliver(GstBuffer *buffer, bool gap);
  GstFlowReturn fail(GstBuffer *buffer, Outcome outcome, bool shown);
  const Output *find_passthrough();
  template <typename Push>
  GstFlowReturn push_each(GstBuffer *buffer, const Push &push);
  static GstFlowReturn flow_of(const Output &output, GstFlowReturn flow);
  void drop_all();
  void break_all();
  // What lags behind, and the tail: demixertail.cpp.
  bool asks_for_rest() const { return most_ != SIZE_MAX; }
  size_t lag_now() const;
  void follow_latency(GstBuffer *buffer);
  GstClockTime next_pts() const;
  GstFlowReturn push_silence();
  GstFlowReturn push_tail();
  GstFlowReturn end_run();
  GstFlowReturn change_code();
  GstFlowReturn push_tail_of(const Output &output, Tail *tail);

  GstElement *const demixer_;
  GstPad *sink_ = nullptr;  // the element's
  GstSegment segment_ = {};
  LatencyTold told_;
  std::atomic<guint32> end_number_{GST_SEQNUM_INVALID};

  std::vector<Output> outputs_;
  std::vector<OutputView> views_;  // of them; memory that is used again
  // Of the element's pads, as outputs_ has them, and as the plugin has them.
  guint32 cookie_ = 0, told_outputs_ = 0;

  // Of all outputs; of what goes on no more than that goes out.
  Lag lag_;
  size_t most_ = SIZE_MAX;
  GstClockTime seen_latency_ = 0;

  Continuity continuity_;
  size_t came_ = 0;    // frames that continuity_ has not heard of
  bool fresh_ = true;  // nothing went in since start or reset
  bool owes_discont_ = false;
  bool passing_told_ = false;
  // Of what came last, for the tail.
  size_t frames_ = 0;
  GstClockTime pts_ = GST_CLOCK_TIME_NONE;
  guint64 offset_ = GST_BUFFER_OFFSET_NONE;
};

}  // namespace pythonfilter
