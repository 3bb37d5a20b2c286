// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolationproperties.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace pythonfilter {

namespace {

enum {
  PROP_ISOLATION = isolation_property,
  PROP_DEADLINE = deadline_property,
  PROP_PYTHON,
  PROP_RESTART,
  PROP_MAX_RESTARTS,
  PROP_HANG_TIMEOUT,
  PROP_WORKER_GROUP,
  PROP_SANDBOX,
  PROP_SANDBOX_REQUIRED,
};
static_assert(PROP_SANDBOX_REQUIRED == last_isolation_property);

constexpr const char *names[] = {
    "isolation",    "deadline",     "python",
    "restart",      "max-restarts", "hang-timeout",
    "worker-group", "sandbox",      "sandbox-required"};

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

constexpr auto flags = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

std::string text_in(const GValue *value) {
  const char *text = g_value_get_string(value);
  return text ? text : "";
}

void set_text(GValue *value, const std::string &text) {
  g_value_set_string(value, text.empty() ? nullptr : text.c_str());
}

}  // namespace

void install_isolation_properties(GObjectClass *object_class) {
  const auto install = [&](GParamSpec *spec, guint id) {
    g_object_class_install_property(object_class, id, spec);
  };
  install(g_param_spec_enum(
              "isolation", "Isolation",
              "Where the plugin runs; default: $GST_PYTHONFILTER_ISOLATION, "
              "or else none (changeable in NULL)",
              isolation_type(), 0, flags),
          PROP_ISOLATION);
  install(g_param_spec_int(
              "deadline", "Deadline",
              "How long a plugin in another process may take for a buffer, in "
              "ms; what takes longer is a gap in the sound, and live this is "
              "in the latency. -1: live 20 ms more than the buffer lasts, "
              "else for ever; 0: for ever",
              -1, G_MAXINT, -1, GParamFlags(flags | GST_PARAM_MUTABLE_PLAYING)),
          PROP_DEADLINE);
  install(g_param_spec_string(
              "python", "Python",
              "The interpreter of a plugin in another process, any that has "
              "NumPy; default: that of the virtual environment, or else the "
              "one this element was built with (changeable in NULL)",
              nullptr, GParamFlags(flags | GST_PARAM_DOC_SHOW_DEFAULT)),
          PROP_PYTHON);
  install(g_param_spec_enum("restart", "Restart",
                            "When a plugin's process is replaced by a new one "
                            "(changeable in NULL)",
                            restart_type(), int(Restart::OnCrash), flags),
          PROP_RESTART);
  install(g_param_spec_uint("max-restarts", "Most restarts",
                            "How often in a minute a plugin's process is "
                            "replaced; once more is an error "
                            "(changeable in NULL)",
                            0, G_MAXINT, 5, flags),
          PROP_MAX_RESTARTS);
  install(g_param_spec_uint(
              "hang-timeout", "Hang timeout",
              "When a call in another process that is late hangs, and its "
              "process is replaced, in ms; loading, start() and the first call "
              "may take six times as long; 0: never (changeable in NULL)",
              0, G_MAXINT, guint(Isolation{}.hang_timeout), flags),
          PROP_HANG_TIMEOUT);
  install(g_param_spec_string(
              "worker-group", "Worker group",
              "Elements that name the same group share one process; default: "
              "each has its own (changeable in NULL)",
              nullptr, GParamFlags(flags | GST_PARAM_DOC_SHOW_DEFAULT)),
          PROP_WORKER_GROUP);
  install(
      g_param_spec_enum("sandbox", "Sandbox",
                        "What a plugin's process may not do; stats says "
                        "what was applied (changeable in NULL)",
                        sandbox_type(), int(Isolation::Sandbox::Basic), flags),
      PROP_SANDBOX);
  install(g_param_spec_boolean("sandbox-required", "Sandbox required",
                               "Fail where the sandbox cannot be applied in "
                               "full (changeable in NULL)",
                               FALSE, flags),
          PROP_SANDBOX_REQUIRED);
  for (const GType type : {isolation_type(), restart_type(), sandbox_type()})
    gst_type_mark_as_plugin_api(type, GstPluginAPIFlags(0));
}

const char *isolation_property_name(guint id) {
  return names[id - first_isolation_property];
}

bool names_isolation_property(const std::string &name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

void set_isolation_property(Isolation *isolation, guint id,
                            const GValue *value) {
  switch (id) {
    case PROP_ISOLATION:
      isolation->process = g_value_get_enum(value) != 0;
      break;
    case PROP_PYTHON:
      isolation->python = text_in(value);
      break;
    case PROP_RESTART:
      isolation->restart = Restart(g_value_get_enum(value)) == Restart::OnCrash;
      break;
    case PROP_MAX_RESTARTS:
      isolation->max_restarts = int(g_value_get_uint(value));
      break;
    case PROP_HANG_TIMEOUT:
      isolation->hang_timeout = int(g_value_get_uint(value));
      break;
    case PROP_WORKER_GROUP:
      isolation->group = text_in(value);
      break;
    case PROP_SANDBOX:
      isolation->sandbox = Isolation::Sandbox(g_value_get_enum(value));
      break;
    case PROP_SANDBOX_REQUIRED:
      isolation->sandbox_required = g_value_get_boolean(value);
      break;
    default:
      break;
  }
}

void get_isolation_property(const Isolation &isolation, guint id,
                            GValue *value) {
  switch (id) {
    case PROP_ISOLATION:
      g_value_set_enum(value, isolation.process);
      break;
    case PROP_PYTHON:
      set_text(value, isolation.python);
      break;
    case PROP_RESTART:
      g_value_set_enum(
          value, int(isolation.restart ? Restart::OnCrash : Restart::Never));
      break;
    case PROP_MAX_RESTARTS:
      g_value_set_uint(value, guint(isolation.max_restarts));
      break;
    case PROP_HANG_TIMEOUT:
      g_value_set_uint(value, guint(isolation.hang_timeout));
      break;
    case PROP_WORKER_GROUP:
      set_text(value, isolation.group);
      break;
    case PROP_SANDBOX:
      g_value_set_enum(value, int(isolation.sandbox));
      break;
    case PROP_SANDBOX_REQUIRED:
      g_value_set_boolean(value, isolation.sandbox_required);
      break;
    default:
      break;
  }
}

bool isolation_of_environment(bool *process) {
  const char *set = g_getenv("GST_PYTHONFILTER_ISOLATION");
  *process = set && strcmp(set, "process") == 0;
  return !set || !*set || *process || strcmp(set, "none") == 0;
}

}  // namespace pythonfilter
