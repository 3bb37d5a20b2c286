// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-pythonfilter
 * @title: pythonfilter
 * @short_description: runs an audio processor written in Python with NumPy
 *
 * Calls a Python plugin's `process_audio(buffer)` for each buffer of raw audio.
 * `buffer.data` is a NumPy array of the shape (channels, frames) over the
 * buffer's own memory, so what the plugin writes there is what comes out.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! \
 *   pythonfilter script=plugins_py/simple_gain.py params="p,gain=0.1" ! \
 *   audioconvert ! autoaudiosink
 * ]| A sine tone of four seconds at a tenth of its loudness.
 *
 * ## Messages
 * A failed call is one ERROR, or one WARNING a second when
 * #GstPythonFilter:on-error lets the stream go on. A buffer for which the
 * plugin raises `base_plugin.DropBuffer` is one WARNING a second by any policy.
 * What was only counted is told at the end. The details are a structure
 * `python-exception` with the fields `kind` (`raised`, `refused`,
 * `bad-result`, …; of a plugin in another process also `late`, which is a
 * WARNING by any policy, `lost` when that died and another one comes, and
 * `gone` when none comes, which is an ERROR by any policy), `phase` (the
 * method that was called), `type` (the exception's class), `message`, `file`,
 * `line`, `function`, `plugin`, `pts` (of the buffer, in ns) and `count`
 * (failures since the last message).
 *
 * At EOS, and each #GstPythonFilter:stats-interval while buffers flow, the
 * statistics are posted as an element message named `pythonfilter-stats`, with
 * the fields of the property `stats`.
 *
 * When new code takes over, saved with #GstPythonFilter:reload or asked for
 * with #GstPythonFilter::reload, that is an element message
 * `pythonfilter-reloaded` with the fields `plugin`, `count` (since READY) and
 * `state-carried`. Code that cannot be used is one WARNING, and changes
 * nothing.
 *
 * A plugin's `post(name, **fields)` is an element message of that name with
 * the fields `timestamp`, `stream-time`, `running-time` and `duration` (of the
 * buffer, in ns) and its own: #gboolean, #gint64, #gdouble, #gchararray, or a
 * #GstValueArray of one of these.
 *
 * What plugins log is in the debug category `pythonplugin`.
 */
#include "caps/plugincaps.hpp"
#include "element/pythonelementclass.hpp"
#include "elementtypes.hpp"
#include "scan/dynamicelements.hpp"
#include "stream/filterstream.hpp"
#include "stream/sealedevents.hpp"

GST_DEBUG_CATEGORY(gst_python_filter_debug);

using pythonfilter::FilterStream;
using pythonfilter::PythonElement;
using pythonfilter::StreamingThread;

struct _GstPythonFilter {
  GstBaseTransform parent;
  FilterStream *stream;   // C++ side; made in init, freed in finalize
  PythonElement *python;  // in stream
  gboolean draining;      // new caps come in, and the tail was pushed
};

G_DEFINE_TYPE_WITH_CODE(GstPythonFilter, gst_python_filter,
                        GST_TYPE_BASE_TRANSFORM,
                        pythonfilter::add_interfaces(g_define_type_id))

static GstBaseTransformClass *base_class() {
  return static_cast<GstBaseTransformClass *>(gst_python_filter_parent_class);
}

static void gst_python_filter_init(GstPythonFilter *self) {
  self->stream = new FilterStream(GST_BASE_TRANSFORM(self));
  self->python = &self->stream->python;
}

static GstCaps *gst_python_filter_transform_caps(GstBaseTransform *base,
                                                 GstPadDirection direction,
                                                 GstCaps *caps,
                                                 GstCaps *filter) {
  PythonElement *python = GST_PYTHON_FILTER(base)->python;
  return pythonfilter::filtered(python->caps.transform(direction, caps),
                                filter);
}

static GstCaps *gst_python_filter_fixate_caps(GstBaseTransform *base,
                                              GstPadDirection direction,
                                              GstCaps *caps, GstCaps *other) {
  if (!gst_caps_is_any(other))
    return direction == GST_PAD_SINK ? pythonfilter::fixate_output(caps, other)
                                     : gst_caps_fixate(other);
  // The plugin has to name some of all the caps that there are: say why it did
  // not.
  PythonElement *python = GST_PYTHON_FILTER(base)->python;
  const StreamingThread::Call call(&python->streaming);
  python->confirm_caps(caps, other);
  gst_caps_unref(other);
  return gst_caps_new_empty();
}

// Pushes `buffer`, which may be NULL, then all that the same call gave.
static GstFlowReturn push_all(GstPythonFilter *self, GstBuffer *buffer,
                              GstFlowReturn flow) {
  if (!buffer && flow == GST_FLOW_OK) buffer = self->stream->pop_output();
  while (buffer) {
    flow = self->stream->late.release();
    if (flow != GST_FLOW_OK) {
      gst_buffer_unref(buffer);
      break;
    }
    self->stream->mix_dry(&buffer);
    flow = gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(self), buffer);
    buffer = flow == GST_FLOW_OK ? self->stream->pop_output() : nullptr;
  }
  return flow;
}

