// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One process that runs plugins: of one element, or of a group of them. It
// ends when nobody has this object any more.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../bridge.hpp"
#include "../contract.hpp"
#include "server.hpp"
#include "stop_signal.hpp"

namespace pythonfilter {

class Worker final : public WorkerFate,
                     public std::enable_shared_from_this<Worker> {
 public:
  // A worker that starts now, or the one of the group. Never NULL.
  static std::shared_ptr<Worker> get(const PluginSpec &spec);
  ~Worker() override;

  // Waits until it can be given plugins. False: `problem` says why it cannot.
  bool wait_ready(const StopSignal &stop, std::string *problem);
  bool open(const std::string &plugin, const std::vector<int> &descriptors);

  // Once it is ready.
  int pidfd() const { return pidfd_.get(); }
  pid_t pid() const { return pid_; }
  bool is_stopped() const { return pythonfilter::is_stopped(pid_); }
  const std::string &sandbox() const { return sandbox_; }

  bool has_ended() const;
  // As has_ended(), where the worker's sockets have ended: then it may be about
  // to.
  bool ends_now() const;
  // Whether the worker has ended, or is going to.
  bool is_doomed() const;
  // The first reason is the one that is told.
  void kill(const std::string &reason);
  // "was killed by SIGSEGV in start()"; waits a moment for whoever knows.
  std::string how_it_ended(const std::string &phase);
  std::string last_lines() const;

  void asked(pid_t server) override;
  void spawned(pid_t pid, Descriptor pidfd) override;
  void ended(int status) override;
  void cannot_spawn(const std::string &why) override;

 private:
  class Socket;
  void start(const PluginSpec &spec);
  void take_first(const Fields &record);
  void note_failure(const std::string &why);
  bool is_starting() const;
  void fail_at_start(const std::string &why);
  void signal(int number) const;

  std::string interpreter_;
  std::shared_ptr<Socket> socket_;
  std::shared_ptr<OutputLines> output_;

  mutable Mutex mutex_;  // a leaf; guards everything below
  Condition changed_;
  Descriptor pidfd_;  // these do not change once it is ready
  pid_t pid_ = 0;
  pid_t server_ = 0;  // that makes it
  std::string sandbox_;
  bool ready_ = false;
  bool failed_ = false;
  std::string problem_;
  std::string kill_reason_;
  bool has_status_ = false;
  int status_ = -1;
};

}  // namespace pythonfilter
