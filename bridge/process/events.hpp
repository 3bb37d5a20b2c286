// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the two sides say to each other while a call may be running.
#pragma once

#include <atomic>
#include <functional>
#include <map>

#include "../bridge.hpp"
#include "../contract.hpp"
#include "supervisor.hpp"
#include "wire.hpp"

namespace pythonfilter {

class Events final : public Watched {
 public:
  Events(Descriptor socket, std::shared_ptr<Listener> listener)
      : socket_(std::move(socket)), listener_(std::move(listener)) {}

  int descriptor() const override { return socket_.get(); }
  bool readable() override;
  uint64_t rest_ns() const override {
    return records_ >= most_records || bytes_ >= most_bytes
               ? Supervisor::look_every_ns
               : 0;
  }

  // Any thread; none of them waits. False: the worker does not take it.
  bool tell(const Fields &record);
  // Waits for the answer, but not for long. False: `failure` says why.
  bool map_caps(bool to_output, const std::string &caps, std::string *mapped,
                Failure *failure);
  void close();
  // What the worker had told before that, and nobody has read: no more than a
  // socket holds. Lines of the log are told at once. The rest is for
  // tell_rest(), with no lock of an element's.
  std::vector<Fields> read_rest();
  void tell_rest(const std::vector<Fields> &rest);

  // The write that wakes the worker waits where the worker has filled the
  // counter, and nothing can tell it not to: `unblock` does then.
  void guard_writes(std::function<void()> unblock) {
    unblock_ = std::move(unblock);
  }
  void begin_write() { count_write(); }
  void end_write() { count_write(); }
  bool wants_look() const override { return true; }
  void look() override;

 private:
  // Between two looks of the supervisor's: what a flood costs this process.
  static constexpr int most_records = 1000;
  static constexpr size_t most_bytes = size_t(4) << 20;

  struct Answer {
    bool done = false;
    bool good = false;
    std::string caps;
    Failure failure;
  };
  bool read();
  bool take(const Fields &record);
  bool take_answer(const Fields &record);

  const Descriptor socket_;
  const std::shared_ptr<Listener> listener_;  // may be NULL
  std::atomic<bool> reading_{false};  // no lock: who is told may take some
  RecordReader reader_;
  std::vector<Fields> *put_aside_ = nullptr;
  std::atomic<bool> broken_{false};
  // One thread writes.
  void count_write() {
    writes_.store(writes_.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed);
  }

  std::atomic<uint64_t> writes_{0};  // begun and ended; odd: one is under way
  uint64_t seen_writes_ = 0;         // the supervisor's
  int stuck_ = 0;                    // the supervisor's
  int records_ = 0;                  // the supervisor's; since the last look
  size_t bytes_ = 0;                 // the same
  std::function<void()> unblock_;

  Mutex mutex_;  // a leaf; guards everything below
  Condition answered_;
  std::string unsent_;  // of a record that was sent in part
  bool closed_ = false;
  int64_t next_id_ = 1;
  std::map<int64_t, Answer *> asked_;
  int64_t unanswered_ = 0;  // the last one that was waited for in vain
};

}  // namespace pythonfilter
