// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-pythonmixer
 * @title: pythonmixer
 * @short_description: mixes several inputs in Python with NumPy
 *
 * Calls a Python plugin's `mix_audio(output, inputs)` for each block.
 * `inputs["music"].data` is what came in at the pad `sink_music` for just these
 * frames, and `output.data` the outgoing buffer's own memory: NumPy arrays of
 * the shape (channels, frames). Inputs are aligned by running time, to the
 * sample, and each has its own format and channels; there is one rate for all.
 *
 * A class that declares `inputs = {"music": {}, "voice": {"optional": True}}`
 * has the pads `sink_music` and `sink_voice`, which can also be requested by
 * these names before READY, when the class is not known yet. With
 * `inputs = (1, 32)` pads `sink_%u` come and go at any time.
 *
 * A live input that has nothing in time is silent and `late`; what it brings
 * later is dropped, with a QOS message. The output ends when all inputs have
 * ended that are not optional. A pad that is linked and silent, and not live,
 * holds the mixer as it holds audiomixer;
 * #GstAudioAggregator:ignore-inactive-pads is the way out where there are live
 * inputs. It plays forwards only.
 *
 * With #GstPythonMixer:on-error `passthrough` the input goes through that the
 * class names as its `passthrough`, or as its `output_like`. A class with a
 * `block_size` gets blocks of that many frames; else, or where
 * #GstAudioAggregator:output-buffer-duration is set, they last as long as that.
 *
 * The plugin's `get_processing_latency()` is added to the latency that the base
 * class tells, and the times of what comes out are moved back by it, as those
 * of #pythonfilter are.
 *
 * Each `InputParam` of the plugin is a property of every sink pad of its own
 * element, which a #GstController can move, and in `sink_music::params` for
 * any: `pythonmixer name=m … sink_music::params="p,gain=0.5"`.
 *
 * Messages are those of #pythonfilter.
 */
#include "caps/plugincaps.hpp"
#include "element/pythonelementclass.hpp"
#include "elementtypes.hpp"
#include "mixerpad.hpp"
#include "portpads.hpp"
#include "stream/mixerstream.hpp"
#include "stream/sealedevents.hpp"

using pythonfilter::MixerStream;
using pythonfilter::PortPads;
using pythonfilter::PythonElement;
using pythonfilter::PythonElementClass;
using pythonfilter::StreamingThread;

// ---- the element ------------------------------------------------------------

struct _GstPythonMixer {
  GstAudioAggregator parent;
  MixerStream *stream;    // C++ side; made in init, freed in finalize
  PythonElement *python;  // in stream
};

static void gst_python_mixer_child_proxy_init(gpointer klass, gpointer);

G_DEFINE_TYPE_WITH_CODE(
    GstPythonMixer, gst_python_mixer, GST_TYPE_AUDIO_AGGREGATOR,
    G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY,
                          gst_python_mixer_child_proxy_init)
        G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET,
                              pythonfilter::init_plugin_presets))

// Its inputs are its children, after the plugin, which is one while it is
// loaded and has Params.
static void gst_python_mixer_child_proxy_init(gpointer klass, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *>(klass);
  proxy->get_child_by_index = [](GstChildProxy *element, guint index) {
    GstObject *plugin = PythonElement::of(element)->properties().ref_child();
    if (plugin && index == 0) return reinterpret_cast<GObject *>(plugin);
    const guint before = plugin ? 1 : 0;
    if (plugin) gst_object_unref(plugin);
    GST_OBJECT_LOCK(element);
    gpointer pad =
        g_list_nth_data(GST_ELEMENT(element)->sinkpads, index - before);
    if (pad) gst_object_ref(pad);
    GST_OBJECT_UNLOCK(element);
    return static_cast<GObject *>(pad);
  };
  proxy->get_children_count = [](GstChildProxy *element) {
    g_autoptr(GstObject) plugin =
        PythonElement::of(element)->properties().ref_child();
    GST_OBJECT_LOCK(element);
    const guint pads = GST_ELEMENT(element)->numsinkpads;
    GST_OBJECT_UNLOCK(element);
    return pads + (plugin ? 1 : 0);
  };
}

static GstAggregatorClass *aggregator_class() {
  return static_cast<GstAggregatorClass *>(gst_python_mixer_parent_class);
}

static void gst_python_mixer_init(GstPythonMixer *self) {
  self->stream = new MixerStream(GST_AGGREGATOR(self));
  self->python = &self->stream->python;
}

