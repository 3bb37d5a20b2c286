// SPDX-License-Identifier: LGPL-2.1-or-later
#include "running_call.hpp"

#include <algorithm>
#include <chrono>
#include <dlfcn.h>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "../contract.hpp"
#include "../own_time.hpp"
#include "../thread.hpp"
#include "errors.hpp"
#include "gil.hpp"
#include "names.hpp"

namespace pythonfilter {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A call that began after the deadline (a stop() behind a hung process_audio)
// still gets this long, and each call of the processor's time.
constexpr milliseconds grace(100);
// A plugin may catch PluginTimeout; it gets another.
constexpr milliseconds again(100);
// After the first PluginTimeout, until the call counts as hanging in C; or
// while nobody gets the GIL to raise it, without what a busy machine took of
// it.
constexpr milliseconds until_hung(250);

std::string hang_text(const std::string &phase, bool interrupted) {
  return interrupted
             ? phase +
                   "() hangs outside Python code, where it cannot be "
                   "interrupted; nothing can stop or flush before it returns"
             : phase +
                   "() has not returned yet, and before that nothing can stop "
                   "the element; with isolation=process its process would be "
                   "ended";
}

std::vector<std::weak_ptr<CallSite>> &all_sites() {  // guarded by the GIL
  assert(with_gil());
  static auto &sites = *new std::vector<std::weak_ptr<CallSite>>;
  return sites;
}

bool has_run_for(const CallSite &site, std::chrono::nanoseconds time) {
  return site.phase.load(std::memory_order_relaxed) &&
         double(ticks() - site.began.load(std::memory_order_relaxed)) *
                 ns_per_tick() >=
             double(time.count());
}

// A thread of a call, for the kernel. With the GIL.
pid_t kernel_id(unsigned long thread) {
  for (auto *each = PyInterpreterState_ThreadHead(python.interpreter); each;
       each = PyThreadState_Next(each))
    if (each->thread_id == thread) return pid_t(each->native_thread_id);
  return 0;
}

// Where all threads stand, when C code keeps the GIL: what faulthandler uses,
// if this libpython still exports it.
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

}  // namespace

struct Watch {
  std::shared_ptr<CallSite> site;
  HangObserver *observer = nullptr;  // NULL: the site's listener is told
  std::chrono::nanoseconds patience{
      0};  // with each call; 0: there is a deadline
  bool interrupts = true;
  Clock::time_point next;       // when to look again
  uint64_t serial = 0;          // the call that the rest is about
  Clock::time_point first_try;  // of interrupting it
  // Since then, and of which call; an interrupter's, with the GIL.
  std::optional<OwnTime> own;
  uint64_t own_serial = 0;
  std::string stack;             // found by the interrupter
  bool reached = false;          // an interrupter had the GIL
  Clock::time_point raised;      // when the first PluginTimeout was; 0: not yet
  std::optional<OwnTime> waits;  // for an interrupter to get the GIL
  bool told = false;             // the observer knows
  bool telling = false;          // the observer is in use right now
  bool asking = false;           // an interrupter waits for the GIL
  std::atomic<bool> over{false};
};

namespace {

// Looks after elements that stop. Its thread never takes the GIL, which the
// hanging call may hold: a thread of its own is sent for it each time.
class Watchdog {
 public:
  void watch(const std::shared_ptr<Watch> &watch) {
    std::lock_guard lock(mutex_);
    // Where no thread is to be had, whoever watches next asks for one again.
    if (!started_)
      started_ = Thread::start_detached("python-watchdog", [this] { run(); });
    changed_.notify_all();
    for (const auto &known : watches_) {
      if (known->site != watch->site || !known->observer || !watch->observer)
        continue;
      known->next = std::min(known->next, watch->next);
      return;
    }
    watches_.push_back(watch);
  }

