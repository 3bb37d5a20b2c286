// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A thread whose making may fail. std::thread says so with an exception, which
// ends a process that is compiled without them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <pthread.h>
#include <signal.h>
#include <thread>
#include <utility>

namespace pythonfilter {

class Thread {
 public:
  constexpr static char none_left[] = "no thread can be started";

  Thread() = default;
  ~Thread() { join(); }
  Thread(const Thread &) = delete;
  Thread &operator=(const Thread &) = delete;

  // False: there is none to be had, and `run` will not be called. The
  // application's signals are not for it. `name` is a literal of at most 15
  // characters.
  bool start(const char *name, std::function<void()> run) {
    joinable_ = make(name, std::move(run), &thread_);
    return joinable_;
  }
  static bool start_detached(const char *name, std::function<void()> run) {
    pthread_t thread;
    return make(name, std::move(run), &thread) && pthread_detach(thread) == 0;
  }

  bool joinable() const { return joinable_; }
  void join() {
    if (std::exchange(joinable_, false)) pthread_join(thread_, nullptr);
  }
  // It ends when it ends.
  void detach() {
    if (std::exchange(joinable_, false)) pthread_detach(thread_);
  }
  // In a fork, where it does not run.
  void forget() { joinable_ = false; }
  void swap(Thread &other) {
    std::swap(joinable_, other.joinable_);
    std::swap(thread_, other.thread_);
  }

 private:
  struct Start {
    const char *name;
    std::function<void()> run;
  };

  static bool make(const char *name, std::function<void()> run,
                   pthread_t *thread) {
    auto start = std::make_unique<Start>(Start{name, std::move(run)});
    // Inherited, so that no signal comes before the thread could refuse it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool made = pthread_create(thread, nullptr, begin, start.get()) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (made) start.release();
    return made;
  }

  static void *begin(void *data) {
    const std::unique_ptr<Start> start(static_cast<Start *>(data));
    pthread_setname_np(pthread_self(), start->name);
    start->run();
    return nullptr;
  }

  bool joinable_ = false;
  pthread_t thread_{};
};

// For what nobody tells of: looks each millisecond.
template <typename Done>
void wait_by_looking(Done done) {
  while (!done())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace pythonfilter
