// SPDX-License-Identifier: LGPL-2.1-or-later
#include "channel.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../ticks.hpp"
#include "reply.hpp"

namespace pythonfilter {

namespace {

// A call that began after the deadline (a stop() behind a hung
// process_audio()) still gets this long.
constexpr uint64_t grace_ns = 100000000;
// After PluginTimeout was raised in it, until the worker is killed.
constexpr uint64_t until_killed_ns = 1000000000;
constexpr uint64_t notice_patience_ns = 5000000000;

std::atomic<uint64_t> last_serial{0};

uint64_t earlier(uint64_t some, uint64_t other) {
  return some == 0 || (other != 0 && other < some) ? other : some;
}

bool make_sockets(Descriptor *ours, Descriptor *theirs) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return false;
  ours->reset(ends[0]);
  theirs->reset(ends[1]);
  return true;
}

}  // namespace

// Without waiting, whatever the worker does to the eventfd meanwhile.
void take_signal(int eventfd) {
  uint64_t count;
  iovec part = {&count, sizeof count};
  if (preadv2(eventfd, &part, 1, -1, RWF_NOWAIT) < 0) return;
}

std::unique_ptr<Channel> Channel::open(std::shared_ptr<Worker> worker,
                                       std::shared_ptr<Listener> listener,
                                       const StopSignal &stop,
                                       std::string *problem) {
  std::unique_ptr<Channel> channel(new Channel(std::move(worker), stop));
  if (!channel->make(std::move(listener), problem)) return nullptr;
  return channel;
}

Channel::Channel(std::shared_ptr<Worker> worker, const StopSignal &stop)
    : serial_(++last_serial), worker_(std::move(worker)), stop_(stop) {}

bool Channel::make(std::shared_ptr<Listener> listener, std::string *problem) {
  Descriptor calls, events, ours;
  page_ = Region::make(control_page_size, true);
  requests_.reset(eventfd(0, EFD_CLOEXEC));
  replies_.reset(eventfd(0, EFD_CLOEXEC));
  if (!page_ || !requests_ || !replies_ || !make_sockets(&calls_, &calls) ||
      !make_sockets(&ours, &events)) {
    *problem =
        std::string("no memory or descriptor for a worker: ") + strerror(errno);
    return false;
  }
  events_ = std::make_shared<Events>(std::move(ours), std::move(listener));
  events_->guard_writes([worker = worker_, fd = requests_.get()] {
    worker->kill("its eventfd is full");
    take_signal(fd);
  });
  if (!Supervisor::get().watch(events_)) {
    *problem = std::string("no memory for a worker: ") + strerror(errno);
    return false;
  }
  if (!worker_->open(std::to_string(serial_),
                     {calls.get(), events.get(), requests_.get(),
                      replies_.get(), page_->descriptor()})) {
    *problem = "the worker " + worker_->how_it_ended("load");
    return false;
  }
  page_->close_descriptor();
  return true;
}

Channel::~Channel() {
  if (!events_) return;
  // Also where a fork of this process has them, too.
  shutdown(calls_.get(), SHUT_RDWR);
  events_->close();
  Supervisor::get().unwatch(events_);
  // The element may hold locks here, and the supervisor holds none.
  if (auto rest = events_->read_rest(); !rest.empty())
    Supervisor::get().run([events = events_, rest = std::move(rest)] {
      events->tell_rest(rest);
    });
}

[[gnu::hot]] uint64_t Channel::word(size_t index) const {
  const auto *words = reinterpret_cast<const uint64_t *>(page_->data());
  return __atomic_load_n(words + index, __ATOMIC_ACQUIRE);
}

[[gnu::hot]] void Channel::set_words(const Request &request) {
  auto *words = reinterpret_cast<uint64_t *>(page_->data());
  const uint64_t all[] = {
      request.sequence,      request.kind,   request.notices,
      request.slot,          request.offset, request.frames,
      request.plane_stride,  request.pts,    request.duration,
      request.stream_offset, request.flags,  request.curves};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    __atomic_store_n(words + i, all[i], __ATOMIC_RELAXED);
}

[[gnu::hot]] void Channel::set_inputs(const std::vector<InputView> &inputs) {
  uint64_t present = 0, gap = 0, late = 0, breaks = 0;
  auto *words = reinterpret_cast<uint64_t *>(page_->data());
  for (size_t i = 0; i < inputs.size(); i++) {
    const InputView &input = inputs[i];
    present |= uint64_t(input.present) << i;
    gap |= uint64_t(input.gap) << i;
    late |= uint64_t(input.late) << i;
    breaks |= uint64_t(input.discont) << i;
    __atomic_store_n(words + first_pts_word + i, input.pts, __ATOMIC_RELAXED);
  }
  __atomic_store_n(words + present_word, present, __ATOMIC_RELAXED);
  __atomic_store_n(words + gap_word, gap, __ATOMIC_RELAXED);
  __atomic_store_n(words + late_word, late, __ATOMIC_RELAXED);
  __atomic_store_n(words + break_word, breaks, __ATOMIC_RELAXED);
}

[[gnu::hot]] void Channel::set_linked(uint64_t linked) {
  auto *words = reinterpret_cast<uint64_t *>(page_->data());
  __atomic_store_n(words + linked_word, linked, __ATOMIC_RELAXED);
}

bool Channel::notice(const Fields &record, int descriptor) {
  notices_++;
  return send_all(
      calls_.get(), encode_record(record), monotonic_ns() + notice_patience_ns,
      descriptor < 0 ? std::vector<int>{} : std::vector<int>{descriptor});
}

