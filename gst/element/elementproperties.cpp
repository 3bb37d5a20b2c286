// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The properties that every element has.
#include <utility>

#include "isolationproperties.hpp"
#include "pythonelement.hpp"

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
static_assert(PROP_RELOAD + 1 == first_isolation_property);

bool lets_unprocessed_through(OnError policy) {
  return policy == OnError::Passthrough || policy == OnError::Silence;
}

std::string text_in(const GValue *value) {
  const char *text = g_value_get_string(value);
  return text ? text : "";
}

void set_text(GValue *value, const std::string &text) {
  if (text.empty())
    g_value_set_string(value, nullptr);
  else
    g_value_set_string(value, text.c_str());
}

}  // namespace

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
       "Path of the plugin's .py file, or of a package: a folder with an "
       "__init__.py (changeable in NULL)");
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
          "of the call and of the wait for the GIL, in ns. With "
          "isolation=process also worker-pid, restarts, missed-deadlines, "
          "sandbox, and the same of the round-trip. Of a sink also rendered "
          "and "
          "average-rate",
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
  install_isolation_properties(object_class);
  gst_type_mark_as_plugin_api(gst_python_on_error_get_type(),
                              GstPluginAPIFlags(0));
}

void PythonElement::fix_plugin(const FixedPlugin &plugin) {
  {
    std::lock_guard lock(mutex_);
    settings_.script = plugin.script;
    settings_.class_name = plugin.class_name;
  }
  plugin_fixed_ = true;
  fixed_secrets_ = plugin.secrets;
  params_.begin(fixed_secrets_);
}

std::string PythonElement::plugin_identity() const {
  std::lock_guard lock(mutex_);
  std::string identity = settings_.module;
  if (!settings_.script.empty()) {
    g_autofree gchar *path =
        g_canonicalize_filename(settings_.script.c_str(), nullptr);
    identity = path;
  }
  return settings_.class_name.empty() ? identity
                                      : identity + " " + settings_.class_name;
}

bool PythonElement::keep_params(GstStructure **params) const {
  const bool knows_secrets = params_.knows_secrets();
  g_auto(GValue) set = G_VALUE_INIT;
  params_.get(g_value_init(&set, GST_TYPE_STRUCTURE));
  const GstStructure *fields = gst_value_get_structure(&set);
  if (fields && gst_structure_n_fields(fields) > 0 && !knows_secrets)
    return false;
  *params = fields ? gst_structure_copy(fields) : gst_structure_new_empty("p");
  properties_.read_all(*params);
  if (gst_structure_n_fields(*params) == 0) gst_clear_structure(params);
  return true;
}

bool PythonElement::change_setting(std::string PluginSpec::*setting,
                                   const GValue *value, const char *name) {
  if (plugin_fixed_ && setting != &PluginSpec::venv) {
    GST_ELEMENT_WARNING(
        element_, LIBRARY, SETTINGS,
        ("this element is made for %s; for another plugin use "
         "pythonfilter, pythonsrc or pythonsink",
         settings_.script.c_str()),
        ("ignored the new %s %s", name, text_in(value).c_str()));
    return true;
  }
  std::string now = text_in(value), before;
  if (!is_in_null(value, name)) return true;
  {
    std::lock_guard lock(mutex_);
    before = std::exchange(settings_.*setting, now);
  }
  // What one plugin was told in confidence is not for another.
  if (before == now) return true;
  params_.forget_secrets();
  if (plugin_fixed_) params_.begin(fixed_secrets_);
  return true;
}

// Says on the bus that `name` cannot be changed now, if so.
bool PythonElement::is_in_null(const GValue *value, const char *name) {
  GST_OBJECT_LOCK(element_);
  const bool in_null = GST_STATE(element_) == GST_STATE_NULL &&
                       GST_STATE_NEXT(element_) == GST_STATE_VOID_PENDING;
  GST_OBJECT_UNLOCK(element_);
  if (in_null) return true;
  g_autofree gchar *text = g_strdup_value_contents(value);
  GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS,
                      ("%s can only be changed in the NULL state", name),
                      ("ignored the new value %s", text));
  return false;
}

bool PythonElement::set_isolation(guint id, const GValue *value) {
  if (id == deadline_property) {
    const uint64_t before = patience_.latency();
    patience_.set(g_value_get_int(value));
    if (patience_.latency() != before) tell_latency();
    return true;
  }
  if (!is_in_null(value, isolation_property_name(id))) return true;
  std::lock_guard lock(mutex_);
  set_isolation_property(&settings_.isolation, id, value);
  if (id == isolation_property) isolation_in_doubt_ = false;
  return true;
}

bool PythonElement::set_property(guint id, const GValue *value) {
  if (is_isolation_property(id)) return set_isolation(id, value);
  switch (id) {
    case PROP_SCRIPT:
      return change_setting(&PluginSpec::script, value, "script");
    case PROP_MODULE:
      return change_setting(&PluginSpec::module, value, "module");
    case PROP_CLASS:
      return change_setting(&PluginSpec::class_name, value, "class");
    case PROP_VENV:
      return change_setting(&PluginSpec::venv, value, "venv");
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
  if (id == PROP_STATS) {
    g_value_take_boxed(value, stats_.to_structure());
    return true;
  }
  if (id == deadline_property) {
    g_value_set_int(value, patience_.property());
    return true;
  }
  std::lock_guard lock(mutex_);
  if (is_isolation_property(id)) {
    get_isolation_property(settings_.isolation, id, value);
    return true;
  }
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
    case PROP_STATS_INTERVAL:
      g_value_set_uint(value, stats_.interval());
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
