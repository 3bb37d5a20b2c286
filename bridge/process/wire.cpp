// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

#include "../ticks.hpp"

namespace pythonfilter {

namespace {

constexpr size_t piece = 65536;
constexpr size_t most_descriptors = 8;

void append_number(std::string *to, size_t number) {
  const auto word = uint32_t(number);
  to->append(reinterpret_cast<const char *>(&word), sizeof word);
}

bool take_number(std::string_view *from, size_t *number) {
  uint32_t word;
  if (from->size() < sizeof word) return false;
  std::memcpy(&word, from->data(), sizeof word);
  from->remove_prefix(sizeof word);
  *number = word;
  return true;
}

}  // namespace

std::string encode_record(const Fields &fields) {
  size_t size = sizeof(uint32_t);
  for (const std::string &field : fields)
    size += sizeof(uint32_t) + field.size();
  std::string record;
  record.reserve(sizeof(uint32_t) + size);
  append_number(&record, size);
  append_number(&record, fields.size());
  for (const std::string &field : fields) {
    append_number(&record, field.size());
    record += field;
  }
  return record;
}

std::string encode_list(const Fields &fields) {
  return encode_record(fields).substr(sizeof(uint32_t));
}

bool decode_fields(std::string_view bytes, Fields *fields) {
  fields->clear();
  size_t count;
  if (bytes.size() > most_record_bytes || !take_number(&bytes, &count) ||
      count > most_record_fields)
    return false;
  for (size_t i = 0; i < count; i++) {
    size_t length;
    if (!take_number(&bytes, &length) || length > bytes.size()) return false;
    fields->emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return bytes.empty();
}

bool send_some(int socket, std::string_view *bytes,
               const std::vector<int> &descriptors) {
  iovec part = {const_cast<char *>(bytes->data()), bytes->size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)];
  if (!descriptors.empty()) {
    std::memset(control, 0, sizeof control);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(header), descriptors.data(),
                sizeof(int) * descriptors.size());
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno == EAGAIN;
  bytes->remove_prefix(size_t(sent));
  return true;
}

bool send_all(int socket, std::string_view bytes, uint64_t until,
              const std::vector<int> &descriptors) {
  bool first = true;
  while (!bytes.empty()) {
    const size_t before = bytes.size();
    if (!send_some(socket, &bytes, first ? descriptors : std::vector<int>{}))
      return false;
    if (bytes.size() < before) {
      first = false;
      continue;
    }
    const uint64_t now = monotonic_ns();
    if (now >= until) return false;
    pollfd wait = {socket, POLLOUT, 0};
    poll(&wait, 1, int((until - now) / 1000000 + 1));
  }
  return true;
}

bool RecordReader::has_record(bool *broken) const {
  std::string_view rest = buffer_;
  size_t length;
  if (!take_number(&rest, &length)) return false;
  if (length > most_told_bytes) {
    bool known = true;
    *broken = length > most_record_bytes || !may_be_large(rest, &known);
    if (!known) return false;
  }
  return !*broken && rest.size() >= length;
}

// Told before the record is there, and with it memory for all that it claims.
bool RecordReader::may_be_large(std::string_view begin, bool *known) const {
  constexpr std::string_view answer = "ok";
  size_t count, length;
  *known = begin.size() >= 2 * sizeof(uint32_t) + answer.size();
  return answer_expected_ &&
         (!*known ||
          (take_number(&begin, &count) && take_number(&begin, &length) &&
           length == answer.size() && begin.substr(0, length) == answer));
}

RecordReader::Got RecordReader::next(int socket, Fields *fields,
                                     std::vector<Descriptor> *descriptors) {
  for (;;) {
    bool broken = false;
    if (has_record(&broken)) {
      uint32_t length;
      std::memcpy(&length, buffer_.data(), sizeof length);
      const bool good = decode_fields(
          std::string_view(buffer_).substr(sizeof length, length), fields);
      buffer_.erase(0, sizeof length + length);
      size_ = length;
      return good ? Got::Record : Got::Broken;
    }
    if (broken) return Got::Broken;
    const Got got = receive(socket, descriptors);
    if (got != Got::Record) return got;
  }
}

// Record: something came. By pieces, so that a claimed length costs nothing.
RecordReader::Got RecordReader::receive(int socket,
                                        std::vector<Descriptor> *descriptors) {
  const size_t before = buffer_.size();
  buffer_.resize(before + piece);
  iovec part = {&buffer_[before], piece};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)];
  if (descriptors) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  ssize_t got;
  do {
    got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(before + size_t(got > 0 ? got : 0));
  if (got < 0) return errno == EAGAIN ? Got::Nothing : Got::End;
  for (cmsghdr *header = descriptors ? CMSG_FIRSTHDR(&message) : nullptr;
       header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
      continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      descriptors->emplace_back(fd);
    }
  }
  return got == 0 ? Got::End : Got::Record;
}

}  // namespace pythonfilter
