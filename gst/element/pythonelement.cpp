// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pythonelement.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <gst/base/gstaggregator.h>
#include <gst/base/gstbasesink.h>

#include "../caps/plugincaps.hpp"
#include "bridgeloader.hpp"
#include "pluginlistener.hpp"

namespace pythonfilter {

namespace {

constexpr int most_latency_seconds = 60;

// From the moment an element is told to stop until its call is interrupted.
constexpr uint64_t stop_patience_ns = 1000000000;

// Whether the element, or a bin around it, is on its way below PAUSED. A bin
// takes its elements to PAUSED first, and that is all they are told.
bool is_to_stop(GstElement *element) {
  GST_OBJECT_LOCK(element);
  const bool stops = GST_STATE(element) >= GST_STATE_PAUSED &&
                     GST_STATE_TARGET(element) < GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK(element);
  g_autoptr(GstObject) bin = gst_object_get_parent(GST_OBJECT(element));
  return stops || (GST_IS_ELEMENT(bin) && is_to_stop(GST_ELEMENT(bin)));
}

GQuark python_element_quark() {
  static const GQuark quark =
      g_quark_from_static_string("pythonfilter-element");
  return quark;
}

}  // namespace

PythonElement *PythonElement::of(gpointer element) {
  return static_cast<PythonElement *>(
      g_object_get_qdata(G_OBJECT(element), python_element_quark()));
}

PythonElement::PythonElement(GstElement *element, PluginKind kind,
                             const GstSegment &segment)
    : settings(element, kind, &params_),
      caps(kind),
      refusal(element, caps, name_, stopping_),
      element_(element),
      kind_(kind),
      segment_(segment),
      properties_(element, &params_),
      reloader_(kind, &params_, &deadline_, this) {
  g_object_set_qdata(G_OBJECT(element), python_element_quark(), this);
}

// ---- parameters ------------------------------------------------------------

// With plugins that fail closed somebody may have typed a key for its name.
bool PythonElement::may_be_secret(const std::string &key) const {
  const Capabilities &capabilities = plugin_->capabilities();
  const auto &all = capabilities.secrets;
  return capabilities.fail_closed ||
         std::find(all.begin(), all.end(), key) != all.end();
}

GstFlowReturn PythonElement::apply_params() {
  assert(streaming.is_here());
  // Whoever is notified of one may come by here again.
  Changes changes;
  changes.swap(&changes_);
  params_.take(&changes);
  const BusyHere busy(this);
  GstFlowReturn flow = GST_FLOW_OK;
  bool heard = false, curved = false;
  for (Change &change : changes) {
    const Number number = change.number;
    if (!number.spec || !plugin_->set_number(number)) {
      heard = curved = true;
      flow = apply(change.write_out());
      if (flow != GST_FLOW_OK) break;
      continue;
    }
    curved = curved || number.spec->curve;
    params_.accept(number);
    GST_DEBUG_OBJECT(element_, "%s: %s = %g", name_.c_str(),
                     number.spec->name.c_str(),
                     number.real + double(number.whole));
  }
  changes.clear();
  changes_.swap(&changes);
  if (curved) curves_.refresh(properties_);
  // Machine code that is given a number says nothing new by itself.
  return flow == GST_FLOW_OK && heard ? update_latency() : flow;
}

// One that the plugin's set_parameter() hears of.
GstFlowReturn PythonElement::apply(Parameter *parameter) {
  Parameter asked = *parameter;
  GstFlowReturn flow = GST_FLOW_OK;
  if (params_.is_as_written(asked.key, &failure_) &&
      plugin_->set_parameter(parameter, &failure_)) {
    params_.accept(*parameter);
    GST_DEBUG_OBJECT(
        element_, "%s: %s = %s", name_.c_str(), asked.key.c_str(),
        may_be_secret(asked.key) ? "(a secret)" : parameter->value.c_str());
  } else {
    params_.forget_key(asked);
    flow = report(GST_CLOCK_TIME_NONE);
    // What fails the load stays as it was asked for.
    if (stream_) params_.take_back(asked.key);
  }
  properties_.tell_outcome(asked);
  wipe(&asked.value);
  return flow;
}

// ---- states ----------------------------------------------------------------

bool PythonElement::refuse_within_call(const char *what) const {
  const std::shared_ptr<Plugin> plugin = plugin_now();
  if (!BusyHere::is_with(this) && !(plugin && plugin->is_called_here()))
    return false;
  // Not on the bus: whoever asks may do so for whatever comes there.
  g_warning(
      "%s cannot %s within a call of its plugin, or in a sync handler of "
      "what is posted then; gst_element_call_async() or another thread "
      "can",
      GST_OBJECT_NAME(element_), what);
  return true;
}

// The base class of a sink holds a lock in its calls that each change needs.
bool PythonElement::may_change_state(GstStateChange transition) const {
  const bool matters = transition == GST_STATE_CHANGE_NULL_TO_READY ||
                       transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
                       transition == GST_STATE_CHANGE_READY_TO_NULL ||
                       kind_ == PluginKind::Sink;
  return !matters ||
         !refuse_within_call(
             ("go " +
              std::string(gst_element_state_get_name(
                  GST_STATE_TRANSITION_CURRENT(transition))) +
              " to " +
              gst_element_state_get_name(GST_STATE_TRANSITION_NEXT(transition)))
                 .c_str());
}

GstStateChangeReturn PythonElement::change_state(GstStateChange transition,
                                                 GstElementClass *parent) {
  if (!may_change_state(transition)) return GST_STATE_CHANGE_FAILURE;
  // A sink cannot even pause while its call runs.
  const bool down = transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
                    transition == GST_STATE_CHANGE_READY_TO_NULL ||
                    (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED &&
                     kind_ == PluginKind::Sink && is_to_stop(element_));
  if (!before_change(transition)) return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED ||
      transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    stopping_ = false;
  // A call that runs keeps the pads from being deactivated.
  if (down) begin_stop();
  const GstStateChangeReturn result =
      parent->change_state(element_, transition);
  after_change(transition, result);
  if (down) deadline_.end();
  return result;
}

// Pads are not active, in these two, where something is done that streams.
bool PythonElement::before_change(GstStateChange transition) {
  if (transition != GST_STATE_CHANGE_NULL_TO_READY &&
      transition != GST_STATE_CHANGE_READY_TO_PAUSED)
    return true;
  const StreamingThread::Call call(&streaming);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) return load();
  failed_ = stopping_ = false;
  refusal.forget();
  // What was set since READY may decide which caps the plugin announces.
  return !params_.changed() || apply_params() == GST_FLOW_OK;
}

