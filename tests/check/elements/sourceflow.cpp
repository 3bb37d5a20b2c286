// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When pythonsrc sends a buffer: live and not, with nothing to send, at the
// end, after failures, and how soon it stops.
#include "../support/clock.hpp"

using namespace check;

namespace {

// 10 ms each, at 48000 Hz.
constexpr size_t frames = 480;
constexpr char one_channel[] =
    " ! audio/x-raw,rate=48000,channels=1,format={F32LE,F32BE} ! ";

std::string counting(const std::string &properties) {
  return line_of("pythonsrc", plugin_file("counting_source.py"),
                 "params=\"p,size=480,wide=1" + properties) +
         one_channel;
}

// A source with the given body, which is called for each 10 ms.
std::string source(const std::string &body, const std::string &properties) {
  return line_of("pythonsrc",
                 write_file("source.py",
                            "import threading, time\n"
                            "from base_plugin import *\n"
                            "from checklog import say\n"
                            "class Source(AudioSourcePlugin):\n"
                            "    calls = 0\n"
                            "    def get_buffer_size(self): return 480\n"
                            "    def read_audio(self, buffer):\n"
                            "        self.calls += 1\n" +
                                body),
                 properties) +
         one_channel;
}

// As number_at() with one channel.
constexpr Audio mono = {"F32", false, 1};

double seconds(GstClockTime time) {
  return double(time) / double(GST_SECOND);
}

void expect_continuous(const std::vector<Seen> &all) {
  for (size_t i = 1; i < all.size(); i++) {
    fail_unless(all[i].pts == all[i - 1].pts + all[i - 1].duration, "buffer %d",
                int(i));
    fail_unless(all[i].offset == all[i - 1].offset_end, "buffer %d", int(i));
    fail_unless(!all[i].discont, "buffer %d", int(i));
  }
}

}  // namespace

// ---- live -------------------------------------------------------------------

GST_START_TEST(test_live_source_keeps_the_pace_of_the_clock) {
  Pipeline pipeline(counting("\" is-live=true num-buffers=50") +
                    "fakesink sync=false");
  const Output output(pipeline.python());
  const double start = seconds_now();
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  const auto seen = output.all();
  fail_unless_equals_int(seen.size(), 50);
  expect_continuous(seen);
  for (const Seen &each : seen)
    fail_unless(!each.gap);
  // None before its last sample is due, by the clock that all pipelines have.
  for (const Seen &each : seen)
    fail_unless(each.when >= start + seconds(each.pts + each.duration));
}
GST_END_TEST;

GST_START_TEST(test_live_source_makes_nothing_in_paused) {
  Pipeline pipeline(counting("\" is-live=true") + "fakesink");
  const Output output(pipeline.python());
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  fail_unless(gst_element_get_state(pipeline.get(), nullptr, nullptr,
                                    GST_CLOCK_TIME_NONE) ==
              GST_STATE_CHANGE_NO_PREROLL);
  a_moment();
  fail_unless_equals_int(output.count(), 0);
}
GST_END_TEST;

GST_START_TEST(test_live_source_goes_on_after_paused_without_a_burst) {
  const Clocked pipeline(counting("\" is-live=true") +
                         "fakesink async=false sync=false");
  const Output output(pipeline.python());
  guint64 sent = 0;
  for (guint64 life = 0; life < 3; life++) {
    pipeline.expect_to(GST_STATE_PLAYING);
    for (int i = 0; i < 5; i++) {
      fail_unless_equals_uint64(output.count(), sent);
      fail_unless_equals_uint64(pipeline.wait_for_wait(),
                                life * GST_SECOND + ++sent * 10 * GST_MSECOND);
      pipeline.crank();
      fail_unless(output.wait_for(sent));
    }
    pipeline.wait_for_wait();
    pipeline.expect_to(GST_STATE_PAUSED);
    pipeline.advance(GST_SECOND);
    a_moment();
    fail_unless_equals_uint64(output.count(), sent);
  }
  for (const Seen &each : output.all())
    fail_unless(!each.gap);
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_latency_is_one_buffer_if_live_and_none_otherwise) {
  for (bool live : {false, true}) {
    Pipeline pipeline(counting(live ? "\" is-live=true" : "\"") + "fakesink");
    const Output output(pipeline.python());
    pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(output.wait_for(1));
    GstQuery *query = gst_query_new_latency();
    fail_unless(gst_element_query(pipeline.python(), query));
    gboolean told_live;
    GstClockTime least, most;
    gst_query_parse_latency(query, &told_live, &least, &most);
    fail_unless(bool(told_live) == live);
    fail_unless_equals_uint64(least, live ? 10 * GST_MSECOND : 0);
    fail_unless(most >= least);
    gst_query_unref(query);
  }
}
GST_END_TEST;

