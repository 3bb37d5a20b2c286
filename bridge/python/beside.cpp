// SPDX-License-Identifier: LGPL-2.1-or-later
#include "beside.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "../contract.hpp"
#include "gil.hpp"
#include "loaded_call.hpp"
#include "parameters.hpp"

namespace pythonfilter {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// As in worker/beside.py: how long a call may go on when the stream stops,
// until it gets PluginTimeout, and then until the next one, as it may catch it.
constexpr milliseconds patience(500), look_again(100);
constexpr int most_interrupts = 3;

// Whose thread this is; NULL: nobody's.
thread_local const void *here = nullptr;

}  // namespace

// What the thread needs, also when it was left alone.
struct Beside::Calls {
  struct Regular {
    std::string name;
    Clock::duration interval;
    Clock::time_point next;
    uint64_t heard = 0;  // blocks, at the last call
  };

  // What is asked again and again, and what was said last.
  struct Known {
    Question question;
    Answer last;
    bool asked = false;
  };

  const void *owner;
  Ref loaded;  // with the GIL
  Surroundings *surroundings;
  std::shared_ptr<CallSite> stream;
  const std::shared_ptr<CallSite> site = std::make_shared<CallSite>();
  std::vector<Regular> regular;  // the thread's

  Mutex mutex;  // a leaf
  Condition changed;
  std::atomic<bool> has_changes{false};  // written under mutex
  // The rest is guarded by mutex.
  bool quits = false, over = false;
  Changes untold, changes;
  bool tells_soon = false;  // what is untold
  bool telling = false;     // one of them
  std::vector<Known> known;

  bool read();
  void run();
  bool work(std::unique_lock<Mutex> &lock);
  void tell_all(std::unique_lock<Mutex> &lock);
  bool ask_again(std::unique_lock<Mutex> &lock);
  Known *find(const Question &question);
  // `take` gets what the method of `loaded` gave, with the GIL. False: an
  // exception was raised, which was told.
  template <typename Take, typename... T>
  bool call(const char *method, const char *phase, Take take,
            const char *format, T... arguments);
  bool wait_until_over(milliseconds time);
  void interrupt();
  void tell_of_hang();
};

bool Beside::Calls::read() {
  Ref all = steal(PyObject_CallMethod(loaded.get(), "regular_calls", nullptr));
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
  here = owner;
  {
    std::unique_lock<Mutex> lock(mutex);
    while (!quits)
      if (!work(lock)) changed.wait(lock);
  }
  {
    Gil gil;
    loaded.reset();
  }
  std::lock_guard lock(mutex);
  over = true;
  changed.notify_all();
}

// False: there is nothing to do before something changes.
bool Beside::Calls::work(std::unique_lock<Mutex> &lock) {
  if (std::exchange(tells_soon, false)) {
    tell_all(lock);
    return true;
  }
  if (ask_again(lock)) return true;
  if (regular.empty()) return false;
  const auto due =
      std::min_element(regular.begin(), regular.end(),
                       [](auto &a, auto &b) { return a.next < b.next; });
  const auto now = Clock::now();
  if (now < due->next) {
    changed.wait_until(lock, due->next);
    return true;
  }
  due->next = std::max(due->next + due->interval, now);
  // New code may have been started long before it gets a buffer.
  const uint64_t blocks = stream->blocks.load(std::memory_order_acquire);
  if (std::exchange(due->heard, blocks) == blocks) return true;
  tell_all(lock);
  lock.unlock();
  call(
      "call_regular", due->name.c_str(), [](PyObject *) {}, "(n)",
      Py_ssize_t(due - regular.begin()));
  lock.lock();
  return true;
}

void Beside::Calls::tell_all(std::unique_lock<Mutex> &lock) {
  while (!untold.empty() && !quits) {
    Change change = untold.take_first();
    const Parameter &parameter = *change.write_out();
    changes.forget(parameter.key);
    telling = true;
    lock.unlock();
    std::vector<Parameter> told;
    call(
        "set_parameter_beside", "set_parameter",
        [&](PyObject *list) { told = parameters_in(list); }, "(ss)",
        parameter.key.c_str(), parameter.value.c_str());
    lock.lock();
    telling = false;
    for (Parameter &each : told)
      changes.set(Change(std::move(each)));
    has_changes = !changes.empty();
  }
}