static void gst_python_mixer_notify(GObject *object, GParamSpec *spec) {
  if (g_str_has_prefix(spec->name, "output-buffer-duration"))
    GST_PYTHON_MIXER(object)->stream->duration_was_set();
  auto *parent = G_OBJECT_CLASS(gst_python_mixer_parent_class);
  if (parent->notify) parent->notify(object, spec);
}

// ---- pads -------------------------------------------------------------------

static PortPads inputs_of(gpointer self) {
  return PortPads(GST_ELEMENT(self), GST_PAD_SINK);
}

// No stream can hold it up that nobody will send. The next STREAM_START begins
// another.
static void end_unlinked(GstPad *pad) {
  if (gst_pad_is_linked(pad) || !gst_pad_is_active(pad)) return;
  g_autofree gchar *id = g_strdup_printf("unlinked-%s", GST_OBJECT_NAME(pad));
  gst_pad_send_event(pad, gst_event_new_stream_start(id));
  gst_pad_send_event(pad, gst_event_new_eos());
}

static void add_always_pad(GstPad *pad, gpointer self) {
  g_signal_connect(pad, "unlinked", G_CALLBACK(end_unlinked), nullptr);
  if (gst_element_add_pad(GST_ELEMENT(self), pad))
    gst_child_proxy_child_added(GST_CHILD_PROXY(self), G_OBJECT(pad),
                                GST_OBJECT_NAME(pad));
}

static void gst_python_mixer_constructed(GObject *object) {
  G_OBJECT_CLASS(gst_python_mixer_parent_class)->constructed(object);
  inputs_of(object).add_declared(
      [&](GstPad *pad) { add_always_pad(pad, object); });
}

static bool complete_pads(GstPythonMixer *self) {
  return inputs_of(self).complete(
      [&](GstPad *pad) { add_always_pad(pad, self); });
}

static GstAggregatorPad *gst_python_mixer_create_new_pad(GstAggregator *base,
                                                         GstPadTemplate *pads,
                                                         const gchar *wanted,
                                                         const GstCaps *) {
  GstPad *pad = inputs_of(base).make_wanted(pads, wanted);
  return pad ? GST_AGGREGATOR_PAD(pad) : nullptr;
}

static GstPad *gst_python_mixer_request_new_pad(GstElement *element,
                                                GstPadTemplate *pads,
                                                const gchar *name,
                                                const GstCaps *caps) {
  GstPad *pad = GST_ELEMENT_CLASS(gst_python_mixer_parent_class)
                    ->request_new_pad(element, pads, name, caps);
  if (pad)
    gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(pad),
                                GST_OBJECT_NAME(pad));
  return pad;
}

static void gst_python_mixer_release_pad(GstElement *element, GstPad *pad) {
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(pad),
                                GST_OBJECT_NAME(pad));
  GST_PYTHON_MIXER(element)->stream->remove_pad([&] {
    GST_ELEMENT_CLASS(gst_python_mixer_parent_class)->release_pad(element, pad);
  });
}

// Any thread.
static bool inputs_are_always_there(GstPythonMixer *self) {
  pythonfilter::Capabilities plugin;
  return self->python->caps.declared(&plugin) && !plugin.ports_come_and_go();
}

static GstStateChangeReturn gst_python_mixer_change_state(
    GstElement *element, GstStateChange transition) {
  using Base = PythonElementClass<GstPythonMixer>;
  auto *self = GST_PYTHON_MIXER(element);
  const GstStateChangeReturn result = Base::change_state(element, transition);
  if (result == GST_STATE_CHANGE_FAILURE) return result;
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !complete_pads(self)) {
    Base::change_state(element, GST_STATE_CHANGE_READY_TO_NULL);
    return GST_STATE_CHANGE_FAILURE;
  }
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED &&
      inputs_are_always_there(self))
    gst_element_foreach_sink_pad(
        element,
        [](GstElement *, GstPad *pad, gpointer) -> gboolean {
          end_unlinked(pad);
          return TRUE;
        },
        nullptr);
  return result;
}

// ---- caps -------------------------------------------------------------------

