// SPDX-License-Identifier: LGPL-2.1-or-later
#include "demixerpad.hpp"

G_DEFINE_TYPE(GstPythonDemixerPad, gst_python_demixer_pad, GST_TYPE_PAD)

static void gst_python_demixer_pad_init(GstPythonDemixerPad *self) {
  self->output = new pythonfilter::DemixerOutput(GST_PAD(self));
}

static void gst_python_demixer_pad_finalize(GObject *object) {
  delete GST_PYTHON_DEMIXER_PAD(object)->output;
  G_OBJECT_CLASS(gst_python_demixer_pad_parent_class)->finalize(object);
}

static void gst_python_demixer_pad_class_init(GstPythonDemixerPadClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = gst_python_demixer_pad_finalize;
}