// Less than a block, which what follows does not continue.
static GstFlowReturn push_rest(GstPythonFilter *self) {
  if (!self->stream->has_rest()) return GST_FLOW_OK;
  GstBuffer *rest;
  const GstFlowReturn flow = self->stream->take_rest(&rest);
  return push_all(self, rest, flow);
}

// What the plugin still holds belongs to the format it got it in.
static GstFlowReturn push_tail(GstPythonFilter *self) {
  GstFlowReturn flow = push_rest(self);
  if (flow != GST_FLOW_OK) return flow;
  GstBuffer *tail;
  flow = self->stream->drain(&tail);
  return push_all(self, tail, flow);
}

// What was held back, if there is any, belongs to what it came with: a stream,
// a segment, what is before a gap.
static GstFlowReturn end_part(GstPythonFilter *self, bool holds) {
  GstFlowReturn flow = holds ? push_tail(self) : push_rest(self);
  if (holds && flow == GST_FLOW_OK) flow = self->stream->reset();
  self->stream->expect_jump();
  return flow;
}

static void new_segment(GstPythonFilter *self, GstEvent *event) {
  GstSegment after;
  gst_event_copy_segment(event, &after);
  if (pythonfilter::is_same_line(GST_BASE_TRANSFORM(self)->segment, after)) {
    push_rest(self);
    return;
  }
  end_part(self, self->stream->holds_back());
  self->stream->begin_segment(after.rate < 0);
}

// What the old code holds and cannot hand over comes before what the new makes.
static GstFlowReturn change_code(GstPythonFilter *self) {
  GstBuffer *tail;
  self->stream->change_code(&tail);
  return push_all(self, tail, GST_FLOW_OK);
}

static void set_passthrough(GstPythonFilter *self) {
  gst_base_transform_set_passthrough(
      GST_BASE_TRANSFORM(self), self->python->capabilities().read_only &&
                                    !self->python->capabilities().converts);
}

// The plugin starts, and what it gives is known; downstream hears of it with
// the first of that. True for caps that it takes, and where those that it does
// not take are no reason to end the stream.
static bool start_late(GstPythonFilter *self, GstCaps *input) {
  auto &late = self->stream->late;
  if (self->python->refuse_within_call("take caps")) return false;
  const bool taken = self->python->takes(input);
  g_autoptr(GstCaps) output =
      taken ? late.find_output(input) : gst_caps_new_empty();
  if (taken && gst_caps_is_empty(output)) return false;
  const bool started = taken && self->stream->start(input, output);
  if (started) {
    set_passthrough(self);
    late.hold_caps(input, output);
  } else if (!self->python->failed()) {
    self->python->stop();
    late.refuse_caps();
  }
  return started || !self->python->failed();
}

