// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The module's one exported symbol.
#include "../bridge.hpp"
#include "interpreter.hpp"
#include "python_plugin.hpp"

namespace pythonfilter {

extern "C" [[gnu::visibility("default")]] Plugin *pythonfilter_make_plugin_2(
    const PluginSpec &spec, Failure *failure) {
  return open_interpreter(spec, failure) ? new PythonPlugin(spec) : nullptr;
}

}  // namespace pythonfilter
