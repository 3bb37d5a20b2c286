// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What an element counted and measured since READY, and when it posts that.
//
// Counted by the streaming thread alone and read by anybody, so every counter
// is a relaxed atomic that costs a plain store.
#pragma once

#include <array>
#include <atomic>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"

namespace pythonfilter {

class Counter {
 public:
  explicit Counter(uint64_t n = 0) : value_(n) {}
  [[gnu::always_inline]] void add(uint64_t n = 1) {
    value_.store(get() + n, std::memory_order_relaxed);
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_;
};

// Times in ticks, kept in buckets of at most 1/32 of their value.
class Histogram {
 public:
  [[gnu::always_inline]] void add(uint64_t ticks) {
    if (ticks < min_.get()) min_.set(ticks);
    if (ticks > max_.get()) max_.set(ticks);
    sum_.add(ticks);
    buckets_[bucket_of(ticks)].add();
  }
  void clear();
  // Appends NAME-min, -mean, -p50, -p99, -p99.9 and -max in ns.
  void describe(GstStructure *structure, const char *name) const;

 private:
  static constexpr int sub_bits = 5;
  static constexpr uint64_t subs = 1 << sub_bits;
  static uint64_t middle_of(size_t bucket);
  uint64_t percentile(uint64_t count, double share) const;

  static size_t bucket_of(uint64_t ticks) {
    const int shift = 63 - sub_bits - __builtin_clzll(ticks | subs);
    return size_t(shift) * subs + size_t(ticks >> shift);
  }

  // Of any number that there is, so that none is out of range.
  static constexpr size_t all_buckets = (64 - sub_bits + 1) * subs;
  Counter sum_, max_;
  Counter min_{UINT64_MAX};
  std::array<Counter, all_buckets> buckets_;
};

class Statistics {
 public:
  // `busy` is what BusyHere says while a message is posted.
  Statistics(GstElement *element, const void *busy)
      : element_(element), busy_(busy) {}

  // At READY: nothing was counted.
  void begin(bool isolated);
  // The process of the plugin that is there now, which is asked until another
  // one, or NULL, is set; what it said last is added to what follows.
  void set_worker(const Isolated *worker);
  // So often while buffers flow, in ms, and the first time so long from now.
  void set_interval(guint milliseconds);
  guint interval() const { return interval_; }

  // Any thread.
  GstStructure *to_structure() const;
  void post() const;

  // Any thread: one of the errors, of a call that was made beside the stream.
  void count_error_beside() { errors_beside_++; }

  // The streaming thread's, after a call that ended at this tick.
  void post_if_due(uint64_t tick) {
    if (G_UNLIKELY(tick >= due_.load(std::memory_order_relaxed))) post_due();
  }

  Counter buffers, frames, errors, dropped, copies, escapes, overruns,
      messages_dropped;
  Histogram call, gil_wait;
  Histogram round_trip;  // to another process and back

 private:
  void post_due();
  bool of_workers(WorkerStatistics *all) const;

  GstElement *const element_;
  const void *const busy_;
  std::atomic<uint64_t> errors_beside_{0};
  std::atomic<guint> interval_{0};         // ms; 0: never
  std::atomic<uint64_t> due_{UINT64_MAX};  // ticks

  mutable Mutex mutex_;               // only the worker's own are under it
  bool isolated_ = false;             // guarded by mutex_
  const Isolated *worker_ = nullptr;  // guarded by mutex_
  WorkerStatistics past_;             // guarded by mutex_; of those before it
};

}  // namespace pythonfilter
