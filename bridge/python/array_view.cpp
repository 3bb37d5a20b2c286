// SPDX-License-Identifier: LGPL-2.1-or-later
#include "array_view.hpp"

#include "errors.hpp"

namespace pythonfilter {

bool ArrayView::open_array(int channels, SampleFormat format, bool read_only) {
  assert(with_gil());
  const bool bytes = channels == 0;
  read_only_ = read_only;
  channels_ = channels;
  frame_axis_ = bytes ? 0 : 1;
  type_num_ = bytes ? NPY_UINT8 : numpy_type(format);
  item_size_ = bytes ? 1 : Py_ssize_t(sample_size(format));
  return make_array();
}

Ref ArrayView::new_array(const Place &place) const {
  npy_intp dims[2] = {channels_, 0};
  npy_intp strides[2] = {place.channel_stride, 0};
  dims[frame_axis_] = place.frames;
  strides[frame_axis_] = place.frame_stride;
  return steal(PyArray_New(&PyArray_Type, frame_axis_ + 1, dims, type_num_,
                           strides, place.data, 0,
                           read_only_ ? 0 : NPY_ARRAY_WRITEABLE, nullptr));
}

bool ArrayView::make_array() {
  place_ = {no_samples, 0, item_size_, item_size_ * channels_};
  note_first_axis();
  array_ = new_array(place_);
  if (!array_) return false;
  owner_ = steal(new_memory_owner(read_only_));
  if (!owner_) return false;
  descr_ = PyArray_DESCR(as_array(array_.get()));
  flags_ = PyArray_FLAGS(as_array(array_.get()));
  // An owner that is no array: slices of slices then all refer to array_
  // itself, where a `.T` of another array would hide them from its count.
  return PyArray_SetBaseObject(as_array(array_.get()),
                               borrow(owner_.get()).release()) == 0;
}

void ArrayView::reshape(const Place &place) {
  PyArrayObject_fields *fields = fields_of(array_.get());
  fields->strides[0] = place.channel_stride;
  fields->strides[frame_axis_] = place.frame_stride;
  PyArray_UpdateFlags(as_array(array_.get()),
                      NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
  flags_ = fields->flags;
  place_ = place;
  note_first_axis();
}

void ArrayView::note_first_axis() {
  const bool bytes = frame_axis_ == 0;
  first_length_ = bytes ? place_.frames : channels_;
  first_stride_ = bytes ? place_.frame_stride : place_.channel_stride;
}

bool ArrayView::fits(PyObject *samples, ptrdiff_t frames) const {
  if (!is_array_of(samples, type_num_)) return false;
  PyArrayObject *array = as_array(samples);
  return PyArray_NDIM(array) == 2 && PyArray_DIM(array, 0) == channels_ &&
         (frames < 0 || PyArray_DIM(array, 1) == frames);
}

// What `x.data = …` and x.__setstate__() put in its place is not the stream's.
bool ArrayView::has_memory() const {
  const PyArrayObject_fields *fields = fields_of(array_.get());
  if (fields->data == place_.data && fields->base == owner_.get()) return true;
  return say_why("other_memory");
}

bool ArrayView::copy_in(PyObject *samples, ptrdiff_t frames) {
  Place place = place_;
  place.frames = frames;
  // The plugin may have made something else of ours.
  const bool ours = frames == place_.frames && is_as_made();
  Ref target = ours ? borrow(array_.get()) : new_array(place);
  return target &&
         PyArray_CopyInto(as_array(target.get()), as_array(samples)) == 0;
}

bool ArrayView::copy_out(PyObject *samples, std::vector<std::byte> *to,
                         size_t *frames) {
  assert(with_gil());
  Ref array = steal(
      reinterpret_cast<PyObject *>(PyArray_GETCONTIGUOUS(as_array(samples))));
  if (!array) return false;
  const auto *bytes =
      reinterpret_cast<std::byte *>(PyArray_BYTES(as_array(array.get())));
  *frames = size_t(PyArray_DIM(as_array(array.get()), 1));
  to->assign(bytes, bytes + PyArray_NBYTES(as_array(array.get())));
  return true;
}

void ArrayView::give_memory(std::unique_ptr<KeptMemory> memory) {
  give_to_owner(owner_.get(), std::move(memory));
  PyArrayObject_fields *fields = fields_of(array_.get());
  if (fields->base == owner_.get()) return;
  // The slices of the array, which are over our memory, refer to the array
  // alone.
  PyObject *both = fields->base ? PyTuple_Pack(2, owner_.get(), fields->base)
                                : borrow(owner_.get()).release();
  if (both) steal(std::exchange(fields->base, both));
  PyErr_Clear();
}

}  // namespace pythonfilter