void PythonElement::after_change(GstStateChange transition,
                                 GstStateChangeReturn result) {
  const bool stops = transition == GST_STATE_CHANGE_PAUSED_TO_READY;
  const bool unloads = transition == GST_STATE_CHANGE_READY_TO_NULL ||
                       (transition == GST_STATE_CHANGE_NULL_TO_READY &&
                        result == GST_STATE_CHANGE_FAILURE);
  if (!stops && !unloads) return;
  const StreamingThread::Call call(&streaming);
  if (unloads) return unload();
  stop();
  report_.tell_rest();
}

// All of stopping shares one second; each call still gets a moment of its own.
void PythonElement::begin_stop() {
  if (!plugin_) return;
  const uint64_t now = monotonic_ns();
  if (!stopping_.exchange(true)) stop_deadline_ = now + stop_patience_ns;
  deadline_.begin(stop_deadline_);
}

// False: an error was posted.
bool PythonElement::names_one_plugin(const PluginSpec &spec) const {
  const bool none = spec.script.empty() && spec.module.empty();
  if (none || (!spec.script.empty() && !spec.module.empty()))
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS,
                      (none ? "No plugin: set script=FILE.py or module=NAME"
                            : "Set either script or module, not both"),
                      (nullptr));
  else if (settings.isolation_in_doubt())
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS,
                      ("GST_PYTHONFILTER_ISOLATION is %s, and must be none or "
                       "process",
                       g_getenv("GST_PYTHONFILTER_ISOLATION")),
                      (nullptr));
  else
    return true;
  return false;
}

