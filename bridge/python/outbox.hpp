// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What one plugin tells the application: its messages, kept until the call
// that posts them is over, and its log, which does not wait: the last lines
// before a call that hangs or crashes are those that matter.
#pragma once

#include <deque>

#include "../bridge.hpp"
#include "python.hpp"
#include "running_call.hpp"

namespace pythonfilter {

class Outbox {
 public:
  explicit Outbox(const std::shared_ptr<Listener> &listener);

  // For Python, each keeping `outbox` alive; with the GIL. NULL: exception set.
  //   post(name, fields)
  //   log(level, file, line, function, text)
  static Ref post_function(const std::shared_ptr<Outbox> &outbox);
  static Ref log_function(const std::shared_ptr<Outbox> &outbox);
  // A log() for the plugin, if any, whose call runs on the thread.
  static Ref anonymous_log_function(const std::shared_ptr<Listener> &listener);

  const std::shared_ptr<CallSite> &site() const { return site_; }
  // As a level of Python's logging.
  int log_threshold() const;

  // Whether there is nothing to deliver; asked by the thread of the call.
  bool empty() const { return queue_.empty(); }
  // After the call and without the GIL. The times are its buffer's.
  void deliver(uint64_t pts, uint64_t duration);

  // With the GIL. At once, on a thread that is in no call of the plugin.
  void post(Message message);

 private:
  const std::shared_ptr<CallSite> site_;
  // Messages of the call that runs: calls of one plugin do not overlap.
  std::deque<Message> queue_;
  uint64_t dropped_ = 0;
};

// Delivers at the end of a scope. Declared before the scope's Gil, so that the
// GIL is given back first.
class Delivery {
 public:
  explicit Delivery(Outbox *outbox) : outbox_(outbox) {}
  ~Delivery() {
    if (!outbox_->empty()) outbox_->deliver(pts, no_time);
  }
  Delivery(const Delivery &) = delete;
  Delivery &operator=(const Delivery &) = delete;

  uint64_t pts = no_time;

 private:
  Outbox *outbox_;
};

}  // namespace pythonfilter
