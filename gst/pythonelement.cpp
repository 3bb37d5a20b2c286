// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pythonelement.hpp"

#include <cmath>
#include <cstring>
#include <utility>

#include "bridgeloader.hpp"
#include "failuremessage.hpp"
#include "plugincaps.hpp"
#include "pluginlistener.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

namespace pythonfilter {

namespace {

enum {
  PROP_0,
  PROP_SCRIPT,
  PROP_MODULE,
  PROP_CLASS,
  PROP_PARAMS,
  PROP_ON_ERROR,
  PROP_VENV,
  PROP_STATS,
  PROP_STATS_INTERVAL,
  PROP_RELOAD,
};
static_assert(PROP_RELOAD == last_shared_property);

// From the moment an element is told to stop until its call is interrupted.
constexpr uint64_t stop_patience_ns = 1000000000;
constexpr uint64_t warning_interval_ns = 1000000000;

constexpr char stats_name[] = "pythonfilter-stats";

constexpr char fail_closed_rule[] =
    "the plugin says that nothing unprocessed may leave it, so on-error must "
    "be fail or drop";

bool lets_unprocessed_through(OnError policy) {
  return policy == OnError::Passthrough || policy == OnError::Silence;
}

std::string text_in(const GValue *value) {
  const char *text = g_value_get_string(value);
  return text ? text : "";
}

// Whether the element, or a bin around it, is on its way below PAUSED. A bin
// takes its elements to PAUSED first, and that is all they are told.
bool is_to_stop(GstElement *element) {
  bool stops = false;
  GstObject *each = GST_OBJECT(gst_object_ref(element));
  while (each) {
    GST_OBJECT_LOCK(each);
    stops =
        stops || (GST_IS_ELEMENT(each) && GST_STATE(each) >= GST_STATE_PAUSED &&
                  GST_STATE_TARGET(each) < GST_STATE_PAUSED);
    GST_OBJECT_UNLOCK(each);
    GstObject *parent = gst_object_get_parent(each);
    gst_object_unref(each);
    each = parent;
  }
  return stops;
}

GQuark python_element_quark() {
  static const GQuark quark =
      g_quark_from_static_string("pythonfilter-element");
  return quark;
}

void set_text(GValue *value, const std::string &text) {
  if (text.empty())
    g_value_set_string(value, nullptr);
  else
    g_value_set_string(value, text.c_str());
}

}  // namespace

PythonElement *PythonElement::of(gpointer element) {
  return static_cast<PythonElement *>(
      g_object_get_qdata(G_OBJECT(element), python_element_quark()));
}

PythonElement::PythonElement(GstElement *element, PluginKind kind,
                             const GstSegment &segment)
    : element_(element),
      kind_(kind),
      segment_(segment),
      properties_(element, &params_),
      reloader_(kind, &params_, &deadline_, this, this) {
  gst_audio_info_init(&info_);
  g_object_set_qdata(G_OBJECT(element), python_element_quark(), this);
}

PythonElement::~PythonElement() {
  gst_clear_caps(&caps_);
}

// ---- properties ------------------------------------------------------------

void PythonElement::install_properties(GObjectClass *object_class) {
  const auto text = [&](guint id, const char *name, const char *nick,
                        const char *blurb) {
    g_object_class_install_property(
        object_class, id,
        g_param_spec_string(
            name, nick, blurb, nullptr,
            GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                        GST_PARAM_DOC_SHOW_DEFAULT)));
  };
  text(PROP_SCRIPT, "script", "Script",
       "Path of the plugin's .py file (changeable in NULL)");
  text(PROP_MODULE, "module", "Module",
       "Dotted name of the plugin's module, in place of script "
       "(changeable in NULL)");
  text(PROP_CLASS, "class", "Class",
       "Which class of the module to use, when it has several "
       "(changeable in NULL)");
  text(PROP_VENV, "venv", "Virtual environment",
       "Whose site-packages the plugin sees; default: $VIRTUAL_ENV "
       "(changeable in NULL)");
  g_object_class_install_property(
      object_class, PROP_PARAMS,
      g_param_spec_boxed(
          "params", "Parameters",
          "The plugin's parameters, as in params=\"p,gain=0.5,mode=warm\": "
          "each "
          "field is one set_parameter(); the others stay as they are",
          GST_TYPE_STRUCTURE,
          GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                      GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property(
      object_class, PROP_ON_ERROR,
      g_param_spec_enum("on-error", "On error",
                        "What a failed call lets through",
                        gst_python_on_error_get_type(), int(OnError::Fail),
                        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                    GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property(
      object_class, PROP_STATS,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Since READY: buffers, frames, errors, dropped, copies, escapes, "
          "overruns, messages-dropped, and min, mean, p50, p99, p99.9 and max "
          "of the call and of the wait for the GIL, in ns",
          GST_TYPE_STRUCTURE,
          GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  g_object_class_install_property(
      object_class, PROP_STATS_INTERVAL,
      g_param_spec_uint(
          "stats-interval", "Statistics interval",
          "Post the statistics as a message so often while buffers flow, in "
          "ms; 0: only at EOS",
          0, G_MAXUINT, 0,
          GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                      GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property(
      object_class, PROP_RELOAD,
      g_param_spec_boolean(
          "reload", "Reload",
          "When the plugin's file or a helper module is saved, load the code "
          "anew and go on with it; the signal reload does so once",
          FALSE,
          GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                      GST_PARAM_MUTABLE_PLAYING)));
  gst_type_mark_as_plugin_api(gst_python_on_error_get_type(),
                              GstPluginAPIFlags(0));
}

void PythonElement::fix_plugin(const FixedPlugin &plugin) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    settings_.script = plugin.script;
    settings_.class_name = plugin.class_name;
  }
  plugin_fixed_ = true;
  params_.begin(plugin.secrets);
}

std::string PythonElement::plugin_identity() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string identity = settings_.module;
  if (!settings_.script.empty()) {
    gchar *path = g_canonicalize_filename(settings_.script.c_str(), nullptr);
    identity = path;
    g_free(path);
  }
  return settings_.class_name.empty() ? identity
                                      : identity + " " + settings_.class_name;
}

bool PythonElement::change_setting(std::string Settings::*setting,
                                   const GValue *value, const char *name) {
  if (plugin_fixed_ && setting != &Settings::venv) {
    GST_ELEMENT_WARNING(
        element_, LIBRARY, SETTINGS,
        ("this element is made for %s; for another plugin use "
         "pythonfilter, pythonsrc or pythonsink",
         settings_.script.c_str()),
        ("ignored the new %s %s", name, text_in(value).c_str()));
    return true;
  }
  GST_OBJECT_LOCK(element_);
  const bool in_null = GST_STATE(element_) == GST_STATE_NULL &&
                       GST_STATE_NEXT(element_) == GST_STATE_VOID_PENDING;
  GST_OBJECT_UNLOCK(element_);
  if (in_null) {
    std::string now = text_in(value), before;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      before = std::exchange(settings_.*setting, now);
    }
    // What one plugin was told in confidence is not for another.
    if (before != now) params_.forget_secrets();
  } else {
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS,
                        ("%s can only be changed in the NULL state", name),
                        ("ignored the new value %s", text_in(value).c_str()));
  }
  return true;
}

bool PythonElement::set_property(guint id, const GValue *value) {
  switch (id) {
    case PROP_SCRIPT:
      return change_setting(&Settings::script, value, "script");
    case PROP_MODULE:
      return change_setting(&Settings::module, value, "module");
    case PROP_CLASS:
      return change_setting(&Settings::class_name, value, "class");
    case PROP_VENV:
      return change_setting(&Settings::venv, value, "venv");
    case PROP_PARAMS:
      if (const GstStructure *changes = gst_value_get_structure(value)) {
        params_.set(changes);
        properties_.notify(changes);
      }
      return true;
    case PROP_ON_ERROR:
      set_on_error(OnError(g_value_get_enum(value)));
      return true;
    case PROP_STATS_INTERVAL:
      set_stats_interval(g_value_get_uint(value));
      return true;
    case PROP_RELOAD:
      reload_ = g_value_get_boolean(value);
      reloader_.set_watching(reload_);
      return true;
    default:
      return false;
  }
}

bool PythonElement::get_property(guint id, GValue *value) {
  if (id == PROP_PARAMS) {
    params_.get(value);
    return true;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  switch (id) {
    case PROP_SCRIPT:
      set_text(value, settings_.script);
      return true;
    case PROP_MODULE:
      set_text(value, settings_.module);
      return true;
    case PROP_CLASS:
      set_text(value, settings_.class_name);
      return true;
    case PROP_VENV:
      set_text(value, settings_.venv);
      return true;
    case PROP_ON_ERROR:
      g_value_set_enum(value, int(on_error_.load()));
      return true;
    case PROP_STATS:
      g_value_take_boxed(value, stats_.to_structure(stats_name));
      return true;
    case PROP_STATS_INTERVAL:
      g_value_set_uint(value, stats_interval_);
      return true;
    case PROP_RELOAD:
      g_value_set_boolean(value, reload_);
      return true;
    default:
      return false;
  }
}

void PythonElement::set_on_error(OnError policy) {
  bool refused;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    refused = fail_closed_ && lets_unprocessed_through(policy);
    if (!refused) on_error_ = policy;
  }
  if (refused)
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("%s", fail_closed_rule),
                        ("on-error stays as it was"));
}

