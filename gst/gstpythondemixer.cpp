// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-pythondemixer
 * @title: pythondemixer
 * @short_description: splits one input into several outputs in Python
 *
 * Calls a Python plugin's `split_audio(buffer, outputs)` for each buffer.
 * `buffer.data` is what came in, which refuses writes, and
 * `outputs["mid"].data` the memory of the buffer that goes out of the pad
 * `src_mid`: NumPy arrays of the shape (channels, frames). Each output has its
 * own format and channels, and the rate and the times of the input.
 *
 * A class that declares `outputs = {"mid": {"channels": 1}, "rest": {}}` has
 * the pads `src_mid` and `src_rest`, which can also be requested by these names
 * before READY, when the class is not known yet. With `outputs = (1, 16)` pads
 * `src_%u` come and go at any time.
 *
 * What nobody is linked to costs nothing. An output of which the plugin says
 * `silent()` is a GAP event for this block, without any memory. As with a tee,
 * the stream goes on as long as one pad takes something; put a queue behind
 * each.
 *
 * With #GstPythonDemixer:on-error `passthrough` the input goes out of the pad
 * that the class names as its `passthrough`, and the others are silent.
 *
 * The plugin's `get_processing_latency()` is added to the latency of what comes
 * before, and the times of what comes out are moved back by it, as those of
 * #pythonfilter are.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! \
 *   audio/x-raw,channels=2 ! \
 *   pythondemixer name=d script=plugins_py/mid_side_splitter.py \
 *   d.src_mid ! queue ! audioconvert ! autoaudiosink \
 *   d.src_side ! queue ! fakesink
 * ]| What both channels have in common.
 *
 * Messages are those of #pythonfilter.
 */
#include "caps/plugincaps.hpp"
#include "element/pythonelementclass.hpp"
#include "elementtypes.hpp"
#include "portpads.hpp"
#include "stream/demixerstream.hpp"
#include "stream/sealedevents.hpp"

using pythonfilter::DemixerStream;
using pythonfilter::PortPads;
using pythonfilter::PythonElement;
using pythonfilter::PythonElementClass;
using pythonfilter::StreamingThread;

struct _GstPythonDemixer {
  GstElement parent;
  DemixerStream *stream;  // C++ side; made in init, freed in finalize
  PythonElement *python;  // in stream
  GstPad *sink;           // the element's
};

G_DEFINE_TYPE_WITH_CODE(GstPythonDemixer, gst_python_demixer, GST_TYPE_ELEMENT,
                        pythonfilter::add_interfaces(g_define_type_id))

static void gst_python_demixer_init(GstPythonDemixer *self) {
  self->stream = new DemixerStream(GST_ELEMENT(self));
  self->python = &self->stream->python;
}

// ---- events -----------------------------------------------------------------

static gboolean forward(GstPythonDemixer *self, GstEvent *event) {
  return gst_pad_event_default(self->sink, GST_OBJECT(self), event);
}

static gboolean take(GstEvent *event, gboolean taken) {
  gst_event_unref(event);
  return taken;
}

static gboolean new_caps(GstPythonDemixer *self, GstEvent *event) {
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  g_autoptr(GstCaps) now = gst_pad_get_current_caps(self->sink);
  // The stream stays as it is when the same caps come again.
  if (now && self->python->started() && gst_caps_is_equal(now, caps))
    return TRUE;
  // What the plugin still holds belongs to the format that it got it in.
  self->stream->end_part();
  return self->stream->start(caps);
}

static void new_segment(GstPythonDemixer *self, GstEvent *event) {
  const GstSegment *segment;
  gst_event_parse_segment(event, &segment);
  self->stream->begin_segment(*segment);
}

// An event that comes in its place between buffers.
static gboolean serialized(GstPythonDemixer *self, GstEvent *event) {
  // A FLUSH_STOP may have waited until the stream was over.
  if (!gst_pad_is_active(self->sink)) return take(event, FALSE);
  const StreamingThread::Call call(&self->python->streaming);
  DemixerStream *stream = self->stream;
  stream->meet_new_pads();
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      stream->end_part();
      stream->begin_stream(event);
      return take(event, TRUE);
    case GST_EVENT_CAPS:
      return take(event, new_caps(self, event));
    case GST_EVENT_SEGMENT:
      self->python->refusal.look_at_segment(self->sink);
      new_segment(self, event);
      break;
    case GST_EVENT_SEGMENT_DONE:
      stream->end_part();
      break;
    case GST_EVENT_GAP:
      // What lags behind has its place before that.
      if (stream->lags()) stream->end_part();
      break;
    case GST_EVENT_EOS:
      stream->end(gst_event_get_seqnum(event));
      break;
    case GST_EVENT_FLUSH_STOP:
      self->python->end_flush();
      stream->flush();
      break;
    default:
      break;
  }
  return forward(self, event);
}