static gboolean gst_python_mixer_sink_query(GstAggregator *base,
                                            GstAggregatorPad *pad,
                                            GstQuery *query) {
  auto *self = GST_PYTHON_MIXER(base);
  const GstQueryType type = GST_QUERY_TYPE(query);
  if (type != GST_QUERY_CAPS && type != GST_QUERY_ACCEPT_CAPS)
    return aggregator_class()->sink_query(base, pad, query);
  // Before READY nobody knows the plugin.
  g_autoptr(GstCaps) own = self->python->loaded()
                               ? self->stream->input_caps(GST_PAD(pad))
                               : gst_pad_get_pad_template_caps(GST_PAD(pad));
  if (type == GST_QUERY_CAPS) {
    GstCaps *filter;
    gst_query_parse_caps(query, &filter);
    g_autoptr(GstCaps) caps = pythonfilter::filtered(gst_caps_ref(own), filter);
    gst_query_set_caps_result(query, caps);
  } else {
    GstCaps *caps;
    gst_query_parse_accept_caps(query, &caps);
    gst_query_set_accept_caps_result(query, gst_caps_is_subset(caps, own));
  }
  if (self->python->loaded())
    self->python->refusal.look_at_query(GST_PAD(pad), nullptr, query, own);
  return TRUE;
}

static GstFlowReturn gst_python_mixer_update_src_caps(GstAggregator *base,
                                                      GstCaps *caps,
                                                      GstCaps **possible) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  *possible = nullptr;
  if (!stream->knows_rate()) return GST_AGGREGATOR_FLOW_NEED_DATA;
  g_autoptr(GstCaps) output = stream->output_caps();
  *possible = gst_caps_intersect_full(output, caps, GST_CAPS_INTERSECT_FIRST);
  // Here, as the base class does not ask where everything seems to be said:
  // what has more than two channels also needs their places.
  if (!gst_caps_is_empty(*possible))
    *possible = stream->fixate(*possible);
  else
    stream->python.refusal.look_at_output(output, GST_AGGREGATOR_SRC_PAD(base));
  return GST_FLOW_OK;
}

// In the middle of a block the caps stay as they are: the base class has a part
// of it, which older versions of it would convert.
static gboolean gst_python_mixer_negotiate(GstAggregator *base) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  if (!stream->in_block()) return aggregator_class()->negotiate(base);
  gst_pad_mark_reconfigure(GST_AGGREGATOR_SRC_PAD(base));
  return TRUE;
}

static GstFlowReturn push(GstAggregator *base, GstBuffer *buffer) {
  return aggregator_class()->finish_buffer(base, buffer);
}

static GstFlowReturn push_if_any(GstAggregator *base, GstFlowReturn flow,
                                 GstBuffer *tail) {
  const GstFlowReturn pushed = tail ? push(base, tail) : GST_FLOW_OK;
  return flow == GST_FLOW_OK ? pushed : flow;
}

// What the plugin still holds belongs to the caps that it got it with.
static GstFlowReturn push_tail(GstAggregator *base) {
  GstBuffer *tail;
  const GstFlowReturn flow = GST_PYTHON_MIXER(base)->stream->drain(&tail);
  return push_if_any(base, flow, tail);
}

// Other caps of the same rate are set here: GStreamer before 1.24 would convert
// what an input has, which no pad of ours can.
static bool set_output(GstAggregator *base, const GstAudioInfo &info,
                       GstCaps *caps) {
  auto *pad = GST_AUDIO_AGGREGATOR_PAD(GST_AGGREGATOR_SRC_PAD(base));
  if (pad->info.rate != info.rate || pad->info.bpf == 0)
    return aggregator_class()->negotiated_src_caps(base, caps);
  GST_OBJECT_LOCK(base);
  pad->info = info;
  gst_caps_replace(&GST_AUDIO_AGGREGATOR(base)->current_caps, caps);
  GST_OBJECT_UNLOCK(base);
  return true;
}

static gboolean gst_python_mixer_negotiated(GstAggregator *base,
                                            GstCaps *caps) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  GstAudioInfo info;
  if (!gst_audio_info_from_caps(&info, caps)) return FALSE;
  if (stream->python.started() &&
      gst_audio_info_is_equal(&info, &stream->python.info()))
    return TRUE;
  push_tail(base);
  stream->choose_block_size(info.rate);
  return set_output(base, info, caps) && stream->start(info);
}

// ---- events and queries -----------------------------------------------------

static guint32 *flush_of(gpointer pad, const GstEvent *event) {
  auto *self = GST_PYTHON_MIXER_PAD(pad);
  return GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START ? &self->flush
                                                        : &self->flushed;
}

