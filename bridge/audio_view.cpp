// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio_view.hpp"

#include <cstring>

#include "names.hpp"
#include "numpy_api.hpp"
#include "outputs.hpp"
#include "view_types.hpp"

namespace pythonfilter {

namespace {

PyArrayObject *as_array(PyObject *object) {
  return reinterpret_cast<PyArrayObject *>(object);
}

PyArrayObject_fields *fields_of(PyObject *object) {
  return reinterpret_cast<PyArrayObject_fields *>(object);
}

PyObject **slot(PyObject *object, Py_ssize_t offset) {
  return reinterpret_cast<PyObject **>(reinterpret_cast<char *>(object) +
                                       offset);
}

int numpy_type(SampleFormat format) {
  switch (format) {
    case SampleFormat::F64:
      return NPY_FLOAT64;
    case SampleFormat::S16:
      return NPY_INT16;
    case SampleFormat::S32:
      return NPY_INT32;
    case SampleFormat::F32:
      break;
  }
  return NPY_FLOAT32;
}

// Byte by byte: the memory behind it need not be aligned.
void copy_channels(const Block &block, char *samples, size_t item, int channels,
                   bool into_block) {
  for (int c = 0; c < channels; c++) {
    std::byte *at =
        block.data + (block.plane_offsets ? ptrdiff_t(block.plane_offsets[c])
                                          : c * block.channel_stride);
    for (size_t i = 0; i < block.frames; i++, at += block.frame_stride) {
      if (into_block)
        std::memcpy(at, samples, item);
      else
        std::memcpy(samples, at, item);
      samples += item;
    }
  }
}

}  // namespace

bool AudioView::open(const StreamFormat &format, bool read_only, bool shorter) {
  close();
  shorter_ = shorter;
  format_ = format;
  read_only_ = read_only;
  frame_axis_ = format.bytes ? 0 : 1;
  type_num_ = format.bytes ? NPY_UINT8 : numpy_type(format.format);
  item_size_ = format.bytes ? 1 : Py_ssize_t(sample_size(format.format));
  return make_array() && make_buffer();
}

void AudioView::close() {
  buffer_.reset();
  array_.reset();
  scratch_.reset();
  info_.reset();
  owner_ = shown_ = nullptr;
}

bool AudioView::make_array() {
  // NumPy refuses to make a view over NULL; no frame of this is ever read.
  static std::byte nothing[8];
  npy_intp dims[2] = {format_.bytes ? 0 : format_.channels, 0};
  npy_intp strides[2] = {item_size_, item_size_ * format_.channels};
  array_ = steal(PyArray_New(&PyArray_Type, frame_axis_ + 1, dims, type_num_,
                             strides, nothing, 0,
                             read_only_ ? 0 : NPY_ARRAY_WRITEABLE, nullptr));
  if (!array_) return false;
  owner_ = new_memory_owner();
  if (!owner_) return false;
  // An owner that is no array: slices of slices then all refer to array_
  // itself, where a `.T` of another array would hide them from its count.
  return PyArray_SetBaseObject(as_array(array_.get()), owner_) == 0;
}

bool AudioView::make_buffer() {
  auto *type = reinterpret_cast<PyTypeObject *>(python.buffer_type);
  buffer_ = steal(type->tp_alloc(type, 0));
  if (!buffer_) return false;
  info_ = steal(new_stream_info(format_.rate));
  if (!info_) return false;
  *slot(buffer_.get(), python.stream_slot) = borrow(info_.get()).release();
  *slot(buffer_.get(), python.data_slot) = borrow(array_.get()).release();
  return true;
}

bool AudioView::use_scratch(Block *block) {
  if (!scratch_ ||
      PyArray_DIM(as_array(scratch_.get()), 1) != npy_intp(block->frames)) {
    npy_intp dims[2] = {format_.channels, npy_intp(block->frames)};
    scratch_ = steal(PyArray_SimpleNew(2, dims, type_num_));
    if (!scratch_) return false;
  }
  copy_channels(*block, PyArray_BYTES(as_array(scratch_.get())),
                size_t(item_size_), format_.channels, false);
  if (read_only_)
    PyArray_CLEARFLAGS(as_array(scratch_.get()), NPY_ARRAY_WRITEABLE);
  block->copied = true;
  return true;
}

[[gnu::hot]] PyObject *AudioView::point_at(Block *block) {
  const ptrdiff_t misaligned = reinterpret_cast<ptrdiff_t>(block->data) |
                               block->channel_stride | block->frame_stride;
  if (!block->plane_offsets && misaligned % item_size_ == 0) {
    shown_ = array_.get();
    PyArrayObject_fields *fields = fields_of(shown_);
    fields->data = reinterpret_cast<char *>(block->data);
    const npy_intp frames = npy_intp(block->frames);
    if (fields->dimensions[frame_axis_] != frames ||
        fields->strides[0] != block->channel_stride ||
        fields->strides[frame_axis_] != block->frame_stride) {
      fields->dimensions[frame_axis_] = frames;
      fields->strides[0] = block->channel_stride;
      fields->strides[frame_axis_] = block->frame_stride;
      PyArray_UpdateFlags(as_array(shown_),
                          NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
    }
  } else {
    if (!use_scratch(block)) return nullptr;
    shown_ = scratch_.get();
  }
  PyObject **data = slot(buffer_.get(), python.data_slot);
  if (*data != shown_) steal(std::exchange(*data, borrow(shown_).release()));
  fill_stream_info(info_.get(), *block);
  return buffer_.get();
}

bool AudioView::check(PyObject *samples, Py_ssize_t frames) const {
  PyArray_Descr *want = PyArray_DescrFromType(type_num_);
  Ref want_ref = steal(reinterpret_cast<PyObject *>(want));
  if (!PyArray_Check(samples)) {
    PyErr_Format(
        PyExc_TypeError, "gave %s, not an array of %S with the shape (%d, %zd)",
        Py_TYPE(samples)->tp_name, want_ref.get(), format_.channels, frames);
    return false;
  }
  PyArrayObject *array = as_array(samples);
  if (!PyArray_EquivTypes(PyArray_DESCR(array), want)) {
    PyErr_Format(PyExc_TypeError,
                 "gave an array of %S, not %S: use .astype(np.%S)",
                 reinterpret_cast<PyObject *>(PyArray_DESCR(array)),
                 want_ref.get(), want_ref.get());
    return false;
  }
  const bool right = PyArray_NDIM(array) == 2 &&
                     PyArray_DIM(array, 0) == format_.channels &&
                     (frames < 0 || PyArray_DIM(array, 1) == frames);
  if (right) return true;
  Ref shape = steal(PyObject_GetAttrString(samples, "shape"));
  if (frames < 0)
    PyErr_Format(PyExc_ValueError,
                 "gave an array of shape %S, not (%d, frames)", shape.get(),
                 format_.channels);
  else
    PyErr_Format(PyExc_ValueError, "gave an array of shape %S, not (%d, %zd)",
                 shape.get(), format_.channels, frames);
  return false;
}

Ref AudioView::beginning_of_shown(Py_ssize_t frames) const {
  PyArrayObject *array = as_array(shown_);
  npy_intp dims[2] = {PyArray_DIM(array, 0), frames};
  return steal(PyArray_New(&PyArray_Type, 2, dims, type_num_,
                           PyArray_STRIDES(array), PyArray_DATA(array), 0,
                           NPY_ARRAY_WRITEABLE, nullptr));
}

// Copies what the plugin made into the block; overlap is NumPy's to solve.
bool AudioView::take(PyObject *samples, Block *block) {
  const auto frames = Py_ssize_t(block->frames);
  const bool fewer = shorter_ && PyArray_Check(samples) &&
                     PyArray_NDIM(as_array(samples)) == 2 &&
                     PyArray_DIM(as_array(samples), 1) < frames;
  const Py_ssize_t given = fewer ? PyArray_DIM(as_array(samples), 1) : frames;
  if (!check(samples, given)) return false;
  if (read_only_) {
    PyErr_SetString(PyExc_ValueError,
                    "gave samples although the plugin is read_only");
    return false;
  }
  Ref place = fewer ? beginning_of_shown(given) : borrow(shown_);
  block->missing = size_t(frames - given);
  return place &&
         PyArray_CopyInto(as_array(place.get()), as_array(samples)) == 0;
}

[[gnu::hot]] bool AudioView::take_result(PyObject *returned, Block *block) {
  PyObject *bound = *slot(buffer_.get(), python.data_slot);
  if (!bound) {
    PyErr_SetString(PyExc_TypeError, "deleted buffer.data");
    return false;
  }
  if (bound != shown_ && !take(bound, block)) return false;
  return returned == Py_None || returned == shown_ || returned == bound ||
         take(returned, block);
}

[[gnu::hot]] bool AudioView::take_outputs(PyObject *returned, Block *block) {
  PyObject *bound = *slot(buffer_.get(), python.data_slot);
  if (!bound) {
    PyErr_SetString(PyExc_TypeError, "deleted buffer.data");
    return false;
  }
  const bool by_binding = returned == Py_None;
  PyObject *given = by_binding ? bound : returned;
  if (given == shown_ && (by_binding || format_.in_place)) {
    if (format_.in_place) return true;
    PyErr_Format(
        PyExc_TypeError,
        "gave nothing, and its input, %s, may not go on as %s: return "
        "bytes or a list of them, an empty one if there is nothing yet",
        format_.input_caps.c_str(), format_.output_caps.c_str());
    return false;
  }
  OutputRules rules = {format_, shown_, !read_only_};
  OutputFacts facts;
  if (!add_outputs(given, given == bound && !by_binding ? 2 : 1, rules,
                   block->outputs, &facts))
    return false;
  block->converted = true;
  block->copied = block->copied || facts.copied;
  parts_sent_ = facts.parts_shown;
  return true;
}

[[gnu::hot]] bool AudioView::release(Block *block, bool succeeded) {
  // A rebound array may be a view of ours: it goes before anything is counted.
  PyObject **data = slot(buffer_.get(), python.data_slot);
  if (*data != shown_) steal(std::exchange(*data, borrow(shown_).release()));

  PyObject **stream = slot(buffer_.get(), python.stream_slot);
  if (__builtin_expect(*stream != info_.get(), 0))
    steal(std::exchange(*stream, borrow(info_.get()).release()));

  block->discont = discont_after_call(info_.get());
  const bool in_place = shown_ == array_.get();
  if (succeeded && !in_place && !read_only_)
    copy_channels(*block, PyArray_BYTES(as_array(shown_)), size_t(item_size_),
                  format_.channels, true);

  // The AudioBuffer is ours alone, the array ours and the AudioBuffer's, the
  // owner the array's. Whoever else holds one holds the memory.
  const bool buffer_kept = Py_REFCNT(buffer_.get()) != 1;
  const bool kept = buffer_kept || Py_REFCNT(shown_) != 2 ||
                    (in_place && Py_REFCNT(owner_) != 1);
  // A part of the block that was sent on is no mistake of the plugin's.
  block->escaped = !std::exchange(parts_sent_, false) && kept;
  return !kept || leave_to_plugin(block, buffer_kept);
}

bool AudioView::leave_to_plugin(Block *block, bool buffer_kept) {
  if (shown_ == array_.get()) {
    give_to_owner(owner_, block->keeper->keep());
    array_.reset();
    if (!make_array()) return false;
  } else {
    scratch_.reset();  // its memory is NumPy's own
  }
  if (buffer_kept) {
    buffer_.reset();
    return make_buffer();
  }
  steal(std::exchange(*slot(buffer_.get(), python.data_slot),
                      borrow(array_.get()).release()));
  return true;
}

bool AudioView::take_tail(PyObject *samples, Tail *tail) const {
  if (!check(samples, -1)) return false;
  Ref array = steal(
      reinterpret_cast<PyObject *>(PyArray_GETCONTIGUOUS(as_array(samples))));
  if (!array) return false;
  const auto *bytes =
      reinterpret_cast<std::byte *>(PyArray_BYTES(as_array(array.get())));
  tail->frames = size_t(PyArray_DIM(as_array(array.get()), 1));
  tail->samples.assign(bytes, bytes + PyArray_NBYTES(as_array(array.get())));
  return true;
}

bool AudioView::take_last_outputs(PyObject *given, Tail *tail) const {
  OutputRules rules = {format_};
  OutputFacts facts;
  return add_outputs(given, 1, rules, &tail->outputs, &facts);
}

}  // namespace pythonfilter
