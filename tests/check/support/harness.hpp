// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the tests share: an element with a bus, and the same in a GstHarness.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <gst/check/gstharness.h>

#include "audio.hpp"
#include "reports.hpp"

namespace check {

// ---- an element -------------------------------------------------------------

using Properties = std::vector<std::pair<const char *, std::string>>;

// Each is what it was set to.
inline void expect_read_back(GstElement *element,
                             const Properties &properties) {
  for (const auto &[name, text] : properties) {
    GParamSpec *spec =
        g_object_class_find_property(G_OBJECT_GET_CLASS(element), name);
    fail_unless(spec != nullptr, "%s", name);
    GValue set = G_VALUE_INIT, got = G_VALUE_INIT;
    g_value_init(&set, spec->value_type);
    g_value_init(&got, spec->value_type);
    fail_unless(gst_value_deserialize(&set, text.c_str()), "%s", text.c_str());
    g_object_set_property(G_OBJECT(element), name, &set);
    g_object_get_property(G_OBJECT(element), name, &got);
    fail_unless(gst_value_compare(&set, &got) == GST_VALUE_EQUAL, "%s", name);
    g_value_unset(&set);
    g_value_unset(&got);
  }
}

inline guint64 stat_of(GstElement *element, const char *name) {
  GstStructure *stats;
  g_object_get(element, "stats", &stats, nullptr);
  guint64 value = 0;
  fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
  gst_structure_free(stats);
  return value;
}

class Element {
 public:
  explicit Element(const std::string &script, const Properties &properties = {},
                   const char *factory = "pythonfilter")
      : element_(gst_element_factory_make(factory, nullptr)),
        bus_(gst_bus_new()) {
    fail_unless(element_ != nullptr, "no element %s", factory);
    gst_object_ref_sink(element_);
    gst_element_set_bus(element_, bus_);
    if (!script.empty()) set("script", script);
    // A harness is live: each buffer would have to be back before it is over.
    if (in_process()) set("deadline", "0");
    for (const auto &[name, text] : properties)
      set(name, text);
  }
  ~Element() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(bus_);
    gst_object_unref(element_);
  }
  Element(const Element &) = delete;
  Element &operator=(const Element &) = delete;

  GstElement *get() const { return element_; }
  GstBus *bus() const { return bus_; }

  void set(const char *name, const std::string &text) {
    gst_util_set_object_arg(G_OBJECT(element_), name, text.c_str());
  }
  bool to(GstState state) {
    return gst_element_set_state(element_, state) != GST_STATE_CHANGE_FAILURE;
  }

  guint64 stat(const char *name) const { return stat_of(element_, name); }

  // The property's text as gst-launch-1.0 would write it.
  std::string text_of(const char *property) const {
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element_), property, &value);
    char *text = nullptr;
    if (!GST_VALUE_HOLDS_STRUCTURE(&value))
      text = gst_value_serialize(&value);
    else if (const GstStructure *fields = gst_value_get_structure(&value))
      text = gst_structure_to_string(fields);
    std::string result = text ? text : "";
    g_free(text);
    g_value_unset(&value);
    return result;
  }

  // ERRORs and WARNINGs so far. Throws every other message away.
  Reports reports() const { return reports_on(bus_); }
  void expect_no_reports() const {
    const Reports all = reports();
    fail_unless(all.empty(), "%s", all.text().c_str());
  }

 private:
  GstElement *element_;
  GstBus *bus_;
};

// ---- an element that is pushed into -----------------------------------------

class Harnessed : public Element {
 public:
  GstHarness *harness() const { return harness_; }

  bool push_event(GstEvent *event) {
    return gst_harness_push_event(harness_, event);
  }
  // Takes the caps.
  bool push_caps(GstCaps *caps) {
    const bool taken = push_event(gst_event_new_caps(caps));
    gst_caps_unref(caps);
    return taken;
  }
  void push_segment() {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_event(gst_event_new_segment(&segment));
  }
  GstFlowReturn push(GstBuffer *buffer) {
    return gst_harness_push(harness_, buffer);
  }
  void expect_push(GstBuffer *buffer) {
    const GstFlowReturn flow = push(buffer);
    fail_unless(flow == GST_FLOW_OK, "%s, %s", gst_flow_get_name(flow),
                reports().text().c_str());
  }
  // NULL: nothing came out.
  GstBuffer *pull() { return gst_harness_try_pull(harness_); }

 protected:
  // In READY, with a stream that has begun. `src`: NULL for a sink.
  Harnessed(const char *factory, const std::string &script,
            const Properties &properties, const char *src)
      : Element(script, properties, factory) {
    fail_unless(to(GST_STATE_READY), "%s", reports().text().c_str());
    harness_ = gst_harness_new_with_element(get(), "sink", src);
    push_event(gst_event_new_stream_start("check"));
  }
  ~Harnessed() {
    to(GST_STATE_NULL);
    gst_harness_teardown(harness_);
  }

 private:
  GstHarness *harness_;
};

// ---- a stream through the element -------------------------------------------

class Stream : public Harnessed {
 public:
  Stream(const std::string &script, const Audio &audio = {},
         const Properties &properties = {})
      : Harnessed("pythonfilter", script, properties, "src"), audio_(audio) {
    set_audio(audio);
  }

  const Audio &audio() const { return audio_; }

  // New caps and, if there is none yet, a segment.
  void set_audio(const Audio &audio) {
    audio_ = audio;
    push_caps(audio.caps());
    if (!segment_sent_) push_segment();
    segment_sent_ = true;
  }
  // PLAYING, and the events that a pad forgets when it stops.
  void play_again() {
    fail_unless(to(GST_STATE_PLAYING));
    push_event(gst_event_new_stream_start("again"));
    segment_sent_ = false;
    set_audio(audio_);
  }
  GstFlowReturn push_frames(size_t frames = 64) {
    return push(new_buffer(audio_, frames));
  }

  // Pushes, and gives what came out; it must be OK and something.
  GstBuffer *through(GstBuffer *buffer) {
    const GstFlowReturn flow = push(buffer);
    fail_unless(flow == GST_FLOW_OK, "%s: %s, %s", audio_.name().c_str(),
                gst_flow_get_name(flow), reports().text().c_str());
    GstBuffer *out = pull();
    fail_unless(out != nullptr, "nothing came out");
    return out;
  }
  void expect_through(const Number &number, size_t frames = 64) {
    GstBuffer *out = through(new_buffer(audio_, frames));
    expect_samples(out, audio_, number);
    gst_buffer_unref(out);
  }

 private:
  Audio audio_;
  bool segment_sent_ = false;
};

// How much later the stream says that it comes out.
inline GstClockTime latency_through(const Stream &stream) {
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  GstQuery *query = gst_query_new_latency();
  fail_unless(gst_pad_query(pad, query));
  gboolean live;
  GstClockTime least, most;
  gst_query_parse_latency(query, &live, &least, &most);
  fail_unless(most == GST_CLOCK_TIME_NONE || most >= least);
  gst_query_unref(query);
  gst_object_unref(pad);
  return least;
}

// How often it was said that this changed; throws other messages away.
inline int latency_messages(const Stream &stream) {
  int count = 0;
  while (GstMessage *message =
             next_message(stream.bus(), GST_MESSAGE_LATENCY)) {
    gst_message_unref(message);
    count++;
  }
  return count;
}

}  // namespace check