// A reference to each of those that are meant.
template <typename IsMeant>
static std::vector<GstPad *> sink_pads(GstElement *element,
                                       const IsMeant &is_meant) {
  std::vector<GstPad *> pads;
  GST_OBJECT_LOCK(element);
  for (GList *each = element->sinkpads; each; each = each->next)
    if (is_meant(each->data))
      pads.push_back(GST_PAD(gst_object_ref(each->data)));
  GST_OBJECT_UNLOCK(element);
  return pads;
}

// Those that nobody is linked to, and that have not heard of this flush yet.
static std::vector<GstPad *> left_out_of(GstElement *element, GstEvent *event) {
  const guint32 flush = gst_event_get_seqnum(event);
  return sink_pads(element, [&](gpointer pad) {
    return *flush_of(pad, event) != flush && !gst_pad_is_linked(GST_PAD(pad));
  });
}

// The base class waits until each pad has heard of a flush, which goes on for
// ever where one has nobody who would tell it.
static void flush_unlinked(GstPythonMixer *self, GstEvent *event) {
  const bool starts = GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START;
  for (GstPad *pad : left_out_of(GST_ELEMENT(self), event)) {
    GstEvent *same =
        starts ? gst_event_new_flush_start() : gst_event_new_flush_stop(TRUE);
    gst_event_set_seqnum(same, gst_event_get_seqnum(event));
    gst_pad_send_event(pad, same);
    if (!starts && inputs_are_always_there(self)) end_unlinked(pad);
    gst_object_unref(pad);
  }
}

// Whether all pads have heard of this flush with that.
static bool flushes_all(GstAggregator *base, GstAggregatorPad *pad,
                        GstEvent *event) {
  const guint32 flush = gst_event_get_seqnum(event);
  bool all = true;
  GST_OBJECT_LOCK(base);
  *flush_of(pad, event) = flush;
  for (GList *each = GST_ELEMENT(base)->sinkpads; each; each = each->next)
    all = all && *flush_of(each->data, event) == flush;
  GST_OBJECT_UNLOCK(base);
  return all;
}

// The base class waits in `handle` until the streaming thread is back.
template <typename Handle>
static auto flush_with(PythonElement *python, const Handle &handle) {
  python->begin_flush();
  python->unlock();
  const auto handled = handle();
  python->end_flush();
  return handled;
}

static GstFlowReturn gst_python_mixer_sink_event_pre_queue(
    GstAggregator *base, GstAggregatorPad *pad, GstEvent *event) {
  PythonElement *python = GST_PYTHON_MIXER(base)->python;
  if (!pythonfilter::is_whole(event)) {
    gst_event_unref(event);
    return GST_FLOW_ERROR;
  }
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_SEGMENT) python->refusal.look_at_segment(GST_PAD(pad));
  if (type != GST_EVENT_FLUSH_START && type != GST_EVENT_FLUSH_STOP)
    return aggregator_class()->sink_event_pre_queue(base, pad, event);
  if (gst_pad_is_linked(GST_PAD(pad)))
    flush_unlinked(GST_PYTHON_MIXER(base), event);
  // For the last FLUSH_START the base class waits for the streaming thread.
  if (!flushes_all(base, pad, event) || type != GST_EVENT_FLUSH_START)
    return aggregator_class()->sink_event_pre_queue(base, pad, event);
  return flush_with(python, [&] {
    return aggregator_class()->sink_event_pre_queue(base, pad, event);
  });
}

// On the streaming thread, but for flushes.
static gboolean gst_python_mixer_sink_event(GstAggregator *base,
                                            GstAggregatorPad *pad,
                                            GstEvent *event) {
  if (!GST_EVENT_IS_SERIALIZED(event) ||
      GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP)
    return aggregator_class()->sink_event(base, pad, event);
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  // Nothing begins behind an end that was asked for.
  if (stream->is_over()) {
    gst_event_unref(event);
    return TRUE;
  }
  const GstEventType type = GST_EVENT_TYPE(event);
  if (type == GST_EVENT_SEGMENT) {
    const GstSegment *segment;
    gst_event_parse_segment(event, &segment);
    if (segment->rate < 0)
      GST_ELEMENT_ERROR(
          base, STREAM, NOT_IMPLEMENTED,
          ("an input is played backwards, and a mixer plays "
           "forwards only"),
          ("the pad %s, at the rate %g", GST_OBJECT_NAME(pad), segment->rate));
  }
  const gboolean taken = aggregator_class()->sink_event(base, pad, event);
  if (type == GST_EVENT_CAPS && taken)
    stream->new_caps(GST_PYTHON_MIXER_PAD(pad));
  // One that had not begun when the end was asked for.
  if (type == GST_EVENT_STREAM_START && stream->end_is_asked_for())
    aggregator_class()->sink_event(base, pad, gst_event_new_eos());
  return taken;
}

