// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The process that workers are forked from, with NumPy imported: one for each
// interpreter. The supervisor's thread alone calls what is private here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <sys/types.h>

#include "output_lines.hpp"
#include "supervisor.hpp"
#include "wire.hpp"

namespace pythonfilter {

// What becomes of a worker, told on the supervisor's thread.
class WorkerFate {
 public:
  virtual ~WorkerFate() = default;
  virtual void spawned(pid_t pid, Descriptor pidfd) = 0;
  // Of waitpid(); -1: nobody knows.
  virtual void ended(int status) = 0;
  virtual void cannot_spawn(const std::string &why) = 0;
};

struct SpawnRequest {
  std::string sandbox;
  bool sandbox_required = false;
  Descriptor socket;
  Descriptor output;
  std::weak_ptr<WorkerFate> fate;
};

class Server final : public Watched,
                     public std::enable_shared_from_this<Server> {
 public:
  // The one of this interpreter; another one where it has ended. Any thread.
  static void spawn(const std::string &interpreter, SpawnRequest request);
  // It has been waited for long enough.
  static void give_up(const std::string &interpreter);

  explicit Server(std::string interpreter)
      : interpreter_(std::move(interpreter)) {}
  ~Server() override;
  int descriptor() const override { return socket_.get(); }
  bool readable() override;

 private:
  bool start();
  bool take(const Fields &record);
  void send(SpawnRequest request);
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
  std::map<int64_t, std::weak_ptr<WorkerFate>> workers_;
};

// "was killed by SIGSEGV", "ended with exit status 3".
std::string describe_status(int status);

}  // namespace pythonfilter
