// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From a Python exception to a Failure. All of these need the GIL.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// Takes the current exception and leaves none behind.
void capture_exception(Failure *failure, const char *phase);

// Fills a failure that no exception was raised for.
void describe_failure(Failure *failure, Failure::Kind kind, const char *phase,
                      std::string message);

}  // namespace pythonfilter
