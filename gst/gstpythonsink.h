/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_PYTHON_SINK (gst_python_sink_get_type())
G_DECLARE_FINAL_TYPE(GstPythonSink, gst_python_sink, GST, PYTHON_SINK,
                     GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE(pythonsink)

G_END_DECLS
