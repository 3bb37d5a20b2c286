// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An audio method that is a C function (pythonfilter-call.h): called at its
// address, without Python.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../bridge.hpp"
#include "../pythonfilter-call.h"
#include "native_fields.hpp"
#include "native_inputs.hpp"
#include "python.hpp"

namespace pythonfilter {

// The streaming thread's, which has no GIL, but for read().
class NativeCall {
 public:
  // Reads how a plugin that was just started is called. `loaded` keeps what the
  // function is and all that it uses. With the GIL. False: an exception is set.
  bool read(PyObject *loaded, PluginKind kind, const StreamFormat &format,
            const Capabilities &capabilities);
  // Python has to be called.
  bool empty() const { return !function_; }
  void clear() { function_ = nullptr; }

  // Which inputs a mixer has from here on, in the order of their pads. With the
  // GIL, after read(). False: an exception is set.
  bool read_inputs(PyObject *loaded, const std::vector<PortFormat> &inputs,
                   const Capabilities &capabilities);

  // As those of NativeFields.
  using Set = NativeFields::Set;
  Set set(const Parameter &parameter, std::string *problem) {
    return fields_.set(params_, parameter, problem);
  }
  bool set(const Number &number) { return fields_.set(params_, number); }
  // An InputParam of an input.
  Set set_of_input(const std::string &input, const Parameter &parameter,
                   std::string *problem) {
    return inputs_.set(input, parameter, problem);
  }
  bool set_of_input(const std::string &input, const Number &number) {
    return inputs_.set(input, number);
  }
  // Of the stream, which goes on with new code.
  int64_t position() const { return position_; }
  void go_on_at(int64_t position) { position_ = position; }
  // set_parameter() is the plugin's own.
  bool has_own_setter() const { return has_own_setter_; }

  // `inputs`: of a mixer; NULL: it is none.
  Outcome operator()(const Block &block, const std::vector<InputView> *inputs,
                     CallResult *result, Failure *failure);

 private:
  bool read_fields(PyObject *list, const Capabilities &capabilities);
  int32_t call(std::byte *data, ptrdiff_t frames, ptrdiff_t channel_stride,
               ptrdiff_t frame_stride, const std::vector<InputView> *inputs,
               PythonfilterStream *stream);
  void use_scratch(const Block &block, bool into_block);
  Outcome outcome_of(int32_t status, Failure *failure) const;

  void *function_ = nullptr;     // a PythonfilterCall, or PythonfilterMixCall
  std::byte *params_ = nullptr;  // Python's, as state_
  void *state_ = nullptr;
  StreamFormat format_;
  PluginKind kind_ = PluginKind::Processor;
  bool read_only_ = false, has_own_setter_ = false;
  std::string name_, file_;
  int line_ = 0;
  NativeFields fields_;
  NativeInputs inputs_;
  NativeCurves curves_;
  // Holds a block whose channels are not where the function wants them; grows.
  std::vector<std::byte> scratch_;
  int64_t position_ = 0;
};

}  // namespace pythonfilter
