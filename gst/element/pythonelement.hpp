// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What every element that hosts a Python plugin is made of: its properties,
// the plugin's life from NULL to NULL, what happens when a call fails, and the
// statistics. The element classes add what their base class needs.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "../buffers/audioblock.hpp"
#include "../buffers/lentallocator.hpp"
#include "../caps/negotiatedstream.hpp"
#include "../debug.hpp"
#include "../params/curves.hpp"
#include "../params/pluginparams.hpp"
#include "../params/pluginproperties.hpp"
#include "../reload/reloader.hpp"
#include "../reload/stopdeadline.hpp"
#include "../stream/busyhere.hpp"
#include "capsrefusal.hpp"
#include "deadlinerule.hpp"
#include "elementcaps.hpp"
#include "failurereport.hpp"
#include "pluginsettings.hpp"
#include "statistics.hpp"

namespace pythonfilter {

class PythonElement final : private HangObserver, private ReloadObserver {
 public:
  // `segment` is the base class's, of the stream.
  PythonElement(GstElement *element, PluginKind kind,
                const GstSegment &segment);

  // The PythonElement of an instance of any of our element classes.
  static PythonElement *of(gpointer element);

  // Which plugin it has, and what that was told.
  PluginSettings settings;
  const PluginParams &params() const { return params_; }
  const PluginProperties &properties() const { return properties_; }

  static void install_properties(GObjectClass *object_class);
  // False: not one of the shared ones.
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // Stands in for the parent's change_state, which it calls.
  GstStateChangeReturn change_state(GstStateChange transition,
                                    GstElementClass *parent);

  ElementCaps caps;
  // What cannot come of them.
  CapsRefusal refusal;
  // Whether the plugin stands by what the pads agreed on. False: an error was
  // posted.
  bool confirm_caps(GstCaps *input, GstCaps *output);
  // As confirm_caps(), for a source that declares caps.
  bool confirm_source_caps(GstCaps *agreed);
  // What of a format comes of the input's caps, where the plugin declares caps;
  // `info` is empty where that is no raw audio. False: an error was posted.
  bool describe_input(const GstCaps *caps, GstAudioInfo *info,
                      StreamFormat *format);
  // Whether the plugin takes them, of a filter. False: that was posted.
  bool takes(const GstCaps *input);
  // Caps that it does not take are no reason to end the stream. Any thread.
  bool drops_caps() const { return on_error() == OnError::Drop && closes(); }
  // Says that no stream can be made of caps that the plugin takes or gives.
  // Always false.
  bool refuse_caps(const GstCaps *caps, const char *does);

  // Whether this is within a call of the plugin, or of a handler of what it or
  // the element says then; what is asked for, `what`, cannot be done there, and
  // that is said.
  bool refuse_within_call(const char *what) const;
  // Caps: (re)starts the plugin; `frames` of each buffer, 0 where nobody knows.
  // False: an error was posted.
  bool start(const GstAudioInfo &info, int frames);
  // As the other start(), for a converting plugin; `info` is empty where it
  // gets no raw audio.
  bool start(const GstAudioInfo &info, const StreamFormat &format);
  void stop();
  // Whether there is a stream: the plugin was started, and not stopped.
  bool started() const { return stream_.has_value(); }
  const NegotiatedStream &stream() const {
    assert(stream_);
    return *stream_;
  }
  const GstAudioInfo &info() const { return stream().info; }
  // An error was posted, and nothing goes on before a stop.
  bool failed() const { return failed_; }

  // All streams in a StreamingThread::Call of this one, and so does whatever
  // starts or stops the plugin.
  StreamingThread streaming;

  // The rest is the streaming thread's, one after the other.

