// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The way into the interpreter: a gate that can close, and the GIL behind it.
//
// Order of locks: no lock is held while taking the GIL, and none that anybody
// may hold while waiting for the GIL is taken with the GIL held.
#pragma once

#include "../contract.hpp"
#include "python.hpp"

namespace pythonfilter {

// Closed once, when the process or the interpreter ends. Whoever is inside is
// waited for, with a limit; afterwards only the closing thread gets in, so
// that an application's own exit handler can still stop its pipelines.
//
// Without the gate a thread that waits for the GIL while Python finalizes is
// unwound or parked by Python in the middle of GStreamer's frames.
namespace gate {
inline std::atomic<int> inside{0};
inline void leave() {
  inside.fetch_sub(1, std::memory_order_release);
}
// Of a gate that is closed; whoever may not enter has left.
bool enter_closed();
// Inline, as each buffer comes through.
inline bool enter() {
  inside.fetch_add(1, std::memory_order_seq_cst);
  return __builtin_expect(!interpreter_closing.load(std::memory_order_seq_cst),
                          1) ||
         enter_closed();
}
bool closed();
// The application's Python is being finalized, or was. It then says that it is
// not initialized, but a second one must not be started in its place.
bool application_ended();
void close();
// By the clock, or of the time that this process was let run. The second is for
// giving up: C code that others keep from the processor would go on in
// libraries that tear themselves down, such as OpenBLAS, whose end then never
// comes.
enum class Time { Clock, Own };
bool wait_until_empty(int milliseconds, Time time);
}  // namespace gate

// One hold of the GIL. Ask it before using it: the gate may be closed.
//
// The thread state of a thread that Python did not make is kept until the
// thread ends. Making and destroying it for each call costs far more than the
// call: its first Python frame maps a stack chunk, and its end unmaps it.
class Gil {
 public:
  Gil() : entered_(gate::enter()) {
    assert(holds_no_lock());
    if (!entered_) return;
    PyThreadState *kept = KeptState::of_this_thread;
    if (__builtin_expect(!kept, 0)) {
      ensure();
      return;
    }
    // What PyGILState_Ensure() does after looking for the state. It may have
    // the GIL already: then whoever has it gives it back.
    if (attached_state() == kept) return;
    attached_ = true;
    PyEval_RestoreThread(kept);
  }
  ~Gil() {
    if (!entered_) return;
    if (attached_)
      PyEval_SaveThread();
    else if (ensured_)
      PyGILState_Release(state_);
    gate::leave();
  }
  Gil(const Gil &) = delete;
  Gil &operator=(const Gil &) = delete;
  explicit operator bool() const { return entered_; }

 private:
  void ensure();

  bool entered_;
  bool attached_ = false;  // the kept state, to be detached
  bool ensured_ = false;   // another one, by state_
  PyGILState_STATE state_ = PyGILState_UNLOCKED;
};

}  // namespace pythonfilter
