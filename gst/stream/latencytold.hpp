// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which latency an element told, so that it says so, once, when that is not
// true any more. Who asked may be anybody: that somebody knows a new one says
// nothing of the pipeline, which asks when it gets a message.
#pragma once

#include <atomic>
#include <utility>

#include <gst/gst.h>

namespace pythonfilter {

class LatencyTold {
 public:
  // In a LATENCY query, on any thread. `latency()` is what it is now; the
  // answer is what it was last, or check() would never hear of it.
  template <typename Latency>
  GstClockTime tell(const Latency &latency) {
    GstClockTime now = latency();
    for (;;) {
      told_ = now;
      const GstClockTime then = latency();
      if (then == now) return now;
      now = then;
    }
  }
  // The same, on top of what the query has from who is before it.
  template <typename Latency>
  void add_to(GstQuery *query, const Latency &latency) {
    const GstClockTime ours = tell(latency);
    gboolean live;
    GstClockTime least, most;
    gst_query_parse_latency(query, &live, &least, &most);
    least += ours;
    if (GST_CLOCK_TIME_IS_VALID(most)) most += ours;
    gst_query_set_latency(query, live, least, most);
  }
  void forget() { told_ = GST_CLOCK_TIME_NONE; }

  // The streaming thread's. Whether it is another one, and that was posted; of
  // one that nobody has asked for nobody has to hear.
  bool check(GstElement *element, GstClockTime now) {
    const bool changes = std::exchange(last_, now) != now;
    const GstClockTime told = told_;
    if (G_LIKELY(told == now && !changes) || told == GST_CLOCK_TIME_NONE)
      return false;
    told_ = now;
    gst_element_post_message(element,
                             gst_message_new_latency(GST_OBJECT(element)));
    return true;
  }

 private:
  std::atomic<GstClockTime> told_{GST_CLOCK_TIME_NONE};
  GstClockTime last_ = 0;  // in check()
};

}  // namespace pythonfilter
