// SPDX-License-Identifier: LGPL-2.1-or-later
//
// provide-clock: a clock that goes as fast as a sink's device plays.
#include <cmath>

#include "../support/pipeline.hpp"
// Of the plugin file nothing can be called from here; and its times are made
// up.
#include "../../../gst/stream/deviceclock.cpp"

using namespace check;
using pythonfilter::DeviceClock;

namespace {

constexpr int rate = 48000;

// A device of some speed that tells where it is once a period, asked now and
// then, at times that are made up.
struct Device {
  DeviceClock clock;
  GstClockTime now = clock.now();
  double speed = 1, played = 1e6;
  double period = 480;

  void run(GstClockTime time) {
    for (const GstClockTime end = now + time; now < end;
         now += 7 * GST_MSECOND) {
      played += 0.007 * rate * speed;
      clock.note(now, guint64(period * std::floor(played / period)), rate);
    }
  }
  // What the clock would show.
  GstClockTime shows(GstClockTime at) {
    GstClock *set = clock.ref();
    GstClockTime internal, external, numerator, denominator;
    gst_clock_get_calibration(set, &internal, &external, &numerator,
                              &denominator);
    gst_object_unref(set);
    return gst_clock_adjust_with_calibration(set, at, internal, external,
                                             numerator, denominator);
  }
  double how_fast() {
    return double(shows(now + 100 * GST_SECOND) - shows(now)) / 100e9;
  }
};

}  // namespace

GST_START_TEST(test_it_goes_as_fast_as_the_device) {
  for (double speed : {0.995, 0.9999, 1.0, 1.0003, 1.01}) {
    Device device;
    device.speed = speed;
    const GstClockTime begin = device.now, then = device.shows(begin);
    device.run(60 * GST_SECOND);
    fail_unless(std::abs(device.how_fast() - speed) < 5e-4, "%g: %g", speed,
                device.how_fast());
    // And where it is: to a period, and what it took to find that out.
    const double went = double(device.shows(device.now) - then) / 60e9;
    fail_unless(std::abs(went - speed) < 1e-3, "%g: %g", speed, went);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_device_that_stands_still_does_not_stop_it) {
  Device device;
  device.speed = 1.005;
  device.run(20 * GST_SECOND);
  const GstClockTime then = device.shows(device.now);
  device.speed = 0;
  device.run(5 * GST_SECOND);
  const double went = double(device.shows(device.now) - then) / 5e9;
  fail_unless(went > 0.97 && went < 1.03, "%g", went);
  // Another device, which has played as good as nothing.
  device.played = 3;
  device.speed = 0.999;
  const GstClockTime next = device.shows(device.now);
  device.run(20 * GST_SECOND);
  fail_unless(std::abs(device.how_fast() - 0.999) < 5e-4);
  const double since = double(device.shows(device.now) - next) / 20e9;
  fail_unless(std::abs(since - 0.999) < 3e-3, "%g", since);
}
GST_END_TEST;

GST_START_TEST(test_what_is_no_device_leaves_it_as_it_is) {
  Device device;
  device.speed = 7;  // of a plugin that takes whatever comes
  device.run(20 * GST_SECOND);
  fail_unless(std::abs(device.how_fast() - 1) < 1e-6);
  fail_unless(device.shows(device.now) == device.now);
}
GST_END_TEST;

// ---- in a pipeline ----------------------------------------------------------

namespace {

constexpr char device[] = R"(
import time
class Device:
    read_only = True
    def start(self):
        self.began, self.wrote = time.monotonic(), 0
    def get_available_space(self):
        played = int((time.monotonic() - self.began) * 48000)
        return max(0, 4800 - self.wrote + min(played, self.wrote))
    def write_audio(self, buffer):
        self.wrote += buffer.get_frame_count()
)";

std::string clock_of(const Pipeline &pipeline) {
  GstClock *clock = gst_element_get_clock(pipeline.get());
  const std::string name = clock ? GST_OBJECT_NAME(clock) : "none";
  gst_clear_object(&clock);
  return name;
}

std::string sink(const std::string &text, const std::string &properties) {
  return "audiotestsrc num-buffers=30 samplesperbuffer=480 ! "
         "audio/x-raw,rate=48000,channels=1 ! " +
         line_of("pythonsink", write_file("device.py", text), properties);
}

}  // namespace

GST_START_TEST(test_the_pipeline_takes_it_where_it_is_wanted) {
  const std::string offered = "GstPythonSinkClock";
  for (const char *sync : {"sync=false ", "sync=true "}) {
    Pipeline pipeline(sink(device, std::string(sync) + "provide-clock=true"));
    pipeline.expect_to(GST_STATE_PLAYING);
    expect_text(clock_of(pipeline), offered);
    pipeline.expect_eos();
    pipeline.expect_no_reports();
  }
  Pipeline other(sink(device, ""));
  other.expect_to(GST_STATE_PLAYING);
  fail_unless(clock_of(other) != offered);
  other.expect_null();
  // Set later, and taken back.
  for (const gboolean on : {1, 0}) {
    g_object_set(other.python(), "provide-clock", on, nullptr);
    gboolean is;
    g_object_get(other.python(), "provide-clock", &is, nullptr);
    fail_unless_equals_int(is, on);
    other.expect_to(GST_STATE_PLAYING);
    fail_unless((clock_of(other) == offered) == bool(on));
    other.expect_null();
  }
  // It has to know where its device is.
  std::string text = device;
  text.replace(text.find("get_available"), 13, "no_available");
  Pipeline unknown(sink(text, "provide-clock=true"));
  unknown.expect_to(GST_STATE_PLAYING);
  fail_unless(clock_of(unknown) != offered);
}
GST_END_TEST;

static Suite *sinkclock_suite() {
  Suite *suite = suite_create("sinkclock");
  TCase *clock = new_case(suite, "clock");
  tcase_add_test(clock, test_it_goes_as_fast_as_the_device);
  tcase_add_test(clock, test_a_device_that_stands_still_does_not_stop_it);
  tcase_add_test(clock, test_what_is_no_device_leaves_it_as_it_is);
  tcase_add_test(clock, test_the_pipeline_takes_it_where_it_is_wanted);
  return suite;
}

GST_CHECK_MAIN(sinkclock)
