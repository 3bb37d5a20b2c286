// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Finds the Python of this process, or one to start, and the bridge module
// built for it. No Python header: dlopen() and file names.
#pragma once

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// What makes such plugins. Any thread. NULL and `failure` filled when there is
// no Python to be had.
MakePlugin *find_bridge(const PluginSpec &spec, Failure *failure);

}  // namespace pythonfilter
