// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sourcestream.hpp"

#include <algorithm>
#include <utility>

#include "../caps/plugincaps.hpp"

namespace pythonfilter {

namespace {

constexpr int default_frames = 512;
// The most that a plugin may ask for: more would be memory that nobody has.
constexpr int most_frames = 1 << 20;

enum { PROP_IS_LIVE = last_shared_property + 1 };

// How long to wait before asking a plugin again that had nothing: often
// enough to be on time, seldom enough not to keep a core busy.
GstClockTime before_asking_again(GstClockTime duration) {
  return std::clamp<GstClockTime>(duration / 8, GST_MSECOND, 20 * GST_MSECOND);
}

}  // namespace

void SourceStream::install_properties(GObjectClass *object_class) {
  PythonElement::install_properties(object_class);
  g_object_class_install_property(
      object_class, PROP_IS_LIVE,
      g_param_spec_boolean(
          "is-live", "Live", "Paced by the pipeline's clock, as a device is",
          FALSE, GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)));
}

bool SourceStream::set_property(guint id, const GValue *value) {
  if (id != PROP_IS_LIVE) return python.set_property(id, value);
  gst_base_src_set_live(source_, g_value_get_boolean(value));
  return true;
}

bool SourceStream::get_property(guint id, GValue *value) {
  if (id != PROP_IS_LIVE) return python.get_property(id, value);
  g_value_set_boolean(value, is_live());
  return true;
}

bool SourceStream::start(GstCaps *caps) {
  assert(python.streaming.is_here());
  if (!python.loaded()) return false;
  GstAudioInfo info;
  converts_ = python.capabilities().converts;
  gst_audio_info_init(&output_);
  if (is_raw_audio(caps)) {
    if (!exact_audio(caps, &info)) return python.refuse_caps(caps, "gives");
  } else {
    // A "frame" is a nanosecond of what nobody can count.
    gst_audio_info_init(&info);
    info.rate = gint(GST_SECOND);
    info.bpf = 1;
  }
  // The property is in bytes, as everywhere; 0 leaves it to the plugin.
  const guint bytes = gst_base_src_get_blocksize(source_);
  const int wanted = python.preferences().frames;
  frames_ = bytes ? std::max<size_t>(1, bytes / size_t(info.bpf))
                  : size_t(wanted > 0 ? std::min(wanted, most_frames)
                                      : default_frames);
  drop_ready();
  // New caps in the middle: time goes on.
  const bool goes_on = python.started();
  const GstClockTime place = goes_on ? times_.place() : first_place_;
  const GstClockTime time = goes_on ? times_.time() : place;
  times_.start(guint64(info.rate), goes_on ? time : 0);
  if (!goes_on) {
    based_ = false;
    g_object_get(source_, "num-buffers", &buffers_left_, nullptr);
  }
  discont_ = true;
  duration_ = converts_ ? 0 : times_.time_after(frames_) - times_.time();
  if (!start_plugin(caps, info)) return false;
  check_latency();
  in_place_ = !is_backwards();
  check_length();
  if (!in_place_) {
    times_.go_to(times_.frame_at(place));
    return true;
  }
  return go_on(place, time);
}

bool SourceStream::start_plugin(GstCaps *caps, const GstAudioInfo &info) {
  if (!converts_) return python.start(info, int(frames_));
  if (!python.confirm_source_caps(caps)) return false;
  StreamFormat format;
  if (!describe_outputs(caps, &format)) return false;
  GstAudioInfo none;
  gst_audio_info_init(&none);
  return python.start(none, format);
}

// A buffer is sent when its last sample is due, and the plugin may have it
// later by its own latency, and by how long its process may take.
GstClockTime SourceStream::latency() const {
  return is_live() ? duration_ + python.latency() + python.deadline() : 0;
}

void SourceStream::check_latency() {
  const GstClockTime now = latency();
  if (G_UNLIKELY(told_.check(GST_ELEMENT(source_), now)))
    GST_DEBUG_OBJECT(source_, "the latency is %" GST_TIME_FORMAT " now",
                     GST_TIME_ARGS(now));
}

