// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What GLib and GStreamer give to keep, and how it is given back.
#pragma once

#include <memory>

#include <gst/gst.h>

namespace desk {

struct Release {
  void operator()(gpointer object) const { gst_object_unref(object); }
  void operator()(GstCaps *caps) const { gst_caps_unref(caps); }
  void operator()(GstMessage *message) const { gst_message_unref(message); }
  void operator()(GstStructure *fields) const { gst_structure_free(fields); }
  void operator()(GstQuery *query) const { gst_query_unref(query); }
  void operator()(GError *error) const { g_error_free(error); }
  void operator()(gchar *text) const { g_free(text); }
  void operator()(gchar **texts) const { g_strfreev(texts); }
  void operator()(GParamSpec **specs) const { g_free(specs); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

}  // namespace desk
