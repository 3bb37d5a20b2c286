// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What comes out of a filter later than it went in (lag.hpp), and its tail.
#include <algorithm>
#include <cstring>
#include <utility>

#include "filterstream.hpp"

namespace pythonfilter {

// Nobody who only reads can delay anything.
size_t FilterStream::lag_now() const {
  if (converts_ || !writes_) return 0;
  return GST_CLOCK_TIME_TO_FRAMES(python.latency(),
                                  guint64(python.info().rate));
}

void FilterStream::begin_run(GstBuffer *first) {
  run_over_ = false;
  seen_latency_ = python.latency();
  lag_.begin(lag_now(), first);
  if (converts_) outputs_.begin(seen_latency_, std::exchange(same_line_, true));
  check_latency();
}

void FilterStream::end_run() {
  run_over_ = true;
  came_ = 0;
  lag_.end();
}

void FilterStream::follow_latency() {
  check_latency();
  seen_latency_ = python.latency();
  if (converts_) return outputs_.change_lag(seen_latency_);
  lag_.follow(lag_now());
}

GstClockTime FilterStream::tail_pts() const {
  return lag_.tail_pts(next_pts(), python.info());
}

// NULL is left where all of it lies before the first sample, or where outputs_
// has it behind the silence that fills a hole.
void FilterStream::shift(GstBuffer **buffer, size_t frames) {
  const bool breaks =
      *buffer && GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
  GstBuffer *filling = lag_.shift(buffer, frames, python.info());
  if (!*buffer) broken_ = broken_ || breaks;
  if (!filling) return;
  outputs_.put(filling);
  outputs_.put(std::exchange(*buffer, nullptr));
}

// ---- the end ----------------------------------------------------------------

// A plugin without drain() gives what it holds back for silence, in buffers as
// long as those that it knows. They go to outputs_.
GstFlowReturn FilterStream::push_silence() {
  const GstAudioInfo &info = python.info();
  const size_t frames = lag_.largest();
  // A padded rest was silence already.
  note_position(next_pts(), next_offset(), lag_.brought());
  const GstClockTime begin = next_pts();
  const guint64 offset = next_offset();
  size_t left = lag_.owed();
  for (size_t fed = 0, most = left + lag_.unheard(); left > 0 && fed < most;
       fed += frames) {
    GstBuffer *buffer = make_silence(info, frames);
    // From the beginning each time, so that nothing adds up.
    stamp(
        buffer,
        GST_CLOCK_TIME_IS_VALID(begin)
            ? begin + gst_util_uint64_scale(fed, GST_SECOND, guint64(info.rate))
            : begin,
        offset == GST_BUFFER_OFFSET_NONE ? offset : offset + fed, frames);
    const size_t unheard = lag_.unheard();
    const GstFlowReturn flow = process(&buffer);
    if (flow == GST_FLOW_EOS) gst_clear_buffer(&buffer);
    const size_t came =
        frames - std::min(frames, unheard - std::min(unheard, lag_.unheard()));
    if (buffer && came > left) {
      cut_to(buffer, info, left);
      stamp(buffer, GST_BUFFER_PTS(buffer), GST_BUFFER_OFFSET(buffer), left);
    }
    if (buffer) outputs_.put(buffer);
    left -= std::min(left, came);
    if (flow == GST_FLOW_EOS) break;
    if (flow != GST_FLOW_OK && flow != GST_BASE_TRANSFORM_FLOW_DROPPED)
      return flow;
  }
  return GST_FLOW_OK;
}

// As push_silence(), of code that goes, and whose failures end nothing: what it
// does not give is silence.
void FilterStream::ask_old(Tail *tail) {
  const GstAudioInfo &info = python.info();
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const size_t all = lag_.unheard() + lag_.owed(), some = lag_.largest();
  tail->frames = all;
  tail->samples.resize(all * size_t(info.bpf));
  for (size_t done = 0; done < all;) {
    g_autoptr(GstBuffer) silence = make_silence(info, some);
    const size_t frames = std::min(some, all - done);
    AudioBlock block;
    CallResult result;
    std::string problem;
    Outcome outcome = Outcome::Closing;
    if (block.map(silence, info, true, &problem))
      outcome = python.call(&block, &result);
    for (int c = 0; outcome == Outcome::Ok && c < info.channels; c++)
      for (size_t i = 0; i < frames; i++)
        std::memcpy(
            tail->samples.data() + (size_t(c) * all + done + i) * width,
            block.channel(size_t(c)) + ptrdiff_t(i) * block.frame_stride,
            width);
    block.unmap();
    if (outcome == Outcome::Failed || outcome == Outcome::Dropped)
      python.forgive();
    if (outcome != Outcome::Ok) return;
    done += frames;
  }
}

void FilterStream::stamp(GstBuffer *buffer, GstClockTime pts, guint64 offset,
                         size_t frames) const {
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) =
      GST_FRAMES_TO_CLOCK_TIME(frames, guint64(python.info().rate));
  GST_BUFFER_OFFSET(buffer) = offset;
  GST_BUFFER_OFFSET_END(buffer) =
      offset == GST_BUFFER_OFFSET_NONE ? offset : offset + frames;
}

