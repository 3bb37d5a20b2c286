// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What comes out of a demixer later than it went in (lag.hpp), and its tail.
#include "../buffers/audiocut.hpp"
#include "demixerstream.hpp"

namespace pythonfilter {

// Backwards each buffer goes before the one before it, and nothing lags.
size_t DemixerStream::lag_now() const {
  return segment_.rate < 0 ? 0
                           : GST_CLOCK_TIME_TO_FRAMES(
                                 python.latency(), guint64(python.info().rate));
}

void DemixerStream::follow_latency(GstBuffer *buffer) {
  seen_latency_ = python.latency();
  if (fresh_)
    lag_.begin(lag_now(), buffer);
  else
    lag_.follow(lag_now());
}

GstClockTime DemixerStream::next_pts() const {
  return GST_CLOCK_TIME_IS_VALID(pts_)
             ? pts_ + GST_FRAMES_TO_CLOCK_TIME(frames_,
                                               guint64(python.info().rate))
             : pts_;
}

// A plugin without drain() gives what it holds back for silence, in buffers as
// long as those that it knows.
GstFlowReturn DemixerStream::push_silence() {
  const GstAudioInfo &info = python.info();
  const size_t frames = lag_.largest();
  most_ = lag_.owed();
  GstFlowReturn flow = GST_FLOW_OK;
  for (size_t fed = 0, all = most_ + lag_.unheard();
       flow == GST_FLOW_OK && most_ > 0 && fed < all; fed += frames) {
    g_autoptr(GstBuffer) silence = make_silence(info, frames);
    GST_BUFFER_PTS(silence) = next_pts();
    GST_BUFFER_DURATION(silence) =
        GST_FRAMES_TO_CLOCK_TIME(frames, guint64(info.rate));
    if (offset_ != GST_BUFFER_OFFSET_NONE) {
      GST_BUFFER_OFFSET(silence) = offset_ + frames_;
      GST_BUFFER_OFFSET_END(silence) = offset_ + frames_ + frames;
    }
    const size_t unheard = lag_.unheard();
    flow = split(silence);
    most_ -= std::min(most_, frames - (unheard - lag_.unheard()));
  }
  most_ = SIZE_MAX;
  return flow;
}

GstFlowReturn DemixerStream::push_tail_of(const Output &output, Tail *tail) {
  const GstAudioInfo &info = output.info;
  if (!output.pad || !gst_pad_is_linked(GST_PAD(output.pad)))
    return GST_FLOW_OK;
  if (lag_.frames() > 0) lag_.fit(tail, info);
  if (tail->frames == 0) return GST_FLOW_OK;
  GstBuffer *buffer = make_buffer(info, tail->samples, tail->frames);
  GST_BUFFER_PTS(buffer) = lag_.tail_pts(next_pts(), info);
  GST_BUFFER_DURATION(buffer) =
      gst_util_uint64_scale(tail->frames, GST_SECOND, guint64(info.rate));
  if (offset_ != GST_BUFFER_OFFSET_NONE) {
    GST_BUFFER_OFFSET(buffer) = lag_.tail_offset(offset_ + frames_);
    GST_BUFFER_OFFSET_END(buffer) = GST_BUFFER_OFFSET(buffer) + tail->frames;
  }
  const GstFlowReturn flow =
      flow_of(output, output.pad->output->push_last(buffer));
  // The others have a tail, too.
  return flow == GST_FLOW_NOT_LINKED || flow == GST_FLOW_EOS ? GST_FLOW_OK
                                                             : flow;
}

GstFlowReturn DemixerStream::push_tail() {
  if (!python.started() || fresh_) return GST_FLOW_OK;
  if (lag_.frames() > 0 && !python.capabilities().has_drain)
    return push_silence();
  Tail given;
  GstFlowReturn flow =
      python.drain(&given, lag_.tail_pts(next_pts(), python.info()));
  // What fades out after the sound has been heard before it, backwards.
  if (segment_.rate < 0) return flow;
  for (const Output &output : outputs_) {
    Tail tail;
    for (PortTail &each : given.ports)
      if (each.name == output.name) {
        tail.samples = std::move(each.samples);
        tail.frames = each.frames;
      }
    if (flow == GST_FLOW_OK) flow = push_tail_of(output, &tail);
  }
  return flow;
}

}  // namespace pythonfilter
