// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When another worker comes after one that ended, and the thread that makes
// it: at once, then later and later, and not for ever.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "../contract.hpp"
#include "../thread.hpp"
#include "remote_plugin.hpp"

namespace pythonfilter {

class RestartPolicy {
 public:
  explicit RestartPolicy(int most) : most_(most) {}
  // A worker has ended at `now`. False: no other is to come. Otherwise after
  // `delay`.
  bool note_end(uint64_t now, uint64_t *delay);
  // The restart that note_end() counted could not be tried.
  void forget_end() { ends_.pop_back(); }
  // Buffers went well: the next one comes at once again.
  void forget_delay() { next_delay_ = 0; }
  int most() const { return most_; }

 private:
  const int most_;  // in a minute
  size_t next_delay_ = 0;
  std::deque<uint64_t> ends_;
};

// Makes remote plugins until one is ready. One that is asked for; it asks
// nobody.
class Restarter {
 public:
  // One that is ready to go on, or NULL and why.
  using Make = std::function<std::unique_ptr<RemotePlugin>(Failure *)>;

  Restarter(const StopSignal &stop, int most) : stop_(stop), policy_(most) {}
  ~Restarter() { cancel(); }

  // One ended, as `failure` tells; on return it says if no other comes.
  // Otherwise `make` is called on a thread of its own.
  void begin(Make make, Failure *failure);
  // Whether one is being made.
  bool is_at_work();
  // What was made, once. Waits for it up to `until`, 0: until the element
  // stops. NULL: not yet, or `failure` says what kept the last one.
  std::unique_ptr<RemotePlugin> take(uint64_t until, Failure *failure);
  // Back from there, without a remote plugin.
  void cancel();
  // In a fork, where nobody is at work.
  void forget();
  void forget_delay();

 private:
  void run(Make make, uint64_t delay);
  bool wait(uint64_t delay);
  bool is_stopping() const;
  bool note_end(Failure *failure, uint64_t *delay);

  const StopSignal &stop_;
  Thread thread_;

  Mutex mutex_;  // a leaf; guards everything below
  Condition changed_;
  RestartPolicy policy_;
  bool at_work_ = false;
  bool quits_ = false;
  std::unique_ptr<RemotePlugin> made_;
  Failure failure_;
};

}  // namespace pythonfilter
