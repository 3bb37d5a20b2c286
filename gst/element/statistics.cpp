// SPDX-License-Identifier: LGPL-2.1-or-later
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <gst/base/gstbasesink.h>

#include "../stream/busyhere.hpp"

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

// ---- an element's -----------------------------------------------------------

void Statistics::begin(bool isolated) {
  for (Counter *counter : {&buffers, &frames, &errors, &dropped, &copies,
                           &escapes, &overruns, &messages_dropped})
    counter->set(0);
  errors_beside_ = 0;
  for (Histogram *histogram : {&call, &gil_wait, &round_trip})
    histogram->clear();
  std::lock_guard lock(mutex_);
  isolated_ = isolated;
  past_ = {};
}

void Statistics::set_worker(const Isolated *worker) {
  std::lock_guard lock(mutex_);
  if (worker_) {
    const WorkerStatistics last = worker_->worker_statistics();
    past_.restarts += last.restarts;
    past_.missed_deadlines += last.missed_deadlines;
    past_.sandbox = last.sandbox;
  }
  worker_ = worker;
}

// False: the plugin runs, or ran, in this process.
bool Statistics::of_workers(WorkerStatistics *all) const {
  std::lock_guard lock(mutex_);
  *all = past_;
  if (!worker_) return isolated_;
  *all = worker_->worker_statistics();
  all->restarts += past_.restarts;
  all->missed_deadlines += past_.missed_deadlines;
  return true;
}

namespace {

// The base class's property of the same name: what it dropped came too late,
// and is no less lost than what the plugin dropped.
void add_rendered(GstBaseSink *sink, GstStructure *all) {
  g_autoptr(GstStructure) base = gst_base_sink_get_stats(sink);
  guint64 rendered = 0, late = 0, dropped = 0;
  double rate = 0;
  gst_structure_get(base, "rendered", G_TYPE_UINT64, &rendered, "dropped",
                    G_TYPE_UINT64, &late, "average-rate", G_TYPE_DOUBLE, &rate,
                    nullptr);
  gst_structure_get_uint64(all, "dropped", &dropped);
  gst_structure_set(all, "rendered", G_TYPE_UINT64, rendered, "dropped",
                    G_TYPE_UINT64, late + dropped, "average-rate",
                    G_TYPE_DOUBLE, rate, nullptr);
}

}  // namespace

GstStructure *Statistics::to_structure() const {
  GstStructure *all = gst_structure_new_empty("pythonfilter-stats");
  for (const auto &[name, counter] : {std::pair("buffers", &buffers),
                                      {"frames", &frames},
                                      {"errors", &errors},
                                      {"dropped", &dropped},
                                      {"copies", &copies},
                                      {"escapes", &escapes},
                                      {"overruns", &overruns},
                                      {"messages-dropped", &messages_dropped}})
    gst_structure_set(all, name, G_TYPE_UINT64, counter->get(), nullptr);
  gst_structure_set(all, "errors", G_TYPE_UINT64, errors.get() + errors_beside_,
                    nullptr);
  call.describe(all, "call");
  gil_wait.describe(all, "gil-wait");
  if (GST_IS_BASE_SINK(element_)) add_rendered(GST_BASE_SINK(element_), all);
  WorkerStatistics worker;
  if (!of_workers(&worker)) return all;
  gst_structure_set(all, "worker-pid", G_TYPE_INT64, gint64(worker.pid),
                    "restarts", G_TYPE_UINT64, guint64(worker.restarts),
                    "missed-deadlines", G_TYPE_UINT64,
                    guint64(worker.missed_deadlines), "sandbox", G_TYPE_STRING,
                    worker.sandbox.c_str(), nullptr);
  round_trip.describe(all, "round-trip");
  return all;
}

void Statistics::post() const {
  const BusyHere busy(busy_);
  gst_element_post_message(
      element_, gst_message_new_element(GST_OBJECT(element_), to_structure()));
}

void Statistics::set_interval(guint milliseconds) {
  interval_ = milliseconds;
  due_ = milliseconds ? ticks() + ticks_in(uint64_t(milliseconds) * 1000000u)
                      : UINT64_MAX;
}

void Statistics::post_due() {
  // Not after the old interval any more, if somebody changes it meanwhile.
  uint64_t due = due_;
  const uint64_t length = ticks_in(uint64_t(interval_) * 1000000u);
  const uint64_t now = ticks();
  // In step with the first ones, unless the stream stood still.
  const uint64_t next = due + length > now ? due + length : now + length;
  if (due != UINT64_MAX && length > 0) due_.compare_exchange_strong(due, next);
  post();
}

}  // namespace pythonfilter