  // Before each buffer: OK, or why none may be processed now.
  GstFlowReturn prepare(GstClockTime pts) {
    if (G_UNLIKELY(failed_)) return GST_FLOW_ERROR;
    if (G_UNLIKELY(stopping_.load(std::memory_order_relaxed)))
      return GST_FLOW_FLUSHING;
    if (G_UNLIKELY(params_.changed() || properties_.is_controlled() ||
                   asks_latency()))
      return apply_changes(pts);
    return GST_FLOW_OK;
  }
  // Between two buffers, the plugin's code can change. False: it stays, or
  // `next` is to be given to take_over(), before which the old plugin still
  // is the one that drain_old() drains.
  bool new_code_waits() const { return reloader_.has_offer(); }
  bool accept_code(Candidate *next);
  bool carries_state(const Candidate &next) const;
  void drain_old(Tail *tail, GstClockTime pts);
  // A WARNING of the last failure, which ends nothing.
  void forgive() { reload_failed(failure_); }
  // While there is one, report() does that.
  class Forgiving {
   public:
    explicit Forgiving(PythonElement *element) : element_(element) {
      element_->forgives_ = true;
    }
    ~Forgiving() { element_->forgives_ = false; }
    Forgiving(const Forgiving &) = delete;
    Forgiving &operator=(const Forgiving &) = delete;

   private:
    PythonElement *const element_;
  };
  void take_over(Candidate next);
  // All of that where there is no tail. Whether the new code is there, and
  // knows nothing of what the old one did.
  bool change_code() {
    Candidate next;
    if (!accept_code(&next)) return false;
    const bool carries = carries_state(next);
    take_over(std::move(next));
    return !carries;
  }
  // The plugin's audio method. What Failed means waits for report().
  Outcome call(Block *block, CallResult *result);
  // As call(), of a mixer.
  Outcome mix(Block *block, const std::vector<InputView> &inputs,
              CallResult *result);
  // Between two blocks: a mixer has these from here on. False: an error was
  // posted.
  bool set_inputs(const std::vector<PortFormat> &inputs);
  // What was set of one of them; what is refused is a warning.
  void apply_params_of(const std::string &input, PluginParams *params);
  // As call() and set_inputs(), of a splitter.
  Outcome split(Block *block, std::vector<OutputView> *outputs,
                CallResult *result);
  bool set_outputs(const std::vector<PortFormat> &outputs);
  // What a call with this outcome, which is not Ok, lets through.
  OnError lets_through(Outcome outcome) const;
  // As if the plugin had failed, for something it is not to blame for.
  Outcome refuse(const std::string &problem);
  // One message about the last failure, by policy. OK: the stream goes on,
  // as it does after a Dropped buffer by any policy.
  GstFlowReturn report(GstClockTime pts, OnError policy);
  GstFlowReturn report(GstClockTime pts) { return report(pts, on_error()); }
  // The stream is at its end: what was only counted, and the statistics.
  void end_of_stream() {
    assert(streaming.is_here());
    report_.tell_rest();
    stats_.post();
  }
  // The plugin ended the stream: what follows is as if upstream had. `pad` is
  // the one that is being streamed to, and takes nothing more until a flush.
  void end(GstPad *pad);
  // As report(), for a buffer that came with caps that confirm_caps() refused.
  GstFlowReturn report_refused_caps();
  GstFlowReturn reset();
  GstFlowReturn drain(Tail *tail, GstClockTime pts);
  bool available_space(int *frames);
  // What a source would like, with the parameters of now.
  Preferences preferences();
  // A source that is started goes on with this frame, or at this time where it
  // gives no raw audio. False: that was posted.
  bool seek(guint64 place);
  // The plugin is stopped and started, and so begins anew. False: an error was
  // posted.
  bool restart();

  // The plugin runs in another process.
  bool isolated() const { return isolated_; }
  // For a block that call() gets in parts; by itself the patience is that of
  // the part.
  uint64_t patience_with(const Block &block) const {
    return isolated_ ? deadline_rule_.with(block) : 0;
  }
  // The worker is another one by now, and start() has to follow with the caps
  // that this one gives.
  bool wants_start() const {
    return isolated_ && plugin_->capabilities().maps_to_output &&
           plugin_->isolated()->wants_start(deadline_rule_.hurries());
  }
  // In the answer to an ALLOCATION query. False: nothing was added.
  bool offer_memory(GstQuery *query) const;

