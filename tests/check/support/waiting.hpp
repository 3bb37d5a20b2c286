// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Waiting for what another thread or process does. No test is decided by how
// long that takes: a busy machine stretches everything.
#pragma once

#include <functional>

#include "surroundings.hpp"

namespace check {

inline double seconds_now() {
  return double(g_get_monotonic_time()) / 1e6;
}

inline bool wait_until(const std::function<bool()> &come,
                       double seconds = patience) {
  const double until = seconds_now() + seconds;
  while (!come()) {
    if (seconds_now() > until) return false;
    g_usleep(2000);
  }
  return true;
}

inline bool wait_for_log(const std::string &part) {
  return wait_until([&] { return contains(log_text(), part); });
}

// Time in which what must not happen could. A busy machine makes it see less,
// and never see what is not there.
inline void a_moment() {
  g_usleep(50000);
}

}  // namespace check
