// SPDX-License-Identifier: LGPL-2.1-or-later
//
// GstPreset for elements whose properties mean what their plugin says.
#pragma once

#include <gst/gst.h>

namespace pythonfilter {

// For G_IMPLEMENT_INTERFACE with GST_TYPE_PRESET. An element that is made for
// one plugin has presets of its own, as any element; those of the others are
// kept apart by their plugin, which a preset does not change.
void init_plugin_presets(gpointer interface, gpointer);

}  // namespace pythonfilter