  template <typename Is>
  void unwatch(Is is) {
    std::unique_lock<Mutex> lock(mutex_);
    const auto found = std::find_if(watches_.begin(), watches_.end(), is);
    if (found == watches_.end()) return;
    const std::shared_ptr<Watch> watch = *found;
    watches_.erase(found);
    watch->over = true;
    // A listener lives as long as the site does.
    if (watch->observer) changed_.wait(lock, [&] { return !watch->telling; });
  }

 private:
  void run() {
    std::unique_lock<Mutex> lock(mutex_);
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

  void look(std::shared_ptr<Watch> watch, std::unique_lock<Mutex> &lock) {
    const auto now = Clock::now();
    const char *phase = watch->site->phase.load(std::memory_order_relaxed);
    watch->next = now + interval(*watch, phase);
    if (!phase) return;
    const uint64_t serial = watch->site->serial.load(std::memory_order_relaxed);
    if (watch->serial != serial) {
      watch->serial = serial;
      watch->first_try = now;
      watch->raised = {};
      watch->waits.reset();
      watch->stack.clear();
      watch->reached = watch->told = false;
    }
    const auto passed = now - watch->first_try;
    if (passed < watch->patience) return;
    const bool asks = !watch->asking && (watch->interrupts || !watch->told);
    if (asks)
      watch->asking = Thread::start_detached("python-interrupt",
                                             [this, watch] { ask(watch); });
    if (watch->told || !is_hung(*watch, now)) return;
    watch->told = watch->telling = true;
    std::string stack = watch->stack;
    lock.unlock();
    tell(*watch, phase, stack.empty() ? stack_without_gil() : stack);
    lock.lock();
    watch->telling = false;
    changed_.notify_all();
  }

  static bool is_hung(Watch &watch, Clock::time_point now) {
    if (watch.reached)
      return watch.raised != Clock::time_point() &&
             now - watch.raised >= until_hung;
    if (!watch.waits) watch.waits.emplace();
    return watch.waits->is_over(getpid(), nanoseconds(until_hung).count(),
                                gettid());
  }

  // Past its time a call is looked at closely, and before that now and then.
  static Clock::duration interval(const Watch &watch, const char *phase) {
    if (watch.patience.count() == 0) return milliseconds(phase ? 50 : 20);
    return std::clamp<Clock::duration>(watch.patience / 10, milliseconds(20),
                                       milliseconds(500));
  }

  static void tell(const Watch &watch, const std::string &phase,
                   const std::string &stack) {
    if (watch.observer) return watch.observer->call_hangs(phase, stack);
    Failure failure;
    failure.kind = Failure::Kind::Late;
    failure.phase = phase;
    failure.message = hang_text(phase, watch.interrupts);
    failure.traceback = stack;
    watch.site->listener->failed(failure);
  }

  // Whether the call has had the grace since it was first to be interrupted,
  // and was not only kept from a processor. With the GIL.
  static bool has_had_time(Watch &watch) {
    const CallSite &site = *watch.site;
    const pid_t thread = kernel_id(site.thread.load(std::memory_order_relaxed));
    const uint64_t serial = site.serial.load(std::memory_order_relaxed);
    if (!watch.own || watch.own_serial != serial) {
      watch.own.emplace();
      watch.own_serial = serial;
    }
    return watch.own->is_over_of_thread(thread, nanoseconds(grace).count());
  }

  // On a thread of its own: where the call stands; and interrupts it.
  void ask(const std::shared_ptr<Watch> &watch) {
    std::string stack;
    bool reached = false, ran = false;
    {
      Gil gil;
      reached = bool(gil);
      CallSite *site = watch->site.get();
      const auto least =
          std::max<std::chrono::nanoseconds>(grace, watch->patience);
      if (gil && !watch->over && has_run_for(*site, least) &&
          has_had_time(*watch)) {
        stack = stack_of(site->thread);
        if (watch->interrupts) interrupt_call(site);
        ran = true;
      }
    }
    std::unique_lock<Mutex> lock(mutex_);
    watch->reached = reached;
    if (ran && watch->raised == Clock::time_point())
      watch->raised = Clock::now();
    if (!stack.empty()) watch->stack = std::move(stack);
    if (ran) changed_.wait_for(lock, again, [] { return false; });
    watch->asking = false;
  }

  Mutex mutex_;  // a leaf; guards everything below
  Condition changed_;
  std::vector<std::shared_ptr<Watch>> watches_;
  bool started_ = false;
};

// By nothing that has a lock, nor exit handlers of the application's.
[[noreturn]] void end_fork(const char *phase) {
  dprintf(
      STDERR_FILENO,
      "pythonfilter: process %d was forked in %s() and came back from it, so "
      "it ends here: let it end with os._exit(), or use multiprocessing\n",
      int(getpid()), phase);
  _exit(1);
}

// In the child, with the GIL.
PyObject *note_fork(PyObject *, PyObject *) {
  if (const auto site = call_site_of_this_thread()) {
    site->forked_in = site->phase.load(std::memory_order_relaxed);
    site->interrupted = true;
  }
  Py_RETURN_NONE;
}

Watchdog &watchdog() {
  static Watchdog &dog = *new Watchdog;  // outlives every thread
  return dog;
}

}  // namespace

std::string stack_of(unsigned long thread) {
  assert(with_gil());
  Ref text =
      steal(PyObject_CallMethod(python.host, "stack_of_thread", "k", thread));
  PyErr_Clear();
  return text_of(text.get());
}

void RunningCall::cancel() {
  assert(with_gil());
  if (site_->forked_in) end_fork(site_->forked_in);
  site_->interrupted = false;
  PyThreadState_SetAsyncExc(site_->thread, nullptr);
}

bool end_forks_of_calls() {
  assert(with_gil());
  static PyMethodDef method = {"note_fork", note_fork, METH_NOARGS, nullptr};
  Ref hook = steal(PyCFunction_New(&method, nullptr));
  Ref os = steal(PyImport_ImportModule("os"));
  if (!hook || !os) return false;
  Ref add = steal(PyObject_GetAttrString(os.get(), "register_at_fork"));
  Ref none = steal(PyTuple_New(0));
  Ref how = steal(Py_BuildValue("{sO}", "after_in_child", hook.get()));
  return add && none && how &&
         steal(PyObject_Call(add.get(), none.get(), how.get()));
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
  assert(with_gil());
  const char *phase = site->phase.load(std::memory_order_relaxed);
  if (!phase || phase == site->native.load(std::memory_order_relaxed)) return;
  site->interrupted = true;
  PyThreadState_SetAsyncExc(site->thread, python.timeout);
}

void interrupt_all_calls() {
  for (const auto &known : all_sites())
    if (auto site = known.lock()) interrupt_call(site.get());
}

void watch_call_site(const std::shared_ptr<CallSite> &site, uint64_t deadline,
                     HangObserver *observer) {
  const uint64_t now = monotonic_ns();
  auto watch = std::make_shared<Watch>();
  watch->site = site;
  watch->observer = observer;
  watch->next = Clock::now() +
                std::chrono::nanoseconds(deadline > now ? deadline - now : 0);
  watchdog().watch(watch);
}

void unwatch_call_site(const std::shared_ptr<CallSite> &site) {
  watchdog().unwatch(
      [&](const auto &each) { return each->site == site && each->observer; });
}

void CallWatch::begin(const std::shared_ptr<CallSite> &site, uint64_t patience,
                      bool interrupts) {
  end();
  if (!patience) return;
  auto watch = std::make_shared<Watch>();
  watch->site = site;
  watch->patience = std::chrono::nanoseconds(patience);
  watch->interrupts = interrupts;
  watch->next = Clock::now() + milliseconds(20);
  watchdog().watch(watch);
  watch_ = std::move(watch);
}

void CallWatch::end() {
  if (!watch_) return;
  watchdog().unwatch([&](const auto &each) { return each == watch_; });
  watch_.reset();
}

}  // namespace pythonfilter
