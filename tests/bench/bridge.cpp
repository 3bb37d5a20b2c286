// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the bridge costs for each of the three kinds of plugin: 2 × 512 float32
// (2 × 480 as bytes, for a plugin whose output is another object), called as a
// streaming thread calls it, from one that does not hold the GIL. (A benchmark
// on the interpreter's own thread measured 0.25 µs for a bridge that cost 7.4
// µs where it matters.)
//
// `bridge` is the whole call; `beyond Python` is what is left of it when the
// same method, called from a Python loop in the same process, is taken off.
// Exit status 1: a target was missed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <thread>
#include <vector>

#include "../../gst/element/bridgeloader.hpp"

using namespace pythonfilter;

namespace {

constexpr int channels = 2, frames = 512;

struct Subject {
  const char *name;
  PluginKind kind;
  const char *file;
  const char *parameter;
  double target_ns;    // for the mean of...
  bool beyond_python;  // ...the bridge's share, or of the whole call
  std::vector<double> bridge, python;
};

struct Summary {
  double mean, median, min, max, stddev, p99;
};

Summary summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Summary all{};
  for (double value : values)
    all.mean += value / double(values.size());
  for (double value : values)
    all.stddev += (value - all.mean) * (value - all.mean);
  all.stddev = std::sqrt(all.stddev / double(values.size()));
  all.median = values[values.size() / 2];
  all.p99 = values[size_t(double(values.size() - 1) * 0.99)];
  all.min = values.front();
  all.max = values.back();
  return all;
}

void die(const Failure &failure) {
  fprintf(stderr, "%s: %s %s\n", failure.phase.c_str(), failure.type.c_str(),
          failure.message.c_str());
  exit(2);
}

class Run {
 public:
  explicit Run(Subject *subject) : subject_(subject) {
    PluginSpec spec;
    spec.kind = subject->kind;
    spec.script = BENCH_PLUGINS "/timed.py";
    setenv("BENCH_PLUGIN", subject->file, 1);
    setenv("BENCH_PARAMETER", subject->parameter, 1);
    Failure failure;
    MakePlugin *make = find_bridge(spec, &failure);
    if (make) plugin_.reset(make(spec, &failure));
    if (!plugin_ || !plugin_->load(&failure)) die(failure);
    StreamFormat format;
    const bool converts = plugin_->capabilities().converts;
    if (converts) {
      format.bytes = true;
      format.in_place = false;
      result_.outputs = &outputs_;
    }
    format.interleaved = false;
    format.rate = 48000;
    format.channels = channels;
    format.frames = frames;
    if (!plugin_->start(format, &failure)) die(failure);
    block_.data = reinterpret_cast<std::byte *>(samples_);
    block_.channel_stride = converts ? 1 : frames * 4;
    block_.frame_stride = converts ? 1 : 4;
    block_.frames = converts ? 480 * 2 * 4 : frames;
  }

  ~Run() {
    Failure failure;
    plugin_->stop(&failure);
    plugin_->shutdown(&failure);
  }

  void through_bridge(int calls) {
    for (int i = 0; i < calls; i++) {
      Failure failure;
      const uint64_t begin = ticks();
      const Outcome outcome = plugin_->process(block_, &result_, &failure);
      for (const Output &output : outputs_)
        output.release(output.owner);
      outputs_.clear();
      subject_->bridge.push_back(double(ticks() - begin) * ns_per_tick());
      if (outcome != Outcome::Ok) die(failure);
    }
  }

  void from_python(int calls) {
    Failure failure;
    Parameter ask = {"calls", std::to_string(calls)};
    if (!plugin_->set_parameter(&ask, &failure)) die(failure);
    subject_->python.push_back(strtod(ask.value.c_str(), nullptr));
  }

 private:
  Subject *subject_;
  std::unique_ptr<Plugin> plugin_;
  Block block_ = {};
  CallResult result_;
  std::vector<Output> outputs_;
  float samples_[channels * frames] = {};
};

void measure(Subject *subject, int iterations) {
  Run run(subject);
  run.through_bridge(100);
  subject->bridge.clear();
  // By turns, so that the machine's mood hits both.
  constexpr int turns = 20;
  for (int i = 0; i < turns; i++) {
    run.through_bridge(std::max(1, iterations / turns));
    run.from_python(std::max(1, iterations / turns));
  }
}

bool report(const Subject &subject, bool json) {
  const Summary bridge = summarize(subject.bridge);
  const Summary python = summarize(subject.python);
  const double beyond = bridge.median - python.median;
  const double value = subject.beyond_python ? beyond : bridge.mean;
  const bool good = value <= subject.target_ns;
  if (json)
    printf(
        "{\"plugin\": \"%s\", \"iterations\": %zu, \"mean_ns\": %.1f, "
        "\"median_ns\": %.1f, \"min_ns\": %.1f, \"max_ns\": %.1f, "
        "\"stddev_ns\": %.1f, \"p99_ns\": %.1f, \"python_median_ns\": %.1f, "
        "\"beyond_python_ns\": %.1f, \"target_ns\": %.0f, \"met\": %s}\n",
        subject.name, subject.bridge.size(), bridge.mean, bridge.median,
        bridge.min, bridge.max, bridge.stddev, bridge.p99, python.median,
        beyond, subject.target_ns, good ? "true" : "false");
  else
    printf(
        "%-12s mean %7.0f  median %7.0f  min %7.0f  max %8.0f  stddev %6.0f"
        "  p99 %7.0f  beyond Python %5.0f ns; %s ≤ %.0f: %s\n",
        subject.name, bridge.mean, bridge.median, bridge.min, bridge.max,
        bridge.stddev, bridge.p99, beyond,
        subject.beyond_python ? "beyond Python" : "mean", subject.target_ns,
        good ? "met" : "MISSED");
  return good;
}

}  // namespace

int main(int argc, char **argv) {
  setenv("GST_PYTHONFILTER_BRIDGE_DIR", BUILT_BRIDGE, 0);
  int iterations = 1000;
  bool json = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0) {
      json = true;
    } else if (strcmp(argv[i], "--iterations") == 0 && i + 1 < argc) {
      iterations = atoi(argv[++i]);
    } else {
      puts("usage: bench-bridge [--iterations N] [--json]");
      return strcmp(argv[i], "--help") == 0 ? 0 : 2;
    }
  }
  Subject subjects[] = {
      {"passthrough",
       PluginKind::Processor,
       PLUGINS "/passthrough.py",
       "",
       500,
       false,
       {},
       {}},
      {"gain",
       PluginKind::Processor,
       PLUGINS "/simple_gain.py",
       "gain=0.5",
       2000,
       false,
       {},
       {}},
      {"growing",
       PluginKind::Processor,
       BENCH_PLUGINS "/growing.py",
       "",
       1000,
       true,
       {},
       {}},
      {"sine source",
       PluginKind::Source,
       PLUGINS "/sine_wave_source.py",
       "",
       1000,
       true,
       {},
       {}},
      {"null sink",
       PluginKind::Sink,
       PLUGINS "/null_sink.py",
       "",
       1000,
       true,
       {},
       {}},
  };
  bool good = true;
  // A thread as GStreamer's streaming threads are: unknown to Python.
  std::thread([&] {
    for (Subject &subject : subjects) {
      measure(&subject, iterations);
      good = report(subject, json) && good;
    }
  }).join();
  return good ? 0 : 1;
}
