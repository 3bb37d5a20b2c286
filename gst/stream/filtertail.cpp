// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What comes out of a filter later than it went in: its times are moved back by
// the latency that the plugin reports, what lies before the first sample is
// left out, and the tail is as long as that, so that as many frames come out as
// went in. As audiofxbasefirfilter does.
#include <algorithm>
#include <cstring>
#include <utility>

#include "filterstream.hpp"

namespace pythonfilter {

namespace {

// Earlier, but not before the first of them. NONE stays what it is.
guint64 back(guint64 at, guint64 by, guint64 first) {
  if (at == guint64(-1)) return at;
  if (first == guint64(-1)) first = 0;
  return at > first + by ? at - by : first;
}

}  // namespace

// Nobody who only reads can delay anything.
size_t FilterStream::lag_now() const {
  if (converts_ || !writes_) return 0;
  return GST_CLOCK_TIME_TO_FRAMES(python.latency(),
                                  guint64(python.info().rate));
}

void FilterStream::begin_run(GstBuffer *first) {
  run_over_ = false;
  seen_latency_ = python.latency();
  lag_ = skip_ = lag_now();
  early_ = hole_ = largest_ = 0;
  first_pts_ = GST_BUFFER_PTS(first);
  first_offset_ = GST_BUFFER_OFFSET(first);
  if (converts_) outputs_.begin(seen_latency_, std::exchange(same_line_, true));
  check_latency();
}

void FilterStream::end_run() {
  run_over_ = true;
  came_ = 0;
  lag_ = skip_ = early_ = hole_ = 0;
}

// More: what comes next was heard already. Less: some of it never comes.
void FilterStream::follow_latency() {
  check_latency();
  seen_latency_ = python.latency();
  if (converts_) return outputs_.change_lag(seen_latency_);
  const size_t now = lag_now();
  if (now > lag_) {
    skip_ += now - lag_;
  } else {
    const size_t less = lag_ - now;
    const size_t unheard = std::min(skip_, less);
    skip_ -= unheard;
    hole_ += less - unheard;
  }
  lag_ = now;
}

GstClockTime FilterStream::time_of(size_t frames) const {
  return gst_util_uint64_scale(frames, GST_SECOND, guint64(python.info().rate));
}

// Where what is still owed begins.
GstClockTime FilterStream::tail_pts() const {
  return lag_ > 0 ? back(next_pts(), time_of(owed()), first_pts_) : next_pts();
}

// NULL is left where all of it lies before the first sample, or where outputs_
// has it behind the silence that fills a hole.
void FilterStream::shift(GstBuffer **buffer, size_t frames) {
  largest_ = std::max(largest_, frames);
  const size_t early = std::min(skip_, frames);
  skip_ -= early;
  if (!*buffer) return;
  if (early == frames && frames > 0) {
    broken_ =
        broken_ || GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT);
    return gst_clear_buffer(buffer);
  }
  *buffer = gst_buffer_make_writable(*buffer);
  const GstClockTime before = GST_BUFFER_PTS(*buffer);
  if (early > 0) cut_front(*buffer, python.info(), early);
  const GstClockTime lag = time_of(lag_);
  GST_BUFFER_PTS(*buffer) = back(GST_BUFFER_PTS(*buffer), lag, first_pts_);
  GST_BUFFER_DTS(*buffer) = back(GST_BUFFER_DTS(*buffer), lag, first_pts_);
  GST_BUFFER_OFFSET(*buffer) =
      back(GST_BUFFER_OFFSET(*buffer), lag_, first_offset_);
  GST_BUFFER_OFFSET_END(*buffer) =
      back(GST_BUFFER_OFFSET_END(*buffer), lag_, first_offset_);
  shift_references(*buffer, GST_CLOCK_TIME_IS_VALID(before),
                   GST_CLOCK_DIFF(before, GST_BUFFER_PTS(*buffer)));
  if (hole_ == 0) return;
  outputs_.put(make_filling(*buffer));
  outputs_.put(std::exchange(*buffer, nullptr));
  hole_ = 0;
}

