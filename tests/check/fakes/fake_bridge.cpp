// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A bridge without Python: the elements can be run under ThreadSanitizer, which
// does not know how an interpreter synchronises its threads.
//
// Its plugin multiplies F32 samples by the parameter `factor`, a whole number.
// The one whose script is "converting" gives copies, now one, now several, now
// none. A mixer adds its inputs, and a splitter gives its first channel to all
// outputs.
#include <atomic>
#include <cstdlib>
#include <thread>

#include "fake_plugin.hpp"

namespace pythonfilter {

namespace {

class Threaded final : public FakePlugin {
 public:
  Threaded(bool converts, PluginKind kind, std::shared_ptr<Listener> listener)
      : FakePlugin(std::move(listener)), kind_(kind) {
    if (has_ports(kind)) {
      Port any;
      any.name = any_port;
      capabilities_.ports = {any};
      capabilities_.port_count = {1, 64};
      capabilities_.interleaved = true;
      capabilities_.non_interleaved = false;
    }
    capabilities_.converts = converts;
    capabilities_.maps_to_output = converts;
    capabilities_.has_reset = true;
    capabilities_.has_drain = true;
    capabilities_.has_latency = true;
    ParameterSpec factor;
    factor.name = "factor";
    factor.kind = ParameterSpec::Kind::Int;
    factor.default_value = factor.value = factor.minimum = "1";
    factor.maximum = "9";
    factor.allowed = "from 1 to 9";
    capabilities_.parameters.push_back(factor);
  }

  Outcome process(const Block &block, CallResult *result,
                  Failure *failure) override {
    if (capabilities_.converts) return give(block, result);
    result->times.asked = result->times.held = ticks();
    multiply(block, float(factor_));
    return come_back(block, result, failure);
  }

  Outcome come_back(const Block &block, CallResult *result, Failure *failure) {
    result->times.left = ticks();
    calls_++;
    if (calls_ % 10 == 0) kept_ = block.keeper->keep();
    if (calls_ % 10 == 0) result->escaped = true;
    if (calls_ % 10 == 0) tell(block);
    if (calls_ % 50 != 0) return Outcome::Ok;
    *failure = Failure{};
    failure->phase = "process_audio";
    failure->message = "each fiftieth call fails";
    return Outcome::Failed;
  }

  Outcome mix(const Block &output, const std::vector<InputView> &inputs,
              CallResult *result, Failure *failure) override {
    for (const InputView &input : inputs)
      for (size_t i = 0; i < output.frames; i++) {
        float sum, sample;
        std::byte *at = output.data + ptrdiff_t(i) * output.frame_stride;
        std::memcpy(&sum, at, sizeof sum);
        std::memcpy(&sample, input.data + ptrdiff_t(i) * input.frame_stride,
                    sizeof sample);
        sum += sample;
        std::memcpy(at, &sum, sizeof sum);
      }
    if (calls_ % 7 == 0) input_ = inputs[0].keeper->keep();
    return process(output, result, failure);
  }
  bool set_inputs(const std::vector<PortFormat> &, Failure *) override {
    return true;
  }
  Outcome split(const Block &input, std::vector<OutputView> *outputs,
                CallResult *result, Failure *failure) override {
    result->times.asked = result->times.held = ticks();
    for (OutputView &output : *outputs) {
      if (!output.data) continue;
      for (size_t i = 0; i < input.frames; i++)
        std::memcpy(output.data + ptrdiff_t(i) * output.frame_stride,
                    input.data + ptrdiff_t(i) * input.frame_stride,
                    sizeof(float));
      output.silent = calls_ % 5 == 0;
      output.discont = calls_ % 3 == 0;
      if (calls_ % 7 == 0) output_ = output.keeper->keep();
    }
    return come_back(input, result, failure);
  }
  bool set_outputs(const std::vector<PortFormat> &, Failure *) override {
    return true;
  }
  bool set_input_parameter(const std::string &, const Parameter &,
                           Failure *) override {
    return true;
  }

  // Any thread gives them back.
  static void release(void *owner) {
    delete static_cast<std::vector<std::byte> *>(owner);
  }
  Outcome give(const Block &block, CallResult *result) {
    result->times.asked = result->times.held = ticks();
    for (int i = 0; i < calls_ % 4; i++) {
      auto *copy = new std::vector<std::byte>(block.data, block.data + 64);
      result->outputs->push_back({copy->data(), copy->size(), release, copy});
    }
    calls_++;
    result->converted = true;
    result->times.left = ticks();
    return Outcome::Ok;
  }

  bool set_parameter(Parameter *parameter, Failure *) override {
    if (parameter->key == "factor") factor_ = atoi(parameter->value.c_str());
    return true;
  }
  bool ask(const Question &question, uint64_t place, Answer *answer,
           Failure *failure) override {
    if (question == ask_reset) calls_ = 0;
    // With 2 what goes in comes out at once.
    if (question == ask_latency)
      *answer = {1, {}, factor_ == 2 ? 0 : factor_ * 0.001};
    return question == ask_latency ||
           FakePlugin::ask(question, place, answer, failure);
  }
  bool drain(Tail *tail, Failure *) override {
    if (capabilities_.converts || kind_ == PluginKind::Splitter) return true;
    tail->frames = 8;
    tail->samples.resize(8 * sizeof(float) * size_t(format_.channels));
    return true;
  }
  bool map_caps(bool, const std::string &, std::string *mapped,
                Failure *) override {
    *mapped = "application/x-out";
    return true;
  }
  // As the watchdog would, from a thread of its own.
  void stop_deadline(uint64_t deadline, HangObserver *observer) override {
    if (watchdog_.joinable()) watchdog_.join();
    if (!deadline) return;
    watchdog_ = std::thread(
        [observer] { observer->call_hangs("process_audio", "no stack"); });
  }
  ~Threaded() override {
    if (watchdog_.joinable()) watchdog_.join();
  }

 private:
  void tell(const Block &block) {
    Message message;
    message.name = "fake";
    message.fields.emplace_back("calls", int64_t(calls_));
    message.pts = block.pts;
    listener_->post(message);
    LogRecord record;
    record.text = "told";
    listener_->log(record);
  }

  const PluginKind kind_;
  int factor_ = 1;
  std::unique_ptr<KeptMemory> kept_, input_, output_;
  std::thread watchdog_;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] Plugin *pythonfilter_make_plugin_2(
    const PluginSpec &spec, Failure *) {
  return new Threaded(spec.script == "converting", spec.kind, spec.listener);
}

}  // namespace pythonfilter
