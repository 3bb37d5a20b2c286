// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outputs.hpp"

#include "errors.hpp"
#include "numpy_api.hpp"
#include "release_later.hpp"
#include "view_types.hpp"

namespace pythonfilter {

namespace {

// A weak reference, as a cache of buffers has, can become one that counts.
bool has_weak_references(PyObject *object) {
  if (PyArray_Check(object)) return fields_of(object)->weakreflist != nullptr;
  if (PyMemoryView_Check(object))
    return reinterpret_cast<PyMemoryViewObject *>(object)->weakreflist;
  return !PyByteArray_CheckExact(object);
}

// Whether the memory behind `object`, which is held for this, can change while
// it is on its way: the plugin, or something else of Python's, also refers to
// it. A part of the block is told.
bool may_change(PyObject *object, Py_ssize_t references,
                const OutputRules &rules, bool *shown) {
  if (PyBytes_Check(object)) return false;
  if (object == rules.shown) {
    *shown = true;
    return rules.shown_writable;
  }
  if (Py_REFCNT(object) > references || has_weak_references(object))
    return true;
  if (PyByteArray_Check(object)) return false;
  if (PyArray_Check(object)) {
    PyObject *base = PyArray_BASE(as_array(object));
    return base && may_change(base, 1, rules, shown);
  }
  if (PyMemoryView_Check(object)) {
    // Other memoryviews of the same object share this.
    const auto *view = reinterpret_cast<PyMemoryViewObject *>(object);
    PyObject *base = PyMemoryView_GET_BUFFER(object)->obj;
    if (!base) return true;
    return (view->mbuf->exports > 1 && !PyBytes_Check(base)) ||
           may_change(base, 1, rules, shown);
  }
  return true;  // somebody else's type: nobody knows
}

bool is_sample_type(PyObject *array, const StreamFormat &format) {
  return format.output_known &&
         is_array_of(array, numpy_type(format.output_format));
}

// Whatever is wrong below is found here and told in results.py, which
// add_outputs() asks where no exception is set.

// An array of (channels, frames) as raw audio lies in memory; a copy only
// where it does not lie so already. Empty: it is wrong.
Ref arrange(PyArrayObject *array, const StreamFormat &format) {
  PyObject *object = reinterpret_cast<PyObject *>(array);
  if (!is_sample_type(object, format) ||
      PyArray_DIM(array, 0) != format.output_channels)
    return {};
  const bool lies_right = format.output_interleaved
                              ? PyArray_IS_F_CONTIGUOUS(array)
                              : PyArray_IS_C_CONTIGUOUS(array);
  if (lies_right) return borrow(object);
  return steal(PyArray_NewCopy(
      array, format.output_interleaved ? NPY_FORTRANORDER : NPY_CORDER));
}

// As samples of another type, its bytes would be noise.
bool is_fit(PyArrayObject *array, const StreamFormat &format) {
  return PyArray_IS_C_CONTIGUOUS(array) &&
         !PyDataType_REFCHK(PyArray_DESCR(array)) &&
         (!format.output_frame || PyArray_ITEMSIZE(array) == 1 ||
          is_sample_type(reinterpret_cast<PyObject *>(array), format));
}

// Sample by sample is how everything downstream reads it.
bool is_aligned(const std::byte *data, const StreamFormat &format) {
  if (!format.output_frame) return true;
  const size_t width = format.output_frame / size_t(format.output_channels);
  const bool power_of_two = (width & (width - 1)) == 0;
  return !power_of_two || reinterpret_cast<uintptr_t>(data) % width == 0;
}

// Memory of Python's that is not to be copied, or is: then as bytes.
struct Memory {
  Memory() = default;
  Memory(const Memory &) = delete;
  ~Memory() {
    if (view.obj) PyBuffer_Release(&view);
  }
  Ref object;
  Py_buffer view = {};
  std::byte *data = nullptr;
  size_t size = 0;
};

bool copy(Memory *memory) {
  Ref bytes = steal(PyBytes_FromStringAndSize(
      reinterpret_cast<char *>(memory->data), Py_ssize_t(memory->size)));
  if (!bytes) return false;
  if (memory->view.obj) PyBuffer_Release(&memory->view);
  memory->object = std::move(bytes);
  memory->data =
      reinterpret_cast<std::byte *>(PyBytes_AS_STRING(memory->object.get()));
  return true;
}

bool send(Memory *memory, const StreamFormat &format,
          std::vector<Output> *outputs, OutputFacts *facts) {
  if (format.output_frame && memory->size % format.output_frame != 0)
    return false;
  if (memory->size == 0) return true;
  if (!is_aligned(memory->data, format)) {
    if (!copy(memory)) return false;
    facts->copied = true;
  }
  auto *sent = new SentObject;
  sent->view = std::exchange(memory->view, {});
  sent->object = memory->object.release();
  count_sent();
  outputs->push_back({memory->data, memory->size, release_later, sent});
  return true;
}

bool add_array(PyObject *given, Py_ssize_t references, const OutputRules &rules,
               std::vector<Output> *outputs, OutputFacts *facts) {
  const StreamFormat &format = rules.format;
  Memory memory;
  bool copied = false, shown = false;
  if (format.output_frame && PyArray_NDIM(as_array(given)) == 2) {
    memory.object = arrange(as_array(given), format);
    if (!memory.object) return false;
    copied = memory.object.get() != given;
    memory.object = copied ? std::move(memory.object) : Ref{};
  } else if (!is_fit(as_array(given), format)) {
    return false;
  }
  if (!copied) {
    copied = may_change(given, references, rules, &shown);
    // F-contiguous arrays in the order of their memory, as everything else.
    memory.object = copied
                        ? steal(PyArray_NewCopy(as_array(given), NPY_KEEPORDER))
                        : borrow(given);
    if (!memory.object) return false;
  }
  facts->copied |= copied;
  facts->parts_shown |= shown && !copied;
  PyArrayObject *array = as_array(memory.object.get());
  memory.data = reinterpret_cast<std::byte *>(PyArray_BYTES(array));
  memory.size = size_t(PyArray_NBYTES(array));
  return send(&memory, format, outputs, facts);
}

// A view of samples has to be what an array of them has to be.
bool is_fit(PyObject *given, const Py_buffer &view,
            const StreamFormat &format) {
  if (!format.output_frame || view.itemsize == 1) return true;
  Ref array = steal(PyArray_FromAny(given, nullptr, 0, 0, 0, nullptr));
  return array && PyArray_NDIM(as_array(array.get())) <= 1 &&
         is_fit(as_array(array.get()), format);
}

bool add_view(PyObject *given, Py_ssize_t references, const OutputRules &rules,
              std::vector<Output> *outputs, OutputFacts *facts) {
  Memory memory;
  if (!PyObject_CheckBuffer(given) || PyArray_CheckScalar(given)) return false;
  // Keeps a bytearray from being resized, and a memoryview from being released.
  if (PyObject_GetBuffer(given, &memory.view, PyBUF_SIMPLE) != 0) {
    PyErr_Clear();
    return false;
  }
  memory.data = static_cast<std::byte *>(memory.view.buf);
  memory.size = size_t(memory.view.len);
  if (!is_fit(given, memory.view, rules.format)) return false;
  bool shown = false;
  // One more of ours: the view's.
  if (may_change(given, references + 1, rules, &shown)) {
    if (!copy(&memory)) return false;
    facts->copied = true;
  } else {
    memory.object = borrow(given);
    facts->parts_shown |= shown;
  }
  return send(&memory, rules.format, outputs, facts);
}

bool add_data(PyObject *given, Py_ssize_t references, const OutputRules &rules,
              std::vector<Output> *outputs, OutputFacts *facts) {
  if (PyArray_Check(given))
    return add_array(given, references, rules, outputs, facts);
  if (!PyBytes_Check(given))
    return add_view(given, references, rules, outputs, facts);
  Memory memory;
  memory.object = borrow(given);
  memory.data = reinterpret_cast<std::byte *>(PyBytes_AS_STRING(given));
  memory.size = size_t(PyBytes_GET_SIZE(given));
  return send(&memory, rules.format, outputs, facts);
}

// A plugin may bring a base_plugin of its own: what counts is what it has. An
// AudioBuffer has times as well, which are not said of an output.
bool says_time(PyObject *given) {
  return !PyArray_Check(given) && !PyBytes_Check(given) &&
         !PyObject_CheckBuffer(given) && PyObject_HasAttrString(given, "pts") &&
         PyObject_HasAttrString(given, "duration") &&
         !PyObject_HasAttrString(given, "get_frame_count");
}

// What code of the plugin's raises is told in results.py; not that it is
// interrupted.
Ref attribute_of(PyObject *given, const char *name) {
  Ref value = steal(PyObject_GetAttrString(given, name));
  if (!value && PyErr_ExceptionMatches(PyExc_Exception)) PyErr_Clear();
  return value;
}

bool read_time(PyObject *given, const char *name, uint64_t *time) {
  Ref value = attribute_of(given, name);
  if (!value) return false;
  if (value.get() == Py_None) return true;
  if (!PyIndex_Check(value.get()) || PyBool_Check(value.get()) ||
      PyArray_IsScalar(value.get(), Bool))
    return false;
  Ref number = steal(PyNumber_Index(value.get()));
  if (!number) return false;
  const unsigned long long ns = PyLong_AsUnsignedLongLong(number.get());
  const bool fits = !PyErr_Occurred() && ns <= last_time;
  PyErr_Clear();
  *time = ns;
  return fits;
}

bool add_timed(PyObject *given, Py_ssize_t references, const OutputRules &rules,
               std::vector<Output> *outputs, OutputFacts *facts) {
  uint64_t pts = no_time, duration = no_time;
  if (!read_time(given, "pts", &pts) ||
      !read_time(given, "duration", &duration) ||
      (pts != no_time && duration != no_time && pts + duration > last_time))
    return false;
  if (!PyObject_HasAttrString(given, "data")) {
    outputs->push_back(Output::nothing_at(pts, duration));
    return true;
  }
  Ref data = attribute_of(given, "data");
  const size_t before = outputs->size();
  // What holds it, and this.
  const bool kept = Py_REFCNT(given) > references;
  if (!data || !add_data(data.get(), kept ? 0 : 2, rules, outputs, facts))
    return false;
  if (outputs->size() == before) return true;
  outputs->back().pts = pts;
  outputs->back().duration = duration;
  return true;
}

bool add_output(PyObject *given, Py_ssize_t references,
                const OutputRules &rules, std::vector<Output> *outputs,
                OutputFacts *facts) {
  return says_time(given) ? add_timed(given, references, rules, outputs, facts)
                          : add_data(given, references, rules, outputs, facts);
}

bool is_list(PyObject *given) {
  if (PyList_CheckExact(given) || PyTuple_CheckExact(given)) return true;
  return (PyList_Check(given) || PyTuple_Check(given)) && !says_time(given);
}

}  // namespace

bool add_outputs(PyObject *given, Py_ssize_t references,
                 const OutputRules &rules, std::vector<Output> *outputs,
                 OutputFacts *facts) {
  assert(with_gil());
  const size_t before = outputs->size();
  bool good = true;
  if (is_list(given)) {
    const bool kept = Py_REFCNT(given) > references;
    for (Py_ssize_t i = 0; good && i < Py_SIZE(given); i++) {
      // Held, because a list may be changed by what is called on the way.
      Ref each = borrow(PyList_Check(given) ? PyList_GET_ITEM(given, i)
                                            : PyTuple_GET_ITEM(given, i));
      good = add_output(each.get(), kept ? 0 : 2, rules, outputs, facts);
    }
  } else {
    good = add_output(given, references, rules, outputs, facts);
  }
  if (good) return true;
  for (; outputs->size() > before; outputs->pop_back())
    outputs->back().release(outputs->back().owner);
  return !PyErr_Occurred() && say_why("pieces_of", "OO", given, rules.said);
}

}  // namespace pythonfilter
