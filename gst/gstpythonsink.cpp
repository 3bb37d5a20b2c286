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
 * A plugin that declares `input_caps` gets anything that has such caps, and as
 * bytes what is no raw audio in one of the four formats.
 *
 * A plugin gets only what lies in the segment. `drain()` is called at EOS,
 * which is told when it returned, and a plugin that raises
 * `base_plugin.EndOfStream` ends the stream. `get_processing_latency()` becomes
 * #GstBaseSink:render-delay, and #GstBaseSink:enable-last-sample is on unless
 * that costs a copy of each buffer, or somebody sets it: the plugin is
 * `read_only`. #GstPythonSink:stats has those of any sink as well; what came
 * too late is among `dropped`.
 *
 * With #GstPythonSink:provide-clock it offers the pipeline a clock that goes as
 * fast as the plugin's device plays, so that pictures keep step with the sound.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! \
 *   pythonsink script=plugins_py/wav_file_sink.py params="p,path=tone.wav"
 * ]| Four seconds of a sine tone in tone.wav, as 32-bit floats.
 *
 * Messages are those of #pythonfilter.
 */
#include "caps/plugincaps.hpp"
#include "element/pythonelementclass.hpp"
#include "elementtypes.hpp"
#include "stream/sealedevents.hpp"
#include "stream/sinkstream.hpp"

using pythonfilter::PythonElement;
using pythonfilter::PythonElementClass;
using pythonfilter::SinkStream;
using pythonfilter::StreamingThread;

struct _GstPythonSink {
  GstBaseSink parent;
  SinkStream *stream;        // C++ side; made in init, freed in finalize
  PythonElement *python;     // in stream
  gboolean last_sample_set;  // by the application, with the property
  gboolean keeps_no_sample;  // it is off for the plugin's sake
};

G_DEFINE_TYPE_WITH_CODE(GstPythonSink, gst_python_sink, GST_TYPE_BASE_SINK,
                        pythonfilter::add_interfaces(g_define_type_id))

// The base class takes an EOS event only where it holds no lock of its own.
static GstFlowReturn gst_python_sink_end(GstPad *pad, GstObject *parent,
                                         GstFlowReturn flow) {
  auto *self = GST_PYTHON_SINK(parent);
  if (G_UNLIKELY(flow == GST_FLOW_EOS) && self->stream->take_end())
    self->python->end(pad);
  return flow;
}

static GstPadChainFunction base_chain;
static GstPadChainListFunction base_chain_list;

static GstFlowReturn gst_python_sink_chain(GstPad *pad, GstObject *parent,
                                           GstBuffer *buffer) {
  const StreamingThread::Call call(&GST_PYTHON_SINK(parent)->python->streaming);
  return gst_python_sink_end(pad, parent, base_chain(pad, parent, buffer));
}

static GstFlowReturn gst_python_sink_chain_list(GstPad *pad, GstObject *parent,
                                                GstBufferList *list) {
  const StreamingThread::Call call(&GST_PYTHON_SINK(parent)->python->streaming);
  return gst_python_sink_end(pad, parent, base_chain_list(pad, parent, list));
}

static void gst_python_sink_init(GstPythonSink *self) {
  auto *base = GST_BASE_SINK(self);
  self->stream = new SinkStream(base);
  self->python = &self->stream->python;
  GstPad *pad = GST_BASE_SINK_PAD(base);
  base_chain = GST_PAD_CHAINFUNC(pad);
  base_chain_list = GST_PAD_CHAINLISTFUNC(pad);
  gst_pad_set_chain_function(pad, gst_python_sink_chain);
  gst_pad_set_chain_list_function(pad, gst_python_sink_chain_list);
}

static void gst_python_sink_notify(GObject *object, GParamSpec *spec) {
  if (g_str_equal(spec->name, "enable-last-sample"))
    GST_PYTHON_SINK(object)->last_sample_set = TRUE;
}

// To keep the last sample is to share every buffer, and so to have each one
// copied for a plugin that writes to them: only for who asks for it. It is
// never turned on but where it was turned off here: of the function that does
// the same as the property nobody is told.
static void gst_python_sink_choose_last_sample(GstPythonSink *self,
                                               gboolean keep) {
  if (self->last_sample_set || keep != self->keeps_no_sample ||
      keep == gst_base_sink_is_last_sample_enabled(GST_BASE_SINK(self)))
    return;
  self->keeps_no_sample = !keep;
  gst_base_sink_set_last_sample_enabled(GST_BASE_SINK(self), keep);
}

static GstStateChangeReturn gst_python_sink_change_state(
    GstElement *element, GstStateChange transition) {
  auto *self = GST_PYTHON_SINK(element);
  const GstStateChangeReturn result =
      PythonElementClass<GstPythonSink>::change_state(element, transition);
  if (transition == GST_STATE_CHANGE_NULL_TO_READY &&
      result != GST_STATE_CHANGE_FAILURE &&
      !self->python->capabilities().read_only)
    gst_python_sink_choose_last_sample(self, FALSE);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    gst_python_sink_choose_last_sample(self, TRUE);
  // The device stands still meanwhile.
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    self->stream->clock.restart();
  return result;
}

