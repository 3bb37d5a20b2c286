// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A bridge without Python: the elements can be run under ThreadSanitizer, which
// does not know how an interpreter synchronises its threads.
//
// Its plugin multiplies F32 samples by the parameter `factor`.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

namespace {

class FakePlugin final : public Plugin {
 public:
  FakePlugin() {
    capabilities_.formats = {SampleFormat::F32};
    capabilities_.has_reset = true;
    capabilities_.has_drain = true;
    capabilities_.has_latency = true;
  }

  const Capabilities &capabilities() const override { return capabilities_; }

  bool load(const PluginSpec &, Failure *) override { return true; }
  bool start(const StreamFormat &format, Failure *) override {
    format_ = format;
    return true;
  }
  bool stop(Failure *) override { return true; }
  bool shutdown(Failure *) override { return true; }

  Outcome process(Block *block, Failure *failure) override {
    block->times.asked = block->times.held = ticks();
    for (int c = 0; c < format_.channels; c++) {
      for (size_t i = 0; i < block->frames; i++) {
        std::byte *at = block->data + c * block->channel_stride +
                        ptrdiff_t(i) * block->frame_stride;
        float sample;
        std::memcpy(&sample, at, sizeof sample);
        sample *= float(factor_);
        std::memcpy(at, &sample, sizeof sample);
      }
    }
    block->times.left = ticks();
    calls_++;
    if (calls_ % 10 == 0) kept_ = block->keeper->keep();
    if (calls_ % 10 == 0) block->escaped = true;
    if (calls_ % 50 != 0) return Outcome::Ok;
    *failure = Failure{};
    failure->phase = "process_audio";
    failure->message = "each fiftieth call fails";
    return Outcome::Failed;
  }

  bool set_parameter(Parameter *parameter, Failure *) override {
    if (parameter->key == "factor") factor_ = atoi(parameter->value.c_str());
    return true;
  }
  bool latency(double *seconds, Failure *) override {
    *seconds = factor_ * 0.001;
    return true;
  }
  bool reset(Failure *) override {
    calls_ = 0;
    return true;
  }
  bool drain(Tail *tail, Failure *) override {
    tail->frames = 8;
    tail->samples.resize(8 * sizeof(float) * size_t(format_.channels));
    return true;
  }
  // As the watchdog would, from a thread of its own.
  bool preferences(Preferences *, Failure *) override { return true; }
  bool available_space(int *frames, Failure *) override {
    *frames = 1024;
    return true;
  }
  bool take_state(Plugin *, Failure *) override { return true; }
  bool restore_state(Failure *) override { return true; }
  bool unlock(Failure *) override { return true; }
  bool map_caps(bool, const std::string &, std::string *, Failure *) override {
    return false;
  }
  void stop_deadline(uint64_t deadline, HangObserver *observer) override {
    if (watchdog_.joinable()) watchdog_.join();
    if (!deadline) return;
    watchdog_ = std::thread(
        [observer] { observer->call_hangs("process_audio", "no stack"); });
  }
  ~FakePlugin() override {
    if (watchdog_.joinable()) watchdog_.join();
  }

 private:
  Capabilities capabilities_;
  StreamFormat format_;
  int factor_ = 1;
  int calls_ = 0;
  std::unique_ptr<KeptMemory> kept_;
  std::thread watchdog_;
};

class FakeBridge final : public Bridge {
 public:
  std::unique_ptr<Plugin> make(const PluginSpec &) override {
    return std::make_unique<FakePlugin>();
  }
};

}  // namespace

extern "C" __attribute__((visibility("default"))) Bridge *
pythonfilter_open_bridge_1(const PluginSpec &, Failure *) {
  static FakeBridge bridge;
  return &bridge;
}

}  // namespace pythonfilter
