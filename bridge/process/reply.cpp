// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reply.hpp"

namespace pythonfilter {

namespace {

constexpr size_t aligned(size_t offset) {
  return (offset + 15) / 16 * 16;
}

// Fewer frames than were asked for, but some.
const char *find_fault_in_length(const Reply &reply, const Asked &asked) {
  if (!(reply.flags & reply_short)) return nullptr;
  const bool fits = asked.can_be_short && !asked.converts &&
                    ReplyOutcome(reply.outcome) == ReplyOutcome::Ok &&
                    reply.bytes > 0 && reply.bytes < asked.frames;
  return fits ? nullptr : "a short block that cannot be";
}

const char *find_fault_in_outputs(const Reply &reply, const Asked &asked) {
  const bool converted = reply.flags & reply_converted;
  if ((reply.flags & reply_timed) && !converted) return "times of nothing";
  const bool no_space = ReplyOutcome(reply.outcome) == ReplyOutcome::NoSpace;
  if (!asked.converts && (converted || no_space || reply.outputs))
    return "outputs of a plugin that does not convert";
  if (no_space)
    return reply.bytes > most_output_bytes ? "more outputs than are allowed"
           : reply.bytes <= asked.outputs_size
               ? "no space where there is enough"
               : nullptr;
  if (ReplyOutcome(reply.outcome) != ReplyOutcome::Ok)
    return converted || reply.outputs ? "outputs of a call that failed"
                                      : nullptr;
  if (!converted)
    return reply.outputs     ? "outputs that were not announced"
           : !asked.in_place ? "no outputs, where the input may not go on"
                             : nullptr;
  if (reply.outputs > most_outputs) return "too many outputs";
  if ((reply.flags & reply_timed) && reply.outputs == 0)
    return "times that are not told";
  if (reply.outputs && (reply.bytes > asked.outputs_size ||
                        reply.bytes < reply.outputs * sizeof(uint64_t)))
    return "outputs outside their region";
  return nullptr;
}

}  // namespace

const char *find_fault(const Reply &reply, const Asked &asked) {
  if (reply.sequence != asked.sequence) return "a wrong sequence number";
  if (reply.outcome > uint64_t(ReplyOutcome::NoSpace))
    return "an unknown outcome";
  if (reply.flags & ~all_reply_flags) return "an unknown flag";
  if (reply.records > most_reply_records) return "too many records";
  if ((reply.silent | reply.breaks) & ~asked.linked)
    return "said of an output that nobody gets";
  switch (ReplyOutcome(reply.outcome)) {
    case ReplyOutcome::Failed:
      if (reply.records == 0) return "a failure that is not told";
      break;
    case ReplyOutcome::Dropped:
      if (!asked.can_drop) return "a source that drops";
      if (reply.records == 0) return "a drop that is not told";
      break;
    case ReplyOutcome::Declined:
      if (!asked.can_decline) return "a processor that declines";
      break;
    default:
      break;
  }
  const char *fault = find_fault_in_length(reply, asked);
  return fault ? fault : find_fault_in_outputs(reply, asked);
}

bool tells_failure(const Reply &reply) {
  return ReplyOutcome(reply.outcome) == ReplyOutcome::Failed ||
         ReplyOutcome(reply.outcome) == ReplyOutcome::Dropped;
}

bool find_outputs(const std::vector<uint64_t> &sizes, uint64_t bytes,
                  size_t frame, std::vector<OutputRange> *ranges, bool timed) {
  ranges->clear();
  size_t offset = aligned(sizes.size() * sizeof(uint64_t));
  for (const uint64_t size : sizes) {
    offset = aligned(offset);
    if (offset > bytes ? size > 0 : size > bytes - offset) return false;
    const bool table = timed && ranges->empty();
    if (frame && !table && size % frame != 0) return false;
    ranges->push_back({offset, size_t(size)});
    offset += size_t(size);
  }
  return true;
}

}  // namespace pythonfilter
