// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Statistics of an element, when somebody asks and when they are due.
#include "pythonelement.hpp"

namespace pythonfilter {

GstStructure *PythonElement::statistics() const {
  return stats_.to_structure("pythonfilter-stats");
}

void PythonElement::post_statistics() {
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
