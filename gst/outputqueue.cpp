// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outputqueue.hpp"

#include <cstdlib>

namespace pythonfilter {

namespace {

// Of the flags that go with what they are about. Whether it is silence is not
// known any more.
constexpr guint carried =
    ~guint(GST_MINI_OBJECT_FLAG_LAST - 1) &
    ~guint(GST_BUFFER_FLAG_TAG_MEMORY | GST_BUFFER_FLAG_GAP);

// What says something about the content as it was (tags: of audio, of memory)
// is not true of the output; and a parent would only be kept from its pool.
gboolean copy_untagged(GstBuffer *from, GstMeta **meta, gpointer to) {
  const GstMetaInfo *info = (*meta)->info;
  const gchar *const *tags = gst_meta_api_type_get_tags(info->api);
  if ((!tags || !tags[0]) && info->transform_func &&
      info->api != GST_PARENT_BUFFER_META_API_TYPE) {
    GstMetaTransformCopy all = {FALSE, 0, gsize(-1)};
    info->transform_func(static_cast<GstBuffer *>(to), *meta, from,
                         _gst_meta_transform_copy, &all);
  }
  return TRUE;
}

// The time by another clock, of a part that begins so much later. Where that is
// not known, it is not told.
void shift_references(GstBuffer *buffer, GstClockTime later) {
  constexpr auto api = gst_reference_timestamp_meta_api_get_type;
  if (!GST_CLOCK_TIME_IS_VALID(later)) {
    while (GstMeta *meta = gst_buffer_get_meta(buffer, api()))
      gst_buffer_remove_meta(buffer, meta);
    return;
  }
  gpointer state = nullptr;
  while (GstMeta *meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, api())) {
    auto *reference = reinterpret_cast<GstReferenceTimestampMeta *>(meta);
    reference->timestamp += later;
    if (GST_CLOCK_TIME_IS_VALID(reference->duration))
      reference->duration = GST_BUFFER_DURATION(buffer);
  }
}

guint64 share(guint64 whole, guint64 part, guint64 parts) {
  return gst_util_uint64_scale(whole, part, parts);
}

}  // namespace

void OutputQueue::start(const GstAudioInfo &info) {
  clear();
  info_ = info;
}

void OutputQueue::clear() {
  drop_waiting();
  gst_clear_buffer(&metas_);
  span_ = Span{};
  pending_ = false;
  end_ = GST_CLOCK_TIME_NONE;
}

[[gnu::hot]] GstBuffer *OutputQueue::pop_waiting() {
  if (next_ < buffers_.size()) return buffers_[next_++];
  buffers_.clear();
  next_ = 0;
  return nullptr;
}

[[gnu::hot]] void OutputQueue::extend_span(GstBuffer *input, bool discont) {
  guint flags = GST_BUFFER_FLAGS(input) & carried;
  if (discont) flags |= GST_BUFFER_FLAG_DISCONT;
  if (!pending_) {
    span_.pts = GST_BUFFER_PTS(input);
    span_.dts = GST_BUFFER_DTS(input);
    span_.duration = GST_BUFFER_DURATION(input);
    span_.offset = GST_BUFFER_OFFSET(input);
    span_.flags = flags;
  } else {
    span_.flags |= flags;
    if (GST_BUFFER_DURATION_IS_VALID(input) &&
        GST_CLOCK_TIME_IS_VALID(span_.duration))
      span_.duration += GST_BUFFER_DURATION(input);
    else
      span_.duration = GST_CLOCK_TIME_NONE;
  }
  span_.offset_end = GST_BUFFER_OFFSET_END(input);
}

[[gnu::hot]] void OutputQueue::add(GstBuffer *input,
                                   std::vector<Output> *outputs, bool discont) {
  extend_span(input, discont);
  if (!outputs->empty()) {
    share_out(outputs, pending_ ? metas_ : input);
  } else if (!pending_) {
    pending_ = true;
    metas_ = gst_buffer_new();
    gst_buffer_foreach_meta(input, copy_untagged, metas_);
  }
}

void OutputQueue::add_last(std::vector<Output> *outputs, bool discont) {
  if (!pending_) {
    span_ = Span{};
    span_.pts = end_;
  }
  if (discont) span_.flags |= GST_BUFFER_FLAG_DISCONT;
  share_out(outputs, metas_);
}

