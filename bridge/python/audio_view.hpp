// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The one NumPy array and the one AudioBuffer a stream keeps, pointed at each
// block's own memory in turn, and the guard that notices when a plugin kept
// something of them, or made something else of them.
#pragma once

#include "../bridge.hpp"
#include "names.hpp"
#include "numpy_api.hpp"
#include "view_types.hpp"

namespace pythonfilter {

// What the array is over between calls: NumPy makes no view over NULL. It has
// no frames then.
alignas(16) inline char no_samples[16];

class AudioView {
 public:
  // All need the GIL. Every bool: false with a Python exception set.
  // `shorter`: what it gives may have fewer frames than the block.
  bool open(const StreamFormat &format, bool read_only, bool shorter);
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
  // One of the AudioBuffer's attributes.
  static PyObject **slot(PyObject *object, Py_ssize_t offset) {
    return reinterpret_cast<PyObject **>(reinterpret_cast<char *>(object) +
                                         offset);
  }

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
  void show(const Place &place);
  bool show_copy(const Block &block);
  void reshape(const Place &place);
  void note_first_axis();
  bool is_as_made() const;
  bool is_buffer_kept() const { return Py_REFCNT(buffer_.get()) != 1; }
  bool is_kept() const;
  bool has_its_class() const {
    return Py_IS_TYPE(buffer_.get(),
                      reinterpret_cast<PyTypeObject *>(python.buffer_type));
  }
  bool let_go(CallResult *result);
  bool has_memory() const;
  bool check(PyObject *samples, ptrdiff_t frames) const;
  bool take(PyObject *samples, CallResult *result);
  void give_memory(const Block &block);

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
  ptrdiff_t first_length_ = 0, first_stride_ = 0;  // of the first axis
  // What else array_ was when we last changed it.
  const void *descr_ = nullptr;
  int flags_ = 0;

  std::unique_ptr<Scratch> scratch_;
  bool shows_copy_ = false;  // place_ is in scratch_
  bool parts_sent_ = false;  // an output of this call is a part of the block
  Ref buffer_;               // the AudioBuffer
  Ref info_;                 // its _stream, which a plugin may rebind
};

// The rest is inline, as each buffer comes by here.

[[gnu::always_inline]] inline void AudioView::show(const Place &place) {
  PyArrayObject_fields *fields = fields_of(array_.get());
  fields->data = place.data;
  fields->dimensions[frame_axis_] = place.frames;
  if (__builtin_expect(place_.frames != place.frames ||
                           place_.channel_stride != place.channel_stride ||
                           place_.frame_stride != place.frame_stride,
                       0))
    reshape(place);
  place_.data = place.data;
}

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

// NumPy lets a plugin change all of this in place: `x.shape = (1, -1, 64)`. And
// by a weak reference one of its threads would come by it between the calls.
[[gnu::always_inline]] inline bool AudioView::is_as_made() const {
  const PyArrayObject_fields *fields = fields_of(array_.get());
  // Both in one comparison.
  const uintptr_t moved = reinterpret_cast<uintptr_t>(fields->data) ^
                          reinterpret_cast<uintptr_t>(place_.data);
  return (moved | reinterpret_cast<uintptr_t>(fields->weakreflist)) == 0 &&
         fields->base == owner_.get() && fields->descr == descr_ &&
         fields->flags == flags_ && fields->nd == frame_axis_ + 1 &&
         fields->dimensions[frame_axis_] == place_.frames &&
         fields->strides[frame_axis_] == place_.frame_stride &&
         fields->dimensions[0] == first_length_ &&
         fields->strides[0] == first_stride_;
}

// Of the AudioBuffer we have one reference, and it has one of the array, as we
// do, and the array one of the owner, as we do. Whoever else holds one of them
// holds the memory.
[[gnu::always_inline]] inline bool AudioView::is_kept() const {
  return is_buffer_kept() || Py_REFCNT(array_.get()) != 2 ||
         Py_REFCNT(owner_.get()) > 2;
}

// False: somebody else has some of it, or it is not as it was made.
[[gnu::always_inline]] inline bool AudioView::let_go(CallResult *result) {
  if (is_kept() || !has_its_class() || !is_as_made()) return false;
  PyArrayObject_fields *fields = fields_of(array_.get());
  const int frame_axis = frame_axis_;
  result->discont = discont_after_call(info_.get());
  fields->data = no_samples;
  fields->dimensions[frame_axis] = 0;
  return true;
}

}  // namespace pythonfilter