// False: nothing is asked.
bool Beside::Calls::ask_again(std::unique_lock<Mutex> &lock) {
  const auto asked = std::find_if(known.begin(), known.end(),
                                  [](const Known &each) { return each.asked; });
  if (asked == known.end()) return false;
  asked->asked = false;
  const Question question = asked->question;
  Answer now;
  tell_all(lock);
  lock.unlock();
  const bool good = call(
      "ask", question.method,
      [&](PyObject *told) { read_answer(question, texts_of(told), &now); },
      "(sK)", question.name, 0ull);
  lock.lock();
  if (good) find(question)->last = now;
  return true;
}

Beside::Calls::Known *Beside::Calls::find(const Question &question) {
  for (Known &each : known)
    if (each.question == question) return &each;
  return nullptr;
}

template <typename Take, typename... T>
bool Beside::Calls::call(const char *method, const char *phase, Take take,
                         const char *format, T... arguments) {
  Failure failure;
  {
    Gil gil;
    if (!gil) return false;
    Ref done = call_method(loaded.get(), surroundings, site.get(), method,
                           phase, steal(Py_BuildValue(format, arguments...)));
    if (done) take(done.get());
    if (done && !PyErr_Occurred()) return true;
    describe_exception(site.get(), &failure, phase);
  }
  if (failure.kind == Failure::Kind::Interrupted) {
    failure.type.clear();
    failure.message =
        failure.phase +
        "() was still running when the stream stopped, and was interrupted";
  }
  site->listener->failed(failure);
  return false;
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

bool Beside::start(PyObject *loaded, Surroundings *surroundings,
                   const std::shared_ptr<CallSite> &stream, bool native) {
  auto calls = std::make_shared<Calls>();
  calls->owner = this;
  calls->loaded = borrow(loaded);
  calls->surroundings = surroundings;
  calls->stream = stream;
  calls->site->listener = stream->listener;
  if (!calls->read()) return false;
  if (calls->regular.empty() && !native) return true;
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
    over = calls->wait_until_over(look_again);
  }
  {
    std::lock_guard lock(calls->mutex);
    untold_.swap(&calls->untold);
  }
  if (over) return thread_.join();
  thread_.detach();
  left_alone_ = true;
  calls->tell_of_hang();
}

bool Beside::is_here() const {
  return here == this;
}

// ---- the streaming thread's -------------------------------------------------

void Beside::tell(Change change, bool soon) {
  std::lock_guard lock(calls_->mutex);
  calls_->untold.set(std::move(change));
  if (!soon) return;
  calls_->tells_soon = true;
  calls_->changed.notify_all();
}

// While one of them is told the others stay behind it.
Changes Beside::take_untold() {
  Changes taken;
  if (!calls_) {
    taken.swap(&untold_);
    return taken;
  }
  std::lock_guard lock(calls_->mutex);
  if (!calls_->telling) taken.swap(&calls_->untold);
  return taken;
}

bool Beside::has_changes() const {
  return calls_ && calls_->has_changes.load(std::memory_order_relaxed);
}

// But those that were set anew since.
Changes Beside::take_changes() {
  Changes taken;
  std::lock_guard lock(calls_->mutex);
  taken.swap(&calls_->changes);
  for (const Change &newer : calls_->untold)
    taken.forget(newer.key());
  calls_->has_changes = false;
  return taken;
}

bool Beside::last(const Question &question, Answer *answer) {
  if (!calls_) return false;
  std::lock_guard lock(calls_->mutex);
  Calls::Known *known = calls_->find(question);
  if (!known) return false;
  *answer = known->last;
  known->asked = true;
  calls_->changed.notify_all();
  return true;
}

void Beside::set(const Question &question, const Answer &answer) {
  if (!calls_) return;
  std::lock_guard lock(calls_->mutex);
  if (Calls::Known *known = calls_->find(question))
    known->last = answer;
  else
    calls_->known.push_back({question, answer});
}

}  // namespace pythonfilter
