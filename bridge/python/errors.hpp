// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From a Python exception to a Failure. All of these need the GIL.
#pragma once

#include "../bridge.hpp"
#include "names.hpp"
#include "python.hpp"

namespace pythonfilter {

// Takes the current exception and leaves none behind.
void capture_exception(Failure *failure, const char *phase);

// The exception for something that the plugin did, in the words of that
// function of pythonfilter/results.py. Arguments as of Py_BuildValue(). Returns
// false.
template <typename... T>
bool say_why(const char *function, const char *format = nullptr,
             T... arguments) {
  assert(with_gil());
  steal(PyObject_CallMethod(python.results, function, format, arguments...));
  // The function found nothing wrong: what it was given has changed meanwhile.
  if (!PyErr_Occurred())
    PyErr_SetString(PyExc_ValueError, "gave what cannot be used");
  return false;
}

}  // namespace pythonfilter