bool PythonElement::load() {
  // Who wants NULL within a call that ends the stream gets it from GStreamer,
  // which skips what is refused there: the plugin before this one is still
  // here.
  if (plugin_) unload();
  assert(streaming.is_here());
  const BusyHere busy(this);
  PluginSpec spec = settings.spec();
  {
    std::lock_guard lock(mutex_);
    name_ = !spec.script.empty()   ? spec.script
            : !spec.module.empty() ? spec.module
                                   : GST_OBJECT_NAME(element_);
    isolated_ = spec.isolation.process;
  }
  spec.listener = std::make_shared<PluginListener>(element_, &segment_,
                                                   &stats_.messages_dropped);
  stats_.begin(isolated_);
  stopping_ = flushes_ = failed_ = escape_warned_ = false;
  report_.begin(name_);
  latency_ = 0;
  if (!names_one_plugin(spec)) return false;
  spec.likely = likely_layouts();
  GST_INFO_OBJECT(element_, "loads %s%s%s%s", name_.c_str(),
                  spec.class_name.empty() ? "" : ", class ",
                  spec.class_name.c_str(),
                  isolated_ ? ", in a process of its own" : "");
  Failure failure;
  MakePlugin *make = find_bridge(spec, &failure);
  std::shared_ptr<Plugin> plugin(make ? make(spec, &failure) : nullptr);
  if (!plugin || !plugin->load(&failure)) {
    report_.post(GST_MESSAGE_ERROR, failure);
    return false;
  }
  deadline_.add(plugin);
  plugin_ = std::move(plugin);
  lender_->set(plugin_);
  stats_.set_worker(plugin_->isolated());
  if (make_ready()) {
    reloader_.open(make, spec, plugin_->capabilities());
    return true;
  }
  unload();
  return false;
}

// What a plugin needs that was loaded. False: an error was posted.
bool PythonElement::make_ready() {
  const Capabilities &capabilities = plugin_->capabilities();
  // Before anything else is said or can fail.
  params_.begin(capabilities.secrets, capabilities.parameters);
  tell_warnings(capabilities);
  // A launch line sets plugin::NAME as soon as it is there, and initialize()
  // may need it.
  properties_.publish(capabilities.parameters, name_);
  if (!initialize() || !describe_caps()) return false;
  curves_.open(capabilities.parameters);
  if (!close_if_asked(capabilities)) {
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS,
                      ("%s: %s", name_.c_str(), fail_closed_rule), (nullptr));
    return false;
  }
  if (apply_params() != GST_FLOW_OK) return false;
  g_autoptr(GstCaps) taken = caps.input();
  GST_INFO_OBJECT(element_, "%s takes %" GST_PTR_FORMAT, name_.c_str(), taken);
  return true;
}

void PythonElement::tell_warnings(const Capabilities &capabilities) {
  for (const std::string &warning : capabilities.warnings)
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS,
                        ("%s: %s", name_.c_str(), warning.c_str()), (nullptr));
}

bool PythonElement::initialize() {
  std::vector<Parameter> set = params_.pending();
  Failure failure;
  bool good = true;
  for (const Parameter &each : set)
    good = good && params_.is_as_written(each.key, &failure);
  good = good && plugin_->initialize(set, &failure);
  wipe(&set);
  if (!good) {
    params_.redact(&failure);
    report_.post(GST_MESSAGE_ERROR, failure);
    return false;
  }
  properties_.refresh(plugin_->capabilities().parameters);
  return true;
}

void PythonElement::unload() {
  assert(streaming.is_here());
  const BusyHere busy(this);
  reloader_.close();
  properties_.withdraw();
  caps.close();
  if (!plugin_) return;
  // Also of an element that did not come as far as READY.
  begin_stop();
  if (kind_ == PluginKind::Sink) set_latency(0);
  if (!plugin_->shutdown(&failure_)) report(GST_CLOCK_TIME_NONE);
  deadline_.end();
  deadline_.remove(plugin_);
  lender_->set(nullptr);
  stats_.set_worker(nullptr);
  // The end of a plugin takes the GIL, which an application's thread may hold
  // while it waits in a setter for this lock.
  std::shared_ptr<Plugin> ended;
  std::lock_guard lock(mutex_);
  fail_closed_ = false;
  ended.swap(plugin_);
}

// ---- between caps and stop -------------------------------------------------

