/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_PYTHON_FILTER (gst_python_filter_get_type())
G_DECLARE_FINAL_TYPE(GstPythonFilter, gst_python_filter, GST, PYTHON_FILTER,
                     GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(pythonfilter)

G_END_DECLS
