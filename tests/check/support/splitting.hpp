// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A demixer, what it is sent, and what came out of each of its pads.
#pragma once

#include <atomic>

#include "mixing.hpp"

namespace check {

inline Sent sent(int channels, const char *format = "F32",
                 size_t frames = 800) {
  Sent made;
  made.audio = {format, false, channels, 8000};
  made.frames = frames;
  return made;
}

inline std::string splitting(const std::string &properties = "",
                             const std::string &cls = "Splitting") {
  return line_of("pythondemixer", plugin_file("splitting.py"),
                 "class=" + cls + " " + properties);
}

inline std::string shipped(const char *file) {
  return line_of("pythondemixer", std::string(CHECK_SHIPPED "/") + file);
}

// A demixer called "python" that plays what it is sent, into nothing.
class Demixer : public Pipeline {
 public:
  Demixer(const std::string &demixer, const Sent &sent,
          const std::vector<std::string> &pads,
          const std::string &behind = " fakesink sync=false async=false")
      : Pipeline(line(demixer, sent, pads, behind)) {
    for (const std::string &pad : pads) {
      heard.emplace_back(python(), pad.c_str());
      gaps.push_back(count_gaps(pad.c_str()));
    }
    GstElement *from = source();
    send(from, sent);
    gst_object_unref(from);
  }

  GstElement *source() const {
    return gst_bin_get_by_name(GST_BIN(get()), "source");
  }
  void play() const {
    GstElement *from = source();
    end_of(from);
    gst_object_unref(from);
    gst_element_set_state(get(), GST_STATE_PLAYING);
    expect_eos();
  }
  template <typename T>
  std::vector<T> samples(size_t output) const {
    return heard[output].samples<T>();
  }

  std::vector<Heard> heard;
  std::vector<std::shared_ptr<std::atomic<int>>> gaps;

 private:
  static std::string line(const std::string &demixer, const Sent &sent,
                          const std::vector<std::string> &pads,
                          const std::string &behind) {
    std::string all = source_line("source", sent.audio, demixer);
    for (const std::string &pad : pads)
      all += " python." + pad + " !" + behind;
    return all;
  }

  std::shared_ptr<std::atomic<int>> count_gaps(const char *name) {
    auto count = std::make_shared<std::atomic<int>>(0);
    GstPad *pad = gst_element_get_static_pad(python(), name);
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
          GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
          if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
            ++**static_cast<std::shared_ptr<std::atomic<int>> *>(data);
          return GST_PAD_PROBE_OK;
        },
        new std::shared_ptr<std::atomic<int>>(count),
        [](gpointer data) {
          delete static_cast<std::shared_ptr<std::atomic<int>> *>(data);
        });
    gst_object_unref(pad);
    return count;
  }
};

// As class Splitting makes it of channel c.
inline auto channel(const Sent &sent, int c, double more = 1) {
  return [=](size_t i) { return sent.sample(c, i) + more; };
}

// An element alone, with pads around it that give what a test says.
struct Around {
  Element element;
  GstPad *from;
  struct To {
    GstPad *pad;
    GstFlowReturn flow = GST_FLOW_OK;
    int gaps = 0, frames = 0;
  } to[2];

  explicit Around(const Properties &properties = {{"class", "Splitting"}})
      : element(plugin_file("splitting.py"), properties, "pythondemixer") {
    from = gst_pad_new("from", GST_PAD_SRC);
    GstPad *sink = gst_element_get_static_pad(element.get(), "sink");
    gst_pad_set_active(from, TRUE);
    fail_unless_equals_int(gst_pad_link(from, sink), GST_PAD_LINK_OK);
    gst_object_unref(sink);
    for (To &each : to) {
      each.pad = gst_pad_new(nullptr, GST_PAD_SINK);
      gst_pad_set_chain_function_full(
          each.pad,
          [](GstPad *pad, GstObject *, GstBuffer *buffer) {
            auto *self = static_cast<To *>(pad->chaindata);
            self->frames += int(gst_buffer_get_size(buffer) / 4);
            gst_buffer_unref(buffer);
            return self->flow;
          },
          &each, nullptr);
      gst_pad_set_event_function_full(
          each.pad,
          [](GstPad *pad, GstObject *parent, GstEvent *event) {
            if (GST_EVENT_TYPE(event) == GST_EVENT_GAP)
              static_cast<To *>(pad->eventdata)->gaps++;
            return gst_pad_event_default(pad, parent, event);
          },
          &each, nullptr);
      gst_pad_set_active(each.pad, TRUE);
      GstPad *src = gst_element_request_pad_simple(element.get(), "src_%u");
      fail_unless_equals_int(gst_pad_link(src, each.pad), GST_PAD_LINK_OK);
      gst_object_unref(src);
    }
    fail_unless(gst_element_set_state(element.get(), GST_STATE_PLAYING) !=
                GST_STATE_CHANGE_FAILURE);
    GstCaps *caps = sent(2).audio.caps();
    gst_check_setup_events_with_stream_id(from, element.get(), caps,
                                          GST_FORMAT_TIME, "stream");
    gst_caps_unref(caps);
  }
  ~Around() {
    gst_element_set_state(element.get(), GST_STATE_NULL);
    for (To &each : to) {
      gst_pad_set_active(each.pad, FALSE);
      gst_object_unref(each.pad);
    }
    gst_object_unref(from);
  }
  GstFlowReturn push(int at) {
    return gst_pad_push(from, sent(2).buffer(size_t(at) * 80, 80));
  }
};

}  // namespace check
