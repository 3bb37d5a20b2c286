// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One NumPy array that is pointed at one memory after another, and the guard
// that notices when somebody kept some of it, or made something else of it.
#pragma once

#include "../bridge.hpp"
#include "numpy_api.hpp"
#include "view_types.hpp"

namespace pythonfilter {

// What the array is over between calls: NumPy makes no view over NULL. It has
// no frames then.
alignas(16) inline char no_samples[16];

class ArrayView {
 protected:
  // What the array is over.
  struct Place {
    char *data = nullptr;
    ptrdiff_t frames = 0;
    ptrdiff_t channel_stride = 0, frame_stride = 0;
  };

  // All need the GIL. Every bool: false with a Python exception set.
  // Without `channels` the array has bytes.
  bool open_array(int channels, SampleFormat format, bool read_only);
  void close_array() {
    array_.reset();
    owner_.reset();
  }
  bool make_array();
  Ref new_array(const Place &place) const;
  void show(const Place &place);
  bool is_as_made() const;
  // Of the array there is a reference here, and one of whoever shows it to the
  // plugin, and it has one of the owner, as there is one here. Whoever else
  // holds one of them holds the memory.
  bool is_array_kept() const {
    return Py_REFCNT(array_.get()) != 2 || Py_REFCNT(owner_.get()) > 2;
  }
  void hide() {
    PyArrayObject_fields *fields = fields_of(array_.get());
    const int frame_axis = frame_axis_;
    fields->data = no_samples;
    fields->dimensions[frame_axis] = 0;
  }
  // The memory lives as long as the array, or whatever somebody kept of it.
  void give_memory(std::unique_ptr<KeptMemory> memory);

  // Whether these samples can be in its place; `frames` below 0: any number.
  bool fits(PyObject *samples, ptrdiff_t frames) const;
  // Whether it is still over the stream's memory.
  bool has_memory() const;
  // What the plugin made; overlap is NumPy's to solve. Fewer frames than it has
  // go to its beginning.
  bool copy_in(PyObject *samples, ptrdiff_t frames);
  // One channel after another, of an array that fits.
  static bool copy_out(PyObject *samples, std::vector<std::byte> *to,
                       size_t *frames);

  bool read_only_ = false;
  int channels_ = 0;
  int frame_axis_ = 1;  // 0: the array has bytes and no channels
  int type_num_ = 0;
  Py_ssize_t item_size_ = 0;

  Ref array_;  // in a call over `place_`, between calls over nothing
  Ref owner_;  // array_'s base
  Place place_;

 private:
  void reshape(const Place &place);
  void note_first_axis();

  ptrdiff_t first_length_ = 0, first_stride_ = 0;  // of the first axis
  // What else array_ was when we last changed it.
  const void *descr_ = nullptr;
  int flags_ = 0;
};

// The rest is inline, as each buffer comes by here.

[[gnu::always_inline]] inline void ArrayView::show(const Place &place) {
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

// NumPy lets a plugin change all of this in place: `x.shape = (1, -1, 64)`. And
// by a weak reference one of its threads would come by it between the calls.
[[gnu::always_inline]] inline bool ArrayView::is_as_made() const {
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

}  // namespace pythonfilter
