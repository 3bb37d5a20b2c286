// SPDX-License-Identifier: LGPL-2.1-or-later
#include "restart.hpp"

#include <algorithm>
#include <chrono>

#include "../contract.hpp"
#include "../ticks.hpp"

namespace pythonfilter {

namespace {

constexpr uint64_t ms = 1000000;
constexpr uint64_t minute_ns = 60000 * ms;
constexpr uint64_t delays[] = {0,         250 * ms,  500 * ms,
                               1000 * ms, 2000 * ms, 5000 * ms};
constexpr size_t last_delay = sizeof delays / sizeof *delays - 1;

}  // namespace

bool RestartPolicy::note_end(uint64_t now, uint64_t *delay) {
  while (!ends_.empty() && now - ends_.front() >= minute_ns)
    ends_.pop_front();
  ends_.push_back(now);
  if (ends_.size() > size_t(std::max(most_, 0))) return false;
  *delay = delays[next_delay_];
  next_delay_ = std::min(next_delay_ + 1, last_delay);
  return true;
}

bool Restarter::is_stopping() const {
  return stop_.deadline() != 0;
}

bool Restarter::note_end(Failure *failure, uint64_t *delay) {
  std::lock_guard lock(mutex_);
  if (policy_.note_end(monotonic_ns(), delay)) return true;
  failure->kind = Failure::Kind::Gone;
  failure->message += "; it was started anew " +
                      std::to_string(policy_.most()) +
                      " times within a minute, which is enough";
  return false;
}

void Restarter::begin(Make make, Failure *failure) {
  cancel();
  uint64_t delay = 0;
  if (is_stopping() || !note_end(failure, &delay)) return;
  {
    std::lock_guard lock(mutex_);
    at_work_ = true;
    quits_ = false;
    failure_ = *failure;
  }
  if (thread_.start("python-restart", [this, make = std::move(make), delay] {
        run(make, delay);
      }))
    return;
  // The next buffer asks again.
  std::lock_guard lock(mutex_);
  policy_.forget_end();
  at_work_ = false;
  const std::string why = std::string("; ") + Thread::none_left;
  if (failure->message.find(why) == std::string::npos) failure->message += why;
  failure_ = *failure;
}

// False: nobody wants one any more.
bool Restarter::wait(uint64_t delay) {
  const uint64_t until = monotonic_ns() + delay;
  std::unique_lock<Mutex> lock(mutex_);
  while (!quits_ && !is_stopping()) {
    const uint64_t now = monotonic_ns();
    if (now >= until) return true;
    changed_.wait_for(
        lock, std::min<std::chrono::nanoseconds>(
                  look_at_stop_every, std::chrono::nanoseconds(until - now)));
  }
  return false;
}

void Restarter::run(Make make, uint64_t delay) {
  std::unique_ptr<RemotePlugin> remote;
  Failure failure;
  while (wait(delay)) {
    remote = make(&failure);
    if (remote || is_stopping() || !note_end(&failure, &delay)) break;
    // Whoever has a buffer meanwhile is told what keeps the next one away.
    std::lock_guard lock(mutex_);
    failure_ = failure;
  }
  {
    std::lock_guard lock(mutex_);
    if (!remote && !failure.message.empty()) failure_ = failure;
    if (!quits_) made_ = std::move(remote);
    at_work_ = false;
  }
  changed_.notify_all();
}

bool Restarter::is_at_work() {
  std::lock_guard lock(mutex_);
  return at_work_;
}

std::unique_ptr<RemotePlugin> Restarter::take(uint64_t until,
                                              Failure *failure) {
  std::unique_lock<Mutex> lock(mutex_);
  while (at_work_ && !is_stopping()) {
    const uint64_t now = monotonic_ns();
    if (until && now >= until) break;
    changed_.wait_for(lock, look_at_stop_every);
  }
  if (made_) return std::move(made_);
  if (!failure_.message.empty()) *failure = failure_;
  return nullptr;
}

void Restarter::cancel() {
  {
    std::lock_guard lock(mutex_);
    quits_ = true;
  }
  changed_.notify_all();
  thread_.join();
  std::unique_ptr<RemotePlugin> unused;
  std::lock_guard lock(mutex_);
  unused = std::move(made_);
}

void Restarter::forget() {
  thread_.forget();
  std::lock_guard lock(mutex_);
  at_work_ = false;
  made_.release();  // it is the parent's
}

void Restarter::forget_delay() {
  std::lock_guard lock(mutex_);
  policy_.forget_delay();
}

}  // namespace pythonfilter
