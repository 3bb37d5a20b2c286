// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A live pythonsrc and the pipeline's clock, which here is a GstTestClock: it
// shows another time only where a test says so.
#include "../support/clock.hpp"

using namespace check;

namespace {

constexpr char sink[] =
    " ! audio/x-raw,rate=48000,channels=1 ! fakesink async=false sync=false";
constexpr guint64 frames = 480;  // 10 ms
constexpr GstClockTime length = 10 * GST_MSECOND;

// A source of 10 ms each with these methods; go(n) waits until the test says
// go_on(n), while which the clock can be set.
std::string source(const std::string &methods, const std::string &properties) {
  return line_of("pythonsrc",
                 write_file("source.py",
                            "import os, time\n"
                            "from base_plugin import *\n"
                            "from checklog import say\n"
                            "def go(n):\n"
                            "    say('at', n)\n"
                            "    while not os.path.exists('" +
                                folder() +
                                "/go%d' % n): time.sleep(0.001)\n"
                                "class Source(AudioSourcePlugin):\n"
                                "    calls = 0\n"
                                "    def get_buffer_size(self): return 480\n" +
                                methods),
                 "is-live=true " + properties) +
         sink;
}

constexpr char counting[] =
    "    def read_audio(self, buffer):\n"
    "        self.calls += 1\n"
    "        buffer.data[:] = self.calls\n";

void go_on(int call) {
  write_file("go" + std::to_string(call), "");
}

int latency_messages(const Pipeline &pipeline) {
  int count = 0;
  while (GstMessage *message =
             next_message(pipeline.bus(), GST_MESSAGE_LATENCY)) {
    count += GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline.python());
    gst_message_unref(message);
  }
  return count;
}

GstClockTime latency_of(const Pipeline &pipeline) {
  GstQuery *query = gst_query_new_latency();
  fail_unless(gst_element_query(pipeline.python(), query));
  gboolean live;
  GstClockTime least, most;
  gst_query_parse_latency(query, &live, &least, &most);
  fail_unless(live);
  gst_query_unref(query);
  return least;
}

}  // namespace

// ---- waiting ----------------------------------------------------------------

