// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonmixer does to its streams: which inputs there are, one call of the
// plugin for each block that the base class has put together, what a failed
// call lets through, and the end.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <gst/audio/gstaudioaggregator.h>

#include "../../bridge/contract.hpp"
#include "../element/pythonelement.hpp"
#include "../mixerpad.hpp"
#include "lag.hpp"
#include "latencytold.hpp"

namespace pythonfilter {

class MixerStream {
 public:
  explicit MixerStream(GstAggregator *mixer)
      : python(GST_ELEMENT(mixer), PluginKind::Mixer,
               GST_AGGREGATOR_PAD(GST_AGGREGATOR_SRC_PAD(mixer))->segment),
        mixer_(mixer) {
    g_rec_mutex_init(&pads_);
  }
  ~MixerStream() {
    forget();
    g_rec_mutex_clear(&pads_);
  }

  // The properties that every element has, and those of this one.
  static void install_properties(GObjectClass *object_class);
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // Caps, for whoever asks: any thread.
  GstCaps *input_caps(GstPad *pad) const;
  GstCaps *output_caps() const;
  // No pad goes while the base class walks along them: in GStreamer 1.22.0 it
  // does so without a reference. Never while the plugin is called.
  void hold_pads() {
    g_rec_mutex_lock(&pads_);
    holds_pads_ = true;
  }
  void release_pads() {
    if (std::exchange(holds_pads_, false)) g_rec_mutex_unlock(&pads_);
  }
  // Any thread.
  template <typename Remove>
  void remove_pad(const Remove &remove) {
    g_rec_mutex_lock(&pads_);
    remove();
    g_rec_mutex_unlock(&pads_);
  }

  // Inputs that begin from here on are at their end, until a flush.
  void ask_for_end(bool asked) { end_asked_ = asked; }
  bool end_is_asked_for() const { return end_asked_; }
  // The streaming thread's: it has gone out, and nothing follows before a
  // flush.
  void note_end() { ended_ = end_asked_; }
  bool is_over() const { return ended_; }

  // The rest is the streaming thread's.

  // Of what downstream leaves open, what the plugin would like. Takes `caps`.
  GstCaps *fixate(GstCaps *caps) const;
  // Whether an input has caps, so that it is known what can come out.
  bool knows_rate() const { return rate() > 0; }
  // The output's caps: (re)starts the plugin. False: an error was posted.
  bool start(const GstAudioInfo &info);
  // How long a block is, where the plugin says. The base class has to know it
  // first.
  void choose_block_size(int rate);
  void duration_was_set() { duration_set_ = duration_set_ || !setting_; }

  // An input's caps have come.
  void new_caps(GstPythonMixerPad *pad);
  // A block was begun; NULL: there is no memory.
  GstBuffer *begin_block(size_t frames);
  bool in_block() const { return begun_; }
  // A span of it.
  void add(GstPythonMixerPad *pad, GstBuffer *buffer, size_t first, size_t at,
           size_t frames) {
    pad->input->add(buffer, first, at, frames, block_);
  }
  // Before the base class looks what there is for the block. `*timeout`: it is
  // to be made with that. EOS: no other follows; NEED_DATA: there is none yet.
  GstFlowReturn look(gboolean *timeout);
  // The block is as full as it will be: the plugin is called. NULL is left
  // where nothing of it goes on. `*before`: what goes on before it, or NULL.
  GstFlowReturn finish(GstBuffer **block, GstBuffer **before);
  // What the plugin still holds; NULL: nothing.
  GstFlowReturn drain(GstBuffer **tail);
  // Between two blocks, new code takes over. Before what it makes comes what
  // the old code holds and cannot hand over; NULL: nothing.
  bool new_code_waits() const { return !begun_ && python.new_code_waits(); }
  GstFlowReturn change_code(GstBuffer **tail);

  void flush();
  // Nothing is known of any stream any more.
  void forget();

  // The plugin's own, which adds to the base class's, for whoever asks.
  void add_latency(GstQuery *query) {
    told_.add_to(query,
                 [this] { return python.latency() + python.deadline(); });
  }
  void forget_latency() { told_.forget(); }

  PythonElement python;

 private:
  // An input; the pad is kept from one change of pads to the next.
  struct Input {
    GstPythonMixerPad *pad;
    std::string name;
    bool optional;
    bool told;  // the plugin has heard of it, not of another of that name
  };

  int rate() const;
  int frames_of_block(int rate) const;
  GstPythonMixerPad *configured_pad(const std::string &name) const;
  std::vector<PortFormat> describe_inputs(const GstAudioInfo &output);
  PortFormat describe_input(GstPythonMixerPad *pad, const GstAudioInfo &output);
  void collect_inputs();
  bool has_other_inputs() const;
  bool update_inputs();
  bool required_ended() const;
  size_t required_end() const;
  GstFlowReturn wait_for_caps(bool timeout);
  GstClockTime latency() const { return python.latency() + python.deadline(); }
  size_t lag_now() const;
  void follow_latency(GstBuffer *block);
  size_t padding_of(size_t frames) const;
  GstFlowReturn process(GstBuffer **block);
  GstFlowReturn mix(GstBuffer **block);
  GstClockTime running_time(GstBuffer *block) const;
  GstBuffer *shift(GstBuffer **block, size_t frames);
  GstFlowReturn mix_silence(bool goes, GstBuffer **tail);
  GstFlowReturn drain(bool goes, GstBuffer **tail);
  void stamp(GstBuffer *buffer, GstClockTime pts, guint64 offset) const;
  void show_inputs(size_t frames, GstClockTime begin, GstClockTime end);
  void show_input(const Input &input, size_t frames, GstClockTime begin,
                  GstClockTime end, InputView *view) const;
  GstFlowReturn fail(GstBuffer **block, AudioBlock *mapped, Outcome outcome);
  const MixerInput *find_passthrough();
  void tell_params_again();
  static void mark(GstBuffer *block, bool gap, bool discont);
  void end_block();
  void follow_segment(GstBuffer *block);
  void open_pool(size_t frames);
  void close_pool();

  GstAggregator *const mixer_;
  std::atomic<int> sample_rate_{0};
  std::atomic<bool> end_asked_{false};
  bool ended_ = false;
  bool duration_set_ = false, setting_ = false;
  LatencyTold told_;

  GRecMutex pads_;
  bool holds_pads_ = false;

  std::vector<Input> inputs_;
  std::vector<InputView> views_;  // memory that is used again
  guint32 cookie_ = 0;            // of the element's pads, as inputs_ has them
  bool formats_changed_ = true;

  bool begun_ = false;    // there is a block
  size_t block_ = 0;      // how many frames it has room for
  bool timeout_ = false;  // not all that it could have is there
  bool ending_ = false;   // it is the last one
  bool passing_told_ = false;
  bool params_due_ = false;  // those of the inputs, to be told again
  bool owes_discont_ = true;
  Lag lag_;
  bool run_over_ = true;  // the tail is out: what comes next is a new run
  GstClockTime seen_latency_ = 0;
  GstClockTime next_pts_ = GST_CLOCK_TIME_NONE;
  GstClockTime segment_start_ = GST_CLOCK_TIME_NONE;
  guint64 next_offset_ = 0;

  GstBufferPool *pool_ = nullptr;
  gsize pool_size_ = 0;
};

}  // namespace pythonfilter
