// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What compiled plugins cost, beside elements in C: the table of
// docs/compiled-plugins.md.
//
// Each line compares two things that take turns, round by round, in one
// process. Quoted are the medians of both, the median of the rounds' ratios,
// and the ratio of the fastest rounds: on a busy machine that one says more.
// Nothing here passes or fails.
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <thread>

#include "../check/support/counted.hpp"
#include "line.hpp"
#include "systemcalls.hpp"

namespace {

struct Options {
  int rounds = 21;
  int paced = 1000;
  std::string only;
};

constexpr int frames = 512;

std::string plugin(const char *name, const char *more = "") {
  return python_filter(std::string(BENCH_PLUGINS) + "/" + name + ".py") + more;
}

std::vector<float> noise() {
  std::vector<float> samples(size_t(frames) * 2);
  uint32_t random = 1;
  for (float &sample : samples) {
    random = random * 1664525 + 1013904223;
    sample = float(random >> 8) / 8388608 - 1;
  }
  return samples;
}

// What goes round gets quieter each time: it is made anew before it is so
// quiet that the CPU has other ways to multiply it. The median of such turns,
// each of them short: where others had the CPU does not count.
double push_noise(Line *line, int turns) {
  static const std::vector<float> samples = noise();
  constexpr int most = 40;
  std::vector<double> spent;
  for (int i = 0; i < turns; i++) {
    line->refill(samples);
    spent.push_back(line->push_many(most));
  }
  return median(spent);
}

void head() {
  printf("%-38s %10s %10s %7s %7s %8s\n", "", "beside", "compiled", "ratio",
         "best", "target");
}

void row(const char *what, const std::vector<double> &beside,
         const std::vector<double> &ours, const char *unit, double scale,
         const char *target, bool inverse = false) {
  std::vector<double> ratios;
  for (size_t i = 0; i < ours.size(); i++)
    ratios.push_back(inverse ? beside[i] / ours[i] : ours[i] / beside[i]);
  const double a = *std::min_element(beside.begin(), beside.end());
  const double b = *std::min_element(ours.begin(), ours.end());
  printf("%-38s %7.1f %s %7.1f %s %7.2f %7.2f %8s\n", what,
         median(beside) / scale, unit, median(ours) / scale, unit,
         median(ratios), inverse ? a / b : b / a, target);
  fflush(stdout);
}

void compare(const Options &options, const char *what,
             const std::string &beside, const std::string &compiled, int turns,
             const char *target) {
  Line one(beside, frames), other(compiled, frames);
  push_noise(&one, 100);
  push_noise(&other, 100);
  std::vector<double> theirs, ours;
  for (int round = 0; round < options.rounds; round++) {
    theirs.push_back(push_noise(&one, turns));
    ours.push_back(push_noise(&other, turns));
  }
  row(what, theirs, ours, "ns", 1, target);
}

// What a buffer costs that is no time. Nobody else's thread is counted.
void count_calls() {
  constexpr int buffers = 1000;
  Line line(plugin("compiled_noop"), frames);
  line.push_many(buffers);
  counted = {};
  line.push_many(buffers);
  const Counts counts = counted;
  const bool known = SystemCalls::begin();
  line.push_many(buffers);
  const uint64_t calls = SystemCalls::end();
  printf(
      "%d buffers of one that does nothing: %d times the GIL, %d "
      "allocations, %s system calls; target: 0\n",
      buffers, int(counts.gil), int(counts.allocations),
      known ? std::to_string(calls).c_str() : "(not known)");
}

// How long it takes until each of the streams has had its buffers.
double all_at_once(const std::vector<Line *> &lines, int cpus, int buffers) {
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  for (size_t i = 0; i < lines.size(); i++)
    threads.emplace_back([&, i] {
      pin(int(i) % cpus);
      while (!go)
        std::this_thread::yield();
      lines[i]->push_many(buffers);
    });
  usleep(5000);
  const double begin = now_ns();
  go = true;
  for (std::thread &thread : threads)
    thread.join();
  return now_ns() - begin;
}

void scale_up(const Options &options) {
  std::vector<Line *> lines;
  for (int i = 0; i < 4; i++) {
    lines.push_back(new Line(plugin("compiled_heavy"), frames));
    lines.back()->push_many(10);
  }
  std::vector<double> one, two;
  for (int round = 0; round < options.rounds; round++) {
    one.push_back(all_at_once(lines, 1, 40));
    two.push_back(all_at_once(lines, 2, 40));
  }
  row("four heavy streams: one core, two", one, two, "ms", 1e6, ">= 1.9", true);
  for (Line *line : lines)
    delete line;
}

// A thousand changes of a parameter in a second.
class Changes {
 public:
  Changes(GObject *object, const char *property)
      : object_(object), thread_([this, property] {
          pin(0);
          for (int i = 0; !done_; i++) {
            if (now_)
              g_object_set(object_, property, 0.5 + (i % 100) * 0.001, nullptr);
            usleep(1000);
          }
        }) {}
  ~Changes() {
    done_ = true;
    thread_.join();
    g_object_unref(object_);
  }
  void run(bool now) { now_ = now; }