// A plugin that does not lag may give any number.
void FilterStream::fit_tail(Tail *tail) const {
  if (lag_.frames() > 0 || (run_over_ && lag_now() > 0))
    lag_.fit(tail, python.info());
}

GstFlowReturn FilterStream::drain(GstBuffer **tail) {
  assert(python.streaming.is_here());
  *tail = nullptr;
  // What lagged in the life before went with it.
  if (!python.started()) {
    end_run();
    return GST_FLOW_OK;
  }
  Tail samples;
  GstFlowReturn flow;
  if (lag_.frames() > 0 && !python.capabilities().has_drain) {
    flow = push_silence();
  } else {
    flow = python.drain(&samples, tail_pts());
    // What fades out after the sound has been heard before it, backwards.
    if (backwards_ && lag_.frames() == 0) samples.frames = 0;
    if (flow == GST_FLOW_OK) fit_tail(&samples);
  }
  *tail = take_tail(&samples);
  end_run();
  return flow;
}

// Each buffer goes before the one before it, and so nothing can lag behind it:
// it is a run of its own. Its parts go in descending order, too, and `frames`
// of it are no padding.
GstFlowReturn FilterStream::complete(GstBuffer **buffer, size_t frames) {
  // What has no frames is as whole as it will be.
  if (converts_ || frames == 0) return GST_FLOW_OK;
  if (lag_.frames() == 0 && *buffer &&
      frames_in(*buffer, python.info()) == frames)
    return GST_FLOW_OK;
  std::vector<GstBuffer *> parts;
  const auto add = [&](GstBuffer *part) {
    for (; part; part = pop_output())
      parts.push_back(part);
  };
  GstFlowReturn flow = GST_FLOW_OK;
  add(*buffer ? *buffer : pop_output());
  if (lag_.frames() > 0) {
    GstBuffer *tail;
    flow = drain(&tail);
    add(pop_output());
    if (tail) parts.push_back(tail);
    if (flow == GST_FLOW_OK) flow = reset();
  }
  for (GstBuffer *&part : parts) {
    const size_t has = frames_in(part, python.info());
    const size_t keeps = std::min(has, frames);
    frames -= keeps;
    if (keeps == 0) {
      gst_clear_buffer(&part);
    } else if (keeps < has) {
      cut_to(part, python.info(), keeps);
      stamp(part, GST_BUFFER_PTS(part), GST_BUFFER_OFFSET(part), keeps);
    }
  }
  *buffer = nullptr;
  for (size_t i = parts.size(); i-- > 0;) {
    if (!parts[i]) continue;
    if (*buffer)
      outputs_.put(parts[i]);
    else
      *buffer = parts[i];
  }
  return flow;
}

void FilterStream::change_code(GstBuffer **tail) {
  assert(python.streaming.is_here());
  *tail = nullptr;
  Candidate next;
  if (!python.accept_code(&next)) return;
  if (!python.carries_state(next)) {
    Tail samples;
    if (lag_.frames() > 0 && !python.capabilities().has_drain)
      ask_old(&samples);
    else
      python.drain_old(&samples, tail_pts());
    fit_tail(&samples);
    const bool held = samples.frames > 0 || !samples.outputs.empty();
    *tail = take_tail(&samples);
    // What comes next does not continue it, and is all that the new one knows.
    broken_ = broken_ || held;
    fresh_ = true;
    end_run();
  }
  const bool closed = python.fails_closed();
  python.take_over(std::move(next));
  // Code that lets nothing unprocessed through is not bypassed from here on.
  if (python.fails_closed() != closed) start_bypass(python.info());
}

GstBuffer *FilterStream::take_tail(Tail *tail) {
  if (!tail->outputs.empty())
    outputs_.add_last(&tail->outputs, std::exchange(broken_, false));
  return tail->frames > 0 ? make_tail(*tail) : nullptr;
}

GstBuffer *FilterStream::make_tail(const Tail &tail) {
  GstBuffer *buffer = make_buffer(python.info(), tail.samples, tail.frames);
  stamp(buffer, tail_pts(), lag_.tail_offset(next_offset()), tail.frames);
  if (broken_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  broken_ = false;
  // What lagged has its place within what went in.
  if (lag_.frames() == 0) note_position(next_pts(), next_offset(), tail.frames);
  python.stats().frames.add(tail.frames);
  return buffer;
}

}  // namespace pythonfilter
