// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One plugin's connection with its worker: requests and replies, calls and
// answers, and how long any of them is waited for. For the thread that calls
// the plugin, but for events().
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "../own_time.hpp"
#include "answers.hpp"
#include "controlpage.hpp"
#include "events.hpp"
#include "place_numbers.hpp"
#include "region.hpp"
#include "stop_signal.hpp"
#include "worker.hpp"

namespace pythonfilter {

// Signals that there is no reply behind, until they are not for nothing.
constexpr int most_empty_signals = 1000;
// How often to look at a worker that does not answer, and whether it reads more
// of a record that did not fit.
constexpr uint64_t look_every_ns = 100000000;
// Takes a signal, if there is one.
void take_signal(int eventfd);

enum class Waited { Done, Late, Lost };

// How long one call is waited for.
struct CallWait {
  const char *phase;   // for people
  uint64_t began;      // monotonic_ns()
  uint64_t until = 0;  // 0: as long as the plugin may run
  uint64_t interrupted = 0;
  // Where the worker's own time counts: how much of it is allowed.
  OwnTime *own = nullptr;
  uint64_t allowed = 0;
  // While the element stops: until the call is interrupted, and then killed.
  struct Stopping {
    uint64_t next, allowed;  // when to ask, and for how much
    OwnTime own = {};
  };
  std::optional<Stopping> stopping = {};
};

class Channel {
 public:
  // NULL: `problem` says why.
  static std::unique_ptr<Channel> open(std::shared_ptr<Worker> worker,
                                       std::shared_ptr<Listener> listener,
                                       const StopSignal &stop,
                                       std::string *problem);
  ~Channel();
  Channel(const Channel &) = delete;
  Channel &operator=(const Channel &) = delete;

  uint64_t serial() const { return serial_; }
  Worker &worker() { return *worker_; }
  const std::shared_ptr<Events> &events() { return events_; }

  // Told before the next request. False: it cannot be.
  bool notice(const Fields &record, int descriptor = -1);

  // Of a mixer, before the request.
  void set_inputs(const std::vector<InputView> &inputs);
  // Of a splitter, likewise: a bit for each output.
  void set_linked(uint64_t linked);
  // Process or Resume; its sequence is filled in.
  void send(Request *request);
  // The reply, copied, if it is to this request.
  Waited wait_reply(CallWait *waiting, const Request &request, Reply *reply);
  // What else is in it, of a splitter.
  void read_outputs(Reply *reply) const;
  // The records that the reply says are there.
  Waited wait_records(CallWait *waiting, uint64_t count);
  // One call. The answer is `ok` or `failure`.
  Waited call(CallWait *waiting, const Fields &record, Fields *answer);

  // What came with the reply, or with the answer.
  bool has_posted() const { return !messages_.empty() || dropped_ > 0; }
  void deliver(Listener *listener, uint64_t pts, uint64_t duration);
  bool has_answer() const { return !answer_.empty(); }
  Fields take_failure() { return std::exchange(answer_, {}); }

  // Ends the worker. The first reason is the one that is told.
  void kill(const std::string &reason) { worker_->kill(reason); }
  Waited break_off(const char *fault);
  bool is_stopping(const CallWait &waiting) const;

 private:
  Channel(std::shared_ptr<Worker> worker, const StopSignal &stop);
  bool make(std::shared_ptr<Listener> listener, std::string *problem);
  uint64_t word(size_t index) const;
  void set_words(const Request &request);
  // Takes what was sent on the way.
  Waited wait(CallWait *waiting, bool *replied);
  bool is_stopped(StandsStill *still);
  bool is_over(CallWait *waiting, uint64_t now) const;
  uint64_t next_wake(CallWait *waiting, uint64_t now, bool *lost);
  bool has_had_time(CallWait *waiting, uint64_t now, uint64_t time);
  Waited send_call(CallWait *waiting, const std::string &record);
  Waited collect();
  Waited lose_socket();
  bool take(Fields *record);

  const uint64_t serial_;
  const std::shared_ptr<Worker> worker_;
  const StopSignal &stop_;
  std::shared_ptr<Events> events_;
  Descriptor calls_;
  Descriptor requests_;
  Descriptor replies_;
  std::unique_ptr<Region> page_;
  uint64_t sequence_ = 0;
  uint64_t replied_to_ = 0;
  uint64_t notices_ = 0;
  PlaceNumbers place_numbers_;
  RecordReader reader_;
  uint64_t records_ = 0;  // since the request
  int empty_signals_ = 0;
  std::vector<Message> messages_;
  size_t told_bytes_ = 0;  // of these, and of those that were dropped
  uint64_t dropped_ = 0;
  Fields answer_;
};

}  // namespace pythonfilter
