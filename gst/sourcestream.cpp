// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sourcestream.hpp"

#include <algorithm>

namespace pythonfilter {

namespace {

constexpr int default_frames = 512;
// Of what a plugin asks for: more would be memory that nobody has.
constexpr int most_frames = 1 << 20;

// How long to wait before asking a plugin again that had nothing: often
// enough to be on time, seldom enough not to keep a core busy.
std::chrono::nanoseconds before_asking_again(GstClockTime duration) {
  return std::chrono::nanoseconds(
      std::clamp<GstClockTime>(duration / 8, GST_MSECOND, 20 * GST_MSECOND));
}

}  // namespace

bool SourceStream::start(const GstAudioInfo &info) {
  // The property is in bytes, as everywhere; 0 leaves it to the plugin.
  const guint bytes = gst_base_src_get_blocksize(source_);
  const int wanted = python.preferences().frames;
  frames_ = bytes ? std::max<size_t>(1, bytes / size_t(info.bpf))
                  : size_t(wanted > 0 ? std::min(wanted, most_frames)
                                      : default_frames);
  if (python.started()) {
    base_ = time_of(next_);  // new caps in the middle: time goes on
  } else {
    base_ = 0;
    based_ = false;
    g_object_get(source_, "num-buffers", &buffers_left_, nullptr);
  }
  next_ = 0;
  discont_ = true;
  if (!python.start(info, int(frames_))) return false;
  duration_ =
      gst_util_uint64_scale_round(frames_, GST_SECOND, guint64(info.rate));
  return true;
}

GstClockTime SourceStream::time_of(guint64 sample) const {
  return base_ + gst_util_uint64_scale_round(sample, GST_SECOND,
                                             guint64(python.info().rate));
}

void SourceStream::choose_pool(GstQuery *query) {
  const guint size = guint(frames_ * size_t(python.info().bpf));
  if (gst_query_get_n_allocation_pools(query) > 0) {
    GstBufferPool *pool;
    guint theirs, least, most;
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &theirs, &least,
                                        &most);
    gst_query_set_nth_allocation_pool(query, 0, pool, std::max(size, theirs),
                                      least, most);
    gst_clear_object(&pool);
    return;
  }
  GstCaps *caps;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstBufferPool *pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, 0, 0);
  gst_buffer_pool_set_config(pool, config);
  gst_query_add_allocation_pool(query, pool, size, 0, 0);
  gst_object_unref(pool);
}

