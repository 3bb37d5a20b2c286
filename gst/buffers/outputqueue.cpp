// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outputqueue.hpp"

#include <cstdlib>
#include <utility>

#include "audiocut.hpp"

namespace pythonfilter {

namespace {

// The flags of an input that its output has as well. Whether that is silence is
// not known any more.
constexpr guint carried =
    ~guint(GST_MINI_OBJECT_FLAG_LAST - 1) &
    ~guint(GST_BUFFER_FLAG_TAG_MEMORY | GST_BUFFER_FLAG_GAP);

// The flags of the first buffer after a break.
constexpr guint break_flags = GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC;

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

}  // namespace

[[gnu::hot]] GstBuffer *buffer_of(const Output &output,
                                  const GstAudioInfo &info) {
  GstBuffer *buffer = gst_buffer_new();
  gst_buffer_append_memory(
      buffer,
      gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, output.data, output.size,
                             0, output.size, output.owner, output.release));
  if (info.bpf > 0 && info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(buffer, &info, output.size / size_t(info.bpf),
                              nullptr);
  return buffer;
}

void discard(std::vector<Output> *outputs) {
  for (Output &output : *outputs)
    output.release(output.owner);
  outputs->clear();
}

void OutputQueue::start(const GstAudioInfo &input, const GstAudioInfo &output) {
  clear();
  info_ = output;
  clock_.start(input.rate, output.rate);
}

void OutputQueue::clear() {
  assert(streaming_.is_here());
  drop_waiting();
  end_span();
  span_ = Span{};
  owed_flags_ = 0;
  end_ = GST_CLOCK_TIME_NONE;
}

void OutputQueue::begin(GstClockTime lag, bool resumes) {
  assert(streaming_.is_here());
  if (is_raw()) clock_.begin(clock_.frames_of(lag), resumes);
}

[[gnu::hot]] GstMiniObject *OutputQueue::pop_waiting() {
  assert(streaming_.is_here());
  if (next_ < items_.size()) return items_[next_++];
  items_.clear();
  next_ = 0;
  return nullptr;
}

[[gnu::hot]] void OutputQueue::extend_span(GstBuffer *input, bool discont) {
  assert(streaming_.is_here());
  guint flags = GST_BUFFER_FLAGS(input) & carried;
  flags |= std::exchange(owed_flags_, 0);
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

void OutputQueue::end_span() {
  pending_ = false;
  gst_clear_buffer(&metas_);
}

[[gnu::hot]] void OutputQueue::add(GstBuffer *input, size_t frames,
                                   std::vector<Output> *outputs, bool discont) {
  extend_span(input, discont);
  if (is_raw()) {
    const bool here = clock_.add_input(input, frames);
    if (!pending_) at_input_ = here;
  }
  if (!outputs->empty()) return give(outputs, pending_ ? metas_ : input);
  if (is_raw()) clock_.expect_output(0);
  if (pending_) return;
  pending_ = true;
  metas_ = gst_buffer_new();
  gst_buffer_foreach_meta(input, copy_untagged, metas_);
}

void OutputQueue::add_same(GstBuffer **buffer, size_t frames) {
  assert(streaming_.is_here());
  if (!is_raw() || frames == 0) return;
  at_input_ = clock_.add_input(*buffer, frames);
  clock_.expect_output(frames);
  if (pending_) GST_BUFFER_FLAG_SET(*buffer, span_.flags);
  end_span();
  span_.pts = GST_BUFFER_PTS(*buffer);
  span_.duration = GST_BUFFER_DURATION(*buffer);
  if (at_input_ && clock_.lag() == 0)
    clock_.add_output(frames);
  else if (!stamp(*buffer, frames, true))
    gst_clear_buffer(buffer);
}

void OutputQueue::add_last(std::vector<Output> *outputs, bool discont) {
  assert(streaming_.is_here());
  if (!pending_) {
    span_ = Span{};
    span_.pts = end_;
    at_input_ = false;
  }
  if (discont) span_.flags |= GST_BUFFER_FLAG_DISCONT;
  give(outputs, metas_);
}

[[gnu::hot]] void OutputQueue::give(std::vector<Output> *outputs,
                                    GstBuffer *like) {
  if (is_raw())
    count_out(outputs, like);
  else
    share_out(outputs, like);
  outputs->clear();
  end_span();
}

// ---- raw audio --------------------------------------------------------------

[[gnu::hot]] void OutputQueue::count_out(std::vector<Output> *outputs,
                                         GstBuffer *like) {
  const auto frame = size_t(info_.bpf);
  size_t bytes = 0;
  for (const Output &output : *outputs)
    bytes += output.size;
  clock_.expect_output(bytes / frame);
  bool first = true;
  const size_t count = outputs->size();
  for (size_t i = 0; i < count; i++) {
    const Output &output = (*outputs)[i];
    const bool jumps = output.pts != no_time && move_to(output.pts);
    if (output.gap) {
      leave_gap(output);
      continue;
    }
    g_autoptr(GstBuffer) buffer = buffer_of(output, info_);
    if (like) gst_buffer_foreach_meta(like, copy_untagged, buffer);
    if (!stamp(buffer, output.size / frame, i + 1 == count)) continue;
    set_flags(buffer, first, i + 1 == count);
    if (jumps) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    first = false;
    put(g_steal_pointer(&buffer));
  }
  if (first) owed_flags_ = span_.flags & break_flags;
}

// True: that is not where the last output ended.
bool OutputQueue::move_to(GstClockTime pts) {
  const GstClockTime ends = clock_.time();
  clock_.move_to(pts);
  return !GST_CLOCK_TIME_IS_VALID(ends) ||
         std::abs(GST_CLOCK_DIFF(ends, pts)) >
             GstClockTimeDiff(clock_.time_of(1));
}

// Gives a buffer its times, and leaves of it what comes after the first sample.
// False: nothing does.
[[gnu::hot]] bool OutputQueue::stamp(GstBuffer *buffer, size_t frames,
                                     bool last) {
  const size_t early = clock_.skip(frames);
  clock_.add_output(early);
  if (early == frames) return false;
  if (early > 0) cut_front(buffer, info_, early);
  const GstClockTime pts = clock_.time();
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET(buffer) = clock_.offset();
  clock_.add_output(frames - early);
  GST_BUFFER_OFFSET_END(buffer) = clock_.offset();
  const bool timed = GST_CLOCK_TIME_IS_VALID(pts);
  GST_BUFFER_DURATION(buffer) =
      timed ? clock_.time() - pts : clock_.time_of(frames - early);
  const bool known = timed && at_input_ && GST_CLOCK_TIME_IS_VALID(span_.pts);
  shift_references(buffer, known, GST_CLOCK_DIFF(span_.pts, pts));
  // The input's own end, which may be rounded in another way.
  if (known && last && clock_.lag() == 0 && clock_.in_step() &&
      GST_CLOCK_TIME_IS_VALID(span_.duration) &&
      span_.pts + span_.duration > pts)
    GST_BUFFER_DURATION(buffer) = span_.pts + span_.duration - pts;
  return true;
}

// What the plugin does not say is what went in and did not come out.
void OutputQueue::leave_gap(const Output &gap) {
  const guint64 frames = gap.duration == no_time
                             ? clock_.missing()
                             : clock_.frames_of(gap.duration);
  clock_.add_output(clock_.skip(frames));
  if (frames > 0) add_gap(clock_.time(), clock_.time_of(frames));
  clock_.add_output(frames);
}

void OutputQueue::add_gap(GstClockTime pts, GstClockTime duration) {
  if (GST_CLOCK_TIME_IS_VALID(pts))
    items_.push_back(GST_MINI_OBJECT_CAST(gst_event_new_gap(pts, duration)));
}

// ---- anything else ----------------------------------------------------------

[[gnu::hot]] void OutputQueue::share_out(std::vector<Output> *outputs,
                                         GstBuffer *like) {
  // In equal parts.
  const size_t count = outputs->size();
  bool first = true;
  for (size_t i = 0; i < count; i++) {
    const Output &output = (*outputs)[i];
    g_autoptr(GstBuffer) buffer =
        output.gap ? gst_buffer_new() : buffer_of(output, info_);
    set_times(buffer, i, i + 1, count);
    if (output.pts != no_time || output.duration != no_time) {
      GST_BUFFER_DURATION(buffer) = output.duration;
      if (output.pts != no_time) GST_BUFFER_PTS(buffer) = output.pts;
      GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    }
    end_ =
        GST_BUFFER_PTS_IS_VALID(buffer) && GST_BUFFER_DURATION_IS_VALID(buffer)
            ? GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer)
            : GST_CLOCK_TIME_NONE;
    if (output.gap) {
      add_gap(GST_BUFFER_PTS(buffer), GST_BUFFER_DURATION(buffer));
      continue;
    }
    set_flags(buffer, first, i + 1 == count);
    first = false;
    if (like) gst_buffer_foreach_meta(like, copy_untagged, buffer);
    if (like && count > 1) {
      const GstClockTime after = later(i, count);
      shift_references(buffer, GST_CLOCK_TIME_IS_VALID(after),
                       GstClockTimeDiff(after));
    }
    put(g_steal_pointer(&buffer));
  }
  if (first) owed_flags_ = span_.flags & break_flags;
}

[[gnu::hot]] void OutputQueue::set_flags(GstBuffer *buffer, bool first,
                                         bool last) const {
  guint flags = span_.flags;
  if (!first) flags &= ~break_flags;
  if (!last) flags &= ~guint(GST_BUFFER_FLAG_MARKER);
  GST_BUFFER_FLAG_SET(buffer, flags);
}

// Than the span's begin; not known unless it has a duration.
GstClockTime OutputQueue::later(guint64 from, guint64 parts) const {
  if (from == 0) return 0;
  return GST_CLOCK_TIME_IS_VALID(span_.duration)
             ? gst_util_uint64_scale(span_.duration, from, parts)
             : GST_CLOCK_TIME_NONE;
}

// The part of the span from `from` to `to`, of `parts`.
[[gnu::hot]] void OutputQueue::set_times(GstBuffer *buffer, guint64 from,
                                         guint64 to, guint64 parts) const {
  if (GST_CLOCK_TIME_IS_VALID(span_.duration)) {
    const GstClockTime begin = later(from, parts);
    GST_BUFFER_DURATION(buffer) =
        gst_util_uint64_scale(span_.duration, to, parts) - begin;
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
    GST_BUFFER_OFFSET(buffer) =
        span_.offset + gst_util_uint64_scale(length, from, parts);
    GST_BUFFER_OFFSET_END(buffer) =
        span_.offset + gst_util_uint64_scale(length, to, parts);
    return;
  }
  if (from == 0) GST_BUFFER_OFFSET(buffer) = span_.offset;
  if (to == parts) GST_BUFFER_OFFSET_END(buffer) = span_.offset_end;
}

}  // namespace pythonfilter
