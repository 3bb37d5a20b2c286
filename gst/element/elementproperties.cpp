// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The properties that every element has.
#include "pythonelement.hpp"

namespace pythonfilter {

namespace {

bool lets_unprocessed_through(OnError policy) {
  return policy == OnError::Passthrough || policy == OnError::Silence;
}

}  // namespace

void PythonElement::install_properties(GObjectClass *object_class) {
  PluginSettings::install_properties(object_class);
  constexpr auto flags = GParamFlags(
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  const auto install = [&](guint id, GParamSpec *spec) {
    g_object_class_install_property(object_class, id, spec);
  };
  install(PROP_PARAMS,
          g_param_spec_boxed(
              "params", "Parameters",
              "The plugin's parameters, as in params=\"p,gain=0.5,mode=warm\": "
              "each field is one set_parameter(); the others stay as they are",
              GST_TYPE_STRUCTURE, flags));
  install(PROP_ON_ERROR, g_param_spec_enum("on-error", "On error",
                                           "What a failed call lets through",
                                           gst_python_on_error_get_type(),
                                           int(OnError::Fail), flags));
  install(PROP_PLUGIN_INFO,
          g_param_spec_boxed(
              "plugin-info", "Plugin info",
              "Since READY: name, version, author and description of the "
              "plugin, by its get_info(), or its class and docstring; each is "
              "empty where it does not say",
              GST_TYPE_STRUCTURE,
              GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  install(PROP_STATS,
          g_param_spec_boxed(
              "stats", "Statistics",
              "Since READY: buffers, frames, errors, dropped, copies, escapes, "
              "overruns, messages-dropped, and min, mean, p50, p99, p99.9 and "
              "max of the call and of the wait for the GIL, in ns. With "
              "isolation=process also worker-pid, restarts, missed-deadlines, "
              "sandbox, and the same of the round-trip. Of a sink also "
              "rendered and average-rate",
              GST_TYPE_STRUCTURE,
              GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  install(PROP_STATS_INTERVAL,
          g_param_spec_uint(
              "stats-interval", "Statistics interval",
              "Post the statistics as a message so often while buffers flow, "
              "in ms; 0: only at EOS",
              0, G_MAXUINT, 0, flags));
  install(PROP_RELOAD,
          g_param_spec_boolean(
              "reload", "Reload",
              "When the plugin's file or a helper module is saved, load the "
              "code anew and go on with it; the signal reload does so once",
              FALSE, flags));
  gst_type_mark_as_plugin_api(gst_python_on_error_get_type(),
                              GstPluginAPIFlags(0));
}

bool PythonElement::set_property(guint id, const GValue *value) {
  switch (id) {
    case PROP_DEADLINE: {
      const uint64_t before = deadline_rule_.latency();
      deadline_rule_.set(g_value_get_int(value));
      if (deadline_rule_.latency() != before) tell_latency();
      return true;
    }
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
      stats_.set_interval(g_value_get_uint(value));
      return true;
    case PROP_RELOAD:
      reloader_.set_watching(g_value_get_boolean(value));
      return true;
    default:
      return settings.set_property(id, value);
  }
}

bool PythonElement::get_property(guint id, GValue *value) {
  switch (id) {
    case PROP_PARAMS:
      params_.get(value);
      return true;
    case PROP_PLUGIN_INFO:
      g_value_take_boxed(value, plugin_info());
      return true;
    case PROP_STATS:
      g_value_take_boxed(value, stats_.to_structure());
      return true;
    case PROP_DEADLINE:
      g_value_set_int(value, deadline_rule_.property());
      return true;
    case PROP_ON_ERROR:
      g_value_set_enum(value, int(on_error_.load()));
      return true;
    case PROP_STATS_INTERVAL:
      g_value_set_uint(value, stats_.interval());
      return true;
    case PROP_RELOAD:
      g_value_set_boolean(value, reloader_.is_watching());
      return true;
    default:
      return settings.get_property(id, value);
  }
}

GstStructure *PythonElement::plugin_info() const {
  PluginInfo info;
  {
    // Not by plugin_now(): who only asks shall not be the last to have it.
    std::lock_guard lock(mutex_);
    if (!plugin_) return nullptr;
    info = plugin_->capabilities().info;
  }
  return gst_structure_new("plugin-info", "name", G_TYPE_STRING,
                           info.name.c_str(), "version", G_TYPE_STRING,
                           info.version.c_str(), "author", G_TYPE_STRING,
                           info.author.c_str(), "description", G_TYPE_STRING,
                           info.description.c_str(), nullptr);
}

void PythonElement::set_on_error(OnError policy) {
  bool refused;
  {
    std::lock_guard lock(mutex_);
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
    std::lock_guard lock(mutex_);
    refused = capabilities.fail_closed && lets_unprocessed_through(on_error_);
    if (!refused) fail_closed_ = capabilities.fail_closed;
  }
  return !refused;
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
