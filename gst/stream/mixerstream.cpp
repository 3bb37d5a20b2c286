// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mixerstream.hpp"

#include <algorithm>
#include <cstring>

#include "../buffers/audioblock.hpp"
#include "../buffers/audiocut.hpp"

namespace pythonfilter {

// ---- a block ----------------------------------------------------------------

void MixerStream::open_pool(size_t frames) {
  close_pool();
  pool_size_ = frames * size_t(python.info().bpf);
  g_autoptr(GstCaps) caps = gst_audio_info_to_caps(&python.info());
  pool_ = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool_);
  gst_buffer_pool_config_set_params(config, caps, guint(pool_size_), 0, 0);
  gst_buffer_pool_set_config(pool_, config);
  gst_buffer_pool_set_active(pool_, TRUE);
}

// What is downstream comes back to it all the same.
void MixerStream::close_pool() {
  if (!pool_) return;
  gst_buffer_pool_set_active(pool_, FALSE);
  gst_clear_object(&pool_);
}

GstBuffer *MixerStream::begin_block(size_t frames) {
  assert(python.streaming.is_here());
  begun_ = true;
  block_ = frames;
  const gsize size = frames * size_t(python.info().bpf);
  // Some have one frame more.
  if (!pool_ || pool_size_ < size) open_pool(frames + 1);
  GstBuffer *block = nullptr;
  if (gst_buffer_pool_acquire_buffer(pool_, &block, nullptr) != GST_FLOW_OK)
    block = gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_set_size(block, gssize(size));
  // In all formats that there are, silence is zeros.
  if (python.capabilities().output_zero) gst_buffer_memset(block, 0, 0, size);
  return block;
}

// Those that came before the plugin is known of are out of date, too.
void MixerStream::end_block() {
  begun_ = false;
  for (const Input &each : inputs_)
    each.pad->input->clear();
}

// ---- when the stream is over ------------------------------------------------

namespace {

bool has_ended(GstPythonMixerPad *pad) {
  auto *input = GST_AGGREGATOR_PAD(pad);
  return gst_aggregator_pad_is_eos(input) ||
         gst_aggregator_pad_is_inactive(input);
}

}  // namespace

// Whether all inputs have that are not optional.
bool MixerStream::required_ended() const {
  bool any = false;
  for (const Input &each : inputs_) {
    if (each.optional) continue;
    any = true;
    if (!has_ended(each.pad)) return false;
  }
  return any;
}

// How far the block is theirs.
size_t MixerStream::required_end() const {
  const GstSegment &segment =
      GST_AGGREGATOR_PAD(GST_AGGREGATOR_SRC_PAD(mixer_))->segment;
  const GstClockTime begin =
      GST_CLOCK_TIME_IS_VALID(segment.position)
          ? gst_segment_to_running_time(&segment, GST_FORMAT_TIME,
                                        segment.position)
          : 0;
  size_t end = 0;
  for (const Input &each : inputs_) {
    if (each.optional) continue;
    const MixerInput &input = *each.pad->input;
    end = std::max(end, input.end());
    if (input.gap_until() > begin)
      end = std::max<size_t>(end, gst_util_uint64_scale_round(
                                      input.gap_until() - begin,
                                      guint64(python.info().rate), GST_SECOND));
  }
  return std::min(end, block_);
}

GstFlowReturn MixerStream::look(gboolean *timeout) {
  assert(python.streaming.is_here());
  timeout_ = *timeout;
  ending_ = false;
  if (G_UNLIKELY(!python.started())) return wait_for_caps(*timeout);
  if (G_UNLIKELY(has_other_inputs())) collect_inputs();
  if (G_LIKELY(!required_ended())) return GST_FLOW_OK;
  if (!begun_ || required_end() == 0) return GST_FLOW_EOS;
  // What the others have for the rest of the block is not waited for.
  ending_ = true;
  *timeout = TRUE;
  return GST_FLOW_OK;
}

