// SPDX-License-Identifier: LGPL-2.1-or-later
#include "filterstream.hpp"

#include <cstring>
#include <utility>

#include "plugincaps.hpp"

namespace pythonfilter {

bool FilterStream::start(GstCaps *input, GstCaps *output) {
  forget_position();
  if (!python.loaded()) return false;
  converts_ = python.converts();
  if (converts_) return start_conversion(input, output);
  GstAudioInfo info;
  writes_ = !python.read_only();
  bytes_ = false;
  in_place_ = true;
  if (!exact_audio(input, &info) || !python.start(info, block_size()))
    return false;
  start_blocks(info);
  return true;
}

bool FilterStream::start_conversion(GstCaps *input, GstCaps *output) {
  if (!python.confirm_caps(input, output)) return false;
  StreamFormat format;
  const auto text = [](GstCaps *caps) {
    gchar *made = gst_caps_to_string(caps);
    std::string result = made;
    g_free(made);
    return result;
  };
  format.input_caps = text(input);
  format.output_caps = text(output);
  format.in_place = in_place_ = gst_caps_is_equal(input, output);

  GstAudioInfo in, out;
  if (is_raw_audio(input)) {
    if (!exact_audio(input, &in)) return python.refuse_caps(input, "takes");
    format.rate = in.rate;
    format.channels = in.channels;
    format.frames = block_size();
    format.bytes =
        python.capabilities().as_bytes || !stream_format_of(in, &format);
  } else {
    gst_audio_info_init(&in);
    format.bytes = true;
    if (block_size_ > 0) warn_about_block_size(format.input_caps);
  }
  gst_audio_info_init(&out);
  if (is_raw_audio(output)) {
    if (!exact_audio(output, &out)) return python.refuse_caps(output, "gives");
    format.output_frame = size_t(out.bpf);
    StreamFormat known;
    format.output_known = stream_format_of(out, &known);
    format.output_format = known.format;
    format.output_interleaved = out.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
    format.output_channels = out.channels;
  }
  bytes_ = format.bytes;
  writes_ = in_place_ && !python.read_only();
  outputs_.start(out);
  if (!python.start(in, &format)) return false;
  start_blocks(in);
  return true;
}

void FilterStream::forget_position() {
  fresh_ = true;
  next_pts_ = GST_CLOCK_TIME_NONE;
  next_offset_ = GST_BUFFER_OFFSET_NONE;
}

GstFlowReturn FilterStream::reset() {
  forget_position();
  outputs_.clear();
  return python.reset();
}

[[gnu::hot]] GstFlowReturn FilterStream::process(GstBuffer **buffer) {
  GstFlowReturn flow = python.prepare(GST_BUFFER_PTS(*buffer));
  if (G_UNLIKELY(flow != GST_FLOW_OK)) return flow;
  if (G_UNLIKELY(is_break(*buffer))) {
    flow = reset();
    if (flow != GST_FLOW_OK) return flow;
  }
  fresh_ = false;

  if (writes_) *buffer = gst_buffer_make_writable(*buffer);
  const OnError policy = python.on_error();
  AudioBlock block;
  block.outputs = &given_;
  const Outcome outcome = run(buffer, &block, policy);
  if (G_UNLIKELY(outcome != Outcome::Ok)) {
    discard_given();
    if (outcome == Outcome::Closing) return GST_FLOW_FLUSHING;
    if (outcome == Outcome::EndOfStream) {
      ended_ = true;
      return GST_FLOW_EOS;
    }
    const OnError lets =
        outcome == Outcome::Dropped ? OnError::Drop : python.lets_through();
    flow = python.report(GST_BUFFER_PTS(*buffer));
    if (flow != GST_FLOW_OK) return flow;
    let_through(buffer, &block, lets);
    if (*buffer && python.isolated() && writes_) {
      block.unmap();
      replace_lent_memory(buffer);
    }
    return *buffer ? GST_FLOW_OK : GST_FLOW_CUSTOM_SUCCESS;
  }
  if (block.converted || !in_place_) {
    block.unmap();
    outputs_.add(*buffer, &given_, broken_ || block.discont);
    broken_ = false;
    gst_clear_buffer(buffer);
    return GST_FLOW_OK;
  }
  if (G_UNLIKELY(python.isolated()) && writes_) {
    block.unmap();
    replace_lent_memory(buffer);
  }
  if (writes_ && block.gap) GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_GAP);
  // Not left to the base class, which hears of a drop only where it is the last
  // thing that comes of a buffer.
  if (G_UNLIKELY(block.discont || broken_)) mark_discont(buffer, &block);
  if (!converts_)
    note_position(GST_BUFFER_PTS(*buffer), GST_BUFFER_OFFSET(*buffer),
                  block.frames);
  return GST_FLOW_OK;
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

void FilterStream::discard_given() {
  for (Output &output : given_)
    output.release(output.owner);
  given_.clear();
}

[[gnu::hot]] Outcome FilterStream::run(GstBuffer **buffer, AudioBlock *block,
                                       OnError policy) {
  std::string problem;
  const bool mapped =
      bytes_ ? map_bytes(buffer, block, &problem)
             : block->map(*buffer, python.info(), writes_, &problem);
  if (!mapped) {
    before_.clear();
    return python.refuse("got " + problem);
  }
  if (block->frames == 0) return Outcome::Ok;
  python.stats().buffers.add();
  if (policy == OnError::Passthrough && writes_) {
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
  if (policy == OnError::Passthrough && writes_ && before_.size() == size)
    std::memcpy(bytes, before_.data(), size);
  block->unmap();
  if (!converts_)
    note_position(GST_BUFFER_PTS(*buffer), GST_BUFFER_OFFSET(*buffer),
                  block->frames);
  // What went in is not what has to come out, and nothing is known that is.
  const bool nothing_fits = !in_place_ || (policy == OnError::Silence &&
                                           bytes_ && python.info().bpf == 0);
  if (nothing_fits) policy = OnError::Drop;
  // `fail` here: the policy was changed since the call. Nothing gets through.
  if (policy == OnError::Drop || policy == OnError::Fail) {
    gst_clear_buffer(buffer);
    python.stats().dropped.add();
    broken_ = true;
  } else if (policy == OnError::Silence) {
    *buffer = gst_buffer_make_writable(*buffer);
    silence(*buffer);
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

void FilterStream::silence(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) return;
  // Not always zeros: of unsigned samples it is the middle.
  gst_audio_format_info_fill_silence(python.info().finfo, map.data, map.size);
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
}

GstFlowReturn FilterStream::drain(GstBuffer **tail) {
  *tail = nullptr;
  Tail samples;
  const GstFlowReturn flow = python.drain(&samples, next_pts_);
  *tail = take_tail(&samples);
  return flow;
}

void FilterStream::change_code(GstBuffer **tail) {
  *tail = nullptr;
  Candidate next;
  if (!python.accept_code(&next)) return;
  if (!python.carries_state(next)) {
    Tail samples;
    python.drain_old(&samples, next_pts_);
    const bool held = samples.frames > 0 || !samples.outputs.empty();
    *tail = take_tail(&samples);
    // What comes next does not continue it, and is all that the new one knows.
    broken_ = broken_ || held;
    fresh_ = true;
  }
  python.take_over(std::move(next));
}

GstBuffer *FilterStream::take_tail(Tail *tail) {
  if (!tail->outputs.empty())
    outputs_.add_last(&tail->outputs, std::exchange(broken_, false));
  return tail->frames > 0 ? make_tail(*tail) : nullptr;
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
  if (broken_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  broken_ = false;
  note_position(next_pts_, next_offset_, tail.frames);
  python.stats().frames.add(tail.frames);
  return buffer;
}

[[gnu::hot]] void FilterStream::note_position(GstClockTime pts, guint64 offset,
                                              size_t frames) {
  next_pts_ = pts;
  if (GST_CLOCK_TIME_IS_VALID(next_pts_))
    next_pts_ += gst_util_uint64_scale_round(frames, GST_SECOND,
                                             guint64(python.info().rate));
  next_offset_ = offset;
  if (next_offset_ != GST_BUFFER_OFFSET_NONE) next_offset_ += frames;
}

}  // namespace pythonfilter
