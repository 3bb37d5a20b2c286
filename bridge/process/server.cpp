// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../paths.hpp"
#include "../thread.hpp"
#include "../ticks.hpp"
#include "this_process.hpp"

extern char **environ;

namespace pythonfilter {

namespace {

constexpr int server_descriptor = 3;
// A fork takes a millisecond. One that says nothing for so long hangs.
constexpr uint64_t answer_patience_ns = 10000000000;

// Above those that it is duplicated to.
Descriptor moved_up(Descriptor fd) {
  return Descriptor(fcntl(fd.get(), F_DUPFD_CLOEXEC, server_descriptor + 1));
}

bool is_of(const char *pair, const char *name) {
  const size_t length = strlen(name);
  return strncmp(pair, name, length) == 0 && pair[length] == '=';
}

std::vector<std::string> server_environment() {
  std::vector<std::string> all;
  // Where another Python has its files; an interpreter knows its own. And those
  // that are set below: of two of a name, the first would hold.
  const char *const left_out[] = {"PYTHONHOME", "PYTHONPLATLIBDIR",
                                  "PYTHONPATH", "PYTHONUTF8",
                                  "PYTHONUNBUFFERED"};
  for (char **each = environ; each && *each; each++)
    if (std::none_of(std::begin(left_out), std::end(left_out),
                     [&](const char *name) { return is_of(*each, name); }))
      all.emplace_back(*each);
  const std::string path = safe_python_path();
  if (!path.empty()) all.push_back("PYTHONPATH=" + path);
  // As the interpreter in this process is set up.
  all.push_back("PYTHONUTF8=1");
  all.push_back("PYTHONUNBUFFERED=1");
  return all;
}

// Why an interpreter has ended: its last line, but for Python's own fatal
// errors, behind which it writes what ran then.
std::string reason_in(const std::string &said) {
  const size_t end = said.find_last_not_of(" \n");
  if (end == std::string::npos) return "";
  size_t begin = said.rfind("Fatal Python error: ");
  if (begin == std::string::npos) {
    begin = said.rfind('\n', end);
    begin = begin == std::string::npos ? 0 : begin + 1;
  }
  const std::string line = said.substr(begin, end + 1 - begin);
  return ": " + line.substr(0, line.find('\n'));
}

std::vector<char *> pointers(const std::vector<std::string> &texts) {
  std::vector<char *> all;
  for (const std::string &text : texts)
    all.push_back(const_cast<char *>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// In a process group of its own: a Ctrl-C is for the application.
int spawn_server(const std::string &interpreter, int socket, int output,
                 pid_t *pid) {
  const std::vector<std::string> arguments = {
      interpreter, "-B", python_directory() + "/pythonfilter/worker/server.py"};
  const std::vector<std::string> environment = server_environment();
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_adddup2(&files, output, 2);
  posix_spawn_file_actions_adddup2(&files, socket, server_descriptor);
  posix_spawn_file_actions_addclosefrom_np(&files, server_descriptor + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);
  const int error =
      posix_spawnp(pid, interpreter.c_str(), &files, &attributes,
                   pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// The supervisor's thread only, and a fork's has its own.
std::map<std::string, std::shared_ptr<Server>> &servers() {
  static uint64_t owner = 0;
  static std::map<std::string, std::shared_ptr<Server>> *all = nullptr;
  if (owner != process_number()) {
    owner = process_number();
    all = new std::map<std::string, std::shared_ptr<Server>>;
  }
  return *all;
}

// Looks for its end for a moment. Whoever traces it can keep it from ending.
bool reap(pid_t pid, int *status = nullptr) {
  bool ended = false;
  wait_by_looking([&, looks = 200]() mutable {
    ended = waitpid(pid, status, WNOHANG) != 0;
    return ended || --looks == 0;
  });
  return ended;
}

// Killed, and not ended yet. The supervisor's thread only.
std::vector<pid_t> &left_over() {
  static auto &all = *new std::vector<pid_t>;
  return all;
}

void reap_left_over() {
  std::vector<pid_t> &all = left_over();
  all.erase(std::remove_if(
                all.begin(), all.end(),
                [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) != 0; }),
            all.end());
}

}  // namespace

bool is_stopped(pid_t pid) {
  char text[512];
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t size = file ? read(file.get(), text, sizeof text - 1) : 0;
  text[std::max<ssize_t>(size, 0)] = 0;
  // Behind the name, which may have anything in it.
  const char *name_end = strrchr(text, ')');
  return name_end && !strncmp(name_end, ") T", 3);
}

std::string describe_status(int status) {
  if (status >= 0 && WIFSIGNALED(status)) {
    const char *name = sigabbrev_np(WTERMSIG(status));
    return "was killed by " +
           (name ? "SIG" + std::string(name)
                 : "signal " + std::to_string(WTERMSIG(status)));
  }
  if (status >= 0 && WIFEXITED(status))
    return "ended with exit status " + std::to_string(WEXITSTATUS(status));
  return "ended";
}

void Server::spawn(const std::string &interpreter, SpawnRequest request) {
  auto shared = std::make_shared<SpawnRequest>(std::move(request));
  Supervisor::get().run([interpreter, shared] {
    std::shared_ptr<Server> &server = servers()[interpreter];
    if (!server || server->over_) {
      server = std::make_shared<Server>(interpreter);
      if (server->start()) Supervisor::get().watch(server);
    }
    if (!server->over_) {
      server->send(std::move(*shared));
    } else if (auto fate = shared->fate.lock()) {
      fate->cannot_spawn(server->problem_);
    }
  });
}

void Server::give_up(const std::string &interpreter) {
  Supervisor::get().run([interpreter] {
    const std::shared_ptr<Server> server = servers()[interpreter];
    if (!server || server->over_) return;
    if (server->ready_) return server->retire();
    server->problem_ = interpreter + " does not become ready";
    Supervisor::get().unwatch(server);
    kill(server->pid_, SIGKILL);
    server->end();
  });
}

Server::~Server() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    reap(pid_);
  }
}

bool Server::start() {
  int sockets[2];
  Descriptor write_end;
  reap_left_over();
  output_ = OutputLines::make(nullptr, false, &write_end);
  if (!output_ ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    over_ = true;
    problem_ = std::string("no process can be started: ") + strerror(errno);
    return false;
  }
  socket_.reset(sockets[0]);
  const Descriptor theirs = moved_up(Descriptor(sockets[1]));
  const Descriptor output = moved_up(std::move(write_end));
  const int error =
      !theirs || !output
          ? EMFILE
          : spawn_server(interpreter_, theirs.get(), output.get(), &pid_);
  if (error == 0) {
    Supervisor::get().watch(output_);
    return true;
  }
  pid_ = 0;
  over_ = true;
  problem_ = interpreter_ + " cannot be run: " + strerror(error);
  return false;
}

void Server::send(SpawnRequest request) {
  const uint64_t id = next_id_++, now = monotonic_ns();
  Asked &asked = workers_[int64_t(id)];
  asked.request = std::move(request);
  asked.since = now;
  if (asked_++ == 0) silent_ = OwnTime();
  if (const auto fate = asked.request.fate.lock()) fate->asked(pid_);
  const std::string record =
      encode_record({"spawn", std::to_string(id), asked.request.sandbox,
                     asked.request.sandbox_required ? "1" : "0"});
  // A server that cannot take the record has not read for long: it is about to
  // end.
  send_all(socket_.get(), record, now + send_patience_ns,
           {asked.request.socket.get(), asked.request.output.get()});
}

// While a worker is waited for. One that somebody stopped goes on, and so do
// the workers that it has; one that hangs is killed, and end() makes another.
void Server::look() {
  if (is_stopped(pid_)) kill(pid_, SIGCONT);
  if (!ready_) return;  // give_up() is for that
  if (asked_ > 0 && silent_.is_over(pid_, answer_patience_ns))
    kill(pid_, SIGKILL);
}

// The server keeps the workers that it has, and gets no more.
void Server::retire() {
  std::shared_ptr<Server> &current = servers()[interpreter_];
  if (current.get() == this) current.reset();
  if (!workers_.empty()) return;
  // This is the thread that reads the socket, and end() is what comes of that.
  shutdown(socket_.get(), SHUT_RDWR);
}

// By another server, but once: what keeps two from it would keep all.
void Server::try_again(SpawnRequest request) {
  request.again = true;
  spawn(interpreter_, std::move(request));
}

bool Server::readable() {
  for (;;) {
    Fields record;
    const auto got = reader_.next(socket_.get(), &record, &descriptors_);
    if (got == RecordReader::Got::Nothing) return true;
    // Each record has one at the most; more would be ours to run out of.
    if (got != RecordReader::Got::Record || descriptors_.size() > 1 ||
        !take(record)) {
      end();
      return false;
    }
  }
}

bool Server::take(const Fields &record) {
  const std::string kind = record.empty() ? "" : record[0];
  if (kind == "ready") {
    ready_ = true;
    return true;
  }
  silent_ = OwnTime();
  if (kind == "unusable" && record.size() == 2) {
    problem_ = valid_text(record[1]);
    return false;
  }
  int64_t id, number;
  if (record.size() != 3 || !parse_number(record[1], &id) ||
      !parse_number(record[2], &number))
    return false;
  const auto found = workers_.find(id);
  if (found == workers_.end()) return false;
  Asked &asked = found->second;
  const auto fate = asked.request.fate.lock();
  const bool first = std::exchange(asked.since, 0) != 0;
  if (first) asked_--;
  // A descriptor that came in the same piece as a record before it is still
  // there.
  if (kind == "spawned" && first) {
    asked.request.socket.reset();
    asked.request.output.reset();
    // The descriptor is missing where this process has none left.
    if (fate && descriptors_.empty())
      fate->cannot_spawn("no descriptor is left for another process");
    else if (fate)
      fate->spawned(pid_t(number), std::move(descriptors_.front()));
    descriptors_.clear();
    return true;
  }
  if (kind != "exited") return false;
  SpawnRequest request = std::move(asked.request);
  workers_.erase(found);
  // No process was to be had: for this server, or for anybody.
  if (first && !request.again) {
    retire();
    try_again(std::move(request));
  } else if (fate && first) {
    output_->read_rest();
    fate->cannot_spawn("no process can be started" +
                       reason_in(output_->last_lines()));
  } else if (fate) {
    fate->ended(int(number));
  }
  // A retired one has nobody left to be there for.
  return !workers_.empty() || servers()[interpreter_].get() == this;
}

void Server::end() {
  over_ = true;
  int status = -1;
  // The server's end of the socket is closed or sees the end of ours, so the
  // server has ended, or is about to.
  shutdown(socket_.get(), SHUT_RDWR);
  if (pid_ > 0 && !reap(pid_, &status)) {
    kill(pid_, SIGKILL);
    if (!reap(pid_, &status)) left_over().push_back(pid_);
  }
  pid_ = 0;
  // The object is kept to tell what its problem was; descriptors are not.
  reader_ = RecordReader();
  descriptors_.clear();
  socket_.reset();
  output_->read_rest();
  Supervisor::get().unwatch(output_);
  if (problem_.empty()) {
    problem_ = interpreter_ + " " + describe_status(status) +
               reason_in(output_->last_lines());
  }
  asked_ = 0;
  for (auto &[id, each] : std::exchange(workers_, {}))
    if (const auto fate = each.request.fate.lock()) {
      if (!each.since)
        fate->ended(-1);
      else if (ready_ && !each.request.again)
        try_again(std::move(each.request));
      else
        fate->cannot_spawn(problem_);
    }
}

}  // namespace pythonfilter
