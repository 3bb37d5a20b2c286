// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Parameters that Python gets, for a block, and what it gives as texts.
#pragma once

#include <vector>

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// What buffer.curve() gives: a new array of one float32 for each frame. Needs
// the GIL; NULL: exception set. `input`: whose curves these are; NULL: the
// plugin's.
PyObject *new_curve(const std::vector<Curve> &curves, size_t frames,
                    const std::string &name,
                    const std::string *input = nullptr);

std::vector<std::string> texts_of(PyObject *tuple);

// Of a list of (name, text). With the GIL; on a mistake an exception is set.
std::vector<Parameter> parameters_in(PyObject *list);

}  // namespace pythonfilter