  // Any thread.
  // The plugin's code is loaded anew. False: there is none.
  bool reload() { return reloader_.request(); }

  // Any thread, from READY on.
  void unlock();
  // A flush that waits until the call that runs has come back, as it does by
  // itself, or when it is interrupted: it has as long as where the element
  // stops, and what comes of it is not told.
  void begin_flush();
  void end_flush();
  bool flushes() const { return flushes_.load(std::memory_order_relaxed); }
  // Warns of a call whose end nobody waited for. Any thread.
  void warn_about_failure(const Failure &failure) {
    if (failure.kind != Failure::Kind::Late) stats_.count_error_beside();
    report_.warn(failure);
  }
  // Any thread.
  bool loaded() const { return caps.is_open(); }
  const Capabilities &capabilities() const { return plugin_->capabilities(); }
  // Nothing may leave that the plugin did not make.
  bool fails_closed() const {
    return plugin_ && plugin_->capabilities().fail_closed;
  }
  // As fails_closed(), on any thread.
  bool closes() const {
    std::lock_guard lock(mutex_);
    return fail_closed_;
  }
  OnError on_error() const { return on_error_.load(std::memory_order_relaxed); }
  GstClockTime latency() const { return latency_.load(); }
  // How long its process may keep a live buffer, which adds to that.
  GstClockTime deadline() const { return deadline_rule_.latency(); }
  // How long a source is; GST_CLOCK_TIME_NONE: it does not know, or is not
  // started.
  GstClockTime duration() const { return length_.load(); }
  // Whether there is a plugin, and it says so of itself. Any thread.
  bool has(bool Capabilities::*what) const;
  // A sink's, by the base class.
  bool latency_is_told_later() const { return latency_is_told_later_; }
  Statistics &stats() { return stats_; }

 private:
  static constexpr char fail_closed_rule[] =
      "the plugin says that nothing unprocessed may leave it, so on-error must "
      "be fail or drop";

  // On any thread; NULL: there is none.
  std::shared_ptr<Plugin> plugin_now() const {
    std::lock_guard lock(mutex_);
    return plugin_;
  }
  void call_hangs(const std::string &phase, const std::string &stack) override;
  void reload_failed(const Failure &failure) override;
  void cannot_watch(const std::string &problem) override;
  bool hand_over(Candidate *next, Failure *failure);
  bool change_over(Candidate *next, bool carries, Failure *failure);
  bool names_one_plugin(const PluginSpec &spec) const;
  bool load();
  bool make_ready();
  bool initialize();
  void tell_warnings(const Capabilities &capabilities);
  // What the neighbours let through, as far as they know it now.
  std::vector<SampleLayout> likely_layouts() const;
  bool describe_caps();
  void unload();
  bool may_change_state(GstStateChange transition) const;
  bool before_change(GstStateChange transition);
  void after_change(GstStateChange transition, GstStateChangeReturn result);
  void begin_stop();
  Outcome call_elsewhere(Block *block, CallResult *result);
  template <typename Call>
  Outcome call_with_ports(Block *block, const CallResult &result,
                          const Call &call);
  // NULL: there is none.
  GstStructure *plugin_info() const;
  void set_on_error(OnError policy);
  bool close_if_asked(const Capabilities &capabilities);
  bool may_be_secret(const std::string &key) const;
  GstFlowReturn apply_params();
  GstFlowReturn apply(Parameter *parameter);
  GstFlowReturn apply_changes(GstClockTime pts);
  GstFlowReturn update_latency();
  void set_latency(GstClockTime now);
  void tell_latency();
  bool fail_caps();
  // As if the method `phase` had failed.
  Outcome refuse(const std::string &problem, const char *phase);
  bool fail_caps(const std::string &problem) {
    refuse(problem, "set_caps");
    return fail_caps();
  }
  void count(const Block &block, const CallResult &result);
  Outcome note(Outcome outcome, const Block &block, const CallResult &result);
  void warn_about_escapes();
  bool is_live() const;
  bool asks_latency() const {
    return stream_ &&
           stream_->frames_since_latency >= stream_->latency_interval;
  }

