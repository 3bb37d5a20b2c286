// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "../contract.hpp"
#include "../thread.hpp"
#include "../ticks.hpp"
#include "descriptor.hpp"
#include "this_process.hpp"

namespace pythonfilter {

namespace {

// A log handler of the application's may never come back.
constexpr std::chrono::seconds unwatch_patience(1);

}  // namespace

struct Supervisor::State {
  Descriptor epoll, wake;  // do not change once it runs

  Mutex mutex;  // a leaf; guards everything below
  bool runs = false;
  Condition done;
  std::map<uint64_t, std::shared_ptr<Watched>> watched;
  std::map<uint64_t, uint64_t> resting;  // until when
  uint64_t next_id = 1;                  // 0 is `wake`
  uint64_t busy_with = 0;
  std::thread::id thread;
  std::deque<std::function<void()>> tasks;

  bool add(uint64_t id, int descriptor) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = id;
    return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
  }

  // With the lock. What an attempt before this one got is kept.
  bool make() {
    if (!epoll) epoll.reset(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll || wake) return bool(epoll);
    Descriptor made(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!made || !add(0, made.get())) return false;
    wake = std::move(made);
    return true;
  }

  // With the lock, which is left for it: what is dropped may close much.
  std::shared_ptr<Watched> remove(uint64_t id) {
    const auto found = watched.find(id);
    if (found == watched.end()) return nullptr;
    std::shared_ptr<Watched> removed = std::move(found->second);
    watched.erase(found);
    resting.erase(id);
    epoll_ctl(epoll.get(), EPOLL_CTL_DEL, removed->descriptor(), nullptr);
    return removed;
  }

  // With the lock. Whoever rests is not waited for, or this would spin.
  void let_rest(uint64_t id, const Watched *watched) {
    const uint64_t rest = watched->rest_ns();
    if (rest && resting.emplace(id, monotonic_ns() + rest).second)
      epoll_ctl(epoll.get(), EPOLL_CTL_DEL, watched->descriptor(), nullptr);
    else if (!rest && resting.erase(id))
      add(id, watched->descriptor());
  }

  // With the lock.
  void end_rests(uint64_t now) {
    for (auto each = resting.begin(); each != resting.end();) {
      const auto [id, until] = *each;
      if (until > now) {
        ++each;
        continue;
      }
      each = resting.erase(each);
      add(id, watched[id]->descriptor());
    }
  }

  // For how many ms there is nothing to do; -1: until something comes.
  int patience() {
    std::lock_guard lock(mutex);
    const uint64_t now = monotonic_ns();
    end_rests(now);
    uint64_t next = UINT64_MAX;
    for (const auto &[id, each] : watched)
      if (each->wants_look()) next = now + look_every_ns;
    for (const auto &[id, until] : resting)
      next = std::min(next, until);
    return next == UINT64_MAX ? -1 : int((next - now + 999999) / 1000000);
  }

  void run_tasks() {
    uint64_t count;
    while (read(wake.get(), &count, sizeof count) > 0) {
    }
    for (;;) {
      std::function<void()> task;
      {
        std::lock_guard lock(mutex);
        if (tasks.empty()) return;
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      task();
    }
  }

  void look_at_all() {
    std::vector<uint64_t> ids;
    {
      std::lock_guard lock(mutex);
      for (const auto &[id, each] : watched)
        if (each->wants_look()) ids.push_back(id);
    }
    for (const uint64_t id : ids)
      dispatch(id, [](Watched *each) {
        each->look();
        return true;
      });
  }

  template <typename Call>
  void dispatch(uint64_t id, Call call) {
    std::shared_ptr<Watched> ready;
    {
      std::lock_guard lock(mutex);
      const auto found = watched.find(id);
      if (found == watched.end()) return;
      ready = found->second;
      busy_with = id;
    }
    const bool more = call(ready.get());
    std::shared_ptr<Watched> removed;
    {
      std::lock_guard lock(mutex);
      if (!more)
        removed = remove(id);
      else if (watched.count(id))  // nobody has removed it meanwhile
        let_rest(id, ready.get());
    }
    // Before whoever waits is told that nothing is held.
    removed.reset();
    ready.reset();
    {
      std::lock_guard lock(mutex);
      busy_with = 0;
    }
    done.notify_all();
  }

  void loop() {
    {
      std::lock_guard lock(mutex);
      thread = std::this_thread::get_id();
    }
    for (uint64_t looked = 0;;) {
      epoll_event events[16];
      const int count = epoll_wait(epoll.get(), events, 16, patience());
      for (int i = 0; i < count; i++) {
        if (events[i].data.u64)
          dispatch(events[i].data.u64,
                   [](Watched *each) { return each->readable(); });
        else
          run_tasks();
      }
      const uint64_t now = monotonic_ns();
      if (now - looked < look_every_ns) continue;
      looked = now;
      look_at_all();
    }
  }
};

Supervisor &Supervisor::get() {
  // A fork has the memory of this, and not the thread.
  static Mutex mutex;
  static uint64_t owner = 0;
  static Supervisor *supervisor = nullptr;
  std::lock_guard lock(mutex);
  if (owner != process_number()) {
    owner = process_number();
    supervisor = new Supervisor;
  }
  return *supervisor;
}

Supervisor::Supervisor() : state_(std::make_shared<State>()) {}

bool Supervisor::begin(std::string *problem) {
  std::lock_guard lock(state_->mutex);
  if (state_->runs) return true;
  if (!state_->make()) {
    *problem = strerror(errno);
    return false;
  }
  state_->runs = Thread::start_detached("python-workers",
                                        [state = state_] { state->loop(); });
  if (!state_->runs) *problem = Thread::none_left;
  return state_->runs;
}

bool Supervisor::watch(std::shared_ptr<Watched> watched) {
  std::lock_guard lock(state_->mutex);
  const uint64_t id = state_->next_id++;
  if (!state_->add(id, watched->descriptor())) return false;
  state_->watched[id] = std::move(watched);
  return true;
}

void Supervisor::unwatch(const std::shared_ptr<Watched> &watched) {
  std::shared_ptr<Watched> removed;
  std::unique_lock<Mutex> lock(state_->mutex);
  uint64_t id = 0;
  for (const auto &[each, known] : state_->watched)
    if (known == watched) id = each;
  removed = state_->remove(id);
  if (!id) id = state_->busy_with;  // it may just have said that this was all
  if (id && state_->thread != std::this_thread::get_id())
    state_->done.wait_for(lock, unwatch_patience,
                          [&] { return state_->busy_with != id; });
}

void Supervisor::run(std::function<void()> task) {
  {
    std::lock_guard lock(state_->mutex);
    state_->tasks.push_back(std::move(task));
  }
  const uint64_t one = 1;
  if (write(state_->wake.get(), &one, sizeof one) < 0) return;  // it is awake
}

}  // namespace pythonfilter
