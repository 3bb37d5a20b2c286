// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What this thread is in the middle of. Whoever is told something on the way, a
// sync handler of the application's or its log function, may call the element
// again, which must not take the plugin away from under its own call.
#pragma once

namespace pythonfilter {

class BusyHere {
 public:
  explicit BusyHere(const void *with) : with_(with), outer_(innermost_) {
    innermost_ = this;
  }
  ~BusyHere() { innermost_ = outer_; }
  BusyHere(const BusyHere &) = delete;
  BusyHere &operator=(const BusyHere &) = delete;

  static bool is_with(const void *element) {
    for (const BusyHere *each = innermost_; each; each = each->outer_)
      if (each->with_ == element) return true;
    return false;
  }

 private:
  const void *const with_;
  const BusyHere *const outer_;
  inline static thread_local const BusyHere *innermost_ = nullptr;
};

}  // namespace pythonfilter
