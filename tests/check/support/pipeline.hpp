// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pipeline around one Python element of any kind, and what came out of it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "harness.hpp"
#include "waiting.hpp"

namespace check {

inline int count_in(const std::string &text, const std::string &part) {
  int count = 0;
  for (size_t i = text.find(part); i != std::string::npos;
       i = text.find(part, i + 1))
    count++;
  return count;
}

// As gst-launch-1.0 takes it; the element is called "python".
inline std::string line_of(const char *factory, const std::string &script,
                           const std::string &properties = "") {
  return std::string(factory) + " name=python script=\"" + script + "\" " +
         (in_process() ? "deadline=0 " : "") + properties;
}

class Pipeline {
 public:
  explicit Pipeline(const std::string &line) {
    GError *error = nullptr;
    GstElement *made = gst_parse_launch_full(
        line.c_str(), nullptr, GST_PARSE_FLAG_PLACE_IN_BIN, &error);
    fail_unless(error == nullptr, "%s: %s", line.c_str(),
                error ? error->message : "");
    pipeline_ = gst_pipeline_new(nullptr);
    // What is told on the way to NULL is of interest as well.
    g_object_set(pipeline_, "auto-flush-bus", FALSE, nullptr);
    fail_unless(gst_bin_add(GST_BIN(pipeline_), made));
    bus_ = gst_element_get_bus(pipeline_);
    python_ = gst_bin_get_by_name(GST_BIN(pipeline_), "python");
    fail_unless(python_ != nullptr);
  }
  ~Pipeline() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    // Messages hold the elements that sent them.
    gst_bus_set_flushing(bus_, TRUE);
    gst_object_unref(python_);
    gst_object_unref(bus_);
    gst_object_unref(pipeline_);
  }
  Pipeline(const Pipeline &) = delete;
  Pipeline &operator=(const Pipeline &) = delete;

  GstElement *get() const { return pipeline_; }
  GstElement *python() const { return python_; }
  GstBus *bus() const { return bus_; }

  // Also waits until it is there, or until it cannot be.
  bool to(GstState state) const {
    gst_element_set_state(pipeline_, state);
    const GstStateChangeReturn got = gst_element_get_state(
        pipeline_, nullptr, nullptr, GstClockTime(patience) * GST_SECOND);
    return got == GST_STATE_CHANGE_SUCCESS ||
           got == GST_STATE_CHANGE_NO_PREROLL;
  }
  void expect_to(GstState state) const {
    fail_unless(to(state), "%s: %s", gst_element_state_get_name(state),
                reports().text().c_str());
  }
  void expect_null() const {
    fail_unless(gst_element_set_state(pipeline_, GST_STATE_NULL) ==
                GST_STATE_CHANGE_SUCCESS);
  }
  // NULL: it did not come. Throws every other message away.
  GstMessage *wait_for(GstMessageType types) const {
    return next_message(bus_, types, GstClockTime(patience) * GST_SECOND);
  }
  void expect_eos() const {
    for (;;) {
      GstMessage *message = wait_for(GstMessageType(
          GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
      fail_unless(message != nullptr, "no EOS");
      const GstMessageType type = GST_MESSAGE_TYPE(message);
      if (type != GST_MESSAGE_EOS) warnings_.push_back(report_in(message));
      gst_message_unref(message);
      fail_unless(type != GST_MESSAGE_ERROR, "%s", warnings_.text().c_str());
      if (type == GST_MESSAGE_EOS) return;
    }
  }
  // Those that came before the EOS too.
  Reports reports() const {
    Reports all = std::move(warnings_);
    warnings_.clear();
    Reports later = reports_on(bus_);
    for (Report &report : later) {
      all.push_back(report);
      report.details = nullptr;
    }
    return all;
  }
  void expect_no_reports() const {
    const Reports all = reports();
    fail_unless(all.empty(), "%s", all.text().c_str());
  }
  guint64 stat(const char *name) const { return stat_of(python_, name); }

 private:
  GstElement *pipeline_, *python_;
  GstBus *bus_;
  mutable Reports warnings_;
};

using OnBuffer = std::function<void(GstBuffer *)>;

// Calls `seen` for each buffer that passes one of an element's pads, in the
// streaming thread.
inline void on_buffers(GstElement *element, const char *pad_name,
                       OnBuffer seen) {
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer function) {
        (*static_cast<OnBuffer *>(function))(GST_PAD_PROBE_INFO_BUFFER(info));
        return GST_PAD_PROBE_OK;
      },
      new OnBuffer(std::move(seen)),
      [](gpointer function) { delete static_cast<OnBuffer *>(function); });
  gst_object_unref(pad);
}

