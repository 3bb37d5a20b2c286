// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a buffer costs: ready-made buffers through pad → element → pad.
//
// `identity` and `pythonfilter` with a plugin that does nothing take turns,
// round by round, in one pinned process: the machine's mood then hits both.
// Quoted are medians over the rounds and the ratio of the two.
//
// With --growing the plugin gives another object for each buffer, and what its
// method costs when Python calls it is taken off. What is left, the pushing
// through two pads that `identity` costs as well included, has a bound; exit
// status 1: it was missed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <string>
#include <time.h>
#include <unistd.h>
#include <vector>

#include "line.hpp"

namespace {

struct Options {
  int rounds = 21;
  int buffers = 10000;
  int paced = 0;        // buffers, one each 10 ms
  int allocations = 0;  // buffers between two looks at Python's blocks
  int steady = 0;       // buffers through one element alone, for strace
  std::string element = "pythonfilter";  // which that is
  bool instructions = false;
  bool growing = false;
  int cpu = 1;
  bool json = false;
  std::string script = NOOP_PLUGIN;
};

void compare(const Options &options, int frames) {
  Line identity("identity", frames);
  Line python(python_filter(options.script), frames);
  std::vector<double> plain, ours, ratios;
  identity.push_many(options.buffers);
  python.push_many(options.buffers);
  for (int round = 0; round < options.rounds; round++) {
    plain.push_back(identity.push_many(options.buffers));
    ours.push_back(python.push_many(options.buffers));
    ratios.push_back(ours.back() / plain.back());
  }
  if (options.json)
    printf(
        "{\"what\": \"throughput\", \"frames\": %d, \"rounds\": %d, "
        "\"buffers\": %d, \"identity_ns\": %.1f, \"pythonfilter_ns\": %.1f, "
        "\"added_ns\": %.1f, \"ratio\": %.3f}\n",
        frames, options.rounds, options.buffers, median(plain), median(ours),
        median(ours) - median(plain), median(ratios));
  else
    printf(
        "%4d frames: identity %6.1f ns, pythonfilter %6.1f ns, "
        "added %6.1f ns, ratio %.2f\n",
        frames, median(plain), median(ours), median(ours) - median(plain),
        median(ratios));
}

constexpr double beyond_python_ns = 1000;

bool compare_growing(const Options &options) {
  Line identity("identity", 480, true);
  Line python(python_filter(GROWING_PLUGIN), 480, true);
  std::vector<double> plain, ours, method;
  const std::string calls = std::to_string(options.buffers);
  for (int round = -1; round < options.rounds; round++) {
    const double times[] = {identity.push_many(options.buffers),
                            python.push_many(options.buffers),
                            python.ask("calls", calls.c_str())};
    if (round < 0) continue;
    plain.push_back(times[0]);
    ours.push_back(times[1]);
    method.push_back(times[2]);
  }
  const double beyond = median(ours) - median(method);
  const bool good = beyond <= beyond_python_ns;
  if (options.json)
    printf(
        "{\"what\": \"growing\", \"frames\": 480, \"rounds\": %d, "
        "\"buffers\": %d, \"identity_ns\": %.1f, \"pythonfilter_ns\": %.1f, "
        "\"method_ns\": %.1f, \"beyond_python_ns\": %.1f, "
        "\"target_ns\": %.0f, \"met\": %s}\n",
        options.rounds, options.buffers, median(plain), median(ours),
        median(method), beyond, beyond_python_ns, good ? "true" : "false");
  else
    printf(
        " 480 frames, another object each: identity %6.1f ns, pythonfilter "
        "%6.1f ns, of which the method %6.1f ns, beyond Python (with what "
        "identity costs) %6.1f ns ≤ %.0f: %s\n",
        median(plain), median(ours), median(method), beyond, beyond_python_ns,
        good ? "met" : "MISSED");
  return good;
}

// At audio's own pace every buffer finds cold caches and a sleeping CPU.
void compare_paced(const Options &options) {
  Line identity("identity", 480);
  Line python(python_filter(options.script), 480);
  std::vector<double> plain, ours;
  double next = now_ns();
  // By turns of a quarter of a second, the first buffer of each not counted:
  // it finds what the other element left.
  constexpr int turn = 25;
  for (int i = 0; i < options.paced; i += turn) {
    for (auto &[line, times] :
         {std::pair(&identity, &plain), std::pair(&python, &ours)}) {
      for (int k = 0; k <= turn; k++) {
        next += 10e6;
        timespec until = {time_t(next / 1e9), long(std::fmod(next, 1e9))};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
        const double begin = now_ns();
        line->push();
        if (k > 0) times->push_back(now_ns() - begin);
      }
    }
  }
  const double added = median(ours) - median(plain);
  if (options.json)
    printf(
        "{\"what\": \"paced\", \"buffers\": %d, \"identity_p50_ns\": %.0f, "
        "\"identity_p99_ns\": %.0f, \"pythonfilter_p50_ns\": %.0f, "
        "\"pythonfilter_p99_ns\": %.0f, \"added_p50_ns\": %.0f}\n",
        options.paced, median(plain), quantile(plain, 0.99), median(ours),
        quantile(ours, 0.99), added);
  else
    printf(
        "one buffer each 10 ms: identity p50 %.1f µs p99 %.1f µs, "
        "pythonfilter p50 %.1f µs p99 %.1f µs, added p50 %.1f µs\n",
        median(plain) / 1e3, quantile(plain, 0.99) / 1e3, median(ours) / 1e3,
        quantile(ours, 0.99) / 1e3, added / 1e3);
}

void count_allocations(const Options &options) {
  Line python(python_filter(options.script), 512, options.growing);
  python.push_many(1000);
  python.python_blocks();
  const long before = python.python_blocks();
  python.push_many(options.allocations);
  const long after = python.python_blocks();
  printf(options.json
             ? "{\"what\": \"allocations\", \"buffers\": %d, \"before\": %ld, "
               "\"after\": %ld}\n"
             : "%d buffers: sys.getallocatedblocks() %ld before, %ld after\n",
         options.allocations, before, after);
}

// What callgrind counts in a run of this program with so many buffers.
double instructions(const Options &options, const char *element, int buffers) {
  char self[4096] = "";
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) exit(2);
  const std::string command =
      "PYTHONHASHSEED=0 valgrind --tool=callgrind "
      "--callgrind-out-file=/dev/null '" +
      std::string(self) + "' --element " + element + " --script '" +
      options.script + "' --steady " + std::to_string(buffers) + " 2>&1";
  FILE *output = popen(command.c_str(), "r");
  char line[512];
  double counted = 0;
  while (output && fgets(line, sizeof line, output))
    if (const char *found = strstr(line, "Collected :"))
      counted = atof(found + strlen("Collected :"));
  if (!output || pclose(output) != 0 || counted == 0) {
    fprintf(stderr, "valgrind has counted nothing: %s\n", command.c_str());
    exit(2);
  }
  return counted;
}

