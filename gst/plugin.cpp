// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What GStreamer loads: registers the elements, nothing else.
#include "debug.hpp"
#include "elementtypes.hpp"
#include "scan/dynamicelements.hpp"

static gboolean plugin_init(GstPlugin *plugin) {
  GST_DEBUG_CATEGORY_INIT(gst_python_filter_debug, "pythonfilter", 0,
                          "elements whose plugins are written in Python");
  pythonfilter::find_dynamic_elements(plugin);
  for (const auto &each : pythonfilter::element_types)
    if (!gst_element_register(plugin, each.name, GST_RANK_NONE, each.type()))
      return FALSE;
  return pythonfilter::register_dynamic_elements(plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, pythonfilter,
                  "Audio elements written in Python with NumPy", plugin_init,
                  PACKAGE_VERSION, "LGPL", "pythonfilter", PACKAGE_ORIGIN)
