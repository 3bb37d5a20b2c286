// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything of Python that is looked up once for the whole process.
#pragma once

#include "python.hpp"

namespace pythonfilter {

struct Python {
  PyObject *host = nullptr;         // module of pythonfilter/host/plugin.py
  PyObject *describe = nullptr;     // its describe_exception
  PyObject *results = nullptr;      // module of pythonfilter/results.py
  PyObject *load = nullptr;         // its load
  PyObject *timeout = nullptr;      // base_plugin.PluginTimeout
  PyObject *buffer_type = nullptr;  // base_plugin.AudioBuffer
  // base_plugin's classes that are derived from it, and the mappings of inputs
  // and of outputs.
  PyObject *output_type = nullptr, *input_type = nullptr,
           *inputs_type = nullptr, *splitter_output_type = nullptr,
           *splitter_outputs_type = nullptr;
  Py_ssize_t data_slot = 0;          // offset of AudioBuffer.data
  Py_ssize_t stream_slot = 0;        // offset of AudioBuffer._stream
  PyObject *numpy_errors = nullptr;  // where NumPy 1 has them; NULL: NumPy 2
  PyTypeObject *owner_type = nullptr;
  PyTypeObject *stream_info_type = nullptr;
  PyInterpreterState *interpreter = nullptr;
  std::atomic<bool> ours{false};  // we started the interpreter
};

// Filled by open_interpreter(), constant afterwards.
extern Python python;

}  // namespace pythonfilter
