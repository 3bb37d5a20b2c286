// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Events, flags, queries and the end of the stream, as native audio filters
// treat them.
#include "../support/harness.hpp"

using namespace check;

namespace {

std::string started(int rate, int channels) {
  return "set_sample_rate " + std::to_string(rate) + "\nset_channel_count " +
         std::to_string(channels) + "\nset_channels " +
         std::to_string(channels) + "\nset_buffer_size 512\nstart\n";
}

GstBuffer *at(const Audio &audio, GstClockTime pts, GstBufferFlags flags) {
  GstBuffer *buffer = new_buffer(audio);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_FLAG_SET(buffer, flags);
  return buffer;
}

constexpr auto no_flags = GstBufferFlags(0);

std::string processed(const std::string &flags) {
  return "process_audio 2 64 pts None duration None offset None " + flags +
         " 48000\n";
}

void push_away(Stream *stream, GstBuffer *buffer) {
  gst_buffer_unref(stream->through(buffer));
}

void flush(Stream *stream) {
  stream->push_event(gst_event_new_flush_start());
  stream->push_event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  stream->push_event(gst_event_new_segment(&segment));
}

// Type, and for a segment its start, of each event that came out.
std::vector<std::string> events_out(const Stream &stream) {
  std::vector<std::string> names;
  while (GstEvent *event = gst_harness_try_pull_event(stream.harness())) {
    std::string name = GST_EVENT_TYPE_NAME(event);
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
      const GstSegment *segment;
      gst_event_parse_segment(event, &segment);
      name += " " + std::to_string(segment->start);
    }
    names.push_back(name);
    gst_event_unref(event);
  }
  return names;
}

std::string joined(const std::vector<std::string> &names) {
  std::string all;
  for (const std::string &name : names)
    all += name + "\n";
  return all;
}

}  // namespace

// ---- what the plugin sees ---------------------------------------------------

GST_START_TEST(test_plugin_sees_times_offsets_and_flags) {
  Stream stream(plugin_file("recorder.py"), {"F32", false, 3, 44100});
  clear_log();
  GstBuffer *in = at(stream.audio(), 5, GST_BUFFER_FLAG_DISCONT);
  GST_BUFFER_DURATION(in) = 1451247;
  GST_BUFFER_OFFSET(in) = 7;
  push_away(&stream, in);
  push_away(&stream,
            at(stream.audio(), GST_CLOCK_TIME_NONE, GST_BUFFER_FLAG_GAP));
  push_away(&stream, at(stream.audio(), 1ull << 62, no_flags));
  expect_text(log_text(),
              "process_audio 3 64 pts 5 duration 1451247 offset 7 discont - "
              "44100\n"
              "process_audio 3 64 pts None duration None offset None - gap "
              "44100\n"
              // Nothing says that it is a break, but it is years later.
              "drain\nreset\n"
              "process_audio 3 64 pts 4611686018427387904 duration None "
              "offset None discont - 44100\n");
}
GST_END_TEST;

GST_START_TEST(test_gap_is_processed_and_is_no_gap_any_more) {
  for (const char *plugin : {"inplace.py", "meter.py"}) {
    const bool writes = strcmp(plugin, "meter.py") != 0;
    Stream stream(plugin_file(plugin));
    GstBuffer *out = stream.through(
        at(stream.audio(), GST_CLOCK_TIME_NONE, GST_BUFFER_FLAG_GAP));
    expect_samples(out, stream.audio(), writes ? doubled : number_at);
    fail_unless(bool(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP)) ==
                !writes);
    gst_buffer_unref(out);
  }
}
GST_END_TEST;

// ---- reset ------------------------------------------------------------------

GST_START_TEST(test_discont_drains_and_resets_but_not_before_the_first_buffer) {
  Stream stream(plugin_file("recorder.py"));
  clear_log();
  for (GstBufferFlags flags :
       {GST_BUFFER_FLAG_DISCONT, no_flags, GST_BUFFER_FLAG_DISCONT, no_flags})
    push_away(&stream, at(stream.audio(), GST_CLOCK_TIME_NONE, flags));
  expect_text(log_text(), processed("discont -") + processed("- -") +
                              "drain\nreset\n" + processed("discont -") +
                              processed("- -"));
}
GST_END_TEST;

GST_START_TEST(test_flush_resets_once) {
  Stream stream(plugin_file("recorder.py"));
  push_away(&stream, new_buffer(stream.audio()));
  clear_log();
  flush(&stream);
  expect_text(log_text(), "reset\n");
  push_away(&stream,
            at(stream.audio(), GST_CLOCK_TIME_NONE, GST_BUFFER_FLAG_DISCONT));
  expect_text(log_text(), "reset\n" + processed("discont -"));
}
GST_END_TEST;

