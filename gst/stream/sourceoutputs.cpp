// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A source that gives anything that has caps: bytes that go on as they are.
#include <cstdlib>
#include <utility>

#include "../caps/plugincaps.hpp"
#include "sourcestream.hpp"

namespace pythonfilter {

namespace {

// How long a plugin is left alone that had nothing, and does not say for how
// long.
constexpr GstClockTime pause_ns = 5 * GST_MSECOND;

}  // namespace

bool SourceStream::describe_outputs(GstCaps *caps, StreamFormat *format) {
  format->output_caps = text_of(caps);
  format->bytes = true;
  format->in_place = false;
  if (!is_raw_audio(caps)) return true;
  if (!exact_audio(caps, &output_)) return python.refuse_caps(caps, "gives");
  format->rate = output_.rate;
  format->channels = output_.channels;
  format->frames = int(frames_);
  describe_output(output_, format);
  return true;
}

void SourceStream::drop_outputs() {
  given_.erase(given_.begin(), given_.begin() + ptrdiff_t(next_output_));
  discard(&given_);
  next_output_ = 0;
}

GstFlowReturn SourceStream::next_output(GstBuffer **buffer) {
  for (;;) {
    GstFlowReturn flow = more_outputs();
    if (flow != GST_FLOW_OK) return flow;
    // What waits until it is due is still there after a flush.
    const Output &output = given_[next_output_];
    flow = wait_for(output);
    if (flow != GST_FLOW_OK) return flow;
    next_output_++;
    if (output.gap) {
      leave_gap(output);
      // The base class would hear nothing of a plugin that gives nothing else.
      flow = rest(0);
      if (flow != GST_FLOW_OK) return flow;
      continue;
    }
    *buffer = wrap(output);
    segment_sent_ = true;
    return GST_FLOW_OK;
  }
}

GstFlowReturn SourceStream::more_outputs() {
  while (next_output_ == given_.size()) {
    drop_outputs();
    switch (ask_for_outputs()) {
      case Outcome::Ok:
        if (!given_.empty()) continue;
        [[fallthrough]];  // an empty list is nothing yet
      case Outcome::Declined:
        break;
      case Outcome::EndOfStream:
        return GST_FLOW_EOS;
      case Outcome::Closing:
        return GST_FLOW_FLUSHING;
      case Outcome::Failed:
      case Outcome::Dropped: {
        // There is no silence of what nobody knows, so nothing comes of it.
        const GstFlowReturn flow = python.report(times_.time());
        if (flow != GST_FLOW_OK) return flow;
        python.stats().dropped.add();
        discont_ = true;
        break;
      }
    }
    const GstFlowReturn flow = rest(pause_ns);
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
}

// Only raw audio can be waited for: what else is live comes when it comes.
GstFlowReturn SourceStream::wait_for(const Output &output) {
  if (output_.bpf == 0) return GST_FLOW_OK;
  length_ = frames_of(output);
  if (output.pts != no_time) {
    const GstClockTimeDiff jump = GST_CLOCK_DIFF(times_.time(), output.pts);
    if (std::abs(jump) > GstClockTimeDiff(GST_SECOND / guint(output_.rate)))
      discont_ = true;
    times_.go_to(times_.next(), output.pts);
  }
  if (!is_live()) return GST_FLOW_OK;
  if (next_output_ == 0 && output.pts == no_time) note_lateness(length_);
  return wait_.until(due_after(length_));
}

// A gap of which the plugin does not say how long it is, is as long as a buffer
// would be.
size_t SourceStream::frames_of(const Output &output) const {
  if (!output.gap) return output.size / size_t(output_.bpf);
  if (output.duration == no_time) return frames_;
  return GST_CLOCK_TIME_TO_FRAMES(output.duration, guint64(output_.rate));
}

Outcome SourceStream::ask_for_outputs() {
  if (!may_ask()) return Outcome::Closing;
  // No bytes at all, but somewhere.
  if (!nowhere_) nowhere_ = gst_buffer_new_allocate(nullptr, 16, nullptr);
  AudioBlock block;
  std::string problem;
  if (!block.map_bytes(nowhere_, python.info(), false, &problem))
    return python.refuse("got " + problem);
  block.frames = 0;
  block.duration = GST_CLOCK_TIME_NONE;
  CallResult result;
  result.outputs = &given_;
  return call(&block, &result);
}

GstBuffer *SourceStream::wrap(const Output &output) {
  GstBuffer *buffer = buffer_of(output, output_);
  if (output_.bpf > 0) {
    python.stats().frames.add(length_);
    stamp(buffer);
    return buffer;
  }
  GST_BUFFER_PTS(buffer) = time_of(output);
  GST_BUFFER_DURATION(buffer) = output.duration;
  if (discont_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  discont_ = false;
  in_place_ = false;  // nobody knows where it is
  python.stats().buffers.add();
  return buffer;
}

// The time of what is no raw audio is what the plugin says. Otherwise it is
// that of now where the source is live, and elsewhere only the first output
// after a break has one.
GstClockTime SourceStream::time_of(const Output &output) const {
  if (output.pts != no_time) return output.pts;
  if (is_live()) return time_of_capture(0);
  return discont_ ? times_.time() : GST_CLOCK_TIME_NONE;
}

void SourceStream::leave_gap(const Output &gap) {
  const size_t frames = std::exchange(length_, 0);
  const bool raw = output_.bpf > 0;
  const GstClockTime pts = raw ? times_.time() : time_of(gap);
  const GstClockTime duration =
      raw ? times_.time_after(frames) - pts : GstClockTime(gap.duration);
  if (raw) times_.advance(frames);
  if (!GST_CLOCK_TIME_IS_VALID(pts)) return;
  // The base class sends its segment with the first buffer, which may be long
  // after this.
  GstPad *pad = GST_BASE_SRC_PAD(source_);
  if (!std::exchange(segment_sent_, true))
    gst_pad_push_event(pad, gst_event_new_segment(&segment()));
  gst_pad_push_event(pad, gst_event_new_gap(pts, duration));
}

}  // namespace pythonfilter
