// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What goes over the socket of a channel.
#include <algorithm>
#include <cstring>
#include <poll.h>

#include "channel.hpp"
#include "reply.hpp"

namespace pythonfilter {

namespace {

// So many bytes of messages are kept of one call; the other messages are
// counted.
constexpr size_t most_message_bytes = size_t(16) << 20;

}  // namespace

Waited Channel::send_call(CallWait *waiting, const std::string &record) {
  std::string_view rest = record;
  for (;;) {
    if (!send_some(calls_.get(), &rest)) break;
    if (rest.empty()) return Waited::Done;
    bool lost = false;
    const uint64_t now = monotonic_ns();
    const uint64_t wake = next_wake(waiting, now, &lost);
    if (lost) return Waited::Lost;
    if (is_over(waiting, now)) return Waited::Late;
    pollfd each[] = {{calls_.get(), POLLOUT, 0}, {worker_->pidfd(), POLLIN, 0}};
    const uint64_t pause =
        wake > now ? std::min(wake - now, look_every_ns) : look_every_ns;
    if (poll(each, 2, int(pause / 1000000) + 1) > 0 && each[1].revents)
      return Waited::Lost;
  }
  return lose_socket();
}

Waited Channel::lose_socket() {
  return worker_->ends_now() ? Waited::Lost
                             : break_off("it closed its sockets");
}

Waited Channel::call(CallWait *waiting, const Fields &record, Fields *answer) {
  std::string encoded = encode_record(record);
  Request request;
  request.kind = uint64_t(RequestKind::Call);
  // First, so that somebody reads what may not fit into the socket.
  send(&request);
  reader_.expect_answer(true);
  Waited waited = send_call(waiting, encoded);
  explicit_bzero(encoded.data(), encoded.size());  // it may be a secret
  while (waited == Waited::Done && answer_.empty()) {
    bool replied;
    waited = wait(waiting, &replied);
    if (waited == Waited::Done && replied) {
      take_signal(replies_.get());
      // The signal may be for what was sent before; too many of those are none.
      if (++empty_signals_ > most_empty_signals)
        return break_off("signals without a reply");
    }
  }
  reader_.expect_answer(false);
  *answer = take_failure();
  return waited;
}

// All that lies there.
Waited Channel::collect() {
  for (;;) {
    Fields record;
    switch (reader_.next(calls_.get(), &record)) {
      case RecordReader::Got::Nothing:
        return Waited::Done;
      case RecordReader::Got::Record:
        if (take(&record)) break;
        [[fallthrough]];
      case RecordReader::Got::Broken:
        return break_off("a record that nobody asked for");
      case RecordReader::Got::End:
        return lose_socket();
    }
  }
}

bool Channel::take(Fields *record) {
  if (record->empty() || !answer_.empty() || ++records_ > most_reply_records)
    return false;
  const std::string &kind = record->front();
  if (kind == "message") {
    Message message;
    if (!read_message(*record, &message)) return false;
    told_bytes_ += reader_.size();
    if (told_bytes_ > most_message_bytes)
      dropped_++;
    else
      messages_.push_back(std::move(message));
    return true;
  }
  int64_t count;
  if (kind == "dropped") {
    if (record->size() != 2 || !parse_number((*record)[1], &count) || count < 0)
      return false;
    dropped_ += uint64_t(count);
    return true;
  }
  if (kind != "ok" && kind != "failure") return false;
  answer_ = std::move(*record);
  return true;
}

void Channel::deliver(Listener *listener, uint64_t pts, uint64_t duration) {
  told_bytes_ = 0;
  for (Message &message : std::exchange(messages_, {})) {
    message.pts = pts;
    message.duration = duration;
    if (listener) listener->post(message);
  }
  const uint64_t dropped = std::exchange(dropped_, 0);
  if (dropped && listener) listener->count_dropped(dropped);
}

}  // namespace pythonfilter