bool PythonElement::start(const GstAudioInfo &info, int frames) {
  StreamFormat format;
  if (!stream_format_of(info, &format)) return false;
  format.frames = frames;
  return start(info, format);
}

bool PythonElement::start(const GstAudioInfo &info,
                          const StreamFormat &format) {
  assert(streaming.is_here());
  if (!plugin_ || refuse_within_call("take caps")) return false;
  // The pad sends caps that were refused again, before each buffer.
  if (failed_) return false;
  const BusyHere busy(this);
  stop();
  const NegotiatedStream next(info, format);
  if (isolated_) deadline_rule_.start(is_live(), next.curve_rate);
  stats_.set_interval(stats_.interval());
  if (params_.changed() && apply_params() != GST_FLOW_OK) return false;
  curves_.refresh(properties_);
  // stop() follows if and only if start() was entered.
  stream_ = next;
  const char *to = format.output_caps.empty() ? "" : " to ";
  if (format.bytes)
    GST_INFO_OBJECT(element_, "%s starts: %s%s%s", name_.c_str(),
                    format.input_caps.c_str(), to, format.output_caps.c_str());
  else
    GST_INFO_OBJECT(element_, "%s starts: %d Hz, %d channels, %s, %s%s%s",
                    name_.c_str(), info.rate, info.channels,
                    gst_audio_format_to_string(GST_AUDIO_INFO_FORMAT(&info)),
                    info.layout == GST_AUDIO_LAYOUT_INTERLEAVED
                        ? "interleaved"
                        : "non-interleaved",
                    to, format.output_caps.c_str());
  if (!plugin_->start(format, &failure_)) return fail_caps();
  reloader_.set_stream(next);
  return update_latency() == GST_FLOW_OK;
}

// Whoever is upstream knows; a source knows itself.
bool PythonElement::is_live() const {
  gboolean live = FALSE;
  if (kind_ == PluginKind::Source) {
    g_object_get(element_, "is-live", &live, nullptr);
    return live;
  }
  if (kind_ == PluginKind::Mixer)
    return GST_CLOCK_TIME_IS_VALID(
        gst_aggregator_get_latency(GST_AGGREGATOR(element_)));
  g_autoptr(GstPad) pad = gst_element_get_static_pad(element_, "sink");
  g_autoptr(GstQuery) query = gst_query_new_latency();
  if (gst_pad_peer_query(pad, query))
    gst_query_parse_latency(query, &live, nullptr, nullptr);
  return live;
}

bool PythonElement::offer_memory(GstQuery *query) const {
  if (!isolated_ || !plugin_) return false;
  offer_lent_memory(query, lender_);
  return true;
}

void PythonElement::stop() {
  assert(streaming.is_here());
  if (!stream_) return;
  const BusyHere busy(this);
  stream_.reset();
  length_ = GST_CLOCK_TIME_NONE;
  reloader_.set_stream({});
  if (!plugin_->stop(&failure_)) report(GST_CLOCK_TIME_NONE);
  g_autoptr(GstStructure) stats = stats_.to_structure();
  GST_INFO_OBJECT(element_, "%s: %" GST_PTR_FORMAT, name_.c_str(), stats);
}

GstFlowReturn PythonElement::update_latency() {
  assert(streaming.is_here());
  if (!stream_) return GST_FLOW_OK;
  stream_->frames_since_latency = 0;  // also of a plugin that says nothing
  const BusyHere busy(this);
  GstFlowReturn flow = GST_FLOW_OK;
  if (plugin_->capabilities().has_duration) {
    uint64_t length = no_time;
    if (plugin_->duration(&length, &failure_))
      length_ = length;
    else
      flow = report(GST_CLOCK_TIME_NONE);
  }
  if (flow != GST_FLOW_OK || !plugin_->capabilities().has_latency) return flow;
  double seconds = double(latency()) / double(GST_SECOND);
  if (!plugin_->latency(&seconds, &failure_))
    return report(GST_CLOCK_TIME_NONE);
  // A live pipeline waits as long before it plays at all. NaN is neither.
  if (!(seconds >= 0 && seconds <= most_latency_seconds)) {
    refuse("get_processing_latency() gave " + std::to_string(seconds) +
               ", not a number of seconds from 0 to " +
               std::to_string(most_latency_seconds),
           "get_processing_latency");
    return report(GST_CLOCK_TIME_NONE);
  }
  set_latency(GstClockTime(std::llround(seconds * GST_SECOND)));
  return GST_FLOW_OK;
}

