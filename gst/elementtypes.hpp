// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The elements, and what each of them hosts.
#pragma once

#include <gst/audio/gstaudioaggregator.h>
#include <gst/base/gstbasesink.h>
#include <gst/base/gstbasesrc.h>
#include <gst/base/gstbasetransform.h>

#include "../bridge/bridge.hpp"

#define GST_TYPE_PYTHON_FILTER (gst_python_filter_get_type())
G_DECLARE_FINAL_TYPE(GstPythonFilter, gst_python_filter, GST, PYTHON_FILTER,
                     GstBaseTransform)
#define GST_TYPE_PYTHON_SRC (gst_python_src_get_type())
G_DECLARE_FINAL_TYPE(GstPythonSrc, gst_python_src, GST, PYTHON_SRC, GstBaseSrc)
#define GST_TYPE_PYTHON_MIXER (gst_python_mixer_get_type())
G_DECLARE_FINAL_TYPE(GstPythonMixer, gst_python_mixer, GST, PYTHON_MIXER,
                     GstAudioAggregator)
#define GST_TYPE_PYTHON_DEMIXER (gst_python_demixer_get_type())
G_DECLARE_FINAL_TYPE(GstPythonDemixer, gst_python_demixer, GST, PYTHON_DEMIXER,
                     GstElement)
#define GST_TYPE_PYTHON_SINK (gst_python_sink_get_type())
G_DECLARE_FINAL_TYPE(GstPythonSink, gst_python_sink, GST, PYTHON_SINK,
                     GstBaseSink)

namespace pythonfilter {

struct ElementType {
  PluginKind kind;
  const char *name;
  GType (*type)();
  const char *method;  // the plugin's, for each buffer
};

constexpr ElementType element_types[] = {
    {PluginKind::Processor, "pythonfilter", gst_python_filter_get_type,
     "process_audio"},
    {PluginKind::Source, "pythonsrc", gst_python_src_get_type, "read_audio"},
    {PluginKind::Sink, "pythonsink", gst_python_sink_get_type, "write_audio"},
    {PluginKind::Mixer, "pythonmixer", gst_python_mixer_get_type, "mix_audio"},
    {PluginKind::Splitter, "pythondemixer", gst_python_demixer_get_type,
     "split_audio"}};

inline const ElementType &element_for(PluginKind kind) {
  for (const ElementType &each : element_types)
    if (each.kind == kind) return each;
  return element_types[0];
}

}  // namespace pythonfilter
