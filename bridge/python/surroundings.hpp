// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What Python and the CPU keep for each thread, and what is a plugin's own
// here, whichever threads call it: what it set with np.seterr(), decimal and
// contextvars, and the modes of floating point (denormals, rounding, traps).
//
// Each buffer comes by here, so what nearly all of them need is inline.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <memory>

#include "names.hpp"
#include "python.hpp"

namespace pythonfilter {

// The control bits of the CPU's floating point: never the flags that
// calculations leave. 0 where we do not know the CPU.
#if defined(__x86_64__)
constexpr unsigned sse_flags = 0x3f;

inline uint64_t modes_now() {
  uint16_t x87;
  asm volatile("fnstcw %0" : "=m"(x87));
  return uint64_t(x87) << 32 | (_mm_getcsr() & ~sse_flags);
}

inline void set_modes(uint64_t modes) {
  const auto x87 = uint16_t(modes >> 32);
  asm volatile("fldcw %0" : : "m"(x87));
  _mm_setcsr(unsigned(modes) | (_mm_getcsr() & sse_flags));
}
#elif defined(__aarch64__)
inline uint64_t modes_now() {
  uint64_t modes;
  asm volatile("mrs %0, fpcr" : "=r"(modes));
  return modes;
}

inline void set_modes(uint64_t modes) {
  asm volatile("msr fpcr, %0" : : "r"(modes));
}
#else
inline uint64_t modes_now() {
  return 0;
}

inline void set_modes(uint64_t) {}
#endif

// Looking errors up in a thread's dictionary costs more than all the rest here.
// The version of a dictionary is another one after each change, and no other
// dictionary's. 0: this Python has none.
inline uint64_t dict_version([[maybe_unused]] PyObject *thread) {
#if PY_VERSION_HEX < 0x030c0000
  return thread ? reinterpret_cast<PyDictObject *>(thread)->ma_version_tag : 0;
#else
  return 0;
#endif
}

// Of this thread's dictionary when NumPy had its defaults there.
struct DefaultErrors {
  [[gnu::tls_model(
      "initial-exec")]] static inline thread_local uint64_t version = 0;
};

// What one plugin has set for its thread. All with the GIL.
class Surroundings {
 public:
  bool make();  // false: exception set
  void close();

 private:
  friend class Inside;
  void apply_changes();
  void add_changes(PyObject *before, PyObject *after);

  Ref context_;
  bool in_use_ = false;   // a call of the plugin's is in context_
  Ref changes_;           // (variable, value): what calls beside that one set
  bool changed_ = false;  // there are some
  Ref errors_;            // NumPy 1's; empty: its defaults
  uint64_t modes_ = 0;    // the plugin's; 0: those of the thread
};

// One call of the plugin's. Begins and ends with the same hold of the GIL, or
// one that the plugin gave away in between.
class Inside {
 public:
  explicit Inside(Surroundings *own);
  ~Inside() { leave(); }
  Inside(const Inside &) = delete;
  // What was raised, if anything, stays raised.
  void leave() {
    if (own_) leave(PyErr_Occurred() != nullptr);
  }
  void leave(bool raised);

 private:
  // A context is for one thread at a time: of a call beside another, which is
  // in a copy, and what that was when it began.
  struct InCopy {
    Ref copy, before;
  };

  void enter_beside();
  void do_without_context();
  void show_errors();
  void take_errors();
  void leave_aside();

  Surroundings *own_;
  PyObject *context_;  // that was entered
  std::unique_ptr<InCopy> in_copy_;
  // NumPy 1's: where they are, and which version of that the call began with;
  // 0: it is not known.
  PyObject *thread_ = nullptr;
  uint64_t version_ = 0;
  Ref outer_errors_;
  PyObject *shown_errors_ = nullptr;
  uint64_t outer_modes_, shown_modes_;
};

[[gnu::always_inline]] inline Inside::Inside(Surroundings *own) : own_(own) {
  context_ = own->context_.get();
  if (__builtin_expect(own->in_use_, 0))
    enter_beside();
  else
    own->in_use_ = true;
  if (__builtin_expect(!context_ || PyContext_Enter(context_) < 0, 0))
    do_without_context();
  if (__builtin_expect(own->changed_, 0) && !in_copy_) own->apply_changes();

  if (python.numpy_errors) {
    thread_ = PyThreadState_GetDict();
    version_ = dict_version(thread_);
    // Unless both the thread and the plugin have the defaults.
    if (__builtin_expect(
            !version_ || version_ != DefaultErrors::version || own->errors_, 0))
      show_errors();
  }
  outer_modes_ = modes_now();
  shown_modes_ = own->modes_ ? own->modes_ : outer_modes_;
  if (__builtin_expect(shown_modes_ != outer_modes_, 0))
    set_modes(shown_modes_);
}

[[gnu::always_inline]] inline void Inside::leave(bool raised) {
  const uint64_t modes = modes_now();
  if (__builtin_expect(modes != shown_modes_, 0)) own_->modes_ = modes;
  if (__builtin_expect(modes != outer_modes_, 0)) set_modes(outer_modes_);

  if (python.numpy_errors &&
      __builtin_expect(!version_ || dict_version(thread_) != version_, 0))
    take_errors();

  if (__builtin_expect(raised || in_copy_ || !context_, 0)) {
    leave_aside();
  } else {
    if (__builtin_expect(PyContext_Exit(context_) < 0, 0)) PyErr_Clear();
    own_->in_use_ = false;
  }
  own_ = nullptr;
}

}  // namespace pythonfilter
