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

}  // namespace pythonfilter
