// SPDX-License-Identifier: LGPL-2.1-or-later
#include "demixerstream.hpp"

#include <algorithm>

#include "../buffers/audioblock.hpp"
#include "../buffers/audiocut.hpp"

namespace pythonfilter {

// ---- what goes out ----------------------------------------------------------

namespace {

// Whatever comes of others.
bool is_over(GstFlowReturn flow) {
  return flow != GST_FLOW_OK && flow != GST_FLOW_NOT_LINKED &&
         flow != GST_FLOW_EOS;
}

// What comes of several, as of a tee's. Not by GstFlowCombiner, which looks at
// what the pads had last: that of a pad that goes is another thread's.
GstFlowReturn both(GstFlowReturn one, GstFlowReturn other) {
  if (is_over(one)) return one;
  if (is_over(other)) return other;
  if (one == GST_FLOW_OK || other == GST_FLOW_OK) return GST_FLOW_OK;
  const bool ends = one == GST_FLOW_EOS || other == GST_FLOW_EOS;
  return ends ? GST_FLOW_EOS : GST_FLOW_NOT_LINKED;
}

}  // namespace

// `push(output, view, place)` gives what came of one that somebody gets. As a
// tee does, it goes on as long as anybody takes something, and nothing is wrong
// with anybody.
template <typename Push>
GstFlowReturn DemixerStream::push_each(GstBuffer *buffer, const Push &push) {
  GstFlowReturn flow = GST_FLOW_NOT_LINKED;
  const Lag before = lag_;
  GstBuffer *nothing = nullptr;
  lag_.shift(&nothing, frames_, python.info());
  for (size_t i = 0; i < outputs_.size(); i++) {
    const Output &output = outputs_[i];
    if (!views_[i].data) continue;
    DemixerOutput::Place place = {buffer, frames_, before, most_};
    flow = both(flow, flow_of(output, push(output, views_[i], &place)));
    lag_ = place.lag;
    if (G_UNLIKELY(is_over(flow))) break;
  }
  drop_all();
  return flow;
}

// Of a pad that goes it is of no interest.
GstFlowReturn DemixerStream::flow_of(const Output &output, GstFlowReturn flow) {
  return G_UNLIKELY(output.pad->output->removed()) ? GST_FLOW_NOT_LINKED : flow;
}

void DemixerStream::drop_all() {
  for (const Output &each : outputs_)
    if (each.pad) each.pad->output->drop();
}

// What comes next does not continue what came out.
void DemixerStream::break_all() {
  for (const Output &each : outputs_)
    if (each.pad) each.pad->output->owe_discont();
}

GstFlowReturn DemixerStream::deliver(GstBuffer *buffer, bool gap) {
  return push_each(buffer, [gap](const Output &to, const OutputView &view,
                                 DemixerOutput::Place *place) {
    DemixerOutput *output = to.pad->output;
    return view.silent ? output->push_gap(place)
                       : output->push(place, view.discont, gap);
  });
}

// ---- one call ---------------------------------------------------------------

void DemixerStream::clip(GstBuffer **buffer) {
  if (G_LIKELY(GST_BUFFER_PTS(*buffer) >= segment_.start &&
               !GST_CLOCK_TIME_IS_VALID(segment_.stop)))
    return;
  const bool discont = GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
  clip_to(segment_, python.info(), buffer);
  if (!*buffer) owes_discont_ = owes_discont_ || discont;
}

// Before the plugin gets it; NULL is left of one that is not for it.
GstFlowReturn DemixerStream::prepare(GstBuffer **buffer) {
  GstFlowReturn flow = python.prepare(GST_BUFFER_PTS(*buffer));
  if (flow != GST_FLOW_OK) return flow;
  clip(buffer);
  if (!*buffer) return GST_FLOW_OK;
  continuity_.add(std::exchange(came_, 0));
  const bool said = GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
  if (said) continuity_.restart();
  const bool jumps = continuity_.jumps(GST_BUFFER_PTS(*buffer), [&] {
    return frames_in(*buffer, python.info());
  });
  owes_discont_ = owes_discont_ || said || jumps;
  // What was held back comes before the break.
  if (G_UNLIKELY(owes_discont_)) flow = end_run();
  if (flow != GST_FLOW_OK) return flow;
  if (G_UNLIKELY(python.new_code_waits())) flow = change_code();
  if (flow != GST_FLOW_OK) return flow;
  told_.check(demixer_, latency());
  return update_outputs();
}

// In `views_`, those of which somebody gets something.
bool DemixerStream::show_outputs(size_t frames, std::string *problem) {
  for (size_t i = 0; i < outputs_.size(); i++) {
    views_[i] = {};
    GstPythonDemixerPad *pad = outputs_[i].pad;
    if (pad && gst_pad_is_linked(GST_PAD(pad)) &&
        !pad->output->begin(frames, &views_[i], problem))
      return false;
  }
  return true;
}

[[gnu::hot]] GstFlowReturn DemixerStream::process(GstBuffer *taken) {
  assert(python.streaming.is_here());
  g_autoptr(GstBuffer) buffer = taken;
  if (!python.started()) return GST_FLOW_NOT_NEGOTIATED;
  const GstFlowReturn flow = prepare(&buffer);
  return flow == GST_FLOW_OK && buffer ? split(buffer) : flow;
}

[[gnu::hot]] GstFlowReturn DemixerStream::split(GstBuffer *buffer) {
  AudioBlock input;
  CallResult result;
  std::string problem;
  const bool mapped = input.map(buffer, python.info(), false, &problem);
  if (mapped && input.frames == 0) return GST_FLOW_OK;
  if (G_UNLIKELY(!mapped || !show_outputs(input.frames, &problem)))
    return fail(buffer, python.refuse("got " + problem), false);
  if (G_UNLIKELY(std::none_of(views_.begin(), views_.end(),
                              [](const auto &view) { return view.data; })))
    return GST_FLOW_NOT_LINKED;
  came_ = frames_ = input.frames;
  pts_ = input.pts;
  offset_ = input.offset;
  if (G_UNLIKELY(fresh_ || python.latency() != seen_latency_))
    follow_latency(buffer);
  fresh_ = false;
  input.discont = std::exchange(owes_discont_, false);
  python.stats().buffers.add();
  const bool discont = input.discont, gap = input.gap;
  const Outcome outcome = python.split(&input, &views_, &result);
  input.unmap();
  if (discont || result.discont) break_all();
  return G_LIKELY(outcome == Outcome::Ok) ? deliver(buffer, gap)
                                          : fail(buffer, outcome, true);
}

// What a call that did not succeed lets through; nothing of a buffer that the
// plugin did not get, as nobody knows how long that is.
GstFlowReturn DemixerStream::fail(GstBuffer *buffer, Outcome outcome,
                                  bool shown) {
  if (outcome == Outcome::Closing || python.flushes()) {
    drop_all();
    return GST_FLOW_FLUSHING;
  }
  if (outcome == Outcome::EndOfStream) {
    drop_all();
    // One that is asked for its rest has been told of the end, or of a break.
    if (!asks_for_rest()) python.end(sink_);
    return GST_FLOW_EOS;
  }
  const OnError lets = python.lets_through(outcome);
  const GstFlowReturn flow = python.report(GST_BUFFER_PTS(buffer), lets);
  const bool fills = lets == OnError::Silence || lets == OnError::Passthrough;
  if (flow != GST_FLOW_OK || !fills || !shown) {
    drop_all();
    GstBuffer *nothing = nullptr;
    if (shown) lag_.shift(&nothing, frames_, python.info());
    if (flow == GST_FLOW_OK) python.stats().dropped.add();
    break_all();
    return flow;
  }
  const Output *through =
      lets == OnError::Passthrough ? find_passthrough() : nullptr;
  return push_each(buffer, [through](const Output &to, const OutputView &,
                                     DemixerOutput::Place *place) {
    DemixerOutput *output = to.pad->output;
    return &to == through ? output->push_same(place)
                          : output->push_silence(place);
  });
}

// The output that gets the input where the plugin failed; NULL: none can, which
// is said once.
const DemixerStream::Output *DemixerStream::find_passthrough() {
  const std::string &name = python.capabilities().passthrough;
  const GstAudioInfo &input = python.info();
  const char *why = name.empty() ? "the plugin names none" : "it is not there";
  for (const Output &each : outputs_) {
    if (name.empty() || each.name != name) continue;
    if (GST_AUDIO_INFO_FORMAT(&each.info) == GST_AUDIO_INFO_FORMAT(&input) &&
        each.info.channels == input.channels)
      return &each;
    why = "its caps are not those of the input";
  }
  if (!std::exchange(passing_told_, true))
    GST_ELEMENT_WARNING(
        demixer_, STREAM, FAILED,
        ("on-error=passthrough: the input can go through no output, so there "
         "is silence: %s%s%s",
         name.c_str(), name.empty() ? "" : ": ", why),
        ("told once; passthrough = \"NAME\" in the class names one"));
  return nullptr;
}

// ---- where a stream begins and ends -----------------------------------------

void DemixerStream::begin_stream(GstEvent *stream_start) {
  assert(python.streaming.is_here());
  end_number_ = GST_SEQNUM_INVALID;
  for (const Output &each : outputs_)
    if (each.pad) each.pad->output->send_stream_start(stream_start);
}

void DemixerStream::begin_segment(const GstSegment &segment) {
  assert(python.streaming.is_here());
  if (!is_same_line(segment_, segment)) {
    end_part();
    if (python.started())
      continuity_.start(python.info().rate, segment.rate < 0);
  }
  segment_ = segment;
}

GstFlowReturn DemixerStream::end_run() {
  if (fresh_) return GST_FLOW_OK;
  const GstFlowReturn flow = push_tail();
  lag_.end();
  fresh_ = true;
  return flow == GST_FLOW_OK ? python.reset() : flow;
}

// What the old code holds and cannot hand over comes before what the new makes.
// It must not end the stream: the new one is there because the old has faults.
GstFlowReturn DemixerStream::change_code() {
  Candidate next;
  if (!python.accept_code(&next)) return GST_FLOW_OK;
  GstFlowReturn flow = GST_FLOW_OK;
  if (!python.carries_state(next)) {
    const PythonElement::Forgiving forgiving(&python);
    flow = push_tail();
    lag_.end();
    fresh_ = true;
    break_all();
  }
  python.take_over(std::move(next));
  return flow;
}

GstFlowReturn DemixerStream::end_part() {
  assert(python.streaming.is_here());
  const GstFlowReturn flow = end_run();
  // The stream may go on elsewhere, without that being a break.
  continuity_.restart();
  came_ = 0;
  return flow;
}

void DemixerStream::end(guint32 number) {
  assert(python.streaming.is_here());
  end_number_ = number;
  push_tail();
  lag_.end();
  fresh_ = true;
  python.end_of_stream();
}

void DemixerStream::flush() {
  assert(python.streaming.is_here());
  end_number_ = GST_SEQNUM_INVALID;
  break_all();
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  continuity_.restart();
  owes_discont_ = false;
  fresh_ = true;
  came_ = 0;
  lag_.end();
  python.reset();
}

void DemixerStream::forget() {
  for (const Output &each : outputs_) {
    if (!each.pad) continue;
    each.pad->output->forget();
    gst_object_unref(each.pad);
  }
  outputs_.clear();
  views_.clear();
  end_number_ = GST_SEQNUM_INVALID;
  cookie_ = 0;
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  continuity_.restart();
  owes_discont_ = passing_told_ = false;
  fresh_ = true;
  came_ = 0;
  lag_.end();
  pts_ = GST_CLOCK_TIME_NONE;
  offset_ = GST_BUFFER_OFFSET_NONE;
  told_.forget();
}

}  // namespace pythonfilter
