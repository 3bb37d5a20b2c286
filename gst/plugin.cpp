// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What GStreamer loads: registers the elements, nothing else.
#include "gstpythonfilter.h"
#include "gstpythonsink.h"
#include "gstpythonsrc.h"

static gboolean plugin_init(GstPlugin *plugin) {
  const gboolean filter = GST_ELEMENT_REGISTER(pythonfilter, plugin);
  const gboolean source = GST_ELEMENT_REGISTER(pythonsrc, plugin);
  const gboolean sink = GST_ELEMENT_REGISTER(pythonsink, plugin);
  return filter && source && sink;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, pythonfilter,
                  "Audio elements written in Python with NumPy", plugin_init,
                  PACKAGE_VERSION, "LGPL", "pythonfilter",
                  "https://gstreamer.freedesktop.org")
