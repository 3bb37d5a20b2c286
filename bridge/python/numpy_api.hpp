// SPDX-License-Identifier: LGPL-2.1-or-later
//
// NumPy's C API, for the files of this module that need it. numpy_api.cpp is
// the one that imports it.
#pragma once

#include "python.hpp"

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pythonfilter_numpy_api
#ifndef PYTHONFILTER_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

namespace pythonfilter {

// Needs the GIL. False: exception set.
bool import_numpy();

// What this was compiled for. A later one does not run with it.
constexpr int numpy_major_version = NPY_ABI_VERSION >= 0x02000000 ? 2 : 1;

}  // namespace pythonfilter
