// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Text that somebody else wrote, taken apart or refused.
#pragma once

#include <cstdint>
#include <string>

namespace pythonfilter {

// "1" or "0".
bool parse_flag(const std::string &text, bool *flag);

// A number in decimal, all of the text.
bool parse_number(const std::string &text, int64_t *number);
bool parse_number(const std::string &text, int *number);
bool parse_number(const std::string &text, double *number);

// A number in its shortest form that reads back equal, in any locale.
std::string shortest(double number);
std::string shortest(float number);
std::string shortest(int64_t number);

// Empties a text that may be a secret, with all that its memory ever held.
void wipe(std::string *text);

// With '?' for what is no UTF-8, and for NUL.
std::string valid_text(std::string text);

// What GStreamer takes for the name of a structure, of a field, of a property:
// letters and digits, no digit first, and what there may be `also`. Others
// would be criticals.
bool is_made_of(const std::string &text, const std::string &also);

}  // namespace pythonfilter
