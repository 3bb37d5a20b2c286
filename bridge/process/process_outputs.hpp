// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a converting plugin gave, in memory of this process alone.
#pragma once

#include "../bridge.hpp"

namespace pythonfilter {

// Nothing is added for no bytes. False: there is no memory.
bool add_output_copy(const void *bytes, size_t size,
                     std::vector<Output> *outputs);

}  // namespace pythonfilter
