// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the programs here measure with: an element between two pads, and the
// middle of what was measured.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <string>
#include <time.h>
#include <unistd.h>
#include <vector>

#include <gst/audio/audio.h>
#include <gst/gst.h>

inline std::string python_filter(const std::string &script) {
  return "pythonfilter script=\"" + script + "\"";
}

inline double now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

inline double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         size_t(double(values.size()) * share))];
}

inline double median(const std::vector<double> &values) {
  return quantile(values, 0.5);
}

// One element between two pads of ours. The same buffer goes round: what
// arrives behind the element is pushed in again, so nothing is allocated. With
// `changes` the same buffer is pushed again and again, and what arrives is
// dropped.
class Line {
 public:
  // `what`: an element and its properties, as on a launch line.
  Line(const std::string &what, int frames, bool changes = false)
      : changes_(changes), duration_(guint64(frames) * GST_SECOND / 48000) {
    GError *error = nullptr;
    element_ = gst_parse_launch_full(what.c_str(), nullptr,
                                     GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (!element_) {
      fprintf(stderr, "%s: %s; GST_PLUGIN_PATH says where to look\n",
              what.c_str(), error->message);
      exit(2);
    }
    gst_object_ref_sink(element_);
    if (gst_element_set_state(element_, GST_STATE_PLAYING) ==
        GST_STATE_CHANGE_FAILURE) {
      fprintf(stderr, "%s does not start\n", what.c_str());
      exit(2);
    }
    in_ = gst_pad_new("in", GST_PAD_SRC);
    out_ = gst_pad_new("out", GST_PAD_SINK);
    gst_pad_set_element_private(out_, this);
    gst_pad_set_chain_function(
        out_, [](GstPad *pad, GstObject *, GstBuffer *buffer) {
          auto *line = static_cast<Line *>(gst_pad_get_element_private(pad));
          if (line->changes_)
            gst_buffer_unref(buffer);
          else
            line->buffer_ = buffer;
          return GST_FLOW_OK;
        });
    gst_pad_set_active(in_, TRUE);
    gst_pad_set_active(out_, TRUE);
    GstPad *sink = gst_element_get_static_pad(element_, "sink");
    GstPad *src = gst_element_get_static_pad(element_, "src");
    gst_pad_link(in_, sink);
    gst_pad_link(src, out_);
    gst_object_unref(sink);
    gst_object_unref(src);

    GstAudioInfo info;
    gst_audio_info_init(&info);
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_F32, 48000, 2, nullptr);
    GstCaps *caps = gst_audio_info_to_caps(&info);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(in_, gst_event_new_stream_start("bench"));
    gst_pad_push_event(in_, gst_event_new_caps(caps));
    gst_pad_push_event(in_, gst_event_new_segment(&segment));
    gst_caps_unref(caps);
    buffer_ = gst_buffer_new_allocate(nullptr, size_t(frames) * 8, nullptr);
    gst_buffer_memset(buffer_, 0, 0, size_t(frames) * 8);
  }
  Line(const Line &) = delete;
  Line &operator=(const Line &) = delete;

  ~Line() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_buffer_unref(buffer_);
    for (GstPad *pad : {in_, out_}) {
      gst_pad_set_active(pad, FALSE);
      gst_object_unref(pad);
    }
    gst_object_unref(element_);
  }

  void push() {
    if (changes_) gst_buffer_ref(buffer_);
    // As a source counts.
    if (!changes_) GST_BUFFER_PTS(buffer_) = pushed_++ * duration_;
    if (gst_pad_push(in_, buffer_) != GST_FLOW_OK) {
      fprintf(stderr, "a buffer was refused\n");
      exit(2);
    }
  }

  double push_many(int count) {
    const double begin = now_ns();
    for (int i = 0; i < count; i++)
      push();
    return (now_ns() - begin) / count;
  }

  // The buffer that goes round has these samples from now on.
  void refill(const std::vector<float> &samples) {
    gst_buffer_fill(buffer_, 0, samples.data(), samples.size() * 4);
  }

  GstElement *element() { return element_; }

  // What the plugin says of a parameter, once it has been set.
  double ask(const char *name, const char *value) {
    GstStructure *ask =
        gst_structure_new("p", name, G_TYPE_STRING, value, nullptr);
    g_object_set(element_, "params", ask, nullptr);
    gst_structure_free(ask);
    push();
    GstStructure *answer = nullptr;
    g_object_get(element_, "params", &answer, nullptr);
    const double told = atof(gst_structure_get_string(answer, name));
    gst_structure_free(answer);
    return told;
  }
  // The fewest of some looks, between which what was on its way back to Python
  // arrives there.
  long python_blocks() {
    long fewest = long(ask("blocks", "?"));
    for (int look = 0; look < 5; look++) {
      usleep(120000);
      fewest = std::min(fewest, long(ask("blocks", "?")));
    }
    return fewest;
  }

 private:
  const bool changes_;
  guint64 pushed_ = 0;
  GstClockTime duration_;
  GstElement *element_;
  GstPad *in_, *out_;
  GstBuffer *buffer_;
};

inline void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(size_t(cpu), &set);
  sched_setaffinity(0, sizeof set, &set);
}
