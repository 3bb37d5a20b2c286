// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonfilter does to a stream: each buffer through the plugin, in place
// or into others, what a failed call lets through, and the tail at the end.
#pragma once

#include <utility>

#include <gst/base/gstbasetransform.h>

#include "../../bridge/contract.hpp"
#include "../buffers/audiocut.hpp"
#include "../buffers/blocksplitter.hpp"
#include "../buffers/outputqueue.hpp"
#include "../element/pythonelement.hpp"
#include "bypass.hpp"
#include "continuity.hpp"
#include "lag.hpp"
#include "latencytold.hpp"
#include "latestart.hpp"

namespace pythonfilter {

// What becomes of less than a block at the end.
enum class Remainder { Pad, Pass };

class FilterStream {
 public:
  explicit FilterStream(GstBaseTransform *filter)
      : python(GST_ELEMENT(filter), PluginKind::Processor, filter->segment),
        late(filter, &python),
        element_(GST_ELEMENT(filter)) {}

  // The properties that every element has, and those of this one.
  static void install_properties(GObjectClass *object_class);
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(GstCaps *input, GstCaps *output);
  // What lies outside the segment is taken off. NULL: that was all of it.
  void clip(GstBuffer **buffer) {
    const GstSegment &segment = GST_BASE_TRANSFORM_CAST(element_)->segment;
    if (G_UNLIKELY(GST_BUFFER_PTS(*buffer) < segment.start ||
                   segment.stop != GST_CLOCK_TIME_NONE))
      clip_to(segment, buffer);
  }
  // Whether the buffer, which is what comes next, does not continue the one
  // before it; then it says so.
  [[gnu::always_inline]] bool begins_anew(GstBuffer **buffer) {
    continuity_.add(std::exchange(came_, 0));
    if (G_UNLIKELY(GST_BUFFER_FLAG_IS_SET(*buffer, GST_BUFFER_FLAG_DISCONT)))
      continuity_.restart();
    const bool jumps = continuity_.jumps(GST_BUFFER_PTS(*buffer), [&] {
      return frames_in(*buffer, python.info());
    });
    if (G_UNLIKELY(jumps || owes_discont_)) mark_jump(buffer);
    return is_break(*buffer);
  }
  // Whether nothing of a segment that is played to be followed by another comes
  // after this buffer, if there is one.
  bool ends_segment(GstBuffer *buffer) const {
    const GstSegment &segment = GST_BASE_TRANSFORM_CAST(element_)->segment;
    return G_UNLIKELY(segment.flags & GST_SEGMENT_FLAG_SEGMENT) && buffer &&
           reaches_stop(segment, buffer);
  }
  // The stream goes on elsewhere, without that being a break.
  void expect_jump() {
    assert(python.streaming.is_here());
    continuity_.restart();
    came_ = 0;
  }
  // On another line of time, played backwards or not.
  void begin_segment(bool backwards);
  // One buffer; it is made writable where the plugin may write. NULL is left
  // of one for which outputs() has others, if any, and of one that is dropped;
  // that is GST_FLOW_CUSTOM_SUCCESS, as the base class wants to be told.
  GstFlowReturn process(GstBuffer **buffer);
  GstFlowReturn reset();
  bool plays_backwards() const { return backwards_; }
  // What came of a buffer played backwards, with what lags behind it: more may
  // be in outputs().
  GstFlowReturn complete(GstBuffer **buffer) { return complete(buffer, came_); }

  // With block-size, the plugin gets blocks in place of buffers.
  bool makes_blocks() const { return blocks_.active(); }
  bool has_rest() const { return python.started() && blocks_.pending() > 0; }
  // Takes the buffer. False: it is no audio, and process() says so.
  bool add(GstBuffer *buffer) {
    assert(python.streaming.is_here());
    if (!blocks_.add(buffer)) return false;
    came_ = blocks_.left();
    return true;
  }
  // A buffer that comes of the blocks, NULL: there are no more for now.
  GstFlowReturn next_block(GstBuffer **block);
  // What comes of as much of a block as there is; more may be in outputs().
  GstFlowReturn take_rest(GstBuffer **rest);
  // What has not been processed or pushed is thrown away. That is not counted
  // as dropped, as it is not for the buffers that a flush meets elsewhere.
  void forget();

  // Whether the plugin ended the stream, once.
  bool take_end() {
    assert(python.streaming.is_here());
    return std::exchange(ended_, false);
  }

