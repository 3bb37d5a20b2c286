// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A clock cheap enough to read three times a buffer.
//
// clock_gettime() costs twice what the counter behind it does, so the time
// stamp counter is read directly where it is invariant, and turned into
// nanoseconds only when somebody looks at the statistics.
#pragma once

#include <cstdint>
#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace pythonfilter {

inline uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1000000000u + uint64_t(now.tv_nsec);
}

#if defined(__x86_64__)
inline bool has_invariant_tsc() {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

inline const bool invariant_tsc = has_invariant_tsc();

inline uint64_t ticks() {
  return invariant_tsc ? __rdtsc() : monotonic_ns();
}
#else
inline uint64_t ticks() {
  return monotonic_ns();
}
#endif

// Where the two clocks stood when this module was loaded.
struct TickOrigin {
  uint64_t ns = monotonic_ns();
  uint64_t ticks = pythonfilter::ticks();
};
inline const TickOrigin tick_origin;

// Measured from the origin to now, so it needs no calibration pause and grows
// more exact with every second the process runs.
inline double ns_per_tick() {
  uint64_t ns = monotonic_ns() - tick_origin.ns;
  uint64_t passed = ticks() - tick_origin.ticks;
  return passed > 0 && ns > 0 ? double(ns) / double(passed) : 1.0;
}

inline uint64_t ticks_in(uint64_t ns) {
  return uint64_t(double(ns) / ns_per_tick());
}

}  // namespace pythonfilter
