// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A source pad of pythondemixer: an output.
#pragma once

#include "stream/demixeroutput.hpp"

#define GST_TYPE_PYTHON_DEMIXER_PAD (gst_python_demixer_pad_get_type())
GType gst_python_demixer_pad_get_type();

struct GstPythonDemixerPad {
  GstPad parent;
  pythonfilter::DemixerOutput *output;  // made in init, freed in finalize
};

struct GstPythonDemixerPadClass {
  GstPadClass parent_class;
};

inline GstPythonDemixerPad *GST_PYTHON_DEMIXER_PAD(gpointer pad) {
  return static_cast<GstPythonDemixerPad *>(pad);
}