[[gnu::hot]] void Channel::send(Request *request) {
  request->sequence = ++sequence_;
  request->notices = std::exchange(notices_, 0);
  // Where there is more to be done, the worker has to read all of it.
  if (request->kind == uint64_t(RequestKind::Process) && !request->notices &&
      !request->curves && !(request->flags & request_discont))
    request->kind = place_numbers_.number_of(*request);
  records_ = 0;
  set_words(*request);
  const uint64_t one = 1;
  events_->begin_write();
  if (write(requests_.get(), &one, sizeof one) < 0) kill("its eventfd is full");
  events_->end_write();
}

// Whether the worker has had that time since this was asked first, without what
// a busy machine kept it from a processor. When to ask again is noted.
bool Channel::has_had_time(CallWait *waiting, uint64_t now, uint64_t time) {
  auto &stopping = waiting->stopping;
  if (!stopping) {
    stopping = CallWait::Stopping{now + time, time};
    stopping->own.is_over(worker_->pid(), time);
  }
  if (now < stopping->next) return false;
  stopping->next = now + OwnTime::ask_every_ns;
  return stopping->own.is_over(worker_->pid(), stopping->allowed);
}

// When to look again, though nothing came; 0: never. Past the deadline of a
// stop the call is interrupted, and after that the worker killed.
uint64_t Channel::next_wake(CallWait *waiting, uint64_t now, bool *lost) {
  const uint64_t deadline = stop_.deadline();
  if (!deadline) return waiting->until;
  const uint64_t end =
      std::max({deadline, waiting->began + grace_ns, now + grace_ns});
  if (!waiting->interrupted && has_had_time(waiting, now, end - now)) {
    events_->tell({"interrupt"});
    waiting->interrupted = now;
    waiting->stopping.reset();
  }
  if (waiting->interrupted && has_had_time(waiting, now, until_killed_ns)) {
    *lost = true;
    kill(std::string(waiting->phase) +
         "() was still running after the element was told to stop, and could "
         "not be interrupted");
  }
  return earlier(waiting->until, waiting->stopping->next);
}

bool Channel::is_stopping(const CallWait &waiting) const {
  return waiting.interrupted != 0;
}

bool Channel::is_stopped(StandsStill *still) {
  if (!still->look(worker_->is_stopped())) return false;
  kill("it was stopped by a signal");
  worker_->ends_now();
  return true;
}

[[gnu::hot]] bool Channel::is_over(CallWait *waiting, uint64_t now) const {
  if (!waiting->until || now < waiting->until) return false;
  if (!waiting->own) return true;
  waiting->until = now + OwnTime::ask_every_ns;
  return waiting->own->is_over(worker_->pid(), waiting->allowed);
}

[[gnu::hot]] Waited Channel::wait(CallWait *waiting, bool *replied) {
  StandsStill still;
  for (;;) {
    const uint64_t now = monotonic_ns();
    bool lost = false;
    uint64_t wake = next_wake(waiting, now, &lost);
    wake = earlier(wake, now + look_every_ns);
    if (lost) {
      worker_->ends_now();
      return Waited::Lost;
    }
    if (is_over(waiting, now)) return Waited::Late;
    pollfd each[] = {{replies_.get(), POLLIN, 0},
                     {worker_->pidfd(), POLLIN, 0},
                     {calls_.get(), POLLIN, 0},
                     {stop_.descriptor(), POLLIN, 0}};
    const uint64_t rest = wake > now ? wake - now : 0;
    const timespec time = {time_t(rest / 1000000000u),
                           long(rest % 1000000000u)};
    // A deadline that is known is in the time already.
    const nfds_t count = stop_.deadline() ? 3 : 4;
    const int found = ppoll(each, count, &time, nullptr);
    if (found < 0) continue;
    if (found == 0 && is_stopped(&still)) return Waited::Lost;
    *replied = each[0].revents & POLLIN;
    if (each[2].revents) return collect();
    if (*replied) return Waited::Done;
    if (each[1].revents) return Waited::Lost;
  }
}

Waited Channel::break_off(const char *fault) {
  kill(std::string("it broke the protocol: ") + fault);
  worker_->ends_now();
  return Waited::Lost;
}

[[gnu::hot]] Waited Channel::wait_reply(CallWait *waiting,
                                        const Request &request, Reply *reply) {
  for (int empty = 0; empty < most_empty_signals;) {
    bool replied;
    const Waited waited = wait(waiting, &replied);
    if (waited != Waited::Done) return waited;
    if (!replied) continue;
    take_signal(replies_.get());
    reply->sequence = word(reply_word);
    // One signal too many, for the reply before; or too early.
    if (reply->sequence == replied_to_) {
      empty++;
      continue;
    }
    replied_to_ = request.sequence;
    reply->outcome = word(reply_word + 1);
    reply->flags = word(reply_word + 2);
    reply->outputs = word(reply_word + 3);
    reply->bytes = word(reply_word + 4);
    reply->records = word(reply_word + 5);
    reply->time = word(reply_word + 6);
    return Waited::Done;
  }
  return break_off("signals without a reply");
}

[[gnu::hot]] void Channel::read_outputs(Reply *reply) const {
  reply->silent = word(reply_word + 7);
  reply->breaks = word(reply_word + 8);
}

Waited Channel::wait_records(CallWait *waiting, uint64_t count) {
  while (records_ < count) {
    bool replied;
    const Waited waited = wait(waiting, &replied);
    if (waited != Waited::Done) return waited;
    if (replied) take_signal(replies_.get());
  }
  return records_ == count ? Waited::Done
                           : break_off("records that were not announced");
}

}  // namespace pythonfilter
