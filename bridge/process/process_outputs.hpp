// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a converting plugin gave, in memory of this process alone.
#pragma once

#include <vector>

#include "../bridge.hpp"

namespace pythonfilter {

// Nothing is added for no bytes. False: there is no memory.
bool add_output_copy(const void *bytes, size_t size,
                     std::vector<Output> *outputs);

// What a plugin says of when its outputs are; nothing, unless it was read.
class SaidTimes {
 public:
  // A table of 24 bytes for each output: pts, duration (all bits set: not
  // said), and 1 for one that is a gap and has no bytes. It is copied first.
  // False: it is no such table.
  bool read(const void *table, size_t size, size_t outputs);
  // The next one. False: it does not fit the table, or there is no memory.
  bool add_output(const void *bytes, size_t size, std::vector<Output> *outputs);

 private:
  struct Row {
    uint64_t pts, duration, gap;
  };
  std::vector<Row> rows_;
  size_t next_ = 0;
};

}  // namespace pythonfilter
