// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sampleclock.hpp"

#include <algorithm>

namespace pythonfilter {

void SampleClock::start(int input_rate, int output_rate) {
  in_rate_ = input_rate;
  out_rate_ = output_rate;
  begin(0, false);
}

void SampleClock::begin(guint64 lag, bool resumes) {
  assert(streaming_.is_here());
  if (!resumes)
    end_ = GST_CLOCK_TIME_NONE;
  else if (begun_)
    end_ = in_step() ? GST_CLOCK_TIME_NONE : time();
  begun_ = said_ = unknown_ = false;
  pts_ = first_ = GST_CLOCK_TIME_NONE;
  offset_ = first_offset_ = GST_BUFFER_OFFSET_NONE;
  in_ = out_ = 0;
  // How long bytes are is not known well enough to tell what lags.
  undecided_ = lags_ = in_rate_ > 0;
  lag_ = skip_ = lags_ ? lag : 0;
}

// More: its next frames were heard already. Less leaves a hole.
void SampleClock::change_lag(guint64 lag) {
  assert(streaming_.is_here());
  if (!lags_) return;
  if (lag > lag_)
    skip_ += lag - lag_;
  else
    skip_ -= std::min(skip_, lag_ - lag);
  lag_ = lag;
}

bool SampleClock::in_step() const {
  if (said_) return false;
  if (in_rate_ > 0) return in_ * guint64(out_rate_) == out_ * guint64(in_rate_);
  if (unknown_) return out_ > 0;
  const GstClockTime length = time_of(out_);
  return std::max(in_, length) - std::min(in_, length) <=
         GST_SECOND / guint64(out_rate_);
}

bool SampleClock::add_input(GstBuffer *input, size_t frames) {
  assert(streaming_.is_here());
  const bool here = !begun_ || in_step();
  if (here) {
    pts_ = GST_BUFFER_PTS(input);
    offset_ = GST_BUFFER_OFFSET(input);
    if (offset_ != GST_BUFFER_OFFSET_NONE && in_rate_ > 0)
      offset_ = gst_util_uint64_scale_round(offset_, guint64(out_rate_),
                                            guint64(in_rate_));
    in_ = out_ = 0;
    unknown_ = false;
  }
  if (!begun_) {
    if (GST_CLOCK_TIME_IS_VALID(end_) && GST_CLOCK_TIME_IS_VALID(pts_))
      pts_ = std::max(pts_, end_);
    first_ = pts_;
    first_offset_ = offset_;
    begun_ = true;
  }
  if (in_rate_ > 0)
    in_ += frames;
  else if (GST_BUFFER_DURATION_IS_VALID(input))
    in_ += GST_BUFFER_DURATION(input);
  else
    unknown_ = true;
  return here;
}

// Whoever gives as much as it got, and says that it lags, gives what came
// before the first sample. Whoever gives less holds back, and more is slower.
void SampleClock::decide(size_t frames) {
  const guint64 got = in_ * guint64(out_rate_);
  const guint64 gave = frames * guint64(in_rate_);
  const auto frame = guint64(std::max(in_rate_, out_rate_));
  if (frames == 0 && got < 2 * frame) return;
  undecided_ = false;
  lags_ = std::max(got, gave) - std::min(got, gave) <= frame;
  if (!lags_) lag_ = skip_ = 0;
}

size_t SampleClock::skip(size_t frames) {
  const auto some = size_t(std::min<guint64>(skip_, frames));
  skip_ -= some;
  return some;
}

void SampleClock::move_to(GstClockTime pts) {
  assert(streaming_.is_here());
  said_ = true;
  lags_ = undecided_ = false;
  pts_ = pts;
  first_ = GST_CLOCK_TIME_NONE;
  offset_ = GST_BUFFER_OFFSET_NONE;
  out_ = lag_ = skip_ = 0;
}

guint64 SampleClock::missing() const {
  const guint64 in =
      in_rate_ > 0
          ? gst_util_uint64_scale(in_, guint64(out_rate_), guint64(in_rate_))
          : frames_of(in_);
  return said_ || in < out_ ? 0 : in - out_;
}

GstClockTime SampleClock::time() const {
  if (!GST_CLOCK_TIME_IS_VALID(pts_)) return pts_;
  if (out_ >= lag_) return pts_ + time_of(out_ - lag_);
  // Times of inputs are rounded, and nothing comes before the first of them.
  const GstClockTime back = time_of(lag_ - out_);
  return pts_ > first_ + back ? pts_ - back : first_;
}

guint64 SampleClock::offset() const {
  if (offset_ == GST_BUFFER_OFFSET_NONE) return offset_;
  const guint64 at = offset_ + out_;
  return at > first_offset_ + lag_ ? at - lag_ : first_offset_;
}

}  // namespace pythonfilter
