// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Records, as docs/worker-protocol.md describes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../text.hpp"
#include "descriptor.hpp"

namespace pythonfilter {

using Fields = std::vector<std::string>;

// An answer may bring samples or a state. Whatever else a worker says is text,
// numbers and short lists.
constexpr size_t most_record_bytes = size_t(256) << 20;
constexpr size_t most_told_bytes = size_t(1) << 20;
constexpr size_t most_record_fields = 65536;

std::string encode_record(const Fields &fields);
// Without the length of the whole: how a list lies in a field.
std::string encode_list(const Fields &fields);
// The same, taken apart. False: it breaks a rule.
bool decode_fields(std::string_view bytes, Fields *fields);

// Sends what fits at once. What is left of `bytes` is told there; descriptors
// go with its first byte. False: nobody listens any more.
bool send_some(int socket, std::string_view *bytes,
               const std::vector<int> &descriptors = {});
// How long the other side may take to read a request.
constexpr uint64_t send_patience_ns = 1000000000;
// All of it or nothing useful: waits for the other side, up to `until`.
bool send_all(int socket, std::string_view bytes, uint64_t until,
              const std::vector<int> &descriptors = {});

// What comes over a socket that does not block, record by record.
class RecordReader {
 public:
  enum class Got { Record, Nothing, Broken, End };

  // Takes no descriptors, which closes those that somebody sends all the same,
  // unless `descriptors` is given.
  Got next(int socket, Fields *fields,
           std::vector<Descriptor> *descriptors = nullptr);
  // From now on one that begins with "ok" may be as large as any.
  void expect_answer(bool expected) { answer_expected_ = expected; }
  // The size of the last record.
  size_t size() const { return size_; }

 private:
  bool has_record(bool *broken) const;
  bool may_be_large(std::string_view begin, bool *known) const;
  Got receive(int socket, std::vector<Descriptor> *descriptors);

  std::string buffer_;
  size_t size_ = 0;
  bool answer_expected_ = false;
};

}  // namespace pythonfilter
