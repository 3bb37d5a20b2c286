// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long this process was let run: a busy machine makes that no longer, as it
// does with the time on a clock. What sleeps is let run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dirent.h>
#include <string>
#include <time.h>

#include "../ticks.hpp"

namespace pythonfilter {

class OwnTime {
 public:
  // Nanoseconds since this was made. Reads a file for each thread.
  uint64_t passed() const {
    const uint64_t wall = monotonic_ns() - began_;
    const uint64_t waiting = waited();
    const uint64_t kept_off = waiting > waited_ ? waiting - waited_ : 0;
    return std::max(used() - used_, wall - std::min(wall, kept_off));
  }

 private:
  static uint64_t used() {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return uint64_t(time.tv_sec) * 1000000000u + uint64_t(time.tv_nsec);
  }

  // What all threads together waited for a processor; 0 where the kernel does
  // not count it.
  static uint64_t waited() {
    DIR *threads = opendir("/proc/self/task");
    if (!threads) return 0;
    uint64_t sum = 0;
    while (const dirent *thread = readdir(threads)) {
      const std::string path =
          std::string("/proc/self/task/") + thread->d_name + "/schedstat";
      FILE *file =
          thread->d_name[0] == '.' ? nullptr : fopen(path.c_str(), "re");
      if (!file) continue;
      unsigned long long ran, wait;
      if (fscanf(file, "%llu %llu", &ran, &wait) == 2) sum += wait;
      fclose(file);
    }
    closedir(threads);
    return sum;
  }

  const uint64_t began_ = monotonic_ns(), waited_ = waited(), used_ = used();
};

}  // namespace pythonfilter