GST_START_TEST(test_buffers_come_when_the_clock_says_so_and_never_before) {
  Clocked pipeline(source(counting, ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  for (guint64 i = 0; i < 20; i++) {
    fail_unless_equals_uint64(pipeline.wait_for_wait(), (i + 1) * length);
    fail_unless_equals_uint64(output.count(), i);
    pipeline.crank();
    fail_unless(output.wait_for(i + 1));
    const Seen seen = output.all()[i];
    fail_unless_equals_uint64(seen.pts, i * length);
    fail_unless(seen.discont == (i == 0));
  }
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_clock_that_jumps_ahead_brings_what_is_due_and_no_more) {
  Clocked pipeline(source(counting, ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.wait_for_wait();
  pipeline.advance(500 * GST_MSECOND);
  pipeline.crank_until(output, 50);
  fail_unless_equals_uint64(pipeline.wait_for_wait(), 510 * GST_MSECOND);
  const auto seen = output.all();
  fail_unless_equals_int(seen.size(), 50);
  for (size_t i = 0; i < seen.size(); i++) {
    fail_unless_equals_uint64(seen[i].pts, i * length);
    fail_unless(seen[i].discont == (i == 0));
  }
}
GST_END_TEST;

// What was made already is sent when it is due by the new clock.
GST_START_TEST(test_pausing_ends_the_wait_and_another_clock_goes_on) {
  // Its last buffer may still be looked at when the pipeline is stopped.
  std::vector<double> numbers;
  Clocked pipeline(source(counting, ""));
  const Output output(pipeline.python());
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const Audio mono = {"F32", false, 1};
    expect_samples(buffer, mono,
                   [&](int, size_t) { return double(numbers.size() + 1); });
    numbers.push_back(1);
  });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.wait_for_wait();
  pipeline.crank();
  fail_unless(output.wait_for(1));
  pipeline.wait_for_wait();
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  fail_unless(wait_until([&] { return !pipeline.waits(); }));
  pipeline.use_clock(7 * GST_SECOND);
  pipeline.expect_to(GST_STATE_PLAYING);
  // It paused at 10 ms, and has to be 20.
  fail_unless_equals_uint64(pipeline.wait_for_wait(),
                            7 * GST_SECOND + 10 * GST_MSECOND);
  pipeline.crank();
  fail_unless(output.wait_for(2));
  const Seen seen = output.all()[1];
  fail_unless_equals_uint64(seen.pts, length);
  fail_unless(!seen.discont);
}
GST_END_TEST;

GST_START_TEST(test_a_flush_the_end_and_null_do_not_wait_for_the_clock) {
  for (int how = 0; how < 3; how++) {
    Clocked pipeline(source(counting, ""));
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.wait_for_wait();
    if (how == 0) {
      pipeline.expect_null();
    } else if (how == 1) {
      fail_unless(gst_element_send_event(pipeline.get(), gst_event_new_eos()));
      pipeline.expect_eos();
    } else {
      const Output output(pipeline.python());
      GstElement *element = pipeline.python();
      fail_unless(gst_element_send_event(element, gst_event_new_flush_start()));
      fail_unless(wait_until([&] { return !pipeline.waits(); }));
      gst_element_send_event(element, gst_event_new_flush_stop(FALSE));
      pipeline.wait_for_wait();
      pipeline.crank();
      fail_unless(output.wait_for(1));
    }
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_nothing_yet_is_silence_when_the_plugins_latency_is_over) {
  Clocked pipeline(
      source("    def read_audio(self, buffer): return False\n"
             "    def get_processing_latency(self): return 0.2\n",
             ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  GstClockTime time = 0;
  while (output.count() == 0) {
    time = std::max(time, pipeline.wait_for_wait());
    fail_unless(time <= 210 * GST_MSECOND);
    pipeline.crank();
    wait_until([&] { return output.count() > 0 || pipeline.waits(); });
  }
  fail_unless_equals_uint64(time, 210 * GST_MSECOND);
  fail_unless(output.all()[0].gap);
  fail_unless_equals_uint64(output.all()[0].pts, 0);
}
GST_END_TEST;

// ---- lost time --------------------------------------------------------------

GST_START_TEST(test_what_the_plugin_says_it_lost_moves_the_times) {
  Clocked pipeline(
      source("    def read_audio(self, buffer):\n"
             "        self.calls += 1\n"
             "        if self.calls == 3:\n"
             "            go(3)\n"
             "            buffer.discont = True\n",
             ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  for (guint64 i = 1; i <= 2; i++) {
    pipeline.wait_for_wait();
    pipeline.crank();
    fail_unless(output.wait_for(i));
  }
  fail_unless(wait_for_log("at 3"));
  pipeline.advance(GST_SECOND);  // 1.02 s now
  go_on(3);
  pipeline.crank_until(output, 3);
  const Seen late = output.all()[2];
  fail_unless_equals_uint64(late.pts, 1010 * GST_MSECOND);
  fail_unless_equals_uint64(late.duration, length);
  fail_unless_equals_uint64(late.offset, 1010 * 48);
  fail_unless(late.discont);
  fail_unless_equals_uint64(pipeline.wait_for_wait(), 1030 * GST_MSECOND);
  pipeline.crank();
  fail_unless(output.wait_for(4));
  fail_unless(!output.all()[3].discont);
  fail_unless_equals_uint64(output.all()[3].offset, 1020 * 48);
}
GST_END_TEST;

// A word alone moves no time that was not lost, and never back.
GST_START_TEST(test_a_break_in_time_is_marked_and_moves_nothing) {
  Clocked pipeline(
      source("    def read_audio(self, buffer):\n"
             "        self.calls += 1\n"
             "        if self.calls == 2: buffer.discont = True\n",
             ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  for (guint64 i = 0; i < 3; i++) {
    pipeline.wait_for_wait();
    pipeline.crank();
    fail_unless(output.wait_for(i + 1));
    const Seen seen = output.all()[i];
    fail_unless_equals_uint64(seen.pts, i * length);
    fail_unless(seen.discont == (i < 2));
  }
}
GST_END_TEST;

// For a second it may still catch up; then the times move by themselves.
GST_START_TEST(test_one_that_stays_late_for_a_second_moves_its_times) {
  Clocked pipeline(
      source("    def read_audio(self, buffer):\n"
             "        self.calls += 1\n"
             "        go(self.calls)\n",
             ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  for (guint64 i = 1; i <= 5; i++) {
    fail_unless(wait_for_log("at " + std::to_string(i) + "\n"));
    pipeline.advance(300 * GST_MSECOND);
    go_on(int(i));
    pipeline.crank_until(output, i);
    const Seen seen = output.all()[i - 1];
    fail_unless_equals_uint64(
        seen.pts, i < 5 ? (i - 1) * length : 1500 * GST_MSECOND - length);
    fail_unless(seen.discont == (i == 1 || i == 5));
  }
}
GST_END_TEST;

GST_START_TEST(test_one_that_catches_up_keeps_its_times) {
  Clocked pipeline(
      source("    def read_audio(self, buffer):\n"
             "        self.calls += 1\n"
             "        if self.calls == 2: go(2)\n",
             ""));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.wait_for_wait();
  pipeline.crank();
  fail_unless(wait_for_log("at 2"));
  pipeline.advance(3 * GST_SECOND);
  go_on(2);
  pipeline.crank_until(output, 301);
  const auto seen = output.all();
  for (size_t i = 0; i < seen.size(); i++) {
    fail_unless_equals_uint64(seen[i].pts, i * length);
    fail_unless(seen[i].discont == (i == 0));
  }
}
GST_END_TEST;

// ---- times and latency ------------------------------------------------------

GST_START_TEST(test_do_timestamp_is_the_time_of_the_first_frame) {
  Clocked pipeline(
      source("    def read_audio(self, buffer):\n"
             "        self.calls += 1\n"
             "        if self.calls == 3: go(3)\n",
             "do-timestamp=true"));
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  for (guint64 i = 0; i < 2; i++) {
    pipeline.wait_for_wait();
    pipeline.crank();
    fail_unless(output.wait_for(i + 1));
    fail_unless_equals_uint64(output.all()[i].pts, i * length);
  }
  fail_unless(wait_for_log("at 3"));
  pipeline.advance(30 * GST_MSECOND);
  go_on(3);
  pipeline.crank_until(output, 3);
  fail_unless_equals_uint64(output.all()[2].pts, 40 * GST_MSECOND);
  fail_unless_equals_uint64(output.all()[2].duration, length);
  fail_unless_equals_uint64(output.all()[2].offset, 2 * frames);
}
GST_END_TEST;

GST_START_TEST(test_latency_is_the_buffers_and_the_plugins_and_told_once) {
  Clocked pipeline(source(std::string(counting) +
                              "    late = 0.2\n"
                              "    def get_processing_latency(self):\n"
                              "        return self.late\n",
                          ""));
  const Output output(pipeline.python());
  // In PAUSED a live source has caps, and so a latency, before it is asked.
  pipeline.expect_to(GST_STATE_PAUSED);
  fail_unless(
      wait_until([&] { return latency_of(pipeline) == 210 * GST_MSECOND; }));
  latency_messages(pipeline);
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.wait_for_wait();
  pipeline.crank();
  fail_unless(output.wait_for(1));
  fail_unless_equals_int(latency_messages(pipeline), 0);
  gst_util_set_object_arg(G_OBJECT(pipeline.python()), "params", "p,late=0.5");
  for (guint64 i = 2; i <= 4; i++) {
    pipeline.wait_for_wait();
    pipeline.crank();
    fail_unless(output.wait_for(i));
  }
  fail_unless_equals_int(latency_messages(pipeline), 1);
  fail_unless_equals_uint64(latency_of(pipeline), 510 * GST_MSECOND);
}
GST_END_TEST;

GST_START_TEST(test_new_caps_tell_the_new_latency_once) {
  std::string line = source(counting, "");
  line.replace(line.find(sink), std::string::npos,
               " ! capsfilter name=caps caps=audio/x-raw,rate=48000,channels=1 "
               "! fakesink async=false sync=false");
  Clocked pipeline(line);
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.wait_for_wait();
  fail_unless_equals_uint64(latency_of(pipeline), length);
  latency_messages(pipeline);
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline.get()), "caps");
  gst_util_set_object_arg(G_OBJECT(filter), "caps",
                          "audio/x-raw,rate=8000,channels=1");
  gst_object_unref(filter);
  for (guint64 i = 1; i <= 3; i++) {
    pipeline.wait_for_wait();
    pipeline.crank();
    fail_unless(output.wait_for(i));
  }
  fail_unless_equals_int(latency_messages(pipeline), 1);
  fail_unless_equals_uint64(latency_of(pipeline), 60 * GST_MSECOND);
}
GST_END_TEST;

static Suite *sourceclock_suite() {
  Suite *suite = suite_create("sourceclock");
  TCase *waiting = new_case(suite, "waiting");
  tcase_add_test(waiting,
                 test_buffers_come_when_the_clock_says_so_and_never_before);
  tcase_add_test(waiting,
                 test_a_clock_that_jumps_ahead_brings_what_is_due_and_no_more);
  tcase_add_test(waiting, test_pausing_ends_the_wait_and_another_clock_goes_on);
  tcase_add_test(waiting,
                 test_a_flush_the_end_and_null_do_not_wait_for_the_clock);
  tcase_add_test(waiting,
                 test_nothing_yet_is_silence_when_the_plugins_latency_is_over);
  TCase *lost = new_case(suite, "lost time");
  tcase_add_test(lost, test_what_the_plugin_says_it_lost_moves_the_times);
  tcase_add_test(lost, test_a_break_in_time_is_marked_and_moves_nothing);
  tcase_add_test(lost, test_one_that_stays_late_for_a_second_moves_its_times);
  tcase_add_test(lost, test_one_that_catches_up_keeps_its_times);
  TCase *times = new_case(suite, "times");
  tcase_add_test(times, test_do_timestamp_is_the_time_of_the_first_frame);
  tcase_add_test(times,
                 test_latency_is_the_buffers_and_the_plugins_and_told_once);
  tcase_add_test(times, test_new_caps_tell_the_new_latency_once);
  return suite;
}

GST_CHECK_MAIN(sourceclock)
