// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio_view.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "../samples.hpp"
#include "../words.hpp"
#include "errors.hpp"
#include "outputs.hpp"

namespace pythonfilter {

namespace {

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

// As arrays are: one channel after another.
Dense planar(const StreamFormat &format) {
  Dense dense(format);
  dense.interleaved = false;
  return dense;
}

}  // namespace

bool AudioView::open(const StreamFormat &format, PyObject *type, bool read_only,
                     bool shorter) {
  assert(with_gil());
  close();
  shorter_ = shorter;
  format_ = format;
  type_ = reinterpret_cast<PyTypeObject *>(type);
  said_format_ = new_format(format);
  return said_format_ &&
         open_array(format.bytes ? 0 : format.channels, format.format,
                    read_only) &&
         make_buffer();
}

void AudioView::close() {
  buffer_.reset();
  close_array();
  info_.reset();
  scratch_.reset();
  said_format_.reset();
}

bool AudioView::make_buffer() {
  buffer_ = steal(type_->tp_alloc(type_, 0));
  if (!buffer_) return false;
  // gc.get_objects() would lead to the array at any time.
  PyObject_GC_UnTrack(buffer_.get());
  info_ = steal(new_stream_info(format_.rate, format_.positions));
  if (!info_) return false;
  *slot(buffer_.get(), python.stream_slot) = borrow(info_.get()).release();
  *slot(buffer_.get(), python.data_slot) = borrow(array_.get()).release();
  return true;
}

bool AudioView::show_copy(const Block &block) {
  const Dense dense = planar(format_);
  const size_t size = dense.size(block.frames);
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
  char *const samples = scratch_->memory.get();
  copy_from_block(block, dense, reinterpret_cast<std::byte *>(samples));
  const auto frames = ptrdiff_t(block.frames);
  show({samples, frames, frames * item_size_, item_size_});
  return true;
}

// `frames` below 0 for any number of them.
bool AudioView::check(PyObject *samples, ptrdiff_t frames) const {
  return fits(samples, frames) ||
         say_why("check", "OOn", samples, said_format_.get(), frames);
}

// Copies what the plugin made into the block.
bool AudioView::take(PyObject *samples, CallResult *result) {
  ptrdiff_t frames = place_.frames;
  if (shorter_ && PyArray_Check(samples) &&
      PyArray_NDIM(as_array(samples)) == 2)
    frames = std::min(frames, ptrdiff_t(PyArray_DIM(as_array(samples), 1)));
  if (!check(samples, frames)) return false;
  if (read_only_) return say_why("gave_samples");
  result->missing = size_t(place_.frames - frames);
  // As an empty read() of a file is its end.
  result->at_end = result->missing > 0 && frames == 0;
  return copy_in(samples, frames);
}

bool AudioView::take_result(PyObject *returned, CallResult *result) {
  assert(with_gil());
  PyObject *bound = *slot(buffer_.get(), python.data_slot);
  if (!bound) return say_why("deleted_data");
  PyObject *shown = array_.get();
  return has_memory() && (bound == shown || take(bound, result)) &&
         (returned == Py_None || returned == shown || returned == bound ||
          take(returned, result));
}

bool AudioView::take_nothing(PyObject *returned) const {
  assert(with_gil());
  const bool untouched = *slot(buffer_.get(), python.data_slot) == array_.get();
  if (untouched && returned == Py_None) return has_memory();
  return say_why("gave_no_output");
}

[[gnu::hot]] bool AudioView::take_outputs(PyObject *returned,
                                          CallResult *result) {
  assert(with_gil());
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
                   result->outputs, &facts))
    return false;
  result->converted = true;
  result->at_end = shorter_ && result->outputs->empty() &&
                   !PyList_Check(given) && !PyTuple_Check(given);
  result->copied = result->copied || facts.copied;
  parts_sent_ = facts.parts_shown;
  return true;
}

bool AudioView::release(const Block &block, CallResult *result,
                        bool succeeded) {
  assert(with_gil());
  // A rebound array may be a view of ours: it goes before anything is counted.
  for (const auto &[place, own] :
       {std::pair(python.data_slot, array_.get()),
        std::pair(python.stream_slot, info_.get())}) {
    PyObject **bound = slot(buffer_.get(), place);
    if (*bound != own) steal(std::exchange(*bound, borrow(own).release()));
  }
  if (shows_copy_ && succeeded && !read_only_)
    copy_to_block(reinterpret_cast<std::byte *>(place_.data), planar(format_),
                  block);

  const bool parts_sent = std::exchange(parts_sent_, false);
  if (let_go(result)) return true;
  result->discont = discont_after_call(info_.get());
  const bool buffer_kept = is_buffer_kept(), kept = is_kept();
  // A part of the block that was sent on is no mistake of the plugin's.
  result->escaped = kept && !parts_sent;
  if (kept)
    give_memory(shows_copy_ ? std::move(scratch_) : block.keeper->keep());
  if (!make_array()) return false;
  if (buffer_kept || !has_its_class()) return make_buffer();
  PyObject **data = slot(buffer_.get(), python.data_slot);
  steal(std::exchange(*data, borrow(array_.get()).release()));
  return true;
}

bool AudioView::take_tail(PyObject *samples, Tail *tail) const {
  assert(with_gil());
  return check(samples, -1) && copy_out(samples, &tail->samples, &tail->frames);
}

bool AudioView::take_last_outputs(PyObject *given, Tail *tail) const {
  assert(with_gil());
  OutputRules rules = {format_, said_format_.get()};
  OutputFacts facts;
  return add_outputs(given, 1, rules, &tail->outputs, &facts);
}

}  // namespace pythonfilter
