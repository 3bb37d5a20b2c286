// SPDX-License-Identifier: LGPL-2.1-or-later
#include "release_later.hpp"

#include <chrono>
#include <thread>

#include "../contract.hpp"
#include "../thread.hpp"
#include "gil.hpp"

namespace pythonfilter {

namespace {

// How long an object may stay on the list of a stream that stands still.
constexpr std::chrono::milliseconds interval(100);

std::atomic<SentObject *> returned{nullptr};
std::atomic<size_t> sent_count{0};

// Looks at the list while any object is out, and sleeps while none is. Nobody
// wakes it for a single object: that would be a system call for each buffer.
class Collector {
 public:
  // With the GIL, which nobody waits for under this mutex.
  void wake() {
    if (!asleep_.load(std::memory_order_seq_cst)) return;
    std::lock_guard lock(mutex_);
    // Where no thread is to be had the next object asks for one again; until
    // then the next call is the one that releases.
    if (!started_)
      started_ = Thread::start_detached("python-release", [this] { run(); });
    if (!started_) return;
    asleep_.store(false, std::memory_order_seq_cst);
    woken_.notify_all();
  }

 private:
  void run() {
    for (;;) {
      {
        std::unique_lock<Mutex> lock(mutex_);
        // wake() looks at asleep_ after it counted, so one of the two sees
        // the other.
        asleep_.store(true, std::memory_order_seq_cst);
        if (sent_count.load(std::memory_order_seq_cst) > 0)
          asleep_.store(false, std::memory_order_seq_cst);
        woken_.wait(lock, [this] { return !asleep_.load(); });
      }
      std::this_thread::sleep_for(interval);
      if (!returned.load(std::memory_order_relaxed)) continue;
      Gil gil;
      if (!gil) return;
      release_sent();
    }
  }

  Mutex mutex_;
  Condition woken_;
  std::atomic<bool> asleep_{true};
  bool started_ = false;  // guarded by mutex_
};

Collector &collector() {
  static Collector &collector = *new Collector;  // outlives every thread
  return collector;
}

}  // namespace

[[gnu::hot]] void count_sent() {
  assert(with_gil());
  sent_count.fetch_add(1, std::memory_order_seq_cst);
  collector().wake();
}

[[gnu::hot]] void release_later(void *object) {
  auto *sent = static_cast<SentObject *>(object);
  sent->next = returned.load(std::memory_order_relaxed);
  while (!returned.compare_exchange_weak(
      sent->next, sent, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

[[gnu::hot]] void release_sent() {
  assert(with_gil());
  if (!returned.load(std::memory_order_relaxed)) return;
  SentObject *each = returned.exchange(nullptr, std::memory_order_acquire);
  while (each) {
    SentObject *sent = each;
    each = sent->next;
    // Both may run the plugin's code (a __del__), which may drop buffers: the
    // list is not touched meanwhile.
    if (sent->view.obj) PyBuffer_Release(&sent->view);
    steal(sent->object);
    delete sent;
    sent_count.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace pythonfilter
