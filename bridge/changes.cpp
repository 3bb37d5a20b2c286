// SPDX-License-Identifier: LGPL-2.1-or-later
#include "changes.hpp"

#include <algorithm>

namespace pythonfilter {

void wipe(std::vector<Parameter> *parameters) {
  for (Parameter &each : *parameters)
    wipe(&each.value);
  parameters->clear();
}

Parameter *Change::write_out() {
  const ParameterSpec *spec = std::exchange(number.spec, nullptr);
  if (!spec) return &parameter;
  parameter.key = spec->name;
  if (spec->kind == ParameterSpec::Kind::Float)
    parameter.value = shortest(number.real);
  else if (spec->kind == ParameterSpec::Kind::Bool)
    parameter.value = number.whole ? "true" : "false";
  else
    parameter.value = shortest(number.whole);
  return &parameter;
}

void Changes::set(Change change) {
  forget(change.key());
  all_.push_back(std::move(change));
}

void Changes::forget(const std::string &key) {
  all_.erase(std::remove_if(all_.begin(), all_.end(),
                            [&](auto &each) { return each.key() == key; }),
             all_.end());
}

bool Changes::has(const std::string &key) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](auto &each) { return each.key() == key; });
}

Change Changes::take_first() {
  Change first = std::move(all_.front());
  all_.erase(all_.begin());
  return first;
}

}  // namespace pythonfilter
