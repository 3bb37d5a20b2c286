// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a worker answered, held against what it was asked. Functions of their
// arguments alone, which were copied from shared memory once.
#pragma once

#include <cstddef>
#include <vector>

#include "controlpage.hpp"

namespace pythonfilter {

constexpr size_t most_outputs = 65536;
constexpr size_t most_output_bytes = size_t(256) << 20;
// 1000 messages, how many more there were, and a failure.
constexpr uint64_t most_reply_records = 1002;

struct Asked {
  uint64_t sequence = 0;
  bool can_decline = false;   // a source, a sink
  bool can_drop = false;      // not a source
  bool can_be_short = false;  // a source
  bool converts = false;
  bool in_place = true;     // the block itself may go on
  size_t outputs_size = 0;  // of the region, which may be 0
  uint64_t frames = 0;      // of the block
  uint64_t linked = 0;      // outputs of a splitter, one bit for each
};

// NULL, or what is wrong with it.
const char *find_fault(const Reply &reply, const Asked &asked);

// Whether one of its records is a `failure`.
bool tells_failure(const Reply &reply);

struct OutputRange {
  size_t offset;
  size_t size;
};

// Where outputs of these sizes lie in the region. False: not within the
// `bytes` that the reply claims, or not of whole frames. `timed`: the first is
// a table, which has none.
bool find_outputs(const std::vector<uint64_t> &sizes, uint64_t bytes,
                  size_t frame, std::vector<OutputRange> *ranges,
                  bool timed = false);

}  // namespace pythonfilter
