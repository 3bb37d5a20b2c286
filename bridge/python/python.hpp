// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Python.h, who has the GIL, and who owns a reference: steal() takes over one
// that is ours, borrow() adds one. Nobody else calls Py_DECREF.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <atomic>
#include <cassert>
#include <string>
#include <utility>

#include <Python.h>
#include <structmember.h>  // PyMemberDef, in Python.h from 3.12 on

#ifdef Py_GIL_DISABLED
// What a plugin keeps is found by exact counts of references, and half of what
// is here is guarded by the GIL.
#error "pythonfilter needs a Python with a GIL"
#endif

namespace pythonfilter {

// Set when the interpreter begins to close. References are then leaked on
// purpose: giving one back without the GIL would crash, and the process is
// about to end anyway.
extern std::atomic<bool> interpreter_closing;

// The thread state that is attached here, and so has the GIL; NULL: none.
inline PyThreadState *attached_state() {
#if PY_VERSION_HEX >= 0x030d0000
  return PyThreadState_GetUnchecked();
#else
  return _PyThreadState_UncheckedGet();  // the name it had before it was public
#endif
}

// Initial-exec: read without a call. This module is never unloaded. NULL: this
// thread's state is not ours to keep.
struct KeptState {
  [[gnu::tls_model("initial-exec")]] static inline thread_local PyThreadState
      *of_this_thread = nullptr;
};

// What "with the GIL" means. Most threads here have a kept state, of which it
// is seen at once.
inline bool with_gil() {
  PyThreadState *kept = KeptState::of_this_thread;
  return kept ? attached_state() == kept : PyGILState_Check();
}

class Ref {
 public:
  Ref() = default;
  Ref(Ref &&other) : object_(std::exchange(other.object_, nullptr)) {}
  Ref &operator=(Ref &&other) {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { reset(); }

  PyObject *get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  PyObject *release() { return std::exchange(object_, nullptr); }
  // Right after a call, with the GIL that it was made with.
  void give_back() { Py_XDECREF(release()); }
  void reset() {
    PyObject *object = std::exchange(object_, nullptr);
    if (object && !interpreter_closing.load(std::memory_order_relaxed)) {
      assert(with_gil());
      Py_DECREF(object);
    }
  }

 private:
  friend Ref steal(PyObject *object);
  PyObject *object_ = nullptr;
};

inline Ref steal(PyObject *object) {
  Ref ref;
  ref.object_ = object;
  return ref;
}

inline Ref borrow(PyObject *object) {
  assert(with_gil());
  Py_XINCREF(object);
  return steal(object);
}

// A str's UTF-8 text, with lone surrogates as \udcff.
inline std::string text_of(PyObject *object, const char *otherwise = "") {
  assert(with_gil());
  if (object && PyUnicode_Check(object)) {
    Py_ssize_t size;
    if (const char *text = PyUnicode_AsUTF8AndSize(object, &size))
      return std::string(text, size_t(size));
    PyErr_Clear();
    Ref escaped =
        steal(PyUnicode_AsEncodedString(object, "utf-8", "backslashreplace"));
    if (escaped) return PyBytes_AS_STRING(escaped.get());
    PyErr_Clear();
  }
  return otherwise;
}

}  // namespace pythonfilter
