// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One thread for all workers of this process. It is the parent of the servers,
// because the signal that ends them with us belongs to a thread, and it reads
// what comes at any time: output, events, who has ended.
// GMainContext would do, but it is GLib's, and bridge/ needs none of it.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace pythonfilter {

class Watched {
 public:
  virtual ~Watched() = default;
  virtual int descriptor() const = 0;
  // On the supervisor's thread, without a lock. False: that was all.
  virtual bool readable() = 0;
  // For how long it is left alone, as it has had its share; 0: it has not.
  virtual uint64_t rest_ns() const { return 0; }
  // Now and then, in the same way, for who wants it.
  virtual bool wants_look() const { return false; }
  virtual void look() {}
};

class Supervisor {
 public:
  static constexpr uint64_t look_every_ns = 200000000;

  // The one of this process: a fork has another one. It is never destroyed.
  static Supervisor &get();

  // Before the others: with what they need. False: `problem` says what there is
  // none of, now; it may be asked again.
  bool begin(std::string *problem);
  // False: it cannot be; errno says why.
  bool watch(std::shared_ptr<Watched> watched);
  // After it, readable() is not called and nothing is held.
  void unwatch(const std::shared_ptr<Watched> &watched);
  // On the thread, in order.
  void run(std::function<void()> task);

 private:
  struct State;
  Supervisor();
  std::shared_ptr<State> state_;
};

}  // namespace pythonfilter
