// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An element for each plugin in the folders of pluginscan.hpp: py-simple-gain
// is the pythonfilter whose script is simple_gain.py, with the plugin's own
// description, caps and properties.
#pragma once

#include <gst/gst.h>

namespace pythonfilter {

// First thing when the plugin is loaded: from what the registry remembers, or
// by a scan, which it will then remember.
void find_dynamic_elements(GstPlugin *plugin);

bool register_dynamic_elements(GstPlugin *plugin);

// Says in an element's metadata which plugins no element could be made of.
void add_broken_plugins(GstElementClass *element_class);

}  // namespace pythonfilter
