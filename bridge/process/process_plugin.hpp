// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin that runs in a process of its own, or of its group.
#pragma once

#include "../contract.hpp"
#include "restart.hpp"
#include "this_process.hpp"

namespace pythonfilter {

class ProcessPlugin final : public Plugin, public Isolated {
 public:
  explicit ProcessPlugin(const PluginSpec &spec);
  ~ProcessPlugin() override;

  const Capabilities &capabilities() const override { return capabilities_; }
  bool load(Failure *failure) override;
  bool initialize(const std::vector<Parameter> &set, Failure *failure) override;
  bool start(const StreamFormat &format, Failure *failure) override;
  bool stop(Failure *failure) override;
  bool shutdown(Failure *failure) override;
  Outcome process(const Block &block, CallResult *result,
                  Failure *failure) override {
    return call_audio(block, {}, result, failure);
  }
  Outcome mix(const Block &output, const std::vector<InputView> &inputs,
              CallResult *result, Failure *failure) override {
    return call_audio(output, {&inputs, nullptr}, result, failure);
  }
  Outcome split(const Block &input, std::vector<OutputView> *outputs,
                CallResult *result, Failure *failure) override {
    return call_audio(input, {nullptr, outputs}, result, failure);
  }
  bool set_inputs(const std::vector<PortFormat> &inputs,
                  Failure *failure) override {
    return set_ports("set_inputs", inputs, failure);
  }
  bool set_outputs(const std::vector<PortFormat> &outputs,
                   Failure *failure) override {
    return set_ports("set_outputs", outputs, failure);
  }
  bool set_input_parameter(const std::string &input, const Parameter &parameter,
                           Failure *failure) override;
  bool set_parameter(Parameter *parameter, Failure *failure) override;
  bool drain(Tail *tail, Failure *failure) override;
  bool get_state(std::string *state, Failure *failure) override;
  bool set_state(const std::string &state, Failure *failure) override;
  bool unlock(Failure *failure) override;
  bool map_caps(bool to_output, const std::string &caps, std::string *mapped,
                Failure *failure) override;
  Isolated *isolated() override { return this; }
  bool lend(size_t size, Output *output) override;
  bool wants_start(bool hurries) override;
  WorkerStatistics worker_statistics() const override;
  void stop_deadline(uint64_t deadline, HangObserver *observer) override;

 private:
  // An InputParam that was set of one input.
  struct InputParameter {
    std::string input;
    Parameter parameter;
  };

  Outcome call_audio(const Block &block, const PortsOfBlock &ports,
                     CallResult *result, Failure *failure);
  bool set_ports(const char *phase, const std::vector<PortFormat> &ports,
                 Failure *failure);
  bool has_remote(uint64_t until, Failure *failure);
  bool adopt_settings(RemotePlugin *remote, Failure *failure);
  bool adopt_ports(RemotePlugin *remote, Failure *failure);
  bool ask(const Question &question, uint64_t place, Answer *answer,
           Failure *failure) override;
  bool refuse_answer(const char *phase, Failure *failure);
  bool can_wait(const Question &question, const Failure &failure) const;
  void tell_of(RemotePlugin *remote);
  void note_loss(Failure *failure);
  bool notice_end(const char *phase, Failure *failure);
  bool noted(bool good, Failure *failure);
  std::unique_ptr<RemotePlugin> make_remote(Failure *failure);
  bool is_same_plugin(const Capabilities &now, Failure *failure) const;
  uint64_t remember(const Parameter &parameter);
  uint64_t remember(const InputParameter &parameter);
  std::vector<Parameter> remembered() const;
  bool give_up(Failure *failure);
  std::shared_ptr<Events> events();
  // At the begin of whatever is to be told to the worker.
  void stay_apart() {
    if (__builtin_expect(process_ != process_number(), 0)) leave_to_parent();
  }
  void leave_to_parent();
  bool go_on(const Block &block, Failure *failure);

  const PluginSpec spec_;
  std::atomic<uint64_t> process_{process_number()};
  StopSignal stop_;
  const std::shared_ptr<LentMemory> lent_;
  std::atomic<uint64_t> missed_deadlines_{0};
  std::atomic<uint64_t> restarts_{0};
  // For the thread that calls.
  Capabilities capabilities_;
  std::unique_ptr<RemotePlugin> remote_;
  bool gone_ = false;
  Failure loss_;               // why there is no remote plugin
  int good_buffers_ = 0;       // since the last worker came
  bool out_of_place_ = false;  // it begins where the stream does not

  mutable Mutex mutex_;  // a leaf; guards everything below
  std::shared_ptr<Events> events_;
  pid_t pid_ = 0;
  std::string sandbox_;
  // What another worker is told, too.
  std::map<uint64_t, Parameter> parameters_;  // in order
  uint64_t parameter_serial_ = 0;
  bool started_ = false;
  StreamFormat format_;
  // How often the inputs of a mixer, or outputs of a splitter, were others,
  // which only the thread that calls changes, and what was set of inputs.
  uint64_t ports_serial_ = 0;
  std::map<uint64_t, InputParameter> input_parameters_;

  std::atomic<uint64_t> longest_start_{
      0};  // in ns; of load() with initialize(), or start()

  Restarter restarter_;  // its thread uses all of the above
};

}  // namespace pythonfilter
