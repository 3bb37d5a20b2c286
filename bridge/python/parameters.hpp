// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The Params of a plugin, and what buffer.curve() gives it of them.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// All need the GIL; false or NULL: exception set.

// From Host.values(), once the plugin is initialized.
bool read_values(PyObject *values, std::vector<ParameterSpec> *parameters);

// A new array of one float32 for each frame.
PyObject *new_curve(const Block &block, const std::string &name);

}  // namespace pythonfilter
