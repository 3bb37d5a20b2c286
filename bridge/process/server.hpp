// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The process that workers are forked from, with NumPy imported: one for each
// interpreter. The supervisor's thread alone calls what is private here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>

#include "../own_time.hpp"
#include "output_lines.hpp"
#include "supervisor.hpp"
#include "wire.hpp"

namespace pythonfilter {

// What becomes of a worker, told on the supervisor's thread.
class WorkerFate {
 public:
  virtual ~WorkerFate() = default;
  // A server with this number was asked, and is waited for until one of the
  // next comes.
  virtual void asked(pid_t server) = 0;
  virtual void spawned(pid_t pid, Descriptor pidfd) = 0;
  // `status` is waitpid()'s; -1: nobody knows.
  virtual void ended(int status) = 0;
  virtual void cannot_spawn(const std::string &why) = 0;
};

struct SpawnRequest {
  std::string sandbox;
  bool sandbox_required = false;
  Descriptor socket;
  Descriptor output;
  std::weak_ptr<WorkerFate> fate;
  bool again = false;  // a server has had it, and made nothing of it
};

class Server final : public Watched,
                     public std::enable_shared_from_this<Server> {
 public:
  // The one of this interpreter; another one where it has ended. Any thread.
  static void spawn(const std::string &interpreter, SpawnRequest request);
  // The server has been waited for long enough, or its workers do not become
  // ready: the next one comes from another server.
  static void give_up(const std::string &interpreter);

  explicit Server(std::string interpreter)
      : interpreter_(std::move(interpreter)) {}
  ~Server() override;
  int descriptor() const override { return socket_.get(); }
  bool readable() override;
  bool wants_look() const override { return asked_ > 0; }
  void look() override;

 private:
  struct Asked {
    SpawnRequest request;  // without descriptors once it has been spawned
    uint64_t since = 0;    // 0: it has been
  };

  bool start();
  bool take(const Fields &record);
  void send(SpawnRequest request);
  void retire();
  void try_again(SpawnRequest request);
  void end();

  const std::string interpreter_;
  pid_t pid_ = 0;
  Descriptor socket_;
  RecordReader reader_;
  std::vector<Descriptor> descriptors_;  // of a record that is to come
  std::shared_ptr<OutputLines> output_;
  bool ready_ = false;
  bool over_ = false;
  std::string problem_;  // why it is over
  uint64_t next_id_ = 1;
  std::map<int64_t, Asked> workers_;
  // How many of them have not been spawned, for which the supervisor looks.
  int asked_ = 0;
  OwnTime silent_;  // while they are asked for, since it said something
};

// By a signal, or by somebody at a terminal.
bool is_stopped(pid_t pid);

// A process that somebody has stopped does not run, and is no slow plugin. A
// debugger may have it go on at once: at two looks in a row it stands still.
class StandsStill {
 public:
  bool look(bool stopped) { return std::exchange(before_, stopped) && stopped; }

 private:
  bool before_ = false;
};

// "was killed by SIGSEGV", "ended with exit status 3".
std::string describe_status(int status);

}  // namespace pythonfilter
