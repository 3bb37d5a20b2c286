// SPDX-License-Identifier: LGPL-2.1-or-later
#include "closing.hpp"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <link.h>

#include "../thread.hpp"
#include "gil.hpp"
#include "names.hpp"
#include "running_call.hpp"

namespace pythonfilter {

namespace {

// How long whoever is inside may take to leave when the process ends; calls
// still running after the first part get PluginTimeout.
constexpr int exit_patience_ms = 500;
constexpr int exit_limit_ms = 500;

// The process ends: streaming threads leave Python before libraries that
// plugins use tear themselves down.
void close_at_exit() {
  if (gate::closed()) return;
  gate::close();
  if (gate::wait_until_empty(exit_patience_ms, gate::Time::Clock)) return;
  // Not on this thread: C code that does not come back may hold the GIL.
  if (!Py_IsInitialized()) return;
  Thread::start_detached("python-closing", [] {
    const PyGILState_STATE state = PyGILState_Ensure();
    interrupt_all_calls();
    PyGILState_Release(state);
  });
  gate::wait_until_empty(exit_limit_ms, gate::Time::Own);
}

int note_loads(dl_phdr_info *info, size_t, void *loads) {
  *static_cast<unsigned long long *>(loads) = info->dlpi_adds;
  return 1;
}

// A Python application ends, its exit handlers run: last in, first out.
PyObject *close_before_finalize(PyObject *, PyObject *) {
  gate::close();
  bool empty;
  Py_BEGIN_ALLOW_THREADS
  empty = gate::wait_until_empty(exit_patience_ms, gate::Time::Clock);
  Py_END_ALLOW_THREADS
  if (!empty) {
    interrupt_all_calls();
    Py_BEGIN_ALLOW_THREADS
    gate::wait_until_empty(exit_limit_ms, gate::Time::Own);
    Py_END_ALLOW_THREADS
  }
  Py_RETURN_NONE;
}

}  // namespace

void close_before_later_handlers() {
  if (!python.ours) return;
  static std::atomic<unsigned long long> known{0};
  unsigned long long loads = 0;
  dl_iterate_phdr(note_loads, &loads);
  if (known.exchange(loads) != loads) atexit(close_at_exit);
}

void keep_openssl_at_exit() {
  assert(with_gil());
  Ref util = steal(PyImport_ImportModule("importlib.util"));
  Ref spec;
  if (util)
    spec = steal(PyObject_CallMethod(util.get(), "find_spec", "s", "_hashlib"));
  Ref file;
  if (spec) file = steal(PyObject_GetAttrString(spec.get(), "origin"));
  PyErr_Clear();
  using Initialize = int(uint64_t options, const void *settings);
  const std::string path = text_of(file.get());
  void *library =
      path.empty() ? nullptr : dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void *symbol = library ? dlsym(library, "OPENSSL_init_crypto") : nullptr;
  constexpr uint64_t no_atexit = 0x00080000;  // OPENSSL_INIT_NO_ATEXIT
  if (symbol) reinterpret_cast<Initialize *>(symbol)(no_atexit, nullptr);
}

bool close_with_application() {
  assert(with_gil());
  static PyMethodDef method = {"close_before_finalize", close_before_finalize,
                               METH_NOARGS, nullptr};
  Ref hook = steal(PyCFunction_New(&method, nullptr));
  Ref atexit_module = steal(PyImport_ImportModule("atexit"));
  if (!hook || !atexit_module) return false;
  return bool(steal(
      PyObject_CallMethod(atexit_module.get(), "register", "O", hook.get())));
}

}  // namespace pythonfilter
