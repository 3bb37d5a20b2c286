// SPDX-License-Identifier: LGPL-2.1-or-later
#include "surroundings.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "names.hpp"

namespace pythonfilter {

namespace {

// The control bits of the CPU's floating point: never the flags that
// calculations leave. 0 where we do not know the CPU.
#if defined(__x86_64__)
constexpr unsigned sse_flags = 0x3f;

uint64_t modes_now() {
  uint16_t x87;
  asm volatile("fnstcw %0" : "=m"(x87));
  return uint64_t(x87) << 32 | (_mm_getcsr() & ~sse_flags);
}

void set_modes(uint64_t modes) {
  const auto x87 = uint16_t(modes >> 32);
  asm volatile("fldcw %0" : : "m"(x87));
  _mm_setcsr(unsigned(modes) | (_mm_getcsr() & sse_flags));
}
#elif defined(__aarch64__)
uint64_t modes_now() {
  uint64_t modes;
  asm volatile("mrs %0, fpcr" : "=r"(modes));
  return modes;
}

void set_modes(uint64_t modes) {
  asm volatile("msr fpcr, %0" : : "r"(modes));
}
#else
uint64_t modes_now() {
  return 0;
}

void set_modes(uint64_t) {}
#endif

// NumPy 1 has its error state in the thread's dictionary. Borrowed; NULL: it
// has its defaults.
PyObject *errors_in(PyObject *thread) {
  return thread ? PyDict_GetItemWithError(thread, python.numpy_errors)
                : nullptr;
}

// Looking them up costs more than all the rest here. The version of a
// dictionary is another one after each change, and no other dictionary's. 0:
// this Python has none.
uint64_t version_of([[maybe_unused]] PyObject *thread) {
#if PY_VERSION_HEX < 0x030c0000
  return thread ? reinterpret_cast<PyDictObject *>(thread)->ma_version_tag : 0;
#else
  return 0;
#endif
}

// Of the thread's dictionary when NumPy had its defaults there.
__attribute__((
    tls_model("initial-exec"))) thread_local uint64_t version_with_defaults = 0;

// A list of the buffers' size, the bits of what to do, and whom to call. The
// thread that imported NumPy has one with the defaults.
bool are_defaults(PyObject *errors) {
  constexpr long buffer_size = 8192, warn = 521;
  return PyList_CheckExact(errors) && PyList_GET_SIZE(errors) == 3 &&
         PyLong_AsLong(PyList_GET_ITEM(errors, 0)) == buffer_size &&
         PyLong_AsLong(PyList_GET_ITEM(errors, 1)) == warn &&
         PyList_GET_ITEM(errors, 2) == Py_None;
}

void set_errors(PyObject *thread, PyObject *errors) {
  if (!thread) return;
  if (errors)
    PyDict_SetItem(thread, python.numpy_errors, errors);
  else
    PyDict_DelItem(thread, python.numpy_errors);
}

// Keeps what is raised from what is done meanwhile.
class Aside {
 public:
  Aside() { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~Aside() { PyErr_Restore(type_, value_, traceback_); }

 private:
  PyObject *type_, *value_, *traceback_;
};

}  // namespace

bool Surroundings::make() {
  assert(PyGILState_Check());
  context_ = steal(PyContext_New());
  changes_ = steal(PyList_New(0));
  return context_ && changes_;
}

void Surroundings::close() {
  context_.reset();
  changes_.reset();
  errors_.reset();
}

void Surroundings::apply_changes() {
  Ref changes = steal(PyList_New(0));
  if (!changes) return PyErr_Clear();
  std::swap(changes, changes_);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(changes.get()); i++) {
    PyObject *pair = PyList_GET_ITEM(changes.get(), i);
    steal(
        PyContextVar_Set(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1)));
  }
  PyErr_Clear();
}

void Surroundings::add_changes(PyObject *before, PyObject *after) {
  Ref items = steal(PyMapping_Items(after));
  for (Py_ssize_t i = 0; items && i < PyList_GET_SIZE(items.get()); i++) {
    PyObject *pair = PyList_GET_ITEM(items.get(), i);
    Ref was = steal(PyObject_GetItem(before, PyTuple_GET_ITEM(pair, 0)));
    PyErr_Clear();
    if (was.get() != PyTuple_GET_ITEM(pair, 1))
      PyList_Append(changes_.get(), pair);
  }
  PyErr_Clear();
}

// Another call of the plugin's is in its context.
void Inside::enter_beside() {
  before_ = steal(PyContext_Copy(own_->context_.get()));
  copy_ = steal(PyContext_Copy(own_->context_.get()));
  context_ = before_ ? copy_.get() : nullptr;
}

void Inside::show_errors() {
  shown_errors_ = own_->errors_.get();
  outer_errors_ = borrow(errors_in(thread_));
  // Then it need not be taken out and put back for each call.
  if (outer_errors_ && are_defaults(outer_errors_.get())) {
    set_errors(thread_, nullptr);
    outer_errors_.reset();
  }
  if (!outer_errors_) version_with_defaults = version_of(thread_);
  if (outer_errors_.get() != shown_errors_) set_errors(thread_, shown_errors_);
}

void Inside::take_errors() {
  PyObject *now = errors_in(thread_);
  if (now != shown_errors_) own_->errors_ = borrow(now);
  if (now != outer_errors_.get()) set_errors(thread_, outer_errors_.get());
  outer_errors_.reset();
}

void Inside::leave_aside() {
  Aside aside;
  if (context_ && PyContext_Exit(context_) < 0) PyErr_Clear();
  if (copy_ && context_) own_->add_changes(before_.get(), copy_.get());
}

[[gnu::hot]] Inside::Inside(Surroundings *own) : own_(own) {
  if (__builtin_expect(own->in_use_, 0)) {
    enter_beside();
  } else {
    own->in_use_ = true;
    context_ = own->context_.get();
  }
  if (!context_ || PyContext_Enter(context_) < 0) {
    PyErr_Clear();  // out of memory; the call goes on in the thread's
    context_ = nullptr;
  }
  if (__builtin_expect(PyList_GET_SIZE(own->changes_.get()) > 0, 0) && !copy_)
    own->apply_changes();

  if (python.numpy_errors) {
    thread_ = PyThreadState_GetDict();
    const uint64_t version = version_of(thread_);
    // Both the thread and the plugin have the defaults.
    if (__builtin_expect(
            version && version == version_with_defaults && !own->errors_, 1))
      version_ = version;
    else
      show_errors();
  }
  outer_modes_ = modes_now();
  shown_modes_ = own->modes_ ? own->modes_ : outer_modes_;
  if (__builtin_expect(shown_modes_ != outer_modes_, 0))
    set_modes(shown_modes_);
}

[[gnu::hot]] void Inside::leave(bool raised) {
  const uint64_t modes = modes_now();
  if (__builtin_expect(modes != shown_modes_, 0)) own_->modes_ = modes;
  if (__builtin_expect(modes != outer_modes_, 0)) set_modes(outer_modes_);

  if (python.numpy_errors &&
      __builtin_expect(!version_ || version_of(thread_) != version_, 0))
    take_errors();

  if (__builtin_expect(raised || copy_, 0))
    leave_aside();
  else if (context_ && PyContext_Exit(context_) < 0)
    PyErr_Clear();
  if (!copy_) own_->in_use_ = false;
  own_ = nullptr;
}

}  // namespace pythonfilter
