// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The words of the control page, as docs/worker-protocol.md lists them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pythonfilter {

constexpr size_t control_page_size = 4096;
constexpr size_t reply_word = 256;

enum class RequestKind : uint64_t { Process = 1, Call = 2, Resume = 3 };
// Kinds from here on are Process, too, and the number of a place: see Places.
constexpr uint64_t first_place = 16;

constexpr uint64_t request_discont = 1;
constexpr uint64_t request_gap = 2;

// In the order of the page, from word 0 on.
struct Request {
  uint64_t sequence = 0;
  uint64_t kind = uint64_t(RequestKind::Process);
  uint64_t notices = 0;
  uint64_t slot = 0;
  uint64_t offset = 0;
  uint64_t frames = 0;
  uint64_t plane_stride = 0;
  uint64_t pts = UINT64_MAX;
  uint64_t duration = UINT64_MAX;
  uint64_t stream_offset = UINT64_MAX;
  uint64_t flags = 0;
  uint64_t curves = 0;
};

// Behind them, of a mixer's: which of its inputs are so, one bit for each, and
// the pts of each.
constexpr size_t present_word = 12, gap_word = 13, late_word = 14,
                 break_word = 15, first_pts_word = 16;
// In that place, of a splitter's: which of its outputs somebody gets.
constexpr size_t linked_word = 12;

enum class ReplyOutcome : uint64_t {
  Ok,
  Failed,
  Dropped,
  Declined,
  EndOfStream,
  NoSpace,
};

constexpr uint64_t reply_escaped = 1;
constexpr uint64_t reply_discont = 2;
constexpr uint64_t reply_converted = 4;
constexpr uint64_t reply_copied = 8;
// `bytes` is how many frames at the end of the block a source did not give.
constexpr uint64_t reply_short = 16;
// The first output is a table of times: SaidTimes.
constexpr uint64_t reply_timed = 32;
constexpr uint64_t all_reply_flags = 63;

// From `reply_word` on.
struct Reply {
  uint64_t sequence = 0;
  uint64_t outcome = 0;
  uint64_t flags = 0;
  uint64_t outputs = 0;
  uint64_t bytes = 0;
  uint64_t records = 0;
  uint64_t time = 0;
  // Of a splitter alone: which of its outputs are silent, and which do not
  // continue what came out before.
  uint64_t silent = 0;
  uint64_t breaks = 0;
};

}  // namespace pythonfilter
