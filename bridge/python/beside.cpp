// SPDX-License-Identifier: LGPL-2.1-or-later
#include "beside.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "../contract.hpp"
#include "errors.hpp"
#include "gil.hpp"

namespace pythonfilter {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// As in worker/beside.py: how long a call may go on when the stream stops,
// until it gets PluginTimeout, and then until the next one, as it may catch it.
constexpr milliseconds patience(500), again(100);
constexpr int most_interrupts = 3;

// Calls that this thread makes; NULL: it is another one.
thread_local const void *here = nullptr;

struct Regular {
  std::string name;
  Clock::duration interval;
  Clock::time_point next;
  uint64_t heard = 0;  // blocks, at the last call
};

}  // namespace

// What the thread needs, also when it was left alone.
struct Beside::Calls {
  Ref host;  // with the GIL
  Surroundings *surroundings;
  std::shared_ptr<CallSite> stream;
  const std::shared_ptr<CallSite> site = std::make_shared<CallSite>();
  std::vector<Regular> regular;  // the thread's

  Mutex mutex;  // a leaf
  Condition changed;
  bool quits = false;  // guarded by mutex
  bool over = false;   // guarded by mutex

  bool read();
  void run();
  void call(size_t index);
  bool call_with_gil(size_t index, Failure *failure);
  bool wait_until_over(milliseconds time);
  void interrupt();
  void tell_of_hang();
};

bool Beside::Calls::read() {
  Ref all = steal(PyObject_CallMethod(host.get(), "regular_calls", nullptr));
  if (!all) return false;
  const auto now = Clock::now();
  const uint64_t heard = stream->blocks.load(std::memory_order_relaxed);
  for (Py_ssize_t i = 0; i < PyList_Size(all.get()); i++) {
    const char *name;
    long long ns;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(all.get(), i), "sL", &name, &ns))
      return false;
    const std::chrono::nanoseconds interval(ns);
    regular.push_back({name, interval, now + interval, heard});
  }
  return !PyErr_Occurred();
}

void Beside::Calls::run() {
  here = this;
  std::unique_lock<Mutex> lock(mutex);
  while (!quits) {
    const auto due =
        std::min_element(regular.begin(), regular.end(),
                         [](auto &a, auto &b) { return a.next < b.next; });
    const auto now = Clock::now();
    if (now < due->next) {
      changed.wait_until(lock, due->next);
      continue;
    }
    due->next = std::max(due->next + due->interval, now);
    // New code may have been started long before it gets a buffer.
    const uint64_t blocks = stream->blocks.load(std::memory_order_acquire);
    if (std::exchange(due->heard, blocks) == blocks) continue;
    lock.unlock();
    call(size_t(due - regular.begin()));
    lock.lock();
  }
  lock.unlock();
  {
    Gil gil;
    host.reset();
  }
  lock.lock();
  over = true;
  changed.notify_all();
}

void Beside::Calls::call(size_t index) {
  Failure failure;
  bool good;
  {
    Gil gil;
    good = !gil || call_with_gil(index, &failure);
  }
  if (good) return;
  if (failure.kind == Failure::Kind::Interrupted) {
    failure.type.clear();
    failure.message =
        failure.phase +
        "() was still running when the stream stopped, and was interrupted";
  }
  site->listener->failed(failure);
}

bool Beside::Calls::call_with_gil(size_t index, Failure *failure) {
  const char *phase = regular[index].name.c_str();
  RunningCall call(site.get(), phase, ticks());
  Inside inside(surroundings);
  Ref done = steal(PyObject_CallMethod(host.get(), "call_regular", "n", index));
  inside.leave();
  if (!done) capture_exception(failure, phase);
  return bool(done);
}

bool Beside::Calls::wait_until_over(milliseconds time) {
  std::unique_lock<Mutex> lock(mutex);
  return changed.wait_for(lock, time, [this] { return over; });
}

void Beside::Calls::interrupt() {
  Gil gil;
  if (gil) interrupt_call(site.get());
}

void Beside::Calls::tell_of_hang() {
  Failure failure;
  failure.kind = Failure::Kind::Interrupted;
  {
    Gil gil;
    const char *phase = site->phase.load(std::memory_order_relaxed);
    if (!gil || !phase) return;
    failure.phase = phase;
    failure.traceback = stack_of(site->thread);
  }
  failure.message = failure.phase +
                    "() hangs outside Python code, where it cannot be "
                    "interrupted; the stream stops without it";
  site->listener->failed(failure);
}

bool Beside::start(PyObject *host, Surroundings *surroundings,
                   const std::shared_ptr<CallSite> &stream) {
  auto calls = std::make_shared<Calls>();
  calls->host = borrow(host);
  calls->surroundings = surroundings;
  calls->stream = stream;
  calls->site->listener = stream->listener;
  if (!calls->read()) return false;
  if (calls->regular.empty()) return true;
  add_call_site(calls->site);
  if (!thread_.start("python-beside", [calls] { calls->run(); })) {
    PyErr_SetString(PyExc_RuntimeError, Thread::none_left);
    return false;
  }
  calls_ = std::move(calls);
  return true;
}

void Beside::stop() {
  const auto calls = std::exchange(calls_, nullptr);
  if (!calls) return;
  {
    std::lock_guard lock(calls->mutex);
    calls->quits = true;
    calls->changed.notify_all();
  }
  bool over = calls->wait_until_over(patience);
  for (int i = 0; i < most_interrupts && !over; i++) {
    calls->interrupt();
    over = calls->wait_until_over(again);
  }
  if (over) return thread_.join();
  thread_.detach();
  left_alone_ = true;
  calls->tell_of_hang();
}

bool Beside::is_here() const {
  return here && here == calls_.get();
}

}  // namespace pythonfilter
