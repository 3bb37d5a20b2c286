// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a call of a mixer with two inputs costs more than one of a filter, both
// in a process of their own and both with a plugin that does nothing: 2 × 480
// float32, called in turn by one thread, so that the machine's mood hits both.
//
// With --interval MS there is a pause before each call, as in a live pipeline,
// where caches are cold and processors sleep. Exit status 1: more than 5 µs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "../../gst/element/bridgeloader.hpp"

using namespace pythonfilter;

namespace {

constexpr int channels = 2, frames = 480;
constexpr size_t inputs = 2;
constexpr double allowed_us = 5;

float samples[inputs + 1][channels * frames];

class Subject {
 public:
  Subject(PluginKind kind, const char *script) {
    PluginSpec spec;
    spec.kind = kind;
    spec.script = script;
    spec.isolation.process = true;
    StreamFormat format;
    format.rate = 48000;
    format.channels = channels;
    format.frames = frames;
    if (kind == PluginKind::Mixer)
      for (size_t i = 0; i < inputs; i++) {
        format.inputs.push_back(
            {std::to_string(i), SampleFormat::F32, channels, {}});
        views_.push_back(InputView{});
        views_[i].data = reinterpret_cast<std::byte *>(samples[i + 1]);
        views_[i].channel_stride = sizeof(float);
        views_[i].frame_stride = channels * sizeof(float);
        views_[i].present = true;
      }
    MakePlugin *make = find_bridge(spec, &failure_);
    if (make) plugin_.reset(make(spec, &failure_));
    if (!plugin_ || !plugin_->load(&failure_) ||
        !plugin_->initialize({}, &failure_) ||
        !plugin_->start(format, &failure_))
      die();
    block_.data = reinterpret_cast<std::byte *>(samples[0]);
    block_.channel_stride = sizeof(float);
    block_.frame_stride = channels * sizeof(float);
    block_.frames = frames;
  }
  ~Subject() {
    plugin_->stop(&failure_);
    plugin_->shutdown(&failure_);
  }

  void call() {
    CallResult result;
    const Outcome outcome =
        views_.empty() ? plugin_->process(block_, &result, &failure_)
                       : plugin_->mix(block_, views_, &result, &failure_);
    if (outcome != Outcome::Ok) die();
    const uint64_t taken = result.times.left - result.times.asked;
    times_.push_back(double(taken) * ns_per_tick() / 1000);
  }
  void forget() { times_.clear(); }
  const std::vector<double> &times() const { return times_; }

 private:
  [[noreturn]] void die() {
    fprintf(stderr, "%s: %s\n", failure_.phase.c_str(),
            failure_.message.c_str());
    exit(2);
  }

  std::unique_ptr<Plugin> plugin_;
  Block block_ = {};
  std::vector<InputView> views_;
  std::vector<double> times_;  // us
  Failure failure_;
};

double part(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  return values[size_t(double(values.size() - 1) * at)];
}

void print(const char *name, const Subject &subject) {
  printf("%-24s median %6.1f  p10 %6.1f  p99 %6.1f us\n", name,
         part(subject.times(), 0.5), part(subject.times(), 0.1),
         part(subject.times(), 0.99));
}

}  // namespace

int main(int argc, char **argv) {
  setenv("GST_PYTHONFILTER_BRIDGE_DIR", BUILT_BRIDGE, 0);
  int calls = 2000, interval = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--calls") == 0 && i + 1 < argc) {
      calls = atoi(argv[++i]);
    } else if (strcmp(argv[i], "--interval") == 0 && i + 1 < argc) {
      interval = atoi(argv[++i]);
    } else {
      puts("usage: bench-isolated [--calls N] [--interval MS]");
      return strcmp(argv[i], "--help") == 0 ? 0 : 2;
    }
  }
  Subject filter(PluginKind::Processor, BENCH_PLUGINS "/noop.py"),
      mixer(PluginKind::Mixer, BENCH_PLUGINS "/mixing_noop.py");
  for (int i = 0; i < 100; i++) {
    filter.call();
    mixer.call();
  }
  filter.forget();
  mixer.forget();
  for (int i = 0; i < 2 * calls; i++) {
    if (interval)
      std::this_thread::sleep_for(std::chrono::milliseconds(interval));
    (i & 1 ? mixer : filter).call();
  }
  print("filter", filter);
  print("mixer with two inputs", mixer);
  const double more = part(mixer.times(), 0.5) - part(filter.times(), 0.5);
  printf("%.1f us more; at most %.0f: %s\n", more, allowed_us,
         more <= allowed_us ? "met" : "MISSED");
  return more <= allowed_us ? 0 : 1;
}
