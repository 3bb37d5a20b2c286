// SPDX-License-Identifier: LGPL-2.1-or-later
#include "filewatch.hpp"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pythonfilter {

namespace {

// A save is several events: the old file moved away, a new one, its name.
constexpr int quiet_ms = 50;

}  // namespace

FileWatch::FileWatch(std::function<void()> saved) : saved_(std::move(saved)) {}

FileWatch::~FileWatch() {
  if (thread_.joinable()) eventfd_write(stop_, 1);
  thread_.join();
  if (inotify_ >= 0) close(inotify_);
  if (stop_ >= 0) close(stop_);
}

bool FileWatch::set_files(const std::vector<std::string> &files,
                          std::string *problem) {
  std::lock_guard lock(mutex_);
  if (inotify_ < 0) inotify_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (stop_ < 0) stop_ = eventfd(0, EFD_CLOEXEC);
  bool watched = inotify_ >= 0 && stop_ >= 0;
  files_.clear();
  for (const std::string &file : files) {
    const std::string folder = file.substr(0, file.rfind('/') + 1);
    const int watch = inotify_ < 0
                          ? -1
                          : inotify_add_watch(inotify_, folder.c_str(),
                                              IN_CLOSE_WRITE | IN_MOVED_TO |
                                                  IN_CREATE | IN_ONLYDIR);
    if (watch < 0) {
      watched = false;
      continue;
    }
    folders_[watch] = folder;
    files_.insert(file);
  }
  if (!watched) *problem = strerror(errno);
  if (!watched || thread_.joinable() ||
      thread_.start("python-watch", [this] { run(); }))
    return watched;
  *problem = Thread::none_left;
  return false;
}

void FileWatch::run() {
  bool saved = false;
  pollfd sources[] = {{stop_, POLLIN, 0}, {inotify_, POLLIN, 0}};
  for (;;) {
    const int count = poll(sources, 2, saved ? quiet_ms : -1);
    if (sources[0].revents || (count < 0 && errno != EINTR)) return;
    if (count > 0) saved = read_events() || saved;
    if (count == 0 && std::exchange(saved, false)) saved_();
  }
}

bool FileWatch::read_events() {
  bool saved = false;
  alignas(inotify_event) char events[4096];
  for (;;) {
    const ssize_t size = read(inotify_, events, sizeof events);
    if (size <= 0) return saved;
    for (const char *at = events; at < events + size;) {
      const auto *event = reinterpret_cast<const inotify_event *>(at);
      at += sizeof *event + event->len;
      if (is_saved(event->wd, event->mask, event->len ? event->name : ""))
        saved = true;
    }
  }
}

bool FileWatch::is_saved(int folder, uint32_t mask, const std::string &name) {
  if (mask & IN_Q_OVERFLOW) return true;  // nobody knows
  std::lock_guard lock(mutex_);
  const auto known = folders_.find(folder);
  if (known == folders_.end()) return false;
  if (mask & IN_IGNORED) folders_.erase(known);
  if (mask & IN_IGNORED) return false;
  const std::string file = known->second + name;
  if (files_.count(file) == 0) return false;
  if (!(mask & IN_CREATE)) return true;
  // A link is whole at once; what is written has yet to be closed.
  struct stat status;
  return lstat(file.c_str(), &status) == 0 &&
         (S_ISLNK(status.st_mode) || status.st_nlink > 1);
}

}  // namespace pythonfilter