GstFlowReturn SourceStream::new_buffer(GstBuffer **buffer) {
  const GstAudioInfo &info = python.info();
  const gsize size = frames_ * size_t(info.bpf);
  GstFlowReturn flow = GST_FLOW_OK;
  GstBufferPool *pool = gst_base_src_get_buffer_pool(source_);
  if (pool) {
    flow = gst_buffer_pool_acquire_buffer(pool, buffer, nullptr);
    gst_object_unref(pool);
  } else {
    *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  }
  if (flow != GST_FLOW_OK) return flow;
  gst_buffer_set_size(*buffer, gssize(size));
  if (info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(*buffer, &info, frames_, nullptr);
  return GST_FLOW_OK;
}

GstFlowReturn SourceStream::create(GstBuffer **buffer) {
  const GstFlowReturn flow = next_buffer(buffer);
  // The base class ends the stream by itself after num-buffers.
  if (flow == GST_FLOW_EOS || (flow == GST_FLOW_OK && --buffers_left_ == 0))
    python.end_of_stream();
  return flow;
}

GstFlowReturn SourceStream::next_buffer(GstBuffer **buffer) {
  GstFlowReturn flow = python.prepare(GST_CLOCK_TIME_NONE);
  if (flow != GST_FLOW_OK) return flow;
  if (is_live() && !based_) {
    base_ = running_time();
    based_ = true;
  }
  for (;;) {
    flow = new_buffer(buffer);
    if (flow != GST_FLOW_OK) return flow;
    GstFlowReturn failed = GST_FLOW_OK;
    flow = fill(*buffer, &failed);
    if (flow == GST_FLOW_OK && failed == GST_FLOW_OK) {
      stamp(*buffer);
      return GST_FLOW_OK;
    }
    gst_clear_buffer(buffer);
    if (flow != GST_FLOW_OK) return flow;
    // Dropped by policy: its time passes.
    next_ += frames_;
    discont_ = true;
    python.stats().dropped.add();
    if (is_live() && !wait_until(time_of(next_))) return GST_FLOW_FLUSHING;
  }
}

// `dropped` is not OK for a buffer that on-error says to drop.
GstFlowReturn SourceStream::fill(GstBuffer *buffer, GstFlowReturn *dropped) {
  const GstClockTime due = time_of(next_ + frames_);
  for (;;) {
    const Outcome outcome = ask(buffer);
    switch (outcome) {
      case Outcome::Ok:
        if (is_live() && !wait_until(due)) return GST_FLOW_FLUSHING;
        return GST_FLOW_OK;
      case Outcome::EndOfStream:
        return GST_FLOW_EOS;
      case Outcome::Closing:
        return GST_FLOW_FLUSHING;
      case Outcome::Declined:
        if (!is_live()) {
          if (!pause_.wait(before_asking_again(duration_)))
            return GST_FLOW_FLUSHING;
          continue;
        }
        if (running_time() < due) {
          const GstClockTime soon =
              running_time() +
              GstClockTime(before_asking_again(duration_).count());
          if (!wait_until(std::min(soon, due))) return GST_FLOW_FLUSHING;
          continue;
        }
        break;
      case Outcome::Failed: {
        const GstFlowReturn flow = python.report(time_of(next_));
        if (flow != GST_FLOW_OK) return flow;
        if (python.on_error() == OnError::Drop) {
          *dropped = GST_FLOW_ERROR;
          return GST_FLOW_OK;
        }
        if (is_live() && !wait_until(due)) return GST_FLOW_FLUSHING;
        break;
      }
      case Outcome::Dropped:  // a source has no buffer to drop
        break;
    }
    // A source has no samples from before the call: silence is what is left.
    gst_buffer_memset(buffer, 0, 0, gst_buffer_get_size(buffer));
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
    return GST_FLOW_OK;
  }
}

Outcome SourceStream::ask(GstBuffer *buffer) {
  // Here, as a plugin that never has anything may be what is being mended.
  if (G_UNLIKELY(python.new_code_waits())) python.change_code();
  const GstFlowReturn ready = python.prepare(time_of(next_));
  if (ready != GST_FLOW_OK) return Outcome::Closing;
  AudioBlock block;
  std::string problem;
  if (!block.map(buffer, python.info(), true, &problem))
    return python.refuse("got " + problem);
  block.pts = time_of(next_);
  block.duration = duration_;
  block.offset = next_;
  block.discont = discont_;
  const Outcome outcome = python.call(&block);
  if (outcome == Outcome::Ok && block.discont) discont_ = true;
  return outcome;
}

void SourceStream::stamp(GstBuffer *buffer) {
  GST_BUFFER_OFFSET(buffer) = next_;
  GST_BUFFER_OFFSET_END(buffer) = next_ + frames_;
  // With do-timestamp the base class writes the time of capture.
  const GstClockTime begin = time_of(next_), end = time_of(next_ + frames_);
  GST_BUFFER_PTS(buffer) =
      gst_base_src_get_do_timestamp(source_) ? GST_CLOCK_TIME_NONE : begin;
  GST_BUFFER_DURATION(buffer) = end - begin;
  if (discont_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  discont_ = false;
  next_ += frames_;
  python.stats().buffers.add();
}

GstClockTime SourceStream::running_time() const {
  const GstClockTime now =
      gst_element_get_current_running_time(GST_ELEMENT(source_));
  return GST_CLOCK_TIME_IS_VALID(now) ? now : 0;
}

bool SourceStream::wait_until(GstClockTime due) {
  const GstClockTime now = running_time();
  return pause_.wait(std::chrono::nanoseconds(due > now ? due - now : 0));
}

void SourceStream::set_unlocked(bool unlocked) {
  pause_.set_unlocked(unlocked);
  if (unlocked) python.unlock();
}

}  // namespace pythonfilter
