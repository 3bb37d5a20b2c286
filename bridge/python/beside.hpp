// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A thread that calls methods of a plugin beside its stream, which does not
// wait for them: those that are to be called now and then.
#pragma once

#include "../thread.hpp"
#include "python.hpp"
#include "running_call.hpp"
#include "surroundings.hpp"

namespace pythonfilter {

class Beside {
 public:
  ~Beside() { stop(); }

  // Of a plugin that was just started; `stream` is where its other calls are,
  // and `host` says what is to be called. With the GIL. False: an exception is
  // set.
  bool start(PyObject *host, Surroundings *surroundings,
             const std::shared_ptr<CallSite> &stream);
  // Returns when nothing is called any more, without the GIL. A call that runs
  // is interrupted, and one that hangs is left alone: it is told of, and then
  // what it was given has to live on.
  void stop();
  bool left_alone() const { return left_alone_; }
  // Whether this thread is in such a call.
  bool is_here() const;

 private:
  struct Calls;
  std::shared_ptr<Calls> calls_;  // NULL: there is no thread
  Thread thread_;
  bool left_alone_ = false;
};

}  // namespace pythonfilter
