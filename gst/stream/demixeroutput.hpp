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
  // It goes out with the times and flags of `like`.
  GstFlowReturn push(GstBuffer *like, bool discont, bool gap);
  // In its place: silence, or the input itself.
  GstFlowReturn push_silence(GstBuffer *like);
  GstFlowReturn push_same(GstBuffer *input);
  // In its place: nothing but that there is silence now.
  GstFlowReturn push_gap(GstBuffer *like);
  GstFlowReturn push_last(GstBuffer *tail) { return push_now(tail, false); }
  // It does not go out.
  void drop();
  void owe_discont() { owes_discont_ = true; }
  // Nothing of any stream is known any more.
  void forget();

 private:
  GstFlowReturn push_now(GstBuffer *buffer, bool discont);
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
