// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The module's one exported symbol.
#include "../bridge.hpp"
#include "interpreter.hpp"
#include "python_plugin.hpp"

namespace pythonfilter {

namespace {

class PythonBridge final : public Bridge {
 public:
  std::unique_ptr<Plugin> make(const PluginSpec &spec) override {
    return std::make_unique<PythonPlugin>(spec.kind, spec.listener);
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) Bridge *
pythonfilter_open_bridge_1(const PluginSpec &spec, Failure *failure) {
  static PythonBridge &bridge = *new PythonBridge;  // outlives every thread
  return open_interpreter(spec, failure) ? &bridge : nullptr;
}

}  // namespace pythonfilter
