// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The samples of a block, as they lie in a slot: dense, interleaved or one
// channel after another.
#pragma once

#include "../bridge.hpp"

namespace pythonfilter {

size_t dense_size(const StreamFormat &format, size_t frames);
void copy_from_block(const Block &block, const StreamFormat &format,
                     std::byte *to);
void copy_to_block(const std::byte *from, const StreamFormat &format,
                   const Block &block);

// Whether the samples already lie so that a worker can be told where: the first
// of their bytes, how many from there to the last, and from channel to channel.
bool find_samples(const Block &block, const StreamFormat &format,
                  size_t *length, size_t *plane_stride);

}  // namespace pythonfilter
