// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lag.hpp"

#include <cstring>

#include "../buffers/audiocut.hpp"

namespace pythonfilter {

namespace {

// Earlier, but not before the first of them. NONE stays what it is.
guint64 back(guint64 at, guint64 by, guint64 first) {
  if (at == guint64(-1)) return at;
  if (first == guint64(-1)) first = 0;
  return at > first + by ? at - by : first;
}

GstClockTime time_of(size_t frames, const GstAudioInfo &info) {
  return gst_util_uint64_scale(frames, GST_SECOND, guint64(info.rate));
}

}  // namespace

void Lag::begin(size_t frames, GstBuffer *first) {
  frames_ = skip_ = frames;
  early_ = hole_ = largest_ = 0;
  first_pts_ = GST_BUFFER_PTS(first);
  first_offset_ = GST_BUFFER_OFFSET(first);
}

void Lag::follow(size_t frames) {
  if (frames > frames_) {
    skip_ += frames - frames_;
  } else {
    const size_t less = frames_ - frames;
    const size_t unheard = std::min(skip_, less);
    skip_ -= unheard;
    hole_ += less - unheard;
  }
  frames_ = frames;
}

GstClockTime Lag::tail_pts(GstClockTime next, const GstAudioInfo &info) const {
  return frames_ > 0 ? back(next, time_of(owed(), info), first_pts_) : next;
}

guint64 Lag::tail_offset(guint64 next) const {
  return back(next, owed(), first_offset_);
}

GstBuffer *Lag::shift(GstBuffer **buffer, size_t frames,
                      const GstAudioInfo &info) {
  largest_ = std::max(largest_, frames);
  const size_t early = std::min(skip_, frames);
  skip_ -= early;
  if (!*buffer) return nullptr;
  if (early == frames && frames > 0) {
    gst_clear_buffer(buffer);
    return nullptr;
  }
  *buffer = gst_buffer_make_writable(*buffer);
  const GstClockTime before = GST_BUFFER_PTS(*buffer);
  if (early > 0) cut_front(*buffer, info, early);
  const GstClockTime lag = time_of(frames_, info);
  GST_BUFFER_PTS(*buffer) = back(GST_BUFFER_PTS(*buffer), lag, first_pts_);
  GST_BUFFER_DTS(*buffer) = back(GST_BUFFER_DTS(*buffer), lag, first_pts_);
  GST_BUFFER_OFFSET(*buffer) =
      back(GST_BUFFER_OFFSET(*buffer), frames_, first_offset_);
  GST_BUFFER_OFFSET_END(*buffer) =
      back(GST_BUFFER_OFFSET_END(*buffer), frames_, first_offset_);
  shift_references(*buffer, GST_CLOCK_TIME_IS_VALID(before),
                   GST_CLOCK_DIFF(before, GST_BUFFER_PTS(*buffer)));
  if (hole_ == 0) return nullptr;
  GstBuffer *filling = make_filling(*buffer, info);
  hole_ = 0;
  return filling;
}

// Silence for what the plugin left out, right before `next`.
GstBuffer *Lag::make_filling(GstBuffer *next, const GstAudioInfo &info) const {
  GstBuffer *filling = make_silence(info, hole_);
  const GstClockTime length = time_of(hole_, info);
  GST_BUFFER_PTS(filling) = back(GST_BUFFER_PTS(next), length, first_pts_);
  GST_BUFFER_DURATION(filling) = length;
  GST_BUFFER_OFFSET(filling) =
      back(GST_BUFFER_OFFSET(next), hole_, first_offset_);
  GST_BUFFER_OFFSET_END(filling) = GST_BUFFER_OFFSET(next);
  return filling;
}

void Lag::fit(Tail *tail, const GstAudioInfo &info) const {
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const size_t wanted = owed();
  const size_t first = std::min(skip_, tail->frames);
  const size_t some = std::min(wanted, tail->frames - first);
  std::vector<std::byte> fitting(wanted * size_t(info.bpf));
  for (size_t c = 0; some > 0 && c < size_t(info.channels); c++)
    std::memcpy(fitting.data() + c * wanted * width,
                tail->samples.data() + (c * tail->frames + first) * width,
                some * width);
  tail->samples = std::move(fitting);
  tail->frames = wanted;
}

}  // namespace pythonfilter
