// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Frames taken off a writable buffer of raw audio, at its own memory, and what
// a buffer says of its time. Not by gst_audio_buffer_truncate(), whose
// sub-memory nobody may write to.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include <gst/audio/audio.h>

namespace pythonfilter {

// How long a buffer is that has whole frames, and a GstAudioMeta where it is
// planar.
inline size_t frames_in(GstBuffer *buffer, const GstAudioInfo &info) {
  if (info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    if (const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer))
      return meta->samples;
  return gst_buffer_get_size(buffer) / size_t(info.bpf);
}

// Each byte is as the one before it, and the first is 0.
inline bool is_silent(const std::byte *bytes, size_t size) {
  return size == 0 || (bytes[0] == std::byte(0) &&
                       std::memcmp(bytes, bytes + 1, size - 1) == 0);
}

// What lies outside the segment is taken off; NULL: that was all of it. What is
// no audio of this kind stays as it is.
void clip_to(const GstSegment &segment, const GstAudioInfo &info,
             GstBuffer **buffer);

// So many go, and the buffer begins that much later. Not more than it has.
void cut_front(GstBuffer *buffer, const GstAudioInfo &info, size_t frames);
// So many are left; its times are the caller's.
void cut_to(GstBuffer *buffer, const GstAudioInfo &info, size_t frames);
// What the format calls silence, flagged as a gap.
void silence(GstBuffer *buffer, const GstAudioInfo &info);
// A buffer of what the format calls silence, with a GstAudioMeta where it is
// planar and flagged as a gap.
GstBuffer *make_silence(const GstAudioInfo &info, size_t frames);

// Of samples that lie one channel after another, as planes or as frames.
GstBuffer *make_buffer(const GstAudioInfo &info,
                       const std::vector<std::byte> &samples, size_t frames);

// The buffer's time by another clock, now that it begins so much later than
// what that was said of. Where that is not known, it is not told.
void shift_references(GstBuffer *buffer, bool known, GstClockTimeDiff later);

}  // namespace pythonfilter
