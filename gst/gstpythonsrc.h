/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/base/gstbasesrc.h>

G_BEGIN_DECLS

#define GST_TYPE_PYTHON_SRC (gst_python_src_get_type())
G_DECLARE_FINAL_TYPE(GstPythonSrc, gst_python_src, GST, PYTHON_SRC, GstBaseSrc)

GST_ELEMENT_REGISTER_DECLARE(pythonsrc)

G_END_DECLS
