// SPDX-License-Identifier: LGPL-2.1-or-later
#include "blocksplitter.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "audiocut.hpp"

namespace pythonfilter {

namespace {

// A free buffer less and the pool would make system calls when its last one
// goes and comes back: one is filled, one processed, one kept by a sink.
constexpr guint pool_buffers = 4;

// What a block has of the buffer with its first frame, if that is the buffer's
// first one.
constexpr guint first_flags =
    GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC | GST_BUFFER_FLAG_MARKER;
// What a block has of any buffer that has a part in it.
constexpr guint any_flags = GST_BUFFER_FLAG_CORRUPTED | GST_BUFFER_FLAG_LIVE;

// Whether nobody else uses the samples. Sub-memory does not say by itself that
// it is read-only, but refuses to be mapped.
bool is_writable(GstBuffer *buffer) {
  if (!gst_buffer_is_writable(buffer)) return false;
  for (guint i = 0; i < gst_buffer_n_memory(buffer); i++) {
    GstMemory *memory = gst_buffer_peek_memory(buffer, i);
    if (!gst_memory_is_writable(memory) || GST_MEMORY_IS_READONLY(memory))
      return false;
  }
  return true;
}

}  // namespace

// A buffer and its one mapping, which the blocks that lie in its memory share.
// It goes with the last of them, on whatever thread that is.
class BlockSplitter::MappedBuffer {
 public:
  bool open(GstBuffer *buffer, const GstAudioInfo &info) {
    writable = is_writable(buffer);
    contiguous =
        info.layout == GST_AUDIO_LAYOUT_INTERLEAVED || info.channels == 1;
    std::string problem;
    if (audio.map(buffer, info, writable, &problem)) {
      buffer_ = buffer;
      return true;
    }
    audio.unmap();
    return false;
  }
  void close() {
    audio.unmap();
    gst_clear_buffer(&buffer_);
  }

