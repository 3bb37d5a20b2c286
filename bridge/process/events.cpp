// SPDX-License-Identifier: LGPL-2.1-or-later
#include "events.hpp"

#include <chrono>
#include <sys/socket.h>

#include "../contract.hpp"
#include "answers.hpp"

namespace pythonfilter {

namespace {

constexpr std::chrono::seconds caps_patience(5);
// At which a write was found that should take a microsecond.
constexpr int most_looks = 3;

}  // namespace

bool Events::readable() {
  // A log function of the application's may keep the supervisor in here for
  // longer than the end of the channel waits for it. It reads the rest, then.
  if (reading_.exchange(true)) return true;
  const bool more = read();
  reading_ = false;
  return more;
}

std::vector<Fields> Events::read_rest() {
  std::vector<Fields> rest;
  if (reading_.exchange(true)) return rest;
  put_aside_ = &rest;
  do {
    records_ = 0;
    bytes_ = 0;
  } while (read() && rest_ns());
  put_aside_ = nullptr;
  reading_ = false;
  return rest;
}

void Events::tell_rest(const std::vector<Fields> &rest) {
  for (const Fields &record : rest)
    take(record);
}

bool Events::read() {
  while (!rest_ns()) {
    Fields record;
    const auto got = reader_.next(socket_.get(), &record);
    if (got == RecordReader::Got::Nothing) return true;
    records_++;
    bytes_ += reader_.size();
    if (got == RecordReader::Got::Record && take(record)) continue;
    broken_ = got != RecordReader::Got::End;
    close();
    return false;
  }
  return true;
}

// Several times, because it may just have begun.
void Events::look() {
  records_ = 0;
  bytes_ = 0;
  const uint64_t writes = writes_.load(std::memory_order_relaxed);
  const bool same = std::exchange(seen_writes_, writes) == writes;
  stuck_ = same && writes % 2 == 1 ? stuck_ + 1 : 0;
  if (stuck_ >= most_looks) unblock_();
}

bool Events::take(const Fields &record) {
  const std::string kind = record.empty() ? "" : record[0];
  if (kind == "log") {
    LogRecord log;
    if (!read_log(record, &log)) return false;
    if (listener_) listener_->log(log);
    return true;
  }
  if (put_aside_) {
    put_aside_->push_back(record);
    return true;
  }
  if (kind == "failed") {
    Failure failure;
    if (!read_failure(record, 1, &failure)) return false;
    if (listener_) listener_->failed(failure);
    return true;
  }
  if (kind == "message") {
    Message message;
    if (!read_message(record, &message)) return false;
    if (listener_) listener_->post(message);
    return true;
  }
  return take_answer(record);
}

bool Events::take_answer(const Fields &record) {
  int64_t id;
  Answer answer;
  answer.done = true;
  if (record.size() < 3 || !parse_number(record[1], &id)) return false;
  if (record[0] == "mapped" && record.size() == 6) {
    answer.good = true;
    answer.caps = valid_text(record[2]);
    answer.failure.kind = Failure::Kind::BadResult;
    answer.failure.file = valid_text(record[3]);
    answer.failure.function = valid_text(record[5]);
    if (!parse_number(record[4], &answer.failure.line)) return false;
  } else if (record[0] != "not_mapped" ||
             !read_failure(record, 2, &answer.failure)) {
    return false;
  }
  std::lock_guard lock(mutex_);
  const auto asked = asked_.find(id);
  // Nobody waits for it any more.
  if (asked == asked_.end()) {
    if (id == unanswered_) unanswered_ = 0;
    return id > 0 && id < next_id_;
  }
  *asked->second = std::move(answer);
  answered_.notify_all();
  return true;
}

bool Events::tell(const Fields &record) {
  std::lock_guard lock(mutex_);
  if (closed_) return false;
  const std::string encoded = encode_record(record);
  std::string_view rest = unsent_;
  if (!unsent_.empty() && !send_some(socket_.get(), &rest)) return false;
  unsent_.erase(0, unsent_.size() - rest.size());
  if (!unsent_.empty()) return false;
  rest = encoded;
  if (!send_some(socket_.get(), &rest) || rest.size() == encoded.size())
    return false;
  unsent_ = rest;
  return true;
}

bool Events::map_caps(bool to_output, const std::string &caps,
                      std::string *mapped, Failure *failure) {
  const char *method = to_output ? "get_output_caps" : "get_input_caps";
  Answer answer;
  int64_t id;
  bool silent;
  {
    std::lock_guard lock(mutex_);
    // One negotiation asks dozens of times, and would wait as often.
    silent = unanswered_ != 0;
    id = next_id_++;
    asked_[id] = &answer;
  }
  const bool told = !silent && tell({"map_caps", std::to_string(id),
                                     to_output ? "output" : "input", caps});
  std::unique_lock<Mutex> lock(mutex_);
  if (told)
    answered_.wait_for(lock, caps_patience,
                       [&] { return answer.done || closed_; });
  asked_.erase(id);
  if (told && !answer.done) unanswered_ = id;
  if (answer.done) {
    *failure = std::move(answer.failure);
    if (answer.good) failure->phase = method;
    *mapped = std::move(answer.caps);
    return answer.good;
  }
  *failure = {Failure::Kind::Late, method, "",
              std::string(method) +
                  (closed_ ? "() cannot be asked: its worker has ended"
                           : "() did not answer within five seconds")};
  return false;
}

void Events::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  shutdown(socket_.get(), SHUT_RDWR);
  answered_.notify_all();
}

}  // namespace pythonfilter