  // The plugin has something that belongs before whatever comes next.
  bool holds_back() const {
    return runs() && (lags() || python.capabilities().has_drain);
  }
  // Whether what comes out lags behind what goes in; it has to be out before a
  // gap.
  bool lags() const { return runs() && (lag_.frames() > 0 || may_lag()); }
  // The tail as one buffer, NULL when there is none; or in outputs().
  GstFlowReturn drain(GstBuffer **tail);
  // The plugin's code changes, if it can; what the old one still holds.
  void change_code(GstBuffer **tail);
  // What is to be pushed before anything else is processed, NULL: nothing more.
  // Pushes events that come before it.
  GstBuffer *pop_output();
  void drop_outputs() { outputs_.drop_waiting(); }
  // Something may come without another buffer.
  bool has_more() const { return blocks_.active() || !outputs_.empty(); }
  // Takes note of a buffer with caps that the plugin refused.
  GstFlowReturn drop_refused();

  // What of this goes past the plugin, right before it is pushed.
  bool bypasses() const { return bypass_.active(); }
  void mix_dry(GstBuffer **buffer) {
    if (G_UNLIKELY(bypasses())) bypass_.mix(buffer);
  }

  // The plugin's own, and what its blocks cost, for whoever asks.
  void add_latency(GstQuery *query) {
    told_.add_to(query, [this] { return latency(); });
  }
  // From READY on nobody knows what was told.
  void forget_latency() { told_.forget(); }

  PythonElement python;
  LateStart late;

 private:
  // Something went in since start or reset.
  bool runs() const {
    return python.started() && (!fresh_ || blocks_.pending() > 0);
  }
  // Whether something may lag: nothing is known yet of what waits for the rest
  // of its block.
  bool may_lag() const { return fresh_ && lag_now() > 0; }
  bool is_break(GstBuffer *buffer) const {
    return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) &&
           (!fresh_ || blocks_.pending() > 0);
  }
  GstClockTime latency() const {
    return python.latency() + python.deadline() + wait_.load();
  }
  void check_latency() { told_.check(element_, latency()); }
  bool reaches_stop(const GstSegment &segment, GstBuffer *buffer) const;
  GstFlowReturn complete(GstBuffer **buffer, size_t frames);
  GstClockTime length_of(GstBuffer *buffer) const;
  void clip_to(const GstSegment &segment, GstBuffer **buffer);
  void mark_jump(GstBuffer **buffer);
  bool start_conversion(GstCaps *input, GstCaps *output);
  void forget_position();
  size_t frames_of(const AudioBlock &block) const;
  bool map_bytes(GstBuffer **buffer, AudioBlock *block, std::string *problem);
  void change_setting(std::atomic<int> *setting, int value, const char *name);
  int block_size() const;
  void warn_about_block_size(const std::string &caps);
  void set_bypass(bool on);
  void start_bypass(const GstAudioInfo &info);
  void refuse_bypass();
  bool pads() const;
  void start_blocks(const GstAudioInfo &info);
  GstFlowReturn process_block(GstBuffer **block, size_t frames);
  Outcome run(GstBuffer **buffer, AudioBlock *block, CallResult *result,
              OnError policy);
  GstFlowReturn fail(GstBuffer **buffer, AudioBlock *block, Outcome outcome,
                     OnError policy);
  void let_through(GstBuffer **buffer, AudioBlock *block, OnError policy);
  void mark_discont(GstBuffer **buffer, AudioBlock *block);
  GstBuffer *take_tail(Tail *tail);
  GstBuffer *make_tail(const Tail &tail);
  void note_position(GstClockTime pts, guint64 offset, size_t frames) {
    pts_ = pts;
    offset_ = offset;
    frames_ = frames;
  }
  // Where what comes next would begin. A division, which few buffers need.
  GstClockTime next_pts() const {
    return GST_CLOCK_TIME_IS_VALID(pts_)
               ? pts_ + GST_FRAMES_TO_CLOCK_TIME(frames_,
                                                 guint64(python.info().rate))
               : pts_;
  }
  guint64 next_offset() const {
    return offset_ == GST_BUFFER_OFFSET_NONE ? offset_ : offset_ + frames_;
  }

  // What lags behind: filtertail.cpp.
  size_t lag_now() const;
  void begin_run(GstBuffer *first);
  void end_run();
  void follow_latency();
  GstClockTime tail_pts() const;
  void shift(GstBuffer **buffer, size_t frames);
  void stamp(GstBuffer *buffer, GstClockTime pts, guint64 offset,
             size_t frames) const;
  GstFlowReturn push_silence();
  void ask_old(Tail *tail);
  void fit_tail(Tail *tail) const;

  GstElement *const element_;
  std::atomic<int> block_size_{0};     // the property
  std::atomic<int> remainder_{-1};     // the property; -1: the plugin's choice
  std::atomic<GstClockTime> wait_{0};  // for the rest of a block
  LatencyTold told_;
  Bypass bypass_;

