// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which process this is. A fork has a copy of all memory, and neither the
// threads nor the workers that are in it.
#pragma once

#include <cstdint>

namespace pythonfilter {

// Another one in a fork than in those that it comes from.
uint64_t process_number();

}  // namespace pythonfilter
