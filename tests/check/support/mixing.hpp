// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A mixer, ours or another, with sources that push what a test says, and what
// came out of it.
#pragma once

#include <algorithm>
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

// Has an appsrc give these, each when it is asked for, and end: however long
// that is, no more than a buffer of it is in memory.
inline void feed(GstElement *source, const Sent &sent) {
  struct Feed {
    const Sent sent;
    size_t at = 0;
  };
  g_signal_connect_data(
      source, "need-data",
      G_CALLBACK(+[](GstElement *from, guint, gpointer data) {
        auto *feed = static_cast<Feed *>(data);
        const Sent &all = feed->sent;
        if (feed->at >= all.frames) return end_of(from);
        GstBuffer *buffer =
            all.buffer(feed->at, std::min(all.piece, all.frames - feed->at));
        feed->at += all.piece;
        GstFlowReturn flow;  // it may be stopping
        g_signal_emit_by_name(from, "push-buffer", buffer, &flow);
        gst_buffer_unref(buffer);
      }),
      new Feed{sent},
      [](gpointer data, GClosure *) { delete static_cast<Feed *>(data); },
      GConnectFlags(0));
}

// By the pads that they are linked to.
using Sources = std::vector<std::pair<std::string, Sent>>;

// A mixer called "python", which gets what its sources have as fast as it can.
class FedMixer : public Pipeline {
 public:
  FedMixer(const std::string &mixer, const Sources &sources,
           const std::string &sink)
      : Pipeline(line(mixer + " ! " + sink, sources)) {
    for (const auto &[pad, sent] : sources) {
      GstElement *source = find("from_" + pad);
      feed(source, sent);
      gst_object_unref(source);
    }
  }
  GstElement *find(const std::string &name) const {
    GstElement *found = gst_bin_get_by_name(GST_BIN(get()), name.c_str());
    fail_unless(found != nullptr, "%s", name.c_str());
    return found;
  }

 private:
  static std::string line(std::string all, const Sources &sources) {
    for (const auto &[pad, sent] : sources)
      all += source_line("from_" + pad, sent.audio, "python." + pad);
    return all;
  }
};

// The same, into nothing.
class Mixer : public FedMixer {
 public:
  Mixer(const std::string &mixer, const Sources &sources)
      : FedMixer(mixer, sources, "fakesink name=sink sync=false"),
        heard_(python(), "src") {}

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
  const Heard heard_;
};

inline std::string doing(const std::string &what,
                         const std::string &more = "") {
  return "params=\"p,do=(string)\\\"" + what + "\\\"\" " + more;
}

// What an audiotestsrc makes goes to an input.
inline std::string tested(const std::string &pad,
                          const std::string &properties = "") {
  return " audiotestsrc " + properties +
         " ! audio/x-raw,rate=8000,channels=1 ! python." + pad;
}

inline std::string mixing(const std::string &properties = "",
                          const std::string &cls = "") {
  return line_of(
      "pythonmixer", plugin_file("mixing.py"),
      (cls.empty() ? "class=Mixing " : "class=" + cls + " ") + properties);
}

// A source that comes to a mixer that plays, at a pad of its own, and goes when
// this does.
class Joined {
 public:
  // `source`: as in a launch line; it begins there, and so nothing of it is too
  // late. `params`: of the input.
  Joined(GstElement *mixer, const char *source, GstClockTime begin,
         const std::string &params = "")
      : mixer_(mixer),
        bin_(gst_object_get_parent(GST_OBJECT(mixer))),
        source_(gst_parse_launch(source, nullptr)) {
    gst_bin_add(GST_BIN(bin_), source_);
    pad_ = gst_element_request_pad_simple(mixer, "sink_%u");
    if (!params.empty())
      gst_util_set_object_arg(G_OBJECT(pad_), "params", params.c_str());
    GstPad *from = gst_element_get_static_pad(source_, "src");
    gst_pad_set_offset(from, gint64(begin));
    fail_unless_equals_int(gst_pad_link(from, pad_), GST_PAD_LINK_OK);
    gst_object_unref(from);
    gst_element_sync_state_with_parent(source_);
  }
  ~Joined() {
    gst_element_set_locked_state(source_, TRUE);
    gst_element_set_state(source_, GST_STATE_NULL);
    gst_element_release_request_pad(mixer_, pad_);
    gst_bin_remove(GST_BIN(bin_), source_);
    gst_object_unref(pad_);
    gst_object_unref(bin_);
  }
  Joined(const Joined &) = delete;
  Joined &operator=(const Joined &) = delete;

 private:
  GstElement *const mixer_;
  GstObject *const bin_;
  GstElement *const source_;
  GstPad *pad_;
};

// A square wave of 0 Hz is its volume.
constexpr char a_quarter[] = "audiotestsrc wave=square freq=0 volume=0.25";

// A mixer with an input that is live and goes on, and another that is live and
// has what a test brings.
class BesideLive : public Pipeline {
 public:
  explicit BesideLive(const std::string &mixer)
      : Pipeline(mixer +
                 " ! fakesink sync=false audiotestsrc is-live=true ! "
                 "audio/x-raw,format={F32LE,F32BE},rate=8000,channels=1 ! "
                 "python.sink_0" +
                 source_line("source", Sent().audio, "python.sink_1",
                             "is-live=true do-timestamp=true min-latency=0 "
                             "max-latency=1000000000")),
        source_(gst_bin_get_by_name(GST_BIN(get()), "source")) {}
  ~BesideLive() { gst_object_unref(source_); }
  // 20 ms, which begin now.
  void bring() const {
    GstBuffer *buffer = Sent().buffer(0, 160);
    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    push_to(source_, buffer);
    g_usleep(10000);
  }

 private:
  GstElement *const source_;
};

// `wanted(i)` is what frame i is.
template <typename T, typename Wanted>
void expect_frames(const std::vector<T> &got, size_t from, size_t to,
                   const Wanted &wanted, size_t before = 0) {
  fail_unless(got.size() >= to - before, "%d", int(got.size()));
  for (size_t i = from; i < to; i++)
    if (double(got[i - before]) != double(wanted(i)))
      fail_unless(false, "frame %d: %g, not %g", int(i),
                  double(got[i - before]), double(wanted(i)));
}

// Of a plugin that has a deadline: how many of its blocks came too late and are
// silent; all the others are what is wanted.
template <typename T, typename Wanted>
guint64 count_silent(const std::vector<T> &got, size_t block,
                     const Wanted &wanted) {
  guint64 silent = 0;
  for (size_t from = 0; from < got.size(); from += block) {
    const size_t to = std::min(from + block, got.size());
    if (std::all_of(got.begin() + long(from), got.begin() + long(to),
                    [](T each) { return each == 0; }))
      silent++;
    else
      expect_frames(got, from, to, wanted);
  }
  return silent;
}

// So that what is downstream of `pad` does not find it late: of one that is
// live, in a process of its own.
inline void expect_to_tell_a_deadline(const Pipeline &pipeline,
                                      const char *pad) {
  const Output output(pipeline.python(), pad);
  g_object_set(pipeline.python(), "deadline", 70, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  fail_unless(output.wait_for(3));
  const GstClockTime before = latency_of(pipeline.python());
  fail_unless(before >= 70 * GST_MSECOND);
  g_object_set(pipeline.python(), "deadline", 270, nullptr);
  fail_unless_equals_uint64(latency_of(pipeline.python()),
                            before + 200 * GST_MSECOND);
}

}  // namespace check
