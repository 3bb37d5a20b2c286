// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a plugin with several inputs, or outputs, is called with.
#include "pythonelement.hpp"

namespace pythonfilter {

template <typename Call>
[[gnu::always_inline]] inline Outcome PythonElement::call_with_ports(
    Block *block, const CallResult &result, const Call &call) {
  assert(streaming.is_here() && stream_);
  if (G_UNLIKELY(!curves_.empty()))
    curves_.fill(properties_, segment_, stream().curve_rate, block);
  // Of one in another process nobody else knows who is in its call.
  const BusyHere busy(isolated_ ? this : nullptr);
  if (isolated_ && block->patience == 0)
    block->patience = deadline_rule_.with(*block);
  return note(call(), *block, result);
}

[[gnu::hot]] Outcome PythonElement::mix(Block *block,
                                        const std::vector<InputView> &inputs,
                                        CallResult *result) {
  return call_with_ports(block, *result, [&] {
    return plugin_->mix(*block, inputs, result, &failure_);
  });
}

bool PythonElement::set_inputs(const std::vector<PortFormat> &inputs) {
  assert(streaming.is_here() && stream_);
  const BusyHere busy(this);
  stream_->format.inputs = inputs;
  reloader_.set_stream(*stream_);
  return plugin_->set_inputs(inputs, &failure_) || fail_caps();
}

[[gnu::hot]] Outcome PythonElement::split(Block *block,
                                          std::vector<OutputView> *outputs,
                                          CallResult *result) {
  return call_with_ports(block, *result, [&] {
    return plugin_->split(*block, outputs, result, &failure_);
  });
}

bool PythonElement::set_outputs(const std::vector<PortFormat> &outputs) {
  assert(streaming.is_here() && stream_);
  const BusyHere busy(this);
  stream_->format.outputs = outputs;
  reloader_.set_stream(*stream_);
  return plugin_->set_outputs(outputs, &failure_) || fail_caps();
}

void PythonElement::apply_params_of(const std::string &input,
                                    PluginParams *params) {
  assert(streaming.is_here() && stream_);
  const BusyHere busy(this);
  Changes changes;
  changes.swap(&changes_);
  params->take(&changes);
  for (Change &change : changes) {
    const Number number = change.number;
    if (number.spec && plugin_->set_input_number(input, number)) {
      params->accept(number);
      continue;
    }
    const Parameter &parameter = *change.write_out();
    Failure failure;
    if (params->is_as_written(parameter.key, &failure) &&
        plugin_->set_input_parameter(input, parameter, &failure)) {
      params->accept(parameter);
      GST_DEBUG_OBJECT(element_, "%s: input %s: %s = %s", name_.c_str(),
                       input.c_str(), parameter.key.c_str(),
                       parameter.value.c_str());
    } else {
      params->take_back(parameter.key);
      failure.message = "input " + input + ": " + failure.message;
      report_.warn(failure);
    }
  }
  changes.clear();
  changes_.swap(&changes);
}

}  // namespace pythonfilter
