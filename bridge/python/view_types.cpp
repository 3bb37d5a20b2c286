// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view_types.hpp"

#include <cstddef>

#include "errors.hpp"
#include "names.hpp"
#include "numpy_api.hpp"
#include "parameters.hpp"

namespace pythonfilter {

namespace {

struct MemoryOwner {
  PyObject_HEAD KeptMemory *memory;
  bool read_only;
};

// NumPy asks for it before an array over our memory becomes writable again, by
// setflags(write=True). Nothing is in it, and who only reads, as NumPy does to
// know how much there is, gets none.
int owner_buffer(PyObject *self, Py_buffer *view, int flags) {
  static char nothing;
  if (flags & PyBUF_WRITABLE)
    return PyBuffer_FillInfo(view, self, &nothing, 0,
                             reinterpret_cast<MemoryOwner *>(self)->read_only,
                             flags);
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, "the array itself has the samples");
  return -1;
}

void owner_dealloc(PyObject *self) {
  KeptMemory *memory = reinterpret_cast<MemoryOwner *>(self)->memory;
  if (memory) {
    // Unreffing a buffer can take anybody's locks, so not under the GIL.
    Py_BEGIN_ALLOW_THREADS
    delete memory;
    Py_END_ALLOW_THREADS
  }
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject *number_or_none(PyObject *self, void *field) {
  const uint64_t value = *reinterpret_cast<uint64_t *>(
      reinterpret_cast<char *>(self) + reinterpret_cast<size_t>(field));
  if (value == no_time) Py_RETURN_NONE;
  return PyLong_FromUnsignedLongLong(value);
}

PyObject *flag(PyObject *self, void *field) {
  return PyBool_FromLong(
      *(reinterpret_cast<bool *>(self) + reinterpret_cast<size_t>(field)));
}

// AudioBuffer.discont lets only bools through.
int set_flag(PyObject *self, PyObject *value, void *field) {
  *(reinterpret_cast<bool *>(self) + reinterpret_cast<size_t>(field)) =
      value == Py_True;
  return 0;
}

PyObject *sample_rate(PyObject *self, void *) {
  const int rate = info_of(self)->sample_rate;
  if (rate == 0) Py_RETURN_NONE;  // no raw audio
  return PyLong_FromLong(rate);
}

PyObject *curve(PyObject *self, PyObject *name) {
  const StreamInfo *info = info_of(self);
  const Block *block = info->block;
  if (block) return new_curve(*block->curves, block->frames, text_of(name));
  if (info->curves)
    return new_curve(*info->curves, info->frames, text_of(name), info->input);
  say_why("no_curve_now");
  return nullptr;
}

PyObject *positions(PyObject *self, void *) {
  return borrow(info_of(self)->positions).release();
}

PyObject *silent(PyObject *self, PyObject *) {
  info_of(self)->silent = true;
  Py_RETURN_NONE;
}

PyObject *new_data(PyObject *self, PyObject *) {
  const StreamInfo *info = info_of(self);
  npy_intp dims[] = {info->channels, npy_intp(info->frames)};
  return PyArray_ZEROS(2, dims, info->type_num, 0);
}

void info_dealloc(PyObject *self) {
  Py_XDECREF(info_of(self)->positions);
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyTypeObject *make_type(const char *name, int size, PyType_Slot *slots) {
  PyType_Spec spec = {name, size, 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      slots};
  return reinterpret_cast<PyTypeObject *>(PyType_FromSpec(&spec));
}

}  // namespace

bool make_view_types() {
  assert(with_gil());
  if (python.stream_info_type) return true;

  PyType_Slot owner_slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void *>(owner_dealloc)},
      {Py_bf_getbuffer, reinterpret_cast<void *>(owner_buffer)},
      {0, nullptr}};
  python.owner_type =
      make_type("pythonfilter.MemoryOwner", sizeof(MemoryOwner), owner_slots);
  if (!python.owner_type) return false;

  auto at = [](size_t offset) { return reinterpret_cast<void *>(offset); };
  static PyGetSetDef getters[] = {
      {"pts", number_or_none, nullptr, nullptr, at(offsetof(StreamInfo, pts))},
      {"duration", number_or_none, nullptr, nullptr,
       at(offsetof(StreamInfo, duration))},
      {"offset", number_or_none, nullptr, nullptr,
       at(offsetof(StreamInfo, offset))},
      {"discont", flag, set_flag, nullptr, at(offsetof(StreamInfo, discont))},
      {"gap", flag, nullptr, nullptr, at(offsetof(StreamInfo, gap))},
      {"sample_rate", sample_rate, nullptr, nullptr, nullptr},
      {"present", flag, nullptr, nullptr, at(offsetof(StreamInfo, present))},
      {"late", flag, nullptr, nullptr, at(offsetof(StreamInfo, late))},
      {"linked", flag, nullptr, nullptr, at(offsetof(StreamInfo, linked))},
      {"positions", positions, nullptr, nullptr, nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyMethodDef methods[] = {{"curve", curve, METH_O, nullptr},
                                  {"silent", silent, METH_NOARGS, nullptr},
                                  {"new_data", new_data, METH_NOARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  PyType_Slot info_slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void *>(info_dealloc)},
      {Py_tp_methods, methods},
      {Py_tp_getset, getters},
      {0, nullptr}};
  python.stream_info_type =
      make_type("pythonfilter.StreamInfo", sizeof(StreamInfo), info_slots);
  return python.stream_info_type != nullptr;
}

PyObject *new_memory_owner(bool read_only) {
  assert(with_gil());
  PyObject *owner = python.owner_type->tp_alloc(python.owner_type, 0);
  if (owner) reinterpret_cast<MemoryOwner *>(owner)->read_only = read_only;
  return owner;
}

void give_to_owner(PyObject *owner, std::unique_ptr<KeptMemory> memory) {
  assert(with_gil());
  reinterpret_cast<MemoryOwner *>(owner)->memory = memory.release();
}

PyObject *new_stream_info(int rate, const std::vector<std::string> &positions) {
  assert(with_gil());
  Ref places = positions.empty()
                   ? borrow(Py_None)
                   : steal(PyTuple_New(Py_ssize_t(positions.size())));
  for (size_t i = 0; places && i < positions.size(); i++) {
    PyObject *place = PyUnicode_FromString(positions[i].c_str());
    if (!place) return nullptr;
    PyTuple_SET_ITEM(places.get(), Py_ssize_t(i), place);
  }
  PyObject *info =
      places ? python.stream_info_type->tp_alloc(python.stream_info_type, 0)
             : nullptr;
  if (info) {
    info_of(info)->pts = info_of(info)->duration = info_of(info)->offset =
        no_time;
    info_of(info)->sample_rate = rate;
    info_of(info)->positions = places.release();
  }
  return info;
}

}  // namespace pythonfilter