void SourceStream::choose_pool(GstQuery *query) {
  assert(python.streaming.is_here());
  if (converts_ || !python.started()) return;
  const guint size = guint(frames_ * size_t(python.info().bpf));
  if (gst_query_get_n_allocation_pools(query) > 0) {
    g_autoptr(GstBufferPool) pool = nullptr;
    guint theirs, least, most;
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &theirs, &least,
                                        &most);
    gst_query_set_nth_allocation_pool(query, 0, pool, std::max(size, theirs),
                                      least, most);
    return;
  }
  GstCaps *caps;
  gst_query_parse_allocation(query, &caps, nullptr);
  g_autoptr(GstBufferPool) pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, 0, 0);
  gst_buffer_pool_set_config(pool, config);
  gst_query_add_allocation_pool(query, pool, size, 0, 0);
}

GstFlowReturn SourceStream::new_buffer(size_t frames, GstBuffer **buffer) {
  const GstAudioInfo &info = python.info();
  const gsize size = frames * size_t(info.bpf);
  GstFlowReturn flow = GST_FLOW_OK;
  g_autoptr(GstBufferPool) pool = gst_base_src_get_buffer_pool(source_);
  if (pool)
    flow = gst_buffer_pool_acquire_buffer(pool, buffer, nullptr);
  else
    *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  if (flow != GST_FLOW_OK) return flow;
  gst_buffer_set_size(*buffer, gssize(size));
  if (info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(*buffer, &info, frames, nullptr);
  return GST_FLOW_OK;
}

GstFlowReturn SourceStream::create(GstBuffer **buffer) {
  assert(python.streaming.is_here());
  const GstFlowReturn flow = next_buffer(buffer);
  // The base class ends the stream by itself after num-buffers, and where a
  // buffer ends at the segment's stop.
  if (flow == GST_FLOW_EOS ||
      (flow == GST_FLOW_OK && (--buffers_left_ == 0 || is_last(*buffer))))
    python.end_of_stream();
  return flow;
}

bool SourceStream::is_last(GstBuffer *buffer) const {
  const GstClockTime begin = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(begin) || !GST_BUFFER_DURATION_IS_VALID(buffer))
    return false;
  return is_backwards() ? begin <= segment().start
                        : begin + GST_BUFFER_DURATION(buffer) >= segment().stop;
}

GstFlowReturn SourceStream::next_buffer(GstBuffer **buffer) {
  GstFlowReturn flow = python.prepare(GST_CLOCK_TIME_NONE);
  if (flow != GST_FLOW_OK) return flow;
  if (!based_) begin();
  if (G_UNLIKELY(segment_lost_)) restore_segment();
  if (converts_) return next_output(buffer);
  for (;;) {
    // What a flush kept from being sent when it was due is still there.
    if (length_ == 0) {
      const size_t frames = frames_to_ask();
      if (frames == 0) return GST_FLOW_EOS;
      flow = G_LIKELY(!is_backwards()) ? make(frames) : step_back(frames);
      if (flow != GST_FLOW_OK) return flow;
      if (length_ == 0) continue;
    }
    if (is_live()) flow = wait_.until(due_after(length_));
    if (flow != GST_FLOW_OK) return flow;
    if (ready_) break;
    GST_LOG_OBJECT(source_, "drops %" G_GSIZE_FORMAT " frames", length_);
    // Dropped by policy: its time passes.
    const size_t frames = std::exchange(length_, 0);
    if (!is_backwards()) times_.advance(frames);
    discont_ = true;
    python.stats().dropped.add();
    flow = rest(0);
    if (flow != GST_FLOW_OK) return flow;
  }
  check_latency();
  check_length();
  stamp(ready_);
  *buffer = std::exchange(ready_, nullptr);
  return GST_FLOW_OK;
}

// What a live source makes first is of now.
void SourceStream::begin() {
  based_ = true;
  const GstClockTime running = now();
  if (!is_live() || !GST_CLOCK_TIME_IS_VALID(running)) return;
  const GstClockTime place = gst_segment_position_from_running_time(
      &segment(), GST_FORMAT_TIME, running);
  if (GST_CLOCK_TIME_IS_VALID(place) && place > times_.time())
    times_.go_to(times_.next(), place);
}

// Not beyond the segment's stop, or backwards its start.
size_t SourceStream::frames_to_ask() const {
  if (G_UNLIKELY(is_backwards()))
    return std::min<guint64>(
        frames_, times_.next() -
                     std::min(times_.next(), times_.frame_at(segment().start)));
  const GstClockTime stop = segment().stop;
  if (!GST_CLOCK_TIME_IS_VALID(stop)) return frames_;
  return std::min<guint64>(frames_, times_.frames_until(stop));
}

