// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An output of a splitter: what goes out of its pad, and the buffer that the
// plugin writes to meanwhile.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include <gst/audio/audio.h>

#include "../buffers/audioblock.hpp"
#include "../buffers/blockpool.hpp"
#include "lag.hpp"

namespace pythonfilter {

class DemixerOutput {
 public:
  explicit DemixerOutput(GstPad *pad) : pad_(pad) {}
  ~DemixerOutput() { drop(); }

  // Any thread: the pad is about to go, and what it says of a push is of no
  // interest any more.
  void remove() { removed_ = true; }
  bool removed() const { return removed_; }

  // The rest is the streaming thread's.

  void send_stream_start(GstEvent *upstream);
  // What comes from here on.
  void set_caps(const GstAudioInfo &info);
  // A buffer of so many frames, all zeros, for the plugin to write to. False:
  // `problem` says why there is none.
  bool begin(size_t frames, OutputView *view, std::string *problem);
  // It goes out with the times and flags of `like`, and moved by a lag; not
  // more of it than `most` frames.
  struct Place {
    GstBuffer *like;
    size_t frames;  // that it has
    Lag lag;
    size_t most;
  };
  GstFlowReturn push(Place *place, bool discont, bool gap);
  // In its place: silence, or the input itself.
  GstFlowReturn push_silence(Place *place);
  GstFlowReturn push_same(Place *place);
  // In its place: nothing but that there is silence now.
  GstFlowReturn push_gap(Place *place);
  GstFlowReturn push_last(GstBuffer *tail) { return push_now(tail); }
  // It does not go out.
  void drop();
  void owe_discont() { owes_discont_ = true; }
  // Nothing of any stream is known any more.
  void forget();

 private:
  GstFlowReturn push_at(Place *place, GstBuffer *buffer);
  GstFlowReturn push_now(GstBuffer *buffer);
  GstBuffer *take(GstBuffer *like);

  GstPad *const pad_;  // it is of this one
  std::atomic<bool> removed_{false};
  GstAudioInfo info_;
  BlockPool pool_;
  GstBuffer *buffer_ = nullptr;
  AudioBlock block_;  // buffer_, mapped
  bool owes_discont_ = true;
};

}  // namespace pythonfilter
