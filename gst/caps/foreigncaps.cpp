// SPDX-License-Identifier: LGPL-2.1-or-later
#include "foreigncaps.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pythonfilter {

namespace {

// The headers of an Ogg stream, in its caps as hexadecimal digits, take tens of
// thousands; nothing real comes near the others.
constexpr size_t most_bytes = 256 * 1024;
constexpr int most_structures = 64;
constexpr int most_values = 4096;  // fields, and what is in lists, of all
constexpr int most_nested = 6;     // lists within lists

// Each between two spaces.
constexpr char types[] =
    " string str s int i gint uint u guint int64 gint64 uint64 guint64 double "
    "d "
    "gdouble float f gfloat boolean bool b gboolean fraction buffer bitmask "
    "GstFraction GstBuffer GstBitMask GstFlagSet GstVideoMultiviewFlagsSet ";

// Goes through the text once, as far as it has to be understood to count what
// is in it. What is no caps at all is left to GStreamer to refuse.
class Counting {
 public:
  Counting(const std::string &text, ForeignNames *names)
      : text_(text), names_(names) {}

  // NULL: nothing is too much.
  const char *find_problem() {
    if (text_.size() > most_bytes) return "are longer than any caps";
    if (text_.find('\0') != std::string::npos) return "have a NUL in them";
    if (!g_utf8_validate(text_.data(), gssize(text_.size()), nullptr))
      return "are no UTF-8";
    check_name(0);
    for (at_ = 0; at_ < text_.size() && !problem_; at_++)
      look_at(text_[at_]);
    return problem_;
  }

 private:
  void look_at(char c) {
    switch (c) {
      case '\\':
        at_++;
        break;
      case '"':
        skip_string();
        break;
      case ';':
        if (depth_ == 0) check_name(at_ + 1);
        if (++structures_ > most_structures)
          problem_ = "have more structures than any caps";
        break;
      case ',':
        in_name_ = false;
        if (depth_ == 0) check_field();
        if (++values_ > most_values)
          problem_ = "have more values than any caps";
        break;
      case '[':
        check_range();
        break;
      case '{':
      case '<':
        if (++depth_ > most_nested) problem_ = "are nested too deep";
        break;
      case '}':
      case '>':
        depth_ = std::max(depth_ - 1, 0);
        break;
      case '(':
        // Behind the name of a structure are features, elsewhere types.
        if (in_name_)
          skip_features();
        else
          check_type();
        break;
      default:
        break;
    }
  }

  // Checks the name of the structure that begins there; GStreamer has a
  // critical for any other.
  void check_name(size_t begin) {
    in_name_ = true;
    const size_t end =
        std::min(text_.find_first_of("(,;", begin), text_.size());
    const std::string name = trimmed(begin, end);
    const auto fits = [](char c) {
      return g_ascii_isalnum(c) || strchr("/-_.:+", c);
    };
    if (!name.empty() && (!g_ascii_isalpha(name[0]) ||
                          !std::all_of(name.begin(), name.end(), fits)))
      problem_ = "have a name that no caps have";
    else
      allow(name);
  }

  void check_field() {
    const size_t end =
        std::min(text_.find_first_of("=,;(", at_ + 1), text_.size());
    allow(trimmed(at_ + 1, end));
  }

  void allow(const std::string &name) {
    if (!name.empty() && !names_->allow(name))
      problem_ = "have a name that is too long, or one too many that is new";
  }

  void skip_string() {
    for (at_++; at_ < text_.size() && text_[at_] != '"'; at_++)
      if (text_[at_] == '\\') at_++;
  }

  // "memory:SystemMemory, meta:X"; GStreamer warns in the log of what is none.
  void skip_features() {
    const size_t end = std::min(text_.find(')', at_), text_.size());
    size_t begin = at_ + 1;
    at_ = end;
    while (begin < end && !problem_) {
      const size_t comma = std::min(text_.find(',', begin), end);
      const std::string feature = trimmed(begin, comma);
      if (is_feature(feature))
        allow(feature);
      else
        problem_ = "have features that are none";
      if (++values_ > most_values) problem_ = "have more values than any caps";
      // Behind a comma there is another one.
      begin = comma + 1;
      if (begin == end) problem_ = "have features that are none";
    }
  }