// Its latency is longer than a buffer.
GST_START_TEST(test_discont_sends_what_was_held_back_and_starts_anew) {
  Stream stream(plugin_file("delay.py"));
  fail_unless(stream.push_frames() == GST_FLOW_OK);
  fail_unless(stream.pull() == nullptr);
  GstBuffer *tail = stream.through(
      at(stream.audio(), GST_CLOCK_TIME_NONE, GST_BUFFER_FLAG_DISCONT));
  fail_unless(frames_of(tail, stream.audio()) == 64);
  expect_samples(tail, stream.audio(), number_at);
  gst_buffer_unref(tail);
  fail_unless(stream.pull() == nullptr);
  GstBuffer *out = stream.through(new_buffer(stream.audio()));
  fail_unless(frames_of(out, stream.audio()) == 28);
  fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT));
  expect_samples(out, stream.audio(), number_at);
  gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_segment_passes_unchanged) {
  Stream stream(plugin_file("inplace.py"));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = 0.5;
  segment.start = segment.time = 3 * GST_SECOND;
  segment.stop = 9 * GST_SECOND;
  segment.base = 2 * GST_SECOND;
  stream.push_event(gst_event_new_segment(&segment));
  push_away(&stream, at(stream.audio(), 4 * GST_SECOND, no_flags));
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *out;
  gst_event_parse_segment(event, &out);
  fail_unless(gst_segment_is_equal(out, &segment));
  gst_event_unref(event);
  gst_object_unref(pad);
}
GST_END_TEST;

// ---- new caps ---------------------------------------------------------------

GST_START_TEST(test_new_caps_drain_stop_and_start_again) {
  Stream stream(plugin_file("recorder.py"));
  push_away(&stream, new_buffer(stream.audio()));
  clear_log();
  stream.set_audio({"S16", true, 1, 44100});
  expect_text(log_text(), "drain\nstop\n" + started(44100, 1));
  stream.expect_through(number_at);
}
GST_END_TEST;

GST_START_TEST(test_same_caps_again_change_nothing) {
  Stream stream(plugin_file("recorder.py"));
  push_away(&stream, new_buffer(stream.audio()));
  clear_log();
  stream.set_audio(stream.audio());
  push_away(&stream, new_buffer(stream.audio()));
  expect_text(log_text(), processed("- -"));
}
GST_END_TEST;

GST_START_TEST(test_tail_leaves_in_the_caps_it_came_in) {
  for (bool planar : {false, true}) {
    const Audio before = {"S16", planar, 2, 48000};
    const Audio after = {"F32", !planar, 1, 44100};
    Stream stream(plugin_file("delay.py"), before);
    fail_unless(stream.push(at(before, GST_SECOND, no_flags)) == GST_FLOW_OK);
    events_out(stream);
    stream.set_audio(after);
    GstBuffer *tail = stream.pull();
    fail_unless(tail != nullptr);
    fail_unless_equals_int(frames_of(tail, before), 64);
    expect_samples(tail, before, number_at);
    fail_unless_equals_uint64(GST_BUFFER_PTS(tail), GST_SECOND);
    gst_buffer_unref(tail);
    GstBuffer *out = stream.through(new_buffer(after, 164));
    fail_unless_equals_int(frames_of(out, after), 64);
    expect_samples(out, after, number_at);
    gst_buffer_unref(out);
    expect_text(joined(events_out(stream)), "caps\n");
  }
}
GST_END_TEST;

// ---- the end ----------------------------------------------------------------