// From here to unload() set_on_error() sees to it.
bool PythonElement::close_if_asked(const Capabilities &capabilities) {
  bool refused;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    refused = capabilities.fail_closed && lets_unprocessed_through(on_error_);
    if (!refused) fail_closed_ = capabilities.fail_closed;
  }
  return !refused;
}

// ---- parameters ------------------------------------------------------------

GstFlowReturn PythonElement::apply_params() {
  std::vector<Parameter> changes = params_.take();
  if (changes.empty()) return GST_FLOW_OK;
  std::vector<Parameter> asked = changes;
  GstFlowReturn flow = GST_FLOW_OK;
  for (size_t i = 0; i < changes.size() && flow == GST_FLOW_OK; i++) {
    if (plugin_->set_parameter(&changes[i], &failure_)) {
      params_.accept(changes[i]);
    } else {
      flow = report(GST_CLOCK_TIME_NONE);
      // What fails the load stays as it was asked for.
      if (started_) params_.take_back(changes[i].key);
    }
    properties_.tell_outcome(asked[i]);
  }
  PluginParams::wipe(&changes);
  PluginParams::wipe(&asked);
  curves_.refresh(properties_);
  return flow == GST_FLOW_OK ? update_latency() : flow;
}

// ---- states ----------------------------------------------------------------

