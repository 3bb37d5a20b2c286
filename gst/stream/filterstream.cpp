// SPDX-License-Identifier: LGPL-2.1-or-later
#include "filterstream.hpp"

#include <cstring>
#include <utility>

#include "../caps/plugincaps.hpp"

namespace pythonfilter {

bool FilterStream::start(GstCaps *input, GstCaps *output) {
  assert(python.streaming.is_here());
  if (!python.loaded() || python.refuse_within_call("take caps")) return false;
  forget_position();
  converts_ = python.capabilities().converts;
  if (converts_) return start_conversion(input, output);
  GstAudioInfo info;
  writes_ = !python.capabilities().read_only;
  bytes_ = false;
  in_place_ = true;
  if (!exact_audio(input, &info) || !python.start(info, block_size()))
    return false;
  start_bypass(info);
  start_blocks(info);
  return true;
}

void FilterStream::begin_segment(bool backwards) {
  assert(python.streaming.is_here());
  same_line_ = false;
  backwards_ = backwards;
  blocks_.set_direction(backwards);
  if (python.started()) continuity_.start(python.info().rate, backwards);
}

bool FilterStream::start_conversion(GstCaps *input, GstCaps *output) {
  if (!python.confirm_caps(input, output)) return false;
  StreamFormat format;
  GstAudioInfo in, out;
  if (!python.describe_input(input, &in, &format)) return false;
  if (is_raw_audio(input))
    format.frames = block_size();
  else if (block_size_ > 0)
    warn_about_block_size(format.input_caps);
  format.output_caps = text_of(output);
  format.in_place = in_place_ = gst_caps_is_equal(input, output);
  gst_audio_info_init(&out);
  if (is_raw_audio(output)) {
    if (!exact_audio(output, &out)) return python.refuse_caps(output, "gives");
    describe_output(out, &format);
  }
  bytes_ = format.bytes;
  writes_ = in_place_ && !python.capabilities().read_only;
  outputs_.start(in, out);
  if (!python.start(in, format)) return false;
  start_bypass(in);
  start_blocks(in);
  return true;
}

void FilterStream::forget_position() {
  fresh_ = run_over_ = true;
  note_position(GST_CLOCK_TIME_NONE, GST_BUFFER_OFFSET_NONE, 0);
}

GstFlowReturn FilterStream::reset() {
  assert(python.streaming.is_here());
  forget_position();
  outputs_.clear();
  bypass_.forget();
  return python.reset();
}

GstClockTime FilterStream::length_of(GstBuffer *buffer) const {
  const GstAudioInfo &info = python.info();
  return GST_BUFFER_DURATION_IS_VALID(buffer)
             ? GST_BUFFER_DURATION(buffer)
             : gst_util_uint64_scale(frames_in(buffer, info), GST_SECOND,
                                     guint64(info.rate));
}

// To a frame, as times are rounded.
bool FilterStream::reaches_stop(const GstSegment &segment,
                                GstBuffer *buffer) const {
  if (!python.started()) return false;
  const GstAudioInfo &info = python.info();
  return info.bpf > 0 && segment.format == GST_FORMAT_TIME &&
         segment.rate > 0 && GST_CLOCK_TIME_IS_VALID(segment.stop) &&
         GST_BUFFER_PTS_IS_VALID(buffer) &&
         GST_BUFFER_PTS(buffer) + length_of(buffer) +
                 GST_SECOND / guint64(info.rate) >
             segment.stop;
}

void FilterStream::clip_to(const GstSegment &segment, GstBuffer **buffer) {
  const GstAudioInfo &info = python.info();
  if (info.bpf == 0 || segment.format != GST_FORMAT_TIME ||
      !GST_BUFFER_PTS_IS_VALID(*buffer))
    return;
  if (GST_BUFFER_PTS(*buffer) >= segment.start &&
      GST_BUFFER_PTS(*buffer) + length_of(*buffer) <= segment.stop)
    return;
  const bool discont = GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
  // What is no audio is process()'s to complain about.
  pythonfilter::clip_to(segment, info, buffer);
  if (!*buffer) owes_discont_ = owes_discont_ || discont;
}

void FilterStream::mark_jump(GstBuffer **buffer) {
  owes_discont_ = false;
  *buffer = gst_buffer_make_writable(*buffer);
  GST_BUFFER_FLAG_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
}

GstBuffer *FilterStream::pop_output() {
  assert(python.streaming.is_here());
  while (GstMiniObject *item = outputs_.pop()) {
    if (GST_IS_BUFFER(item)) return GST_BUFFER_CAST(item);
    // The plugin's own, so it may be the first that others hear of.
    if (late.release() == GST_FLOW_OK)
      gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(element_),
                         GST_EVENT_CAST(item));
    else
      gst_mini_object_unref(item);
  }
  return nullptr;
}