  // All the streaming thread's.
  bool fresh_ = true;      // no buffer since start or reset
  bool broken_ = false;    // nothing came out since a buffer was dropped
  bool ended_ = false;     // by the plugin, and nobody was told yet
  bool writes_ = true;     // the plugin may write to the block
  bool converts_ = false;  // its output may be another one
  bool bytes_ = false;     // it gets bytes
  bool in_place_ = true;   // the block itself may go on
  OutputQueue outputs_{python.streaming};  // of a converting plugin
  std::vector<Output> given_;              // by the call that runs
  std::string problem_;                    // of a buffer; not made for each
  // Times and size of what came last.
  GstClockTime pts_ = GST_CLOCK_TIME_NONE;
  guint64 offset_ = GST_BUFFER_OFFSET_NONE;
  size_t frames_ = 0;
  std::vector<std::byte> before_;  // the samples from before the call
  BlockSplitter blocks_{python.streaming};
  Continuity continuity_;
  size_t came_ = 0;            // frames of the last buffer
  bool owes_discont_ = false;  // a buffer that said so was outside the segment
  bool backwards_ = false;

  Lag lag_;
  bool run_over_ = true;    // the tail is out: what comes next is a new run
  bool same_line_ = false;  // and on the same line of time
  GstClockTime seen_latency_ = 0;
};

// The rest is inline, as each buffer comes by here.

inline size_t FilterStream::frames_of(const AudioBlock &block) const {
  if (!bytes_) return block.frames;
  const auto frame = size_t(python.info().bpf);
  return frame > 0 ? block.frames / frame : 0;
}

[[gnu::always_inline]] inline Outcome FilterStream::run(GstBuffer **buffer,
                                                        AudioBlock *block,
                                                        CallResult *result,
                                                        OnError policy) {
  const bool mapped =
      bytes_ ? map_bytes(buffer, block, &problem_)
             : block->map(*buffer, python.info(), writes_, &problem_);
  if (!mapped) {
    before_.clear();
    return python.refuse("got " + problem_);
  }
  if (block->frames == 0) {
    result->discont = block->discont;
    return Outcome::Ok;
  }
  if (G_UNLIKELY(bypass_.active())) bypass_.keep(*block, backwards_);
  python.stats().buffers.add();
  if (policy == OnError::Passthrough && writes_) {
    size_t size;
    const std::byte *bytes = block->bytes(&size);
    before_.assign(bytes, bytes + size);
  }
  return python.call(block, result);
}

[[gnu::always_inline]] inline GstFlowReturn FilterStream::process(
    GstBuffer **buffer) {
  GstFlowReturn flow = python.prepare(GST_BUFFER_PTS(*buffer));
  if (G_UNLIKELY(flow != GST_FLOW_OK)) return flow;
  if (G_UNLIKELY(is_break(*buffer))) {
    flow = reset();
    if (flow != GST_FLOW_OK) return flow;
  }
  fresh_ = false;
  if (G_UNLIKELY(run_over_))
    begin_run(*buffer);
  else if (G_UNLIKELY(python.latency() != seen_latency_))
    follow_latency();

  if (writes_ && G_UNLIKELY(!gst_buffer_is_writable(*buffer)))
    *buffer = gst_buffer_make_writable(*buffer);
  const OnError policy = python.on_error();
  AudioBlock block;
  CallResult result;
  result.outputs = &given_;
  const Outcome outcome = run(buffer, &block, &result, policy);
  if (!blocks_.active()) came_ = bytes_ ? frames_of(block) : block.frames;
  const bool isolated = python.isolated();
  if (G_UNLIKELY(isolated)) check_latency();
  if (G_UNLIKELY(outcome != Outcome::Ok))
    return fail(buffer, &block, outcome, policy);
  if (G_UNLIKELY(converts_) && (result.converted || !in_place_)) {
    block.unmap();
    outputs_.add(*buffer, frames_of(block), &given_, broken_ || result.discont);
    broken_ = false;
    gst_clear_buffer(buffer);
    return GST_FLOW_OK;
  }
  if (G_UNLIKELY(isolated) && writes_) {
    block.unmap();
    replace_lent_memory(buffer);
  }
  if (G_UNLIKELY(block.gap) && writes_)
    GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_GAP);
  // Not left to the base class, which hears of a drop only where it is the last
  // thing that comes of a buffer.
  if (G_UNLIKELY(result.discont | broken_)) mark_discont(buffer, &block);
  if (G_UNLIKELY(converts_)) {
    block.unmap();
    outputs_.add_same(buffer, frames_of(block));
    return GST_FLOW_OK;
  }
  note_position(GST_BUFFER_PTS(*buffer), GST_BUFFER_OFFSET(*buffer),
                block.frames);
  if (G_UNLIKELY(lag_.shifts())) {
    block.unmap();
    shift(buffer, block.frames);
  }
  return GST_FLOW_OK;
}

}  // namespace pythonfilter