GstStateChangeReturn PythonElement::change_state(GstStateChange transition,
                                                 GstElementClass *parent) {
  // A sink cannot even pause while its call runs.
  const bool down = transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
                    transition == GST_STATE_CHANGE_READY_TO_NULL ||
                    (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED &&
                     kind_ == PluginKind::Sink && is_to_stop(element_));
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !load())
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) failed_ = false;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED ||
      transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
    stopping_ = false;
  // A call that runs keeps the pads from being deactivated.
  if (down) begin_stop();
  const GstStateChangeReturn result =
      parent->change_state(element_, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    stop();
    tell_rest();
  }
  if (transition == GST_STATE_CHANGE_READY_TO_NULL ||
      (transition == GST_STATE_CHANGE_NULL_TO_READY &&
       result == GST_STATE_CHANGE_FAILURE))
    unload();
  if (down) end_stop();
  return result;
}

// All of stopping shares one second; each call still gets a moment of its own.
void PythonElement::begin_stop() {
  if (!plugin_) return;
  const uint64_t now = monotonic_ns();
  if (!stopping_.exchange(true)) stop_deadline_ = now + stop_patience_ns;
  deadline_.begin(stop_deadline_);
}

void PythonElement::end_stop() {
  deadline_.end();
}

void PythonElement::call_hangs(const std::string &phase,
                               const std::string &stack) {
  Failure failure;
  failure.phase = phase;
  failure.message = phase +
                    "() hangs outside Python code, where it cannot be "
                    "interrupted; the element cannot stop before it returns";
  failure.traceback = stack;
  post(GST_MESSAGE_WARNING, failure);
}

