// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gil.hpp"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "../contract.hpp"
#include "../own_time.hpp"
#include "../thread.hpp"
#include "../ticks.hpp"
#include "names.hpp"

namespace pythonfilter {

std::atomic<bool> interpreter_closing{false};

namespace {

std::atomic<int> inside{0};
pthread_t closing_thread;

bool finalizing() {
#if PY_VERSION_HEX >= 0x030d0000
  return Py_IsFinalizing();
#else
  return _Py_IsFinalizing();
#endif
}

bool closing_thread_may_enter() {
  return pthread_equal(pthread_self(), closing_thread) && Py_IsInitialized() &&
         !finalizing();
}

// Initial-exec: read without a call. This module is never unloaded. NULL: this
// thread's state is not ours to keep.
__attribute__((tls_model("initial-exec"))) thread_local PyThreadState *kept =
    nullptr;

// The one that is attached here, and so has the GIL; NULL: none.
PyThreadState *attached() {
#if PY_VERSION_HEX >= 0x030d0000
  return PyThreadState_GetUnchecked();
#else
  return _PyThreadState_UncheckedGet();  // the name it had before it was public
#endif
}

// The state of a thread that Python did not make, given back when the thread
// ends, unless the interpreter is closing and will throw it away itself.
//
// A C++ thread_local and not a pthread key: those run later, when Python's own
// key has already forgotten the state.
struct KeptThread {
  void keep() {
    if (over_) return;
    PyGILState_Ensure();
    kept = PyGILState_GetThisThreadState();
  }

  ~KeptThread() {
    over_ = true;
    if (!std::exchange(kept, nullptr) || !gate::enter()) return;
    const PyGILState_STATE outer = PyGILState_Ensure();
    PyGILState_Release(PyGILState_LOCKED);  // the one from keep()
    PyGILState_Release(outer);
    gate::leave();
  }

 private:
  bool over_ = false;  // what still runs on this thread keeps nothing
};

thread_local KeptThread this_thread;

}  // namespace

namespace gate {

[[gnu::hot]] bool enter() {
  inside.fetch_add(1, std::memory_order_seq_cst);
  if (!interpreter_closing.load(std::memory_order_seq_cst)) return true;
  if (closing_thread_may_enter()) return true;
  leave();
  return false;
}

[[gnu::hot]] void leave() {
  inside.fetch_sub(1, std::memory_order_release);
}

bool closed() {
  return interpreter_closing.load(std::memory_order_relaxed);
}

bool application_ended() {
  return !python.ours && (finalizing() || (closed() && !Py_IsInitialized()));
}

void close() {
  closing_thread = pthread_self();
  interpreter_closing.store(true, std::memory_order_seq_cst);
}

bool wait_until_empty(int milliseconds, Time time) {
  const uint64_t allowed = uint64_t(milliseconds) * 1000000u;
  const uint64_t began = monotonic_ns();
  OwnTime own;
  bool empty = false;
  wait_by_looking([&, look = 0]() mutable {
    empty = inside.load(std::memory_order_acquire) == 0;
    if (empty || time == Time::Clock)
      return empty || monotonic_ns() - began > allowed;
    return look++ % 20 == 0 && own.is_over(getpid(), allowed, gettid());
  });
  return empty;
}

}  // namespace gate

[[gnu::hot]] Gil::Gil() : entered_(gate::enter()) {
  assert(holds_no_lock());
  if (!entered_) return;
  if (kept) {
    // What PyGILState_Ensure() does after looking for the state. It may have
    // the GIL already: then whoever has it gives it back.
    if (attached() == kept) return;
    attached_ = true;
    PyEval_RestoreThread(kept);
    return;
  }
  // A thread that Python made has a state, and Python looks after it.
  const bool stranger = PyGILState_GetThisThreadState() == nullptr;
  state_ = PyGILState_Ensure();
  ensured_ = true;
  if (stranger) this_thread.keep();
}

[[gnu::hot]] Gil::~Gil() {
  if (!entered_) return;
  if (attached_)
    PyEval_SaveThread();
  else if (ensured_)
    PyGILState_Release(state_);
  gate::leave();
}

}  // namespace pythonfilter
