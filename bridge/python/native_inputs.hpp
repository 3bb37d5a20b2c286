// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The inputs of a mixer whose audio method is a C function, as it gets them:
// an array that is made anew where inputs come and go, and filled in for each
// block.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "../bridge.hpp"
#include "../pythonfilter-call.h"
#include "native_fields.hpp"
#include "python.hpp"

namespace pythonfilter {

// The streaming thread's, which has no GIL, but for read().
class NativeInputs {
 public:
  // These are the inputs from here on, in the order of their pads; `order` is
  // the function's: a list of their numbers. `fields` are those of a record of
  // `size` bytes, which holds the InputParams of each. An input that was there
  // before keeps what they are. False: an exception is set.
  bool read(const std::vector<PortFormat> &inputs, PyObject *order,
            PyObject *fields, size_t size,
            const std::vector<ParameterSpec> &specs);
  void forget();
  // As NativeFields::set(), of the input that is called so.
  NativeFields::Set set(const std::string &input, const Parameter &parameter,
                        std::string *problem);
  bool set(const std::string &input, const Number &number);
  // What there is in this block of so many frames; as many as were read.
  void show(const std::vector<InputView> &views, size_t frames);

  const PythonfilterInput *data() const { return inputs_.data(); }
  int32_t count() const { return int32_t(inputs_.size()); }

 private:
  std::byte *record(size_t place) { return records_.data() + place * size_; }

  std::vector<std::string> names_;         // in the order of inputs_
  std::vector<size_t> views_;              // likewise, which view it is
  std::vector<PythonfilterInput> inputs_;  // what the function gets
  NativeFields fields_;
  size_t size_ = 0;
  std::vector<std::byte> records_;    // one for each
  std::vector<NativeCurves> curves_;  // likewise
};

}  // namespace pythonfilter
