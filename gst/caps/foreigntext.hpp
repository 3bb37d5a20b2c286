// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Text that a plugin or a peer wrote, for people: on the bus, in the log.
#pragma once

#include <cstddef>
#include <string>

namespace pythonfilter {

// Without what a terminal would obey (it clears the screen, or says that all is
// well), and no longer than somebody reads. Newlines and tabs stay.
std::string shown_text(const std::string &text, size_t most_bytes = 65536);

}  // namespace pythonfilter