GST_START_TEST(test_tail_comes_before_eos_with_the_next_times) {
  for (const Audio &audio : {Audio{"F32", false}, Audio{"S32", true, 3}}) {
    Stream stream(write_file("echo.py", R"(
import numpy as np
class Echo:
    """Rings on for 100 frames; no sample of it is late."""
    formats = ("F32", "S32")
    def process_audio(self, buffer): self.last = buffer.data[:, -1:].copy()
    def drain(self): return self.last.repeat(100, axis=1)
)"),
                  audio);
    GstBuffer *in = at(audio, 10 * GST_SECOND, no_flags);
    GST_BUFFER_OFFSET(in) = 480000;
    push_away(&stream, in);
    events_out(stream);
    stream.push_event(gst_event_new_eos());
    GstBuffer *tail = stream.pull();
    fail_unless(tail != nullptr, "no tail");
    fail_unless_equals_uint64(GST_BUFFER_PTS(tail),
                              10 * GST_SECOND + 64 * GST_SECOND / 48000);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(tail), 480064);
    fail_unless_equals_uint64(GST_BUFFER_DURATION(tail),
                              100 * GST_SECOND / 48000);
    fail_unless_equals_int(frames_of(tail, audio), 100);
    expect_samples(tail, audio, [](int c, size_t) { return number_at(c, 63); });
    gst_buffer_unref(tail);
    fail_unless(stream.pull() == nullptr);
    expect_text(joined(events_out(stream)), "eos\n");
    fail_unless_equals_uint64(stream.stat("frames"), 164);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_eos_without_a_buffer_has_no_tail) {
  Stream stream(plugin_file("delay.py"));
  stream.push_event(gst_event_new_eos());
  fail_unless(stream.pull() == nullptr);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_tail_of_the_wrong_kind_is_an_error_and_eos_still_comes) {
  for (const char *tail : {"buffer", "np.zeros((1, 5), 'f4')",
                           "np.zeros((2, 5))", "[1]", "1 / 0"}) {
    const std::string file = write_file(
        "wrong_tail.py", std::string("import numpy as np\nclass Wrong:\n"
                                     "    def process_audio(self, b): pass\n"
                                     "    def drain(self):\n"
                                     "        return ") +
                             tail + "\n");
    Stream stream(file);
    push_away(&stream, new_buffer(stream.audio()));
    events_out(stream);
    stream.push_event(gst_event_new_eos());
    fail_unless(stream.pull() == nullptr);
    expect_text(joined(events_out(stream)), "eos\n");
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    expect_text(reports[0].field("phase"), "drain");
    expect_part(reports[0].text, file);
  }
}
GST_END_TEST;

GST_START_TEST(test_statistics_are_posted_at_eos) {
  Stream stream(plugin_file("inplace.py"));
  for (int i = 0; i < 3; i++)
    push_away(&stream, new_buffer(stream.audio()));
  stream.push_event(gst_event_new_eos());
  GstMessage *message = next_message(stream.bus(), GST_MESSAGE_ELEMENT);
  fail_unless(message != nullptr);
  const GstStructure *stats = gst_message_get_structure(message);
  fail_unless(gst_structure_has_name(stats, "pythonfilter-stats"));
  for (const auto &[name, value] : {std::pair("buffers", guint64(3)),
                                    {"frames", 192},
                                    {"errors", 0},
                                    {"dropped", 0},
                                    {"copies", 0},
                                    {"escapes", 0}}) {
    guint64 got = 99;
    fail_unless(gst_structure_get_uint64(stats, name, &got), "%s", name);
    fail_unless(got == value, "%s: %d", name, int(got));
  }
  guint64 last = 0;
  for (const char *name :
       {"call-min", "call-p50", "call-p99", "call-p99.9", "call-max"}) {
    guint64 got = 0;
    fail_unless(gst_structure_get_uint64(stats, name, &got), "%s", name);
    fail_unless(got >= last && got > 0, "%s", name);
    last = got;
  }
  fail_unless(last < 10 * GST_SECOND);
  fail_unless(gst_structure_has_field(stats, "call-mean"));
  fail_unless(gst_structure_has_field(stats, "gil-wait-max"));
  fail_unless(gst_structure_has_field(stats, "overruns"));
  gst_message_unref(message);
}
GST_END_TEST;

GST_START_TEST(test_calls_longer_than_the_buffer_are_overruns) {
  Stream stream(write_file("slow.py",
                           "import time\n"
                           "def process_audio(b): time.sleep(0.005)\n"));
  push_away(&stream, new_buffer(stream.audio(), 64));     // 1.3 ms
  push_away(&stream, new_buffer(stream.audio(), 48000));  // 1 s
  fail_unless_equals_uint64(stream.stat("overruns"), 1);
  fail_unless(stream.stat("call-min") >= 5000000);
}
GST_END_TEST;

// ---- latency ----------------------------------------------------------------

namespace {

void push(Stream *stream) {
  fail_unless(stream->push_frames() == GST_FLOW_OK);
  while (GstBuffer *out = stream->pull())
    gst_buffer_unref(out);
}

}  // namespace

