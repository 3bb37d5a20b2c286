// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The interpreter: started by us on a thread of its own, or joined as it is.
#pragma once

#include "../bridge.hpp"

namespace pythonfilter {

// Starts or joins Python, then fills `python` (names.hpp). Any thread, without
// the GIL held; a second call costs a GIL hold. False: `failure` filled.
bool open_interpreter(const PluginSpec &spec, Failure *failure);

}  // namespace pythonfilter