  std::string trimmed(size_t begin, size_t end) const {
    while (begin < end && text_[begin] == ' ')
      begin++;
    while (begin < end && text_[end - 1] == ' ')
      end--;
    return text_.substr(begin, end - begin);
  }

  static bool is_feature(const std::string &name) {
    const size_t colon = name.find(':');
    const auto is = [&](size_t begin, size_t end, auto fits) {
      return begin < end && std::all_of(name.begin() + ptrdiff_t(begin),
                                        name.begin() + ptrdiff_t(end), fits);
    };
    return name == "ANY" ||
           (colon != std::string::npos &&
            is(0, colon, [](char c) { return bool(g_ascii_isalpha(c)); }) &&
            g_ascii_isalpha(name[colon + 1]) &&
            is(colon + 1, name.size(),
               [](char c) { return bool(g_ascii_isalnum(c)); }));
  }

  void check_type() {
    const size_t end = text_.find(')', at_);
    if (end == std::string::npos) return;
    const std::string type = trimmed(at_ + 1, end);
    at_ = end;
    if (type.find(' ') != std::string::npos ||
        !strstr(types, (" " + type + " ").c_str()))
      problem_ = "have a value of a type that no caps need";
    else if (type == "buffer" || type == "GstBuffer")
      check_digits();
  }

  // What is no number of bytes is a critical of GStreamer's, and so is a range
  // that ends before it begins.
  void check_digits() {
    size_t begin = text_.find_first_not_of(" ", at_ + 1);
    if (begin == std::string::npos) begin = text_.size();
    const bool list = begin < text_.size() && strchr("<{", text_[begin]);
    const size_t end = std::min(
        text_.find_first_of(list ? ">}" : ",;}>", begin), text_.size());
    if (list) begin++;
    while (begin <= end && !problem_) {
      const size_t comma = std::min(text_.find(',', begin), end);
      const std::string digits = trimmed(begin, comma);
      if (digits.empty() || digits.size() % 2 != 0 ||
          !std::all_of(digits.begin(), digits.end(),
                       [](char c) { return bool(g_ascii_isxdigit(c)); }))
        problem_ = "have bytes that are none";
      begin = comma + 1;
    }
  }

  void check_range() {
    const size_t end = text_.find(']', at_);
    std::string inside =
        end == std::string::npos ? "" : text_.substr(at_ + 1, end - at_ - 1);
    int values = 0;
    double last = 0;
    for (size_t begin = 0; begin <= inside.size() && !problem_; values++) {
      const size_t comma = std::min(inside.find(',', begin), inside.size());
      double value = 0;
      if (!read_number(inside.substr(begin, comma - begin), &value) ||
          (values > 0 && value <= last) || values > 1)
        problem_ = "have a range that is none";
      last = value;
      begin = comma + 1;
    }
    values_ += values;
    if (values != 2) problem_ = "have a range that is none";
    if (end != std::string::npos) at_ = end;
  }

  // With or without its type; also of a fraction.
  static bool read_number(std::string text, double *value) {
    const size_t close = text.find(')');
    if (close != std::string::npos) text.erase(0, close + 1);
    const size_t slash = text.find('/');
    double below = 1;
    if (slash != std::string::npos) {
      if (!read_plain(text.substr(slash + 1), &below) || below <= 0)
        return false;
      text.erase(slash);
    }
    if (!read_plain(text, value)) return false;
    *value /= below;
    return true;
  }

  static bool read_plain(std::string text, double *value) {
    g_strstrip(text.data());
    text.resize(strlen(text.c_str()));
    char *end;
    *value = g_ascii_strtod(text.c_str(), &end);
    return !text.empty() && *end == 0 && std::abs(*value) <= G_MAXINT;
  }

  const std::string &text_;
  ForeignNames *const names_;
  size_t at_ = 0;
  int structures_ = 1, values_ = 0, depth_ = 0;
  bool in_name_ = true;
  const char *problem_ = nullptr;
};

}  // namespace

GstCaps *caps_from_foreign(const std::string &text, ForeignNames *names,
                           std::string *problem) {
  if (const char *found = Counting(text, names).find_problem()) {
    *problem = found;
    return nullptr;
  }
  GstCaps *caps = gst_caps_from_string(text.c_str());
  if (!caps) *problem = "GStreamer cannot read as caps";
  return caps;
}

}  // namespace pythonfilter
