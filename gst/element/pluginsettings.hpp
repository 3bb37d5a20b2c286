// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which plugin an element has, where that runs, and what becomes of the process
// that it runs in: properties that are changed in NULL, for the next plugin.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "../params/pluginparams.hpp"

namespace pythonfilter {

// In this order gst-inspect shows them.
enum : guint {
  PROP_0,
  PROP_SCRIPT,
  PROP_MODULE,
  PROP_CLASS,
  PROP_PARAMS,
  PROP_ON_ERROR,
  PROP_VENV,
  PROP_PLUGIN_INFO,
  PROP_STATS,
  PROP_STATS_INTERVAL,
  PROP_RELOAD,
  PROP_ISOLATION,
  PROP_DEADLINE,
  PROP_PYTHON,
  PROP_RESTART,
  PROP_MAX_RESTARTS,
  PROP_HANG_TIMEOUT,
  PROP_WORKER_GROUP,
  PROP_SANDBOX,
  PROP_SANDBOX_REQUIRED,
};
// Property ids of an element class continue from here.
constexpr guint last_shared_property = PROP_SANDBOX_REQUIRED;

// What an element that is made for one plugin cannot change.
struct FixedPlugin {
  std::string script, module, class_name;  // either script or module
  std::vector<std::string> secrets;        // as far as they are known
};

class PluginSettings {
 public:
  PluginSettings(GstElement *element, PluginKind kind, PluginParams *params);

  // With deadline, which is PythonElement's to set and get.
  static void install_properties(GObjectClass *object_class);
  static bool has(const std::string &name);
  // False: not one of these.
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value) const;

  // Right after the element was made.
  void fix(const FixedPlugin &plugin);
  bool fixed() const { return fixed_; }

  // The rest on any thread.
  PluginSpec spec() const;
  // Script, or module, and class: what tells plugins apart. Empty: none.
  std::string identity() const;
  // The environment says neither none nor process, and nobody else said.
  bool isolation_in_doubt() const;

 private:
  bool refuse_fixed(guint id, const GValue *value) const;
  bool is_in_null(guint id, const GValue *value) const;
  void set(guint id, const GValue *value);

  GstElement *const element_;
  PluginParams *const params_;
  bool fixed_ = false;                // since the element was made
  std::vector<std::string> secrets_;  // of the plugin that is fixed
  mutable Mutex mutex_;               // a leaf
  PluginSpec spec_;                   // guarded by mutex_
  bool isolation_in_doubt_;           // guarded by mutex_
};

}  // namespace pythonfilter