// Before any input has caps nobody knows what a block is, and time goes on.
GstFlowReturn MixerStream::wait_for_caps(bool timeout) {
  collect_inputs();
  const bool all = std::all_of(inputs_.begin(), inputs_.end(),
                               [](auto &each) { return has_ended(each.pad); });
  if (all && !inputs_.empty()) return GST_FLOW_EOS;
  if (!timeout) return GST_FLOW_OK;  // the base class says why it cannot be
  guint64 duration;
  g_object_get(mixer_, "output-buffer-duration", &duration, nullptr);
  GST_OBJECT_LOCK(mixer_);
  GstSegment &segment =
      GST_AGGREGATOR_PAD(GST_AGGREGATOR_SRC_PAD(mixer_))->segment;
  if (!GST_CLOCK_TIME_IS_VALID(segment.position))
    segment.position = segment.start;
  segment.position += duration;
  GST_OBJECT_UNLOCK(mixer_);
  return GST_AGGREGATOR_FLOW_NEED_DATA;
}

// ---- one call ---------------------------------------------------------------

void MixerStream::show_input(const Input &input, size_t frames,
                             GstClockTime begin, GstClockTime end,
                             InputView *view) const {
  MixerInput &samples = *input.pad->input;
  auto *pad = GST_AGGREGATOR_PAD(input.pad);
  samples.show(frames, view);
  const size_t got = samples.end();
  const bool silence = samples.gap_until() > begin;
  view->curves = curves_of(input.pad, python.info().rate, begin, frames);
  view->gap = got == 0 && silence;
  view->present = got > 0 || silence;
  view->late = timeout_ && !ending_ && got < frames &&
               samples.gap_until() < end && !gst_aggregator_pad_is_eos(pad) &&
               !gst_aggregator_pad_has_buffer(pad);
}

// To a plugin that is about to hear which inputs there are.
void MixerStream::tell_params_again() {
  params_due_ = true;
  const std::vector<ParameterSpec> &specs =
      python.capabilities().input_parameters;
  for (Input &each : inputs_) {
    each.told = true;
    each.pad->params->begin({}, specs);
    each.pad->curves->open(specs, each.name + "::");
    refresh_curves(each.pad, specs);
  }
}

// In `views_`.
void MixerStream::show_inputs(size_t frames, GstClockTime begin,
                              GstClockTime end) {
  for (size_t i = 0; i < inputs_.size(); i++) {
    show_input(inputs_[i], frames, begin, end, &views_[i]);
    if (inputs_[i].pad->input->gathered()) python.stats().copies.add();
  }
}

// A seek has made another segment of what comes out.
void MixerStream::follow_segment(GstBuffer *block) {
  const GstClockTime start =
      GST_AGGREGATOR_PAD(GST_AGGREGATOR_SRC_PAD(mixer_))->segment.start;
  if (G_UNLIKELY(std::exchange(segment_start_, start) != start &&
                 !owes_discont_)) {
    python.reset();
    owes_discont_ = run_over_ = true;
    lag_.end();
  }
  next_pts_ = GST_BUFFER_PTS(block) + GST_BUFFER_DURATION(block);
  next_offset_ = GST_BUFFER_OFFSET_END(block);
}

size_t MixerStream::lag_now() const {
  return GST_CLOCK_TIME_TO_FRAMES(python.latency(),
                                  guint64(python.info().rate));
}

void MixerStream::follow_latency(GstBuffer *block) {
  seen_latency_ = python.latency();
  if (std::exchange(run_over_, false))
    lag_.begin(lag_now(), block);
  else
    lag_.follow(lag_now());
  told_.check(GST_ELEMENT(mixer_), latency());
}

// A plugin that has a size of its own gets blocks of no other, if it does not
// say so.
size_t MixerStream::padding_of(size_t frames) const {
  const Capabilities &plugin = python.capabilities();
  const auto size = size_t(plugin.block_size);
  return size == block_ && frames < size && !plugin.pass_remainder
             ? size - frames
             : 0;
}

void MixerStream::stamp(GstBuffer *buffer, GstClockTime pts,
                        guint64 offset) const {
  const GstAudioInfo &info = python.info();
  const size_t frames = frames_in(buffer, info);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) =
      gst_util_uint64_scale(frames, GST_SECOND, guint64(info.rate));
  GST_BUFFER_OFFSET(buffer) = offset;
  GST_BUFFER_OFFSET_END(buffer) = offset + frames;
}

