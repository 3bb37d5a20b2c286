// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What becomes of a call of the plugin that failed.
#include <utility>

#include "../elementtypes.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

void PythonElement::call_hangs(const std::string &phase,
                               const std::string &stack) {
  Failure failure = {Failure::Kind::Raised, phase};
  failure.message = phase +
                    "() hangs outside Python code, where it cannot be "
                    "interrupted; the element cannot stop before it returns";
  failure.traceback = stack;
  report_.post(GST_MESSAGE_WARNING, failure);
}

Outcome PythonElement::refuse(const std::string &problem) {
  return refuse(problem, element_for(kind_).method);
}

Outcome PythonElement::refuse(const std::string &problem, const char *phase) {
  assert(streaming.is_here());
  failure_ = {Failure::Kind::Refused, phase, "", problem};
  return Outcome::Failed;
}

void PythonElement::warn_about_escapes() {
  stats_.escapes.add();
  if (escape_warned_.exchange(true)) return;
  GST_ELEMENT_WARNING(
      element_, STREAM, FAILED,
      ("%s: the plugin keeps an array of a buffer after the call; it stays "
       "valid, but each one costs a copy. Keep buffer.data.copy() instead",
       name_.c_str()),
      ("told once; stats counts them as escapes"));
}

GstFlowReturn PythonElement::report(GstClockTime pts, OnError policy) {
  assert(streaming.is_here());
  if (failure_.kind == Failure::Kind::Closing) return GST_FLOW_FLUSHING;
  if (G_UNLIKELY(forgives_)) {
    forgive();
    return GST_FLOW_OK;
  }
  // Calls that are late are counted as missed-deadlines.
  if (failure_.kind != Failure::Kind::Late) stats_.errors.add();
  const GstFlowReturn flow =
      report_.add(std::move(failure_), pts, policy, fails_closed());
  failed_ = failed_ || flow == GST_FLOW_ERROR;
  return flow;
}

OnError PythonElement::lets_through(Outcome outcome) const {
  if (outcome == Outcome::Dropped) return OnError::Drop;
  const OnError policy = on_error();
  if (policy != OnError::Fail || failure_.kind != Failure::Kind::Late)
    return policy;
  return capabilities().fail_closed ? OnError::Drop : OnError::Silence;
}

}  // namespace pythonfilter
