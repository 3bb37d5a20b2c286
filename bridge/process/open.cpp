// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The module's one exported symbol.
#include "process_plugin.hpp"

namespace pythonfilter {

extern "C" [[gnu::visibility("default")]] Plugin *pythonfilter_make_plugin_2(
    const PluginSpec &spec, Failure *) {
  return new ProcessPlugin(spec);
}

}  // namespace pythonfilter
