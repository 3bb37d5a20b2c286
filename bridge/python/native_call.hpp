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

  // Done: the function's next call has it. NotMine: it is no number of the
  // function's. Refused: it is not what the plugin allows, as `problem` says.
  enum class Set { Done, NotMine, Refused };
  Set set(const Parameter &parameter, std::string *problem);
  // One that its Param allows. False: it is not the function's, or its Param
  // allows others.
  bool set(const Number &number);
  // Of the stream, which goes on with new code.
  int64_t position() const { return position_; }
  void go_on_at(int64_t position) { position_ = position; }
  // set_parameter() is the plugin's own.
  bool has_own_setter() const { return has_own_setter_; }

  Outcome operator()(const Block &block, CallResult *result, Failure *failure);

 private:
  struct Field {
    const ParameterSpec *spec;  // of the plugin's capabilities
    ptrdiff_t place;            // nowhere: it is not the function's
  };
  static constexpr ptrdiff_t nowhere = -1;
  struct Curve {
    std::string name;
    ptrdiff_t place;
    std::vector<float> values;  // where it is the same for all frames
  };

  bool add_fields(PyObject *list, const Capabilities &capabilities);
  bool put(const Field &field, const std::string &text);
  void use_scratch(const Block &block, bool into_block);
  void fill_curves(const Block &block);
  Outcome outcome_of(int32_t status, Failure *failure) const;

  PythonfilterCall *function_ = nullptr;
  std::byte *params_ = nullptr;  // Python's, as state_
  void *state_ = nullptr;
  StreamFormat format_;
  PluginKind kind_ = PluginKind::Processor;
  bool read_only_ = false, has_own_setter_ = false;
  std::string name_, file_;
  int line_ = 0;
  std::vector<Field> fields_;  // one for each that the plugin declares
  std::vector<Curve> curves_;
  // Holds a block whose channels are not where the function wants them; grows.
  std::vector<std::byte> scratch_;
  int64_t position_ = 0;
};

}  // namespace pythonfilter
