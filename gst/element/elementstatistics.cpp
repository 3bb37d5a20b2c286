// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Statistics of an element, when somebody asks and when they are due.
#include <gst/base/gstbasesink.h>

#include "pythonelement.hpp"

namespace pythonfilter {

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

GstStructure *PythonElement::statistics() const {
  GstStructure *all = stats_.to_structure("pythonfilter-stats");
  if (kind_ == PluginKind::Sink) add_rendered(GST_BASE_SINK(element_), all);
  WorkerStatistics worker;
  if (!worker_statistics(&worker)) return all;
  gst_structure_set(all, "worker-pid", G_TYPE_INT64, gint64(worker.pid),
                    "restarts", G_TYPE_UINT64, guint64(worker.restarts),
                    "missed-deadlines", G_TYPE_UINT64,
                    guint64(worker.missed_deadlines), "sandbox", G_TYPE_STRING,
                    worker.sandbox.c_str(), nullptr);
  stats_.round_trip.describe(all, "round-trip");
  return all;
}

// False: the plugin runs, or ran, in this process.
bool PythonElement::worker_statistics(WorkerStatistics *now) const {
  std::lock_guard lock(mutex_);
  if (!isolated_) return false;
  if (!plugin_) {
    *now = past_;
    return true;
  }
  *now = plugin_->isolated()->worker_statistics();
  now->restarts += past_.restarts;
  now->missed_deadlines += past_.missed_deadlines;
  return true;
}

// Before plugin_ becomes another one, under mutex_.
void PythonElement::remember_worker() {
  if (!isolated_ || !plugin_) return;
  const WorkerStatistics last = plugin_->isolated()->worker_statistics();
  past_.restarts += last.restarts;
  past_.missed_deadlines += last.missed_deadlines;
  past_.sandbox = last.sandbox;
}

void PythonElement::post_statistics() {
  const BusyHere busy(this);
  gst_element_post_message(
      element_, gst_message_new_element(GST_OBJECT(element_), statistics()));
}

// The first ones an interval from now.
void PythonElement::set_stats_interval(guint milliseconds) {
  stats_interval_ = milliseconds;
  stats_due_ = milliseconds
                   ? ticks() + ticks_in(uint64_t(milliseconds) * 1000000u)
                   : UINT64_MAX;
}

void PythonElement::post_due_statistics() {
  // Not after the old interval any more, if somebody changes it meanwhile.
  uint64_t due = stats_due_;
  const uint64_t length = ticks_in(uint64_t(stats_interval_) * 1000000u);
  const uint64_t now = ticks();
  // In step with the first ones, unless the stream stood still.
  const uint64_t next = due + length > now ? due + length : now + length;
  if (due != UINT64_MAX && length > 0)
    stats_due_.compare_exchange_strong(due, next);
  post_statistics();
}

}  // namespace pythonfilter
