// SPDX-License-Identifier: LGPL-2.1-or-later
#include "foreigntext.hpp"

#include <cstdint>
#include <cstdio>

namespace pythonfilter {

namespace {

// The length of the control character at `at`; 0: it is none, or may stay.
size_t control_length(const std::string &text, size_t at) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? uint8_t(text[i]) : uint8_t(0);
  };
  const uint8_t c = byte(at);
  if (c == '\n' || c == '\t') return 0;
  if (c < 0x20 || c == 0x7f) return 1;
  // Control characters above ASCII, as UTF-8; some terminals obey them, too.
  return c == 0xc2 && byte(at + 1) >= 0x80 && byte(at + 1) < 0xa0 ? 2 : 0;
}

}  // namespace

std::string shown_text(const std::string &text, size_t most_bytes) {
  size_t end = text.size();
  if (end > most_bytes) {
    end = most_bytes;
    // Not in the middle of a character.
    while (end > 0 && (uint8_t(text[end]) & 0xc0) == 0x80)
      end--;
  }
  std::string shown;
  shown.reserve(end);
  for (size_t at = 0; at < end;) {
    const size_t control = control_length(text, at);
    if (control == 0) {
      shown += text[at++];
      continue;
    }
    char escaped[8];
    snprintf(escaped, sizeof escaped, "\\x%02x",
             unsigned(uint8_t(text[at + control - 1])));
    shown += escaped;
    at += control;
  }
  if (end < text.size())
    shown += "… (" + std::to_string(text.size() - end) + " bytes more)";
  return shown;
}

}  // namespace pythonfilter