void PythonElement::end(GstPad *pad) {
  GST_INFO_OBJECT(element_, "%s ended the stream", name_.c_str());
  GstEvent *end = gst_event_new_eos();
  g_autoptr(GstEvent) segment =
      gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
  if (segment) gst_event_set_seqnum(end, gst_event_get_seqnum(segment));
  gst_pad_send_event(pad, end);
}

void PythonElement::set_latency(GstClockTime now) {
  if (latency_.exchange(now) != now) tell_latency();
}

// A source's or a filter's is a part of what it tells, and it tells of that.
void PythonElement::tell_latency() {
  const BusyHere busy(this);
  GST_DEBUG_OBJECT(element_, "the latency is %" GST_TIME_FORMAT " now",
                   GST_TIME_ARGS(latency()));
  if (kind_ != PluginKind::Sink) return;
  // A device's: buffers are written so much earlier, and the base class answers
  // for that and posts the message.
  GstBaseSink *sink = GST_BASE_SINK(element_);
  latency_is_told_later_ = sink->need_preroll && !sink->have_preroll;
  gst_base_sink_set_render_delay(sink, latency());
  latency_is_told_later_ = false;
}

GstFlowReturn PythonElement::reset() {
  assert(streaming.is_here());
  if (!stream_ || failed_ || !plugin_->capabilities().has_reset ||
      refuse_within_call("forget what it heard"))
    return GST_FLOW_OK;
  const BusyHere busy(this);
  if (!plugin_->reset(&failure_)) return report(GST_CLOCK_TIME_NONE);
  return update_latency();
}

GstFlowReturn PythonElement::drain(Tail *tail, GstClockTime pts) {
  assert(streaming.is_here());
  if (!stream_ || failed_ || !plugin_->capabilities().has_drain ||
      refuse_within_call("drain"))
    return GST_FLOW_OK;
  const BusyHere busy(this);
  tail->pts = pts;
  return plugin_->drain(tail, &failure_) ? GST_FLOW_OK : report(pts);
}

void PythonElement::unlock() {
  Failure failure;
  const std::shared_ptr<Plugin> plugin = plugin_now();
  if (plugin && plugin->capabilities().has_unlock && !plugin->unlock(&failure))
    report_.post(GST_MESSAGE_WARNING, failure);
}

void PythonElement::begin_flush() {
  if (!plugin_now()) return;
  flushes_ = true;
  deadline_.begin(monotonic_ns() + stop_patience_ns);
}

// The deadline of a stop that has begun meanwhile is the element's to end.
void PythonElement::end_flush() {
  if (flushes_.exchange(false) && !stopping_) deadline_.end();
}

bool PythonElement::available_space(int *frames) {
  assert(streaming.is_here());
  const BusyHere busy(this);
  return plugin_->available_space(frames, &failure_);
}

Preferences PythonElement::preferences() {
  assert(streaming.is_here());
  Preferences preferences;
  if (failed_) return preferences;  // it was told
  if (params_.changed() && apply_params() != GST_FLOW_OK) return preferences;
  const BusyHere busy(this);
  if (!plugin_->preferences(&preferences, &failure_))
    report(GST_CLOCK_TIME_NONE);
  return preferences;
}

// ---- one buffer ------------------------------------------------------------

GstFlowReturn PythonElement::apply_changes(GstClockTime pts) {
  if (properties_.is_controlled())
    properties_.sync(
        gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts));
  const GstFlowReturn flow = apply_params();
  return flow == GST_FLOW_OK && asks_latency() ? update_latency() : flow;
}

[[gnu::hot]] Outcome PythonElement::call_elsewhere(Block *block,
                                                   CallResult *result) {
  assert(streaming.is_here());
  if (G_UNLIKELY(BusyHere::is_with(this)))
    return refuse("was pushed into within its own call");
  const BusyHere busy(this);
  if (block->patience == 0) block->patience = deadline_rule_.with(*block);
  return plugin_->process(*block, result, &failure_);
}

}  // namespace pythonfilter
