// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A GstBuffer of raw audio, mapped and described as a Block.
#pragma once

#include <string>

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

class AudioBlock final : public Block, private MemoryKeeper {
 public:
  // Mapped to nothing. The rest is for map() to say.
  AudioBlock() : buffer_(nullptr) {
    frames = 0;
    map_.data = nullptr;
    map_.size = 0;
  }
  ~AudioBlock() { unmap(); }
  AudioBlock(const AudioBlock &) = delete;
  AudioBlock &operator=(const AudioBlock &) = delete;

  // With `write` the buffer itself must be writable. False: `problem` says in
  // one line what is wrong with the buffer.
  bool map(GstBuffer *buffer, const GstAudioInfo &info, bool write,
           std::string *problem);
  void unmap();

  // As map(), but the memory as mere bytes. The planes of raw audio have to
  // follow one another: see make_planes_dense(). `info` is empty for anything
  // else.
  bool map_bytes(GstBuffer *buffer, const GstAudioInfo &info, bool write,
                 std::string *problem);

  // All bytes of the mapped buffer, planes and what may lie between them.
  // Maps again when the memory was left to the plugin.
  std::byte *bytes(size_t *size);

 private:
  bool map_memory();
  bool map_buffer();
  bool describe(const GstAudioInfo &info, std::string *problem);
  bool describe_rare(const GstAudioInfo &info, const GstAudioMeta *meta,
                     std::string *problem);
  bool describe_planes(const GstAudioMeta &meta, size_t width,
                       std::string *problem);
  bool map_any(GstBuffer *buffer, bool write, std::string *problem);
  std::unique_ptr<KeptMemory> keep() override;

  GstBuffer *buffer_;
  GstMapInfo map_;
  bool write_;
  bool memory_mapped_;  // map_ holds no reference of its own
};

// Puts a buffer whose planes follow one another in the place of one whose do
// not. False: `problem` says what is wrong with it.
bool make_planes_dense(GstBuffer **buffer, const GstAudioInfo &info,
                       std::string *problem);

// The rest is inline, as each buffer comes by here.

// A buffer's one memory, which the buffer holds for us. Saves the lookups and
// counts of gst_buffer_map().
[[gnu::always_inline]] inline bool AudioBlock::map_memory() {
  if (gst_buffer_n_memory(buffer_) != 1) return false;
  GstMemory *memory = gst_buffer_peek_memory(buffer_, 0);
  // Fails for memory that is shared and to be written to.
  if (!gst_memory_map(memory, &map_, write_ ? GST_MAP_READWRITE : GST_MAP_READ))
    return false;
  memory_mapped_ = true;
  return true;
}

[[gnu::always_inline]] inline bool AudioBlock::map_any(GstBuffer *buffer,
                                                       bool write,
                                                       std::string *problem) {
  buffer_ = buffer;
  write_ = write;
  copied = false;
  if (!map_memory() && !map_buffer()) {
    buffer_ = nullptr;
    map_.data = nullptr;
    map_.size = 0;
    *problem = "a buffer that cannot be mapped";
    return false;
  }
  data = reinterpret_cast<std::byte *>(map_.data);
  plane_offsets = nullptr;
  keeper = this;
  curves = nullptr;
  patience = 0;
  pts = GST_BUFFER_PTS(buffer);
  duration = GST_BUFFER_DURATION(buffer);
  offset = GST_BUFFER_OFFSET(buffer);
  discont = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  gap = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP);
  return true;
}

// Nearly all audio is interleaved, and without metas.
[[gnu::always_inline]] inline bool AudioBlock::describe(
    const GstAudioInfo &info, std::string *problem) {
  const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer_);
  const auto frame = size_t(GST_AUDIO_INFO_BPF(&info));
  if (G_UNLIKELY(meta || info.layout != GST_AUDIO_LAYOUT_INTERLEAVED ||
                 map_.size % frame != 0))
    return describe_rare(info, meta, problem);
  frames = map_.size / frame;
  channel_stride = GST_AUDIO_INFO_BPS(&info);
  frame_stride = ptrdiff_t(frame);
  return true;
}

[[gnu::always_inline]] inline bool AudioBlock::map(GstBuffer *buffer,
                                                   const GstAudioInfo &info,
                                                   bool write,
                                                   std::string *problem) {
  return map_any(buffer, write, problem) && describe(info, problem);
}

[[gnu::always_inline]] inline void AudioBlock::unmap() {
  if (!buffer_) return;
  if (memory_mapped_)
    gst_memory_unmap(map_.memory, &map_);
  else
    gst_buffer_unmap(buffer_, &map_);
  buffer_ = nullptr;
}

}  // namespace pythonfilter
