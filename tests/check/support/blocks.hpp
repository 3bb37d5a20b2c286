// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the checks of block-size share: a stream that is known, and what becomes
// of it in blocks.
#pragma once

#include "harness.hpp"

namespace check {

// Samples that go on from buffer to buffer, with the times and offsets of a
// source that counts them.
class Feed {
 public:
  explicit Feed(const Audio &audio) : audio_(audio) {}

  GstBuffer *next(size_t frames) {
    GstBuffer *buffer = empty_buffer(audio_, frames);
    fill(buffer, audio_, numbers());
    GST_BUFFER_PTS(buffer) = time_of(sent);
    GST_BUFFER_DURATION(buffer) = time_of(sent + frames) - time_of(sent);
    GST_BUFFER_OFFSET(buffer) = sent;
    GST_BUFFER_OFFSET_END(buffer) = sent + frames;
    sent += frames;
    return buffer;
  }
  // Of what is sent next.
  Number numbers() const {
    return [first = sent](int c, size_t i) { return number_at(c, first + i); };
  }
  GstClockTime time_of(guint64 frame) const {
    return gst_util_uint64_scale_round(frame, GST_SECOND, guint64(audio_.rate));
  }

  guint64 sent = 0;

 private:
  Audio audio_;
};

// What comes out of it, doubled.
class Expected {
 public:
  explicit Expected(const Audio &audio) : audio_(audio), feed_(audio) {}

  // Takes the buffer.
  void check(GstBuffer *buffer, size_t frames, double factor = 2) {
    fail_unless(buffer != nullptr, "nothing came out after frame %d",
                int(came));
    fail_unless(frames_of(buffer, audio_) == frames, "%s: %d frames, not %d",
                audio_.name().c_str(), int(frames_of(buffer, audio_)),
                int(frames));
    expect_samples(buffer, audio_, [this, factor](int c, size_t i) {
      return factor * number_at(c, came + i);
    });
    check_times(buffer, frames);
    gst_buffer_unref(buffer);
  }
  void check_times(GstBuffer *buffer, size_t frames) {
    expect_near(GST_BUFFER_PTS(buffer), feed_.time_of(came));
    expect_near(GST_BUFFER_DURATION(buffer),
                feed_.time_of(came + frames) - feed_.time_of(came));
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), came);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(buffer), came + frames);
    came += frames;
  }

  guint64 came = 0;

 private:
  // To a nanosecond: the time of a buffer is rounded, and that in it as well.
  static void expect_near(GstClockTime got, GstClockTime want) {
    fail_unless(
        GST_CLOCK_DIFF(want, got) <= 1 && GST_CLOCK_DIFF(got, want) <= 1,
        "%" GST_TIME_FORMAT ", not %" GST_TIME_FORMAT, GST_TIME_ARGS(got),
        GST_TIME_ARGS(want));
  }

  Audio audio_;
  Feed feed_;
};

inline Properties blocks_of(size_t frames, const Properties &more = {}) {
  Properties all = {{"block-size", std::to_string(frames)}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline Properties quiet_blocks_of(size_t frames, const Properties &more = {}) {
  Properties all = blocks_of(frames, more);
  all.push_back({"params", "p,quiet=true"});
  return all;
}

inline void expect_nothing(Stream *stream) {
  GstBuffer *out = stream->pull();
  fail_unless(out == nullptr, "%d bytes came out",
              out ? int(gst_buffer_get_size(out)) : 0);
}

inline void end(Stream *stream) {
  stream->push_event(gst_event_new_eos());
}

inline std::vector<GstBuffer *> pull_all(Stream *stream) {
  std::vector<GstBuffer *> all;
  while (GstBuffer *out = stream->pull())
    all.push_back(out);
  return all;
}

inline bool has_flag(GstBuffer *buffer, GstBufferFlags flag) {
  return GST_BUFFER_FLAG_IS_SET(buffer, flag);
}

inline GstBuffer *with_flag(GstBuffer *buffer, GstBufferFlags flag) {
  GST_BUFFER_FLAG_SET(buffer, flag);
  return buffer;
}

// Set when the buffer is gone.
inline void watch(GstBuffer *buffer, bool *gone) {
  gst_mini_object_weak_ref(
      GST_MINI_OBJECT(buffer),
      [](gpointer flag, GstMiniObject *) { *static_cast<bool *>(flag) = true; },
      gone);
}

}  // namespace check
