// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What Python and the CPU keep for each thread, and what is a plugin's own
// here, whichever threads call it: what it set with np.seterr(), decimal and
// contextvars, and the modes of floating point (denormals, rounding, traps).
#pragma once

#include "python.hpp"

namespace pythonfilter {

// Of one plugin. All with the GIL.
class Surroundings {
 public:
  bool make();  // false: exception set
  void close();

 private:
  friend class Inside;
  void apply_changes();
  void add_changes(PyObject *before, PyObject *after);

  Ref context_;
  bool in_use_ = false;  // a call of the plugin's is in context_
  Ref changes_;          // (variable, value): what calls beside that one set
  Ref errors_;           // NumPy 1's; empty: its defaults
  uint64_t modes_ = 0;   // the plugin's; 0: those of the thread
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
  void enter_beside();
  void show_errors();
  void take_errors();
  void leave_aside();

  Surroundings *own_;
  PyObject *context_ = nullptr;  // that was entered
  // A context is for one thread at a time: of a call beside another, which is
  // in a copy, and what that was when it began.
  Ref copy_, before_;
  // NumPy 1's: where they are, and which version of that the call began with;
  // 0: it is not known.
  PyObject *thread_ = nullptr;
  uint64_t version_ = 0;
  Ref outer_errors_;
  PyObject *shown_errors_ = nullptr;
  uint64_t outer_modes_, shown_modes_;
};

}  // namespace pythonfilter
