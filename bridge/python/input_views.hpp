// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The inputs of a mixer as its plugin sees them.
#pragma once

#include "port_views.hpp"

namespace pythonfilter {

// All need the GIL. Every bool: false with a Python exception set.
class InputArray final : public PortArray {
 public:
  InputArray() : PortArray(true) {}
  bool open(const PortFormat &format, int rate) {
    return open_port(python.input_type, "sink_", format, rate);
  }
  void show_block(const InputView &view, const Block &output);
  bool release(const InputView &view, bool *escaped) {
    info_of(info_.get())->curves = nullptr;
    return let_go(view.keeper, escaped);
  }
};

class InputViews final : public PortViews<InputArray> {
 public:
  bool open(int rate);
  // `defaults`: a dict of what each that is new has besides.
  bool change(const std::vector<PortFormat> &formats, PyObject *defaults);
  // Shows what is in `views`, which are as many as the inputs.
  bool show(const std::vector<InputView> &views, const Block &output);
  bool release(const std::vector<InputView> &views, CallResult *result);

 private:
  bool tell_changes();

  // What mapping_ says of itself; several changes may come before a call.
  Names added_, removed_;
  bool told_ = false;  // a call has seen it
};

}  // namespace pythonfilter
