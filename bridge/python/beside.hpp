// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A thread that calls methods of a plugin beside its stream, which does not
// wait for them: those that are to be called now and then, and, where the audio
// method is a C function, all that is called while it plays.
#pragma once

#include "../changes.hpp"
#include "../thread.hpp"
#include "python.hpp"
#include "running_call.hpp"
#include "surroundings.hpp"

namespace pythonfilter {

class Beside {
 public:
  ~Beside() { stop(); }

  // Of a plugin that was just started; `stream` is where its other calls are,
  // and `loaded` says what is to be called. With the GIL. False: an exception
  // is set. `native`: the audio method is a C function.
  bool start(PyObject *loaded, Surroundings *surroundings,
             const std::shared_ptr<CallSite> &stream, bool native);
  // Returns when nothing is called any more, without the GIL. A call that runs
  // is interrupted, and one that hangs is left alone: it is told of, and then
  // what it was given has to live on.
  void stop();
  bool left_alone() const { return left_alone_; }
  // Whether this thread is in such a call.
  bool is_here() const;

  // The rest is the streaming thread's, where the method is a C function.

  // Has set_parameter() called: `soon`, or before any other method is. What it
  // refuses is a warning, as nobody waits for the answer.
  void tell(Change change, bool soon);
  // What still waits for that, for whoever is about to call another method.
  Changes take_untold();
  // What plugins made of their parameters meanwhile, as set_parameter() takes
  // it.
  bool has_changes() const;
  Changes take_changes();

  // What such a method said last, as long as there is a thread that asks it
  // again; false: it has to be asked here first, and that be told.
  bool last(const Question &question, Answer *answer);
  void set(const Question &question, const Answer &answer);

 private:
  struct Calls;

  std::shared_ptr<Calls> calls_;  // NULL: there is no thread
  Changes untold_;                // of one that has ended
  Thread thread_;
  bool left_alone_ = false;
};

}  // namespace pythonfilter
