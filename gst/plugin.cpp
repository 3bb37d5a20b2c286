// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What GStreamer loads: registers the elements, nothing else.
#include "gstpythonfilter.h"
#include "gstpythonsink.h"
#include "gstpythonsrc.h"
#include "scan/dynamicelements.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);

static gboolean plugin_init(GstPlugin *plugin) {
  GST_DEBUG_CATEGORY_INIT(gst_python_filter_debug, "pythonfilter", 0,
                          "elements whose plugins are written in Python");
  pythonfilter::find_dynamic_elements(plugin);
  const gboolean filter = GST_ELEMENT_REGISTER(pythonfilter, plugin);
  const gboolean source = GST_ELEMENT_REGISTER(pythonsrc, plugin);
  const gboolean sink = GST_ELEMENT_REGISTER(pythonsink, plugin);
  return filter && source && sink &&
         pythonfilter::register_dynamic_elements(plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, pythonfilter,
                  "Audio elements written in Python with NumPy", plugin_init,
                  PACKAGE_VERSION, "LGPL", "pythonfilter", PACKAGE_ORIGIN)
