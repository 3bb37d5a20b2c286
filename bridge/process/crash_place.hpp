// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where in the plugin its process crashed, from what faulthandler wrote.
#pragma once

#include <string>

#include "../bridge.hpp"

namespace pythonfilter {

// Fills in file, line and function from the traceback: the innermost frame of
// the plugin's own folder, or else of the thread that crashed.
void find_crash_place(const std::string &script, Failure *failure);

}  // namespace pythonfilter
