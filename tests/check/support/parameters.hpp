// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The child object that has a plugin's Params as its properties.
#pragma once

#include <memory>

#include "harness.hpp"

namespace check {

struct Unref {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
using Child = std::unique_ptr<GObject, Unref>;

// NULL: there is none.
inline Child child_of(GstElement *element) {
  return Child(
      gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(element), "plugin"));
}

inline double number_of(GObject *child, const char *name) {
  double number;
  g_object_get(child, name, &number, nullptr);
  return number;
}

// As gst-launch-1.0 would write it.
inline std::string text_of(GObject *object, const char *name) {
  GValue value = G_VALUE_INIT;
  g_object_get_property(object, name, &value);
  char *text = G_VALUE_HOLDS_STRING(&value) ? g_value_dup_string(&value)
                                            : gst_value_serialize(&value);
  std::string result = text ? text : "";
  g_free(text);
  g_value_unset(&value);
  return result;
}

}  // namespace check
