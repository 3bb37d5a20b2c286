// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The samples of a block, and a dense copy of them: interleaved or one channel
// after another.
#pragma once

#include "bridge.hpp"

namespace pythonfilter {

struct Dense {
  explicit Dense(const StreamFormat &format)
      : width(format.bytes ? 1 : sample_size(format.format)),
        channels(format.bytes ? 1 : size_t(format.channels)),
        interleaved(format.interleaved && channels > 1) {}
  // All ports are interleaved.
  explicit Dense(const PortFormat &format)
      : width(sample_size(format.format)),
        channels(size_t(format.channels)),
        interleaved(channels > 1) {}
  size_t size(size_t frames) const { return frames * channels * width; }

  size_t width, channels;
  bool interleaved;
};

void copy_from_block(const Block &block, const Dense &dense, std::byte *to);
void copy_from_input(const InputView &input, size_t frames, const Dense &dense,
                     std::byte *to);
void copy_to_block(const std::byte *from, const Dense &dense,
                   const Block &block);
void copy_to_output(const std::byte *from, const Dense &dense, size_t frames,
                    const OutputView &output);

// Whether the samples already lie so that a worker can be told where: the first
// of their bytes, how many from there to the last, and from channel to channel.
bool find_samples(const Block &block, const Dense &dense, size_t *length,
                  size_t *plane_stride);

}  // namespace pythonfilter
