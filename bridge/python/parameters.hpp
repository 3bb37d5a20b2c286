// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What buffer.curve() gives.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// A new array of one float32 for each frame. Needs the GIL; NULL: exception
// set.
PyObject *new_curve(const Block &block, const std::string &name);

}  // namespace pythonfilter
