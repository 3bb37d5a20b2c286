// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginsettings.hpp"

#include <cstring>

namespace pythonfilter {

namespace {

struct Name {
  guint id;
  const char *text;
};
constexpr Name names[] = {{PROP_SCRIPT, "script"},
                          {PROP_MODULE, "module"},
                          {PROP_CLASS, "class"},
                          {PROP_VENV, "venv"},
                          {PROP_ISOLATION, "isolation"},
                          {PROP_DEADLINE, "deadline"},
                          {PROP_PYTHON, "python"},
                          {PROP_RESTART, "restart"},
                          {PROP_MAX_RESTARTS, "max-restarts"},
                          {PROP_HANG_TIMEOUT, "hang-timeout"},
                          {PROP_WORKER_GROUP, "worker-group"},
                          {PROP_SANDBOX, "sandbox"},
                          {PROP_SANDBOX_REQUIRED, "sandbox-required"}};

// NULL: it is not one of these.
const char *name_of(guint id) {
  for (const Name &name : names)
    if (name.id == id) return name.text;
  return nullptr;
}

// Where a setting that is a text lies; NULL: it is none.
template <typename Spec>
auto text_in(Spec *spec, guint id) -> decltype(&spec->script) {
  switch (id) {
    case PROP_SCRIPT:
      return &spec->script;
    case PROP_MODULE:
      return &spec->module;
    case PROP_CLASS:
      return &spec->class_name;
    case PROP_VENV:
      return &spec->venv;
    case PROP_PYTHON:
      return &spec->isolation.python;
    case PROP_WORKER_GROUP:
      return &spec->isolation.group;
    default:
      return nullptr;
  }
}

std::string settings_text(const GValue *value) {
  const char *text = g_value_get_string(value);
  return text ? text : "";
}

enum class Restart { OnCrash, Never };

GType isolation_type() {
  static const GEnumValue values[] = {
      {0, "In this process, on the buffer's own memory", "none"},
      {1, "In a process of its own, which may crash or hang", "process"},
      {0, nullptr, nullptr}};
  static const GType type =
      g_enum_register_static("GstPythonIsolation", values);
  return type;
}

GType restart_type() {
  static const GEnumValue values[] = {
      {int(Restart::OnCrash), "When it died or had to be killed", "on-crash"},
      {int(Restart::Never), "It is an error", "never"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstPythonRestart", values);
  return type;
}

GType sandbox_type() {
  using Sandbox = Isolation::Sandbox;
  static const GEnumValue values[] = {
      {int(Sandbox::None), "It may do what this process may", "none"},
      {int(Sandbox::Basic),
       "No new privileges, limited resources, no core dumps", "basic"},
      {int(Sandbox::Strict),
       "After start() no sockets, no programs, no new files either", "strict"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstPythonSandbox", values);
  return type;
}

constexpr auto install = g_object_class_install_property;
constexpr auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

void install_text(GObjectClass *klass, guint id, const char *name,
                  const char *nick, const char *blurb) {
  install(klass, id,
          g_param_spec_string(name, nick, blurb, nullptr,
                              GParamFlags(flags | GST_PARAM_DOC_SHOW_DEFAULT)));
}

// Where the plugin runs, and what becomes of its process.
void install_process_properties(GObjectClass *klass) {
  install(klass, PROP_ISOLATION,
          g_param_spec_enum(
              "isolation", "Isolation",
              "Where the plugin runs; default: $GST_PYTHONFILTER_ISOLATION, "
              "or else none (changeable in NULL)",
              isolation_type(), 0, flags));
  install(
      klass, PROP_DEADLINE,
      g_param_spec_int(
          "deadline", "Deadline",
          "How long a plugin in another process may take for a buffer, in "
          "ms; what takes longer is a gap in the sound, and live this is "
          "in the latency. -1: live 20 ms more than the buffer lasts, "
          "else for ever; 0: for ever",
          -1, G_MAXINT, -1, GParamFlags(flags | GST_PARAM_MUTABLE_PLAYING)));
  install_text(klass, PROP_PYTHON, "python", "Python",
               "The interpreter of a plugin in another process, any that has "
               "NumPy; default: that of the virtual environment, or else the "
               "one this element was built with (changeable in NULL)");
  install(klass, PROP_RESTART,
          g_param_spec_enum("restart", "Restart",
                            "When a plugin's process is replaced by a new one "
                            "(changeable in NULL)",
                            restart_type(), int(Restart::OnCrash), flags));
  install(klass, PROP_MAX_RESTARTS,
          g_param_spec_uint("max-restarts", "Most restarts",
                            "How often in a minute a plugin's process is "
                            "replaced; once more is an error "
                            "(changeable in NULL)",
                            0, G_MAXINT, 5, flags));
  install(klass, PROP_HANG_TIMEOUT,
          g_param_spec_uint(
              "hang-timeout", "Hang timeout",
              "When a call in another process that is late hangs, and its "
              "process is replaced, in ms; loading, start() and the first call "
              "may take six times as long; 0: never (changeable in NULL)",
              0, G_MAXINT, guint(Isolation{}.hang_timeout), flags));
  install_text(klass, PROP_WORKER_GROUP, "worker-group", "Worker group",
               "Elements that name the same group share one process; default: "
               "each has its own (changeable in NULL)");
  install(
      klass, PROP_SANDBOX,
      g_param_spec_enum("sandbox", "Sandbox",
                        "What a plugin's process may not do; stats says "
                        "what was applied (changeable in NULL)",
                        sandbox_type(), int(Isolation::Sandbox::Basic), flags));
  install(klass, PROP_SANDBOX_REQUIRED,
          g_param_spec_boolean("sandbox-required", "Sandbox required",
                               "Fail where the sandbox cannot be applied in "
                               "full (changeable in NULL)",
                               FALSE, flags));
}

// What $GST_PYTHONFILTER_ISOLATION says. False: something else than none or
// process.
bool isolation_of_environment(bool *process) {
  const char *set = g_getenv("GST_PYTHONFILTER_ISOLATION");
  *process = set && strcmp(set, "process") == 0;
  return !set || !*set || *process || strcmp(set, "none") == 0;
}

}  // namespace

PluginSettings::PluginSettings(GstElement *element, PluginKind kind,
                               PluginParams *params)
    : element_(element),
      params_(params),
      isolation_in_doubt_(!isolation_of_environment(&spec_.isolation.process)) {
  spec_.kind = kind;
}

void PluginSettings::install_properties(GObjectClass *klass) {
  install_text(
      klass, PROP_SCRIPT, "script", "Script",
      "Path of the plugin's .py file, or of a package: a folder with an "
      "__init__.py (changeable in NULL)");
  install_text(klass, PROP_MODULE, "module", "Module",
               "Dotted name of the plugin's module, in place of script "
               "(changeable in NULL)");
  install_text(klass, PROP_CLASS, "class", "Class",
               "Which class of the module to use, when it has several "
               "(changeable in NULL)");
  install_text(klass, PROP_VENV, "venv", "Virtual environment",
               "Whose site-packages the plugin sees; default: $VIRTUAL_ENV "
               "(changeable in NULL)");
  install_process_properties(klass);
  for (const GType type : {isolation_type(), restart_type(), sandbox_type()})
    gst_type_mark_as_plugin_api(type, GstPluginAPIFlags(0));
}

bool PluginSettings::has(const std::string &name) {
  for (const Name &each : names)
    if (name == each.text) return true;
  return false;
}

void PluginSettings::fix(const FixedPlugin &plugin) {
  {
    std::lock_guard lock(mutex_);
    spec_.script = plugin.script;
    spec_.module = plugin.module;
    spec_.class_name = plugin.class_name;
  }
  fixed_ = true;
  secrets_ = plugin.secrets;
  params_->begin(secrets_);
}

PluginSpec PluginSettings::spec() const {
  std::lock_guard lock(mutex_);
  return spec_;
}

bool PluginSettings::isolation_in_doubt() const {
  std::lock_guard lock(mutex_);
  return isolation_in_doubt_;
}

std::string PluginSettings::identity() const {
  const PluginSpec spec = this->spec();
  std::string identity = spec.module;
  if (!spec.script.empty()) {
    g_autofree gchar *path =
        g_canonicalize_filename(spec.script.c_str(), nullptr);
    identity = path;
  }
  return spec.class_name.empty() ? identity : identity + " " + spec.class_name;
}

// Says so of an element that is made for one plugin, and of these three.
bool PluginSettings::refuse_fixed(guint id, const GValue *value) const {
  if (!fixed_ || id > PROP_CLASS) return false;
  GST_ELEMENT_WARNING(
      element_, LIBRARY, SETTINGS,
      ("this element is made for %s; for another plugin use "
       "pythonfilter, pythonsrc or pythonsink",
       identity().c_str()),
      ("ignored the new %s %s", name_of(id), settings_text(value).c_str()));
  return true;
}

// Says on the bus that it cannot be changed now, if so.
bool PluginSettings::is_in_null(guint id, const GValue *value) const {
  GST_OBJECT_LOCK(element_);
  const bool in_null = GST_STATE(element_) == GST_STATE_NULL &&
                       GST_STATE_NEXT(element_) == GST_STATE_VOID_PENDING;
  GST_OBJECT_UNLOCK(element_);
  if (in_null) return true;
  g_autofree gchar *text = g_strdup_value_contents(value);
  GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS,
                      ("%s can only be changed in the NULL state", name_of(id)),
                      ("ignored the new value %s", text));
  return false;
}

bool PluginSettings::set_property(guint id, const GValue *value) {
  if (!name_of(id)) return false;
  if (refuse_fixed(id, value) || !is_in_null(id, value)) return true;
  const bool names_plugin = id <= PROP_CLASS || id == PROP_VENV;
  bool same;
  {
    std::lock_guard lock(mutex_);
    same = !names_plugin || *text_in(&spec_, id) == settings_text(value);
    set(id, value);
  }
  // What one plugin was told in confidence is not for another.
  if (same) return true;
  params_->forget_secrets();
  if (fixed_) params_->begin(secrets_);
  return true;
}

// Under mutex_.
void PluginSettings::set(guint id, const GValue *value) {
  Isolation &isolation = spec_.isolation;
  if (std::string *text = text_in(&spec_, id)) *text = settings_text(value);
  switch (id) {
    case PROP_ISOLATION:
      isolation.process = g_value_get_enum(value) != 0;
      isolation_in_doubt_ = false;
      break;
    case PROP_RESTART:
      isolation.restart = Restart(g_value_get_enum(value)) == Restart::OnCrash;
      break;
    case PROP_MAX_RESTARTS:
      isolation.max_restarts = int(g_value_get_uint(value));
      break;
    case PROP_HANG_TIMEOUT:
      isolation.hang_timeout = int(g_value_get_uint(value));
      break;
    case PROP_SANDBOX:
      isolation.sandbox = Isolation::Sandbox(g_value_get_enum(value));
      break;
    case PROP_SANDBOX_REQUIRED:
      isolation.sandbox_required = g_value_get_boolean(value);
      break;
    default:
      break;
  }
}

bool PluginSettings::get_property(guint id, GValue *value) const {
  const PluginSpec spec = this->spec();
  const Isolation &isolation = spec.isolation;
  if (const std::string *text = text_in(&spec, id)) {
    g_value_set_string(value, text->empty() ? nullptr : text->c_str());
    return true;
  }
  switch (id) {
    case PROP_ISOLATION:
      g_value_set_enum(value, isolation.process);
      return true;
    case PROP_RESTART:
      g_value_set_enum(
          value, int(isolation.restart ? Restart::OnCrash : Restart::Never));
      return true;
    case PROP_MAX_RESTARTS:
      g_value_set_uint(value, guint(isolation.max_restarts));
      return true;
    case PROP_HANG_TIMEOUT:
      g_value_set_uint(value, guint(isolation.hang_timeout));
      return true;
    case PROP_SANDBOX:
      g_value_set_enum(value, int(isolation.sandbox));
      return true;
    case PROP_SANDBOX_REQUIRED:
      g_value_set_boolean(value, isolation.sandbox_required);
      return true;
    default:
      return false;
  }
}

}  // namespace pythonfilter
