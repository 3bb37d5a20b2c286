// SPDX-License-Identifier: LGPL-2.1-or-later
#include "failurereport.hpp"

#include <utility>

#include "../caps/foreigntext.hpp"
#include "../debug.hpp"
#include "../stream/busyhere.hpp"
#include "failuremessage.hpp"

namespace pythonfilter {

namespace {

constexpr uint64_t warning_interval_ns = 1000000000;

// A pipeline throws away what is on its bus when it goes to NULL, and an
// element that was taken out of one has no bus.
bool is_heard(GstElement *element) {
  g_autoptr(GstObject) bin = gst_object_get_parent(GST_OBJECT(element));
  if (bin) return is_heard(GST_ELEMENT(bin));
  const bool flushes = !GST_IS_PIPELINE(element) ||
                       gst_pipeline_get_auto_flush_bus(GST_PIPELINE(element));
  GST_OBJECT_LOCK(element);
  const bool goes = GST_STATE_TARGET(element) == GST_STATE_NULL;
  const bool has_bus = element->bus != nullptr;
  GST_OBJECT_UNLOCK(element);
  return has_bus && !(goes && flushes);
}

constexpr char advice[] =
    "; with on-error=silence, passthrough or drop the stream goes on";
constexpr char closed_advice[] = "; with on-error=drop the stream goes on";

bool is_same(const Failure &one, const Failure &other) {
  return one.kind == other.kind && one.phase == other.phase &&
         one.type == other.type && one.message == other.message &&
         one.file == other.file && one.line == other.line;
}

// A policy is for what can be let through until the plugin works again. Late is
// not broken, and may be the computer's fault.
bool ends_stream(Failure::Kind kind, OnError policy) {
  if (kind == Failure::Kind::Late) return false;
  return policy == OnError::Fail || kind == Failure::Kind::Gone;
}

}  // namespace

void FailureReport::begin(const std::string &plugin) {
  std::lock_guard lock(mutex_);
  plugin_ = plugin;
  last_told_ = 0;
  told_ = {};
  untold_ = repeated_ = {};
}

GstFlowReturn FailureReport::add(Failure failure, GstClockTime pts,
                                 OnError policy, bool fails_closed) {
  // Now: a secret that changes is not known any more when it is told.
  params_.redact(&failure);
  untold_ = {untold_.count + 1, std::move(failure), pts};
  const bool dropped = untold_.failure.kind == Failure::Kind::Dropped;
  // Not worth an error any more: the stream ends on purpose.
  const bool stopping = !dropped && stopping_.load(std::memory_order_relaxed);
  const bool fail =
      !dropped && !stopping && ends_stream(untold_.failure.kind, policy);
  // A worker's end does not wait behind buffers that were only late.
  const bool news = untold_.failure.kind == Failure::Kind::Lost &&
                    told_ != Failure::Kind::Lost;
  if (fail || stopping || news || last_told_ == 0 ||
      monotonic_ns() - last_told_ >= warning_interval_ns)
    tell(fail ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING, fails_closed);
  if (stopping) return GST_FLOW_FLUSHING;
  return fail ? GST_FLOW_ERROR : GST_FLOW_OK;
}

void FailureReport::tell(GstMessageType type, bool fails_closed) {
  last_told_ = monotonic_ns();
  Untold told = std::exchange(untold_, {});
  told_ = told.failure.kind;
  if (told.failure.kind == Failure::Kind::Lost && type == GST_MESSAGE_ERROR)
    told.failure.message += fails_closed ? closed_advice : advice;
  announce(type, told.failure, told.pts, told.count);
}

void FailureReport::post(GstMessageType type, Failure failure) {
  params_.redact(&failure);
  announce(type, failure, GST_CLOCK_TIME_NONE, 1);
}

void FailureReport::warn(Failure failure) {
  params_.redact(&failure);
  bool same;
  {
    std::lock_guard lock(mutex_);
    same = is_same(repeated_.failure, failure);
    if (same) repeated_.count++;
    if (same && monotonic_ns() - warned_ < warning_interval_ns) return;
  }
  tell_repeated();
  if (same) return;
  {
    std::lock_guard lock(mutex_);
    repeated_ = {0, failure, GST_CLOCK_TIME_NONE};
    warned_ = monotonic_ns();
  }
  announce(GST_MESSAGE_WARNING, failure, GST_CLOCK_TIME_NONE, 1);
}

void FailureReport::tell_repeated() {
  Untold told;
  {
    std::lock_guard lock(mutex_);
    if (repeated_.count == 0) return;
    told = repeated_;
    repeated_.count = 0;
    warned_ = monotonic_ns();
  }
  announce(GST_MESSAGE_WARNING, told.failure, told.pts, told.count);
}

// On the bus and in the log; and where nobody reads the bus any more, as an
// exception that Python cannot raise anywhere: on standard error.
void FailureReport::announce(GstMessageType type, const Failure &failure,
                             GstClockTime pts, guint64 count) {
  const BusyHere busy(busy_);
  std::string name;
  {
    std::lock_guard lock(mutex_);
    name = plugin_;
  }
  // An ERROR that is heard has the application stop the pipeline.
  const bool heard = type == GST_MESSAGE_ERROR && is_heard(element_);
  const std::string text =
      post_failure(element_, type, name, failure, pts, count);
  if (type == GST_MESSAGE_ERROR)
    GST_ERROR_OBJECT(element_, "%s", text.c_str());
  else
    GST_WARNING_OBJECT(element_, "%s", text.c_str());
  if (!heard && stopping_.load(std::memory_order_relaxed) &&
      !is_heard(element_))
    g_warning("%s%s%s", text.c_str(), failure.traceback.empty() ? "" : "\n",
              shown_text(failure.traceback).c_str());
}

}  // namespace pythonfilter
