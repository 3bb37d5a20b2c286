// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A sink pad of pythonmixer: an input.
#pragma once

#include <string>

#include <gst/audio/gstaudioaggregator.h>

#include "params/curves.hpp"
#include "params/pluginparams.hpp"
#include "stream/mixerinput.hpp"

#define GST_TYPE_PYTHON_MIXER_PAD (gst_python_mixer_pad_get_type())
GType gst_python_mixer_pad_get_type();

struct GstPythonMixerPad {
  GstAudioAggregatorPad parent;
  // All are made in init, and freed in finalize.
  pythonfilter::MixerInput *input;
  pythonfilter::PluginParams *params;  // its InputParams
  pythonfilter::Curves *curves;        // of these
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

// What the curves of an input's InputParams are where nobody moves them. The
// rest is the streaming thread's.
void refresh_curves(GstPythonMixerPad *pad,
                    const std::vector<ParameterSpec> &specs);
// From that running time on; NULL: it has none.
const std::vector<Curve> *curves_of(GstPythonMixerPad *pad, int rate,
                                    GstClockTime begin, size_t frames);
// Whether a GstController may move any, and has them be what they are at that
// running time, by the stream time of the input.
bool is_controlled(GstPythonMixerPad *pad);
void sync_values(GstPythonMixerPad *pad, GstClockTime begin);

// All that an input's InputParams are; these are those that there are.
GstStructure *input_params(GstPythonMixerPad *pad,
                           const std::vector<ParameterSpec> &specs);

}  // namespace pythonfilter
