// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which latency an element told, so that it says so, once, when that is not
// true any more.
#pragma once

#include <atomic>

#include <gst/gst.h>

namespace pythonfilter {

class LatencyTold {
 public:
  // In a LATENCY query, on any thread. `latency()` is what it is now; the
  // answer is what it was last, or is_wrong() would never hear of it.
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
  // Nobody has to hear of one that nobody has asked for.
  bool is_wrong(GstClockTime now) const {
    const GstClockTime told = told_;
    return told != GST_CLOCK_TIME_NONE && told != now;
  }
  void forget() { told_ = GST_CLOCK_TIME_NONE; }

  // After is_wrong().
  void post(GstElement *element, GstClockTime now) {
    told_ = now;
    gst_element_post_message(element,
                             gst_message_new_latency(GST_OBJECT(element)));
  }

 private:
  std::atomic<GstClockTime> told_{GST_CLOCK_TIME_NONE};
};

}  // namespace pythonfilter
