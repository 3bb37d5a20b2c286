// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whatever a worker writes into its half of the control page and into the table
// of outputs' sizes, what passes lies in the region.
#include <algorithm>
#include <cstring>

#include "../../bridge/process/reply.hpp"
#include "check.hpp"

using namespace pythonfilter;

namespace {

class Input {
 public:
  Input(const uint8_t *data, size_t size) : at_(data), left_(size) {}
  // Zeros behind its end.
  template <typename T>
  T take() {
    T value{};
    const size_t size = std::min(left_, sizeof value);
    if (size) std::memcpy(&value, at_, size);
    at_ += size;
    left_ -= size;
    return value;
  }
  size_t left() const { return left_; }

 private:
  const uint8_t *at_;
  size_t left_;
};

void check_ranges(const std::vector<OutputRange> &ranges,
                  const std::vector<uint64_t> &sizes, size_t frame,
                  size_t bytes) {
  size_t end = sizes.size() * sizeof(uint64_t);
  CHECK(ranges.size() == sizes.size());
  for (size_t i = 0; i < ranges.size(); i++) {
    const auto &[offset, size] = ranges[i];
    CHECK(size == sizes[i]);
    CHECK(offset >= end && offset % 16 == 0);
    CHECK(size == 0 || (offset <= bytes && size <= bytes - offset));
    CHECK(frame == 0 || size % frame == 0);
    end = offset + size;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input input(data, size);
  Asked asked;
  const auto bits = input.take<uint8_t>();
  asked.can_decline = bits & 1;
  asked.can_be_short = bits & 2;
  asked.can_drop = bits & 4;
  asked.converts = bits & 8;
  asked.in_place = bits & 16;
  const auto frame = size_t(input.take<uint8_t>());
  asked.outputs_size = input.take<uint32_t>();
  asked.sequence = input.take<uint64_t>();
  asked.linked = input.take<uint64_t>();
  const auto reply = input.take<Reply>();
  if (find_fault(reply, asked)) return 0;

  CHECK(reply.sequence == asked.sequence);
  CHECK(reply.records <= most_reply_records);
  CHECK(((reply.silent | reply.breaks) & ~asked.linked) == 0);
  const auto outcome = ReplyOutcome(reply.outcome);
  CHECK(outcome <= ReplyOutcome::NoSpace);
  CHECK(outcome != ReplyOutcome::Failed || reply.records > 0);
  CHECK(outcome != ReplyOutcome::NoSpace ||
        (asked.converts && reply.bytes > asked.outputs_size &&
         reply.bytes <= most_output_bytes));
  CHECK(outcome != ReplyOutcome::Ok || !asked.converts || asked.in_place ||
        reply.flags & reply_converted);
  const bool given = outcome == ReplyOutcome::Ok && reply.outputs > 0;
  if (!given) return 0;
  CHECK(asked.converts && reply.flags & reply_converted);
  CHECK(reply.outputs <= most_outputs);
  CHECK(reply.bytes <= asked.outputs_size);
  CHECK(reply.outputs * sizeof(uint64_t) <= asked.outputs_size);

  std::vector<uint64_t> sizes(size_t(reply.outputs));
  for (uint64_t &each : sizes)
    each = input.left() ? input.take<uint64_t>() : 0;
  std::vector<OutputRange> ranges;
  if (find_outputs(sizes, reply.bytes, frame, &ranges))
    check_ranges(ranges, sizes, frame, size_t(reply.bytes));
  return 0;
}
