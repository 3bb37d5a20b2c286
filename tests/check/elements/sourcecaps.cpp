// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A source that declares caps of its own: packets, text, raw audio as bytes.
#include "../support/pipeline.hpp"

using namespace check;

namespace {

std::string source(const std::string &body,
                   const std::string &properties = "") {
  return line_of("pythonsrc",
                 write_file("packets.py",
                            "import numpy as np\n"
                            "from base_plugin import EndOfStream\n"
                            "from checklog import say\n"
                            "class Packets:\n"
                            "    n = 0\n" +
                                body),
                 properties);
}

constexpr char packets[] =
    "    output_caps = 'application/x-packets, version=(int)3'\n"
    "    def read_audio(self, buffer):\n"
    "        self.n += 1\n"
    "        say(buffer.data.shape)\n";

std::string text_of(GstBuffer *buffer) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  const std::string text(reinterpret_cast<char *>(map.data), map.size);
  gst_buffer_unmap(buffer, &map);
  return text;
}

std::string shown(GstClockTime time) {
  return time == GST_CLOCK_TIME_NONE ? "?" : std::to_string(time);
}

GstPadProbeReturn note_what_comes(GstPad *, GstPadProbeInfo *info,
                                  gpointer data) {
  auto &order = *static_cast<std::string *>(data);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    order += shown(GST_BUFFER_PTS(buffer)) + "+" +
             shown(GST_BUFFER_DURATION(buffer)) +
             (GST_BUFFER_IS_DISCONT(buffer) ? " discont|" : "|");
    return GST_PAD_PROBE_OK;
  }
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
    GstClockTime pts, duration;
    gst_event_parse_gap(event, &pts, &duration);
    order += "gap " + shown(pts) + "+" + shown(duration) + "|";
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT ||
             GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    order += std::string(GST_EVENT_TYPE_NAME(event)) + "|";
  }
  return GST_PAD_PROBE_OK;
}

struct Given {
  const char *body, *want;
};

// A list is several buffers, one of none is nothing yet, and an empty object
// the end, as an empty read() of a file is.
const Given all_given[] = {
    {"return b'abc' if self.n < 4 else b''\n", "abc|abc|abc|"},
    {"return bytearray(b'ab') if self.n < 3 else b''\n", "ab|ab|"},
    {"return np.frombuffer(b'xyz', 'u1') if self.n < 2 else b''\n", "xyz|"},
    {"return [[b'a', b'bc'], [], [b'd'], b''][self.n - 1]\n", "a|bc|d|"},
    {"if self.n == 3: raise EndOfStream\n"
     "        if self.n == 2: return False\n"
     "        return memoryview(b'once')\n",
     "once|"},
    {"buffer.data = b'bound' if self.n < 3 else b''\n", "bound|bound|"},
};

}  // namespace

GST_START_TEST(test_what_it_gives_goes_on_as_it_is_with_its_caps) {
  for (const Given &row : all_given) {
    clear_log();
    std::string got;
    Pipeline pipeline(source(packets + std::string("        ") + row.body) +
                      " ! fakesink");
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      fail_unless(bool(GST_BUFFER_IS_DISCONT(buffer)) == got.empty());
      fail_unless(GST_BUFFER_PTS(buffer) ==
                  (got.empty() ? 0 : GST_CLOCK_TIME_NONE));
      got += text_of(buffer) + "|";
    });
    pipeline.expect_to(GST_STATE_PAUSED);
    GstCaps *caps = caps_on(pipeline.python(), "src");
    char *text = gst_caps_to_string(caps);
    expect_text(text, "application/x-packets, version=(int)3");
    g_free(text);
    gst_caps_unref(caps);
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    expect_text(got, row.want);
    expect_part(log_text(), "(0,)\n");
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_nothing_by_accident_and_other_types_are_errors) {
  for (const auto &[body, problem] :
       {std::pair("        pass\n", "gave nothing, and its output is"),
        {"        return True\n", "gave nothing, and its output is"},
        {"        return 7\n", "gave int, not bytes"},
        {"        return 'text'\n", "gave str, not bytes"}}) {
    Pipeline pipeline(source(std::string(packets) + body) + " ! fakesink");
    pipeline.to(GST_STATE_PAUSED);
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
    fail_unless(message != nullptr, "%s", body);
    Reports reports;
    reports.push_back(report_in(message));
    gst_message_unref(message);
    expect_part(reports[0].text, problem);
    expect_part(reports[0].text, "packets.py");
  }
}
GST_END_TEST;

GST_START_TEST(test_an_array_that_the_plugin_keeps_of_nothing_stays) {
  Pipeline pipeline(source(std::string(packets) +
                           "        self.kept = (*getattr(self, 'kept', ()), "
                           "buffer.data, buffer)\n"
                           "        return b'x' if self.n < 20 else b''\n") +
                    " ! fakesink");
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  fail_unless_equals_int(output.count(), 19);
}
GST_END_TEST;

