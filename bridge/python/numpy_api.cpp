// SPDX-License-Identifier: LGPL-2.1-or-later
#define PYTHONFILTER_IMPORTS_NUMPY
#include "numpy_api.hpp"

#include "names.hpp"

namespace pythonfilter {

bool import_numpy() {
  assert(with_gil());
  if (_import_array() != 0) return false;
  constexpr unsigned numpy_2 = 0x12;
  if (PyArray_GetNDArrayCFeatureVersion() >= numpy_2) return true;
  python.numpy_errors = PyUnicode_InternFromString("UFUNC_PYVALS");
  return python.numpy_errors != nullptr;
}

}  // namespace pythonfilter