// Silence for what the plugin left out, right before `next`.
GstBuffer *FilterStream::make_filling(GstBuffer *next) const {
  GstBuffer *filling = make_silence(python.info(), hole_);
  const GstClockTime length = time_of(hole_);
  GST_BUFFER_PTS(filling) = back(GST_BUFFER_PTS(next), length, first_pts_);
  GST_BUFFER_DURATION(filling) = length;
  GST_BUFFER_OFFSET(filling) =
      back(GST_BUFFER_OFFSET(next), hole_, first_offset_);
  GST_BUFFER_OFFSET_END(filling) = GST_BUFFER_OFFSET(next);
  return filling;
}

// ---- the end ----------------------------------------------------------------

// Frames that went in and did not come out yet.
size_t FilterStream::owed() const {
  return lag_ - std::min(lag_, skip_ + early_);
}

// A plugin without drain() gives what it holds back for silence, in buffers as
// long as those that it knows. They go to outputs_.
GstFlowReturn FilterStream::push_silence() {
  const GstAudioInfo &info = python.info();
  const size_t frames = std::max<size_t>(largest_, 1);
  // A padded rest was silence already.
  note_position(next_pts(), next_offset(), early_);
  const GstClockTime begin = next_pts();
  const guint64 offset = next_offset();
  size_t left = owed();
  for (size_t fed = 0, most = left + skip_; left > 0 && fed < most;
       fed += frames) {
    GstBuffer *buffer = make_silence(info, frames);
    // From the beginning each time, so that nothing adds up.
    stamp(buffer, GST_CLOCK_TIME_IS_VALID(begin) ? begin + time_of(fed) : begin,
          offset == GST_BUFFER_OFFSET_NONE ? offset : offset + fed, frames);
    const size_t unheard = skip_;
    const GstFlowReturn flow = process(&buffer);
    if (flow == GST_FLOW_EOS) gst_clear_buffer(&buffer);
    const size_t came =
        frames - std::min(frames, unheard - std::min(unheard, skip_));
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
  const size_t all = skip_ + owed(), some = std::max<size_t>(largest_, 1);
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

// As much as went in and did not come out: the rest of a longer one is what
// came before the first sample, or more than was told; a shorter one goes on
// with silence. A plugin that does not lag may give any number.
void FilterStream::fit_tail(Tail *tail) const {
  if (lag_ == 0 && (!run_over_ || lag_now() == 0)) return;
  const GstAudioInfo &info = python.info();
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const size_t wanted = owed();
  const size_t first = std::min(skip_, tail->frames);
  const size_t some = std::min(wanted, tail->frames - first);
  std::vector<std::byte> fitting(wanted * size_t(info.bpf));
  for (size_t c = 0; some > 0 && c < size_t(info.channels); c++)
    std::memcpy(fitting.data() + c * wanted * width,
                tail->samples.data() + (c * tail->frames + first) * width,
                some * width);
  tail->samples = std::move(fitting);
  tail->frames = wanted;
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
  if (lag_ > 0 && !python.capabilities().has_drain) {
    flow = push_silence();
  } else {
    flow = python.drain(&samples, tail_pts());
    // What fades out after the sound has been heard before it, backwards.
    if (backwards_ && lag_ == 0) samples.frames = 0;
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
  if (lag_ == 0 && *buffer && frames_in(*buffer, python.info()) == frames)
    return GST_FLOW_OK;
  std::vector<GstBuffer *> parts;
  const auto add = [&](GstBuffer *part) {
    for (; part; part = pop_output())
      parts.push_back(part);
  };
  GstFlowReturn flow = GST_FLOW_OK;
  add(*buffer ? *buffer : pop_output());
  if (lag_ > 0) {
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
    if (lag_ > 0 && !python.capabilities().has_drain)
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
  python.take_over(std::move(next));
}

GstBuffer *FilterStream::take_tail(Tail *tail) {
  if (!tail->outputs.empty())
    outputs_.add_last(&tail->outputs, std::exchange(broken_, false));
  return tail->frames > 0 ? make_tail(*tail) : nullptr;
}

GstBuffer *FilterStream::make_tail(const Tail &tail) {
  GstBuffer *buffer = make_buffer(python.info(), tail.samples, tail.frames);
  stamp(buffer, tail_pts(), back(next_offset(), owed(), first_offset_),
        tail.frames);
  if (broken_) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  broken_ = false;
  // What lagged has its place within what went in.
  if (lag_ == 0) note_position(next_pts(), next_offset(), tail.frames);
  python.stats().frames.add(tail.frames);
  return buffer;
}

}  // namespace pythonfilter