static gboolean gst_python_mixer_src_event(GstAggregator *base,
                                           GstEvent *event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_SEEK)
    return aggregator_class()->src_event(base, event);
  gdouble rate;
  GstSeekFlags flags;
  gst_event_parse_seek(event, &rate, nullptr, &flags, nullptr, nullptr, nullptr,
                       nullptr);
  if (rate < 0) {
    GST_ELEMENT_WARNING(base, STREAM, NOT_IMPLEMENTED,
                        ("a mixer plays forwards only: the seek to play at the "
                         "rate %g is refused",
                         rate),
                        (nullptr));
    gst_event_unref(event);
    return FALSE;
  }
  if (!(flags & GST_SEEK_FLAG_FLUSH))
    return aggregator_class()->src_event(base, event);
  return flush_with(GST_PYTHON_MIXER(base)->python,
                    [&] { return aggregator_class()->src_event(base, event); });
}

// The application's EOS, past the pads. Each input ends behind what it has by
// then, whoever is sending to it, so that the plugin gets to drain().
static gboolean gst_python_mixer_send_event(GstElement *element,
                                            GstEvent *event) {
  std::vector<GstPad *> pads;
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
    pads = sink_pads(element, [](gpointer) { return true; });
  if (pads.empty())
    return GST_ELEMENT_CLASS(gst_python_mixer_parent_class)
        ->send_event(element, event);
  MixerStream *stream = GST_PYTHON_MIXER(element)->stream;
  stream->ask_for_end(true);
  bool taken = false;
  for (GstPad *pad : pads) {
    const GstFlowReturn flow = gst_python_mixer_sink_event_pre_queue(
        GST_AGGREGATOR(element), GST_AGGREGATOR_PAD(pad), gst_event_ref(event));
    taken = taken || flow == GST_FLOW_OK;
    gst_object_unref(pad);
  }
  gst_event_unref(event);
  if (!taken) stream->ask_for_end(false);
  return taken;
}

static gboolean gst_python_mixer_src_query(GstAggregator *base,
                                           GstQuery *query) {
  if (!aggregator_class()->src_query(base, query)) return FALSE;
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return TRUE;
  GST_PYTHON_MIXER(base)->stream->add_latency(query);
  return TRUE;
}

// ---- blocks -----------------------------------------------------------------

// In PAD_LOCK, so nothing is done here but to look.
static GstBuffer *gst_python_mixer_clip(GstAggregator *base,
                                        GstAggregatorPad *pad,
                                        GstBuffer *buffer) {
  buffer = aggregator_class()->clip(base, pad, buffer);
  if (buffer && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP) &&
      GST_BUFFER_PTS_IS_VALID(buffer) && GST_BUFFER_DURATION_IS_VALID(buffer)) {
    GST_OBJECT_LOCK(pad);
    const GstClockTime end = gst_segment_to_running_time(
        &pad->segment, GST_FORMAT_TIME,
        GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer));
    GST_OBJECT_UNLOCK(pad);
    if (GST_CLOCK_TIME_IS_VALID(end))
      GST_PYTHON_MIXER_PAD(pad)->input->note_gap(end);
  }
  return buffer;
}

static GstBuffer *gst_python_mixer_create_output_buffer(
    GstAudioAggregator *base, guint frames) {
  return GST_PYTHON_MIXER(base)->stream->begin_block(frames);
}

// Called with a lock of the base class's: the plugin is not called here.
static gboolean gst_python_mixer_aggregate_one_buffer(
    GstAudioAggregator *base, GstAudioAggregatorPad *pad, GstBuffer *buffer,
    guint first, GstBuffer *, guint at, guint frames) {
  GST_PYTHON_MIXER(base)->stream->add(GST_PYTHON_MIXER_PAD(pad), buffer, first,
                                      at, frames);
  return TRUE;
}

static GstFlowReturn gst_python_mixer_finish_buffer(GstAggregator *base,
                                                    GstBuffer *block) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  stream->release_pads();
  GstBuffer *before;
  GstFlowReturn flow = stream->finish(&block, &before);
  if (before) flow = push(base, before);
  if (flow == GST_FLOW_OK && block) return push(base, block);
  gst_clear_buffer(&block);
  return flow;
}