// Another process runs the plugin now, and what it gives can have other caps,
// such as an encryptor's new session.
static GstFlowReturn start_again(GstPythonFilter *self) {
  auto *base = GST_BASE_TRANSFORM(self);
  GstPad *src = GST_BASE_TRANSFORM_SRC_PAD(base);
  g_autoptr(GstCaps) input =
      gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base));
  if (self->python->fails_closed()) {
    if (input && !start_late(self, input)) return GST_FLOW_NOT_NEGOTIATED;
    if (!self->stream->late.refused()) return GST_FLOW_OK;
    const GstFlowReturn flow = self->stream->drop_refused();
    return flow == GST_FLOW_OK ? GST_BASE_TRANSFORM_FLOW_DROPPED : flow;
  }
  g_autoptr(GstCaps) before = gst_pad_get_current_caps(src);
  gst_base_transform_reconfigure_src(base);
  bool good = gst_base_transform_reconfigure(base);
  g_autoptr(GstCaps) now = gst_pad_get_current_caps(src);
  // The base class says nothing of the same ones. A pad that stops has none.
  if (good && before && now && gst_caps_is_equal(before, now))
    good = self->stream->start(input, now);
  return good ? GST_FLOW_OK : GST_FLOW_NOT_NEGOTIATED;
}

static gboolean gst_python_filter_set_caps(GstBaseTransform *base,
                                           GstCaps *input, GstCaps *output) {
  auto *self = GST_PYTHON_FILTER(base);
  const StreamingThread::Call call(&self->python->streaming);
  if (self->stream->late.releases()) return TRUE;
  // Only the output changes: downstream asked for it, no event told so before.
  if (!self->draining) push_tail(self);
  if (!self->stream->start(input, output)) return FALSE;
  set_passthrough(self);
  return TRUE;
}

static gboolean gst_python_filter_propose_allocation(GstBaseTransform *base,
                                                     GstQuery *decide,
                                                     GstQuery *query) {
  const gboolean answered =
      base_class()->propose_allocation(base, decide, query);
  return GST_PYTHON_FILTER(base)->python->offer_memory(query) || answered;
}

static gboolean gst_python_filter_stop(GstBaseTransform *base) {
  FilterStream *stream = GST_PYTHON_FILTER(base)->stream;
  const StreamingThread::Call call(&stream->python.streaming);
  stream->forget();
  stream->late.forget();
  stream->forget_latency();
  return TRUE;
}

// The base class keeps the stream as it is when the same caps come again.
static bool changes_caps(GstBaseTransform *base, GstEvent *event) {
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  g_autoptr(GstCaps) now =
      gst_pad_get_current_caps(GST_BASE_TRANSFORM_SINK_PAD(base));
  return !now || !gst_caps_is_equal(now, caps);
}

// The tail goes out before the base class sends the new caps on.
static gboolean new_caps(GstPythonFilter *self, GstEvent *taken) {
  g_autoptr(GstEvent) event = taken;
  auto *base = GST_BASE_TRANSFORM(self);
  const bool changes = changes_caps(base, event);
  if (changes) push_tail(self);
  if (self->python->fails_closed()) {
    GstCaps *input;
    gst_event_parse_caps(event, &input);
    return !changes || start_late(self, input);
  }
  self->draining = TRUE;
  const gboolean good = base_class()->sink_event(base, g_steal_pointer(&event));
  self->draining = FALSE;
  return good;
}

// The plugin's EndOfStream. Blocks that wait are not for it any more.
static void end_if_asked(GstPythonFilter *self) {
  if (G_LIKELY(!self->stream->take_end())) return;
  self->stream->forget();
  self->python->end(GST_BASE_TRANSFORM_SINK_PAD(self));
}