std::string PythonElement::plugin_name() const {
  if (!settings_.script.empty()) return settings_.script;
  if (!settings_.module.empty()) return settings_.module;
  return GST_OBJECT_NAME(element_);
}

bool PythonElement::load() {
  PluginSpec spec;
  spec.kind = kind_;
  spec.listener = std::make_shared<PluginListener>(
      element_, segment_of(element_, kind_), &stats_.messages_dropped);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    spec.script = settings_.script;
    spec.module = settings_.module;
    spec.class_name = settings_.class_name;
    spec.venv = settings_.venv;
    name_ = plugin_name();
  }
  stats_.clear();
  stopping_ = failed_ = escape_warned_ = caps_warned_ = false;
  last_told_ = 0;
  untold_ = {};
  latency_ = 0;
  if (spec.script.empty() == spec.module.empty()) {
    GST_ELEMENT_ERROR(
        element_, LIBRARY, SETTINGS,
        (spec.script.empty() ? "No plugin: set script=FILE.py or module=NAME"
                             : "Set either script or module, not both"),
        (nullptr));
    return false;
  }
  Failure failure;
  Bridge *bridge = open_bridge(spec, &failure);
  std::shared_ptr<Plugin> plugin = bridge ? bridge->make(spec) : nullptr;
  if (!plugin || !plugin->load(spec, &failure)) {
    post(GST_MESSAGE_ERROR, failure);
    return false;
  }
  deadline_.add(plugin);
  plugin_ = std::move(plugin);
  reloads_ = 0;
  read_only_ = plugin_->capabilities().read_only;
  // Before anything else is said or can fail.
  params_.begin(plugin_->capabilities().secrets);
  if (!describe_caps()) return false;
  properties_.publish(plugin_->capabilities().parameters, name_);
  curves_.open(plugin_->capabilities().parameters);
  const bool closed = close_if_asked(plugin_->capabilities());
  if (!closed)
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS,
                      ("%s: %s", name_.c_str(), fail_closed_rule), (nullptr));
  if (closed && apply_params() == GST_FLOW_OK) {
    reloader_.open(bridge, spec, plugin_->capabilities());
    return true;
  }
  unload();
  return false;
}

bool PythonElement::describe_caps() {
  const Capabilities &capabilities = plugin_->capabilities();
  CapsConversion conversion;
  std::string problem;
  if (capabilities.converts && !conversion.open(plugin_, &problem)) {
    refuse(problem);
    failure_.phase = "load";
    post(GST_MESSAGE_ERROR, failure_);
    unload();
    return false;
  }
  GstCaps *caps =
      capabilities.converts ? conversion.input() : caps_of(capabilities);
  std::lock_guard<std::mutex> lock(mutex_);
  gst_caps_take(&caps_, caps);
  conversion_ = conversion;
  return true;
}

void PythonElement::unload() {
  reloader_.close();
  properties_.withdraw();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    gst_clear_caps(&caps_);
    conversion_.close();
  }
  if (!plugin_) return;
  if (!plugin_->shutdown(&failure_)) report(GST_CLOCK_TIME_NONE);
  end_stop();
  deadline_.remove(plugin_);
  std::lock_guard<std::mutex> lock(mutex_);
  fail_closed_ = false;
  plugin_.reset();
}

