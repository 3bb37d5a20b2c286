// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-pythonsink
 * @title: pythonsink
 * @short_description: hands audio to a sink written in Python with NumPy
 *
 * Calls a Python plugin's `write_audio(buffer)` for each buffer of raw audio.
 * `buffer.data` is a NumPy array of the shape (channels, frames) over the
 * buffer's own memory; a buffer that others share is copied first, unless the
 * plugin declares `read_only = True`.
 *
 * A plugin with `get_available_space()` gets at most that many frames at once,
 * and is waited for up to a second while it has none. `False` from
 * `write_audio` is asked again for the length of the buffer, and is then a
 * failure: #GstPythonSink:on-error says whether the stream goes on without it.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! \
 *   pythonsink script=plugins_py/wav_file_sink.py params="p,path=tone.wav"
 * ]| Four seconds of a sine tone in tone.wav, as 32-bit floats.
 *
 * Messages are those of #pythonfilter.
 */
#include "gstpythonsink.h"

#include "plugincaps.hpp"
#include "pluginpresets.hpp"
#include "pythonelementclass.hpp"
#include "sinkstream.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

using pythonfilter::PythonElement;
using pythonfilter::SinkStream;

struct _GstPythonSink {
  GstBaseSink parent;
  SinkStream *stream;     // C++ side; made in init, freed in finalize
  PythonElement *python;  // in stream
};

G_DEFINE_TYPE_WITH_CODE(
    GstPythonSink, gst_python_sink, GST_TYPE_BASE_SINK,
    G_IMPLEMENT_INTERFACE(
        GST_TYPE_CHILD_PROXY,
        pythonfilter::PythonElementClass<GstPythonSink>::init_child_proxy)
        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET,
                              pythonfilter::init_plugin_presets))
GST_ELEMENT_REGISTER_DEFINE(pythonsink, "pythonsink", GST_RANK_NONE,
                            GST_TYPE_PYTHON_SINK)

static void gst_python_sink_init(GstPythonSink *self) {
  auto *base = GST_BASE_SINK(self);
  self->stream = new SinkStream(base);
  self->python = &self->stream->python;
  // It would share every buffer, and so have each one copied.
  gst_base_sink_set_last_sample_enabled(base, FALSE);
}

static GstCaps *gst_python_sink_get_caps(GstBaseSink *base, GstCaps *filter) {
  PythonElement *python = GST_PYTHON_SINK(base)->python;
  GstCaps *caps = python->allowed_caps();
  if (!filter) return caps;
  GstCaps *both =
      gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
  if (gst_caps_is_empty(both) && !gst_caps_is_empty(filter))
    python->warn_about_caps(filter);
  gst_caps_unref(caps);
  return both;
}

static gboolean gst_python_sink_set_caps(GstBaseSink *base, GstCaps *caps) {
  GstAudioInfo info;
  return gst_audio_info_from_caps(&info, caps) &&
         GST_PYTHON_SINK(base)->stream->start(info);
}

static gboolean gst_python_sink_propose_allocation(GstBaseSink *base,
                                                   GstQuery *query) {
  return GST_PYTHON_SINK(base)->python->offer_memory(query);
}

static gboolean gst_python_sink_event(GstBaseSink *base, GstEvent *event) {
  auto *self = GST_PYTHON_SINK(base);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) self->stream->reset();
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) self->python->end_of_stream();
  return GST_BASE_SINK_CLASS(gst_python_sink_parent_class)->event(base, event);
}

static gboolean gst_python_sink_unlock(GstBaseSink *base) {
  GST_PYTHON_SINK(base)->stream->set_unlocked(true);
  return TRUE;
}

static gboolean gst_python_sink_unlock_stop(GstBaseSink *base) {
  GST_PYTHON_SINK(base)->stream->set_unlocked(false);
  return TRUE;
}

static GstFlowReturn gst_python_sink_render(GstBaseSink *base,
                                            GstBuffer *buffer) {
  auto *self = GST_PYTHON_SINK(base);
  if (!self->python->started()) return GST_FLOW_NOT_NEGOTIATED;
  return self->stream->write(buffer);
}

static void gst_python_sink_class_init(GstPythonSinkClass *klass) {
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *sink_class = GST_BASE_SINK_CLASS(klass);

  pythonfilter::PythonElementClass<GstPythonSink>::init(
      klass, gst_python_sink_parent_class);
  gst_element_class_set_static_metadata(
      element_class, "Python audio sink", "Sink/Audio",
      "Hands audio to a sink written in Python with NumPy, in the buffer's own "
      "memory",
      "The pythonfilter authors");
  pythonfilter::add_pad_template(element_class, "sink", GST_PAD_SINK);

  sink_class->get_caps = gst_python_sink_get_caps;
  sink_class->set_caps = gst_python_sink_set_caps;
  sink_class->propose_allocation = gst_python_sink_propose_allocation;
  sink_class->event = gst_python_sink_event;
  sink_class->unlock = gst_python_sink_unlock;
  sink_class->unlock_stop = gst_python_sink_unlock_stop;
  sink_class->render = gst_python_sink_render;
}
