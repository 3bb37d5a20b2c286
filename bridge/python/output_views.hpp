// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The outputs of a splitter as its plugin sees them.
#pragma once

#include "port_views.hpp"

namespace pythonfilter {

// All need the GIL. Every bool: false with a Python exception set.
class OutputArray final : public PortArray {
 public:
  OutputArray() : PortArray(false) {}
  bool open(const PortFormat &format, int rate) {
    return open_port(python.splitter_output_type, "src_", format, rate);
  }
  void show_block(const OutputView &view, const Block &input);
  // What the plugin bound to .data, and what it says.
  bool take(OutputView *view);
  bool take_tail(PyObject *samples, PortTail *tail) const;
  bool release(const OutputView &view, bool *escaped);

 private:
  bool refuse(PyObject *samples, ptrdiff_t frames) const;
};

class OutputViews final : public PortViews<OutputArray> {
 public:
  bool open(int rate) {
    return open_mapping(python.splitter_outputs_type, rate);
  }
  bool change(const std::vector<PortFormat> &formats);
  // Shows what is in `views`, which are as many as the outputs.
  bool show(const std::vector<OutputView> &views, const Block &input);
  // After a call that succeeded.
  bool take(std::vector<OutputView> *views);
  // After every call.
  bool release(const std::vector<OutputView> &views, CallResult *result);
  // What drain() gave: a dict of arrays.
  bool take_tails(PyObject *given, std::vector<PortTail> *tails) const;
};

}  // namespace pythonfilter
