// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio_view.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "../words.hpp"
#include "errors.hpp"
#include "numpy_api.hpp"
#include "outputs.hpp"
#include "view_types.hpp"

namespace pythonfilter {

namespace {

PyObject **slot(PyObject *object, Py_ssize_t offset) {
  return reinterpret_cast<PyObject **>(reinterpret_cast<char *>(object) +
                                       offset);
}

// As say_why() gives it to Python.
Ref new_format(const StreamFormat &format) {
  Ref texts = steal(PyList_New(0));
  for (const std::string &text : said(format)) {
    Ref each = steal(PyUnicode_FromString(text.c_str()));
    if (!each || PyList_Append(texts.get(), each.get()) != 0) return {};
  }
  return steal(
      PyObject_CallMethod(python.results, "stream_format", "O", texts.get()));
}

// Byte by byte: the memory behind it need not be aligned.
void copy_channels(const Block &block, char *samples, size_t item, int channels,
                   bool into_block) {
  for (int c = 0; c < channels; c++) {
    std::byte *at = block.channel(size_t(c));
    for (size_t i = 0; i < block.frames; i++, at += block.frame_stride) {
      if (into_block)
        std::memcpy(at, samples, item);
      else
        std::memcpy(samples, at, item);
      samples += item;
    }
  }
}

// What the array is over between calls: NumPy makes no view over NULL. It has
// no frames then.
alignas(16) char nothing[16];

}  // namespace

bool AudioView::open(const StreamFormat &format, bool read_only, bool shorter) {
  assert(PyGILState_Check());
  close();
  shorter_ = shorter;
  format_ = format;
  read_only_ = read_only;
  frame_axis_ = format.bytes ? 0 : 1;
  type_num_ = format.bytes ? NPY_UINT8 : numpy_type(format.format);
  item_size_ = format.bytes ? 1 : Py_ssize_t(sample_size(format.format));
  said_format_ = new_format(format);
  return said_format_ && make_array() && make_buffer();
}

void AudioView::close() {
  buffer_.reset();
  array_.reset();
  owner_.reset();
  info_.reset();
  scratch_.reset();
  said_format_.reset();
}

Ref AudioView::new_array(const Place &place) const {
  npy_intp dims[2] = {format_.channels, 0};
  npy_intp strides[2] = {place.channel_stride, 0};
  dims[frame_axis_] = place.frames;
  strides[frame_axis_] = place.frame_stride;
  return steal(PyArray_New(&PyArray_Type, frame_axis_ + 1, dims, type_num_,
                           strides, place.data, 0,
                           read_only_ ? 0 : NPY_ARRAY_WRITEABLE, nullptr));
}

bool AudioView::make_array() {
  place_ = {nothing, 0, item_size_, item_size_ * format_.channels};
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

bool AudioView::make_buffer() {
  auto *type = reinterpret_cast<PyTypeObject *>(python.buffer_type);
  buffer_ = steal(type->tp_alloc(type, 0));
  if (!buffer_) return false;
  // gc.get_objects() would lead to the array at any time.
  PyObject_GC_UnTrack(buffer_.get());
  info_ = steal(new_stream_info(format_.rate));
  if (!info_) return false;
  *slot(buffer_.get(), python.stream_slot) = borrow(info_.get()).release();
  *slot(buffer_.get(), python.data_slot) = borrow(array_.get()).release();
  return true;
}

bool AudioView::use_scratch(Block *block, Place *place) {
  const size_t size =
      block->frames * size_t(format_.channels) * size_t(item_size_);
  if (!scratch_ || scratch_->size < size) {
    scratch_ = std::make_unique<Scratch>();
    scratch_->memory.reset(new (std::nothrow) char[size]);
    if (!scratch_->memory) {
      scratch_.reset();
      PyErr_NoMemory();
      return false;
    }
    scratch_->size = size;
  }
  place->data = scratch_->memory.get();
  place->channel_stride = place->frames * item_size_;
  place->frame_stride = item_size_;
  copy_channels(*block, place->data, size_t(item_size_), format_.channels,
                false);
  block->copied = true;
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
         (frame_axis_ == 0 || (fields->dimensions[0] == format_.channels &&
                               fields->strides[0] == place_.channel_stride));
}

[[gnu::hot]] PyObject *AudioView::point_at(Block *block) {
  const ptrdiff_t misaligned = reinterpret_cast<ptrdiff_t>(block->data) |
                               block->channel_stride | block->frame_stride;
  Place place = {reinterpret_cast<char *>(block->data),
                 ptrdiff_t(block->frames), block->channel_stride,
                 block->frame_stride};
  shows_copy_ = block->plane_offsets || misaligned % item_size_ != 0;
  if (shows_copy_ && !use_scratch(block, &place)) return nullptr;

  PyArrayObject_fields *fields = fields_of(array_.get());
  fields->data = place.data;
  fields->dimensions[frame_axis_] = place.frames;
  if (place_.frames != place.frames ||
      place_.channel_stride != place.channel_stride ||
      place_.frame_stride != place.frame_stride) {
    fields->strides[0] = place.channel_stride;
    fields->strides[frame_axis_] = place.frame_stride;
    PyArray_UpdateFlags(as_array(array_.get()),
                        NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
    flags_ = fields->flags;
  }
  place_ = place;
  PyObject **data = slot(buffer_.get(), python.data_slot);
  if (__builtin_expect(*data != array_.get(), 0))
    steal(std::exchange(*data, borrow(array_.get()).release()));
  fill_stream_info(info_.get(), *block);
  return buffer_.get();
}

// `frames` below 0 for any number of them.
bool AudioView::check(PyObject *samples, ptrdiff_t frames) const {
  if (is_array_of(samples, type_num_)) {
    PyArrayObject *array = as_array(samples);
    if (PyArray_NDIM(array) == 2 && PyArray_DIM(array, 0) == format_.channels &&
        (frames < 0 || PyArray_DIM(array, 1) == frames))
      return true;
  }
  return say_why("check", "OOn", samples, said_format_.get(), frames);
}

// Copies what the plugin made into the block; overlap is NumPy's to solve.
bool AudioView::take(PyObject *samples, Block *block) {
  Place place = place_;
  if (shorter_ && PyArray_Check(samples) &&
      PyArray_NDIM(as_array(samples)) == 2)
    place.frames =
        std::min(place.frames, ptrdiff_t(PyArray_DIM(as_array(samples), 1)));
  if (!check(samples, place.frames)) return false;
  if (read_only_) return say_why("gave_samples");
  block->missing = size_t(place_.frames - place.frames);
  // The plugin may have made something else of ours.
  const bool ours = !block->missing && is_as_made();
  Ref target = ours ? borrow(array_.get()) : new_array(place);
  return target &&
         PyArray_CopyInto(as_array(target.get()), as_array(samples)) == 0;
}

// What `x.data = …` and x.__setstate__() put in its place is not the stream's.
[[gnu::always_inline]] inline bool AudioView::has_memory() const {
  const PyArrayObject_fields *fields = fields_of(array_.get());
  if (fields->data == place_.data && fields->base == owner_.get()) return true;
  return say_why("other_memory");
}

[[gnu::hot]] bool AudioView::take_result(PyObject *returned, Block *block) {
  PyObject *bound = *slot(buffer_.get(), python.data_slot);
  if (!bound) return say_why("deleted_data");
  PyObject *shown = array_.get();
  return has_memory() && (bound == shown || take(bound, block)) &&
         (returned == Py_None || returned == shown || returned == bound ||
          take(returned, block));
}

[[gnu::hot]] bool AudioView::take_outputs(PyObject *returned, Block *block) {
  PyObject *bound = *slot(buffer_.get(), python.data_slot);
  if (!bound) return say_why("deleted_data");
  if (!has_memory()) return false;
  const bool by_binding = returned == Py_None;
  PyObject *given = by_binding ? bound : returned;
  if (given == array_.get() && (by_binding || format_.in_place)) {
    if (format_.in_place) return true;
    return say_why("gave_nothing", "O", said_format_.get());
  }
  OutputRules rules = {format_, said_format_.get(), array_.get(), !read_only_};
  OutputFacts facts;
  if (!add_outputs(given, given == bound && !by_binding ? 2 : 1, rules,
                   block->outputs, &facts))
    return false;
  block->converted = true;
  block->at_end = shorter_ && block->outputs->empty() && !PyList_Check(given) &&
                  !PyTuple_Check(given);
  block->copied = block->copied || facts.copied;
  parts_sent_ = facts.parts_shown;
  return true;
}

[[gnu::hot]] bool AudioView::release(Block *block, bool succeeded) {
  // A rebound array may be a view of ours: it goes before anything is counted.
  PyObject **data = slot(buffer_.get(), python.data_slot);
  if (*data != array_.get())
    steal(std::exchange(*data, borrow(array_.get()).release()));

  PyObject **stream = slot(buffer_.get(), python.stream_slot);
  if (__builtin_expect(*stream != info_.get(), 0))
    steal(std::exchange(*stream, borrow(info_.get()).release()));

  block->discont = discont_after_call(info_.get());
  if (shows_copy_ && succeeded && !read_only_)
    copy_channels(*block, place_.data, size_t(item_size_), format_.channels,
                  true);

  // The AudioBuffer is ours alone, the array ours and the AudioBuffer's, the
  // owner ours and the array's. Whoever else holds one holds the memory.
  const bool buffer_kept = Py_REFCNT(buffer_.get()) != 1;
  const bool kept = buffer_kept || Py_REFCNT(array_.get()) != 2 ||
                    Py_REFCNT(owner_.get()) > 2;
  // A part of the block that was sent on is no mistake of the plugin's.
  block->escaped = !std::exchange(parts_sent_, false) && kept;
  const bool same_class = Py_IS_TYPE(
      buffer_.get(), reinterpret_cast<PyTypeObject *>(python.buffer_type));
  if (__builtin_expect(!kept && same_class && is_as_made(), 1)) {
    fields_of(array_.get())->data = nothing;
    fields_of(array_.get())->dimensions[frame_axis_] = 0;
    return true;
  }
  if (kept) give_memory(block);
  if (!make_array()) return false;
  if (buffer_kept || !same_class) return make_buffer();
  data = slot(buffer_.get(), python.data_slot);
  steal(std::exchange(*data, borrow(array_.get()).release()));
  return true;
}

// The memory lives as long as the array, or whatever the plugin kept of it.
void AudioView::give_memory(Block *block) {
  give_to_owner(owner_.get(),
                shows_copy_ ? std::move(scratch_) : block->keeper->keep());
  PyArrayObject_fields *fields = fields_of(array_.get());
  if (fields->base == owner_.get()) return;
  // Its slices, which are over our memory, refer to the array alone.
  PyObject *both = fields->base ? PyTuple_Pack(2, owner_.get(), fields->base)
                                : borrow(owner_.get()).release();
  if (both) steal(std::exchange(fields->base, both));
  PyErr_Clear();
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
  OutputRules rules = {format_, said_format_.get()};
  OutputFacts facts;
  return add_outputs(given, 1, rules, &tail->outputs, &facts);
}

}  // namespace pythonfilter
