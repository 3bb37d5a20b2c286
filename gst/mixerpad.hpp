// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A sink pad of pythonmixer: an input.
#pragma once

#include <string>

#include <gst/audio/gstaudioaggregator.h>

#include "stream/mixerinput.hpp"

#define GST_TYPE_PYTHON_MIXER_PAD (gst_python_mixer_pad_get_type())
GType gst_python_mixer_pad_get_type();

struct GstPythonMixerPad {
  GstAudioAggregatorPad parent;
  pythonfilter::MixerInput *input;  // made in init, freed in finalize
  // Of the FLUSH_START that came last; under the element's object lock.
  guint32 flush;
};

struct GstPythonMixerPadClass {
  GstAudioAggregatorPadClass parent_class;
};

inline GstPythonMixerPad *GST_PYTHON_MIXER_PAD(gpointer pad) {
  return static_cast<GstPythonMixerPad *>(pad);
}

namespace pythonfilter {

constexpr char input_prefix[] = "sink_";

// What the plugin calls the input: "music" of sink_music.
inline std::string input_name(gpointer pad) {
  return GST_OBJECT_NAME(pad) + sizeof input_prefix - 1;
}

}  // namespace pythonfilter
