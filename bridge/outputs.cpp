// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outputs.hpp"

#include "numpy_api.hpp"
#include "release_later.hpp"
#include "view_types.hpp"

namespace pythonfilter {

namespace {

PyArrayObject *as_array(PyObject *object) {
  return reinterpret_cast<PyArrayObject *>(object);
}

// Whether the memory behind `object` can change while it is on its way: the
// plugin, or something else of Python's, also refers to it.
bool may_change(PyObject *object, Py_ssize_t references,
                const OutputRules &rules, OutputFacts *facts) {
  if (PyBytes_Check(object)) return false;
  if (object == rules.shown) {
    facts->parts_shown = true;
    return rules.shown_writable;
  }
  if (Py_REFCNT(object) > references) return true;
  if (PyByteArray_Check(object)) return false;
  if (PyArray_Check(object)) {
    PyObject *base = PyArray_BASE(as_array(object));
    return base && may_change(base, 1, rules, facts);
  }
  if (PyMemoryView_Check(object)) {
    // Other memoryviews of the same object share this.
    const auto *view = reinterpret_cast<PyMemoryViewObject *>(object);
    PyObject *base = PyMemoryView_GET_BUFFER(object)->obj;
    return view->mbuf->exports > 1 && !(base && PyBytes_Check(base))
               ? true
               : !base || may_change(base, 1, rules, facts);
  }
  return true;  // somebody else's type: nobody knows
}

bool is_sample_type(PyArrayObject *array, const StreamFormat &format) {
  if (!format.output_known) return false;
  int wanted = NPY_FLOAT32;
  if (format.output_format == SampleFormat::F64) wanted = NPY_FLOAT64;
  if (format.output_format == SampleFormat::S16) wanted = NPY_INT16;
  if (format.output_format == SampleFormat::S32) wanted = NPY_INT32;
  Ref descr =
      steal(reinterpret_cast<PyObject *>(PyArray_DescrFromType(wanted)));
  return PyArray_EquivTypes(PyArray_DESCR(array),
                            reinterpret_cast<PyArray_Descr *>(descr.get()));
}

// An array of (channels, frames) as raw audio lies in memory; a copy only
// where it does not lie so already. Empty: exception set.
Ref arrange(PyArrayObject *array, const StreamFormat &format) {
  PyObject *object = reinterpret_cast<PyObject *>(array);
  if (!is_sample_type(array, format) ||
      PyArray_DIM(array, 0) != format.output_channels) {
    Ref shape = steal(PyObject_GetAttrString(object, "shape"));
    PyErr_Format(PyExc_ValueError,
                 "gave an array of %S with the shape %S, but its output caps "
                 "are %s: that is (%d, frames)",
                 reinterpret_cast<PyObject *>(PyArray_DESCR(array)),
                 shape.get(), format.output_caps.c_str(),
                 format.output_channels);
    return {};
  }
  const bool lies_right = format.output_interleaved
                              ? PyArray_IS_F_CONTIGUOUS(array)
                              : PyArray_IS_C_CONTIGUOUS(array);
  if (lies_right) return borrow(object);
  return steal(PyArray_NewCopy(
      array, format.output_interleaved ? NPY_FORTRANORDER : NPY_CORDER));
}

bool check_array(PyArrayObject *array, const StreamFormat &format) {
  if (!PyArray_IS_C_CONTIGUOUS(array)) {
    PyErr_SetString(PyExc_ValueError,
                    "gave an array that is not C-contiguous: use "
                    "numpy.ascontiguousarray()");
    return false;
  }
  if (PyDataType_REFCHK(PyArray_DESCR(array))) {
    PyErr_SetString(PyExc_TypeError, "gave an array of objects");
    return false;
  }
  // As samples of another type, its bytes would be noise.
  if (format.output_frame && PyArray_ITEMSIZE(array) != 1 &&
      !is_sample_type(array, format)) {
    PyErr_Format(PyExc_TypeError,
                 "gave an array of %S, but its output caps are %s",
                 reinterpret_cast<PyObject *>(PyArray_DESCR(array)),
                 format.output_caps.c_str());
    return false;
  }
  return true;
}

// The memory of `object` as an Output that is sent on. False: exception set.
bool send(Ref object, const StreamFormat &format,
          std::vector<Output> *outputs) {
  Output output;
  Py_buffer view = {};
  if (PyBytes_Check(object.get())) {
    output.data =
        reinterpret_cast<std::byte *>(PyBytes_AS_STRING(object.get()));
    output.size = size_t(PyBytes_GET_SIZE(object.get()));
  } else if (PyArray_Check(object.get())) {
    PyArrayObject *array = as_array(object.get());
    output.data = reinterpret_cast<std::byte *>(PyArray_BYTES(array));
    output.size = size_t(PyArray_NBYTES(array));
  } else {
    // Keeps a bytearray from being resized.
    if (PyObject_GetBuffer(object.get(), &view, PyBUF_SIMPLE) != 0)
      return false;
    output.data = static_cast<std::byte *>(view.buf);
    output.size = size_t(view.len);
  }
  const bool whole =
      format.output_frame == 0 || output.size % format.output_frame == 0;
  if (!whole)
    PyErr_Format(PyExc_ValueError,
                 "gave %zu bytes, which is not a whole number of frames of %zu "
                 "bytes; its output caps are %s",
                 output.size, format.output_frame, format.output_caps.c_str());
  if (!whole || output.size == 0) {
    if (view.obj) PyBuffer_Release(&view);
    return whole;
  }
  auto *sent = new SentObject;
  sent->view = view;
  sent->object = object.release();
  count_sent();
  output.release = release_later;
  output.owner = sent;
  outputs->push_back(output);
  return true;
}

bool add_output(PyObject *given, Py_ssize_t references,
                const OutputRules &rules, std::vector<Output> *outputs,
                OutputFacts *facts) {
  const StreamFormat &format = rules.format;
  Ref object;
  if (PyArray_Check(given)) {
    PyArrayObject *array = as_array(given);
    if (format.output_frame && PyArray_NDIM(array) == 2) {
      object = arrange(array, format);
      if (!object) return false;
      if (object.get() != given) {
        facts->copied = true;
        return send(std::move(object), format, outputs);
      }
      object.reset();  // not to be counted
    } else if (!check_array(array, format)) {
      return false;
    }
  } else if (!PyObject_CheckBuffer(given)) {
    PyErr_Format(PyExc_TypeError,
                 "gave %s, not bytes, bytearray, memoryview or an array",
                 Py_TYPE(given)->tp_name);
    return false;
  }
  if (may_change(given, references, rules, facts)) {
    facts->copied = true;
    // F-contiguous arrays in the order of their memory, as everything else.
    object = steal(PyArray_Check(given)
                       ? PyArray_NewCopy(as_array(given), NPY_KEEPORDER)
                       : PyBytes_FromObject(given));
    if (!object) return false;
  } else {
    object = borrow(given);
  }
  return send(std::move(object), format, outputs);
}

}  // namespace

bool add_outputs(PyObject *given, Py_ssize_t references,
                 const OutputRules &rules, std::vector<Output> *outputs,
                 OutputFacts *facts) {
  const size_t before = outputs->size();
  bool good = true;
  if (PyList_Check(given) || PyTuple_Check(given)) {
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
  return false;
}

}  // namespace pythonfilter