// The base class posts one itself when it is prerolled, and so for a device of
// which the latency is known by then.
static gboolean gst_python_sink_post_message(GstElement *element,
                                             GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY &&
      GST_PYTHON_SINK(element)->python->latency_is_told_later()) {
    gst_message_unref(message);
    return TRUE;
  }
  return GST_ELEMENT_CLASS(gst_python_sink_parent_class)
      ->post_message(element, message);
}

static GstClock *gst_python_sink_provide_clock(GstElement *element) {
  auto *self = GST_PYTHON_SINK(element);
  return self->stream->offers_clock() &&
                 self->python->has(&pythonfilter::Capabilities::has_space)
             ? self->stream->clock.ref()
             : nullptr;
}

static GstCaps *gst_python_sink_get_caps(GstBaseSink *base, GstCaps *filter) {
  PythonElement *python = GST_PYTHON_SINK(base)->python;
  // Before READY nobody knows the plugin.
  return pythonfilter::filtered(
      python->loaded() ? python->caps.allowed()
                       : gst_pad_get_pad_template_caps(GST_BASE_SINK_PAD(base)),
      filter);
}

static gboolean gst_python_sink_query(GstBaseSink *base, GstQuery *query) {
  const gboolean answered =
      GST_BASE_SINK_CLASS(gst_python_sink_parent_class)->query(base, query);
  if (answered)
    GST_PYTHON_SINK(base)->python->refusal.look_at_query(
        GST_BASE_SINK_PAD(base), nullptr, query);
  return answered;
}

static gboolean gst_python_sink_set_caps(GstBaseSink *base, GstCaps *caps) {
  return GST_PYTHON_SINK(base)->stream->start(caps);
}

static gboolean gst_python_sink_propose_allocation(GstBaseSink *base,
                                                   GstQuery *query) {
  return GST_PYTHON_SINK(base)->python->offer_memory(query);
}

static gboolean gst_python_sink_event(GstBaseSink *base, GstEvent *event) {
  // A FLUSH_STOP may have waited until the stream was over.
  const bool late = GST_EVENT_IS_SERIALIZED(event) &&
                    !gst_pad_is_active(GST_BASE_SINK_PAD(base));
  if (late || !pythonfilter::is_whole(event)) {
    gst_event_unref(event);
    return FALSE;
  }
  auto *base_class = GST_BASE_SINK_CLASS(gst_python_sink_parent_class);
  // Beside the stream, on any thread: FLUSH_START.
  if (!GST_EVENT_IS_SERIALIZED(event)) return base_class->event(base, event);
  auto *self = GST_PYTHON_SINK(base);
  const StreamingThread::Call call(&self->python->streaming);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) self->stream->reset();
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT)
    self->python->refusal.look_at_segment(GST_BASE_SINK_PAD(base));
  return base_class->event(base, event);
}

// As GstAudioBaseSink: the stream is at its end when the device is.
static GstFlowReturn gst_python_sink_wait_event(GstBaseSink *base,
                                                GstEvent *event) {
  auto *self = GST_PYTHON_SINK(base);
  GstFlowReturn flow = GST_BASE_SINK_CLASS(gst_python_sink_parent_class)
                           ->wait_event(base, event);
  if (GST_EVENT_TYPE(event) != GST_EVENT_EOS || flow != GST_FLOW_OK)
    return flow;
  flow = self->stream->drain();
  if (flow == GST_FLOW_OK) self->python->end_of_stream();
  return flow;
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

  PythonElementClass<GstPythonSink>::init(klass, gst_python_sink_parent_class);
  G_OBJECT_CLASS(klass)->notify = gst_python_sink_notify;
  element_class->provide_clock = gst_python_sink_provide_clock;
  element_class->change_state = gst_python_sink_change_state;
  element_class->post_message = gst_python_sink_post_message;
  gst_element_class_set_static_metadata(
      element_class, "Python audio sink", "Sink/Audio",
      "Hands audio to a sink written in Python with NumPy, in the buffer's own "
      "memory",
      "The pythonfilter authors");
  gst_element_class_add_pad_template(
      element_class,
      gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_CAPS_ANY));

  sink_class->get_caps = gst_python_sink_get_caps;
  sink_class->query = gst_python_sink_query;
  sink_class->set_caps = gst_python_sink_set_caps;
  sink_class->propose_allocation = gst_python_sink_propose_allocation;
  sink_class->event = gst_python_sink_event;
  sink_class->wait_event = gst_python_sink_wait_event;
  sink_class->unlock = gst_python_sink_unlock;
  sink_class->unlock_stop = gst_python_sink_unlock_stop;
  sink_class->render = gst_python_sink_render;
}