// Takes an event that is not for downstream yet, or not any more.
static bool hold(GstPythonFilter *self, GstEvent *event) {
  auto *base = GST_BASE_TRANSFORM(self);
  auto &late = self->stream->late;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      if (!self->python->fails_closed()) return false;
      late.hold_start(event);
      return true;
    case GST_EVENT_SEGMENT:
      if (!late.waits()) return false;
      gst_event_copy_segment(event, &base->segment);
      base->have_segment = TRUE;
      late.hold_segment(event);
      return true;
    case GST_EVENT_GAP:
      // A stream that nobody downstream knows of has no gaps.
      if (!late.waits()) return false;
      gst_event_unref(event);
      return true;
    default:
      return false;
  }
}

// An event that comes in its place between buffers.
static gboolean serialized(GstPythonFilter *self, GstEvent *event) {
  auto *base = GST_BASE_TRANSFORM(self);
  // A FLUSH_STOP may have waited until the stream was over.
  if (!gst_pad_is_active(GST_BASE_TRANSFORM_SINK_PAD(base))) {
    gst_event_unref(event);
    return FALSE;
  }
  const StreamingThread::Call call(&self->python->streaming);
  gboolean taken;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
      taken = new_caps(self, event);
      end_if_asked(self);
      return taken;
    case GST_EVENT_EOS:
      push_tail(self);
      self->stream->take_end();  // it does already
      self->python->end_of_stream();
      self->stream->late.release_start();
      break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_SEGMENT_DONE:
      end_part(self, self->stream->holds_back());
      break;
    case GST_EVENT_SEGMENT:
      self->python->refusal.look_at_segment(GST_BASE_TRANSFORM_SINK_PAD(base));
      new_segment(self, event);
      break;
    case GST_EVENT_GAP:
      end_part(self, self->stream->lags());
      break;
    case GST_EVENT_FLUSH_STOP:
      self->stream->late.forget_segment();
      self->stream->forget();
      self->stream->reset();
      break;
    default:
      break;
  }
  taken = hold(self, event) || base_class()->sink_event(base, event);
  end_if_asked(self);
  return taken;
}

static gboolean gst_python_filter_sink_event(GstBaseTransform *base,
                                             GstEvent *event) {
  auto *self = GST_PYTHON_FILTER(base);
  if (!pythonfilter::is_whole(event)) {
    gst_event_unref(event);
    return FALSE;
  }
  if (self->python->closes() && !(event = pythonfilter::sealed_event(event)))
    return TRUE;
  if (GST_EVENT_IS_SERIALIZED(event)) return serialized(self, event);
  // Beside the stream, on any thread: FLUSH_START.
  return base_class()->sink_event(base, event);
}

static gboolean gst_python_filter_src_event(GstBaseTransform *base,
                                            GstEvent *event) {
  if (GST_PYTHON_FILTER(base)->python->closes() &&
      !pythonfilter::passes_upstream(event)) {
    gst_event_unref(event);
    return FALSE;
  }
  return base_class()->src_event(base, event);
}

static gboolean gst_python_filter_query(GstBaseTransform *base,
                                        GstPadDirection direction,
                                        GstQuery *query) {
  // The base class would agree with downstream now.
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION &&
      direction == GST_PAD_SINK &&
      GST_PYTHON_FILTER(base)->stream->late.waits())
    return GST_PYTHON_FILTER(base)->python->offer_memory(query);
  if (!base_class()->query(base, direction, query)) return FALSE;
  // A sender that writes any caps gets no further with these than with others.
  if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS &&
      direction == GST_PAD_SINK &&
      GST_PYTHON_FILTER(base)->python->drops_caps())
    gst_query_set_accept_caps_result(query, TRUE);
  if (direction == GST_PAD_SINK)
    GST_PYTHON_FILTER(base)->python->refusal.look_at_query(
        GST_BASE_TRANSFORM_SINK_PAD(base), GST_BASE_TRANSFORM_SRC_PAD(base),
        query);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || direction != GST_PAD_SRC)
    return TRUE;
  GST_PYTHON_FILTER(base)->stream->add_latency(query);
  return TRUE;
}

