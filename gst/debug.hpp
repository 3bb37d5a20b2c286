// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The debug category that the elements log to.
#pragma once

#include <gst/gst.h>

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug
