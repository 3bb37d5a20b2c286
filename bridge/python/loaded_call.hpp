// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A call of a method of LoadedPlugin (pythonfilter/host/plugin.py), which is
// one of the plugin's. With the GIL.
#pragma once

#include "errors.hpp"
#include "python.hpp"
#include "running_call.hpp"
#include "surroundings.hpp"

namespace pythonfilter {

// `arguments` is a tuple, or NULL with an exception set. `outer` is the phase
// of the call that this one is made in. NULL: an exception is set.
Ref call_method(PyObject *loaded, Surroundings *surroundings, CallSite *site,
                const char *method, const char *phase, Ref arguments,
                const char *outer = nullptr);

// The exception that a call at `site` has left. Its __str__ and whatever else
// is looked at are the plugin's code as well, so this is a call of its own,
// which a stop of the element ends.
void describe_exception(CallSite *site, Failure *failure, const char *phase);

// Calls never overlap at one site, but a plugin may flush its own stream: the
// phase that this thread is in there, or NULL.
inline const char *outer_call(const CallSite &site) {
  return is_in_call(site) ? site.phase.load() : nullptr;
}

}  // namespace pythonfilter
