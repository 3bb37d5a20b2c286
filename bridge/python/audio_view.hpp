// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The one NumPy array and the one AudioBuffer a stream keeps, pointed at each
// block's own memory in turn, and the guard that notices when a plugin kept
// something of them, or made something else of them.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

class AudioView {
 public:
  // All need the GIL. Every bool: false with a Python exception set.
  // `shorter`: what it gives may have fewer frames than the block.
  bool open(const StreamFormat &format, bool read_only, bool shorter);
  void close();

  // The AudioBuffer over `block`, borrowed.
  PyObject *point_at(Block *block);

  // After a call that succeeded: takes in what the plugin bound to .data or
  // returned (None: nothing returned).
  bool take_result(PyObject *returned, Block *block);

  // The same of a converting plugin, whose results go to block->outputs.
  bool take_outputs(PyObject *returned, Block *block);

  // After every call, when nothing of ours refers to its result any more: lets
  // go of the block's memory, or leaves it to the plugin that kept it.
  bool release(Block *block, bool succeeded);

  // Copies a (channels, frames) array out; for drain().
  bool take_tail(PyObject *array, Tail *tail) const;
  // The same of a converting plugin.
  bool take_last_outputs(PyObject *given, Tail *tail) const;

 private:
  // Memory that a block is copied to which no array can be over.
  struct Scratch final : KeptMemory {
    std::unique_ptr<char[]> memory;
    size_t size = 0;
  };
  // What the array is over.
  struct Place {
    char *data = nullptr;
    ptrdiff_t frames = 0;
    ptrdiff_t channel_stride = 0, frame_stride = 0;
  };

  Ref new_array(const Place &place) const;
  bool make_array();
  bool make_buffer();
  bool use_scratch(Block *block, Place *place);
  bool is_as_made() const;
  bool has_memory() const;
  bool check(PyObject *samples, ptrdiff_t frames) const;
  bool take(PyObject *samples, Block *block);
  void give_memory(Block *block);

  StreamFormat format_;
  Ref said_format_;  // the same, for results.py
  bool read_only_ = false;
  bool shorter_ = false;
  int frame_axis_ = 1;  // 0: the array has bytes and no channels
  int type_num_ = 0;
  Py_ssize_t item_size_ = 0;

  Ref array_;  // in a call over `place_`, between calls over nothing
  Ref owner_;  // array_'s base
  Place place_;
  // What else array_ was when we last changed it.
  const void *descr_ = nullptr;
  int flags_ = 0;

  std::unique_ptr<Scratch> scratch_;
  bool shows_copy_ = false;  // place_ is in scratch_
  bool parts_sent_ = false;  // an output of this call is a part of the block
  Ref buffer_;               // the AudioBuffer
  Ref info_;                 // its _stream, which a plugin may rebind
};

}  // namespace pythonfilter