static GstFlowReturn gst_python_mixer_aggregate(GstAggregator *base,
                                                gboolean timeout) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  GstFlowReturn flow = GST_FLOW_OK;
  if (G_UNLIKELY(stream->new_code_waits())) {
    GstBuffer *tail;
    flow = stream->change_code(&tail);
    flow = push_if_any(base, flow, tail);
    if (flow != GST_FLOW_OK) return flow;
  }
  stream->hold_pads();
  flow = stream->look(&timeout);
  if (flow == GST_FLOW_OK) flow = aggregator_class()->aggregate(base, timeout);
  stream->release_pads();
  if (flow != GST_FLOW_EOS) return flow;
  const GstFlowReturn last = push_tail(base);
  stream->python.end_of_stream();
  stream->note_end();
  return last == GST_FLOW_OK ? flow : last;
}

static GstFlowReturn gst_python_mixer_flush(GstAggregator *base) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  stream->flush();
  return aggregator_class()->flush(base);
}

static gboolean gst_python_mixer_stop(GstAggregator *base) {
  MixerStream *stream = GST_PYTHON_MIXER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  stream->forget();
  stream->forget_latency();
  return aggregator_class()->stop(base);
}

static void add_mixer_pad_templates(GstElementClass *element_class) {
  g_autoptr(GstCaps) given =
      pythonfilter::caps_of_port(pythonfilter::all_capabilities(), nullptr, 0);
  // What an input does not take is refused when it comes, with the reason.
  g_autoptr(GstCaps) any = gst_caps_new_any();
  gst_element_class_add_pad_template(
      element_class,
      gst_pad_template_new_with_gtype("src", GST_PAD_SRC, GST_PAD_ALWAYS, given,
                                      GST_TYPE_AUDIO_AGGREGATOR_PAD));
  for (const char *name : {"sink_%u", "sink_%s"})
    gst_element_class_add_pad_template(
        element_class,
        gst_pad_template_new_with_gtype(name, GST_PAD_SINK, GST_PAD_REQUEST,
                                        any, GST_TYPE_PYTHON_MIXER_PAD));
}

static void gst_python_mixer_class_init(GstPythonMixerClass *klass) {
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *base = GST_AGGREGATOR_CLASS(klass);
  auto *audio_class = GST_AUDIO_AGGREGATOR_CLASS(klass);

  PythonElementClass<GstPythonMixer>::init(klass,
                                           gst_python_mixer_parent_class);
  G_OBJECT_CLASS(klass)->notify = gst_python_mixer_notify;
  G_OBJECT_CLASS(klass)->constructed = gst_python_mixer_constructed;
  element_class->request_new_pad = gst_python_mixer_request_new_pad;
  element_class->release_pad = gst_python_mixer_release_pad;
  element_class->change_state = gst_python_mixer_change_state;
  element_class->send_event = gst_python_mixer_send_event;
  gst_element_class_set_static_metadata(
      element_class, "Python audio mixer", "Generic/Audio",
      "Mixes several inputs, aligned to the sample, in Python with NumPy",
      "The pythonfilter authors");
  add_mixer_pad_templates(element_class);

  base->create_new_pad = gst_python_mixer_create_new_pad;
  base->sink_query = gst_python_mixer_sink_query;
  base->update_src_caps = gst_python_mixer_update_src_caps;
  base->negotiate = gst_python_mixer_negotiate;
  base->negotiated_src_caps = gst_python_mixer_negotiated;
  base->sink_event_pre_queue = gst_python_mixer_sink_event_pre_queue;
  base->sink_event = gst_python_mixer_sink_event;
  base->src_event = gst_python_mixer_src_event;
  base->src_query = gst_python_mixer_src_query;
  base->clip = gst_python_mixer_clip;
  base->aggregate = gst_python_mixer_aggregate;
  base->finish_buffer = gst_python_mixer_finish_buffer;
  base->flush = gst_python_mixer_flush;
  base->stop = gst_python_mixer_stop;
  audio_class->create_output_buffer = gst_python_mixer_create_output_buffer;
  audio_class->aggregate_one_buffer = gst_python_mixer_aggregate_one_buffer;
  gst_type_mark_as_plugin_api(GST_TYPE_PYTHON_MIXER_PAD, GstPluginAPIFlags(0));
}
