// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Parameters that wait to be told: the last value of each, in the order in
// which those were set.
#pragma once

#include <utility>
#include <vector>

#include "bridge.hpp"
#include "text.hpp"

namespace pythonfilter {

void wipe(std::vector<Parameter> *parameters);

struct Change {
  explicit Change(Parameter given) : parameter(std::move(given)) {}
  explicit Change(const Number &given) : number(given) {}
  Change(Change &&) = default;
  Change &operator=(Change &&) = default;
  ~Change() {
    if (!number.spec) wipe(&parameter.value);  // it may be a secret
  }

  const std::string &key() const {
    return number.spec ? number.spec->name : parameter.key;
  }
  // From here on it is a text, as set_parameter() takes it.
  Parameter *write_out();

  Parameter parameter;
  Number number{};  // in place of `parameter`, where it has a spec
};

// The memory of numbers that come and go is used again.
class Changes {
 public:
  void set(Change change);
  void forget(const std::string &key);
  bool has(const std::string &key) const;
  Change take_first();
  void clear() { all_.clear(); }
  void swap(Changes *other) { all_.swap(other->all_); }
  bool empty() const { return all_.empty(); }
  auto begin() { return all_.begin(); }
  auto end() { return all_.end(); }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

 private:
  std::vector<Change> all_;
};

}  // namespace pythonfilter