GstFlowReturn FilterStream::drop_refused() {
  assert(python.streaming.is_here());
  GstFlowReturn flow = python.prepare(GST_CLOCK_TIME_NONE);
  if (flow != GST_FLOW_OK) return flow;
  flow = python.report_refused_caps();
  if (flow == GST_FLOW_OK) python.stats().dropped.add();
  return flow;
}

// What a call that did not succeed lets through.
GstFlowReturn FilterStream::fail(GstBuffer **buffer, AudioBlock *block,
                                 Outcome outcome, OnError policy) {
  discard(&given_);
  if (outcome == Outcome::Closing) return GST_FLOW_FLUSHING;
  if (outcome == Outcome::EndOfStream) {
    ended_ = true;
    return GST_FLOW_EOS;
  }
  // Asked once, and held against what it was before the call: somebody may
  // change it, and then nobody has the samples of before.
  OnError lets = python.lets_through(outcome);
  const GstFlowReturn flow = python.report(GST_BUFFER_PTS(*buffer), lets);
  if (flow != GST_FLOW_OK) return flow;
  if (lets == OnError::Passthrough && writes_ && policy != lets)
    lets = OnError::Drop;
  let_through(buffer, block, lets);
  if (*buffer && python.isolated() && writes_) {
    block->unmap();
    replace_lent_memory(buffer);
  }
  const bool dropped = !*buffer;
  if (lag_.shifts()) shift(buffer, block->frames);
  if (*buffer && converts_) outputs_.add_same(buffer, frames_of(*block));
  return dropped ? GST_FLOW_CUSTOM_SUCCESS : GST_FLOW_OK;
}

bool FilterStream::map_bytes(GstBuffer **buffer, AudioBlock *block,
                             std::string *problem) {
  const GstAudioInfo &info = python.info();
  const GstBuffer *before = *buffer;
  if (info.bpf > 0 && info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED &&
      !make_planes_dense(buffer, info, problem))
    return false;
  if (!block->map_bytes(*buffer, info, writes_, problem)) return false;
  block->copied = block->copied || *buffer != before;
  return true;
}

void FilterStream::let_through(GstBuffer **buffer, AudioBlock *block,
                               OnError policy) {
  size_t size;
  std::byte *bytes = block->bytes(&size);
  if (policy == OnError::Passthrough && writes_ && before_.size() == size)
    std::memcpy(bytes, before_.data(), size);
  block->unmap();
  if (!converts_)
    note_position(GST_BUFFER_PTS(*buffer), GST_BUFFER_OFFSET(*buffer),
                  block->frames);
  const bool silences =
      policy == OnError::Silence && (!bytes_ || python.info().bpf > 0);
  // Where caps change, what went in is not what has to come out. `fail` does
  // not come here, as the stream has ended with that; it would let nothing
  // through.
  if (!in_place_ || !(silences || policy == OnError::Passthrough)) {
    gst_clear_buffer(buffer);
    python.stats().dropped.add();
    GST_DEBUG_OBJECT(element_, "drops %" G_GSIZE_FORMAT " frames",
                     block->frames);
    broken_ = true;
  } else if (silences) {
    *buffer = gst_buffer_make_writable(*buffer);
    silence(*buffer, python.info());
  }
  if (*buffer && broken_) mark_discont(buffer, block);
}

// What the plugin said; a buffer that came with the flag keeps it.
void FilterStream::mark_discont(GstBuffer **buffer, AudioBlock *block) {
  broken_ = false;
  if (GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT)) return;
  block->unmap();
  *buffer = gst_buffer_make_writable(*buffer);
  GST_BUFFER_FLAG_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
}

}  // namespace pythonfilter
