// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text.hpp"

#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <locale.h>

namespace pythonfilter {

namespace {

// The length of the UTF-8 character at `at`; 0: it is none, or NUL.
size_t character_length(const std::string &text, size_t at) {
  const auto byte = [&](size_t i) {
    return at + i < text.size() ? uint8_t(text[at + i]) : uint8_t(0);
  };
  const uint8_t first = byte(0);
  if (first > 0 && first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  for (size_t i = 1; i < length; i++)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong, a surrogate, or beyond the last one.
  const uint8_t second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

template <typename Number>
std::string written(Number number) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return std::string(text, end);
}

}  // namespace

bool parse_flag(const std::string &text, bool *flag) {
  *flag = text == "1";
  return text == "0" || text == "1";
}

bool parse_number(const std::string &text, int64_t *number) {
  char *end;
  errno = 0;
  const long long parsed = strtoll(text.c_str(), &end, 10);
  *number = parsed;
  return !text.empty() && end == text.c_str() + text.size() && errno == 0;
}

bool parse_number(const std::string &text, int *number) {
  int64_t wide;
  if (!parse_number(text, &wide) || wide < std::numeric_limits<int>::min() ||
      wide > std::numeric_limits<int>::max())
    return false;
  *number = int(wide);
  return true;
}

bool parse_number(const std::string &text, double *number) {
  // Not strtod(), which reads as the locale says.
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  char *end;
  *number = strtod_l(text.c_str(), &end, c_locale);
  return !text.empty() && end == text.c_str() + text.size();
}

std::string shortest(double number) {
  return written(number);
}

std::string shortest(float number) {
  return written(number);
}

std::string shortest(int64_t number) {
  return written(number);
}

void wipe(std::string *text) {
  text->resize(text->capacity());
  explicit_bzero(text->data(), text->size());
  text->clear();
}

std::string valid_text(std::string text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = character_length(text, at);
    if (length == 0) text[at] = '?';
    at += length ? length : 1;
  }
  return text;
}

bool is_made_of(const std::string &text, const std::string &also) {
  for (const char c : text)
    if (!isalnum(uint8_t(c)) && also.find(c) == std::string::npos) return false;
  return !text.empty() && !isdigit(uint8_t(text[0]));
}

}  // namespace pythonfilter
