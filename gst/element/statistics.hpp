// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What an element counted and measured since READY.
//
// Written by the streaming thread alone and read by anybody, so every field is
// a relaxed atomic that costs a plain store.
#pragma once

#include <array>
#include <atomic>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(get() + n, std::memory_order_relaxed);
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Times in ticks, kept in buckets of at most 1/32 of their value.
class Histogram {
 public:
  void add(uint64_t ticks);
  void clear();
  // Appends NAME-min, -mean, -p50, -p99, -p99.9 and -max in ns.
  void describe(GstStructure *structure, const char *name) const;

 private:
  static constexpr int sub_bits = 5;
  static constexpr uint64_t subs = 1 << sub_bits;
  static size_t bucket_of(uint64_t ticks);
  static uint64_t middle_of(size_t bucket);
  uint64_t percentile(uint64_t count, double share) const;

  Counter count_, sum_, max_, min_;
  std::array<Counter, (48 - sub_bits) * subs> buckets_;
};

struct Statistics {
  Counter buffers, frames, errors, dropped, copies, escapes, overruns,
      messages_dropped;
  Histogram call, gil_wait;
  Histogram round_trip;  // to another process and back

  void clear();
  GstStructure *to_structure(const char *name) const;
};

}  // namespace pythonfilter