// Fills `ready_`, or leaves none for what on-error says to drop; length_ is
// how many frames of either there are.
GstFlowReturn SourceStream::make(size_t frames) {
  GstFlowReturn flow = new_buffer(frames, &ready_);
  if (flow != GST_FLOW_OK) return flow;
  Made made = Made::Samples;
  flow = fill(ready_, &frames, &made);
  if (flow != GST_FLOW_OK) {
    gst_clear_buffer(&ready_);
    return flow;
  }
  if (made == Made::Silence) {
    // A source has no samples from before the call: this is what is left.
    gst_buffer_memset(ready_, 0, 0, gst_buffer_get_size(ready_));
    GST_BUFFER_FLAG_SET(ready_, GST_BUFFER_FLAG_GAP);
    GST_LOG_OBJECT(source_, "silence, of %" G_GSIZE_FORMAT " frames", frames);
  } else if (made == Made::Nothing) {
    gst_clear_buffer(&ready_);
  }
  length_ = frames;
  if (is_live()) note_lateness(frames);
  return GST_FLOW_OK;
}

// `frames` becomes how many the plugin gave.
GstFlowReturn SourceStream::fill(GstBuffer *buffer, size_t *frames,
                                 Made *made) {
  const GstClockTime due = due_after(*frames);
  for (;;) {
    size_t given = *frames;
    switch (ask(buffer, *frames, &given)) {
      case Outcome::Ok:
        if (G_UNLIKELY(given < *frames)) shorten(buffer, given);
        *frames = given;
        return GST_FLOW_OK;
      case Outcome::EndOfStream:
        return GST_FLOW_EOS;
      case Outcome::Closing:
        return GST_FLOW_FLUSHING;
      case Outcome::Declined: {
        bool too_late = false;
        const GstFlowReturn flow = wait_for_samples(due, &too_late);
        if (flow != GST_FLOW_OK) return flow;
        if (!too_late) continue;
        *made = Made::Silence;
        return GST_FLOW_OK;
      }
      case Outcome::Failed: {
        const GstFlowReturn flow = python.report(times_.time());
        if (flow != GST_FLOW_OK) return flow;
        *made =
            python.on_error() == OnError::Drop ? Made::Nothing : Made::Silence;
        return GST_FLOW_OK;
      }
      case Outcome::Dropped:  // a source has no buffer to drop
        return GST_FLOW_ERROR;
    }
  }
}

// The plugin has nothing yet. A live stream does without it when it had its own
// latency, too.
GstFlowReturn SourceStream::wait_for_samples(GstClockTime due, bool *too_late) {
  const GstClockTime pause = before_asking_again(duration_);
  const GstClockTime running = is_live() ? now() : GST_CLOCK_TIME_NONE;
  if (!GST_CLOCK_TIME_IS_VALID(running)) return rest(pause);
  const GstClockTime end = due + python.latency();
  *too_late = running >= end;
  return *too_late ? GST_FLOW_OK : wait_.until(std::min(running + pause, end));
}

// Nothing comes meanwhile. FLUSHING: a flush, a stop, or a seek without a
// flush, for which the base class pauses the task and waits until it returns.
GstFlowReturn SourceStream::rest(GstClockTime time) {
  if (!pause_.wait(std::chrono::nanoseconds(time))) return GST_FLOW_FLUSHING;
  return gst_pad_get_task_state(GST_BASE_SRC_PAD(source_)) == GST_TASK_STARTED
             ? GST_FLOW_OK
             : GST_FLOW_FLUSHING;
}

// Planes stay where they are.
void SourceStream::shorten(GstBuffer *buffer, size_t frames) {
  GST_LOG_OBJECT(source_, "%" G_GSIZE_FORMAT " frames, no more", frames);
  if (GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer))
    meta->samples = frames;
  else
    gst_buffer_set_size(buffer, gssize(frames * size_t(python.info().bpf)));
}

// The block before the one that was last.
GstFlowReturn SourceStream::step_back(size_t frames) {
  times_.go_to(times_.next() - frames);
  if (!python.seek(times_.next()))
    return python.prepare(times_.time()) == GST_FLOW_OK ? GST_FLOW_EOS
                                                        : GST_FLOW_ERROR;
  const GstFlowReturn flow = make(frames);
  // An end here is not the stream's: what was asked for lies behind the
  // source's end.
  return flow == GST_FLOW_EOS ? GST_FLOW_OK : flow;
}

