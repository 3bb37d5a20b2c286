// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-pythonsrc
 * @title: pythonsrc
 * @short_description: makes audio with a source written in Python with NumPy
 *
 * Calls a Python plugin's `read_audio(buffer)` to fill each buffer's own memory
 * through `buffer.data`, a NumPy array of the shape (channels, frames). `True`
 * or `None`: it is filled. `False`: there is nothing yet; a live source then
 * sends silence (a GAP buffer) on time, another one asks again. Raising
 * `base_plugin.EndOfStream` ends the stream, and an array of fewer frames is a
 * shorter buffer.
 *
 * A plugin with `get_duration()` and `seek(frame)` can be seeked, backwards as
 * well. Without them a source that is not live can still begin anew, and change
 * its rate. A plugin that declares `output_caps` gives bytes of these caps.
 *
 * A live source waits on the pipeline's clock, and its latency is a buffer's
 * length and what the plugin's `get_processing_latency()` says. Where it lost
 * time (the plugin sets `buffer.discont`, or it is more than 40 ms late for a
 * second) its times move, with a DISCONT. #GstBaseSrc:do-timestamp is the time
 * of a buffer's first frame.
 *
 * The plugin is asked for its `get_sample_rate()`, `get_channel_count()` and
 * `get_buffer_size()`; downstream may want others, which it is then told by the
 * setters. #GstBaseSrc:blocksize, in bytes, overrides the buffer size.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 pythonsrc script=plugins_py/sine_wave_source.py \
 *   params="p,frequency=330" num-buffers=300 ! audioconvert ! autoaudiosink
 * ]| An E of three seconds.
 *
 * Messages are those of #pythonfilter.
 */
#include <optional>

#include "caps/plugincaps.hpp"
#include "element/pythonelementclass.hpp"
#include "elementtypes.hpp"
#include "stream/busyhere.hpp"
#include "stream/sourcestream.hpp"

using pythonfilter::BusyHere;
using pythonfilter::PythonElement;
using pythonfilter::SourceStream;
using pythonfilter::StreamingThread;

struct _GstPythonSrc {
  GstBaseSrc parent;
  SourceStream *stream;   // C++ side; made in init, freed in finalize
  PythonElement *python;  // in stream
};

G_DEFINE_TYPE_WITH_CODE(GstPythonSrc, gst_python_src, GST_TYPE_BASE_SRC,
                        pythonfilter::add_interfaces(g_define_type_id))

static void gst_python_src_init(GstPythonSrc *self) {
  auto *base = GST_BASE_SRC(self);
  self->stream = new SourceStream(base);
  self->python = &self->stream->python;
  gst_base_src_set_format(base, GST_FORMAT_TIME);
  // 0: the plugin's own buffer size.
  gst_base_src_set_blocksize(base, 0);
}

static GstCaps *gst_python_src_get_caps(GstBaseSrc *base, GstCaps *filter) {
  PythonElement *python = GST_PYTHON_SRC(base)->python;
  // Before READY nobody knows the plugin.
  return pythonfilter::filtered(
      python->loaded() ? python->caps.allowed()
                       : gst_pad_get_pad_template_caps(GST_BASE_SRC_PAD(base)),
      filter);
}

// Narrows `caps` to field=value unless nothing is left of them. Takes `caps`.
static GstCaps *prefer(GstCaps *caps, const char *field, int value) {
  g_autoptr(GstCaps) wanted =
      gst_caps_new_simple("audio/x-raw", field, G_TYPE_INT, value, nullptr);
  g_autoptr(GstCaps) both =
      gst_caps_intersect_full(caps, wanted, GST_CAPS_INTERSECT_FIRST);
  if (!gst_caps_is_empty(both)) gst_caps_replace(&caps, both);
  return caps;
}

// Where downstream leaves a choice, the plugin's own rate and channels. What
// downstream puts first may be only its favourite, as audioresample's is.
static GstCaps *gst_python_src_fixate(GstBaseSrc *base, GstCaps *caps) {
  if (!pythonfilter::is_raw_audio(caps))
    return GST_BASE_SRC_CLASS(gst_python_src_parent_class)->fixate(base, caps);
  const auto wants = GST_PYTHON_SRC(base)->python->preferences();
  const int rate = wants.rate ? wants.rate : 48000;
  const int wanted_channels = wants.channels ? wants.channels : 2;
  caps = prefer(prefer(caps, "rate", rate), "channels", wanted_channels);
  caps = gst_caps_make_writable(gst_caps_truncate(caps));
  GstStructure *structure = gst_caps_get_structure(caps, 0);
  gst_structure_fixate_field_nearest_int(structure, "rate", rate);
  gst_structure_fixate_field_nearest_int(structure, "channels",
                                         wanted_channels);
  int channels;
  if (gst_structure_get_int(structure, "channels", &channels) && channels > 2 &&
      !gst_structure_has_field(structure, "channel-mask"))
    gst_structure_set(structure, "channel-mask", GST_TYPE_BITMASK,
                      gst_audio_channel_get_fallback_mask(channels), nullptr);
  return GST_BASE_SRC_CLASS(gst_python_src_parent_class)->fixate(base, caps);
}

static gboolean gst_python_src_set_caps(GstBaseSrc *base, GstCaps *caps) {
  return GST_PYTHON_SRC(base)->stream->start(caps);
}