GstCaps *PythonElement::allowed_caps() const {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (caps_) return gst_caps_ref(caps_);
  }
  return caps_of(all_capabilities());
}

GstCaps *PythonElement::transform_caps(GstPadDirection direction,
                                       GstCaps *caps) {
  CapsConversion conversion;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!caps_) return gst_caps_new_any();
    if (!conversion_.is_open())
      return gst_caps_intersect_full(caps, caps_, GST_CAPS_INTERSECT_FIRST);
    conversion = conversion_;
  }
  return conversion.transform(direction, caps);
}

bool PythonElement::confirm_caps(GstCaps *input, GstCaps *output) {
  CapsConversion conversion;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    conversion = conversion_;
  }
  return !failed_ &&
         (conversion.confirm(input, output, &failure_) || fail_caps());
}

bool PythonElement::refuse_caps(const GstCaps *caps, const char *does) {
  gchar *text = gst_caps_to_string(caps);
  refuse(std::string("the audio that it ") + does +
         " has no exact format, rate and channels: " + text);
  g_free(text);
  failure_.phase = "set_caps";
  return fail_caps();
}

// Once; the pad sends caps that were refused again, before each buffer.
bool PythonElement::fail_caps() {
  if (failed_) return false;
  failed_ = true;
  stats_.errors.add();
  if (failure_.kind != Failure::Kind::Closing)
    post(GST_MESSAGE_ERROR, failure_);
  return false;
}

void PythonElement::warn_about_caps(const GstCaps *offered) {
  bool converts;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!caps_) return;
    converts = conversion_.is_open();
  }
  if (caps_warned_.exchange(true)) return;
  GstCaps *allowed = allowed_caps();
  gchar *takes = gst_caps_to_string(allowed);
  gchar *offer = gst_caps_to_string(offered);
  GST_ELEMENT_WARNING(
      element_, STREAM, FORMAT,
      ("%s: the plugin does not take %s", name_.c_str(),
       converts ? "what is offered"
                : "the audio that is offered; put audioconvert and "
                  "audioresample before it"),
      ("it takes %s, offered is %s", takes, offer));
  g_free(takes);
  g_free(offer);
  gst_caps_unref(allowed);
}

// ---- between caps and stop -------------------------------------------------

bool PythonElement::start(const GstAudioInfo &info, int frames) {
  StreamFormat format;
  if (!stream_format_of(info, &format)) return false;
  format.frames = frames;
  return start(info, &format);
}

bool PythonElement::start(const GstAudioInfo &info, StreamFormat *format) {
  if (!plugin_) return false;
  // The pad sends caps that were refused again, before each buffer.
  if (failed_) return false;
  stop();
  info_ = info;
  format_ = *format;
  // A "frame" of bytes is one of them, and lasts nobody knows how long.
  const double per_second =
      format->bytes ? double(info.rate) * info.bpf : double(info.rate);
  ticks_per_frame_ = per_second > 0 ? 1e9 / per_second / ns_per_tick() : 0;
  latency_interval_ = per_second > 0 ? guint64(per_second) : G_MAXUINT64;
  curve_rate_ = format->bytes ? 0 : info.rate;
  stat_unit_ = format->bytes ? guint64(info.bpf) : 1;
  frames_since_latency_ = 0;
  set_stats_interval(stats_interval_);
  if (params_.changed() && apply_params() != GST_FLOW_OK) return false;
  curves_.refresh(properties_);
  // stop() follows if and only if start() was entered.
  started_ = true;
  if (!plugin_->start(*format, &failure_)) return fail_caps();
  reloader_.begin_stream(info_, format_);
  return update_latency() == GST_FLOW_OK;
}

