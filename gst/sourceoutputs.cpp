// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A source that gives anything that has caps: bytes that go on as they are.
#include <utility>

#include "plugincaps.hpp"
#include "sourcestream.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

namespace pythonfilter {

namespace {

// Of a plugin that had nothing, and says nothing of how long that lasts.
constexpr GstClockTime pause_ns = 5 * GST_MSECOND;

}  // namespace

bool SourceStream::describe_outputs(GstCaps *caps, StreamFormat *format) {
  gchar *text = gst_caps_to_string(caps);
  format->output_caps = text;
  g_free(text);
  format->bytes = true;
  format->in_place = false;
  if (!is_raw_audio(caps)) return true;
  if (!exact_audio(caps, &output_)) return python.refuse_caps(caps, "gives");
  format->rate = output_.rate;
  format->channels = output_.channels;
  format->frames = int(frames_);
  format->output_frame = size_t(output_.bpf);
  StreamFormat known;
  format->output_known = stream_format_of(output_, &known);
  format->output_format = known.format;
  format->output_interleaved = output_.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
  format->output_channels = output_.channels;
  return true;
}

void SourceStream::drop_outputs() {
  for (; next_output_ < given_.size(); next_output_++)
    given_[next_output_].release(given_[next_output_].owner);
  given_.clear();
  next_output_ = 0;
}

GstFlowReturn SourceStream::next_output(GstBuffer **buffer) {
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
    if (!pause_.wait(std::chrono::nanoseconds(pause_ns)))
      return GST_FLOW_FLUSHING;
  }
  // What waits until it is due is still there after a flush.
  const Output &output = given_[next_output_];
  if (output_.bpf > 0) {
    length_ = output.size / size_t(output_.bpf);
    if (is_live()) {
      if (next_output_ == 0) note_lateness(length_);
      const GstFlowReturn flow = wait_.until(due_after(length_));
      if (flow != GST_FLOW_OK) return flow;
    }
  }
  *buffer = wrap(output);
  next_output_++;
  return GST_FLOW_OK;
}

Outcome SourceStream::ask_for_outputs() {
  lost_ = false;
  if (G_UNLIKELY(python.new_code_waits()) && python.change_code())
    go_on(times_.place(), times_.time());
  if (python.prepare(times_.time()) != GST_FLOW_OK) return Outcome::Closing;
  // No bytes at all, but somewhere.
  if (!nowhere_) nowhere_ = gst_buffer_new_allocate(nullptr, 16, nullptr);
  AudioBlock block;
  std::string problem;
  if (!block.map_bytes(nowhere_, python.info(), false, &problem))
    return python.refuse("got " + problem);
  block.frames = 0;
  block.pts = times_.time();
  block.duration = GST_CLOCK_TIME_NONE;
  block.offset = times_.next();
  block.discont = discont_;
  block.outputs = &given_;
  const Outcome outcome = python.call(&block);
  if (outcome == Outcome::Ok && block.discont) {
    lost_ = !discont_;
    discont_ = true;
  }
  return outcome;
}

// Read-only, because the plugin's object may be bytes. Raw audio is counted;
// anything else comes, if it is live, when it comes, and else it has no time,
// but where it begins.
GstBuffer *SourceStream::wrap(const Output &output) {
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_append_memory(
      buffer,
      gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, output.data, output.size,
                             0, output.size, output.owner, output.release));
  if (output_.bpf > 0) {
    if (output_.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
      gst_buffer_add_audio_meta(buffer, &output_, length_, nullptr);
    python.stats().frames.add(length_);
    stamp(buffer);
    return buffer;
  }
  if (is_live())
    GST_BUFFER_PTS(buffer) = time_of_capture(0);
  else if (discont_)
    GST_BUFFER_PTS(buffer) = times_.time();
  if (discont_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  discont_ = false;
  in_place_ = false;  // nobody knows where it is
  python.stats().buffers.add();
  return buffer;
}

}  // namespace pythonfilter