// As Lag::shift().
GstBuffer *MixerStream::shift(GstBuffer **block, size_t frames) {
  const bool breaks = *block && GST_BUFFER_IS_DISCONT(*block);
  GstBuffer *before = lag_.shift(block, frames, python.info());
  owes_discont_ = owes_discont_ || (breaks && !*block);
  return before;
}

GstFlowReturn MixerStream::finish(GstBuffer **block, GstBuffer **before) {
  assert(python.streaming.is_here());
  *before = nullptr;
  const GstAudioInfo &info = python.info();
  if (G_UNLIKELY(ending_)) {
    cut_to(*block, info, std::min(required_end(), frames_in(*block, info)));
    stamp(*block, GST_BUFFER_PTS(*block), GST_BUFFER_OFFSET(*block));
  }
  follow_segment(*block);
  const size_t padding = padding_of(frames_in(*block, info));
  if (G_UNLIKELY(padding > 0))
    gst_buffer_set_size(*block, gssize(block_ * size_t(info.bpf)));
  const size_t frames = frames_in(*block, info);
  const GstFlowReturn flow = process(block);
  end_block();
  if (G_UNLIKELY(python.isolated()))
    told_.check(GST_ELEMENT(mixer_), latency());
  if (flow != GST_FLOW_OK) {
    gst_clear_buffer(block);
    return flow;
  }
  if (G_UNLIKELY(lag_.shifts())) *before = shift(block, frames);
  if (G_LIKELY(padding == 0)) return flow;
  // For the silence comes what lags behind, as far as it does.
  const size_t some = std::min(padding, lag_.owed());
  lag_.bring(some);
  if (*block) {
    const size_t came = frames_in(*block, info);
    cut_to(*block, info, came - std::min(came, padding - some));
    stamp(*block, GST_BUFFER_PTS(*block), GST_BUFFER_OFFSET(*block));
  }
  return flow;
}

inline GstClockTime MixerStream::running_time(GstBuffer *block) const {
  const GstSegment &segment =
      GST_AGGREGATOR_PAD(GST_AGGREGATOR_SRC_PAD(mixer_))->segment;
  return gst_segment_to_running_time(&segment, GST_FORMAT_TIME,
                                     GST_BUFFER_PTS(block));
}

[[gnu::always_inline]] inline GstFlowReturn MixerStream::mix(
    GstBuffer **block) {
  const GstClockTime begin = running_time(*block);
  AudioBlock mapped;
  CallResult result;
  std::string problem;
  Outcome outcome = Outcome::Failed;
  if (G_LIKELY(mapped.map(*block, python.info(), true, &problem))) {
    show_inputs(mapped.frames, begin, begin + GST_BUFFER_DURATION(*block));
    const bool nothing = std::none_of(
        views_.begin(), views_.end(),
        [](const InputView &each) { return each.present && !each.gap; });
    mapped.discont = owes_discont_;
    mapped.gap = nothing;
    outcome = python.mix(&mapped, views_, &result);
  } else {
    python.refuse("got " + problem);
  }
  if (G_UNLIKELY(outcome != Outcome::Ok)) return fail(block, &mapped, outcome);
  python.stats().buffers.add();
  size_t size;
  const std::byte *bytes = mapped.bytes(&size);
  // What was made of nothing may be something.
  const bool silent = mapped.gap && is_silent(bytes, size);
  mapped.unmap();
  mark(*block, silent, std::exchange(owes_discont_, false) || result.discont);
  return GST_FLOW_OK;
}

[[gnu::hot]] GstFlowReturn MixerStream::process(GstBuffer **block) {
  const GstFlowReturn flow = python.prepare(GST_BUFFER_PTS(*block));
  if (flow != GST_FLOW_OK) return flow;
  // What a parameter has made of it is so from this block on.
  if (G_UNLIKELY(run_over_ || python.latency() != seen_latency_))
    follow_latency(*block);
  if (!update_inputs()) return GST_FLOW_ERROR;
  const bool due = std::exchange(params_due_, false);
  for (const Input &each : inputs_) {
    // The base class goes by the buffer that it has of an input, if it has one
    // when it begins to look.
    if (G_UNLIKELY(is_controlled(each.pad)))
      sync_values(each.pad, running_time(*block));
    if (G_UNLIKELY(due || each.pad->params->changed())) {
      python.apply_params_of(each.name, each.pad->params);
      refresh_curves(each.pad, python.capabilities().input_parameters);
    }
  }
  return mix(block);
}

