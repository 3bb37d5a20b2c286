// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What one input of a mixer has given for the block that is being made. The
// base class hands it over in spans, while it holds a lock of its own: here
// they are only put aside. A single span over the whole block is shown where it
// lies; others are gathered in a plane that is used again.
#pragma once

#include <memory>

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// The streaming thread's of the mixer.
class MixerInput final : private MemoryKeeper {
 public:
  MixerInput() { gst_audio_info_init(&info_); }
  ~MixerInput() { clear(); }
  MixerInput(const MixerInput &) = delete;
  MixerInput &operator=(const MixerInput &) = delete;

  // Samples are like this from here on; those that are there become so.
  void set_format(const GstAudioInfo &info);
  const GstAudioInfo &info() const { return info_; }

  // `frames` of the buffer, from `first` on, belong to the block from `at` on,
  // which has room for `room` frames. Spans come in their order.
  void add(GstBuffer *buffer, size_t first, size_t at, size_t frames,
           size_t room);
  // Where the last of them ends; 0: there are none.
  size_t end() const { return end_; }

  // Says that there is silence until then, in running time.
  void note_gap(GstClockTime until) { gap_until_ = until; }
  GstClockTime gap_until() const { return gap_until_; }

  // All that comes of a block with so many frames is there. The view's present,
  // gap and late are the caller's.
  void show(size_t frames, InputView *view);
  // The same samples, whatever became of the view.
  void read(size_t frames, std::byte *to) const;
  // Whether show() had to copy samples.
  bool gathered() const { return gathered_; }
  // The block is over.
  void clear();
  // So is the stream, as it was.
  void forget() {
    clear();
    continues_ = false;
    gap_until_ = 0;
  }

 private:
  size_t frame() const { return size_t(info_.bpf); }
  bool map_span(size_t frames);
  void gather();
  void reserve(size_t frames);
  void copy(GstBuffer *buffer, size_t first, size_t at, size_t frames);
  void fill_up(size_t frames);
  std::unique_ptr<KeptMemory> keep() override;

  GstAudioInfo info_;
  // The only span so far; NULL: there is none, or they are in the plane.
  GstBuffer *span_ = nullptr;
  size_t first_ = 0, at_ = 0, length_ = 0, room_ = 0;
  GstMapInfo map_;
  bool mapped_ = false;

  std::unique_ptr<std::byte[]> plane_;
  size_t size_ = 0;     // of plane_, in bytes
  size_t written_ = 0;  // bytes of it that may be no silence
  size_t end_ = 0;      // frames of the block up to here are there
  size_t shown_ = 0;    // frames of the last block
  bool gathered_ = false;
  bool continues_ = false;  // the block before was full
  bool discont_ = false;    // what is there does not continue it
  GstClockTime pts_ = GST_CLOCK_TIME_NONE;
  GstClockTime gap_until_ = 0;
};

}  // namespace pythonfilter
