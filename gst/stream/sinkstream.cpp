// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sinkstream.hpp"

#include <algorithm>

#include "../caps/plugincaps.hpp"

namespace pythonfilter {

namespace {

enum { PROP_PROVIDE_CLOCK = last_shared_property + 1 };

// Back-pressure is bounded: a device that takes nothing for this long is gone.
constexpr uint64_t space_patience_ns = 1000000000;
// What a device has in it at the end is less than this.
constexpr uint64_t drain_patience_ns = 10000000000;

uint64_t length_of(size_t frames, const GstAudioInfo &info) {
  return uint64_t(frames) * 1000000000u / uint64_t(info.rate);
}

// `frames` of the block from `first` on, with the time and place of their own.
Block part_of(const Block &block, size_t first, size_t frames,
              const GstAudioInfo &info) {
  Block part = block;
  if (frames == block.frames) return part;
  part.data += ptrdiff_t(first) * block.frame_stride;
  part.frames = frames;
  const uint64_t begin = length_of(first, info);
  if (block.pts != no_time) part.pts += begin;
  part.duration = length_of(first + frames, info) - begin;
  if (block.offset != no_time) part.offset += first;
  part.discont = block.discont && first == 0;
  return part;
}

// The base class drops what lies outside of the segment, but not the part of a
// buffer that does.
bool sticks_out(const GstBuffer *buffer, const GstSegment &segment) {
  if (segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer))
    return false;
  return GST_BUFFER_PTS(buffer) < segment.start ||
         (GST_CLOCK_TIME_IS_VALID(segment.stop) &&
          (!GST_BUFFER_DURATION_IS_VALID(buffer) ||
           GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer) >
               segment.stop));
}

}  // namespace

void SinkStream::install_properties(GObjectClass *object_class) {
  PythonElement::install_properties(object_class);
  g_object_class_install_property(
      object_class, PROP_PROVIDE_CLOCK,
      g_param_spec_boolean(
          "provide-clock", "Provide clock",
          "Offers a clock that goes as fast as the device plays, by what the "
          "plugin's get_available_space() says",
          FALSE, GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)));
}

bool SinkStream::set_property(guint id, const GValue *value) {
  if (id != PROP_PROVIDE_CLOCK) return python.set_property(id, value);
  offer_clock(g_value_get_boolean(value));
  return true;
}

bool SinkStream::get_property(guint id, GValue *value) {
  if (id != PROP_PROVIDE_CLOCK) return python.get_property(id, value);
  g_value_set_boolean(value, offers_clock());
  return true;
}

void SinkStream::offer_clock(bool offers) {
  GST_OBJECT_LOCK(sink_);
  if (offers)
    GST_OBJECT_FLAG_SET(sink_, GST_ELEMENT_FLAG_PROVIDE_CLOCK);
  else
    GST_OBJECT_FLAG_UNSET(sink_, GST_ELEMENT_FLAG_PROVIDE_CLOCK);
  GST_OBJECT_UNLOCK(sink_);
  // Whoever looks for a clock asks here again.
  g_autoptr(GstClock) ours = clock.ref();
  gst_element_post_message(
      GST_ELEMENT(sink_),
      offers ? gst_message_new_clock_provide(GST_OBJECT(sink_), ours, TRUE)
             : gst_message_new_clock_lost(GST_OBJECT(sink_), ours));
}

bool SinkStream::start(GstCaps *caps) {
  assert(python.streaming.is_here());
  // What the device still has is in the old format.
  if (python.started() && !fresh_ && drain() != GST_FLOW_OK) return false;
  fresh_ = true;
  written_ = 0;
  clock.restart();
  return python.loaded() && start_plugin(caps);
}

bool SinkStream::start_plugin(GstCaps *caps) {
  GstAudioInfo info;
  if (!python.capabilities().converts)
    return exact_audio(caps, &info) ? python.start(info, 0)
                                    : python.refuse_caps(caps, "takes");
  StreamFormat format;
  if (!python.describe_input(caps, &info, &format)) return false;
  format.output_caps = format.input_caps;
  return python.start(info, format);
}

GstFlowReturn SinkStream::write(GstBuffer *buffer) {
  assert(python.streaming.is_here());
  const GstAudioInfo &info = python.info();
  if (G_LIKELY(!sticks_out(buffer, sink_->segment)) || info.bpf == 0)
    return write_all(buffer);
  g_autoptr(GstBuffer) inside = gst_audio_buffer_clip(
      gst_buffer_ref(buffer), &sink_->segment, info.rate, info.bpf);
  return inside ? write_all(inside) : GST_FLOW_OK;
}

GstFlowReturn SinkStream::write_all(GstBuffer *buffer) {
  if (G_UNLIKELY(python.new_code_waits())) python.change_code();
  GstFlowReturn flow = python.prepare(GST_BUFFER_PTS(buffer));
  if (flow != GST_FLOW_OK) return flow;
  if (!fresh_ && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)) {
    flow = python.reset();
    if (flow != GST_FLOW_OK) return flow;
  }
  fresh_ = false;

  // A plugin may scribble on its buffer, but not on anybody else's.
  g_autoptr(GstBuffer) own = nullptr;
  if (!python.capabilities().read_only && !gst_buffer_is_writable(buffer)) {
    // Deep, or it would share the memory, and mapping it would copy it again.
    own = gst_buffer_copy_region(
        buffer,
        GstBufferCopyFlags(GST_BUFFER_COPY_ALL | GST_BUFFER_COPY_MERGE |
                           GST_BUFFER_COPY_DEEP),
        0, gsize(-1));
    python.stats().copies.add();
  }
  Written written = Written::Yes;
  {
    AudioBlock block;
    std::string problem;
    if (!map(buffer, &own, &block, &problem)) {
      python.refuse("got " + problem);
      written = Written::Failed;
    } else if (block.frames > 0) {
      python.stats().buffers.add();
      block.patience = python.patience_with(block);
      written = write_block(&block);
    }
  }
  discard(&given_);
  if (written == Written::Interrupted) return GST_FLOW_FLUSHING;
  if (written == Written::Ended) {
    ended_ = true;
    return GST_FLOW_EOS;
  }
  if (written == Written::Yes) return GST_FLOW_OK;
  flow = python.report(GST_BUFFER_PTS(buffer));
  if (flow == GST_FLOW_OK) {
    python.stats().dropped.add();
    GST_DEBUG_OBJECT(sink_, "drops %" GST_PTR_FORMAT, buffer);
  }
  return flow;
}

