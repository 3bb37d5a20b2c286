// SPDX-License-Identifier: LGPL-2.1-or-later
#include "parameters.hpp"

#include <algorithm>

#include "errors.hpp"
#include "numpy_api.hpp"

namespace pythonfilter {

PyObject *new_curve(const std::vector<Curve> &curves, size_t count,
                    const std::string &name, const std::string *input) {
  assert(with_gil());
  const std::string wanted = input ? *input + "::" + name : name;
  const auto found =
      std::find_if(curves.begin(), curves.end(),
                   [&](const Curve &curve) { return curve.name == wanted; });
  if (found == curves.end()) {
    say_why("no_curve", "s", name.c_str());
    return nullptr;
  }
  npy_intp frames = npy_intp(count);
  PyObject *array = PyArray_SimpleNew(1, &frames, NPY_FLOAT32);
  if (!array) return nullptr;
  auto *to = static_cast<float *>(
      PyArray_DATA(reinterpret_cast<PyArrayObject *>(array)));
  if (found->values.empty())
    std::fill_n(to, count, found->constant);
  else
    std::copy_n(found->values.data(), count, to);
  return array;
}

std::vector<std::string> texts_of(PyObject *tuple) {
  std::vector<std::string> texts;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
    texts.push_back(text_of(PyTuple_GET_ITEM(tuple, i)));
  return texts;
}

std::vector<Parameter> parameters_in(PyObject *list) {
  std::vector<Parameter> all;
  for (Py_ssize_t i = 0; i < PyList_Size(list); i++) {
    const char *name, *text;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "ss", &name, &text))
      return {};
    all.push_back({name, text});
  }
  return all;
}

}  // namespace pythonfilter
