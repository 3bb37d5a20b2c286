// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What every element that hosts a Python plugin is made of: its properties,
// the plugin's life from NULL to NULL, what happens when a call fails, and the
// statistics. The element classes add what their base class needs.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gst/audio/audio.h>

#include "../bridge/bridge.hpp"
#include "audioblock.hpp"
#include "statistics.hpp"

namespace pythonfilter {

enum class OnError { Fail, Passthrough, Silence, Drop };

// Property ids of an element class continue from here.
constexpr guint last_shared_property = 7;

class PythonElement final : private HangObserver {
 public:
  PythonElement(GstElement *element, PluginKind kind);
  ~PythonElement();

  static void install_properties(GObjectClass *object_class);
  // False: not one of the shared ones.
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // Stands in for the parent's change_state, which it calls.
  GstStateChangeReturn change_state(GstStateChange transition,
                                    GstElementClass *parent);

  // The caps that the plugin takes, the template's before READY.
  GstCaps *allowed_caps() const;
  // Says on the bus, once, that `offered` is none of them.
  void warn_about_caps(const GstCaps *offered);

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(const GstAudioInfo &info);
  void stop();

  // One buffer through the plugin, in place; it is made writable where the
  // plugin may write. NULL is left of a buffer that is dropped.
  GstFlowReturn process(GstBuffer **buffer);
  GstFlowReturn reset();
  // The tail as one buffer, NULL when there is none.
  GstFlowReturn drain(GstBuffer **tail);

  bool started() const { return started_; }
  bool read_only() const { return read_only_; }
  GstClockTime latency() const { return latency_.load(); }
  void post_statistics();

 private:
  struct Settings {
    std::string script, module, class_name, venv;
  };

  void call_hangs(const std::string &phase, const std::string &stack) override;
  bool load();
  void unload();
  void begin_stop();
  void end_stop();
  bool change_setting(std::string Settings::*setting, const GValue *value,
                      const char *name);
  std::string plugin_name() const;
  void set_params(const GstStructure *changes);
  GstFlowReturn apply_params();
  GstFlowReturn update_latency();
  // Ok, or what came of it in failure_.
  Outcome run(GstBuffer *buffer, AudioBlock *block);
  void count(const AudioBlock &block);
  void warn_about_escapes();
  // One message by policy; what the stream returns.
  GstFlowReturn report(const Failure &failure, GstClockTime pts);
  GstFlowReturn let_through(GstBuffer **buffer, AudioBlock *block);
  GstBuffer *make_tail(const Tail &tail);
  void note_position(GstBuffer *buffer, size_t frames);

  GstElement *const element_;
  const PluginKind kind_;

  // A leaf lock: nothing is called and nothing waited for under it.
  mutable std::mutex mutex_;
  Settings settings_;               // guarded by mutex_
  GstStructure *params_ = nullptr;  // guarded by mutex_; NULL: none set
  std::vector<Parameter> pending_;  // guarded by mutex_
  std::atomic<bool> params_changed_{false};
  std::atomic<OnError> on_error_{OnError::Fail};
  GstCaps *caps_ = nullptr;  // guarded by mutex_; NULL: not loaded

  std::unique_ptr<Plugin> plugin_;  // from READY to NULL
  std::string name_;                // of the plugin, for messages; as plugin_
  bool read_only_ = false;          // as plugin_
  Statistics stats_;
  std::atomic<bool> stopping_{false};
  std::atomic<GstClockTime> latency_{0};
  uint64_t stop_deadline_ = 0;
  std::atomic<bool> caps_warned_{false};
  std::atomic<bool> escape_warned_{false};

  // The streaming thread's, between caps and stop.
  bool started_ = false;
  bool failed_ = false;  // an error was posted: nothing more gets through
  bool fresh_ = true;    // no buffer since start or reset
  Failure failure_;      // of the call; strings are not made for each buffer
  GstAudioInfo info_;
  double ticks_per_frame_ = 0;
  guint64 frames_since_latency_ = 0;
  GstClockTime next_pts_ = GST_CLOCK_TIME_NONE;
  guint64 next_offset_ = GST_BUFFER_OFFSET_NONE;
  std::vector<std::byte> before_;  // the samples from before the call
  uint64_t last_warning_ = 0;      // monotonic_ns
  guint64 unreported_ = 0;
};

}  // namespace pythonfilter

GType gst_python_on_error_get_type();
