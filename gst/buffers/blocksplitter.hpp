// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Raw audio in buffers of any size, made into blocks of one size: without a
// copy where a whole block lies in one buffer, with one where it does not.
// GstAdapter knows bytes only: neither planes nor flags, and what it gives out
// of a buffer cannot be written to without a copy.
#pragma once

#include "../../bridge/contract.hpp"
#include "audioblock.hpp"

namespace pythonfilter {

// A pool of some of them is allocated before it is known what is needed.
constexpr int max_block_frames = 1 << 20;

class BlockSplitter {
 public:
  explicit BlockSplitter(const StreamingThread &streaming)
      : streaming_(streaming) {}
  ~BlockSplitter();
  BlockSplitter(const BlockSplitter &) = delete;
  BlockSplitter &operator=(const BlockSplitter &) = delete;

  // Blocks of `frames` from here on, none for 0. With `writes` somebody will
  // write into them, so that samples that others use too are copied here,
  // into memory that is used again, rather than there.
  void start(const GstAudioInfo &info, size_t frames, bool writes);
  // Backwards: each buffer goes before the one that came before it, and so do
  // the blocks.
  void set_direction(bool backwards) { backwards_ = backwards; }
  bool active() const { return frames_ > 0; }
  size_t size() const { return frames_; }
  // Frames that wait for the rest of their block.
  size_t pending() const { return filled_; }

  // Takes the buffer when take() has given all of the last one; what has not
  // been taken of that is gone. False: this is no audio that can be divided,
  // and it stays the caller's.
  bool add(GstBuffer *buffer);
  // Frames of it that were not taken.
  size_t left() const;
  // The next block, NULL when there are not enough frames for one.
  GstBuffer *take();
  // What take() left, and its number of frames; NULL: nothing. With `pad` it
  // has the length of a block, filled up with silence. Its duration and
  // offset-end are those of the frames without the silence.
  GstBuffer *take_rest(bool pad, size_t *frames);
  // Whether the last block that was taken is a copy.
  bool copied() const { return copied_; }
  // Forgets all that has not been taken.
  void clear();

 private:
  class MappedBuffer;

  bool is_block(GstBuffer *buffer) const;
  size_t first_of(size_t frames) const;
  void drop_source();
  void close_pool();
  GstBuffer *share();
  GstBuffer *copy(size_t frames);
  GstBuffer *new_block();
  void describe(GstBuffer *block, size_t frames) const;
  void end_block(GstBuffer *block, size_t frames) const;
  void move_to_front(size_t frames);
  size_t byte_of(int plane, size_t frame) const;
  GstClockTime time_of(size_t frame) const;

  const StreamingThread &streaming_;
  GstAudioInfo info_;
  size_t frames_ = 0;
  bool writes_ = true;
  bool copied_ = false;
  bool backwards_ = false;
  int planes_ = 1;    // runs of samples in a block, each with a part
  size_t width_ = 0;  // of so many bytes for each frame

  GstBuffer *whole_ = nullptr;      // a buffer that is a block
  MappedBuffer *source_ = nullptr;  // any other, and
  size_t next_ = 0;                 // frames of it that were taken
  MappedBuffer *spare_ = nullptr;   // to be the next

  GstBufferPool *pool_ = nullptr;  // made when the first block is copied
  GstBuffer *block_ = nullptr;     // being filled; backwards from its end
  size_t filled_ = 0;
};

}  // namespace pythonfilter