void PythonElement::stop() {
  if (!started_) return;
  started_ = false;
  reloader_.end_stream();
  if (!plugin_->stop(&failure_)) report(GST_CLOCK_TIME_NONE);
  GstStructure *stats = stats_.to_structure(stats_name);
  GST_INFO_OBJECT(element_, "%s: %" GST_PTR_FORMAT, name_.c_str(), stats);
  gst_structure_free(stats);
}

GstFlowReturn PythonElement::update_latency() {
  frames_since_latency_ = 0;  // also of a plugin that says nothing
  if (!started_ || !plugin_->capabilities().has_latency) return GST_FLOW_OK;
  double seconds = 0;
  if (!plugin_->latency(&seconds, &failure_))
    return report(GST_CLOCK_TIME_NONE);
  const GstClockTime now =
      seconds > 0 ? GstClockTime(std::llround(seconds * GST_SECOND)) : 0;
  if (latency_.exchange(now) != now)
    gst_element_post_message(element_,
                             gst_message_new_latency(GST_OBJECT(element_)));
  return GST_FLOW_OK;
}

GstFlowReturn PythonElement::reset() {
  if (!started_ || failed_ || !plugin_->capabilities().has_reset)
    return GST_FLOW_OK;
  if (!plugin_->reset(&failure_)) return report(GST_CLOCK_TIME_NONE);
  return update_latency();
}

GstFlowReturn PythonElement::drain(Tail *tail, GstClockTime pts) {
  if (!started_ || failed_ || !plugin_->capabilities().has_drain)
    return GST_FLOW_OK;
  tail->pts = pts;
  return plugin_->drain(tail, &failure_) ? GST_FLOW_OK : report(pts);
}

void PythonElement::unlock() {
  Failure failure;
  std::shared_ptr<Plugin> plugin;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    plugin = plugin_;
  }
  if (plugin && plugin->capabilities().has_unlock && !plugin->unlock(&failure))
    post(GST_MESSAGE_WARNING, failure);
}

bool PythonElement::available_space(int *frames) {
  return plugin_->available_space(frames, &failure_);
}

Preferences PythonElement::preferences() {
  Preferences preferences;
  if (params_.changed() && apply_params() != GST_FLOW_OK) return preferences;
  if (!plugin_->preferences(&preferences, &failure_))
    report(GST_CLOCK_TIME_NONE);
  return preferences;
}

// ---- one buffer ------------------------------------------------------------

GstFlowReturn PythonElement::apply_changes(GstClockTime pts) {
  if (properties_.is_controlled())
    properties_.sync(
        gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts));
  return frames_since_latency_ >= latency_interval_ && !params_.changed()
             ? update_latency()
             : apply_params();
}

[[gnu::hot]] Outcome PythonElement::call(Block *block) {
  if (G_UNLIKELY(!curves_.empty()))
    curves_.fill(properties_, segment_, curve_rate_, block);
  const Outcome outcome = plugin_->process(block, &failure_);
  if (outcome == Outcome::Closing) return outcome;
  count(*block);
  if (outcome != Outcome::Declined)
    stats_.frames.add(stat_unit_ == 1 ? block->frames
                      : stat_unit_    ? block->frames / stat_unit_
                                      : 0);
  if (G_UNLIKELY(block->times.left >=
                 stats_due_.load(std::memory_order_relaxed)))
    post_due_statistics();
  return outcome;
}

Outcome PythonElement::refuse(const std::string &problem) {
  failure_ = Failure{};
  failure_.kind = Failure::Kind::Refused;
  failure_.phase = kind_ == PluginKind::Sink     ? "write_audio"
                   : kind_ == PluginKind::Source ? "read_audio"
                                                 : "process_audio";
  failure_.message = problem;
  return Outcome::Failed;
}

