// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What it costs to wake another process and to be woken by it, each 10 ms, with
// two eventfds and nothing else: the floor under isolation=process on this
// computer.
//
//   bench-wakeup PYTHON [ROUNDS]
//
// Prints the median and the 99th percentile for a process in C++ that answers
// at once, and for one that is a Python loop of two calls.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <signal.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr uint64_t period_ns = 10000000;
constexpr char loop[] =
    "import os, sys\n"
    "requests, replies = map(int, sys.argv[1:])\n"
    "one = (1).to_bytes(8, sys.byteorder)\n"
    "while True:\n"
    "    os.read(requests, 8)\n"
    "    os.write(replies, one)\n";

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000000u + uint64_t(now.tv_nsec);
}

[[noreturn]] void answer(const char *python, int requests, int replies) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (python) {
    execl(python, python, "-c", loop, std::to_string(requests).c_str(),
          std::to_string(replies).c_str(), nullptr);
    perror(python);
    _exit(1);
  }
  for (uint64_t count, one = 1;;)
    if (read(requests, &count, sizeof count) < 0 ||
        write(replies, &one, sizeof one) < 0)
      _exit(1);
}

// One round trip in ns; the process was asleep before.
uint64_t go_there_and_back(int requests, int replies) {
  const uint64_t began = now_ns();
  uint64_t count = 1;
  pollfd reply = {replies, POLLIN, 0};
  if (write(requests, &count, sizeof count) < 0 || poll(&reply, 1, 5000) != 1 ||
      read(replies, &count, sizeof count) < 0) {
    fputs("no answer\n", stderr);
    exit(1);
  }
  return now_ns() - began;
}

void measure(const char *name, const char *python, size_t rounds) {
  const int requests = eventfd(0, 0), replies = eventfd(0, 0);
  const pid_t process = fork();
  if (process == 0) answer(python, requests, replies);
  go_there_and_back(requests, replies);  // it is ready then
  std::vector<uint64_t> took;
  for (uint64_t next = now_ns(); took.size() < rounds;) {
    next += period_ns;
    const timespec until = {time_t(next / 1000000000u),
                            long(next % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    took.push_back(go_there_and_back(requests, replies));
  }
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
  close(requests);
  close(replies);
  std::sort(took.begin(), took.end());
  printf("%-12s p50 %5.1f us  p99 %6.1f us\n", name,
         double(took[rounds / 2]) / 1000,
         double(took[rounds * 99 / 100]) / 1000);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s PYTHON [ROUNDS]\n", argv[0]);
    return 2;
  }
  const size_t rounds = argc > 2 ? size_t(atoi(argv[2])) : 1000;
  measure("C++ to C++", nullptr, std::max<size_t>(rounds, 1));
  measure("to Python", argv[1], std::max<size_t>(rounds, 1));
  return 0;
}
