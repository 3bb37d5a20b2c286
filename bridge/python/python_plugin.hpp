// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin that runs in this process's interpreter.
#pragma once

#include "../bridge.hpp"
#include "audio_view.hpp"
#include "beside.hpp"
#include "input_views.hpp"
#include "native_call.hpp"
#include "outbox.hpp"
#include "output_views.hpp"
#include "python.hpp"
#include "running_call.hpp"
#include "side_calls.hpp"
#include "surroundings.hpp"

namespace pythonfilter {

class PythonPlugin final : public Plugin {
 public:
  explicit PythonPlugin(const PluginSpec &spec)
      : spec_(spec),
        outbox_(std::make_shared<Outbox>(spec.listener)),
        site_(outbox_->site()),
        side_calls_(site_->listener) {}
  ~PythonPlugin() override;

  const Capabilities &capabilities() const override { return capabilities_; }
  bool load(Failure *failure) override;
  bool initialize(const std::vector<Parameter> &set, Failure *failure) override;
  bool start(const StreamFormat &format, Failure *failure) override;
  bool stop(Failure *failure) override;
  bool shutdown(Failure *failure) override;
  Outcome process(const Block &block, CallResult *result,
                  Failure *failure) override;
  Outcome mix(const Block &output, const std::vector<InputView> &inputs,
              CallResult *result, Failure *failure) override;
  bool set_inputs(const std::vector<PortFormat> &inputs,
                  Failure *failure) override;
  bool set_input_parameter(const std::string &input, const Parameter &parameter,
                           Failure *failure) override;
  Outcome split(const Block &input, std::vector<OutputView> *outputs,
                CallResult *result, Failure *failure) override;
  bool set_outputs(const std::vector<PortFormat> &outputs,
                   Failure *failure) override;
  bool set_parameter(Parameter *parameter, Failure *failure) override;
  bool set_number(const Number &number) override;
  bool set_input_number(const std::string &input,
                        const Number &number) override;
  bool drain(Tail *tail, Failure *failure) override;
  bool get_state(std::string *state, Failure *failure) override;
  bool set_state(const std::string &state, Failure *failure) override;
  bool unlock(Failure *failure) override;
  bool map_caps(bool to_output, const std::string &caps, std::string *mapped,
                Failure *failure) override;
  bool is_called_here() const override {
    return is_in_call(*site_) || beside_.is_here() ||
           delivering_.load(std::memory_order_relaxed) == thread_id();
  }
  void stop_deadline(uint64_t deadline, HangObserver *observer) override;

 private:
  bool load_module(Failure *failure);
  bool read_capabilities();
  bool read_values(Failure *failure);
  bool preset(const std::vector<Parameter> &set, Failure *failure);
  void unload();
  Ref call_loaded(const char *method, const char *phase, Failure *failure,
                  const char *format = "()", ...);
  template <typename... T>
  bool call_alone(const char *method, const char *phase, std::string *told,
                  Failure *failure, const char *format = "()", T... arguments);
  bool ask(const Question &question, uint64_t place, Answer *answer,
           Failure *failure) override;
  bool ask_for_caps(CallSite *site, const char *method, const std::string &caps,
                    std::string *mapped, Failure *failure);
  bool change_inputs(const std::vector<PortFormat> &inputs, Failure *failure);
  bool change_outputs(const std::vector<PortFormat> &outputs, Failure *failure);
  template <size_t count>
  Ref call_audio(PyObject *(&arguments)[count], uint64_t now);
  template <typename Ports, typename Views, typename Take>
  Outcome call_with(Ports *ports, const Block &block, const Views &views,
                    CallResult *result, Failure *failure, const Take &take);
  void after_call(const Block &block, CallResult *result);
  Outcome call_native(const Block &block, const std::vector<InputView> *inputs,
                      CallResult *result, Failure *failure);
  bool set_native(const Parameter &parameter, Failure *failure);
  void take_changes();
  void tell_rest();
  Outcome call_itself(CallResult *result, Failure *failure);
  Outcome accept(PyObject *returned, CallResult *result, Failure *failure);
  bool take(PyObject *returned, CallResult *result);
  bool take_in_a_call(PyObject *returned, CallResult *result);
  Outcome outcome_of(Failure *failure) const;
  bool is_secret(const std::string &key) const;
  bool tell_parameter(Parameter *parameter, Failure *failure);
  void complain(Failure *failure, bool refused);

  const PluginSpec spec_;
  const std::shared_ptr<Outbox> outbox_;
  const std::shared_ptr<CallSite> site_;
  std::atomic<unsigned long> delivering_{0};  // the thread of process()
  CallWatch until_started_;
  SideCalls side_calls_;
  // All with the GIL.
  Ref loaded_;  // LoadedPlugin of host/plugin.py: the instance and what is
                // known of it
  Ref audio_;   // process_audio, read_audio or write_audio, bound
  // What audio_ calls, and whose it is: borrowed from it. NULL: nobody's.
  PyObject *called_ = nullptr, *self_ = nullptr;
  vectorcallfunc call_ = nullptr;  // how, and with how many arguments
  size_t given_ = 1;
  std::unique_ptr<Surroundings> surroundings_;
  AudioView view_;
  InputViews inputs_;    // of a mixer
  OutputViews outputs_;  // of a splitter
  // The streaming thread's, without the GIL, between start() and stop().
  NativeCall native_;
  Beside beside_;  // between start() and stop()
  Capabilities capabilities_;
};

}  // namespace pythonfilter
