// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A sink pad of pythonmixer: an input.
#pragma once

#include <string>

#include <gst/audio/gstaudioaggregator.h>

#include "params/pluginparams.hpp"
#include "stream/mixerinput.hpp"

#define GST_TYPE_PYTHON_MIXER_PAD (gst_python_mixer_pad_get_type())
GType gst_python_mixer_pad_get_type();

struct GstPythonMixerPad {
  GstAudioAggregatorPad parent;
  // Both are made in init, and freed in finalize.
  pythonfilter::MixerInput *input;
  pythonfilter::PluginParams *params;  // its InputParams
  // Of the FLUSH_START and FLUSH_STOP that came last; under the element's
  // object lock.
  guint32 flush, flushed;
};

struct GstPythonMixerPadClass {
  GstAudioAggregatorPadClass parent_class;
};

inline GstPythonMixerPad *GST_PYTHON_MIXER_PAD(gpointer pad) {
  return static_cast<GstPythonMixerPad *>(pad);
}

namespace pythonfilter {

// A type of pad that has these as properties, for the element of one plugin.
GType mixer_pad_type(const std::string &name,
                     const std::vector<ParameterSpec> &parameters);

// All that an input's InputParams are; these are those that there are.
GstStructure *input_params(GstPythonMixerPad *pad,
                           const std::vector<ParameterSpec> &specs);

}  // namespace pythonfilter
