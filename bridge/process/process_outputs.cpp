// SPDX-License-Identifier: LGPL-2.1-or-later
#include "process_outputs.hpp"

#include <cstdlib>
#include <cstring>

namespace pythonfilter {

bool add_output_copy(const void *bytes, size_t size,
                     std::vector<Output> *outputs) {
  if (size == 0) return true;
  void *copy = malloc(size);
  if (!copy) return false;
  std::memcpy(copy, bytes, size);
  Output output;
  output.data = static_cast<std::byte *>(copy);
  output.size = size;
  output.release = free;
  output.owner = copy;
  outputs->push_back(output);
  return true;
}

bool SaidTimes::read(const void *table, size_t size, size_t outputs) {
  if (size != outputs * sizeof(Row)) return false;
  rows_.resize(outputs);
  if (size > 0) std::memcpy(rows_.data(), table, size);
  for (const Row &row : rows_) {
    const uint64_t pts = row.pts == no_time ? 0 : row.pts;
    const uint64_t duration = row.duration == no_time ? 0 : row.duration;
    if (pts > last_time || duration > last_time - pts || row.gap > 1)
      return false;
  }
  return true;
}

bool SaidTimes::add_output(const void *bytes, size_t size,
                           std::vector<Output> *outputs) {
  if (rows_.empty()) return add_output_copy(bytes, size, outputs);
  const Row &row = rows_[next_++];
  if (row.gap) {
    if (size == 0)
      outputs->push_back(Output::nothing_at(row.pts, row.duration));
    return size == 0;
  }
  const size_t before = outputs->size();
  if (!add_output_copy(bytes, size, outputs)) return false;
  if (outputs->size() > before) {
    outputs->back().pts = row.pts;
    outputs->back().duration = row.duration;
  }
  return true;
}

}  // namespace pythonfilter