GST_START_TEST(test_live_and_nothing_yet_is_silence_on_time) {
  const Clocked pipeline(source("        buffer.data[:] = 9\n"
                                "        if self.calls == 1: return True\n"
                                "        say('asked')\n"
                                "        return False\n",
                                "is-live=true num-buffers=30") +
                         "fakesink async=false sync=false");
  int silent = 0;
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const bool gap = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP);
    expect_samples(buffer, mono,
                   [gap](int, size_t) { return gap ? 0.0 : 9.0; });
    silent += gap;
  });
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.crank_until(output, 30);
  pipeline.expect_eos();
  expect_continuous(output.all());
  fail_unless_equals_int(silent, 29);
  // Often, but not in a loop.
  const int asked = count_in(log_text(), "asked");
  fail_unless(asked >= 29 && asked <= 29 * 12, "asked %d times", asked);
  fail_unless_equals_uint64(pipeline.stat("errors"), 0);
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_live_and_a_little_late_is_still_in_its_buffer) {
  // Each second ask has it, so none of the buffers, of 0.1 s, is silent.
  const Clocked pipeline(source("        buffer.data[:] = self.calls\n"
                                "        return self.calls % 2 == 0\n",
                                "is-live=true num-buffers=10 blocksize=19200") +
                         "fakesink async=false sync=false");
  const Output output(pipeline.python());
  int count = 0;
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    count += 2;
    expect_samples(buffer, mono, [&](int, size_t) { return count; });
    fail_unless(!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP));
  });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.crank_until(output, 10);
  pipeline.expect_eos();
  fail_unless_equals_int(count, 20);
}
GST_END_TEST;

// ---- not live ---------------------------------------------------------------

GST_START_TEST(test_not_live_and_nothing_yet_is_asked_again_without_spinning) {
  Pipeline pipeline(source("        say('asked')\n"
                           "        if self.calls == 1:\n"
                           "            self.begin = time.monotonic()\n"
                           "        return time.monotonic() > self.begin + 0.3"
                           "\n",
                           "num-buffers=1") +
                    "fakesink");
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  const auto seen = output.all();
  fail_unless_equals_int(seen.size(), 1);
  fail_unless(!seen[0].gap && seen[0].pts == 0 && seen[0].offset == 0);
  const int asked = count_in(log_text(), "asked");
  fail_unless(asked > 10 && asked < 350, "asked %d times", asked);
  fail_unless_equals_uint64(pipeline.stat("frames"), frames);
}
GST_END_TEST;

// ---- the end ----------------------------------------------------------------

namespace {

// Whether it sends EOS, without a look at the bus.
bool has_ended(const Pipeline &pipeline) {
  GstPad *pad = gst_element_get_static_pad(pipeline.python(), "src");
  const bool ended = wait_until([&] {
    GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_EOS, 0);
    const bool eos = event != nullptr;
    if (event) gst_event_unref(event);
    return eos;
  });
  gst_object_unref(pad);
  return ended;
}

int statistics_messages(const Pipeline &pipeline, guint64 buffers) {
  int count = 0;
  while (GstMessage *message =
             next_message(pipeline.bus(), GST_MESSAGE_ELEMENT)) {
    const GstStructure *stats = gst_message_get_structure(message);
    if (gst_structure_has_name(stats, "pythonfilter-stats")) {
      count++;
      guint64 got = 0;
      fail_unless(gst_structure_get_uint64(stats, "buffers", &got));
      fail_unless_equals_uint64(got, buffers);
    }
    gst_message_unref(message);
  }
  return count;
}

}  // namespace

GST_START_TEST(test_end_of_stream_delivers_every_sample_and_the_statistics) {
  for (const char *live : {"is-live=false", "is-live=true"}) {
    guint64 total = 0;
    Pipeline pipeline(counting(",end=4800\" ") + "fakesink name=sink");
    gst_util_set_object_arg(G_OBJECT(pipeline.python()), "is-live",
                            live + strlen("is-live="));
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      expect_samples(buffer, mono,
                     [&](int c, size_t i) { return number_at(c, total + i); });
      total += frames_of(buffer, mono);
    });
    pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(has_ended(pipeline));
    fail_unless_equals_uint64(total, 4800);
    fail_unless_equals_int(statistics_messages(pipeline, 10), 1);
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_num_buffers_ends_with_the_statistics_once) {
  Pipeline pipeline(counting("\" num-buffers=7") + "fakesink");
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(has_ended(pipeline));
  fail_unless_equals_int(statistics_messages(pipeline, 7), 1);
}
GST_END_TEST;

