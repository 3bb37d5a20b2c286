// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The two small Python types behind a view: the owner of an array's memory,
// and the facts about a block that an AudioBuffer reads when it is asked.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// All need the GIL; false or NULL: exception set.
bool make_view_types();

// `read_only`: of memory that may not be written.
PyObject *new_memory_owner(bool read_only);
// From now on the memory lives until the owner dies.
void give_to_owner(PyObject *owner, std::unique_ptr<KeptMemory> memory);

// AudioBuffer._stream.
struct StreamInfo {
  PyObject_HEAD uint64_t pts, duration, offset;
  int sample_rate;
  bool discont, gap;
  bool present, late;  // of an input of a mixer
  // Of an output of a splitter, with what its array would be.
  bool linked, silent;
  int channels, type_num;
  size_t frames;       // also of an input that has curves
  const Block *block;  // of the call that runs; NULL: none with curves
  // Of an input, and what it is called; NULL: it has no curves, or no call
  // runs.
  const std::vector<Curve> *curves;
  const std::string *input;
  PyObject *positions;  // a tuple, or None
};

// One of an AudioBuffer's attributes.
inline PyObject **slot(PyObject *object, Py_ssize_t offset) {
  return reinterpret_cast<PyObject **>(reinterpret_cast<char *>(object) +
                                       offset);
}

inline StreamInfo *info_of(PyObject *object) {
  return reinterpret_cast<StreamInfo *>(object);
}

PyObject *new_stream_info(int rate, const std::vector<std::string> &positions);

// Stores a few numbers; objects are made only when the plugin reads them.
inline void fill_stream_info(PyObject *object, const Block &block) {
  StreamInfo *info = info_of(object);
  info->pts = block.pts;
  info->duration = block.duration;
  info->offset = block.offset;
  info->discont = block.discont;
  info->gap = block.gap;
  info->block = block.curves ? &block : nullptr;
}
// What the plugin may have changed. The block is forgotten.
inline bool discont_after_call(PyObject *object) {
  info_of(object)->block = nullptr;
  return info_of(object)->discont;
}

}  // namespace pythonfilter
