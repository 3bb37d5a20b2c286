// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a mixer is told of its inputs, and a splitter of its outputs, and each
// worker that comes after one.
#include <algorithm>

#include "process_plugin.hpp"

namespace pythonfilter {

// What was said since the remote plugin was made, or was started.
bool ProcessPlugin::adopt_ports(RemotePlugin *remote, Failure *failure) {
  for (;;) {
    InputParameter set;
    uint64_t parameter = 0, ports = 0;
    std::vector<PortFormat> formats;
    {
      std::lock_guard lock(mutex_);
      const auto next =
          input_parameters_.upper_bound(remote->input_parameters_told);
      if (remote->ports_told != ports_serial_) {
        ports = ports_serial_;
        formats = format_.ports(spec_.kind);
      } else if (next != input_parameters_.end()) {
        parameter = next->first;
        set = next->second;
      } else {
        return true;
      }
    }
    if (ports) {
      if (!remote->set_ports(formats, failure)) return false;
      remote->ports_told = ports;
      continue;
    }
    remote->input_parameters_told = parameter;
    if (remote->set_input_parameter(set.input, set.parameter, failure))
      continue;
    if (remote->is_lost()) return false;
    // What came while nobody could refuse it is no reason to end this one, too.
    failure->message = "input " + set.input + ": " + failure->message;
    if (spec_.listener) spec_.listener->failed(*failure);
  }
}

uint64_t ProcessPlugin::remember(const InputParameter &parameter) {
  std::lock_guard lock(mutex_);
  const auto known = std::find_if(
      input_parameters_.begin(), input_parameters_.end(),
      [&](const auto &each) {
        return each.second.input == parameter.input &&
               each.second.parameter.key == parameter.parameter.key;
      });
  if (known != input_parameters_.end()) input_parameters_.erase(known);
  input_parameters_[++parameter_serial_] = parameter;
  return parameter_serial_;
}

// A worker that ends meanwhile is the next call's failure, with which the
// stream may go on.
bool ProcessPlugin::set_ports(const char *phase,
                              const std::vector<PortFormat> &ports,
                              Failure *failure) {
  stay_apart();
  const auto is_there = [&](const std::string &name) {
    return std::any_of(ports.begin(), ports.end(),
                       [&](const auto &each) { return each.name == name; });
  };
  {
    std::lock_guard lock(mutex_);
    format_.ports(spec_.kind) = ports;
    ports_serial_++;
    // One that comes back begins anew.
    for (auto each = input_parameters_.begin();
         each != input_parameters_.end();)
      each = is_there(each->second.input) ? std::next(each)
                                          : input_parameters_.erase(each);
  }
  if (notice_end(phase, failure) || !has_remote(1, failure) ||
      !remote_->is_started())
    return true;
  return noted(adopt_ports(remote_.get(), failure), failure) || !remote_;
}

bool ProcessPlugin::set_input_parameter(const std::string &input,
                                        const Parameter &parameter,
                                        Failure *failure) {
  stay_apart();
  if (notice_end("set_parameter", failure) || !has_remote(1, failure) ||
      !remote_->is_started()) {
    remember({input, parameter});
    return true;
  }
  const bool good = remote_->set_input_parameter(input, parameter, failure);
  if (good) remote_->input_parameters_told = remember({input, parameter});
  return noted(good, failure);
}

}  // namespace pythonfilter
