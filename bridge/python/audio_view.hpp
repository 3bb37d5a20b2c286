// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The one NumPy array and the one AudioBuffer a stream keeps, pointed at each
// block's own memory in turn, and what a plugin makes of them.
#pragma once

#include "../bridge.hpp"
#include "array_view.hpp"
#include "names.hpp"

namespace pythonfilter {

class AudioView : private ArrayView {
 public:
  // All need the GIL. Every bool: false with a Python exception set.
  // `type` is AudioBuffer, or derived from it. `shorter`: what it gives may
  // have fewer frames than the block.
  bool open(const StreamFormat &format, PyObject *type, bool read_only,
            bool shorter);
  void close();

  // Shows the block to whoever is given the AudioBuffer, which is borrowed.
  bool point_at(const Block &block, CallResult *result);
  PyObject *buffer() const { return buffer_.get(); }

  // After a call that returned None, as nearly each does: lets go of the
  // block's memory where everything is as it was made, and nobody else has any
  // of it. False, with no exception: release() is to see to it, and before that
  // take_result() or take_outputs().
  [[gnu::always_inline]] bool release_untouched(CallResult *result) {
    return !shows_copy_ &&
           *slot(buffer_.get(), python.data_slot) == array_.get() &&
           *slot(buffer_.get(), python.stream_slot) == info_.get() &&
           let_go(result);
  }

  // After a call that succeeded: takes in what the plugin bound to .data or
  // returned (None: nothing returned).
  bool take_result(PyObject *returned, CallResult *result);

  // The same of a splitter, whose block is only read and does not go on.
  bool take_nothing(PyObject *returned) const;

  // The same of a converting plugin, whose results go to result->outputs.
  bool take_outputs(PyObject *returned, CallResult *result);

  // After every call, when nothing of ours refers to its result any more: lets
  // go of the block's memory, or leaves it to the plugin that kept it.
  bool release(const Block &block, CallResult *result, bool succeeded);

  // Copies a (channels, frames) array out; for drain().
  bool take_tail(PyObject *array, Tail *tail) const;
  // As take_tail(), for a converting plugin.
  bool take_last_outputs(PyObject *given, Tail *tail) const;

 private:
  // Memory that a block is copied to which no array can be over.
  struct Scratch final : KeptMemory {
    std::unique_ptr<char[]> memory;
    size_t size = 0;
  };
  bool make_buffer();
  bool show_copy(const Block &block);
  bool is_buffer_kept() const { return Py_REFCNT(buffer_.get()) != 1; }
  bool is_kept() const;
  bool has_its_class() const { return Py_IS_TYPE(buffer_.get(), type_); }
  bool let_go(CallResult *result);
  bool check(PyObject *samples, ptrdiff_t frames) const;
  bool take(PyObject *samples, CallResult *result);

  StreamFormat format_;
  Ref said_format_;  // the same, for results.py
  bool shorter_ = false;
  PyTypeObject *type_ = nullptr;  // of buffer_; constant, and never gone

  std::unique_ptr<Scratch> scratch_;
  bool shows_copy_ = false;  // place_ is in scratch_
  bool parts_sent_ = false;  // an output of this call is a part of the block
  Ref buffer_;               // the AudioBuffer
  Ref info_;                 // its _stream, which a plugin may rebind
};

// The rest is inline, as each buffer comes by here.

[[gnu::always_inline]] inline bool AudioView::point_at(const Block &block,
                                                       CallResult *result) {
  assert(with_gil());
  // Sizes of samples are powers of two.
  const ptrdiff_t misaligned = (reinterpret_cast<ptrdiff_t>(block.data) |
                                block.channel_stride | block.frame_stride) &
                               (item_size_ - 1);
  shows_copy_ = block.plane_offsets || misaligned;
  if (__builtin_expect(shows_copy_, 0)) {
    if (!show_copy(block)) return false;
    result->copied = true;
  } else {
    show({reinterpret_cast<char *>(block.data), ptrdiff_t(block.frames),
          block.channel_stride, block.frame_stride});
  }
  PyObject *const buffer = buffer_.get();
  PyObject **data = slot(buffer, python.data_slot);
  if (__builtin_expect(*data != array_.get(), 0))
    steal(std::exchange(*data, borrow(array_.get()).release()));
  fill_stream_info(info_.get(), block);
  return true;
}

// Of the AudioBuffer we have one reference, and it has one of the array.
[[gnu::always_inline]] inline bool AudioView::is_kept() const {
  return is_buffer_kept() || is_array_kept();
}

// False: somebody else has some of it, or it is not as it was made.
[[gnu::always_inline]] inline bool AudioView::let_go(CallResult *result) {
  if (is_kept() || !has_its_class() || !is_as_made()) return false;
  result->discont = discont_after_call(info_.get());
  hide();
  return true;
}

}  // namespace pythonfilter
