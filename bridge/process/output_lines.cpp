// SPDX-License-Identifier: LGPL-2.1-or-later
#include "output_lines.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "../contract.hpp"
#include "../ticks.hpp"
#include "wire.hpp"

namespace pythonfilter {

namespace {

constexpr size_t longest_line = 1000;
constexpr int most_lines_a_second = 1000;
// What faulthandler says of a few threads.
constexpr size_t most_last_lines = 60;
// How often one call reads, so that other workers get their turn.
constexpr int most_reads = 16;
// What stays in the pipe of a flood: the last of it may be why it crashed.
constexpr size_t most_kept = 16 << 10;
// Sizes of a pipe. The kernel counts them for the user, so only a flood has
// more.
constexpr int usual_size = 64 << 10, flood_size = 1 << 20;

}  // namespace

std::shared_ptr<OutputLines> OutputLines::make(
    std::shared_ptr<Listener> listener, bool anonymous, Descriptor *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return nullptr;
  // Only this end does not wait: what a program prints waits for us.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  auto lines = std::make_shared<OutputLines>();
  lines->pipe_.reset(ends[0]);
  lines->listener_ = std::move(listener);
  lines->anonymous_ = anonymous;
  write_end->reset(ends[1]);
  return lines;
}

void OutputLines::widen(bool wide) {
  if (std::exchange(wide_, wide) != wide)
    fcntl(pipe_.get(), F_SETPIPE_SZ, wide ? flood_size : usual_size);
}

bool OutputLines::has_ended() const {
  pollfd each = {pipe_.get(), 0, 0};
  return poll(&each, 1, 0) > 0 && (each.revents & POLLHUP);
}

void OutputLines::skip_flood() {
  char bytes[65536];
  int waits = 0;
  widen(true);
  if (!line_.empty()) end_line();
  if (ioctl(pipe_.get(), FIONREAD, &waits) != 0) return;
  while (waits > int(most_kept)) {
    const ssize_t got =
        read(pipe_.get(), bytes, std::min(sizeof bytes, waits - most_kept));
    if (got <= 0) return;
    waits -= int(got);
    read_ += size_t(got);
    skipped_ += uint64_t(got);
  }
}

bool OutputLines::read_some(bool ended) {
  // A log function of the application's may keep the supervisor in here for so
  // long that a worker's end does not wait for it.
  const std::unique_lock<Mutex> lock(reading_, std::try_to_lock);
  if (!lock) return true;
  wakes_++;
  if (is_flood()) {
    skip_flood();
    if (!ended && !has_ended()) return true;
  }
  char bytes[4096];
  for (int i = 0; i < most_reads; i++) {
    const ssize_t got = read(pipe_.get(), bytes, sizeof bytes);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) {
      if (!line_.empty()) end_line();
      tell_left_out();
      return false;
    }
    read_ += size_t(got);
    take(bytes, size_t(got));
  }
  return true;
}

void OutputLines::take(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] == '\n')
      end_line();
    else if (line_.size() < longest_line)
      line_ += bytes[i];
    else
      skipped_++;
  }
}

void OutputLines::end_line() {
  std::string line = valid_text(std::exchange(line_, {}));
  {
    std::lock_guard lock(mutex_);
    last_.push_back(line);
    if (last_.size() > most_last_lines) last_.pop_front();
  }
  begin_second();
  if (lines_in_second_++ < most_lines_a_second)
    log(std::move(line));
  else
    left_out_++;
}

// What of the one before was not shown is told in one line.
void OutputLines::begin_second() {
  const uint64_t second = monotonic_ns() / 1000000000u;
  if (std::exchange(second_, second) == second) return;
  lines_in_second_ = 0;
  tell_left_out();
}

void OutputLines::tell_left_out() {
  const uint64_t lines = left_out_.exchange(0), bytes = skipped_.exchange(0);
  if (!lines && !bytes) return;
  std::string told = lines ? std::to_string(lines) + " lines" : "";
  if (bytes) told += (lines ? " and " : "") + std::to_string(bytes) + " bytes";
  log(told + " left out");
}

// What comes after a flood may be silence.
void OutputLines::look() {
  const bool flood = is_flood();
  read_ = 0;
  wakes_ = 0;
  const std::unique_lock<Mutex> lock(reading_, std::try_to_lock);
  if (!lock) return;
  widen(flood);
  begin_second();
}

void OutputLines::log(std::string text) {
  if (!listener_ || listener_->log_threshold() > LogLevel::Info) return;
  LogRecord record;
  record.level = LogLevel::Info;
  record.file = "output";
  record.text = std::move(text);
  record.anonymous = anonymous_;
  listener_->log(record);
}

std::string OutputLines::last_lines() const {
  std::lock_guard lock(mutex_);
  std::string all;
  for (const std::string &line : last_)
    all += (all.empty() ? "" : "\n") + line;
  return all;
}

}  // namespace pythonfilter