GST_START_TEST(test_eos_of_the_application_ends_a_stream_with_nothing_to_say) {
  for (const char *live : {"is-live=false", "is-live=true"}) {
    Pipeline pipeline(source("        if self.calls == 1: return True\n"
                             "        say('asked')\n"
                             "        return False\n",
                             live) +
                      "fakesink sync=false");
    pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(wait_for_log("asked"));
    fail_unless(gst_element_send_event(pipeline.get(), gst_event_new_eos()));
    pipeline.expect_eos();
    clear_log();
  }
}
GST_END_TEST;

// ---- failures ---------------------------------------------------------------

GST_START_TEST(test_fail_is_one_error_and_no_further_buffer) {
  Pipeline pipeline(counting(",failing=3\"") + "fakesink");
  const Output output(pipeline.python());
  pipeline.to(GST_STATE_PLAYING);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  {
    Reports reports;
    reports.push_back(report_in(message));
    expect_part(reports[0].text, "read_audio() raised ValueError: half way");
    expect_text(reports[0].field("phase"), "read_audio");
    fail_unless_equals_uint64(reports[0].number("pts"), 20 * GST_MSECOND);
  }
  gst_message_unref(message);
  a_moment();
  fail_unless_equals_int(output.count(), 2);
  fail_unless_equals_uint64(pipeline.stat("errors"), 1);
}
GST_END_TEST;

namespace {

struct Policy {
  const char *name;
  bool live;
};

// A source has no samples from before the call to pass through.
const Policy policies[] = {
    {"silence", false},    {"silence", true}, {"passthrough", false},
    {"passthrough", true}, {"drop", false},   {"drop", true},
};

}  // namespace

GST_START_TEST(test_failed_call_is_silence_or_missing_and_time_goes_on) {
  const Policy &row = policies[__i__];
  const bool drop = !strcmp(row.name, "drop");
  const Clocked pipeline(
      counting(std::string(",failing=3\" num-buffers=20 on-error=") + row.name +
               (row.live ? " is-live=true" : "")) +
      "fakesink async=false sync=false");
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const guint64 first = GST_BUFFER_OFFSET(buffer);
    const bool gap = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP);
    const bool failed = first / frames % 3 == 2;
    fail_unless(!drop || !failed, "%d", int(first));
    fail_unless(gap == failed);
    expect_samples(buffer, mono, [&](int c, size_t i) {
      return gap ? 0 : number_at(c, first + i);
    });
  });
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.crank_until(output, 20);
  pipeline.expect_eos();
  const auto seen = output.all();
  fail_unless_equals_int(seen.size(), 20);
  const GstClockTime zero = seen[0].pts;
  if (!row.live) fail_unless_equals_uint64(zero, 0);
  for (size_t i = 0; i < seen.size(); i++) {
    // With drop each third place stays empty.
    const guint64 place = drop ? i + i / 2 : i;
    fail_unless_equals_uint64(seen[i].pts - zero, place * 10 * GST_MSECOND);
    fail_unless_equals_uint64(seen[i].offset, place * frames);
    const bool discont = i == 0 || (drop && i % 2 == 0);
    fail_unless(seen[i].discont == discont, "buffer %d", int(i));
  }
  const guint64 failures = drop ? 9 : 6;
  fail_unless_equals_uint64(pipeline.stat("errors"), failures);
  fail_unless_equals_uint64(pipeline.stat("dropped"), drop ? failures : 0);
  const Reports reports = pipeline.reports();
  fail_unless(reports.size() >= 1);
  for (const Report &report : reports)
    fail_unless(report.type == GST_MESSAGE_WARNING);
}
GST_END_TEST;

namespace {

const char *const bad_results[] = {
    "return 1\n",
    "return buffer.data[0]\n",
    "return buffer.data[:0]\n",
    "return buffer.data.repeat(2, 1)\n",
    "buffer.data = buffer.data.astype('f8')\n",
    "del buffer.data\n",
    "raise SystemExit\n",
    "raise StopIteration\n",
};

}  // namespace

GST_START_TEST(test_what_is_no_samples_is_an_error) {
  for (const char *body : bad_results) {
    Pipeline pipeline(source(std::string("        ") + body, "") + "fakesink");
    const Output output(pipeline.python());
    pipeline.to(GST_STATE_PLAYING);
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
    fail_unless(message != nullptr, "%s", body);
    {
      Reports reports;
      reports.push_back(report_in(message));
      expect_part(reports[0].text, "source.py");
      expect_part(reports[0].text, "read_audio");
    }
    gst_message_unref(message);
    fail_unless_equals_int(output.count(), 0);
  }
}
GST_END_TEST;