GST_START_TEST(test_output_caps_may_be_said_by_a_method) {
  clear_log();
  Pipeline pipeline(
      source("    output_caps = 'application/x-packets'\n"
             "    kind = 'some'\n"
             "    def set_parameter(self, key, value): self.kind = value\n"
             "    def get_output_caps(self):\n"
             "        return 'application/x-packets, kind=' + self.kind\n"
             "    def set_caps(self, caps): say('caps', caps)\n"
             "    def read_audio(self, buffer):\n"
             "        self.n += 1\n"
             "        return b'x' if self.n < 3 else b''\n",
             "params=\"p,kind=other\"") +
      " ! fakesink");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(), "caps application/x-packets, kind=(string)other\n");
}
GST_END_TEST;

GST_START_TEST(test_caps_that_say_nothing_are_one_error_that_says_so) {
  for (const auto &[body, problem] :
       {std::pair("    def get_output_caps(self): return 'ANY'\n",
                  "get_output_caps() says that it may give anything"),
        {"    def get_output_caps(self): raise OSError('no device')\n",
         "no device"},
        {"    output_caps = 'audio/x-raw'\n    as_bytes = True\n",
         "nothing goes into a source"}}) {
    Pipeline pipeline(
        source(std::string(body) +
               "    def read_audio(self, buffer): return b'x'\n") +
        " ! fakesink");
    pipeline.to(GST_STATE_PAUSED);
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
    fail_unless(message != nullptr, "%s", body);
    Reports reports;
    reports.push_back(report_in(message));
    gst_message_unref(message);
    expect_part(reports[0].text, problem);
  }
}
GST_END_TEST;

// Formats that NumPy has no type for, and those that it has.
GST_START_TEST(test_raw_audio_is_counted_and_cut_as_it_was_given) {
  for (const auto &[caps, give, width] :
       {std::tuple("format=S24LE", "bytes(300 * 6)", 6),
        {"format=U8", "bytes(300 * 2)", 2},
        {"format=F32LE", "np.zeros((2, 300), 'f4')", 8}}) {
    guint64 total = 0;
    Pipeline pipeline(
        source(std::string("    output_caps = 'audio/x-raw, "
                           "layout=interleaved, channels=2, ") +
               caps +
               "'\n"
               "    def get_sample_rate(self): return 32000\n"
               "    def set_sample_rate(self, rate): say('rate', rate)\n"
               "    def read_audio(self, buffer):\n"
               "        self.n += 1\n"
               "        return " +
               give + " if self.n < 11 else b''\n") +
        " ! fakesink");
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      fail_unless_equals_int(gst_buffer_get_size(buffer), 300 * width);
      fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), total);
      fail_unless_equals_uint64(
          GST_BUFFER_PTS(buffer),
          gst_util_uint64_scale_round(total, GST_SECOND, 32000));
      total += 300;
    });
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    fail_unless_equals_uint64(total, 3000);
    expect_part(log_text(), "rate 32000\n");
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_live_packets_have_the_time_at_which_they_came) {
  Pipeline pipeline(
      source("    output_caps = 'application/x-packets'\n"
             "    def read_audio(self, buffer):\n"
             "        self.n += 1\n"
             "        return b'x' if self.n % 3 == 0 else False\n",
             "is-live=true num-buffers=20") +
      " ! fakesink sync=false");
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  const auto seen = output.all();
  fail_unless_equals_int(seen.size(), 20);
  for (size_t i = 0; i < seen.size(); i++) {
    fail_unless(GST_CLOCK_TIME_IS_VALID(seen[i].pts));
    fail_unless(i == 0 || seen[i].pts > seen[i - 1].pts);
  }
}
GST_END_TEST;

