// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The module's one exported symbol.
#include "process_plugin.hpp"

namespace pythonfilter {

namespace {

class ProcessBridge final : public Bridge {
 public:
  std::unique_ptr<Plugin> make(const PluginSpec &spec) override {
    return std::make_unique<ProcessPlugin>(spec);
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) Bridge *
pythonfilter_open_bridge_1(const PluginSpec &, Failure *) {
  static ProcessBridge &bridge = *new ProcessBridge;  // outlives every thread
  return &bridge;
}

}  // namespace pythonfilter
