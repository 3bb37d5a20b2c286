// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Raw audio whose samples are known numbers, in every format and layout.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <gst/audio/audio.h>

#include "surroundings.hpp"

namespace check {

struct Audio {
  const char *format = "F32";
  bool planar = false;
  int channels = 2;
  int rate = 48000;

  GstAudioInfo info() const {
    GstAudioInfo info;
    const std::string native =
        std::string(format) + (G_BYTE_ORDER == G_BIG_ENDIAN ? "BE" : "LE");
    gst_audio_info_init(&info);
    gst_audio_info_set_format(&info,
                              gst_audio_format_from_string(native.c_str()),
                              rate, channels, nullptr);
    if (planar) info.layout = GST_AUDIO_LAYOUT_NON_INTERLEAVED;
    return info;
  }
  size_t width() const {
    const GstAudioInfo each = info();
    return size_t(GST_AUDIO_INFO_BPS(&each));
  }
  GstCaps *caps() const {
    const GstAudioInfo each = info();
    return gst_audio_info_to_caps(&each);
  }
  std::string name() const {
    return std::string(format) + (planar ? " planar " : " interleaved ") +
           std::to_string(channels);
  }
};

inline std::vector<const char *> formats() {
  if (few()) return {"F32", "S16"};
  return {"F32", "F64", "S16", "S32"};
}

// Every format in both layouts and each number of channels: each in one
// isolation, by turns, where it is not to be all cases.
inline std::vector<Audio> every_audio(
    std::initializer_list<int> numbers_of_channels = {1, 2, 3, 6, 64}) {
  std::vector<Audio> all;
  int turn = in_process();
  for (const char *format : formats()) {
    for (bool planar : {false, true}) {
      for (int channels : numbers_of_channels)
        if (turn++ % 2 == 0 || all_cases())
          all.push_back({format, planar, channels});
      turn += numbers_of_channels.size() % 2 == 0;
    }
    turn++;
  }
  return all;
}

template <typename T>
double load(const void *at) {
  T value;
  memcpy(&value, at, sizeof value);
  return double(value);
}

template <typename T>
void store(void *at, double number) {
  const T value = T(number);
  memcpy(at, &value, sizeof value);
}

inline double get_sample(const Audio &audio, const void *at) {
  const auto is = [&](const char *name) { return !strcmp(audio.format, name); };
  if (is("F32")) return load<float>(at);
  if (is("F64")) return load<double>(at);
  if (is("S16")) return load<gint16>(at);
  return load<gint32>(at);
}

inline void put_sample(const Audio &audio, void *at, double number) {
  const auto is = [&](const char *name) { return !strcmp(audio.format, name); };
  if (is("F32")) return store<float>(at, number);
  if (is("F64")) return store<double>(at, number);
  if (is("S16")) return store<gint16>(at, number);
  return store<gint32>(at, number);
}

// A whole number that every format can hold, also doubled.
inline double number_at(int channel, size_t frame) {
  return double(int((frame * 7 + size_t(channel) * 3) % 101)) - 50;
}

inline size_t frames_of(GstBuffer *buffer, const Audio &audio) {
  const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
  if (meta) return meta->samples;
  return gst_buffer_get_size(buffer) / audio.width() / size_t(audio.channels);
}

// Where each sample of a buffer is; found once, as a test may ask for millions.
class Places {
 public:
  Places(GstBuffer *buffer, const Audio &audio)
      : frames(frames_of(buffer, audio)),
        width_(audio.width()),
        channels_(size_t(audio.channels)),
        meta_(audio.planar ? gst_buffer_get_audio_meta(buffer) : nullptr) {}
  size_t of(int channel, size_t frame) const {
    return meta_ ? meta_->offsets[channel] + frame * width_
                 : (frame * channels_ + size_t(channel)) * width_;
  }
  const size_t frames;

 private:
  const size_t width_, channels_;
  const GstAudioMeta *const meta_;
};

using Number = std::function<double(int channel, size_t frame)>;

inline void fill(GstBuffer *buffer, const Audio &audio,
                 const Number &number = number_at) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
  const Places places(buffer, audio);
  for (int c = 0; c < audio.channels; c++)
    for (size_t i = 0; i < places.frames; i++)
      put_sample(audio, map.data + places.of(c, i), number(c, i));
  gst_buffer_unmap(buffer, &map);
}

inline void expect_samples(GstBuffer *buffer, const Audio &audio,
                           const Number &number) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  const Places places(buffer, audio);
  for (int c = 0; c < audio.channels; c++) {
    for (size_t i = 0; i < places.frames; i++) {
      const double got = get_sample(audio, map.data + places.of(c, i));
      // Each fail_unless() is a system call.
      if (got == number(c, i)) continue;
      fail_unless(false, "%s: channel %d, frame %d: %g, not %g",
                  audio.name().c_str(), c, int(i), got, number(c, i));
    }
  }
  gst_buffer_unmap(buffer, &map);
}

inline double doubled(int channel, size_t frame) {
  return 2 * number_at(channel, frame);
}

inline double silence(int, size_t) {
  return 0;
}

inline GstBuffer *empty_buffer(const Audio &audio, size_t frames) {
  const size_t size = frames * audio.width() * size_t(audio.channels);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  const GstAudioInfo info = audio.info();
  if (audio.planar) gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  return buffer;
}

inline GstBuffer *new_buffer(const Audio &audio, size_t frames = 64) {
  GstBuffer *buffer = empty_buffer(audio, frames);
  fill(buffer, audio);
  return buffer;
}

// Read while it is mapped: newer GStreamer clears a GstMapInfo afterwards.
inline guint64 address_of(GstBuffer *buffer) {
  fail_unless_equals_int(gst_buffer_n_memory(buffer), 1);
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  const auto address = guint64(guintptr(map.data));
  gst_buffer_unmap(buffer, &map);
  return address;
}

}  // namespace check