// Also before there was any buffer, with which the base class sends its
// segment.
GST_START_TEST(test_a_source_says_its_times) {
  struct Case {
    const char *caps, *give, *want;
  };
  const Case cases[] = {
      {"text/x-raw, format=utf8",
       "[Gap(0, 500), Timed(b'a', 1000, 500)], Timed(b'b', 2000), "
       "[b'c', Gap(3000)], Gap(), b''",
       "segment|gap 0+500|segment|1000+500 discont|2000+?|?+?|gap 3000+?|eos|"},
      {"audio/x-raw, format=U8, layout=interleaved, rate=1000, channels=1",
       "[Gap(None, 20000000), b'12'], Timed(b'12', 50000000, 9), "
       "Timed(b'1', 52000000), [Gap(60000000, 2000000), b'12'], b''",
       "segment|gap 0+20000000|segment|20000000+2000000 discont|"
       "50000000+2000000 discont|52000000+1000000|gap 60000000+2000000|"
       "62000000+2000000 discont|eos|"}};
  for (const Case &row : cases) {
    Pipeline pipeline(source(std::string("    output_caps = '") + row.caps +
                             "'\n    def read_audio(self, buffer):\n"
                             "        from base_plugin import Gap, Timed\n"
                             "        self.n += 1\n"
                             "        return [" +
                             row.give + "][self.n - 1]\n") +
                      " ! fakesink");
    std::string order;
    GstPad *pad = gst_element_get_static_pad(pipeline.python(), "src");
    gst_pad_add_probe(pad,
                      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      note_what_comes, &order, nullptr);
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    pipeline.to(GST_STATE_NULL);
    expect_text(order, row.want);
    gst_object_unref(pad);
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

// Only what is no time is a failure, as from a filter.
GST_START_TEST(test_times_of_a_source_that_are_none_are_failures) {
  Pipeline pipeline(source(std::string(packets) +
                           "        from base_plugin import Timed\n"
                           "        return Timed(b'x', -1)\n") +
                    " ! fakesink");
  pipeline.to(GST_STATE_PAUSED);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  expect_part(report_in(message).text, "gave a Timed whose pts is -1");
  gst_message_unref(message);
}
GST_END_TEST;

GST_START_TEST(test_a_source_of_gaps_can_be_seeked_and_stopped) {
  clear_log();
  Pipeline pipeline(source(std::string(packets) +
                           "        from base_plugin import Gap\n"
                           "        return Gap(self.n)\n") +
                    " ! fakesink sync=false");
  pipeline.to(GST_STATE_PLAYING);
  fail_unless(wait_until([] { return count_in(log_text(), "(0,)") > 10; }));
  fail_unless(gst_element_seek(pipeline.get(), 1, GST_FORMAT_TIME,
                               GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                               GST_SEEK_TYPE_NONE, 0));
  pipeline.to(GST_STATE_NULL);
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_failed_call_gives_nothing_and_the_stream_goes_on) {
  for (const char *policy : {"drop", "silence", "passthrough"}) {
    std::string got;
    Pipeline pipeline(
        source("    output_caps = 'application/x-packets'\n"
               "    def read_audio(self, buffer):\n"
               "        self.n += 1\n"
               "        if self.n == 2: raise ValueError('no')\n"
               "        return b'%d' % self.n if self.n < 4 else b''\n",
               std::string("on-error=") + policy) +
        " ! fakesink");
    on_buffers(pipeline.python(), "src",
               [&](GstBuffer *buffer) { got += text_of(buffer) + "|"; });
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    expect_text(got, "1|3|");
    fail_unless_equals_uint64(pipeline.stat("errors"), 1);
    fail_unless_equals_uint64(pipeline.stat("dropped"), 1);
  }
}
GST_END_TEST;

GST_START_TEST(test_packets_are_seeked_by_time) {
  clear_log();
  Pipeline pipeline(source("    output_caps = 'application/x-packets'\n"
                           "    def get_duration(self): return 10\n"
                           "    def seek(self, seconds):\n"
                           "        say('seek', seconds)\n"
                           "        self.n = 0\n"
                           "    def read_audio(self, buffer):\n"
                           "        self.n += 1\n"
                           "        return b'x' if self.n < 4 else b''\n") +
                    " ! fakesink");
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PAUSED);
  gint64 duration = 0;
  fail_unless(
      gst_element_query_duration(pipeline.get(), GST_FORMAT_TIME, &duration));
  fail_unless_equals_int64(duration, 10 * GST_SECOND);
  fail_unless(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                                      GST_SEEK_FLAG_FLUSH, GST_SECOND * 5 / 2));
  // Its first buffer has come, or the next seek could flush it on its way.
  pipeline.expect_to(GST_STATE_PAUSED);
  fail_unless(!gst_element_seek(pipeline.get(), -1, GST_FORMAT_TIME,
                                GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                GST_SEEK_TYPE_SET, GST_SECOND));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(), "seek 2.5\n");
  const auto seen = output.all();
  fail_unless_equals_uint64(seen[seen.size() - 3].pts, GST_SECOND * 5 / 2);
}
GST_END_TEST;

static Suite *sourcecaps_suite() {
  Suite *suite = suite_create("sourcecaps");
  TCase *all = new_case(suite, "all");
  tcase_add_test(all, test_what_it_gives_goes_on_as_it_is_with_its_caps);
  tcase_add_test(all, test_nothing_by_accident_and_other_types_are_errors);
  tcase_add_test(all, test_an_array_that_the_plugin_keeps_of_nothing_stays);
  tcase_add_test(all, test_output_caps_may_be_said_by_a_method);
  tcase_add_test(all, test_caps_that_say_nothing_are_one_error_that_says_so);
  tcase_add_test(all, test_raw_audio_is_counted_and_cut_as_it_was_given);
  tcase_add_test(all, test_live_packets_have_the_time_at_which_they_came);
  tcase_add_test(all, test_a_source_says_its_times);
  tcase_add_test(all, test_times_of_a_source_that_are_none_are_failures);
  tcase_add_test(all, test_a_source_of_gaps_can_be_seeked_and_stopped);
  tcase_add_test(all, test_a_failed_call_gives_nothing_and_the_stream_goes_on);
  tcase_add_test(all, test_packets_are_seeked_by_time);
  return suite;
}

GST_CHECK_MAIN(sourcecaps)