// `own` is a copy of the buffer, or NULL.
bool SinkStream::map(GstBuffer *buffer, GstBuffer **own, AudioBlock *block,
                     std::string *problem) {
  const GstAudioInfo &info = python.info();
  const bool writes = !python.capabilities().read_only;
  if (!bytes()) return block->map(*own ? *own : buffer, info, writes, problem);
  if (info.bpf > 0 && info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED) {
    if (!*own) *own = gst_buffer_copy(buffer);
    if (!make_planes_dense(own, info, problem)) return false;
  }
  return block->map_bytes(*own ? *own : buffer, info, writes, problem);
}

// A packet lasts as long as it says, or nobody knows.
uint64_t SinkStream::length_ns(const Block &block, size_t frames) const {
  if (!bytes()) return length_of(frames, python.info());
  return block.duration != no_time ? block.duration : space_patience_ns;
}

SinkStream::Written SinkStream::write_block(AudioBlock *block) {
  if (!python.capabilities().has_space)
    return write_part(block, 0, block->frames);
  if (bytes()) {
    size_t any;
    const Written written = wait_for_space(block->frames, &any);
    return written == Written::Yes ? write_part(block, 0, block->frames)
                                   : written;
  }
  for (size_t done = 0; done < block->frames;) {
    size_t space;
    Written written = wait_for_space(block->frames - done, &space);
    if (written == Written::Yes) written = write_part(block, done, space);
    if (written != Written::Yes) return written;
    done += space;
    written_ += space;
  }
  return Written::Yes;
}

SinkStream::Written SinkStream::wait_for_space(size_t frames, size_t *space) {
  uint64_t until = monotonic_ns() + space_patience_ns;
  for (;;) {
    int available = 0;
    if (!python.available_space(&available)) return Written::Failed;
    // What was written and the space beside it is what was played and all that
    // the device can hold, which stays the same.
    if (offers_clock() && !bytes())
      clock.note(clock.now(), written_ + guint64(std::max(available, 0)),
                 python.info().rate);
    *space = std::min(frames, size_t(available));
    if (*space > 0) return Written::Yes;
    const Written waited =
        wait_again(&until, "get_available_space() was 0 for a second");
    if (waited != Written::Yes) return waited;
  }
}

SinkStream::Written SinkStream::write_part(AudioBlock *block, size_t first,
                                           size_t frames) {
  uint64_t until = monotonic_ns() + length_ns(*block, frames);
  for (;;) {
    // Made anew each time: a plugin that keeps an array has the block moved.
    Block part = part_of(*block, first, frames, python.info());
    CallResult result;
    result.outputs = &given_;
    const Outcome outcome = python.call(&part, &result);
    block->copied = false;  // has been counted
    switch (outcome) {
      case Outcome::Ok:
        return Written::Yes;
      case Outcome::Closing:
        return Written::Interrupted;
      case Outcome::EndOfStream:
        return Written::Ended;
      case Outcome::Declined: {
        const Written waited = wait_again(
            &until,
            "write_audio() returned False for the length of the buffer");
        if (waited != Written::Yes) return waited;
        break;
      }
      default:
        return Written::Failed;
    }
  }
}

SinkStream::Written SinkStream::wait_again(uint64_t *until,
                                           const char *problem) {
  const uint64_t now = monotonic_ns();
  if (now >= *until) {
    python.refuse(problem);
    return Written::Failed;
  }
  const std::chrono::nanoseconds rest(*until - now);
  if (pause_.wait(std::min<std::chrono::nanoseconds>(
          rest, std::chrono::milliseconds(2))))
    return Written::Yes;
  // A flush, a stop, or only PAUSED: then the rest of the buffer is due later,
  // and FLUSHING would end the stream.
  if (gst_base_sink_wait_preroll(sink_) != GST_FLOW_OK)
    return Written::Interrupted;
  *until += monotonic_ns() - now;
  return Written::Yes;
}

GstFlowReturn SinkStream::drain() {
  assert(python.streaming.is_here());
  uint64_t until = monotonic_ns() + drain_patience_ns;
  for (;;) {
    Tail tail;
    const GstFlowReturn flow = python.drain(&tail, GST_CLOCK_TIME_NONE);
    if (flow != GST_FLOW_OK || !tail.waits) return flow;
    const Written waited =
        wait_again(&until, "drain() returned False for ten seconds");
    if (waited == Written::Interrupted) return GST_FLOW_FLUSHING;
    if (waited == Written::Failed) return python.report(GST_CLOCK_TIME_NONE);
  }
}

void SinkStream::set_unlocked(bool unlocked) {
  pause_.set_unlocked(unlocked);
  if (unlocked) python.unlock();
}

}  // namespace pythonfilter
