// SPDX-License-Identifier: LGPL-2.1-or-later
#include "loaded_call.hpp"

#include "gil.hpp"

namespace pythonfilter {

Ref call_method(PyObject *loaded, Surroundings *surroundings, CallSite *site,
                const char *method, const char *phase, Ref arguments,
                const char *outer) {
  assert(with_gil());
  RunningCall call(site, phase, ticks(), outer);
  Inside inside(surroundings);
  Ref bound = arguments ? steal(PyObject_GetAttrString(loaded, method)) : Ref{};
  Ref result =
      bound ? steal(PyObject_CallObject(bound.get(), arguments.get())) : Ref{};
  inside.leave();
  call.end();
  return result;
}

void describe_exception(CallSite *site, Failure *failure, const char *phase) {
  assert(with_gil());
  RunningCall call(site, phase, ticks(), outer_call(*site));
  capture_exception(failure, phase);
}

}  // namespace pythonfilter