static gboolean gst_python_demixer_sink_event(GstPad *, GstObject *parent,
                                              GstEvent *event) {
  auto *self = GST_PYTHON_DEMIXER(parent);
  if (!pythonfilter::is_whole(event)) return take(event, FALSE);
  if (self->python->closes() && !(event = pythonfilter::sealed_event(event)))
    return TRUE;
  if (GST_EVENT_IS_SERIALIZED(event)) return serialized(self, event);
  // FLUSH_STOP, which waits until the streaming thread is back, ends that.
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) {
    self->python->begin_flush();
    self->python->unlock();
  }
  return forward(self, event);
}

static gboolean gst_python_demixer_src_event(GstPad *pad, GstObject *parent,
                                             GstEvent *event) {
  if (GST_PYTHON_DEMIXER(parent)->python->closes() &&
      !pythonfilter::passes_upstream(event))
    return take(event, FALSE);
  return gst_pad_event_default(pad, parent, event);
}

// ---- queries ----------------------------------------------------------------

static gboolean gst_python_demixer_sink_query(GstPad *pad, GstObject *parent,
                                              GstQuery *query) {
  auto *self = GST_PYTHON_DEMIXER(parent);
  const GstQueryType type = GST_QUERY_TYPE(query);
  if (type != GST_QUERY_CAPS && type != GST_QUERY_ACCEPT_CAPS)
    return gst_pad_query_default(pad, parent, query);
  // Before READY nobody knows the plugin.
  const bool loaded = self->python->loaded();
  g_autoptr(GstCaps) own =
      loaded ? self->stream->input_caps() : gst_pad_get_pad_template_caps(pad);
  if (type == GST_QUERY_CAPS) {
    GstCaps *filter;
    gst_query_parse_caps(query, &filter);
    g_autoptr(GstCaps) possible =
        loaded ? self->stream->possible_input(own) : gst_caps_ref(own);
    g_autoptr(GstCaps) caps =
        pythonfilter::filtered(gst_caps_ref(possible), filter);
    gst_query_set_caps_result(query, caps);
  } else {
    GstCaps *caps;
    gst_query_parse_accept_caps(query, &caps);
    gst_query_set_accept_caps_result(query, gst_caps_is_subset(caps, own));
  }
  if (loaded) self->python->refusal.look_at_query(pad, nullptr, query, own);
  return TRUE;
}

static gboolean gst_python_demixer_src_query(GstPad *pad, GstObject *parent,
                                             GstQuery *query) {
  auto *self = GST_PYTHON_DEMIXER(parent);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS && self->python->loaded()) {
    GstCaps *filter;
    gst_query_parse_caps(query, &filter);
    g_autoptr(GstCaps) caps =
        pythonfilter::filtered(self->stream->output_caps(pad), filter);
    gst_query_set_caps_result(query, caps);
    return TRUE;
  }
  if (!gst_pad_query_default(pad, parent, query)) return FALSE;
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
    self->stream->add_latency(query);
  return TRUE;
}

// ---- pads -------------------------------------------------------------------

static GstFlowReturn gst_python_demixer_chain(GstPad *, GstObject *parent,
                                              GstBuffer *buffer) {
  auto *self = reinterpret_cast<GstPythonDemixer *>(parent);
  const StreamingThread::Call call(&self->python->streaming);
  return self->stream->process(buffer);
}

static PortPads outputs_of(gpointer self) {
  return PortPads(GST_ELEMENT(self), GST_PAD_SRC);
}

static void add_output(GstPad *pad, gpointer self) {
  gst_pad_set_event_function(pad, gst_python_demixer_src_event);
  gst_pad_set_query_function(pad, gst_python_demixer_src_query);
  gst_element_add_pad(GST_ELEMENT(self), pad);
}

