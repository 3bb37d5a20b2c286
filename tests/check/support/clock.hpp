// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pipeline with a GstTestClock, which shows another time only where a test
// says so: nothing is decided by how busy the machine is.
#pragma once

#include <gst/check/gsttestclock.h>

#include "pipeline.hpp"

namespace check {

class Clocked : public Pipeline {
 public:
  explicit Clocked(const std::string &line) : Pipeline(line) { use_clock(); }
  ~Clocked() {
    gst_element_set_state(get(), GST_STATE_NULL);
    gst_object_unref(clock_);
  }
  // Another one, which shows this time.
  void use_clock(GstClockTime time = 0) {
    gst_clear_object(&clock_);
    clock_ = GST_TEST_CLOCK(gst_test_clock_new_with_start_time(time));
    gst_pipeline_use_clock(GST_PIPELINE(get()), GST_CLOCK(clock_));
  }
  // Until an element waits; the time that it waits for.
  GstClockTime wait_for_wait() const {
    GstClockID id = nullptr;
    fail_unless(wait_until([this] { return waits(); }), "nothing waits");
    fail_unless(gst_test_clock_peek_next_pending_id(clock_, &id));
    const GstClockTime time = gst_clock_id_get_time(id);
    gst_clock_id_unref(id);
    return time;
  }
  bool waits() const { return gst_test_clock_peek_id_count(clock_) > 0; }
  // To when it waits for.
  void crank() const { fail_unless(gst_test_clock_crank(clock_)); }
  // What is due already comes; a test clock holds that as well.
  void crank_until(const Output &output, size_t buffers) const {
    fail_unless(wait_until([&] {
      if (output.count() < buffers && waits()) crank();
      return output.count() >= buffers;
    }));
  }
  void advance(GstClockTime time) const {
    gst_test_clock_advance_time(clock_, GstClockTimeDiff(time));
  }

 private:
  GstTestClock *clock_ = nullptr;
};

}  // namespace check
