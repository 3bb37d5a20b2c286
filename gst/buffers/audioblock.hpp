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
  AudioBlock() { keeper = this; }
  ~AudioBlock() { unmap(); }
  AudioBlock(const AudioBlock &) = delete;
  AudioBlock &operator=(const AudioBlock &) = delete;

  // With `write` the buffer itself must be writable. False: `problem` says in
  // one line what is wrong with the buffer.
  bool map(GstBuffer *buffer, const GstAudioInfo &info, bool write,
           std::string *problem);
  void unmap();

  // The same memory as mere bytes. The planes of raw audio have to follow one
  // another: see make_planes_dense(). `info` is empty for anything else.
  bool map_bytes(GstBuffer *buffer, const GstAudioInfo &info, bool write,
                 std::string *problem);

  // All bytes of the mapped buffer, planes and what may lie between them.
  // Maps again when the memory was left to the plugin.
  std::byte *bytes(size_t *size);

 private:
  bool map_memory();
  bool map_buffer();
  bool describe(const GstAudioInfo &info, std::string *problem);
  bool describe_planes(const GstAudioMeta &meta, size_t width,
                       std::string *problem);
  bool map_any(GstBuffer *buffer, bool write, std::string *problem);
  std::unique_ptr<KeptMemory> keep() override;

  GstBuffer *buffer_ = nullptr;
  GstMapInfo map_ = GST_MAP_INFO_INIT;
  bool write_ = false;
  bool memory_mapped_ = false;  // map_ holds no reference of its own
};

// Puts a buffer whose planes follow one another in the place of one whose do
// not. False: `problem` says what is wrong with it.
bool make_planes_dense(GstBuffer **buffer, const GstAudioInfo &info,
                       std::string *problem);

}  // namespace pythonfilter
