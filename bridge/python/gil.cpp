// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gil.hpp"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "../own_time.hpp"
#include "../thread.hpp"
#include "../ticks.hpp"
#include "names.hpp"

namespace pythonfilter {

std::atomic<bool> interpreter_closing{false};

namespace {

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

// The state of a thread that Python did not make, given back when the thread
// ends, unless the interpreter is closing and will throw it away itself.
//
// A C++ thread_local and not a pthread key: those run later, when Python's own
// key has already forgotten the state.
struct KeptThread {
  void keep() {
    if (over_) return;
    PyGILState_Ensure();
    KeptState::of_this_thread = PyGILState_GetThisThreadState();
  }

  ~KeptThread() {
    over_ = true;
    if (!std::exchange(KeptState::of_this_thread, nullptr) || !gate::enter())
      return;
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

bool enter_closed() {
  if (closing_thread_may_enter()) return true;
  leave();
  return false;
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

// A thread that Python made has a state, and Python looks after it.
void Gil::ensure() {
  const bool stranger = PyGILState_GetThisThreadState() == nullptr;
  state_ = PyGILState_Ensure();
  ensured_ = true;
  if (stranger) this_thread.keep();
}

}  // namespace pythonfilter