// Takes a buffer of a stream that nobody downstream has heard of; the base
// class only takes one where it has agreed with them.
static GstFlowReturn submit_late(GstPythonFilter *self, GstBuffer *input) {
  auto *base = GST_BASE_TRANSFORM(self);
  const StreamingThread::Call call(&self->python->streaming);
  if (self->stream->late.refused()) {
    gst_buffer_unref(input);
    return self->stream->drop_refused();
  }
  gst_clear_buffer(&base->queued_buf);
  base->queued_buf = input;
  return GST_FLOW_OK;
}

[[gnu::noinline]] static GstFlowReturn submit_closed(GstBaseTransform *base,
                                                     gboolean discont,
                                                     GstBuffer *input) {
  auto *self = GST_PYTHON_FILTER(base);
  pythonfilter::remove_foreign_metas(&input);
  return self->stream->late.waits()
             ? submit_late(self, input)
             : base_class()->submit_input_buffer(base, discont, input);
}

[[gnu::hot]] static GstFlowReturn gst_python_filter_submit(
    GstBaseTransform *base, gboolean discont, GstBuffer *input) {
  auto *self = reinterpret_cast<GstPythonFilter *>(base);
  return G_UNLIKELY(self->stream->late.closes())
             ? submit_closed(base, discont, input)
             : base_class()->submit_input_buffer(base, discont, input);
}