// The base class takes anything for nothing to agree on.
static gboolean gst_python_src_negotiate(GstBaseSrc *base) {
  PythonElement *python = GST_PYTHON_SRC(base)->python;
  const StreamingThread::Call call(&python->streaming);
  g_autoptr(GstCaps) caps = python->caps.allowed();
  const bool known = !gst_caps_is_any(caps) || !python->loaded() ||
                     !python->capabilities().converts ||
                     python->confirm_source_caps(caps);
  const bool agreed =
      known && GST_BASE_SRC_CLASS(gst_python_src_parent_class)->negotiate(base);
  if (known && !agreed)
    python->refusal.look_at_output(caps, GST_BASE_SRC_PAD(base));
  return agreed;
}

static gboolean gst_python_src_decide_allocation(GstBaseSrc *base,
                                                 GstQuery *query) {
  auto *self = GST_PYTHON_SRC(base);
  const StreamingThread::Call call(&self->python->streaming);
  self->stream->choose_pool(query);
  return GST_BASE_SRC_CLASS(gst_python_src_parent_class)
      ->decide_allocation(base, query);
}

static gboolean gst_python_src_query(GstBaseSrc *base, GstQuery *query) {
  SourceStream *stream = GST_PYTHON_SRC(base)->stream;
  switch (GST_QUERY_TYPE(query)) {
    case GST_QUERY_LATENCY:
      gst_query_set_latency(query, gst_base_src_is_live(base),
                            stream->tell_latency(), GST_CLOCK_TIME_NONE);
      return TRUE;
    case GST_QUERY_SEEKING:
      if (stream->answer_seeking(query)) return TRUE;
      break;
    case GST_QUERY_CONVERT:
      if (stream->answer_convert(query)) return TRUE;
      break;
    default:
      break;
  }
  return GST_BASE_SRC_CLASS(gst_python_src_parent_class)->query(base, query);
}

// What can be done depends on the seek: gst_python_src_event() says.
static gboolean gst_python_src_is_seekable(GstBaseSrc *) {
  return TRUE;
}

static gboolean gst_python_src_do_seek(GstBaseSrc *base, GstSegment *segment) {
  auto *self = GST_PYTHON_SRC(base);
  // It may have waited until the stream was over.
  if (!gst_pad_is_active(GST_BASE_SRC_PAD(base))) return FALSE;
  const StreamingThread::Call call(&self->python->streaming);
  return self->stream->seek(segment);
}

static gboolean gst_python_src_event(GstBaseSrc *base, GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEEK &&
      !GST_PYTHON_SRC(base)->stream->can_seek(event))
    return FALSE;
  return GST_BASE_SRC_CLASS(gst_python_src_parent_class)->event(base, event);
}

// The application's, past the pad.
static gboolean gst_python_src_send_event(GstElement *element,
                                          GstEvent *event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEEK &&
      !GST_PYTHON_SRC(element)->stream->can_seek(event)) {
    gst_event_unref(event);
    return FALSE;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
    GST_PYTHON_SRC(element)->python->stats().post();
  return GST_ELEMENT_CLASS(gst_python_src_parent_class)
      ->send_event(element, event);
}

static GstStateChangeReturn gst_python_src_change_state(
    GstElement *element, GstStateChange transition) {
  auto *self = GST_PYTHON_SRC(element);
  std::optional<BusyHere> pausing;
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    pausing.emplace(self->stream);
  const GstStateChangeReturn result = self->python->change_state(
      transition, GST_ELEMENT_CLASS(gst_python_src_parent_class));
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) self->stream->pause();
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    self->stream->forget_latency();
  return result;
}

static gboolean gst_python_src_unlock(GstBaseSrc *base) {
  SourceStream *stream = GST_PYTHON_SRC(base)->stream;
  // The base class of GStreamer 1.26 unlocks to pause, too, and does not take
  // it back when it plays again: a wait that came back with FLUSHING only then
  // ended the task for good. pause() is enough for all versions.
  if (!BusyHere::is_with(stream)) stream->set_unlocked(true);
  return TRUE;
}

static gboolean gst_python_src_unlock_stop(GstBaseSrc *base) {
  GST_PYTHON_SRC(base)->stream->set_unlocked(false);
  return TRUE;
}

static GstFlowReturn gst_python_src_create(GstBaseSrc *base, guint64, guint,
                                           GstBuffer **buffer) {
  auto *self = GST_PYTHON_SRC(base);
  const StreamingThread::Call call(&self->python->streaming);
  if (!self->python->started()) return GST_FLOW_NOT_NEGOTIATED;
  return self->stream->create(buffer);
}

static void gst_python_src_class_init(GstPythonSrcClass *klass) {
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *source_class = GST_BASE_SRC_CLASS(klass);

  pythonfilter::PythonElementClass<GstPythonSrc>::init(
      klass, gst_python_src_parent_class);
  element_class->send_event = gst_python_src_send_event;
  element_class->change_state = gst_python_src_change_state;
  gst_element_class_set_static_metadata(
      element_class, "Python audio source", "Source/Audio",
      "Makes audio with a source written in Python with NumPy, in the buffer's "
      "own memory",
      "The pythonfilter authors");
  gst_element_class_add_pad_template(
      element_class,
      gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_CAPS_ANY));

  source_class->get_caps = gst_python_src_get_caps;
  source_class->fixate = gst_python_src_fixate;
  source_class->negotiate = gst_python_src_negotiate;
  source_class->set_caps = gst_python_src_set_caps;
  source_class->decide_allocation = gst_python_src_decide_allocation;
  source_class->query = gst_python_src_query;
  source_class->is_seekable = gst_python_src_is_seekable;
  source_class->do_seek = gst_python_src_do_seek;
  source_class->event = gst_python_src_event;
  source_class->unlock = gst_python_src_unlock;
  source_class->unlock_stop = gst_python_src_unlock_stop;
  source_class->create = gst_python_src_create;
}