GST_START_TEST(test_latency_is_added_and_a_change_is_posted) {
  Stream stream(plugin_file("delay.py"), {}, {{"params", "p,frames=480"}});
  gst_harness_set_upstream_latency(stream.harness(), 3 * GST_MSECOND);
  fail_unless_equals_uint64(latency_through(stream), 13 * GST_MSECOND);
  push(&stream);
  // Nobody had asked before, so nobody was told anything else.
  fail_unless_equals_int(latency_messages(stream), 0);

  stream.set("params", "p,frames=960");
  push(&stream);
  fail_unless_equals_uint64(latency_through(stream), 23 * GST_MSECOND);
  fail_unless_equals_int(latency_messages(stream), 1);

  stream.set("params", "p,frames=0");
  push(&stream);
  fail_unless_equals_uint64(latency_through(stream), 3 * GST_MSECOND);
  fail_unless_equals_int(latency_messages(stream), 1);
  stream.expect_no_reports();
}
GST_END_TEST;

// As GStreamer does on the way to PLAYING, when there are no caps yet.
GST_START_TEST(test_who_asked_before_the_caps_is_told_once) {
  Element element(plugin_file("delay.py"),
                  {{"params", "p,frames=480"}, {"block-size", "481"}});
  fail_unless(element.to(GST_STATE_READY));
  GstHarness *harness =
      gst_harness_new_with_element(element.get(), "sink", "src");
  const auto latency = [&] { return gst_harness_query_latency(harness); };
  fail_unless_equals_uint64(latency(), 0);
  gst_harness_set_src_caps_str(
      harness,
      "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved");
  gst_harness_push(harness, new_buffer({}));
  int count = 0;
  while (GstMessage *message =
             next_message(element.bus(), GST_MESSAGE_LATENCY)) {
    gst_message_unref(message);
    count++;
  }
  // Of the plugin and of the blocks.
  fail_unless_equals_int(count, 1);
  fail_unless_equals_uint64(latency(), 20 * GST_MSECOND);
  gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_plugin_without_latency_adds_none_and_posts_nothing) {
  Stream stream(plugin_file("inplace.py"));
  gst_harness_set_upstream_latency(stream.harness(), 3 * GST_MSECOND);
  push_away(&stream, new_buffer(stream.audio()));
  fail_unless_equals_uint64(latency_through(stream), 3 * GST_MSECOND);
  fail_unless_equals_int(latency_messages(stream), 0);
}
GST_END_TEST;

GST_START_TEST(test_latency_follows_the_new_rate) {
  Stream stream(plugin_file("delay.py"), {}, {{"params", "p,frames=480"}});
  fail_unless_equals_uint64(latency_through(stream), 10 * GST_MSECOND);
  stream.set_audio({"F32", false, 2, 24000});
  fail_unless_equals_uint64(latency_through(stream), 20 * GST_MSECOND);
}
GST_END_TEST;

static Suite *stream_suite() {
  Suite *suite = suite_create("stream");
  TCase *seen = new_case(suite, "seen");
  tcase_add_test(seen, test_plugin_sees_times_offsets_and_flags);
  tcase_add_test(seen, test_gap_is_processed_and_is_no_gap_any_more);
  TCase *events = new_case(suite, "events");
  tcase_add_test(
      events, test_discont_drains_and_resets_but_not_before_the_first_buffer);
  tcase_add_test(events, test_flush_resets_once);
  tcase_add_test(events, test_discont_sends_what_was_held_back_and_starts_anew);
  tcase_add_test(events, test_segment_passes_unchanged);
  tcase_add_test(events, test_new_caps_drain_stop_and_start_again);
  tcase_add_test(events, test_same_caps_again_change_nothing);
  tcase_add_test(events, test_tail_leaves_in_the_caps_it_came_in);
  TCase *end = new_case(suite, "end");
  tcase_add_test(end, test_tail_comes_before_eos_with_the_next_times);
  tcase_add_test(end, test_eos_without_a_buffer_has_no_tail);
  tcase_add_test(end,
                 test_tail_of_the_wrong_kind_is_an_error_and_eos_still_comes);
  tcase_add_test(end, test_statistics_are_posted_at_eos);
  tcase_add_test(end, test_calls_longer_than_the_buffer_are_overruns);
  TCase *latency = new_case(suite, "latency");
  tcase_add_test(latency, test_latency_is_added_and_a_change_is_posted);
  tcase_add_test(latency, test_who_asked_before_the_caps_is_told_once);
  tcase_add_test(latency,
                 test_plugin_without_latency_adds_none_and_posts_nothing);
  tcase_add_test(latency, test_latency_follows_the_new_rate);
  return suite;
}

GST_CHECK_MAIN(stream)
