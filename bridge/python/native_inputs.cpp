// SPDX-License-Identifier: LGPL-2.1-or-later
#include "native_inputs.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pythonfilter {

void NativeInputs::forget() {
  names_.clear();
  views_.clear();
  inputs_.clear();
  records_.clear();
  curves_.clear();
}

bool NativeInputs::read(const std::vector<PortFormat> &inputs, PyObject *order,
                        PyObject *fields, size_t size,
                        const std::vector<ParameterSpec> &specs) {
  assert(with_gil());
  const std::vector<std::string> before = std::move(names_);
  const std::vector<std::byte> values = std::move(records_);
  assert(before.empty() || size == size_);  // it is the same plugin's
  forget();
  size_ = size;
  if (!fields_.read(fields, specs)) return false;
  for (Py_ssize_t i = 0; i < PyList_Size(order); i++) {
    const size_t view = PyLong_AsSize_t(PyList_GET_ITEM(order, i));
    if (PyErr_Occurred()) return false;
    const PortFormat &format = inputs.at(view);
    PythonfilterInput input = {};
    input.channels = format.channels;
    input.format = int32_t(format.format);
    names_.push_back(format.name);
    views_.push_back(view);
    inputs_.push_back(input);
  }
  records_.resize(inputs_.size() * size_);
  for (size_t i = 0; i < inputs_.size(); i++) {
    const auto known = std::find(before.begin(), before.end(), names_[i]);
    if (known != before.end())
      std::copy_n(values.begin() + (known - before.begin()) * ptrdiff_t(size_),
                  size_, record(i));
    else
      fields_.set_defaults(record(i));
    if (size_ > 0) inputs_[i].params = record(i);
    fields_.list_curves(names_[i] + "::", &curves_.emplace_back());
  }
  return true;
}

NativeFields::Set NativeInputs::set(const std::string &input,
                                    const Parameter &parameter,
                                    std::string *problem) {
  for (size_t i = 0; i < names_.size(); i++)
    if (names_[i] == input) return fields_.set(record(i), parameter, problem);
  return NativeFields::Set::NotMine;
}

bool NativeInputs::set(const std::string &input, const Number &number) {
  for (size_t i = 0; i < names_.size(); i++)
    if (names_[i] == input) return fields_.set(record(i), number);
  return false;
}

[[gnu::hot]] void NativeInputs::show(const std::vector<InputView> &views,
                                     size_t frames) {
  for (size_t i = 0; i < inputs_.size(); i++) {
    const InputView &view = views[views_[i]];
    PythonfilterInput &input = inputs_[i];
    if (__builtin_expect(!curves_[i].empty(), 0))
      curves_[i].fill(view.curves, frames, record(i));
    input.data = view.data;
    input.channel_stride = view.channel_stride;
    input.frame_stride = view.frame_stride;
    input.pts = view.pts == no_time ? -1 : int64_t(view.pts);
    input.flags = (view.present ? PYTHONFILTER_PRESENT : 0u) |
                  (view.gap ? PYTHONFILTER_GAP : 0u) |
                  (view.late ? PYTHONFILTER_LATE : 0u) |
                  (view.discont ? PYTHONFILTER_BREAK : 0u);
  }
}

}  // namespace pythonfilter
