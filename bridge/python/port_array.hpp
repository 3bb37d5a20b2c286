// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One input of a mixer, or one output of a splitter, as its plugin sees it.
// Unlike an AudioBuffer a plugin may keep it: it always shows what is now. Its
// array is guarded as any other.
#pragma once

#include "array_view.hpp"
#include "names.hpp"

namespace pythonfilter {

Ref new_text(const std::string &text);
bool set_named(PyObject *object, const char *name, const Ref &value);

class PortArray : protected ArrayView {
 public:
  // All need the GIL. Every bool: false with a Python exception set.
  // An attribute of the object.
  bool set_attribute(const char *name, PyObject *value) const {
    return PyObject_SetAttrString(object(), name, value) == 0;
  }
  // It is the same port, which has other samples from here on.
  bool change(const PortFormat &format, int rate);
  // For a call of which nothing was shown.
  bool make_ready();

  PyObject *object() const { return object_.get(); }
  const PortFormat &format() const { return format_; }

  // In the place of what the plugin bound.
  void bind_own() const {
    bind(python.stream_slot, info_.get());
    bind(python.data_slot, array_.get());
  }

 protected:
  explicit PortArray(bool only_read) : only_read_(only_read) {}
  // `type`: of the object, whose pad is called `prefix` and its name.
  bool open_port(PyObject *type, const std::string &prefix,
                 const PortFormat &format, int rate);
  // Lets go of the memory, or leaves it to whoever kept it.
  bool let_go(MemoryKeeper *keeper, bool *escaped);
  void bind(Py_ssize_t offset, PyObject *own) const;

  Ref info_;  // its _stream

 private:
  bool make_bound();

  const bool only_read_;
  PortFormat format_;
  Ref object_;
};

}  // namespace pythonfilter
