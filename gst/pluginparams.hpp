// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The `params` property: a GstStructure outside, strings for the plugin.
#pragma once

#include <string>

#include <gst/gst.h>

namespace pythonfilter {

// As set_parameter() gets it: 0.5, 7, true, warm. Numbers in their shortest
// form that reads back equal.
std::string value_to_text(const GValue *value);

// Puts what the plugin says a parameter is now into its field, keeping the
// field's type where the text can be read as it.
void set_from_text(GstStructure *params, const char *key,
                   const std::string &text);

}  // namespace pythonfilter
