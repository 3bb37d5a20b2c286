// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outputqueue.hpp"

namespace pythonfilter {

namespace {

// What says something about the content as it was (tags: of audio, of memory)
// is not true of the output.
gboolean copy_untagged(GstBuffer *input, GstMeta **meta, gpointer output) {
  const GstMetaInfo *info = (*meta)->info;
  const gchar *const *tags = gst_meta_api_type_get_tags(info->api);
  if ((!tags || !tags[0]) && info->transform_func) {
    GstMetaTransformCopy all = {FALSE, 0, gsize(-1)};
    info->transform_func(static_cast<GstBuffer *>(output), *meta, input,
                         _gst_meta_transform_copy, &all);
  }
  return TRUE;
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
  while (GstBuffer *buffer = pop())
    gst_buffer_unref(buffer);
  span_ = Span{};
  pending_ = false;
  end_ = GST_CLOCK_TIME_NONE;
}

GstBuffer *OutputQueue::pop() {
  if (next_ < buffers_.size()) return buffers_[next_++];
  buffers_.clear();
  next_ = 0;
  return nullptr;
}

void OutputQueue::extend_span(GstBuffer *input, bool discont) {
  discont = discont || GST_BUFFER_FLAG_IS_SET(input, GST_BUFFER_FLAG_DISCONT);
  if (!pending_) {
    span_.pts = GST_BUFFER_PTS(input);
    span_.dts = GST_BUFFER_DTS(input);
    span_.duration = GST_BUFFER_DURATION(input);
    span_.offset = GST_BUFFER_OFFSET(input);
    span_.discont = discont;
  } else {
    span_.discont = span_.discont || discont;
    if (GST_BUFFER_DURATION_IS_VALID(input) &&
        GST_CLOCK_TIME_IS_VALID(span_.duration))
      span_.duration += GST_BUFFER_DURATION(input);
    else
      span_.duration = GST_CLOCK_TIME_NONE;
  }
  span_.offset_end = GST_BUFFER_OFFSET_END(input);
  pending_ = true;
}

void OutputQueue::add(GstBuffer *input, std::vector<Output> *outputs,
                      bool discont) {
  extend_span(input, discont);
  if (!outputs->empty()) share_out(outputs, input);
}

void OutputQueue::add_last(std::vector<Output> *outputs, bool discont) {
  if (!pending_) {
    span_ = Span{};
    span_.pts = end_;
  }
  span_.discont = span_.discont || discont;
  share_out(outputs, nullptr);
}

GstClockTime OutputQueue::length_of(size_t bytes) const {
  if (info_.bpf == 0 || info_.rate == 0) return GST_CLOCK_TIME_NONE;
  return gst_util_uint64_scale_round(bytes / size_t(info_.bpf), GST_SECOND,
                                     guint64(info_.rate));
}

void OutputQueue::share_out(std::vector<Output> *outputs, GstBuffer *input) {
  const bool raw = info_.bpf > 0;
  const size_t count = outputs->size();
  size_t bytes = 0;
  for (const Output &output : *outputs)
    bytes += output.size;

  // Raw audio that is longer or shorter than what went in, as after a change
  // of speed, lasts as long as it lasts.
  const GstClockTime length = length_of(bytes);
  if (raw && GST_CLOCK_TIME_IS_VALID(length)) {
    const GstClockTime tolerance = GST_SECOND / GstClockTime(info_.rate);
    if (!GST_CLOCK_TIME_IS_VALID(span_.duration) ||
        GST_CLOCK_DIFF(span_.duration, length) > GstClockTimeDiff(tolerance) ||
        GST_CLOCK_DIFF(length, span_.duration) > GstClockTimeDiff(tolerance)) {
      span_.duration = length;
      span_.offset = span_.offset_end = GST_BUFFER_OFFSET_NONE;
    }
  }

  // Raw audio by its length, anything else in equal parts.
  const guint64 parts = raw ? bytes : count;
  guint64 from = 0;
  for (size_t i = 0; i < count; i++) {
    const guint64 to = raw ? from + (*outputs)[i].size : i + 1;
    GstBuffer *buffer = wrap((*outputs)[i]);
    if (input) {
      gst_buffer_copy_into(buffer, input, GST_BUFFER_COPY_FLAGS, 0, gsize(-1));
      gst_buffer_foreach_meta(input, copy_untagged, buffer);
    }
    if (i > 0 || !span_.discont)
      GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
    else
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    if (i > 0) GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_RESYNC);
    if (i + 1 < count) GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_MARKER);
    // Whether it is silence is not known any more.
    GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_GAP);

    const bool timed = GST_CLOCK_TIME_IS_VALID(span_.duration);
    if (timed) {
      const GstClockTime begin = share(span_.duration, from, parts);
      GST_BUFFER_DURATION(buffer) = share(span_.duration, to, parts) - begin;
      if (GST_CLOCK_TIME_IS_VALID(span_.pts))
        GST_BUFFER_PTS(buffer) = span_.pts + begin;
      if (GST_CLOCK_TIME_IS_VALID(span_.dts))
        GST_BUFFER_DTS(buffer) = span_.dts + begin;
    } else if (i == 0) {
      GST_BUFFER_PTS(buffer) = span_.pts;
      GST_BUFFER_DTS(buffer) = span_.dts;
    }
    if (span_.offset != GST_BUFFER_OFFSET_NONE &&
        span_.offset_end != GST_BUFFER_OFFSET_NONE &&
        span_.offset_end >= span_.offset) {
      const guint64 length_in = span_.offset_end - span_.offset;
      GST_BUFFER_OFFSET(buffer) = span_.offset + share(length_in, from, parts);
      GST_BUFFER_OFFSET_END(buffer) =
          span_.offset + share(length_in, to, parts);
    } else if (i == 0) {
      GST_BUFFER_OFFSET(buffer) = span_.offset;
      if (count == 1) GST_BUFFER_OFFSET_END(buffer) = span_.offset_end;
    }
    buffers_.push_back(buffer);
    from = to;
  }
  outputs->clear();
  end_ = GST_CLOCK_TIME_IS_VALID(span_.pts) &&
                 GST_CLOCK_TIME_IS_VALID(span_.duration)
             ? span_.pts + span_.duration
             : GST_CLOCK_TIME_NONE;
  pending_ = false;
}

// Read-only, because the plugin's object may be bytes: whoever wants to write
// makes a copy, as of any memory that is shared.
GstBuffer *OutputQueue::wrap(const Output &output) const {
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
