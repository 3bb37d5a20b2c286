// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a converting plugin gives back: bytes-like objects that go on as they
// are, without a copy.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// What the outputs of one call are checked against.
struct OutputRules {
  const StreamFormat &format;
  PyObject *said = nullptr;  // the same, for results.py
  // The array over the block, of which an output may be a part; or NULL.
  PyObject *shown = nullptr;
  bool shown_writable = false;
};

// What became of them, beside the outputs themselves.
struct OutputFacts {
  bool copied = false;       // the plugin kept an object it can still change
  bool parts_shown = false;  // one is a part of the block
};

// All need the GIL. `given` is an object or a list or tuple of them, to which
// nobody but the plugin's own variables may hold more references than
// `references`. False: exception set, and nothing was added.
bool add_outputs(PyObject *given, Py_ssize_t references,
                 const OutputRules &rules, std::vector<Output> *outputs,
                 OutputFacts *facts);

}  // namespace pythonfilter
