// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A converting plugin in a GstHarness: caps as text, buffers of numbered bytes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <sstream>

#include "harness.hpp"
#include "waiting.hpp"

namespace check {

struct DropBuffer {
  void operator()(GstBuffer *buffer) const { gst_buffer_unref(buffer); }
};
using OwnedBuffer = std::unique_ptr<GstBuffer, DropBuffer>;

#define RAW(format, rate, channels)                                \
  "audio/x-raw,format=" GST_AUDIO_NE(format) ",rate=" rate         \
                                             ",channels=" channels \
                                             ",layout=interleaved"
#define STEREO RAW(F32, "48000", "2")

inline std::string text_of_caps(GstCaps *caps) {
  gchar *made = caps ? gst_caps_to_string(caps) : g_strdup("none");
  const std::string text = made;
  g_free(made);
  return text;
}

class Conversion : public Harnessed {
 public:
  // `downstream`: what is taken there; NULL: anything.
  explicit Conversion(const std::string &script,
                      const char *input = "application/x-in",
                      const char *downstream = nullptr,
                      const Properties &properties = {})
      : Harnessed("pythonfilter", script, properties, "src") {
    if (downstream) gst_harness_set_sink_caps_str(harness(), downstream);
    set_caps(input);
    push_segment();
  }

  bool set_caps(const char *text) {
    return push_caps(gst_caps_from_string(text));
  }
  // What came out and was not asked for yet.
  std::vector<OwnedBuffer> pull_all() {
    std::vector<OwnedBuffer> all;
    while (GstBuffer *buffer = pull())
      all.emplace_back(buffer);
    return all;
  }
  std::vector<OwnedBuffer> through(GstBuffer *buffer) {
    expect_push(buffer);
    return pull_all();
  }
  OwnedBuffer through_one(GstBuffer *buffer) {
    std::vector<OwnedBuffer> all = through(buffer);
    fail_unless(all.size() == 1, "%d buffers: %s", int(all.size()),
                reports().text().c_str());
    return std::move(all[0]);
  }

  // What downstream was told; "none" before that.
  std::string output_caps() const {
    GstCaps *caps = current_caps();
    const std::string text = text_of_caps(caps);
    gst_clear_caps(&caps);
    return text;
  }
  void expect_output_caps(const char *text) const {
    GstCaps *want = gst_caps_from_string(text);
    GstCaps *caps = current_caps();
    fail_unless(caps && gst_caps_is_equal(caps, want), "%s",
                text_of_caps(caps).c_str());
    gst_caps_unref(want);
    gst_caps_unref(caps);
  }

 private:
  GstCaps *current_caps() const {
    GstPad *pad = gst_element_get_static_pad(get(), "src");
    GstCaps *caps = gst_pad_get_current_caps(pad);
    gst_object_unref(pad);
    return caps;
  }
};

inline GstBuffer *bytes_buffer(size_t size = 24, int first = 0) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (size_t i = 0; i < size; i++)
    map.data[i] = guint8(size_t(first) + i);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

inline std::string bytes_of(GstBuffer *buffer) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  const std::string bytes(reinterpret_cast<char *>(map.data), map.size);
  gst_buffer_unmap(buffer, &map);
  return bytes;
}

inline std::string hex(const std::string &bytes) {
  std::string text;
  for (const char byte : bytes) {
    char *two = g_strdup_printf("%02x", guint8(byte));
    text += two;
    g_free(two);
  }
  return text;
}

// Whether memory was given back, which Python does a moment later and on any
// thread.
class Gone {
 public:
  void watch(GstBuffer *buffer) {
    watched_++;
    gst_mini_object_weak_ref(
        GST_MINI_OBJECT(gst_buffer_peek_memory(buffer, 0)),
        [](gpointer self, GstMiniObject *) {
          static_cast<Gone *>(self)->tell();
        },
        this);
  }
  void expect_all() {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool all =
        changed_.wait_for(lock, std::chrono::seconds(int(patience)),
                          [&] { return gone_ == watched_; });
    fail_unless(all, "%d of %d memories were given back", gone_, watched_);
  }

 private:
  void tell() {
    std::lock_guard<std::mutex> lock(mutex_);
    gone_++;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int gone_ = 0;  // guarded by mutex_
  int watched_ = 0;
};

}  // namespace check