// ---- stopping ---------------------------------------------------------------

namespace {

struct Stop {
  const char *name, *body;
  bool told = false;  // by a warning
};

const Stop stops[] = {
    {"has nothing",
     "        say('reading')\n"
     "        return False\n"},
    {"waits, with unlock()",
     "        say('reading')\n"
     "        self.go.wait()\n"
     "        return False\n"
     "    go = threading.Event()\n"
     "    def unlock(self):\n"
     "        self.go.set()\n"},
    {"waits for a while each time",
     "        say('reading')\n"
     "        threading.Event().wait(0.1)\n"
     "        return False\n"},
    {"loops",
     "        say('reading')\n"
     "        while True: pass\n",
     true},
    {"loops and sleeps",
     "        say('reading')\n"
     "        while True: time.sleep(0.01)\n",
     true},
    {"unlock() fails, but read_audio() comes back",
     "        say('reading')\n"
     "        time.sleep(0.1)\n"
     "        return False\n"
     "    def unlock(self):\n"
     "        raise ValueError('no lock')\n",
     true},
};
// Each of a live source, too.
const int stop_count = 2 * int(std::size(stops));

}  // namespace

GST_START_TEST(test_null_does_not_wait_for_a_reader) {
  const Stop &row = stops[__i__ / 2];
  Pipeline pipeline(
      source(row.body, __i__ % 2 ? "is-live=true" : "is-live=false") +
      "fakesink sync=false");
  for (int life = 0; life < (row.told ? 1 : 2); life++) {
    clear_log();
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    fail_unless(wait_for_log("reading"), "%s", row.name);
    a_moment();
    // If it were kept waiting it would not come, or something would be told.
    pipeline.expect_null();
    const Reports reports = pipeline.reports();
    fail_unless(reports.empty() == !row.told, "%s: %s", row.name,
                reports.text().c_str());
    for (const Report &report : reports)
      fail_unless(report.type == GST_MESSAGE_WARNING);
  }
}
GST_END_TEST;

GST_START_TEST(test_null_does_not_wait_until_a_live_buffer_is_due) {
  // An hour each: this test would not end.
  Pipeline pipeline(line_of("pythonsrc",
                            write_file("long.py",
                                       "from checklog import say\n"
                                       "def read_audio(buffer): say('read')\n"),
                            "is-live=true blocksize=14400") +
                    " ! audio/x-raw,rate=1,channels=1,format={F32LE,F32BE} ! "
                    "fakesink async=false");
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("read"));
  a_moment();
  pipeline.expect_null();
  pipeline.expect_no_reports();
}
GST_END_TEST;

static Suite *sourceflow_suite() {
  Suite *suite = suite_create("sourceflow");
  TCase *live = new_case(suite, "live");
  tcase_add_test(live, test_live_source_keeps_the_pace_of_the_clock);
  tcase_add_test(live, test_live_source_makes_nothing_in_paused);
  tcase_add_test(live, test_live_source_goes_on_after_paused_without_a_burst);
  tcase_add_test(live, test_latency_is_one_buffer_if_live_and_none_otherwise);
  tcase_add_test(live, test_live_and_nothing_yet_is_silence_on_time);
  tcase_add_test(live, test_live_and_a_little_late_is_still_in_its_buffer);
  TCase *end = new_case(suite, "not live and the end");
  tcase_add_test(end,
                 test_not_live_and_nothing_yet_is_asked_again_without_spinning);
  tcase_add_test(end,
                 test_end_of_stream_delivers_every_sample_and_the_statistics);
  tcase_add_test(end, test_num_buffers_ends_with_the_statistics_once);
  tcase_add_test(end,
                 test_eos_of_the_application_ends_a_stream_with_nothing_to_say);
  TCase *failures = new_case(suite, "failures");
  tcase_add_test(failures, test_fail_is_one_error_and_no_further_buffer);
  tcase_add_loop_test(failures,
                      test_failed_call_is_silence_or_missing_and_time_goes_on,
                      0, int(std::size(policies)));
  tcase_add_test(failures, test_what_is_no_samples_is_an_error);
  TCase *stopping = new_case(suite, "stopping");
  tcase_add_loop_test(stopping, test_null_does_not_wait_for_a_reader, 0,
                      stop_count);
  tcase_add_test(stopping, test_null_does_not_wait_until_a_live_buffer_is_due);
  return suite;
}

GST_CHECK_MAIN(sourceflow)
