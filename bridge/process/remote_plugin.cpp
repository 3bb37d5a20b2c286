// SPDX-License-Identifier: LGPL-2.1-or-later
#include "remote_plugin.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "crash_place.hpp"
#include "process_outputs.hpp"

namespace pythonfilter {

namespace {

int threshold_of(const PluginSpec &spec) {
  return number_of(spec.listener ? spec.listener->log_threshold()
                                 : LogLevel::Off);
}

}  // namespace

RemotePlugin::RemotePlugin(const PluginSpec &spec, const StopSignal &stop,
                           std::shared_ptr<LentMemory> lent,
                           std::atomic<uint64_t> *missed_deadlines)
    : spec_(spec),
      stop_(stop),
      lent_(std::move(lent)),
      missed_deadlines_(missed_deadlines) {}

bool RemotePlugin::load(uint64_t patience, Failure *failure) {
  start_patience_ = patience;
  *failure = {Failure::Kind::Unusable, "python"};
  std::shared_ptr<Worker> worker = Worker::get(spec_);
  if (!worker->wait_ready(stop_, &failure->message)) return false;
  channel_ = Channel::open(worker, spec_.listener, stop_, &failure->message);
  if (!channel_) return false;
  sandbox_ = worker->sandbox();
  threshold_ = threshold_of(spec_);
  Fields answer;
  return call("load", load_call(spec_, threshold_), patience, failure,
              &answer) &&
         answer_fits(read_capabilities(answer, &capabilities_), "load",
                     failure);
}

bool RemotePlugin::initialize(const std::vector<Parameter> &set,
                              Failure *failure) {
  Fields record = {"initialize"}, answer;
  for (const Parameter &each : set) {
    record.push_back(each.key);
    record.push_back(each.value);
  }
  const bool good =
      call("initialize", record, start_patience_, failure, &answer);
  for (std::string &field : record)
    explicit_bzero(field.data(), field.size());
  return good && answer_fits(read_values(answer, 1, &capabilities_.parameters),
                             "initialize", failure);
}

bool RemotePlugin::answer_fits(bool fits, const char *phase, Failure *failure) {
  if (fits) return true;
  channel_->break_off("an answer that does not fit its call");
  return fail_lost(phase, failure);
}

// What the process died of, and what it said at last.
void RemotePlugin::lose(const char *phase, Failure *failure) {
  lost_ = true;
  outstanding_ = false;
  kept_.reset();
  Worker &worker = channel_->worker();
  *failure = {Failure::Kind::Lost, phase, "",
              "the worker " + worker.how_it_ended(phase)};
  failure->traceback = worker.last_lines();
  find_crash_place(spec_.script, failure);
}

bool RemotePlugin::fail_lost(const char *phase, Failure *failure) {
  lose(phase, failure);
  return false;
}

// A request that was late is answered first, or the worker hangs.
bool RemotePlugin::settle(const char *phase, Failure *failure) {
  if (!outstanding_) return true;
  CallWait waiting{capabilities_.audio_name.c_str(), monotonic_ns()};
  const uint64_t hangs = hangs_at();
  if (hangs) waiting.until = std::max(waiting.began + 1, hangs);
  const Waited waited = finish_late(&waiting);
  if (waited == Waited::Done) return true;
  if (waited == Waited::Late)
    channel_->kill(capabilities_.audio_name + "() is late, and hangs");
  return fail_lost(phase, failure);
}

bool RemotePlugin::call(const char *phase, const Fields &record,
                        uint64_t patience, Failure *failure, Fields *answer,
                        uint64_t pts) {
  if (!settle(phase, failure)) return false;
  CallWait each{phase, monotonic_ns()};
  if (patience) each.until = each.began + patience;
  // A busy machine makes a start take longer, and a hang no shorter.
  OwnTime own;
  if (patience && patience == start_patience_) {
    own.is_over(channel_->worker().pid(), patience);
    each.own = &own;
    each.allowed = patience;
  }
  const Waited waited = channel_->call(&each, record, answer);
  channel_->deliver(spec_.listener.get(), pts, no_time);
  if (waited == Waited::Late)
    channel_->kill(std::string(phase) + "() did not return within " +
                   in_ms(patience) +
                   "; the property hang-timeout can give it more time");
  if (waited != Waited::Done) return fail_lost(phase, failure);
  if (answer->front() == "ok") return true;
  return answer_fits(read_failure(*answer, 1, failure), phase, failure) &&
         false;
}

bool RemotePlugin::start(const StreamFormat &format, Failure *failure) {
  const int threshold = threshold_of(spec_);
  if (threshold != threshold_) {
    threshold_ = threshold;
    channel_->events()->tell({"threshold", std::to_string(threshold)});
  }
  format_ = format;
  started_ = true;
  has_returned_ = false;
  lent_->open(writes());
  Fields answer;
  if (has_ports(spec_.kind)) slot_.reset();
  if (!call("start", start_call(format, spec_.kind), start_patience_, failure,
            &answer))
    return false;
  if (answer.size() == 2 && !answer[1].empty())
    sandbox_ = valid_text(answer[1]);
  return true;
}

bool RemotePlugin::stop(Failure *failure) {
  started_ = false;
  Fields answer;
  return call("stop", {"stop"}, 0, failure, &answer);
}

bool RemotePlugin::set_parameter(Parameter *parameter, Failure *failure) {
  Fields answer;
  if (!call("set_parameter",
            {"set_parameter", parameter->key, parameter->value},
            spec_.isolation.hang_ns(), failure, &answer))
    return false;
  if (!answer_fits(answer.size() == 2, "set_parameter", failure)) return false;
  parameter->value = valid_text(answer[1]);
  explicit_bzero(answer[1].data(), answer[1].size());
  return true;
}

// What is made ready for a new port may take as long as what start() does.
bool RemotePlugin::set_ports(const std::vector<PortFormat> &ports,
                             Failure *failure) {
  Fields answer;
  const bool good = call("set_ports", set_ports_call(ports), start_patience_,
                         failure, &answer);
  format_.ports(spec_.kind) = ports;
  slot_.reset();  // a late call that works there has returned
  return good;
}

bool RemotePlugin::set_input_parameter(const std::string &input,
                                       const Parameter &parameter,
                                       Failure *failure) {
  Fields answer;
  return call("set_parameter",
              {"set_input_parameter", input, parameter.key, parameter.value},
              spec_.isolation.hang_ns(), failure, &answer);
}

bool RemotePlugin::drain(Tail *tail, Failure *failure) {
  Fields answer;
  if (!call("drain", {"drain", std::to_string(tail->pts)}, 0, failure, &answer,
            tail->pts))
    return false;
  if (spec_.kind == PluginKind::Sink) {
    tail->waits = answer.size() == 2 && answer[1] == "0";
    return answer_fits(answer.size() == 2, "drain", failure);
  }
  if (capabilities_.converts) {
    // No output is empty: this one says that a table of times comes next.
    const bool timed = answer.size() > 1 && answer[1].empty();
    const size_t first = timed ? 3 : 1;
    SaidTimes times;
    if (first > answer.size() ||
        (timed && !times.read(answer[2].data(), answer[2].size(),
                              answer.size() - first)))
      return answer_fits(false, "drain", failure);
    for (size_t i = first; i < answer.size(); i++)
      if (!answer_fits((!format_.output_frame ||
                        answer[i].size() % format_.output_frame == 0) &&
                           times.add_output(answer[i].data(), answer[i].size(),
                                            &tail->outputs),
                       "drain", failure))
        return false;
    return true;
  }
  if (spec_.kind == PluginKind::Splitter)
    return answer_fits(read_tails(answer, format_.outputs, &tail->ports),
                       "drain", failure);
  return answer_fits(
      answer.size() == 3 &&
          read_samples(answer[1], answer[2], format_.channels, format_.format,
                       &tail->samples, &tail->frames),
      "drain", failure);
}

}  // namespace pythonfilter
