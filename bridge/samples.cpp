// SPDX-License-Identifier: LGPL-2.1-or-later
#include "samples.hpp"

#include <cstring>

namespace pythonfilter {

namespace {

// Byte by byte: the memory of a block need not be aligned.
template <typename Move>
void move_samples(const Block &block, const Dense &dense, Move move) {
  const auto [width, channels, interleaved] = dense;
  const auto frame = ptrdiff_t(width * (interleaved ? channels : 1));
  if (interleaved && !block.plane_offsets && block.frame_stride == frame &&
      block.channel_stride == ptrdiff_t(width)) {
    move(block.data, 0, block.frames * size_t(frame));
    return;
  }
  for (size_t c = 0; c < channels; c++) {
    std::byte *at = block.channel(c);
    if (!interleaved && block.frame_stride == ptrdiff_t(width)) {
      move(at, c * block.frames * width, block.frames * width);
      continue;
    }
    for (size_t i = 0; i < block.frames; i++, at += block.frame_stride)
      move(at, (interleaved ? i * channels + c : c * block.frames + i) * width,
           width);
  }
}

// Of a port, as far as samples are concerned.
template <typename View>
Block block_of(const View &view, size_t frames) {
  Block block = {};
  block.data = view.data;
  block.channel_stride = view.channel_stride;
  block.frame_stride = view.frame_stride;
  block.frames = frames;
  return block;
}

}  // namespace

void copy_from_block(const Block &block, const Dense &dense, std::byte *to) {
  move_samples(block, dense,
               [to](const std::byte *at, size_t offset, size_t length) {
                 std::memcpy(to + offset, at, length);
               });
}

void copy_from_input(const InputView &input, size_t frames, const Dense &dense,
                     std::byte *to) {
  copy_from_block(block_of(input, frames), dense, to);
}

void copy_to_block(const std::byte *from, const Dense &dense,
                   const Block &block) {
  move_samples(block, dense,
               [from](std::byte *at, size_t offset, size_t length) {
                 std::memcpy(at, from + offset, length);
               });
}

void copy_to_output(const std::byte *from, const Dense &dense, size_t frames,
                    const OutputView &output) {
  copy_to_block(from, dense, block_of(output, frames));
}

bool find_samples(const Block &block, const Dense &dense, size_t *length,
                  size_t *plane_stride) {
  const auto [width, channels, interleaved] = dense;
  const size_t frame = interleaved ? width * channels : width;
  if (block.plane_offsets || block.frame_stride != ptrdiff_t(frame) ||
      reinterpret_cast<uintptr_t>(block.data) % width != 0)
    return false;
  *length = block.frames * frame;
  *plane_stride = *length;
  if (channels == 1) return true;
  if (interleaved) return block.channel_stride == ptrdiff_t(width);
  if (block.channel_stride < ptrdiff_t(*length) ||
      size_t(block.channel_stride) % width != 0)
    return false;
  *plane_stride = size_t(block.channel_stride);
  *length += (channels - 1) * *plane_stride;
  return true;
}

}  // namespace pythonfilter
