// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where in a source the next block comes from.
#include "pythonelement.hpp"

namespace pythonfilter {

bool PythonElement::has(bool Capabilities::*what) const {
  // Not by plugin_now(): who only asks shall not be the last to have it.
  std::lock_guard lock(mutex_);
  return plugin_ && plugin_->capabilities().*what;
}

bool PythonElement::seek(guint64 place) {
  assert(streaming.is_here());
  GST_DEBUG_OBJECT(element_, "seek(%" G_GUINT64_FORMAT ")", place);
  if (failed_ || refuse_within_call("seek")) return false;
  const BusyHere busy(this);
  if (plugin_->seek(place, &failure_)) return true;
  if (failure_.kind == Failure::Kind::Refused)
    // The plugin has not moved, and can go on.
    report_.post(GST_MESSAGE_WARNING, failure_);
  else
    report(GST_CLOCK_TIME_NONE);
  return false;
}

bool PythonElement::restart() {
  assert(streaming.is_here());
  GST_DEBUG_OBJECT(element_, "the plugin begins anew");
  if (failed_ || refuse_within_call("begin anew")) return false;
  const BusyHere busy(this);
  if (!plugin_->stop(&failure_)) report(GST_CLOCK_TIME_NONE);
  return plugin_->start(stream().format, &failure_) || fail_caps();
}

}  // namespace pythonfilter
