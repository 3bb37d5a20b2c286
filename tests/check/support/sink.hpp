// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pythonsink in a GstHarness, which the test pushes buffers into.
#pragma once

#include "pipeline.hpp"

namespace check {

// sync=false unless `properties` say otherwise.
class Sink {
 public:
  explicit Sink(const std::string &script, const Audio &audio = {},
                const Properties &properties = {})
      : element_(gst_element_factory_make("pythonsink", nullptr)),
        bus_(gst_bus_new()),
        audio_(audio) {
    gst_object_ref_sink(element_);
    gst_element_set_bus(element_, bus_);
    g_object_set(element_, "script", script.c_str(), "sync", FALSE, nullptr);
    if (in_process()) g_object_set(element_, "deadline", 0, nullptr);
    for (const auto &[name, text] : properties)
      gst_util_set_object_arg(G_OBJECT(element_), name, text.c_str());
    fail_unless(to(GST_STATE_READY), "%s", reports().text().c_str());
    harness_ = gst_harness_new_with_element(element_, "sink", nullptr);
    push_event(gst_event_new_stream_start("check"));
    set_audio(audio);
    push_segment();
  }
  ~Sink() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_harness_teardown(harness_);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(bus_);
    gst_object_unref(element_);
  }
  Sink(const Sink &) = delete;
  Sink &operator=(const Sink &) = delete;

  GstElement *get() const { return element_; }
  GstBus *bus() const { return bus_; }
  const Audio &audio() const { return audio_; }

  bool to(GstState state) {
    return gst_element_set_state(element_, state) != GST_STATE_CHANGE_FAILURE;
  }
  bool push_event(GstEvent *event) {
    return gst_harness_push_event(harness_, event);
  }
  void push_segment() {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    push_event(gst_event_new_segment(&segment));
  }
  bool set_audio(const Audio &audio) {
    audio_ = audio;
    GstCaps *caps = audio.caps();
    const bool taken = push_event(gst_event_new_caps(caps));
    gst_caps_unref(caps);
    return taken;
  }
  void flush() {
    push_event(gst_event_new_flush_start());
    push_event(gst_event_new_flush_stop(TRUE));
    push_segment();
  }
  GstFlowReturn push(GstBuffer *buffer) {
    return gst_harness_push(harness_, buffer);
  }
  GstFlowReturn push_frames(size_t frames = 64) {
    return push(new_buffer(audio_, frames));
  }
  void expect_push(GstBuffer *buffer) {
    const GstFlowReturn flow = push(buffer);
    fail_unless(flow == GST_FLOW_OK, "%s: %s, %s", audio_.name().c_str(),
                gst_flow_get_name(flow), reports().text().c_str());
  }
  guint64 stat(const char *name) const { return stat_of(element_, name); }
  Reports reports() const { return reports_on(bus_); }
  void expect_no_reports() const {
    const Reports all = reports();
    fail_unless(all.empty(), "%s", all.text().c_str());
  }

 private:
  GstElement *element_;
  GstBus *bus_;
  GstHarness *harness_;
  Audio audio_;
};

}  // namespace check
