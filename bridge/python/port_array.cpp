// SPDX-License-Identifier: LGPL-2.1-or-later
#include "port_array.hpp"

#include <utility>

namespace pythonfilter {

Ref new_text(const std::string &text) {
  return steal(
      PyUnicode_FromStringAndSize(text.data(), Py_ssize_t(text.size())));
}

bool set_named(PyObject *object, const char *name, const Ref &value) {
  return value && PyObject_SetAttrString(object, name, value.get()) == 0;
}

bool PortArray::open_port(PyObject *type, const std::string &prefix,
                          const PortFormat &format, int rate) {
  assert(with_gil());
  auto *made = reinterpret_cast<PyTypeObject *>(type);
  object_ = steal(made->tp_alloc(made, 0));
  return object_ && set_named(object_.get(), "name", new_text(format.name)) &&
         set_named(object_.get(), "pad_name", new_text(prefix + format.name)) &&
         change(format, rate);
}

bool PortArray::change(const PortFormat &format, int rate) {
  assert(with_gil());
  format_ = format;
  info_ = steal(new_stream_info(rate, format.positions));
  if (!info_ || !open_array(format.channels, format.format, only_read_))
    return false;
  bind_own();
  return true;
}

void PortArray::bind(Py_ssize_t offset, PyObject *own) const {
  PyObject **bound = slot(object_.get(), offset);
  if (*bound != own) steal(std::exchange(*bound, borrow(own).release()));
}

bool PortArray::make_bound() {
  if (!make_array()) return false;
  bind_own();
  return true;
}

// Whoever took the empty array between two calls keeps an empty one.
bool PortArray::make_ready() {
  bind_own();
  return __builtin_expect(!is_array_kept(), 1) || make_bound();
}

bool PortArray::let_go(MemoryKeeper *keeper, bool *escaped) {
  bind_own();
  const bool kept = is_array_kept();
  if (!kept && is_as_made()) {
    hide();
    return true;
  }
  *escaped = *escaped || kept;
  if (kept) give_memory(keeper->keep());
  return make_bound();
}

}  // namespace pythonfilter