[[gnu::hot]] void PythonElement::count(const Block &block) {
  stats_.call.add(block.times.left - block.times.held);
  stats_.gil_wait.add(block.times.held - block.times.asked);
  if (double(block.times.left - block.times.asked) >
          double(block.frames) * ticks_per_frame_ &&
      ticks_per_frame_ > 0)
    stats_.overruns.add();
  if (block.copied) stats_.copies.add();
  frames_since_latency_ += block.frames;
  if (G_UNLIKELY(block.escaped)) warn_about_escapes();
}

void PythonElement::warn_about_escapes() {
  stats_.escapes.add();
  if (escape_warned_.exchange(true)) return;
  GST_ELEMENT_WARNING(
      element_, STREAM, FAILED,
      ("%s: the plugin keeps an array of a buffer after the call; it stays "
       "valid, but each one costs a copy. Keep buffer.data.copy() instead",
       name_.c_str()),
      ("told once; stats counts them as escapes"));
}

GstFlowReturn PythonElement::report(GstClockTime pts) {
  if (failure_.kind == Failure::Kind::Closing) return GST_FLOW_FLUSHING;
  stats_.errors.add();
  // Now: a secret that changes is not known any more when it is told.
  params_.redact(&failure_);
  untold_ = {untold_.count + 1, std::move(failure_), pts};
  const bool dropped = untold_.failure.kind == Failure::Kind::Dropped;
  // Not worth an error any more: the stream ends on purpose.
  const bool stopping = !dropped && stopping_.load(std::memory_order_relaxed);
  const bool fail = !dropped && !stopping && on_error_ == OnError::Fail;
  if (fail || stopping || last_told_ == 0 ||
      monotonic_ns() - last_told_ >= warning_interval_ns)
    tell(fail ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING);
  if (stopping) return GST_FLOW_FLUSHING;
  if (!fail) return GST_FLOW_OK;
  failed_ = true;
  return GST_FLOW_ERROR;
}

void PythonElement::tell(GstMessageType type) {
  last_told_ = monotonic_ns();
  const Untold told = std::exchange(untold_, {});
  post_failure(element_, type, name_, told.failure, told.pts, told.count);
}

// Nobody knows of failures that came within a second of the last message.
void PythonElement::tell_rest() {
  if (untold_.count > 0) tell(GST_MESSAGE_WARNING);
}

// One that is told by itself.
void PythonElement::post(GstMessageType type, Failure failure) {
  params_.redact(&failure);
  post_failure(element_, type, name_, failure, GST_CLOCK_TIME_NONE, 1);
}

void PythonElement::post_statistics() {
  gst_element_post_message(
      element_, gst_message_new_element(GST_OBJECT(element_),
                                        stats_.to_structure(stats_name)));
}

// The first ones an interval from now.
void PythonElement::set_stats_interval(guint milliseconds) {
  stats_interval_ = milliseconds;
  stats_due_ = milliseconds
                   ? ticks() + ticks_in(uint64_t(milliseconds) * 1000000u)
                   : UINT64_MAX;
}

void PythonElement::post_due_statistics() {
  // Not after the old interval any more, if somebody changes it meanwhile.
  uint64_t due = stats_due_;
  const uint64_t length = ticks_in(uint64_t(stats_interval_) * 1000000u);
  const uint64_t now = ticks();
  // In step with the first ones, unless the stream stood still.
  const uint64_t next = due + length > now ? due + length : now + length;
  if (due != UINT64_MAX && length > 0)
    stats_due_.compare_exchange_strong(due, next);
  post_statistics();
}

}  // namespace pythonfilter

GType gst_python_on_error_get_type() {
  using pythonfilter::OnError;
  static const GEnumValue values[] = {
      {int(OnError::Fail), "The stream ends with an error", "fail"},
      {int(OnError::Passthrough), "The samples from before the call",
       "passthrough"},
      {int(OnError::Silence), "Silence of the same length", "silence"},
      {int(OnError::Drop), "Nothing: the buffer is dropped", "drop"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstPythonOnError", values);
  return type;
}