// New code and new parameters come before each call, as a plugin that never has
// anything may be what is being mended.
bool SourceStream::may_ask() {
  lost_ = false;
  if (G_UNLIKELY(python.new_code_waits()) && python.change_code())
    go_on(times_.place(), times_.time());
  return python.prepare(times_.time()) == GST_FLOW_OK;
}

Outcome SourceStream::call(AudioBlock *block, CallResult *result) {
  block->pts = times_.time();
  block->offset = times_.next();
  block->discont = discont_;
  const Outcome outcome = python.call(block, result);
  if (outcome == Outcome::Ok && result->discont) {
    lost_ = !discont_;
    discont_ = true;
  }
  return outcome;
}

Outcome SourceStream::ask(GstBuffer *buffer, size_t frames, size_t *given) {
  if (!may_ask()) return Outcome::Closing;
  AudioBlock block;
  std::string problem;
  if (!block.map(buffer, python.info(), true, &problem))
    return python.refuse("got " + problem);
  block.duration = times_.time_after(frames) - times_.time();
  CallResult result;
  const Outcome outcome = call(&block, &result);
  *given = frames - result.missing;
  return outcome;
}

// What a live source lost is gone: its times follow the clock, and do not stay
// late for ever.
void SourceStream::note_lateness(size_t frames) {
  const GstClockTime running = now();
  if (!GST_CLOCK_TIME_IS_VALID(running)) return;
  const GstClockTimeDiff late =
      GST_CLOCK_DIFF(due_after(frames) + python.latency(), running);
  guint64 lost = times_.frames_lost(late, running, lost_);
  if (lost == 0) return;
  lost = guint64(double(lost) * segment().rate);
  GST_WARNING_OBJECT(source_,
                     "%s: %" GST_TIME_FORMAT
                     " late, so times jump by %" G_GUINT64_FORMAT " frames",
                     lost_ ? "the plugin says that it lost some" : "too slow",
                     GST_TIME_ARGS(late), lost);
  times_.advance(lost);
  discont_ = true;
}

void SourceStream::stamp(GstBuffer *buffer) {
  const GstClockTime begin = times_.time(), end = times_.time_after(length_);
  GST_BUFFER_OFFSET(buffer) = times_.next();
  GST_BUFFER_OFFSET_END(buffer) = times_.next() + length_;
  GST_BUFFER_PTS(buffer) = gst_base_src_get_do_timestamp(source_)
                               ? time_of_capture(end - begin)
                               : begin;
  GST_BUFFER_DURATION(buffer) = end - begin;
  if (discont_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  discont_ = false;
  const size_t frames = std::exchange(length_, 0);
  if (!is_backwards()) times_.advance(frames);
  python.stats().buffers.add();
}

// When the first frame of a buffer that is there now was captured. The base
// class would say when the last one was.
GstClockTime SourceStream::time_of_capture(GstClockTime duration) const {
  const GstClockTime running = now();
  const GstClockTime end = GST_CLOCK_TIME_IS_VALID(running)
                               ? gst_segment_position_from_running_time(
                                     &segment(), GST_FORMAT_TIME, running)
                               : GST_CLOCK_TIME_NONE;
  if (!GST_CLOCK_TIME_IS_VALID(end)) return times_.time();
  return end > segment().start + duration ? end - duration : segment().start;
}

void SourceStream::drop_ready() {
  drop_outputs();
  gst_clear_buffer(&ready_);
  length_ = 0;
}

// Running time; not known without a clock.
GstClockTime SourceStream::now() const {
  return gst_element_get_current_running_time(GST_ELEMENT(source_));
}

// The running time at which the last of the next frames is due.
GstClockTime SourceStream::due_after(size_t frames) const {
  const GstClockTime due = gst_segment_to_running_time(
      &segment(), GST_FORMAT_TIME,
      std::min(times_.time_after(frames), segment().stop));
  return GST_CLOCK_TIME_IS_VALID(due) ? due : 0;
}

void SourceStream::set_unlocked(bool unlocked) {
  pause_.set_unlocked(unlocked);
  wait_.set_unlocked(unlocked);
  if (unlocked) python.unlock();
}

}  // namespace pythonfilter
