// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginparams.hpp"

#include <charconv>

namespace pythonfilter {

namespace {

template <typename Number>
std::string shortest(Number number) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return std::string(text, end);
}

}  // namespace

std::string value_to_text(const GValue *value) {
  if (G_VALUE_HOLDS_STRING(value)) {
    const char *text = g_value_get_string(value);
    return text ? text : "";
  }
  if (G_VALUE_HOLDS_DOUBLE(value)) return shortest(g_value_get_double(value));
  if (G_VALUE_HOLDS_FLOAT(value)) return shortest(g_value_get_float(value));
  char *text = gst_value_serialize(value);
  std::string result = text ? text : "";
  g_free(text);
  return result;
}

void set_from_text(GstStructure *params, const char *key,
                   const std::string &text) {
  const GValue *now = gst_structure_get_value(params, key);
  if (now && value_to_text(now) == text) return;
  GValue value = G_VALUE_INIT;
  if (now && !G_VALUE_HOLDS_STRING(now)) {
    g_value_init(&value, G_VALUE_TYPE(now));
    if (gst_value_deserialize(&value, text.c_str())) {
      gst_structure_take_value(params, key, &value);
      return;
    }
    g_value_unset(&value);
  }
  gst_structure_set(params, key, G_TYPE_STRING, text.c_str(), nullptr);
}

}  // namespace pythonfilter
