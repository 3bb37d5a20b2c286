// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What comes out later than it went in: its times are moved back by the latency
// that the plugin reports, what lies before the first sample is left out, and
// the tail is as long as that, so that as many frames come out as went in. As
// audiofxbasefirfilter does.
#pragma once

#include <algorithm>

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// The streaming thread's of its element. Nothing lags at first.
class Lag {
 public:
  // A run begins with that buffer, and so many frames late.
  void begin(size_t frames, GstBuffer *first);
  // The tail is out.
  void end() { frames_ = skip_ = early_ = hole_ = 0; }
  // More: what comes next was heard already. Less: some of it never comes.
  void follow(size_t frames);

  size_t frames() const { return frames_; }
  // Of these, that have not come out.
  size_t unheard() const { return skip_; }
  // Frames that went in and did not come out yet.
  size_t owed() const { return frames_ - std::min(frames_, skip_ + early_); }
  // Frames of the largest buffer of the run, or 1.
  size_t largest() const { return std::max<size_t>(largest_, 1); }
  // So many of what is owed came with a padded rest.
  void bring(size_t frames) { early_ += frames; }
  size_t brought() const { return early_; }

  // Whether shift() has anything to do.
  bool shifts() const { return (frames_ | hole_) != 0; }
  // What came of so many frames goes to its place. NULL is left where all of it
  // lies before the first sample. Gives what goes before it, or NULL.
  GstBuffer *shift(GstBuffer **buffer, size_t frames, const GstAudioInfo &info);
  // Where what is still owed begins, of what would begin there.
  GstClockTime tail_pts(GstClockTime next, const GstAudioInfo &info) const;
  guint64 tail_offset(guint64 next) const;
  // As much as went in and did not come out: the rest of a longer one is what
  // came before the first sample, or more than was told; a shorter one goes on
  // with silence.
  void fit(Tail *tail, const GstAudioInfo &info) const;

 private:
  GstBuffer *make_filling(GstBuffer *next, const GstAudioInfo &info) const;

  size_t frames_ = 0;
  size_t skip_ = 0;
  size_t early_ = 0;    // that a padded rest brought
  size_t hole_ = 0;     // that were left out because it lags less now
  size_t largest_ = 0;  // frames of a buffer
  GstClockTime first_pts_ = GST_CLOCK_TIME_NONE;  // of the run
  guint64 first_offset_ = GST_BUFFER_OFFSET_NONE;
};

}  // namespace pythonfilter
