// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The Params of a loaded plugin as properties: of a GstObject, which is the
// element's child `plugin` from READY to NULL, and of an element that is made
// for one plugin, always. Their values lie where `params` has its own, so that
// each shows what was set through the others.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "curves.hpp"
#include "pluginparams.hpp"

namespace pythonfilter {

// Says that a parameter has another value than its spec allows, and keeps the
// one that it had. `who` has it.
void tell_refused(GstElement *element, const std::string &who,
                  const ParameterSpec &spec, const GValue *value);

class PluginProperties final : public CurveSource {
 public:
  PluginProperties(GstElement *element, PluginParams *params)
      : element_(element), params_(params) {}
  ~PluginProperties();

  // The child comes and goes: child-added, child-removed. It has no Params: no
  // child. `plugin` is its name, for messages.
  void publish(const std::vector<ParameterSpec> &specs,
               const std::string &plugin);
  // What the plugin has made of them.
  void refresh(const std::vector<ParameterSpec> &specs) const;
  void withdraw();

  // Any thread; NULL: there is none.
  GstObject *ref_child() const;
  // What each of them is now, as a field, but for secrets. Any thread.
  void read_all(GstStructure *values) const;

  // Reads and sets an element's own property, where it is made for one plugin.
  // Any thread.
  void get_own(const ParameterSpec &spec, GValue *value) const;
  void set_own(const ParameterSpec &spec, GParamSpec *property,
               const GValue *value, const std::string &plugin) const;

  // Parameters were set through `params`. Any thread.
  void notify(const GstStructure *changes) const;

  // The rest is the streaming thread's, or loads the plugin.

  // What the plugin made of a parameter that it was told, or that it refused.
  void tell_outcome(const Parameter &asked) const;
  bool is_controlled() const override {
    return __atomic_load_n(bindings_, __ATOMIC_RELAXED) ||
           __atomic_load_n(&GST_OBJECT_CAST(element_)->control_bindings,
                           __ATOMIC_RELAXED);
  }
  void sync(GstClockTime stream_time) const;
  double number(const std::string &name) const override;
  GstControlBinding *ref_binding(const std::string &name) const override;

 private:
  GstObject *take_child();

  GstElement *const element_;
  PluginParams *const params_;

  // A leaf lock: nothing is called and nothing waited for under it.
  mutable Mutex mutex_;
  GstObject *child_ = nullptr;  // guarded by mutex_, but for the owner's thread
  static inline GList *no_bindings_ = nullptr;
  GList **bindings_ = &no_bindings_;  // the child's
};

}  // namespace pythonfilter