  GstElement *const element_;
  const PluginKind kind_;
  const GstSegment &segment_;

  // A leaf lock: nothing is called and nothing waited for under it.
  mutable Mutex mutex_;
  std::atomic<OnError> on_error_{OnError::Fail};  // written under mutex_
  bool fail_closed_ = false;  // guarded by mutex_; of the loaded plugin
  PluginParams params_;
  PluginProperties properties_;
  DeadlineRule deadline_rule_;

  // From READY to NULL. Written under mutex_ by the streaming thread, which
  // reads it without.
  std::shared_ptr<Plugin> plugin_;
  std::string name_;       // of the plugin, for messages; as plugin_
  bool isolated_ = false;  // as plugin_
  const std::shared_ptr<Lender> lender_ = std::make_shared<Lender>();
  Statistics stats_{element_, this};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> flushes_{false};
  FailureReport report_{element_, this, params_, stopping_};
  std::atomic<GstClockTime> latency_{0};
  std::atomic<GstClockTime> length_{GST_CLOCK_TIME_NONE};
  std::atomic<bool> latency_is_told_later_{false};
  uint64_t stop_deadline_ = 0;
  StopDeadline deadline_{this};
  std::atomic<bool> escape_warned_{false};

  // The streaming thread's.
  std::optional<NegotiatedStream> stream_;  // from start() to stop()
  bool failed_ = false;  // an error was posted: nothing more gets through
  bool forgives_ = false;
  Failure failure_;  // of the call; strings are not made for each buffer
  Failure refusal_;  // of the last caps, where that is no error
  Curves curves_;
  Changes changes_;  // memory that is used again

  Reloader reloader_;  // last: its threads use the others
};

// The rest is inline, as each buffer comes by here.

[[gnu::always_inline]] inline void PythonElement::count(
    const Block &block, const CallResult &result) {
  stats_.call.add(result.times.left - result.times.held);
  stats_.gil_wait.add(result.times.held - result.times.asked);
  if (G_UNLIKELY(isolated_)) {
    const uint64_t ticks = result.times.left - result.times.asked;
    stats_.round_trip.add(ticks);
    if (deadline_rule_.took(block, uint64_t(double(ticks) * ns_per_tick())))
      tell_latency();
  }
  const guint64 lasts = block.frames * stream_->ticks_of_1024_frames;
  if (1024 * (result.times.left - result.times.asked) > lasts && lasts > 0)
    stats_.overruns.add();
  if (G_UNLIKELY(block.copied | result.copied)) stats_.copies.add();
  stream_->frames_since_latency += block.frames;
  if (G_UNLIKELY(result.escaped)) warn_about_escapes();
}

[[gnu::always_inline]] inline Outcome PythonElement::note(
    Outcome outcome, const Block &block, const CallResult &result) {
  if (outcome == Outcome::Closing) return outcome;
  count(block, result);
  if (outcome != Outcome::Declined && outcome != Outcome::EndOfStream)
    stats_.frames.add(G_LIKELY(stream_->stat_unit == 1)
                          ? block.frames - result.missing
                      : stream_->stat_unit ? block.frames / stream_->stat_unit
                                           : 0);
  stats_.post_if_due(result.times.left);
  return outcome;
}

[[gnu::always_inline]] inline Outcome PythonElement::call(Block *block,
                                                          CallResult *result) {
  assert(stream_);
  if (G_UNLIKELY(!curves_.empty()))
    curves_.fill(properties_, segment_, stream().curve_rate, block);
  const Outcome outcome = G_UNLIKELY(isolated_)
                              ? call_elsewhere(block, result)
                              : plugin_->process(*block, result, &failure_);
  return note(outcome, *block, *result);
}

}  // namespace pythonfilter

GType gst_python_on_error_get_type();
