// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mixerinput.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "../buffers/keptmap.hpp"

namespace pythonfilter {

namespace {

class KeptPlane final : public KeptMemory {
 public:
  explicit KeptPlane(std::unique_ptr<std::byte[]> plane)
      : plane_(std::move(plane)) {}

 private:
  const std::unique_ptr<std::byte[]> plane_;
};

}  // namespace

// A stream's caps change between two of its buffers, which may be in the middle
// of a block of ours.
void MixerInput::set_format(const GstAudioInfo &info) {
  if (gst_audio_info_is_equal(&info, &info_)) return;
  GstAudioInfo before = std::exchange(info_, info);
  if (end_ == 0) {
    // What the plane has is silence in any format, once it is written over.
    return;
  }
  std::swap(info_, before);
  gather();
  std::swap(info_, before);
  const std::unique_ptr<std::byte[]> samples = std::move(plane_);
  size_ = written_ = 0;
  reserve(room_);
  GstAudioConverter *converter = gst_audio_converter_new(
      GST_AUDIO_CONVERTER_FLAG_NONE, &before, &info_, nullptr);
  gpointer from[] = {samples.get()}, to[] = {plane_.get()};
  written_ = end_ * frame();
  if (converter &&
      gst_audio_converter_samples(converter, GST_AUDIO_CONVERTER_FLAG_NONE,
                                  from, end_, to, end_)) {
    gst_audio_converter_free(converter);
    return;
  }
  if (converter) gst_audio_converter_free(converter);
  std::memset(plane_.get(), 0, written_);
}

void MixerInput::add(GstBuffer *buffer, size_t first, size_t at, size_t frames,
                     size_t room) {
  room_ = room;
  if (end_ == 0) {
    const bool jumps = first == 0 && GST_BUFFER_IS_DISCONT(buffer);
    discont_ = !continues_ || at > 0 || jumps;
    pts_ = GST_BUFFER_PTS(buffer);
    if (GST_CLOCK_TIME_IS_VALID(pts_))
      pts_ += gst_util_uint64_scale(first, GST_SECOND, guint64(info_.rate));
    span_ = gst_buffer_ref(buffer);
    first_ = first;
    at_ = at;
    length_ = frames;
  } else {
    gather();
    copy(buffer, first, at, frames);
  }
  end_ = at + frames;
}

// What is there, in the plane.
void MixerInput::gather() {
  if (!span_) return;
  GstBuffer *span = std::exchange(span_, nullptr);
  if (std::exchange(mapped_, false)) gst_memory_unmap(map_.memory, &map_);
  gathered_ = true;
  end_ = 0;
  copy(span, first_, at_, length_);
  end_ = at_ + length_;
  gst_buffer_unref(span);
}

void MixerInput::reserve(size_t frames) {
  const size_t size = std::max<size_t>(1, frames * frame());
  if (size <= size_) return;
  plane_.reset(new std::byte[size]());
  size_ = size;
  written_ = 0;
}

// With silence between it and what was there.
void MixerInput::copy(GstBuffer *buffer, size_t first, size_t at,
                      size_t frames) {
  reserve(room_);
  const size_t hole = std::min(at, end_);
  std::byte *const plane = plane_.get();
  if (at > hole) std::memset(plane + hole * frame(), 0, (at - hole) * frame());
  const size_t bytes = frames * frame();
  const gsize got =
      gst_buffer_extract(buffer, first * frame(), plane + at * frame(), bytes);
  if (got < bytes) std::memset(plane + at * frame() + got, 0, bytes - got);
  written_ = std::max(written_, (at + frames) * frame());
}

void MixerInput::fill_up(size_t frames) {
  room_ = std::max(room_, frames);
  reserve(room_);
  const size_t filled = end_ * frame();
  if (written_ > filled)
    std::memset(plane_.get() + filled, 0, written_ - filled);
  written_ = filled;
}

// One span, all of the block, in one memory, where arrays may be.
bool MixerInput::map_span(size_t frames) {
  if (!span_ || at_ > 0 || length_ < frames ||
      gst_buffer_n_memory(span_) != 1 ||
      !gst_memory_map(gst_buffer_peek_memory(span_, 0), &map_, GST_MAP_READ))
    return false;
  mapped_ = true;
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info_));
  return (first_ + frames) * frame() <= map_.size &&
         reinterpret_cast<size_t>(map_.data) % width == 0;
}

void MixerInput::show(size_t frames, InputView *view) {
  shown_ = frames;
  view->channel_stride = GST_AUDIO_INFO_BPS(&info_);
  view->frame_stride = ptrdiff_t(frame());
  view->keeper = this;
  view->pts = end_ > 0 ? pts_ : GST_CLOCK_TIME_NONE;
  view->discont = end_ > 0 && discont_;
  if (map_span(frames)) {
    view->data = reinterpret_cast<std::byte *>(map_.data) + first_ * frame();
    return;
  }
  gather();
  fill_up(frames);
  view->data = plane_.get();
}

void MixerInput::clear() {
  if (std::exchange(mapped_, false)) gst_memory_unmap(map_.memory, &map_);
  gst_clear_buffer(&span_);
  continues_ = end_ > 0 && end_ >= shown_;
  end_ = 0;
  gathered_ = false;
}

void MixerInput::read(size_t frames, std::byte *to) const {
  if (span_)
    gst_buffer_extract(span_, first_ * frame(), to, frames * frame());
  else
    std::memcpy(to, plane_.get(), frames * frame());
}

// With the GIL, so that nothing writes to the plane while it is copied.
std::unique_ptr<KeptMemory> MixerInput::keep() {
  if (std::exchange(mapped_, false)) {
    gst_memory_ref(map_.memory);
    return std::make_unique<KeptMap>(map_);
  }
  auto before =
      std::exchange(plane_, std::unique_ptr<std::byte[]>(new std::byte[size_]));
  std::memcpy(plane_.get(), before.get(), size_);
  return std::make_unique<KeptPlane>(std::move(before));
}

}  // namespace pythonfilter
