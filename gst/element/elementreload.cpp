// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How one plugin takes over from another in the middle of a stream.
#include <algorithm>
#include <utility>

#include "../caps/plugincaps.hpp"
#include "../params/parametertypes.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

void PythonElement::reload_failed(const Failure &failure) {
  if (failure.kind != Failure::Kind::Closing)
    report_.post(GST_MESSAGE_WARNING, failure);
}

void PythonElement::cannot_watch(const std::string &problem) {
  GST_ELEMENT_WARNING(
      element_, RESOURCE, OPEN_READ,
      ("%s: its folder cannot be watched: %s", name_.c_str(), problem.c_str()),
      ("the signal reload works all the same"));
}

bool PythonElement::carries_state(const Candidate &next) const {
  return plugin_->capabilities().carries_state &&
         next.plugin->capabilities().carries_state;
}

// The old plugin stays as it is until nothing can fail any more.
bool PythonElement::accept_code(Candidate *next) {
  assert(streaming.is_here());
  if (failed_ || stopping_.load(std::memory_order_relaxed)) return false;
  // Nothing new is to be refused for what the old one would not have either.
  if (params_.changed() && apply_params() != GST_FLOW_OK) return false;
  if (!reloader_.take(next)) return false;
  const BusyHere busy(this);
  Failure failure;
  if (hand_over(next, &failure)) return true;
  {
    std::lock_guard lock(mutex_);
    fail_closed_ = plugin_->capabilities().fail_closed;
  }
  reload_failed(failure);
  reloader_.discard(std::move(*next));
  return false;
}

bool PythonElement::hand_over(Candidate *next, Failure *failure) {
  if (!close_if_asked(next->plugin->capabilities())) {
    *failure = {Failure::Kind::Refused, "reload", "",
                "the new code is not taken: on-error is not for a plugin that "
                "says that nothing unprocessed may leave it"};
    return false;
  }
  // Some were set since the reloader's thread told it all.
  std::vector<Parameter> now = params_.accepted();
  bool good = true;
  for (Parameter &parameter : now) {
    const auto told = std::find_if(
        next->told.begin(), next->told.end(), [&](const Parameter &each) {
          return each.key == parameter.key && each.value == parameter.value;
        });
    if (told != next->told.end()) continue;
    next->told.push_back(parameter);
    good = good && next->plugin->set_parameter(&parameter, failure);
    next->answers.push_back(parameter);
  }
  wipe(&now);
  if (!good) return false;
  const bool carries = carries_state(*next);
  if (carries && !plugin_->get_state(&next->state, failure)) return false;
  if (is_an_end(kind_)) return change_over(next, carries, failure);
  return !carries || next->plugin->set_state(next->state, failure);
}

// The old one lets go of its device or file first, and has it again if the new
// one cannot use it.
bool PythonElement::change_over(Candidate *next, bool carries,
                                Failure *failure) {
  Failure stopped;
  if (!plugin_->stop(&stopped)) reload_failed(stopped);
  next->started = true;
  if (next->plugin->start(stream().format, failure) &&
      (!carries || next->plugin->set_state(next->state, failure)))
    return true;
  next->started = false;
  Failure ignored;
  next->plugin->stop(&ignored);
  if (!plugin_->start(stream().format, &failure_)) fail_caps();
  return false;
}

// The old code must not end the stream: the new one is there because the old
// has faults.
void PythonElement::drain_old(Tail *tail, GstClockTime pts) {
  assert(streaming.is_here());
  Failure failure;
  tail->pts = pts;
  if (plugin_->capabilities().has_drain && !plugin_->drain(tail, &failure))
    reload_failed(failure);
}

void PythonElement::take_over(Candidate next) {
  assert(streaming.is_here());
  const BusyHere busy(this);
  const Capabilities &capabilities = next.plugin->capabilities();
  const bool carried = carries_state(next);
  const std::string before = signature_of(plugin_->capabilities().parameters);
  Candidate old;
  old.started = !is_an_end(kind_);
  {
    std::lock_guard lock(mutex_);
    old.plugin = std::exchange(plugin_, next.plugin);
  }
  caps.open(capabilities, next.conversion);
  lender_->set(next.plugin);
  stats_.set_worker(next.plugin->isolated());
  reloader_.discard(std::move(old));
  for (const Parameter &answer : next.answers)
    params_.accept(answer);
  // Parameters that are declared the same, whatever they are now, stay the same
  // object, with whatever controls it.
  if (signature_of(capabilities.parameters) != before) {
    properties_.withdraw();
    properties_.publish(capabilities.parameters, name_);
  } else {
    properties_.refresh(capabilities.parameters);
  }
  for (const Parameter &told : next.told)
    properties_.tell_outcome(told);
  params_.declare(capabilities.parameters);
  tell_warnings(capabilities);
  curves_.open(capabilities.parameters);
  curves_.refresh(properties_);
  const guint64 count = reloader_.took_over(capabilities);
  if (capabilities.has_latency)
    update_latency();
  else
    set_latency(0);
  gst_element_post_message(
      element_, gst_message_new_element(
                    GST_OBJECT(element_),
                    gst_structure_new("pythonfilter-reloaded", "plugin",
                                      G_TYPE_STRING, name_.c_str(), "count",
                                      G_TYPE_UINT64, count, "state-carried",
                                      G_TYPE_BOOLEAN, carried, nullptr)));
}

}  // namespace pythonfilter
