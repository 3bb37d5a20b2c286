// SPDX-License-Identifier: LGPL-2.1-or-later
#include "own_time.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <string>
#include <utility>

#include "ticks.hpp"

namespace pythonfilter {

// All threads together, in ns. None of them where the kernel does not tell.
struct OwnTime::Turns {
  uint64_t used = 0;  // of processors
  uint64_t kept = 0;  // could have run, and was not let; up to its last turn
  bool runnable = false;
};

namespace {

std::string first_line(const std::string &path) {
  char line[512] = "";
  if (FILE *file = fopen(path.c_str(), "re")) {
    if (!fgets(line, sizeof line, file)) line[0] = 0;
    fclose(file);
  }
  return line;
}

}  // namespace

void OwnTime::add_turns(const std::string &task, Turns *all) {
  uint64_t used, kept;
  if (sscanf(first_line(task + "/schedstat").c_str(), "%" SCNu64 " %" SCNu64,
             &used, &kept) != 2)
    return;
  all->used += used;
  all->kept += kept;
  // Behind the name, which may have anything in it.
  const std::string stat = first_line(task + "/stat");
  const size_t end = stat.rfind(')');
  if (end != std::string::npos && stat.compare(end, 3, ") R") == 0)
    all->runnable = true;
}

OwnTime::Turns OwnTime::turns_of(const std::string &tasks, pid_t without) {
  Turns all;
  DIR *folder = opendir(tasks.c_str());
  if (!folder) return all;
  while (const dirent *each = readdir(folder))
    if (!without || atoi(each->d_name) != without)
      add_turns(tasks + each->d_name, &all);
  closedir(folder);
  return all;
}

OwnTime::OwnTime() : began_(monotonic_ns()) {}

bool OwnTime::is_over(pid_t pid, uint64_t allowed, pid_t without) {
  return is_over(
      pid,
      pid > 0 ? turns_of("/proc/" + std::to_string(pid) + "/task/", without)
              : Turns(),
      allowed);
}

bool OwnTime::is_over_of_thread(pid_t thread, uint64_t allowed) {
  Turns now;
  if (thread) add_turns("/proc/self/task/" + std::to_string(thread), &now);
  return is_over(thread, now, allowed);
}

bool OwnTime::is_over(pid_t id, const Turns &now, uint64_t allowed) {
  const bool same = id == id_;
  if (same && now.kept > kept_) excused_ += now.kept - kept_;
  // How long it has been waiting for this turn is not told before it comes.
  const bool waits = same && now.runnable && now.used == used_;
  id_ = id;
  used_ = now.used;
  kept_ = now.kept;
  const uint64_t all = monotonic_ns() - began_;
  if (all > 10 * allowed) return true;
  const bool over = !waits && all > allowed + excused_;
  // Whether a process waits takes two looks to see.
  return std::exchange(was_over_, over) && over;
}

}  // namespace pythonfilter