// Of one buffer: the difference of two runs, so that no start is in it.
void count_instructions(const Options &options) {
  constexpr int few = 2000, many = 22000;
  double each[2];
  const char *elements[] = {"identity", "pythonfilter"};
  for (int i = 0; i < 2; i++)
    each[i] = (instructions(options, elements[i], many) -
               instructions(options, elements[i], few)) /
              (many - few);
  printf(options.json
             ? "{\"what\": \"instructions\", \"frames\": 512, "
               "\"identity\": %.0f, \"pythonfilter\": %.0f}\n"
             : " 512 frames: identity %.0f instructions, pythonfilter %.0f\n",
         each[0], each[1]);
}

void usage() {
  puts(
      "usage: bench-element [--rounds N] [--buffers N] [--paced N]\n"
      "         [--allocations N] [--steady N [--element NAME]] "
      "[--instructions]\n"
      "         [--script FILE] [--cpu N] [--growing] [--json]\n"
      "  --rounds, --buffers  identity and pythonfilter by turns (21 × 10000)\n"
      "  --paced N            also N buffers each at one per 10 ms\n"
      "  --allocations N      only: Python's memory blocks around N buffers\n"
      "  --steady N           only: N buffers through one element (for "
      "strace)\n"
      "  --element NAME       which: pythonfilter or another one\n"
      "  --instructions       only: those of a buffer, counted by valgrind\n"
      "  --growing            with a plugin whose output is another object; 1 "
      "if its\n"
      "                       bound is missed\n"
      "  --script FILE        another plugin than the one that does nothing\n"
      "  --json               one JSON object per line");
}

}  // namespace

int main(int argc, char **argv) {
  // Of the build that this belongs to, and no file of the user's.
  setenv("GST_PLUGIN_PATH", BUILT_GST, 0);
  setenv("GST_REGISTRY", REGISTRY, 0);
  gst_init(&argc, &argv);
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string name = argv[i];
    if (name == "--json") {
      options.json = true;
      continue;
    }
    if (name == "--instructions") {
      options.instructions = true;
      continue;
    }
    if (name == "--growing") {
      options.growing = true;
      options.script = GROWING_PLUGIN;
      continue;
    }
    const char *value = i + 1 < argc ? argv[++i] : nullptr;
    if (!value || name.rfind("--", 0) != 0) {
      usage();
      return name == "--help" ? 0 : 2;
    }
    if (name == "--rounds")
      options.rounds = atoi(value);
    else if (name == "--buffers")
      options.buffers = atoi(value);
    else if (name == "--paced")
      options.paced = atoi(value);
    else if (name == "--allocations")
      options.allocations = atoi(value);
    else if (name == "--steady")
      options.steady = atoi(value);
    else if (name == "--script")
      options.script = value;
    else if (name == "--element")
      options.element = value;
    else if (name == "--cpu")
      options.cpu = atoi(value);
    else {
      usage();
      return 2;
    }
  }
  pin(options.cpu);
  if (options.allocations) {
    count_allocations(options);
  } else if (options.instructions) {
    count_instructions(options);
  } else if (options.steady) {
    const bool plugin = options.element == "pythonfilter";
    Line(plugin ? python_filter(options.script) : options.element, 512,
         options.growing)
        .push_many(options.steady);
  } else if (options.growing) {
    return compare_growing(options) ? 0 : 1;
  } else {
    for (int frames : {64, 512, 4096})
      compare(options, frames);
    if (options.paced) compare_paced(options);
  }
  return 0;
}
