// SPDX-License-Identifier: LGPL-2.1-or-later
#include "worker.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <tuple>

#include "../contract.hpp"
#include "../paths.hpp"
#include "../ticks.hpp"
#include "this_process.hpp"

namespace pythonfilter {

namespace {

using std::chrono::milliseconds;

// To import NumPy from a slow disk; of the process's own time.
constexpr uint64_t start_patience_ns = 60000000000u;
constexpr milliseconds until_status(1000);
// From the end of its socket until it is killed.
constexpr int end_patience_ms = 300;
// Between the end of its sockets and its own.
constexpr int until_ended_ms = 200;
constexpr int kill_patience_ms = 1000;

using GroupKey = std::tuple<std::string, std::string, int, bool>;

struct Groups {
  uint64_t owner = 0;
  Mutex mutex;
  std::map<GroupKey, std::weak_ptr<Worker>> workers;
};

// A fork has none of them.
Groups &groups() {
  static Mutex mutex;
  static Groups *all = nullptr;
  std::lock_guard lock(mutex);
  if (!all || all->owner != process_number()) {
    all = new Groups;
    all->owner = process_number();
  }
  return *all;
}

const char *name_of(Isolation::Sandbox sandbox) {
  switch (sandbox) {
    case Isolation::Sandbox::None:
      return "none";
    case Isolation::Sandbox::Strict:
      return "strict";
    case Isolation::Sandbox::Basic:
      break;
  }
  return "basic";
}

// What was asked for, the venv's, or the one that this was built for.
std::string interpreter_for(const PluginSpec &spec) {
  if (!spec.isolation.python.empty()) return spec.isolation.python;
  const char *set = getenv("VIRTUAL_ENV");
  const std::string venv = !spec.venv.empty() ? spec.venv : set ? set : "";
  const std::string candidate = venv + "/bin/python3";
  if (!venv.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  return system_python();
}

bool is_readable(int fd, int patience_ms) {
  pollfd wait = {fd, POLLIN, 0};
  int ready;
  do {
    ready = poll(&wait, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

// Says once how it is confined; then it is the worker's turn to listen.
class Worker::Socket final : public Watched {
 public:
  Socket(Descriptor fd, std::weak_ptr<Worker> worker)
      : fd_(std::move(fd)), worker_(std::move(worker)) {}
  int descriptor() const override { return fd_.get(); }
  bool readable() override {
    const auto worker = worker_.lock();
    if (worker && read_first(worker.get())) return true;
    // Nothing more, where it has said what it is to say.
    if (worker) worker->fail_at_start("ended before it was ready");
    return false;
  }
  // Whether there may be something to read yet.
  bool read_first(Worker *worker) {
    Fields record;
    const auto got = reader_.next(fd_.get(), &record);
    if (got == RecordReader::Got::Record) worker->take_first(record);
    return got == RecordReader::Got::Nothing;
  }

 private:
  const Descriptor fd_;
  const std::weak_ptr<Worker> worker_;
  RecordReader reader_;
};

std::shared_ptr<Worker> Worker::get(const PluginSpec &spec) {
  const Isolation &isolation = spec.isolation;
  if (isolation.group.empty()) {
    auto worker = std::make_shared<Worker>();
    worker->start(spec);
    return worker;
  }
  Groups &all = groups();
  std::lock_guard lock(all.mutex);
  std::weak_ptr<Worker> &known =
      all.workers[{isolation.group, interpreter_for(spec),
                   int(isolation.sandbox), isolation.sandbox_required}];
  std::shared_ptr<Worker> worker = known.lock();
  if (!worker || worker->is_doomed()) {
    known = worker = std::make_shared<Worker>();
    worker->start(spec);
  }
  return worker;
}

void Worker::start(const PluginSpec &spec) {
  interpreter_ = interpreter_for(spec);
  int sockets[2];
  SpawnRequest request;
  std::string problem;
  if (!Supervisor::get().begin(&problem)) {
    note_failure("no process can be started: " + problem);
    return;
  }
  output_ = OutputLines::make(spec.listener, !spec.isolation.group.empty(),
                              &request.output);
  if (!output_ ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    note_failure(std::string("no process can be started: ") + strerror(errno));
    return;
  }
  socket_ = std::make_shared<Socket>(Descriptor(sockets[0]), weak_from_this());
  request.socket.reset(sockets[1]);
  request.sandbox = name_of(spec.isolation.sandbox);
  request.sandbox_required = spec.isolation.sandbox_required;
  request.fate = weak_from_this();
  if (!Supervisor::get().watch(output_) || !Supervisor::get().watch(socket_)) {
    note_failure(std::string("no process can be started: ") + strerror(errno));
    return;
  }
  Server::spawn(interpreter_, std::move(request));
}

Worker::~Worker() {
  if (!socket_) return;
  Supervisor::get().unwatch(socket_);
  // Also where a fork of this process has it, too.
  shutdown(socket_->descriptor(), SHUT_RDWR);
  if (pidfd_ && !is_readable(pidfd_.get(), end_patience_ms)) {
    kill("did not end");
    is_readable(pidfd_.get(), kill_patience_ms);
  }
  Supervisor::get().unwatch(output_);
  output_->read_rest();
}

void Worker::asked(pid_t server) {
  std::lock_guard lock(mutex_);
  server_ = server;
}

void Worker::spawned(pid_t pid, Descriptor pidfd) {
  std::lock_guard lock(mutex_);
  pid_ = pid;
  pidfd_ = std::move(pidfd);
  changed_.notify_all();
}

void Worker::ended(int status) {
  // What the worker printed at last is read before anybody asks for it.
  output_->read_rest();
  // The end may be heard of before what the worker said itself.
  if (is_starting()) socket_->read_first(this);
  fail_at_start("the worker " + describe_status(status) + " at its start");
  std::lock_guard lock(mutex_);
  has_status_ = true;
  status_ = status;
  changed_.notify_all();
}

bool Worker::is_starting() const {
  std::lock_guard lock(mutex_);
  return !ready_ && !failed_;
}

// The end of the worker and that of its socket come in either order. Whatever
// keeps a worker from its start may be the server's fault.
void Worker::fail_at_start(const std::string &why) {
  if (!is_starting()) return;
  Server::give_up(interpreter_);
  note_failure(why);
}

void Worker::cannot_spawn(const std::string &why) {
  note_failure(why);
}

void Worker::note_failure(const std::string &why) {
  std::lock_guard lock(mutex_);
  if (!failed_) problem_ = why;
  failed_ = true;
  changed_.notify_all();
}

void Worker::take_first(const Fields &record) {
  if (record.size() != 2 || record[0] != "sandbox") {
    note_failure(record.size() == 2 && record[0] == "unusable"
                     ? valid_text(record[1])
                     : "the worker broke the protocol at its start");
    return;
  }
  std::lock_guard lock(mutex_);
  sandbox_ = valid_text(record[1]);
  ready_ = true;
  changed_.notify_all();
}

bool Worker::wait_ready(const StopSignal &stop, std::string *problem) {
  OwnTime time;
  std::unique_lock<Mutex> lock(mutex_);
  while (!failed_ && !(ready_ && pidfd_)) {
    const bool told = changed_.wait_for(lock, look_at_stop_every) ==
                      std::cv_status::no_timeout;
    // By somebody else: no plugin is in it yet.
    if (!told && pidfd_ && is_stopped()) signal(SIGCONT);
    const uint64_t now = monotonic_ns(), deadline = stop.deadline();
    if (deadline && now > deadline) {
      *problem = "the element stopped before a worker was there";
      return false;
    }
    if (time.is_over(pid_ ? pid_ : server_, start_patience_ns)) {
      *problem = interpreter_ + " does not become ready";
      lock.unlock();
      Server::give_up(interpreter_);
      return false;
    }
  }
  if (failed_) *problem = problem_;
  return !failed_;
}

bool Worker::open(const std::string &plugin,
                  const std::vector<int> &descriptors) {
  return send_all(socket_->descriptor(), encode_record({"open", plugin}),
                  monotonic_ns() + send_patience_ns, descriptors);
}

bool Worker::has_ended() const {
  return is_readable(pidfd_.get(), 0);
}

bool Worker::ends_now() const {
  return is_readable(pidfd_.get(), until_ended_ms);
}

bool Worker::is_doomed() const {
  std::lock_guard lock(mutex_);
  return failed_ || has_status_ || !kill_reason_.empty() ||
         (pidfd_ && is_readable(pidfd_.get(), 0));
}

void Worker::kill(const std::string &reason) {
  std::lock_guard lock(mutex_);
  if (kill_reason_.empty()) kill_reason_ = reason;
  if (pidfd_) signal(SIGKILL);
}

void Worker::signal(int number) const {
  syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

std::string Worker::how_it_ended(const std::string &phase) {
  std::unique_lock<Mutex> lock(mutex_);
  changed_.wait_for(lock, until_status, [&] { return has_status_; });
  return kill_reason_.empty() ? describe_status(status_) + " in " + phase + "()"
                              : "was killed: " + kill_reason_;
}

std::string Worker::last_lines() const {
  return output_->last_lines();
}

}  // namespace pythonfilter
