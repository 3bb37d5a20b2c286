// SPDX-License-Identifier: LGPL-2.1-or-later
#include "curves.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "parametertypes.hpp"

namespace pythonfilter {

namespace {

// Time as a control source takes it, and what is left of a nanosecond.
struct Moment {
  GstClockTime ns;
  double rest;
};

// The exact time of each frame from one on: `origin` + n / rate.
class FrameTimes {
 public:
  FrameTimes(GstClockTime origin, guint64 frame, guint64 rate)
      : second_(origin + frame / rate * GST_SECOND),
        frame_(frame % rate),
        rate_(rate) {}

  Moment now() const {
    const guint64 scaled = frame_ * GST_SECOND;
    return {second_ + scaled / rate_, double(scaled % rate_) / double(rate_)};
  }
  void next() {
    if (++frame_ < rate_) return;
    frame_ = 0;
    second_ += GST_SECOND;
  }

 private:
  GstClockTime second_;
  guint64 frame_;
  const guint64 rate_;
};

// From the time of a buffer to that of the stream, which may run faster.
class StreamTime {
 public:
  StreamTime(const GstSegment &segment, GstClockTime pts)
      : pts_(pts),
        begin_(gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts)),
        speed_(segment.applied_rate) {}

  bool is_known() const { return GST_CLOCK_TIME_IS_VALID(begin_); }
  // Whether stream time runs as fast as the buffers' own.
  bool is_even() const { return speed_ == 1.0; }
  Moment of(const Moment &moment) const {
    const gint64 ahead = gint64(moment.ns - pts_);
    if (is_even()) return {after(ahead), moment.rest};
    const double exact = (double(ahead) + moment.rest) * speed_;
    const double whole = std::floor(exact);
    return {after(gint64(whole)), exact - whole};
  }

 private:
  // The grid of samples may begin a moment before the buffer's rounded time.
  GstClockTime after(gint64 ns) const {
    return ns < 0 && guint64(-ns) > begin_ ? 0 : begin_ + guint64(ns);
  }

  const GstClockTime pts_, begin_;
  const double speed_;
};

}  // namespace

void Curves::open(const std::vector<ParameterSpec> &specs,
                  const std::string &prefix) {
  specs_.clear();
  curves_.clear();
  origin_ = 0;
  for (const ParameterSpec &spec : specs) {
    if (!spec.curve) continue;
    specs_.push_back(spec);
    curves_.emplace_back();
    curves_.back().name = prefix + spec.name;
  }
}

void Curves::refresh(const CurveSource &source) {
  for (size_t i = 0; i < curves_.size(); i++)
    curves_[i].constant = float(source.number(specs_[i].name));
}

void Curves::fill(const CurveSource &source, const GstSegment &segment,
                  int rate, Block *block) {
  if (rate <= 0) return;  // a block of bytes has no frames
  block->curves = values(source, segment, rate, block->pts, block->frames);
}

const std::vector<Curve> *Curves::values(const CurveSource &source,
                                         const GstSegment &segment, int rate,
                                         GstClockTime pts, size_t frames) {
  for (size_t i = 0; i < curves_.size(); i++) {
    curves_[i].values.clear();
    if (!source.is_controlled() || pts == no_time) continue;
    g_autoptr(GstControlBinding) binding = source.ref_binding(specs_[i].name);
    if (binding)
      follow(binding, specs_[i], segment, guint64(rate), pts, frames,
             &curves_[i]);
  }
  return &curves_;
}

void Curves::follow(GstControlBinding *binding, const ParameterSpec &spec,
                    const GstSegment &segment, guint64 rate, GstClockTime pts,
                    size_t frames, Curve *curve) {
  const StreamTime stream(segment, pts);
  if (!stream.is_known()) return;
  const guint64 first = find_frame(pts, rate);
  FrameTimes times(origin_, first, rate);
  const double low = number_or(spec.minimum, -HUGE_VAL);
  const double high = number_or(spec.maximum, HUGE_VAL);
  // Frames so far apart are a whole number of nanoseconds apart, and asked for
  // together.
  const guint64 shared = stream.is_even() ? std::gcd(rate, GST_SECOND) : 1;
  const size_t period = stream.is_even() ? size_t(rate / shared) : frames;
  curve->values.resize(frames);
  // The first one alone, as it may be cut off at 0.
  for (size_t i = 0; i < frames && i <= period; i++, times.next()) {
    const Moment moment = stream.of(times.now());
    const size_t count = i ? (frames - 1 - i) / period + 1 : 1;
    // Control sources know whole nanoseconds only. Where they know nothing
    // they leave what is there.
    now_.assign(count, curve->constant);
    next_.assign(count, curve->constant);
    const GstClockTime step = GST_SECOND / shared;
    if (!gst_control_binding_get_value_array(binding, moment.ns, step,
                                             guint(count), now_.data()) ||
        !gst_control_binding_get_value_array(binding, moment.ns + 1, step,
                                             guint(count), next_.data())) {
      curve->values.clear();
      return;
    }
    for (size_t k = 0; k < count; k++)
      curve->values[i + k * period] = float(
          std::clamp(now_[k] + moment.rest * (next_[k] - now_[k]), low, high));
  }
}

// Times of buffers are rounded, which a steep curve would show. Where they are
// those of a grid of samples, which nearly all are, it is exact.
guint64 Curves::find_frame(GstClockTime pts, guint64 rate) {
  for (const GstClockTime origin : {origin_, GstClockTime(0)}) {
    if (pts < origin) continue;
    const guint64 frame =
        gst_util_uint64_scale_round(pts - origin, rate, GST_SECOND);
    const GstClockTime exact =
        origin + gst_util_uint64_scale(frame, GST_SECOND, rate);
    if (pts + 1 < exact || pts > exact + 1) continue;
    origin_ = origin;
    return frame;
  }
  origin_ = pts;
  return 0;
}

}  // namespace pythonfilter
