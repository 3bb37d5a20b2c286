// SPDX-License-Identifier: LGPL-2.1-or-later
#include "running_call.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <dlfcn.h>
#include <fcntl.h>
#include <mutex>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "errors.hpp"
#include "gil.hpp"
#include "names.hpp"

namespace pythonfilter {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A call that began after the deadline (a stop() behind a hung process_audio)
// still gets this long.
constexpr milliseconds grace(100);
// A plugin may catch PluginTimeout; it gets another.
constexpr milliseconds again(100);
// After the first PluginTimeout, until the call counts as hanging in C.
constexpr milliseconds until_hung(250);

std::vector<std::weak_ptr<CallSite>> &all_sites() {  // guarded by the GIL
  static auto &sites = *new std::vector<std::weak_ptr<CallSite>>;
  return sites;
}

bool has_run_for(const CallSite &site, std::chrono::nanoseconds time) {
  return site.phase.load(std::memory_order_relaxed) &&
         double(ticks() - site.began) * ns_per_tick() >= double(time.count());
}

// Where that thread stands, by Python's own account. With the GIL.
std::string stack_of(unsigned long thread) {
  Ref text =
      steal(PyObject_CallMethod(python.host, "stack_of_thread", "k", thread));
  PyErr_Clear();
  return text_of(text.get());
}

// The same when C code keeps the GIL: what faulthandler uses, if this
// libpython still exports it.
std::string stack_without_gil() {
  using Dump = const char *(int, PyInterpreterState *, PyThreadState *);
  auto *dump =
      reinterpret_cast<Dump *>(dlsym(RTLD_DEFAULT, "_Py_DumpTracebackThreads"));
  const int file = dump ? memfd_create("stack", MFD_CLOEXEC) : -1;
  if (file < 0) return "";
  dump(file, python.interpreter, nullptr);
  std::string text(size_t(lseek(file, 0, SEEK_END)), '\0');
  if (pread(file, text.data(), text.size(), 0) < 0) text.clear();
  close(file);
  return text;
}

struct Watch {
  std::shared_ptr<CallSite> site;
  HangObserver *observer = nullptr;
  Clock::time_point next;       // when to look again
  uint64_t serial = 0;          // the call that the rest is about
  Clock::time_point first_try;  // of interrupting it
  std::string stack;            // found by the interrupter
  bool told = false;            // the observer knows
  bool telling = false;         // the observer is in use right now
  bool asking = false;          // an interrupter waits for the GIL
  std::atomic<bool> over{false};
};

// Looks after elements that stop. Its thread never takes the GIL, which the
// hanging call may hold: a thread of its own is sent for it each time.
class Watchdog {
 public:
  void watch(const std::shared_ptr<CallSite> &site, uint64_t deadline,
             HangObserver *observer) {
    const uint64_t now = monotonic_ns();
    const auto ahead =
        std::chrono::nanoseconds(deadline > now ? deadline - now : 0);
    auto watch = std::make_shared<Watch>();
    watch->site = site;
    watch->observer = observer;
    watch->next = Clock::now() + ahead;
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &known : watches_) {
      if (known->site != site) continue;
      known->next = std::min(known->next, watch->next);
      changed_.notify_all();
      return;
    }
    watches_.push_back(std::move(watch));
    if (!started_) {
      started_ = true;
      std::thread([this] { run(); }).detach();
    }
    changed_.notify_all();
  }

  void unwatch(const std::shared_ptr<CallSite> &site) {
    std::unique_lock<std::mutex> lock(mutex_);
    for (auto it = watches_.begin(); it != watches_.end(); ++it) {
      if ((*it)->site != site) continue;
      std::shared_ptr<Watch> watch = *it;
      watches_.erase(it);
      watch->over = true;
      changed_.wait(lock, [&] { return !watch->telling; });
      return;
    }
  }

 private:
  void run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), "python-watchdog");
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      if (watches_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto first =
          std::min_element(watches_.begin(), watches_.end(),
                           [](auto &a, auto &b) { return a->next < b->next; });
      const auto next = (*first)->next;
      if (Clock::now() < next) {
        changed_.wait_until(lock, next);
        continue;
      }
      look(*first, lock);
    }
  }

  void look(std::shared_ptr<Watch> watch, std::unique_lock<std::mutex> &lock) {
    const auto now = Clock::now();
    const char *phase = watch->site->phase.load(std::memory_order_relaxed);
    watch->next = now + milliseconds(phase ? 50 : 20);
    if (!phase) return;
    const uint64_t serial = watch->site->serial.load(std::memory_order_relaxed);
    if (watch->serial != serial) {
      watch->serial = serial;
      watch->first_try = now;
      watch->stack.clear();
      watch->told = false;
    }
    if (!watch->asking) {
      watch->asking = true;
      std::thread([this, watch] { interrupt(watch); }).detach();
    }
    if (watch->told || now - watch->first_try < until_hung) return;
    watch->told = watch->telling = true;
    std::string stack = watch->stack;
    lock.unlock();
    watch->observer->call_hangs(phase,
                                stack.empty() ? stack_without_gil() : stack);
    lock.lock();
    watch->telling = false;
    changed_.notify_all();
  }

  void interrupt(const std::shared_ptr<Watch> &watch) {
    std::string stack;
    bool raised = false;
    {
      Gil gil;
      CallSite *site = watch->site.get();
      if (gil && !watch->over && has_run_for(*site, grace)) {
        stack = stack_of(site->thread);
        interrupt_call(site);
        raised = true;
      }
    }
    std::unique_lock<std::mutex> lock(mutex_);
    if (!stack.empty()) watch->stack = std::move(stack);
    if (raised) changed_.wait_for(lock, again, [] { return false; });
    watch->asking = false;
  }

  std::mutex mutex_;  // a leaf; guards everything below
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Watch>> watches_;
  bool started_ = false;
};

Watchdog &watchdog() {
  static Watchdog &dog = *new Watchdog;  // outlives every thread
  return dog;
}

}  // namespace

void RunningCall::cancel() {
  site_->interrupted = false;
  PyThreadState_SetAsyncExc(site_->thread, nullptr);
}

void add_call_site(const std::shared_ptr<CallSite> &site) {
  auto &sites = all_sites();
  sites.erase(std::remove_if(sites.begin(), sites.end(),
                             [](auto &known) { return known.expired(); }),
              sites.end());
  sites.push_back(site);
}

std::shared_ptr<CallSite> call_site_of_this_thread() {
  std::shared_ptr<CallSite> innermost;
  for (const auto &known : all_sites()) {
    auto site = known.lock();
    if (site && is_in_call(*site) &&
        (!innermost || site->began >= innermost->began))
      innermost = std::move(site);
  }
  return innermost;
}

void interrupt_call(CallSite *site) {
  if (!site->phase.load(std::memory_order_relaxed)) return;
  site->interrupted = true;
  PyThreadState_SetAsyncExc(site->thread, python.timeout);
}

void interrupt_all_calls() {
  for (const auto &known : all_sites())
    if (auto site = known.lock()) interrupt_call(site.get());
}

void watch_call_site(const std::shared_ptr<CallSite> &site, uint64_t deadline,
                     HangObserver *observer) {
  watchdog().watch(site, deadline, observer);
}

void unwatch_call_site(const std::shared_ptr<CallSite> &site) {
  watchdog().unwatch(site);
}

}  // namespace pythonfilter
