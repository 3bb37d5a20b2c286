// SPDX-License-Identifier: LGPL-2.1-or-later
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace pythonfilter {

uint64_t Histogram::middle_of(size_t bucket) {
  if (bucket < 2 * subs) return bucket;
  const int shift = int(bucket / subs) - 1;
  return (uint64_t(bucket - size_t(shift) * subs) << shift) +
         (uint64_t(1) << shift) / 2;
}

void Histogram::clear() {
  sum_.set(0);
  max_.set(0);
  min_.set(UINT64_MAX);
  for (Counter &bucket : buckets_)
    bucket.set(0);
}

uint64_t Histogram::percentile(uint64_t count, double share) const {
  const auto rank = uint64_t(std::ceil(double(count) * share));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); i++) {
    seen += buckets_[i].get();
    if (seen >= rank)
      return std::min(std::max(middle_of(i), min_.get()), max_.get());
  }
  return max_.get();
}

void Histogram::describe(GstStructure *structure, const char *name) const {
  uint64_t count = 0;  // not counted for each buffer
  for (const Counter &bucket : buckets_)
    count += bucket.get();
  const double scale = ns_per_tick();
  auto set = [&](const char *what, double ticks) {
    gst_structure_set(structure, (std::string(name) + what).c_str(),
                      G_TYPE_UINT64, guint64(std::llround(ticks * scale)),
                      nullptr);
  };
  set("-min", count ? double(min_.get()) : 0);
  set("-mean", count ? double(sum_.get()) / double(count) : 0);
  set("-p50", count ? double(percentile(count, 0.5)) : 0);
  set("-p99", count ? double(percentile(count, 0.99)) : 0);
  set("-p99.9", count ? double(percentile(count, 0.999)) : 0);
  set("-max", double(max_.get()));
}

void Statistics::clear() {
  for (Counter *counter : {&buffers, &frames, &errors, &dropped, &copies,
                           &escapes, &overruns, &messages_dropped})
    counter->set(0);
  call.clear();
  gil_wait.clear();
  round_trip.clear();
}

GstStructure *Statistics::to_structure(const char *name) const {
  GstStructure *structure = gst_structure_new(
      name, "buffers", G_TYPE_UINT64, buffers.get(), "frames", G_TYPE_UINT64,
      frames.get(), "errors", G_TYPE_UINT64, errors.get(), "dropped",
      G_TYPE_UINT64, dropped.get(), "copies", G_TYPE_UINT64, copies.get(),
      "escapes", G_TYPE_UINT64, escapes.get(), "overruns", G_TYPE_UINT64,
      overruns.get(), "messages-dropped", G_TYPE_UINT64, messages_dropped.get(),
      nullptr);
  call.describe(structure, "call");
  gil_wait.describe(structure, "gil-wait");
  return structure;
}

}  // namespace pythonfilter
