// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audioblock.hpp"

#include <cstdlib>
#include <cstring>
#include <utility>

#include "keptmap.hpp"

namespace pythonfilter {

namespace {

// All but the one that says where the planes are.
gboolean copy_other_meta(GstBuffer *from, GstMeta **meta, gpointer to) {
  const GstMetaInfo *info = (*meta)->info;
  GstMetaTransformCopy all = {FALSE, 0, gsize(-1)};
  if (info->api != GST_AUDIO_META_API_TYPE && info->transform_func)
    info->transform_func(static_cast<GstBuffer *>(to), *meta, from,
                         _gst_meta_transform_copy, &all);
  return TRUE;
}

bool ranges_overlap(size_t a, size_t b, size_t length) {
  return a < b + length && b < a + length;
}

}  // namespace

// gst_audio_buffer_map() asserts what is checked here, or reads past the end.
bool AudioBlock::describe_rare(const GstAudioInfo &info,
                               const GstAudioMeta *meta, std::string *problem) {
  const bool interleaved = info.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const auto frame = size_t(GST_AUDIO_INFO_BPF(&info));
  if (meta) {
    if (meta->info.finfo != info.finfo ||
        meta->info.channels != info.channels ||
        meta->info.layout != info.layout) {
      *problem = "a buffer whose GstAudioMeta contradicts its caps";
      return false;
    }
    frames = meta->samples;
    if (frames > map_.size / width ||
        (interleaved && frames * frame != map_.size)) {
      *problem = "a GstAudioMeta of " + std::to_string(frames) +
                 " frames on a buffer of " + std::to_string(map_.size) +
                 " bytes";
      return false;
    }
    if (!interleaved) return describe_planes(*meta, width, problem);
  } else if (map_.size == 0) {
    frames = 0;
  } else if (!interleaved) {
    *problem = "a non-interleaved buffer without GstAudioMeta";
    return false;
  } else {
    *problem = "a buffer of " + std::to_string(map_.size) +
               " bytes, which is not a whole number of frames of " +
               std::to_string(frame) + " bytes";
    return false;
  }
  channel_stride = ptrdiff_t(width);
  frame_stride = ptrdiff_t(frame);
  return true;
}

bool AudioBlock::map_bytes(GstBuffer *buffer, const GstAudioInfo &info,
                           bool write, std::string *problem) {
  if (!map_any(buffer, write, problem)) return false;
  if (info.bpf > 0 && !describe(info, problem)) return false;
  // All of it is described as dense, or was made so.
  data = reinterpret_cast<std::byte *>(map_.data);
  plane_offsets = nullptr;
  channel_stride = frame_stride = 1;
  frames = map_.size;
  return true;
}

// Everything else: GStreamer merges several memories and copies a shared one.
bool AudioBlock::map_buffer() {
  copied = write_ || gst_buffer_n_memory(buffer_) > 1;
  memory_mapped_ = false;
  return gst_buffer_map(buffer_, &map_,
                        write_ ? GST_MAP_READWRITE : GST_MAP_READ);
}

bool AudioBlock::describe_planes(const GstAudioMeta &meta, size_t width,
                                 std::string *problem) {
  const size_t length = frames * width;
  const int channels = meta.info.channels;
  const gsize *offsets = meta.offsets;
  frame_stride = ptrdiff_t(width);
  bool even = true;
  for (int c = 0; c < channels; c++) {
    if (offsets[c] > map_.size || length > map_.size - offsets[c]) {
      *problem = "a GstAudioMeta whose plane " + std::to_string(c) +
                 " lies outside its buffer of " + std::to_string(map_.size) +
                 " bytes";
      return false;
    }
    if (c >= 2)
      even = even && offsets[c] - offsets[c - 1] == offsets[1] - offsets[0];
  }
  channel_stride =
      channels > 1 ? ptrdiff_t(offsets[1] - offsets[0]) : ptrdiff_t(length);
  if (even && size_t(std::abs(channel_stride)) >= length) {
    data += offsets[0];
    return true;
  }
  for (int a = 0; a < channels; a++) {
    for (int b = a + 1; b < channels && length > 0; b++) {
      if (!ranges_overlap(offsets[a], offsets[b], length)) continue;
      *problem = "a GstAudioMeta whose planes " + std::to_string(a) + " and " +
                 std::to_string(b) + " overlap";
      return false;
    }
  }
  plane_offsets = offsets;
  return true;
}

std::byte *AudioBlock::bytes(size_t *size) {
  *size = map_.size;
  return reinterpret_cast<std::byte *>(map_.data);
}

// The GIL is held, so nothing can write to the memory while it is copied.
std::unique_ptr<KeptMemory> AudioBlock::keep() {
  gst_memory_ref(map_.memory);
  // A buffer's map has a reference of its own to the memory, which GStreamer
  // gives back with it since 1.28, and not before: one of the memory has none.
  GstMapInfo alone;
  if (!memory_mapped_ &&
      gst_memory_map(map_.memory, &alone,
                     write_ ? GST_MAP_READWRITE : GST_MAP_READ)) {
    std::swap(map_, alone);
    gst_buffer_unmap(buffer_, &alone);
  }
  auto kept = std::make_unique<KeptMap>(map_);
  const GstMapInfo theirs = map_;
  const ptrdiff_t first = data - reinterpret_cast<std::byte *>(theirs.data);
  if (write_) {
    GstMemory *memory = gst_allocator_alloc(nullptr, theirs.size, nullptr);
    gst_memory_map(memory, &map_, GST_MAP_READWRITE);
    std::memcpy(map_.data, theirs.data, theirs.size);
    gst_buffer_replace_all_memory(buffer_, memory);
    memory_mapped_ = true;
  } else {
    // Nobody can write while it stays mapped: the stream keeps it as well.
    map_buffer();
  }
  data = reinterpret_cast<std::byte *>(map_.data) + first;
  return kept;
}

bool make_planes_dense(GstBuffer **buffer, const GstAudioInfo &info,
                       std::string *problem) {
  AudioBlock block;
  if (!block.map(*buffer, info, false, problem)) return false;
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const size_t length = block.frames * width;
  const auto channels = size_t(info.channels);
  size_t size;
  block.bytes(&size);
  const GstAudioMeta *meta = gst_buffer_get_audio_meta(*buffer);
  bool dense = size == channels * length;
  for (size_t c = 0; meta && c < channels; c++)
    dense = dense && meta->offsets[c] == c * length;
  if (dense) return true;

  GstMemory *memory = gst_allocator_alloc(nullptr, channels * length, nullptr);
  GstMapInfo map;
  gst_memory_map(memory, &map, GST_MAP_WRITE);
  for (size_t c = 0; c < channels; c++)
    std::memcpy(map.data + c * length, block.channel(c), length);
  gst_memory_unmap(memory, &map);
  GstBuffer *made = gst_buffer_new();
  gst_buffer_copy_into(
      made, *buffer,
      GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0,
      gsize(-1));
  gst_buffer_append_memory(made, memory);
  gst_buffer_foreach_meta(*buffer, copy_other_meta, made);
  gst_buffer_add_audio_meta(made, &info, block.frames, nullptr);
  block.unmap();
  gst_buffer_unref(*buffer);
  *buffer = made;
  return true;
}

}  // namespace pythonfilter