  MappedBuffer *ref() {
    users_.fetch_add(1, std::memory_order_relaxed);
    return this;
  }
  static void unref(gpointer pointer) {
    auto *source = static_cast<MappedBuffer *>(pointer);
    if (source->users_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    source->close();
    delete source;
  }
  bool has_other_users() const {
    return users_.load(std::memory_order_acquire) > 1;
  }
  GstBuffer *buffer() const { return buffer_; }

  AudioBlock audio;
  bool writable = false;    // nobody else uses its memory
  bool contiguous = false;  // frame after frame

 private:
  ~MappedBuffer() = default;

  GstBuffer *buffer_ = nullptr;
  std::atomic<int> users_{1};
};

BlockSplitter::~BlockSplitter() {
  clear();
  close_pool();
  if (spare_) MappedBuffer::unref(spare_);
}

void BlockSplitter::start(const GstAudioInfo &info, size_t frames,
                          bool writes) {
  clear();
  close_pool();
  info_ = info;
  frames_ = frames;
  writes_ = writes;
  const bool interleaved = info.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
  planes_ = interleaved ? 1 : info.channels;
  width_ = size_t(interleaved ? info.bpf : GST_AUDIO_INFO_BPS(&info));
}

void BlockSplitter::close_pool() {
  if (pool_) gst_buffer_pool_set_active(pool_, FALSE);
  gst_clear_object(&pool_);
}

void BlockSplitter::clear() {
  assert(streaming_.is_here());
  drop_source();
  gst_clear_buffer(&block_);
  filled_ = 0;
}

void BlockSplitter::drop_source() {
  gst_clear_buffer(&whole_);
  MappedBuffer *source = std::exchange(source_, nullptr);
  if (!source) return;
  if (spare_ || source->has_other_users()) return MappedBuffer::unref(source);
  source->close();
  spare_ = source;
}

size_t BlockSplitter::left() const {
  if (whole_) return frames_;
  return source_ ? source_->audio.frames - next_ : 0;
}

// The first of the next `frames` frames of the source.
size_t BlockSplitter::first_of(size_t frames) const {
  return backwards_ ? left() - frames : next_;
}

bool BlockSplitter::is_block(GstBuffer *buffer) const {
  const GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
  return meta ? meta->samples == frames_
              : gst_buffer_get_size(buffer) == frames_ * size_t(info_.bpf);
}

bool BlockSplitter::add(GstBuffer *buffer) {
  assert(streaming_.is_here());
  drop_source();
  if (filled_ == 0 && is_block(buffer)) {
    whole_ = buffer;
    return true;
  }
  if (!spare_) spare_ = new MappedBuffer;
  if (!spare_->open(buffer, info_)) return false;
  source_ = std::exchange(spare_, nullptr);
  next_ = 0;
  return true;
}

GstBuffer *BlockSplitter::take() {
  assert(streaming_.is_here());
  copied_ = false;
  if (whole_) return std::exchange(whole_, nullptr);
  if (!source_) return nullptr;
  const bool shares = source_->contiguous && (source_->writable || !writes_);
  GstBuffer *block = shares && filled_ == 0 && left() >= frames_
                         ? share()
                         : copy(std::min(left(), frames_ - filled_));
  if (left() == 0) drop_source();
  return block;
}

// Planes are not shared: one memory from the first plane's part to the last
// one's would have other blocks' samples in it, and one for each plane would
// be copied whenever somebody maps the block.
GstBuffer *BlockSplitter::share() {
  const size_t size = frames_ * size_t(info_.bpf);
  std::byte *samples =
      source_->audio.data + first_of(frames_) * size_t(info_.bpf);
  GstBuffer *block;
  if (source_->writable) {
    // No sub-memory, which nobody may write to. It has no room beyond the
    // block, so that nobody who writes to all of it reaches a neighbour.
    block = gst_buffer_new();
    gst_buffer_append_memory(
        block, gst_memory_new_wrapped(GstMemoryFlags(0), samples, size, 0, size,
                                      source_->ref(), MappedBuffer::unref));
  } else {
    size_t all;
    const std::byte *begin = source_->audio.bytes(&all);
    block = gst_buffer_copy_region(source_->buffer(), GST_BUFFER_COPY_MEMORY,
                                   gsize(samples - begin), size);
  }
  describe(block, frames_);
  end_block(block, frames_);
  copied_ = source_->audio.copied;
  next_ += frames_;
  return block;
}

// The block, once it is full.
GstBuffer *BlockSplitter::copy(size_t frames) {
  if (frames == 0) return nullptr;
  if (filled_ == 0) {
    block_ = new_block();
    describe(block_, frames);
  } else {
    const guint flags = GST_BUFFER_FLAGS(source_->buffer());
    if (!(flags & GST_BUFFER_FLAG_GAP))
      GST_BUFFER_FLAG_UNSET(block_, GST_BUFFER_FLAG_GAP);
    GST_BUFFER_FLAG_SET(block_, flags & any_flags);
  }
  GstMapInfo map;
  gst_buffer_map(block_, &map, GST_MAP_WRITE);
  const size_t to = backwards_ ? frames_ - filled_ - frames : filled_;
  const size_t from = first_of(frames);
  for (int p = 0; p < planes_; p++)
    std::memcpy(map.data + byte_of(p, to),
                source_->audio.channel(size_t(p)) + from * width_,
                frames * width_);
  gst_buffer_unmap(block_, &map);
  next_ += frames;
  filled_ += frames;
  if (filled_ < frames_) return nullptr;
  copied_ = true;
  filled_ = 0;
  end_block(block_, frames_);
  return std::exchange(block_, nullptr);
}

GstBuffer *BlockSplitter::take_rest(bool pad, size_t *frames) {
  assert(streaming_.is_here());
  drop_source();
  *frames = std::exchange(filled_, 0);
  if (*frames == 0) return nullptr;
  copied_ = true;
  if (backwards_) move_to_front(*frames);
  end_block(block_, *frames);
  GST_BUFFER_DURATION(block_) = time_of(*frames);
  if (GST_BUFFER_OFFSET_IS_VALID(block_))
    GST_BUFFER_OFFSET_END(block_) = GST_BUFFER_OFFSET(block_) + *frames;
  if (pad) {
    GstMapInfo map;
    gst_buffer_map(block_, &map, GST_MAP_WRITE);
    for (int p = 0; p < planes_; p++)
      gst_audio_format_info_fill_silence(info_.finfo,
                                         map.data + byte_of(p, *frames),
                                         (frames_ - *frames) * width_);
    gst_buffer_unmap(block_, &map);
  } else {
    cut_to(block_, info_, *frames);
  }
  return std::exchange(block_, nullptr);
}

// The frames of a block that was filled from its end.
void BlockSplitter::move_to_front(size_t frames) {
  GstMapInfo map;
  gst_buffer_map(block_, &map, GST_MAP_READWRITE);
  for (int p = 0; p < planes_; p++)
    std::memmove(map.data + byte_of(p, 0),
                 map.data + byte_of(p, frames_ - frames), frames * width_);
  gst_buffer_unmap(block_, &map);
}

GstBuffer *BlockSplitter::new_block() {
  if (!pool_) {
    pool_ = gst_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(pool_);
    gst_buffer_pool_config_set_params(
        config, nullptr, guint(frames_ * size_t(info_.bpf)), pool_buffers, 0);
    gst_buffer_pool_set_config(pool_, config);
    gst_buffer_pool_set_active(pool_, TRUE);
  }
  GstBuffer *block = nullptr;
  // Has no limit and is never flushed, so it always gives one.
  gst_buffer_pool_acquire_buffer(pool_, &block, nullptr);
  return block;
}

// A new block, of whose frames the next so many of the source are the first.
// Backwards they are the last, and it is end_block() that knows where it
// begins.
void BlockSplitter::describe(GstBuffer *block, size_t frames) const {
  if (info_.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(block, &info_, frames_, nullptr);
  GstBuffer *source = source_->buffer();
  // From the source's start each time, so that nothing adds up.
  const size_t first = first_of(frames) + (backwards_ ? frames : 0);
  const GstClockTime begin = time_of(first);
  if (GST_BUFFER_PTS_IS_VALID(source))
    GST_BUFFER_PTS(block) = GST_BUFFER_PTS(source) + begin;
  GST_BUFFER_DURATION(block) = time_of(first + frames_) - begin;
  if (GST_BUFFER_OFFSET_IS_VALID(source)) {
    GST_BUFFER_OFFSET(block) = GST_BUFFER_OFFSET(source) + first;
    GST_BUFFER_OFFSET_END(block) = GST_BUFFER_OFFSET(block) + frames_;
  }
  GST_BUFFER_FLAG_SET(
      block, GST_BUFFER_FLAGS(source) & (GST_BUFFER_FLAG_GAP | any_flags |
                                         (next_ == 0 ? first_flags : 0)));
}

// The block is full, with so many frames.
void BlockSplitter::end_block(GstBuffer *block, size_t frames) const {
  if (!backwards_) return;
  const GstClockTime end = GST_BUFFER_PTS(block);
  if (GST_BUFFER_PTS_IS_VALID(block))
    GST_BUFFER_PTS(block) = end - std::min(end, time_of(frames));
  const guint64 offset = GST_BUFFER_OFFSET(block);
  if (!GST_BUFFER_OFFSET_IS_VALID(block)) return;
  GST_BUFFER_OFFSET(block) = offset - std::min<guint64>(offset, frames);
  GST_BUFFER_OFFSET_END(block) = offset;
}

size_t BlockSplitter::byte_of(int plane, size_t frame) const {
  return (size_t(plane) * frames_ + frame) * width_;
}

GstClockTime BlockSplitter::time_of(size_t frame) const {
  return GST_FRAMES_TO_CLOCK_TIME(frame, guint64(info_.rate));
}

}  // namespace pythonfilter