// Raw audio that is longer or shorter than what went in, as after a change of
// speed, lasts as long as it lasts; and offsets are numbers of samples.
[[gnu::hot]] void OutputQueue::fit_to_length(size_t bytes) {
  const guint64 frames = bytes / size_t(info_.bpf);
  const GstClockTime length =
      gst_util_uint64_scale_round(frames, GST_SECOND, guint64(info_.rate));
  const auto tolerance = GstClockTimeDiff(GST_SECOND / guint64(info_.rate));
  if (!GST_CLOCK_TIME_IS_VALID(span_.duration) ||
      std::abs(GST_CLOCK_DIFF(span_.duration, length)) > tolerance)
    span_.duration = length;
  if (span_.offset_end != GST_BUFFER_OFFSET_NONE &&
      span_.offset_end - span_.offset != frames)
    span_.offset = span_.offset_end = GST_BUFFER_OFFSET_NONE;
}

[[gnu::hot]] void OutputQueue::share_out(std::vector<Output> *outputs,
                                         GstBuffer *like) {
  const bool raw = info_.bpf > 0;
  const size_t count = outputs->size();
  size_t bytes = 0;
  for (const Output &output : *outputs)
    bytes += output.size;
  if (raw) fit_to_length(bytes);

  // Raw audio by its length, anything else in equal parts.
  const guint64 parts = raw ? bytes : count;
  guint64 from = 0;
  for (size_t i = 0; i < count; i++) {
    const guint64 to = raw ? from + (*outputs)[i].size : i + 1;
    GstBuffer *buffer = wrap((*outputs)[i]);
    set_flags(buffer, i == 0, i + 1 == count);
    set_times(buffer, from, to, parts);
    if (like) gst_buffer_foreach_meta(like, copy_untagged, buffer);
    if (like && count > 1) shift_references(buffer, later(from, parts));
    buffers_.push_back(buffer);
    from = to;
  }
  outputs->clear();
  end_ = GST_CLOCK_TIME_IS_VALID(span_.pts) &&
                 GST_CLOCK_TIME_IS_VALID(span_.duration)
             ? span_.pts + span_.duration
             : GST_CLOCK_TIME_NONE;
  pending_ = false;
  gst_clear_buffer(&metas_);
}

[[gnu::hot]] void OutputQueue::set_flags(GstBuffer *buffer, bool first,
                                         bool last) const {
  guint flags = span_.flags;
  if (!first) flags &= ~guint(GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC);
  if (!last) flags &= ~guint(GST_BUFFER_FLAG_MARKER);
  GST_BUFFER_FLAG_SET(buffer, flags);
}

// Than the span's begin; not known unless it has a duration.
GstClockTime OutputQueue::later(guint64 from, guint64 parts) const {
  if (from == 0) return 0;
  return GST_CLOCK_TIME_IS_VALID(span_.duration)
             ? share(span_.duration, from, parts)
             : GST_CLOCK_TIME_NONE;
}

// The part of the span from `from` to `to`, of `parts`.
[[gnu::hot]] void OutputQueue::set_times(GstBuffer *buffer, guint64 from,
                                         guint64 to, guint64 parts) const {
  if (GST_CLOCK_TIME_IS_VALID(span_.duration)) {
    const GstClockTime begin = later(from, parts);
    GST_BUFFER_DURATION(buffer) = share(span_.duration, to, parts) - begin;
    if (GST_CLOCK_TIME_IS_VALID(span_.pts))
      GST_BUFFER_PTS(buffer) = span_.pts + begin;
    if (GST_CLOCK_TIME_IS_VALID(span_.dts))
      GST_BUFFER_DTS(buffer) = span_.dts + begin;
  } else if (from == 0) {
    GST_BUFFER_PTS(buffer) = span_.pts;
    GST_BUFFER_DTS(buffer) = span_.dts;
  }
  const bool counted = span_.offset != GST_BUFFER_OFFSET_NONE &&
                       span_.offset_end != GST_BUFFER_OFFSET_NONE &&
                       span_.offset_end >= span_.offset;
  if (counted) {
    const guint64 length = span_.offset_end - span_.offset;
    GST_BUFFER_OFFSET(buffer) = span_.offset + share(length, from, parts);
    GST_BUFFER_OFFSET_END(buffer) = span_.offset + share(length, to, parts);
    return;
  }
  if (from == 0) GST_BUFFER_OFFSET(buffer) = span_.offset;
  if (to == parts) GST_BUFFER_OFFSET_END(buffer) = span_.offset_end;
}

// Read-only, because the plugin's object may be bytes: whoever wants to write
// makes a copy, as of any memory that is shared.
[[gnu::hot]] GstBuffer *OutputQueue::wrap(const Output &output) const {
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_append_memory(
      buffer,
      gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, output.data, output.size,
                             0, output.size, output.owner, output.release));
  if (info_.bpf > 0 && info_.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(buffer, &info_, output.size / size_t(info_.bpf),
                              nullptr);
  return buffer;
}

}  // namespace pythonfilter