// What is told about a buffer that came out, without keeping its memory.
struct Seen {
  GstClockTime pts, duration;
  guint64 offset, offset_end;
  bool discont, gap;
  double when;  // seconds_now()
};

// What left an element's pad, from any thread.
class Output {
 public:
  explicit Output(GstElement *element, const char *pad = "src") {
    on_buffers(element, pad, [kept = kept_](GstBuffer *buffer) {
      std::lock_guard<std::mutex> lock(kept->mutex);
      kept->seen.push_back(
          {GST_BUFFER_PTS(buffer), GST_BUFFER_DURATION(buffer),
           GST_BUFFER_OFFSET(buffer), GST_BUFFER_OFFSET_END(buffer),
           bool(GST_BUFFER_IS_DISCONT(buffer)),
           bool(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP)),
           seconds_now()});
    });
  }
  std::vector<Seen> all() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->seen;
  }
  size_t count() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->seen.size();
  }
  // 0 before there is any.
  GstClockTime last_pts() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->seen.empty() ? 0 : kept_->seen.back().pts;
  }
  bool wait_for(size_t buffers) const {
    return wait_until([&] { return count() >= buffers; });
  }

 private:
  // The probe's too: the pad may outlive this.
  struct Kept {
    std::mutex mutex;
    std::vector<Seen> seen;  // guarded by mutex
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

// What a pad of floats gave last: the first of them, and where they end.
class Last {
 public:
  explicit Last(GstElement *element, const char *pad = "src") {
    on_buffers(element, pad, [kept = kept_](GstBuffer *buffer) {
      float sample;
      gst_buffer_extract(buffer, 0, &sample, sizeof sample);
      kept->sample = sample;
      kept->end = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
    });
  }
  float sample() const { return kept_->sample; }
  GstClockTime end() const { return kept_->end; }
  // In the end.
  void expect(float wanted) const {
    fail_unless(wait_until([&] { return sample() == wanted; }), "%g, not %g",
                double(sample()), double(wanted));
  }

 private:
  struct Kept {
    std::atomic<float> sample{0};
    std::atomic<GstClockTime> end{0};
  };
  const std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

// How much later it says that it comes out, at least.
inline GstClockTime latency_of(GstElement *element) {
  GstQuery *query = gst_query_new_latency();
  fail_unless(gst_element_query(element, query));
  GstClockTime least;
  gst_query_parse_latency(query, nullptr, &least, nullptr);
  gst_query_unref(query);
  return least;
}

// The process that its plugin is in; 0: there is none now.
inline pid_t worker_of(GstElement *element) {
  GstStructure *stats;
  g_object_get(element, "stats", &stats, nullptr);
  gint64 pid = 0;
  gst_structure_get_int64(stats, "worker-pid", &pid);
  gst_structure_free(stats);
  return pid_t(pid);
}

inline GstCaps *caps_on(GstElement *element, const char *pad_name) {
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  GstCaps *caps = gst_pad_get_current_caps(pad);
  gst_object_unref(pad);
  fail_unless(caps != nullptr, "no caps on %s", pad_name);
  return caps;
}

}  // namespace check
