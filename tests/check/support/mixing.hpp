// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A mixer, ours or another, with sources that push what a test says, and what
// came out of it.
#pragma once

#include <map>

#include "pipeline.hpp"

namespace check {

// What a source sends: `frames` numbered ones from `begin` on, in buffers of
// `piece`, whose clock goes `ppm` faster than it says.
struct Sent {
  Audio audio = {"F32", false, 1, 8000};
  size_t frames = 8000;
  size_t piece = 57;
  GstClockTime begin = 0;
  double ppm = 0;
  int seed = 0;
  double unit = 1;

  double sample(int channel, size_t frame) const {
    return unit *
           (double((frame * 31 + size_t(channel) * 7 + size_t(seed) * 13) %
                   997) -
            498);
  }
  GstBuffer *buffer(size_t first, size_t count) const {
    GstBuffer *made = empty_buffer(audio, count);
    fill(made, audio, [&](int c, size_t i) { return sample(c, first + i); });
    const auto time = [&](size_t frame) {
      return GstClockTime(double(frame) * 1e9 / audio.rate * (1 + ppm * 1e-6));
    };
    GST_BUFFER_PTS(made) = begin + time(first);
    GST_BUFFER_DURATION(made) = time(first + count) - time(first);
    return made;
  }
};

inline void push_to(GstElement *source, GstBuffer *buffer) {
  GstFlowReturn flow;
  g_signal_emit_by_name(source, "push-buffer", buffer, &flow);
  gst_buffer_unref(buffer);
  fail_unless_equals_int(flow, GST_FLOW_OK);
}

inline void end_of(GstElement *source) {
  GstFlowReturn flow;
  g_signal_emit_by_name(source, "end-of-stream", &flow);
}

inline std::string source_line(const std::string &name, const Audio &audio,
                               const std::string &to,
                               const std::string &more = "") {
  GstCaps *caps = audio.caps();
  char *text = gst_caps_to_string(caps);
  const std::string line = " appsrc name=" + name +
                           " format=time max-bytes=0 " + more + " caps=\"" +
                           text + "\" ! " + to;
  g_free(text);
  gst_caps_unref(caps);
  return line;
}

// What left a pad, and what was said of it.
class Heard {
 public:
  Heard(GstElement *element, const char *pad) {
    on_buffers(element, pad, [kept = kept_](GstBuffer *buffer) {
      std::lock_guard<std::mutex> lock(kept->mutex);
      GstMapInfo map;
      gst_buffer_map(buffer, &map, GST_MAP_READ);
      kept->bytes.append(reinterpret_cast<char *>(map.data), map.size);
      gst_buffer_unmap(buffer, &map);
      kept->pts.push_back(GST_BUFFER_PTS(buffer));
      kept->end.push_back(GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer));
      kept->discont.push_back(GST_BUFFER_IS_DISCONT(buffer));
    });
  }
  std::string bytes() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->bytes;
  }
  std::vector<GstClockTime> times() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->pts;
  }
  std::vector<bool> disconts() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->discont;
  }
  // Each begins where the one before it ends.
  void expect_in_a_row(GstClockTime begin) const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    for (size_t i = 0; i < kept_->pts.size(); i++) {
      const GstClockTime wanted = i == 0 ? begin : kept_->end[i - 1];
      const GstClockTimeDiff apart = GST_CLOCK_DIFF(wanted, kept_->pts[i]);
      if (std::abs(apart) > 1)
        fail_unless(false, "buffer %d: %" G_GINT64_FORMAT " ns apart", int(i),
                    apart);
    }
  }
  template <typename T>
  std::vector<T> samples() const {
    const std::string all = bytes();
    std::vector<T> values(all.size() / sizeof(T));
    if (!values.empty())
      memcpy(values.data(), all.data(), values.size() * sizeof(T));
    return values;
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::string bytes;              // guarded by mutex
    std::vector<GstClockTime> pts;  // guarded by mutex
    std::vector<GstClockTime> end;  // guarded by mutex
    std::vector<bool> discont;      // guarded by mutex
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

inline void send(GstElement *source, const Sent &sent) {
  for (size_t i = 0; i < sent.frames; i += sent.piece)
    push_to(source, sent.buffer(i, std::min(sent.piece, sent.frames - i)));
}

// A mixer called "python" that plays as fast as it can, into nothing.
class Mixer : public Pipeline {
 public:
  // `sources`: by the pads that they are linked to.
  Mixer(const std::string &mixer,
        const std::vector<std::pair<std::string, Sent>> &sources)
      : Pipeline(line(mixer, sources)), heard_(python(), "src") {
    for (const auto &[pad, sent] : sources) {
      GstElement *source = find("from_" + pad);
      send(source, sent);
      end_of(source);
      gst_object_unref(source);
    }
  }

  GstElement *find(const std::string &name) const {
    GstElement *found = gst_bin_get_by_name(GST_BIN(get()), name.c_str());
    fail_unless(found != nullptr, "%s", name.c_str());
    return found;
  }
  void play() const {
    gst_element_set_state(get(), GST_STATE_PLAYING);
    expect_eos();
  }
  // What came out, as bytes.
  std::string bytes() const { return heard_.bytes(); }
  std::vector<GstClockTime> times() const { return heard_.times(); }
  std::vector<bool> disconts() const { return heard_.disconts(); }
  void expect_in_a_row(GstClockTime begin) const {
    heard_.expect_in_a_row(begin);
  }
  template <typename T>
  std::vector<T> samples() const {
    return heard_.samples<T>();
  }

 private:
  static std::string line(
      const std::string &mixer,
      const std::vector<std::pair<std::string, Sent>> &sources) {
    std::string all = mixer + " ! fakesink name=sink sync=false";
    for (const auto &[pad, sent] : sources)
      all += source_line("from_" + pad, sent.audio, "python." + pad);
    return all;
  }

  const Heard heard_;
};

inline std::string mixing(const std::string &properties = "",
                          const std::string &cls = "") {
  return line_of(
      "pythonmixer", plugin_file("mixing.py"),
      (cls.empty() ? "class=Mixing " : "class=" + cls + " ") + properties);
}

}  // namespace check