 private:
  GObject *object_;
  std::atomic<bool> now_{false}, done_{false};
  std::thread thread_;
};

// One buffer each 10 ms, beside a thread of Python's that never rests. By turns
// of a quarter of a second; the first buffer of each finds what the other
// element left, and is not counted.
void pace(const Options &options) {
  Line busy(plugin("busy"), frames);
  Line identity("identity", frames), python(plugin("noop"), frames);
  Line compiled(plugin("compiled_gain", " class=Own"), frames);
  Line volume("volume volume=0.9", frames);
  Changes changes(gst_child_proxy_get_child_by_name(
                      GST_CHILD_PROXY(compiled.element()), "plugin"),
                  "gain");
  Changes volumes(G_OBJECT(gst_object_ref(volume.element())), "volume");
  struct Kind {
    const char *what;
    Line *line;
    Changes *changing;
    std::vector<double> times;
  } kinds[] = {
      {"identity", &identity, nullptr, {}},
      {"volume, 1000 changes a second", &volume, &volumes, {}},
      {"compiled gain", &compiled, nullptr, {}},
      {"compiled gain, 1000 changes a second", &compiled, &changes, {}},
      {"a Python plugin that does nothing", &python, nullptr, {}}};
  constexpr int turn = 25;
  double next = now_ns();
  for (int i = 0; i < options.paced; i += turn)
    for (Kind &kind : kinds) {
      for (Changes *each : {&changes, &volumes})
        each->run(each == kind.changing);
      for (int k = 0; k <= turn; k++) {
        next = std::max(next + 10e6, now_ns());
        timespec until = {time_t(next / 1e9), long(std::fmod(next, 1e9))};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
        const double begin = now_ns();
        kind.line->push();
        if (k > 0) kind.times.push_back(now_ns() - begin);
      }
    }
  printf(
      "\none buffer each 10 ms, beside a Python thread that never rests; "
      "target: a p99 within 20 us of identity's\n%-38s %10s %10s %10s\n",
      "", "p50", "p99", "above");
  const double least = quantile(kinds[0].times, 0.99);
  for (const Kind &kind : kinds) {
    const double most = quantile(kind.times, 0.99);
    printf("%-38s %7.1f us %7.1f us %7.1f us\n", kind.what,
           median(kind.times) / 1e3, most / 1e3, (most - least) / 1e3);
  }
}

}  // namespace

int main(int argc, char **argv) {
  // Of the build that this belongs to, and no file of the user's.
  setenv("GST_PLUGIN_PATH", BUILT_GST, 0);
  setenv("GST_REGISTRY", REGISTRY, 0);
  gst_init(&argc, &argv);
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--rounds")) options.rounds = atoi(argv[i + 1]);
    if (!strcmp(argv[i], "--paced")) options.paced = atoi(argv[i + 1]);
    if (!strcmp(argv[i], "--only")) options.only = argv[i + 1];
  }
  if (argc > 1 && argc % 2 == 0) {
    puts(
        "usage: bench-compiled [--rounds N] [--paced N] [--only PART]\n"
        "  --rounds N   how often the two of a line take turns (21)\n"
        "  --paced N    how many buffers there are at one per 10 ms (1000)\n"
        "  --only PART  one of noop, gain, equalizer, cores, calls, pace");
    return strcmp(argv[1], "--help") ? 2 : 0;
  }
  pin(1);
  printf("F32, stereo, %d frames\n", frames);
  head();
  const auto wanted = [&options](const char *part) {
    return options.only.empty() || options.only == part;
  };
  if (wanted("noop"))
    compare(options, "identity: a plugin that does nothing", "identity",
            plugin("compiled_noop"), 250, "<= 1.10");
  if (wanted("gain")) {
    compare(options, "volume: gain, Param(0.9)", "volume volume=0.9",
            plugin("compiled_gain", " class=Natural"), 250, "");
    compare(options, "volume: gain, Param(float32(0.9))", "volume volume=0.9",
            plugin("compiled_gain", " class=Own"), 250, "<= 0.85");
    compare(options, "volume: data *= gain", "volume volume=0.9",
            plugin("compiled_gain", " class=Whole"), 250, "");
  }
  if (wanted("equalizer")) {
    std::string theirs = "equalizer-10bands", ours;
    for (int band = 0; band < 10; band++) {
      theirs += " band" + std::to_string(band) + "=-3";
      ours += " plugin::gain" + std::to_string(band + 1) + "=-3";
    }
    compare(
        options, "equalizer-10bands: ten bands", theirs,
        python_filter(std::string(PLUGINS) + "/parametric_equalizer.py") + ours,
        5, "<= 1.3");
  }
  if (wanted("cores")) scale_up(options);
  if (wanted("calls")) count_calls();
  if (wanted("pace") && options.paced) pace(options);
  return 0;
}
