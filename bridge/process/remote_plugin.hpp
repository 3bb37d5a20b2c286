// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin in one worker, from its load to the end of either. For one thread
// at a time.
#pragma once

#include "channel.hpp"
#include "lent_memory.hpp"
#include "reply.hpp"

namespace pythonfilter {

// For people.
std::string in_ms(uint64_t ns);

// What a block is shown with: a mixer's, or a splitter's; else nothing.
struct PortsOfBlock {
  const std::vector<InputView> *inputs = nullptr;
  std::vector<OutputView> *outputs = nullptr;
};

class RemotePlugin {
 public:
  RemotePlugin(const PluginSpec &spec, const StopSignal &stop,
               std::shared_ptr<LentMemory> lent,
               std::atomic<uint64_t> *missed_deadlines);

  // First of all. False, and the remote plugin is of no use. `patience` is that
  // of start(), too.
  bool load(uint64_t patience, Failure *failure);
  // Next.
  bool initialize(const std::vector<Parameter> &set, Failure *failure);
  // Any call but `load`. `patience` 0: as long as the plugin may run.
  bool call(const char *phase, const Fields &record, uint64_t patience,
            Failure *failure, Fields *answer, uint64_t pts = no_time);
  bool start(const StreamFormat &format, Failure *failure);
  bool stop(Failure *failure);
  bool set_parameter(Parameter *parameter, Failure *failure);
  // Of a mixer or a splitter.
  bool set_ports(const std::vector<PortFormat> &ports, Failure *failure);
  bool set_input_parameter(const std::string &input, const Parameter &parameter,
                           Failure *failure);
  bool drain(Tail *tail, Failure *failure);
  Outcome process(const Block &block, const PortsOfBlock &ports,
                  CallResult *result, Failure *failure);

  // The worker has ended, or was killed: the failure says how.
  bool is_lost() const { return lost_; }
  bool has_ended() const { return channel_->worker().has_ended(); }
  // The worker ended between two calls.
  void note_end(const char *phase, Failure *failure) { lose(phase, failure); }
  // The worker gave an answer that does not fit its call.
  void refuse_answer(const char *phase, Failure *failure) {
    answer_fits(false, phase, failure);
  }
  bool is_started() const { return started_; }
  const StreamFormat &format() const { return format_; }
  const Capabilities &capabilities() const { return capabilities_; }
  const std::shared_ptr<Events> &events() { return channel_->events(); }
  pid_t pid() { return channel_->worker().pid(); }
  const std::string &sandbox() const { return sandbox_; }

  // Up to which of those that are remembered.
  uint64_t parameters_told = 0;
  uint64_t ports_told = 0, input_parameters_told = 0;

 private:
  void lose(const char *phase, Failure *failure);
  bool fail_lost(const char *phase, Failure *failure);
  bool settle(const char *phase, Failure *failure);
  bool answer_fits(bool fits, const char *phase, Failure *failure);

  // process(), in process_call.cpp.
  bool writes() const;
  bool prepare(const Block &block, const PortsOfBlock &ports, Request *request);
  bool use_slot(size_t size);
  bool make_slot(size_t size, const std::vector<size_t> &ports);
  bool use_slot_with_ports(size_t frames);
  bool place_ports(const Block &block, const PortsOfBlock &ports,
                   Request *request);
  void place_inputs(const Block &block, const std::vector<InputView> &inputs);
  void place_outputs(const Block &block,
                     const std::vector<OutputView> &outputs);
  bool place_curves(const Block &block, const std::vector<InputView> *inputs,
                    Request *request);
  bool forget_lent();
  Waited finish_late(CallWait *waiting);
  uint64_t hangs_at() const;
  bool is_stopped(uint64_t now);
  Outcome be_late(const Block &block, Failure *failure);
  Waited ask(CallWait *waiting, Request *request, Reply *reply);
  Waited read_records(const Reply &reply, const char *phase);
  Waited give_space(CallWait *waiting, Request *request, Reply *reply);
  Outcome accept(const Reply &reply, const Block &block,
                 const PortsOfBlock &ports, CallResult *result,
                 Failure *failure);
  void take_from_slot(const Reply &reply, const Block &block,
                      const PortsOfBlock &ports);
  void leave_to_plugin(std::unique_ptr<KeptMemory> kept);
  bool take_outputs(const Reply &reply, CallResult *result);
  Asked asked(uint64_t sequence) const;

  const PluginSpec spec_;
  const StopSignal &stop_;
  const std::shared_ptr<LentMemory> lent_;
  std::atomic<uint64_t> *const missed_deadlines_;
  std::unique_ptr<Channel> channel_;
  Capabilities capabilities_;
  std::string sandbox_;
  int threshold_ = 0;
  bool lost_ = false;
  bool started_ = false;
  StreamFormat format_;

  std::unique_ptr<Region> slot_;  // the block's own copy
  // Of a mixer, where each input is in it, of a splitter each output, and for
  // how many frames; and which outputs somebody gets of the last block.
  std::vector<size_t> port_offsets_;
  size_t slot_frames_ = 0;
  uint64_t linked_ = 0;
  std::unique_ptr<Region> outputs_;
  std::unique_ptr<Region> curves_;
  std::vector<std::string> curve_names_;
  std::vector<const Curve *> placed_;  // memory that is used again
  std::vector<uint64_t> sizes_;        // of outputs, copied
  std::vector<OutputRange> ranges_;

  Request request_;           // the last one
  bool outstanding_ = false;  // it is late, and not answered yet
  uint64_t sent_ = 0;
  uint64_t start_patience_ = 0;
  bool has_returned_ = false;  // from a call since start()
  uint64_t next_look_ = 0;     // whether a worker that is late runs at all
  StandsStill still_;
  bool in_lent_ = false;
  bool handed_over_ = false;          // the memory of this call's block
  std::unique_ptr<KeptMemory> kept_;  // that it works on
  std::vector<std::unique_ptr<KeptMemory>> escaped_;
};

}  // namespace pythonfilter
