// SPDX-License-Identifier: LGPL-2.1-or-later
#include "continuity.hpp"

#include <algorithm>
#include <cstdlib>

namespace pythonfilter {

namespace {

// The defaults of GStreamer's own elements.
constexpr GstClockTime alignment_threshold = 40 * GST_MSECOND;
constexpr GstClockTime discont_wait = GST_SECOND;

}  // namespace

void Continuity::start(int rate, bool backwards) {
  restart();
  if (rate == rate_ && backwards == backwards_) return;
  g_clear_pointer(&align_, gst_audio_stream_align_free);
  rate_ = rate;
  backwards_ = backwards;
  if (rate <= 0) return;
  align_ = gst_audio_stream_align_new(backwards ? -rate : rate,
                                      alignment_threshold, discont_wait);
  ns_per_frame_ = double(GST_SECOND) / rate;
}

// Tells GStreamer of the frames that were only counted here.
void Continuity::hand_over() {
  while (told_ < frames_) {
    const auto some = guint(std::min<guint64>(frames_ - told_, G_MAXINT));
    gst_audio_stream_align_process(align_, FALSE, base_ + time_of(told_), some,
                                   nullptr, nullptr, nullptr);
    told_ += some;
  }
}

bool Continuity::look(GstClockTime pts, size_t frames) {
  const bool begins = !known_;
  if (!GST_CLOCK_TIME_IS_VALID(pts)) return false;
  bool far = begins;
  if (!begins && !backwards_) {
    hand_over();
    const GstClockTime expected = base_ + time_of(frames_);
    far = std::abs(GST_CLOCK_DIFF(expected, pts)) >=
          GstClockTimeDiff(discont_wait);
  }
  GstClockTime counted = pts;
  const bool jump = gst_audio_stream_align_process(
      align_, far, pts, guint(frames), &counted, nullptr, nullptr);
  known_ = true;
  base_ = counted;
  frames_ = 0;
  told_ = frames;
  quick_ =
      !backwards_ && std::abs(double(GST_CLOCK_DIFF(counted, pts))) < near_ns_;
  return jump && !begins;
}

}  // namespace pythonfilter
