// SPDX-License-Identifier: LGPL-2.1-or-later
#include "surroundings.hpp"

#include "names.hpp"

namespace pythonfilter {

namespace {

// NumPy 1 has its error state in the thread's dictionary. Borrowed; NULL: it
// has its defaults.
PyObject *errors_in(PyObject *thread) {
  return thread ? PyDict_GetItemWithError(thread, python.numpy_errors)
                : nullptr;
}

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
  assert(with_gil());
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
  changed_ = false;
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
      changed_ = PyList_Append(changes_.get(), pair) == 0 || changed_;
  }
  PyErr_Clear();
}

// Another call of the plugin's is in its context.
void Inside::enter_beside() {
  in_copy_ = std::make_unique<InCopy>();
  in_copy_->before = steal(PyContext_Copy(own_->context_.get()));
  in_copy_->copy = steal(PyContext_Copy(own_->context_.get()));
  context_ = in_copy_->before ? in_copy_->copy.get() : nullptr;
}

// Out of memory: the call goes on in the thread's.
void Inside::do_without_context() {
  PyErr_Clear();
  context_ = nullptr;
}

void Inside::show_errors() {
  version_ = 0;
  shown_errors_ = own_->errors_.get();
  outer_errors_ = borrow(errors_in(thread_));
  // Then it need not be taken out and put back for each call.
  if (outer_errors_ && are_defaults(outer_errors_.get())) {
    set_errors(thread_, nullptr);
    outer_errors_.reset();
  }
  if (!outer_errors_) DefaultErrors::version = dict_version(thread_);
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
  if (in_copy_ && context_)
    own_->add_changes(in_copy_->before.get(), in_copy_->copy.get());
  if (!in_copy_) own_->in_use_ = false;
}

}  // namespace pythonfilter