// Instead of transform_ip: a failed call may leave nothing, or silence in a
// buffer that a read-only plugin was not given to write to.
[[gnu::always_inline]] static inline GstFlowReturn next_output(
    GstBaseTransform *base, GstBuffer **output) {
  GstBuffer *buffer = std::exchange(base->queued_buf, nullptr);
  auto *self = reinterpret_cast<GstPythonFilter *>(base);
  *output = nullptr;
  // The base class asks until there is nothing more.
  if (!buffer) {
    if (G_UNLIKELY(self->stream->makes_blocks()))
      return self->stream->next_block(output);
    *output = self->stream->pop_output();
    return GST_FLOW_OK;
  }
  if (!self->python->started()) {
    gst_buffer_unref(buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  // Left over from a push that failed.
  self->stream->drop_outputs();
  self->stream->clip(&buffer);
  if (G_UNLIKELY(!buffer)) return GST_FLOW_OK;
  // As audiofxbasefirfilter does: what was held back comes before the break.
  GstFlowReturn flow =
      self->stream->begins_anew(&buffer) ? push_tail(self) : GST_FLOW_OK;
  if (G_UNLIKELY(self->python->new_code_waits()) && flow == GST_FLOW_OK)
    flow = change_code(self);
  if (G_UNLIKELY(self->python->wants_start()) && flow == GST_FLOW_OK)
    flow = start_again(self);
  if (G_UNLIKELY(self->stream->makes_blocks()) && flow == GST_FLOW_OK) {
    if (self->stream->add(buffer)) return self->stream->next_block(output);
    flow = push_rest(self);
  }
  if (flow == GST_FLOW_OK) flow = self->stream->process(&buffer);
  if (G_UNLIKELY(self->stream->plays_backwards()) &&
      (flow == GST_FLOW_OK || flow == GST_BASE_TRANSFORM_FLOW_DROPPED))
    flow = self->stream->complete(&buffer);
  if (flow != GST_FLOW_OK)
    gst_clear_buffer(&buffer);
  else if (!buffer)
    buffer = self->stream->pop_output();
  *output = buffer;
  return flow;
}

// Takes the last buffer that lies in a segment that ends with a SEGMENT_DONE.
// What is held back follows at once: before that event the source posts its
// message, and who then seeks, to play the segment again, waits for a sink that
// may have got nothing yet.
static GstFlowReturn end_segment(GstPythonFilter *self, GstBuffer **output,
                                 GstFlowReturn flow) {
  auto *base = GST_BASE_TRANSFORM(self);
  while (flow == GST_FLOW_OK && *output) {
    flow = push_all(self, *output, flow);
    *output = nullptr;
    if (flow == GST_FLOW_OK) flow = next_output(base, output);
  }
  if (flow != GST_FLOW_OK) return flow;
  return end_part(self, self->stream->holds_back());
}

// What is not just to be pushed: it ends the stream, it is an error, nobody
// downstream knows of it, or it is bypassed. Apart from the rest, which needs
// no registers for it.
[[gnu::cold, gnu::noinline]] static GstFlowReturn finish(GstPythonFilter *self,
                                                         GstBuffer **output,
                                                         GstFlowReturn flow) {
  if (flow == GST_FLOW_EOS) end_if_asked(self);
  if (*output && flow == GST_FLOW_OK) flow = self->stream->late.release();
  if (G_UNLIKELY(flow != GST_FLOW_OK)) gst_clear_buffer(output);
  if (*output) self->stream->mix_dry(output);
  return flow;
}

[[gnu::hot, gnu::noinline]] static GstFlowReturn generate(GstPythonFilter *self,
                                                          GstBuffer **output) {
  auto *base = GST_BASE_TRANSFORM_CAST(self);
  const StreamingThread::Call call(&self->python->streaming);
  const bool last = self->stream->ends_segment(base->queued_buf);
  GstFlowReturn flow = next_output(base, output);
  if (G_UNLIKELY(last)) flow = end_segment(self, output, flow);
  // One comparison, as every buffer comes by here.
  if (G_LIKELY((flow | self->stream->late.waits() | self->stream->bypasses()) ==
               GST_FLOW_OK))
    return flow;
  return finish(self, output, flow);
}

// The base class asks until there is nothing more, so for each buffer once more
// than there is something.
[[gnu::hot]] static GstFlowReturn gst_python_filter_generate_output(
    GstBaseTransform *base, GstBuffer **output) {
  auto *self = reinterpret_cast<GstPythonFilter *>(base);
  if (base->queued_buf || G_UNLIKELY(self->stream->has_more()))
    return generate(self, output);
  *output = nullptr;
  return GST_FLOW_OK;
}

static void gst_python_filter_class_init(GstPythonFilterClass *klass) {
  auto *element_class = GST_ELEMENT_CLASS(klass);
  auto *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  pythonfilter::PythonElementClass<GstPythonFilter>::init(
      klass, gst_python_filter_parent_class);
  gst_element_class_set_static_metadata(
      element_class, "Python audio filter", "Filter/Effect/Audio",
      "Runs an audio processor written in Python with NumPy on the buffer's "
      "own memory",
      "The pythonfilter authors");
  pythonfilter::add_broken_plugins(element_class);
  // A plugin may take and give anything; most take raw audio.
  for (const auto &[name, direction] :
       {std::pair("sink", GST_PAD_SINK), {"src", GST_PAD_SRC}})
    gst_element_class_add_pad_template(
        element_class,
        gst_pad_template_new(name, direction, GST_PAD_ALWAYS, GST_CAPS_ANY));

  transform_class->transform_caps = gst_python_filter_transform_caps;
  transform_class->fixate_caps = gst_python_filter_fixate_caps;
  transform_class->stop = gst_python_filter_stop;
  transform_class->set_caps = gst_python_filter_set_caps;
  transform_class->propose_allocation = gst_python_filter_propose_allocation;
  transform_class->sink_event = gst_python_filter_sink_event;
  transform_class->src_event = gst_python_filter_src_event;
  transform_class->query = gst_python_filter_query;
  transform_class->submit_input_buffer = gst_python_filter_submit;
  transform_class->generate_output = gst_python_filter_generate_output;
}
