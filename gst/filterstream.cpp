// SPDX-License-Identifier: LGPL-2.1-or-later
#include "filterstream.hpp"

#include <cstring>

namespace pythonfilter {

bool FilterStream::start(const GstAudioInfo &info) {
  fresh_ = true;
  next_pts_ = GST_CLOCK_TIME_NONE;
  next_offset_ = GST_BUFFER_OFFSET_NONE;
  return python.start(info, 0);
}

GstFlowReturn FilterStream::reset() {
  fresh_ = true;
  next_pts_ = GST_CLOCK_TIME_NONE;
  next_offset_ = GST_BUFFER_OFFSET_NONE;
  return python.reset();
}

[[gnu::hot]] GstFlowReturn FilterStream::process(GstBuffer **buffer) {
  GstFlowReturn flow = python.prepare();
  if (G_UNLIKELY(flow != GST_FLOW_OK)) return flow;
  if (G_UNLIKELY(is_break(*buffer))) {
    flow = reset();
    if (flow != GST_FLOW_OK) return flow;
  }
  fresh_ = false;

  if (!python.read_only()) *buffer = gst_buffer_make_writable(*buffer);
  const OnError policy = python.on_error();
  AudioBlock block;
  const Outcome outcome = run(*buffer, &block, policy);
  if (G_UNLIKELY(outcome != Outcome::Ok)) {
    if (outcome == Outcome::Closing) return GST_FLOW_FLUSHING;
    flow = python.report(GST_BUFFER_PTS(*buffer));
    if (flow != GST_FLOW_OK) return flow;
    let_through(buffer, &block, policy);
    return GST_FLOW_OK;
  }
  if (!python.read_only() && block.gap)
    GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_GAP);
  note_position(*buffer, block.frames);
  return GST_FLOW_OK;
}

[[gnu::hot]] Outcome FilterStream::run(GstBuffer *buffer, AudioBlock *block,
                                       OnError policy) {
  std::string problem;
  if (!block->map(buffer, python.info(), !python.read_only(), &problem)) {
    before_.clear();
    return python.refuse("got " + problem);
  }
  if (block->frames == 0) return Outcome::Ok;
  python.stats().buffers.add();
  if (policy == OnError::Passthrough && !python.read_only()) {
    size_t size;
    const std::byte *bytes = block->bytes(&size);
    before_.assign(bytes, bytes + size);
  }
  return python.call(block);
}

void FilterStream::let_through(GstBuffer **buffer, AudioBlock *block,
                               OnError policy) {
  size_t size;
  std::byte *bytes = block->bytes(&size);
  if (policy == OnError::Passthrough && !python.read_only() &&
      before_.size() == size)
    std::memcpy(bytes, before_.data(), size);
  block->unmap();
  note_position(*buffer, block->frames);
  // `fail` here: the policy was changed since the call. Nothing gets through.
  if (policy == OnError::Drop || policy == OnError::Fail) {
    gst_clear_buffer(buffer);
    python.stats().dropped.add();
  } else if (policy == OnError::Silence) {
    *buffer = gst_buffer_make_writable(*buffer);
    gst_buffer_memset(*buffer, 0, 0, gst_buffer_get_size(*buffer));
    GST_BUFFER_FLAG_SET(*buffer, GST_BUFFER_FLAG_GAP);
  }
}

GstFlowReturn FilterStream::drain(GstBuffer **tail) {
  *tail = nullptr;
  Tail samples;
  const GstFlowReturn flow = python.drain(&samples, next_pts_);
  if (samples.frames > 0) *tail = make_tail(samples);
  return flow;
}

GstBuffer *FilterStream::make_tail(const Tail &tail) {
  const GstAudioInfo &info = python.info();
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const auto channels = size_t(info.channels);
  GstBuffer *buffer =
      gst_buffer_new_allocate(nullptr, tail.samples.size(), nullptr);
  if (info.layout == GST_AUDIO_LAYOUT_INTERLEAVED) {
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    for (size_t c = 0; c < channels; c++)
      for (size_t i = 0; i < tail.frames; i++)
        std::memcpy(map.data + (i * channels + c) * width,
                    tail.samples.data() + (c * tail.frames + i) * width, width);
    gst_buffer_unmap(buffer, &map);
  } else {
    gst_buffer_fill(buffer, 0, tail.samples.data(), tail.samples.size());
    gst_buffer_add_audio_meta(buffer, &info, tail.frames, nullptr);
  }
  GST_BUFFER_PTS(buffer) = next_pts_;
  GST_BUFFER_OFFSET(buffer) = next_offset_;
  GST_BUFFER_DURATION(buffer) =
      gst_util_uint64_scale_round(tail.frames, GST_SECOND, guint64(info.rate));
  note_position(buffer, tail.frames);
  python.stats().frames.add(tail.frames);
  return buffer;
}

[[gnu::hot]] void FilterStream::note_position(GstBuffer *buffer,
                                              size_t frames) {
  next_pts_ = GST_BUFFER_PTS(buffer);
  if (GST_CLOCK_TIME_IS_VALID(next_pts_))
    next_pts_ += gst_util_uint64_scale_round(frames, GST_SECOND,
                                             guint64(python.info().rate));
  next_offset_ = GST_BUFFER_OFFSET(buffer);
  if (next_offset_ != GST_BUFFER_OFFSET_NONE) next_offset_ += frames;
}

}  // namespace pythonfilter
