// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What GStreamer loads: registers the elements, nothing else.
#include "gstpythonfilter.h"

static gboolean plugin_init(GstPlugin *plugin) {
  return GST_ELEMENT_REGISTER(pythonfilter, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, pythonfilter,
                  "Audio elements written in Python with NumPy", plugin_init,
                  PACKAGE_VERSION, "LGPL", "pythonfilter",
                  "https://gstreamer.freedesktop.org")
