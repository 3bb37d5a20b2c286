// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The call a plugin is in right now, and how it is ended when the element
// stops: PluginTimeout at the deadline, a warning with the Python stack when
// even that does not help.
#pragma once

#include <memory>
#include <pthread.h>

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

inline unsigned long thread_id() {
  return static_cast<unsigned long>(pthread_self());
}

// Guarded by the GIL, but for what the watchdog also reads without.
struct CallSite {
  std::atomic<const char *> phase{nullptr};  // NULL: no call
  std::atomic<uint64_t> serial{0};           // of this call
  // Whoever finds its own here knows that it is true.
  std::atomic<unsigned long> thread{0};
  std::atomic<uint64_t> began{0};   // ticks
  std::atomic<uint64_t> blocks{0};  // that were processed; one thread counts
  // The phase in which no Python runs, which nothing interrupts. NULL: none.
  std::atomic<const char *> native{nullptr};
  // Something is to be done at its end: after PluginTimeout, or because this
  // process was forked in it.
  bool interrupted = false;
  const char *forked_in = nullptr;
  std::shared_ptr<Listener> listener;  // constant; never NULL
};

// One more block. What the call wrote is there for whoever reads the count.
inline void count_block(CallSite *site) {
  site->blocks.store(site->blocks.load(std::memory_order_relaxed) + 1,
                     std::memory_order_release);
}

// Whether this thread is in a call there.
inline bool is_in_call(const CallSite &site) {
  return site.phase.load(std::memory_order_acquire) &&
         site.thread.load(std::memory_order_relaxed) == thread_id();
}

// One call into Python by one plugin. Begin and end with the GIL held. `outer`
// is the phase of the call that it is made in, as a plugin may flush its own
// stream.
class RunningCall {
 public:
  RunningCall(CallSite *site, const char *phase, uint64_t now,
              const char *outer = nullptr)
      : site_(site), outer_(outer) {
    site->thread.store(thread_id(), std::memory_order_relaxed);
    site->began.store(now, std::memory_order_relaxed);
    site->serial.store(site->serial.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
    site->phase.store(phase, std::memory_order_release);
  }
  ~RunningCall() { end(); }
  // A timeout that came too late to be raised is taken back here, so that it
  // hits nobody else.
  void end() {
    if (!site_) return;
    site_->phase.store(outer_, std::memory_order_relaxed);
    if (site_->interrupted) cancel();
    site_ = nullptr;
  }

 private:
  void cancel();

  CallSite *site_;
  const char *const outer_;
};

// One call of machine code. Without the GIL.
class NativeRun {
 public:
  NativeRun(CallSite *site, const char *phase, uint64_t now) : site_(site) {
    site->thread.store(thread_id(), std::memory_order_relaxed);
    site->began.store(now, std::memory_order_relaxed);
    site->serial.store(site->serial.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
    site->native.store(phase, std::memory_order_relaxed);
    site->phase.store(phase, std::memory_order_release);
  }
  ~NativeRun() { site_->phase.store(nullptr, std::memory_order_relaxed); }

 private:
  CallSite *site_;
};

// From now on a process that was forked in a call, and comes back from it,
// ends. It has one thread: each lock that another one had would be held for
// ever. With the GIL; false with an exception set.
bool end_forks_of_calls();

// Makes calls of `site` known to interrupt_all_calls(). With the GIL.
void add_call_site(const std::shared_ptr<CallSite> &site);

// The call that this thread is in, the innermost one; or NULL. With the GIL.
std::shared_ptr<CallSite> call_site_of_this_thread();

// Where a thread stands, by Python's own account. With the GIL.
std::string stack_of(unsigned long thread);

// PluginTimeout for the call that is running there, if any. With the GIL.
void interrupt_call(CallSite *site);
// As interrupt_call(), for every site.
void interrupt_all_calls();

// From `deadline` (monotonic_ns) on, interrupts the site's calls and tells the
// observer about those that do not end. Without the GIL.
void watch_call_site(const std::shared_ptr<CallSite> &site, uint64_t deadline,
                     HangObserver *observer);
// Returns when the observer is no longer in use.
void unwatch_call_site(const std::shared_ptr<CallSite> &site);

struct Watch;

// Looks after calls during which nobody can tell the element to stop, because
// whoever makes them holds its lock. Without the GIL.
class CallWatch {
 public:
  ~CallWatch() { end(); }
  // Each call at the site that takes longer than `patience` (ns; 0: nothing is
  // looked after) is told to the site's listener, once, or `interrupts`.
  void begin(const std::shared_ptr<CallSite> &site, uint64_t patience,
             bool interrupts);
  void end();

 private:
  std::shared_ptr<Watch> watch_;
};

}  // namespace pythonfilter
