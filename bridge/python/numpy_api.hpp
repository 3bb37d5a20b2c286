// SPDX-License-Identifier: LGPL-2.1-or-later
//
// NumPy's C API, for the files of this module that need it. numpy_api.cpp is
// the one that imports it.
#pragma once

#include "../capabilities.hpp"
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

// Which NumPy this was compiled for. A later one does not run with it.
constexpr int numpy_major_version = NPY_ABI_VERSION >= 0x02000000 ? 2 : 1;

constexpr int numpy_type(SampleFormat format) {
  return format == SampleFormat::F64   ? NPY_FLOAT64
         : format == SampleFormat::S16 ? NPY_INT16
         : format == SampleFormat::S32 ? NPY_INT32
                                       : NPY_FLOAT32;
}

inline PyArrayObject *as_array(PyObject *object) {
  return reinterpret_cast<PyArrayObject *>(object);
}

inline PyArrayObject_fields *fields_of(PyObject *object) {
  return reinterpret_cast<PyArrayObject_fields *>(object);
}

inline bool is_array_of(PyObject *object, int type) {
  if (!PyArray_Check(object)) return false;
  Ref wanted = steal(reinterpret_cast<PyObject *>(PyArray_DescrFromType(type)));
  return PyArray_EquivTypes(PyArray_DESCR(as_array(object)),
                            reinterpret_cast<PyArray_Descr *>(wanted.get()));
}

}  // namespace pythonfilter
