// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether buffers of raw audio follow one another, by the rules of
// GstAudioStreamAlign: a time that is 40 ms off what was counted, and stays so
// for a second, is where the stream goes on. One that is off by more than that
// second at once is no jitter, and is not waited for.
#pragma once

#include <gst/audio/audio.h>

namespace pythonfilter {

class Continuity {
 public:
  Continuity() = default;
  ~Continuity() { g_clear_pointer(&align_, gst_audio_stream_align_free); }
  Continuity(const Continuity &) = delete;
  Continuity &operator=(const Continuity &) = delete;

  // 0: no raw audio, which nobody can count.
  void start(int rate, bool backwards);
  // Whatever comes next is where it begins.
  void restart() { known_ = quick_ = false; }

  // Whether what begins at `pts`, with so many frames, does not follow what
  // came before it; they count with the next add().
  template <typename Frames>
  bool jumps(GstClockTime pts, Frames frames) {
    if (G_LIKELY(quick_)) {
      // A product and two comparisons; the alignment itself divides.
      const double off = double(GstClockTimeDiff(pts - base_)) -
                         double(frames_) * ns_per_frame_;
      if (G_LIKELY(off < near_ns_ && off > -near_ns_)) return false;
    }
    return rate_ > 0 && look(pts, frames());
  }
  void add(size_t frames) { frames_ += frames; }

 private:
  // Less than what GstAudioStreamAlign takes for a jump, by some samples.
  static constexpr double near_ns_ = 39e6;

  bool look(GstClockTime pts, size_t frames);
  void hand_over();
  GstClockTime time_of(guint64 frames) const {
    return gst_util_uint64_scale(frames, GST_SECOND, guint64(rate_));
  }

  GstAudioStreamAlign *align_ = nullptr;
  int rate_ = 0;
  bool backwards_ = false;
  double ns_per_frame_ = 0;

  bool known_ = false;  // something came since start() or restart()
  bool quick_ = false;  // nothing is off, so that counting here will do
  GstClockTime base_ = 0;
  guint64 frames_ = 0;  // since base_
  guint64 told_ = 0;    // the alignment knows of so many
};

// Whether times mean the same in both, so that nothing ends with the first.
inline bool is_same_line(const GstSegment &before, GstSegment after) {
  after.stop = before.stop;
  after.duration = before.duration;
  after.position = before.position;
  return gst_segment_is_equal(&before, &after);
}

}  // namespace pythonfilter