static void gst_python_demixer_constructed(GObject *object) {
  G_OBJECT_CLASS(gst_python_demixer_parent_class)->constructed(object);
  auto *self = GST_PYTHON_DEMIXER(object);
  self->sink = gst_pad_new_from_template(
      gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(object), "sink"),
      "sink");
  gst_pad_set_chain_function(self->sink, gst_python_demixer_chain);
  gst_pad_set_event_function(self->sink, gst_python_demixer_sink_event);
  gst_pad_set_query_function(self->sink, gst_python_demixer_sink_query);
  self->stream->set_input(self->sink);
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  outputs_of(object).add_declared(
      [&](GstPad *pad) { add_output(pad, object); });
}

// No streaming thread comes by any more that would tell a new pad of the end.
static void tell_end(GstPythonDemixer *self, GstPad *pad) {
  const guint32 number = self->stream->end_number();
  g_autoptr(GstEvent) begin =
      gst_pad_get_sticky_event(self->sink, GST_EVENT_STREAM_START, 0);
  if (number == GST_SEQNUM_INVALID || !begin) return;
  GST_PYTHON_DEMIXER_PAD(pad)->output->send_stream_start(begin);
  GstEvent *end = gst_event_new_eos();
  gst_event_set_seqnum(end, number);
  gst_pad_push_event(pad, end);
}

static GstPad *gst_python_demixer_request_new_pad(GstElement *element,
                                                  GstPadTemplate *pads,
                                                  const gchar *name,
                                                  const GstCaps *) {
  GstPad *pad = outputs_of(element).make_wanted(pads, name);
  if (!pad) return nullptr;
  gst_pad_set_active(pad, TRUE);
  add_output(pad, element);
  tell_end(GST_PYTHON_DEMIXER(element), pad);
  return pad;
}

static void gst_python_demixer_release_pad(GstElement *element, GstPad *pad) {
  GST_PYTHON_DEMIXER_PAD(pad)->output->remove();
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(element, pad);
}

static GstStateChangeReturn gst_python_demixer_change_state(
    GstElement *element, GstStateChange transition) {
  using Base = PythonElementClass<GstPythonDemixer>;
  auto *self = GST_PYTHON_DEMIXER(element);
  const GstStateChangeReturn result = Base::change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    const StreamingThread::Call call(&self->python->streaming);
    self->python->end_flush();
    self->stream->forget();
  }
  if (transition == GST_STATE_CHANGE_NULL_TO_READY &&
      result != GST_STATE_CHANGE_FAILURE &&
      !outputs_of(element).complete(
          [&](GstPad *pad) { add_output(pad, element); })) {
    Base::change_state(element, GST_STATE_CHANGE_READY_TO_NULL);
    return GST_STATE_CHANGE_FAILURE;
  }
  return result;
}

static void add_pad_templates(GstElementClass *element_class) {
  g_autoptr(GstCaps) given =
      pythonfilter::caps_of_port(pythonfilter::all_capabilities(), nullptr, 0);
  // What the input does not take is refused when it comes, with the reason.
  gst_element_class_add_pad_template(
      element_class,
      gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_CAPS_ANY));
  for (const char *name : {"src_%u", "src_%s"})
    gst_element_class_add_pad_template(
        element_class,
        gst_pad_template_new_with_gtype(name, GST_PAD_SRC, GST_PAD_REQUEST,
                                        given, GST_TYPE_PYTHON_DEMIXER_PAD));
}

static void gst_python_demixer_class_init(GstPythonDemixerClass *klass) {
  auto *element_class = GST_ELEMENT_CLASS(klass);
  PythonElementClass<GstPythonDemixer>::init(klass,
                                             gst_python_demixer_parent_class);
  G_OBJECT_CLASS(klass)->constructed = gst_python_demixer_constructed;
  element_class->request_new_pad = gst_python_demixer_request_new_pad;
  element_class->release_pad = gst_python_demixer_release_pad;
  element_class->change_state = gst_python_demixer_change_state;
  gst_element_class_set_static_metadata(
      element_class, "Python audio demixer", "Generic/Audio",
      "Splits one input into several outputs in Python with NumPy",
      "The pythonfilter authors");
  add_pad_templates(element_class);
  gst_type_mark_as_plugin_api(GST_TYPE_PYTHON_DEMIXER_PAD,
                              GstPluginAPIFlags(0));
}