void MixerStream::mark(GstBuffer *block, bool gap, bool discont) {
  const auto put = [&](GstBufferFlags flag, bool set) {
    if (set)
      GST_BUFFER_FLAG_SET(block, flag);
    else
      GST_BUFFER_FLAG_UNSET(block, flag);
  };
  put(GST_BUFFER_FLAG_GAP, gap);
  put(GST_BUFFER_FLAG_DISCONT, discont);
}

// What a call that did not succeed lets through.
GstFlowReturn MixerStream::fail(GstBuffer **block, AudioBlock *mapped,
                                Outcome outcome) {
  if (outcome == Outcome::Closing || python.flushes()) return GST_FLOW_FLUSHING;
  if (outcome == Outcome::EndOfStream) return GST_FLOW_EOS;
  const OnError lets = python.lets_through(outcome);
  const GstFlowReturn flow = python.report(GST_BUFFER_PTS(*block), lets);
  if (flow != GST_FLOW_OK) return flow;
  if (lets != OnError::Silence && lets != OnError::Passthrough) {
    mapped->unmap();
    gst_clear_buffer(block);
    python.stats().dropped.add();
    owes_discont_ = true;
    return GST_FLOW_OK;
  }
  size_t size;
  std::byte *bytes = mapped->bytes(&size);
  const MixerInput *input =
      lets == OnError::Passthrough ? find_passthrough() : nullptr;
  if (input)
    input->read(mapped->frames, bytes);
  else
    std::fill_n(bytes, size, std::byte(0));
  mapped->unmap();
  mark(*block, !input, std::exchange(owes_discont_, false));
  return GST_FLOW_OK;
}

// The input that goes through where the plugin failed; NULL: none can, which is
// said once.
const MixerInput *MixerStream::find_passthrough() {
  const Capabilities &plugin = python.capabilities();
  const std::string &name =
      plugin.passthrough.empty() ? plugin.output_like : plugin.passthrough;
  const GstAudioInfo &output = python.info();
  const char *why = name.empty() ? "the plugin names none" : "it is not there";
  for (const Input &each : inputs_) {
    if (name.empty() || each.name != name) continue;
    const GstAudioInfo &input = each.pad->input->info();
    if (GST_AUDIO_INFO_FORMAT(&input) == GST_AUDIO_INFO_FORMAT(&output) &&
        input.channels == output.channels)
      return each.pad->input;
    why = "its caps are not those of the output";
  }
  if (!std::exchange(passing_told_, true))
    GST_ELEMENT_WARNING(
        mixer_, STREAM, FAILED,
        ("on-error=passthrough: no input can go through, so there is silence: "
         "%s%s%s",
         name.c_str(), name.empty() ? "" : ": ", why),
        ("told once; passthrough = \"NAME\" in the class names one"));
  return nullptr;
}

// ---- the end ----------------------------------------------------------------

// A plugin without drain() gives what it holds back when no input is there any
// more, in blocks as long as those that it knows. Code that goes hears of
// nothing new meanwhile, which would be lost with it.
GstFlowReturn MixerStream::mix_silence(bool goes, GstBuffer **tail) {
  const GstAudioInfo &info = python.info();
  const size_t frames = lag_.largest();
  // A padded rest was silence already.
  size_t fed = lag_.brought(), left = lag_.owed();
  const size_t most = fed + left + lag_.unheard();
  timeout_ = false;
  GstFlowReturn flow = GST_FLOW_OK;
  for (; left > 0 && fed < most && flow == GST_FLOW_OK; fed += frames) {
    GstBuffer *block = begin_block(frames);
    stamp(
        block,
        next_pts_ + gst_util_uint64_scale(fed, GST_SECOND, guint64(info.rate)),
        next_offset_ + fed);
    flow = goes ? mix(&block) : process(&block);
    end_block();
    if (flow != GST_FLOW_OK) gst_clear_buffer(&block);
    const size_t unheard = lag_.unheard();
    g_autoptr(GstBuffer) before = shift(&block, frames);
    left -= std::min(left, frames - (unheard - lag_.unheard()));
    if (!block) continue;
    GST_BUFFER_FLAG_UNSET(block, GST_BUFFER_FLAG_GAP);
    *tail = *tail ? gst_buffer_append(*tail, block) : block;
  }
  return flow == GST_FLOW_EOS ? GST_FLOW_OK : flow;
}

