// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is told of a plugin that failed, when, and by which policy.
#include <utility>

#include "../caps/foreigntext.hpp"
#include "failuremessage.hpp"
#include "pythonelement.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

namespace pythonfilter {

namespace {

constexpr uint64_t warning_interval_ns = 1000000000;

// A pipeline throws away what is on its bus when it goes to NULL, and an
// element that was taken out of one has no bus.
bool is_heard(GstElement *element) {
  g_autoptr(GstElement) top = GST_ELEMENT(gst_object_ref(element));
  while (GstObject *parent = gst_object_get_parent(GST_OBJECT(top))) {
    gst_object_unref(top);
    top = GST_ELEMENT(parent);
  }
  const bool flushes = !GST_IS_PIPELINE(top) ||
                       gst_pipeline_get_auto_flush_bus(GST_PIPELINE(top));
  GST_OBJECT_LOCK(top);
  const bool goes = GST_STATE_TARGET(top) == GST_STATE_NULL;
  const bool has_bus = top->bus != nullptr;
  GST_OBJECT_UNLOCK(top);
  return has_bus && !(goes && flushes);
}

constexpr char advice[] =
    "; with on-error=silence, passthrough or drop the stream goes on";
constexpr char closed_advice[] = "; with on-error=drop the stream goes on";

}  // namespace

void PythonElement::call_hangs(const std::string &phase,
                               const std::string &stack) {
  Failure failure;
  failure.phase = phase;
  failure.message = phase +
                    "() hangs outside Python code, where it cannot be "
                    "interrupted; the element cannot stop before it returns";
  failure.traceback = stack;
  post(GST_MESSAGE_WARNING, failure);
}

Outcome PythonElement::refuse(const std::string &problem) {
  failure_ = Failure{};
  failure_.kind = Failure::Kind::Refused;
  failure_.phase = kind_ == PluginKind::Sink     ? "write_audio"
                   : kind_ == PluginKind::Source ? "read_audio"
                                                 : "process_audio";
  failure_.message = problem;
  return Outcome::Failed;
}

void PythonElement::warn_about_escapes() {
  stats_.escapes.add();
  if (escape_warned_.exchange(true)) return;
  GST_ELEMENT_WARNING(
      element_, STREAM, FAILED,
      ("%s: the plugin keeps an array of a buffer after the call; it stays "
       "valid, but each one costs a copy. Keep buffer.data.copy() instead",
       name_.c_str()),
      ("told once; stats counts them as escapes"));
}

GstFlowReturn PythonElement::report(GstClockTime pts, OnError policy) {
  if (failure_.kind == Failure::Kind::Closing) return GST_FLOW_FLUSHING;
  const bool late = failure_.kind == Failure::Kind::Late;
  if (!late) stats_.errors.add();  // those are missed-deadlines
  // Now: a secret that changes is not known any more when it is told.
  params_.redact(&failure_);
  untold_ = {untold_.count + 1, std::move(failure_), pts};
  const bool dropped = untold_.failure.kind == Failure::Kind::Dropped;
  // Not worth an error any more: the stream ends on purpose.
  const bool stopping = !dropped && stopping_.load(std::memory_order_relaxed);
  const bool fail =
      !dropped && !stopping && ends_stream(untold_.failure.kind, policy);
  if (fail || stopping || last_told_ == 0 ||
      monotonic_ns() - last_told_ >= warning_interval_ns)
    tell(fail ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING);
  if (stopping) return GST_FLOW_FLUSHING;
  if (!fail) return GST_FLOW_OK;
  failed_ = true;
  return GST_FLOW_ERROR;
}

// A policy is for what can be let through until the plugin works again. Late is
// not broken, and may be the computer's fault.
bool PythonElement::ends_stream(Failure::Kind kind, OnError policy) {
  if (kind == Failure::Kind::Late) return false;
  return policy == OnError::Fail || kind == Failure::Kind::Gone;
}

OnError PythonElement::lets_through(Outcome outcome) const {
  if (outcome == Outcome::Dropped) return OnError::Drop;
  const OnError policy = on_error();
  if (policy != OnError::Fail || failure_.kind != Failure::Kind::Late)
    return policy;
  return capabilities().fail_closed ? OnError::Drop : OnError::Silence;
}

void PythonElement::tell(GstMessageType type) {
  last_told_ = monotonic_ns();
  Untold told = std::exchange(untold_, {});
  if (told.failure.kind == Failure::Kind::Lost && type == GST_MESSAGE_ERROR)
    told.failure.message +=
        plugin_ && plugin_->capabilities().fail_closed ? closed_advice : advice;
  announce(type, told.failure, told.pts, told.count);
}

// Nobody knows of failures that came within a second of the last message.
void PythonElement::tell_rest() {
  if (untold_.count > 0) tell(GST_MESSAGE_WARNING);
}

// One that is told by itself.
void PythonElement::post(GstMessageType type, Failure failure) {
  params_.redact(&failure);
  announce(type, failure, GST_CLOCK_TIME_NONE, 1);
}

// On the bus and in the log; and where nobody reads the bus any more, as an
// exception that Python cannot raise anywhere: on standard error.
void PythonElement::announce(GstMessageType type, const Failure &failure,
                             GstClockTime pts, guint64 count) {
  const BusyHere busy(this);
  std::string name;
  {
    std::lock_guard lock(mutex_);
    name = name_;
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
