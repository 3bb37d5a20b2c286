// SPDX-License-Identifier: LGPL-2.1-or-later
#include "parameters.hpp"

#include <algorithm>
#include <cstring>

#include "numpy_api.hpp"

namespace pythonfilter {

namespace {

using Kind = ParameterSpec::Kind;

bool read_parameter(PyObject *description, ParameterSpec *spec) {
  const char *texts[8];
  PyObject *choices;
  int secret, curve;
  if (!PyArg_ParseTuple(description, "ssssssssO!pp", &texts[0], &texts[1],
                        &texts[2], &texts[3], &texts[4], &texts[5], &texts[6],
                        &texts[7], &PyTuple_Type, &choices, &secret, &curve))
    return false;
  spec->name = texts[0];
  for (const auto &[text, kind] : {std::pair("bool", Kind::Bool),
                                   {"int", Kind::Int},
                                   {"float", Kind::Float},
                                   {"choice", Kind::Choice}})
    if (!strcmp(texts[1], text)) spec->kind = kind;
  spec->default_value = spec->value = texts[2];
  spec->minimum = texts[3];
  spec->maximum = texts[4];
  spec->unit = texts[5];
  spec->description = texts[6];
  spec->allowed = texts[7];
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(choices); i++)
    spec->choices.push_back(text_of(PyTuple_GET_ITEM(choices, i)));
  spec->secret = secret != 0;
  spec->curve = curve != 0;
  return true;
}

}  // namespace

bool read_parameters(PyObject *host, std::vector<ParameterSpec> *parameters) {
  Ref all = steal(PyObject_GetAttrString(host, "parameters"));
  if (!all) return false;
  for (Py_ssize_t i = 0; i < PyTuple_Size(all.get()); i++) {
    parameters->emplace_back();
    if (!read_parameter(PyTuple_GET_ITEM(all.get(), i), &parameters->back()))
      return false;
  }
  return !PyErr_Occurred();
}

bool read_values(PyObject *values, std::vector<ParameterSpec> *parameters) {
  for (size_t i = 0; i < parameters->size(); i++) {
    Ref value = steal(PySequence_GetItem(values, Py_ssize_t(i)));
    if (!value) return false;
    const std::string text = text_of(value.get());
    if (!text.empty()) (*parameters)[i].value = text;
  }
  return true;
}

PyObject *new_curve(const Block &block, const std::string &name) {
  static const std::vector<Curve> none;
  const auto &curves = block.curves ? *block.curves : none;
  const auto found =
      std::find_if(curves.begin(), curves.end(),
                   [&](const Curve &curve) { return curve.name == name; });
  if (found == curves.end()) {
    PyErr_Format(PyExc_KeyError,
                 "no curve %s: name it in the class attribute curves",
                 name.c_str());
    return nullptr;
  }
  npy_intp frames = npy_intp(block.frames);
  PyObject *array = PyArray_SimpleNew(1, &frames, NPY_FLOAT32);
  if (!array) return nullptr;
  auto *to = static_cast<float *>(
      PyArray_DATA(reinterpret_cast<PyArrayObject *>(array)));
  if (found->values.empty())
    std::fill_n(to, block.frames, found->constant);
  else
    std::copy_n(found->values.data(), block.frames, to);
  return array;
}

}  // namespace pythonfilter