GstFlowReturn MixerStream::drain(GstBuffer **tail) {
  assert(python.streaming.is_here());
  *tail = nullptr;
  return python.started() ? drain(false, tail) : GST_FLOW_OK;
}

GstFlowReturn MixerStream::drain(bool goes, GstBuffer **tail) {
  const GstAudioInfo &info = python.info();
  if (!GST_CLOCK_TIME_IS_VALID(next_pts_)) next_pts_ = 0;
  const GstClockTime pts = lag_.tail_pts(next_pts_, info);
  const guint64 offset = lag_.tail_offset(next_offset_);
  const size_t owed = lag_.owed();
  GstFlowReturn flow;
  if (owed > 0 && !python.capabilities().has_drain) {
    flow = mix_silence(goes, tail);
    if (*tail) cut_to(*tail, info, std::min(owed, frames_in(*tail, info)));
  } else {
    Tail samples;
    flow = python.drain(&samples, pts);
    if (lag_.frames() > 0 && flow == GST_FLOW_OK) lag_.fit(&samples, info);
    if (samples.frames > 0)
      *tail = make_buffer(info, samples.samples, samples.frames);
  }
  const bool lagged = lag_.frames() > 0;
  lag_.end();
  run_over_ = true;
  if (!*tail) return flow;
  stamp(*tail, pts, offset);
  if (std::exchange(owes_discont_, false))
    GST_BUFFER_FLAG_SET(*tail, GST_BUFFER_FLAG_DISCONT);
  const size_t frames = frames_in(*tail, info);
  python.stats().frames.add(frames);
  if (lagged) return flow;
  // What lagged has its place within what went in; this goes on behind it.
  next_pts_ += GST_BUFFER_DURATION(*tail);
  next_offset_ += frames;
  return flow;
}

// The old code must not end the stream: the new one is there because the old
// has faults.
GstFlowReturn MixerStream::change_code(GstBuffer **tail) {
  assert(python.streaming.is_here());
  *tail = nullptr;
  if (!python.started()) return GST_FLOW_OK;
  // Other inputs are another start for the new code, too.
  if (!update_inputs()) return GST_FLOW_ERROR;
  Candidate next;
  if (!python.accept_code(&next)) return GST_FLOW_OK;
  if (!python.carries_state(next)) {
    const PythonElement::Forgiving forgiving(&python);
    if (!run_over_) drain(true, tail);
    owes_discont_ = true;
  }
  python.take_over(std::move(next));
  tell_params_again();
  return GST_FLOW_OK;
}

void MixerStream::flush() {
  assert(python.streaming.is_here());
  collect_inputs();
  end_block();
  for (const Input &each : inputs_)
    each.pad->input->forget();
  end_asked_ = ended_ = false;
  owes_discont_ = run_over_ = true;
  lag_.end();
  segment_start_ = GST_CLOCK_TIME_NONE;
  python.reset();
}

void MixerStream::forget() {
  end_block();
  for (const Input &each : inputs_) {
    each.pad->input->forget();
    gst_object_unref(each.pad);
  }
  inputs_.clear();
  views_.clear();
  close_pool();
  formats_changed_ = owes_discont_ = run_over_ = true;
  lag_.end();
  passing_told_ = end_asked_ = ended_ = false;
  segment_start_ = next_pts_ = GST_CLOCK_TIME_NONE;
  next_offset_ = 0;
}

}  // namespace pythonfilter
