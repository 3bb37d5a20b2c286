// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Converting plugins that say when their outputs are: Timed and Gap.
#include "../support/conversion.hpp"

using namespace check;

namespace {

constexpr GstClockTime none = GST_CLOCK_TIME_NONE;

// Gives what its parameter says, an expression; also in drain().
std::string saying(const std::string &caps,
                   const std::string &imports =
                       "from base_plugin import Timed, "
                       "Gap") {
  return write_file("saying.py", imports +
                                     "\nimport numpy as np\n"
                                     "class Saying:\n"
                                     "    input_caps = 'application/x-in'\n"
                                     "    output_caps = '" +
                                     caps + R"('
    last = "None"
    def set_parameter(self, key, value): setattr(self, key, value)
    def process_audio(self, buffer):
        return eval(self.give, globals(), {"b": buffer})
    def drain(self):
        return eval(self.last)
)");
}

GstBuffer *input(GstClockTime pts, GstClockTime duration = none) {
  GstBuffer *buffer = bytes_buffer();
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = duration;
  return buffer;
}

void say(Conversion *stream, const char *key, const std::string &python) {
  GstStructure *params =
      gst_structure_new("p", key, G_TYPE_STRING, python.c_str(), nullptr);
  g_object_set(stream->get(), "params", params, nullptr);
  gst_structure_free(params);
}

// Buffers and GAP events as they came, "pts+duration" and "gap pts+duration".
std::string came(Conversion *stream) {
  std::string all;
  while (GstEvent *event = gst_harness_try_pull_event(stream->harness())) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
      GstClockTime pts, duration;
      gst_event_parse_gap(event, &pts, &duration);
      all += "gap " + std::to_string(pts) + "+" +
             (duration == none ? "?" : std::to_string(duration)) + "\n";
    }
    gst_event_unref(event);
  }
  for (const OwnedBuffer &out : stream->pull_all()) {
    const auto text = [](GstClockTime time) {
      return time == none ? std::string("?") : std::to_string(time);
    };
    all += text(GST_BUFFER_PTS(out.get())) + "+" +
           text(GST_BUFFER_DURATION(out.get())) + "\n";
  }
  return all;
}

}  // namespace

GST_START_TEST(test_a_plugin_says_its_times) {
  const std::pair<const char *, const char *> cases[] = {
      {"Timed(b'x', 7, 8)", "7+8\n"},
      {"Timed(b'x', 7)", "7+?\n"},
      {"Timed(b'x')", "100+10\n"},
      {"Timed(b'x', None, 3)", "100+3\n"},
      {"Timed(np.zeros(3), np.int64(5), np.uint8(6))", "5+6\n"},
      {"Timed(b'x', 2**63 - 1)", "9223372036854775807+?\n"},
      {"[Timed(b'x', 500, 1), b'y', Timed(b'z', 0, 0)]", "500+1\n103+3\n0+0\n"},
      {"(Timed(b'', 5, 6), Timed(b'x', 9))", "9+?\n"},
      {"Gap()", "gap 100+10\n"},
      {"Gap(5)", "gap 5+?\n"},
      {"Gap(5, 6)", "gap 5+6\n"},
      {"[Gap(90, 10), Timed(b'x', 100, 5), Gap(105, 5)]",
       "gap 90+10\ngap 105+5\n100+5\n"}};
  for (const auto &[python, want] : cases) {
    Conversion stream(saying("application/x-out"));
    say(&stream, "give", python);
    stream.expect_push(input(100, 10));
    const std::string got = came(&stream);
    fail_unless(got == want, "%s: %s", python, got.c_str());
    // Of an input without times nothing is known.
    say(&stream, "give", "[Gap(), b'x']");
    stream.expect_push(input(none));
    expect_text(came(&stream), "?+?\n");
    stream.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_a_tail_says_its_times) {
  Conversion stream(saying("application/x-out"));
  say(&stream, "give", "[]");
  say(&stream, "last", "[Timed(b'x', 7, 8), Gap(15, 5), b'y']");
  stream.expect_push(input(100, 10));
  stream.push_event(gst_event_new_eos());
  const std::string got = came(&stream);
  expect_part(got, "gap 15+5\n7+8\n");
  stream.expect_no_reports();
}
GST_END_TEST;

// In their order among the buffers.
GST_START_TEST(test_a_gap_goes_between_its_neighbours) {
  Conversion stream(saying("application/x-out"));
  std::string order;
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  gst_pad_add_probe(
      pad,
      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        const bool buffer = info->type & GST_PAD_PROBE_TYPE_BUFFER;
        if (buffer ||
            GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_GAP)
          *static_cast<std::string *>(data) += buffer ? "b" : "g";
        return GST_PAD_PROBE_OK;
      },
      &order, nullptr);
  say(&stream, "give", "[b'1', Gap(1), b'2', Gap(2), Gap(3)]");
  stream.expect_push(input(0, 10));
  say(&stream, "give", "Gap(4)");
  stream.expect_push(input(10, 10));
  expect_text(order, "bgbggg");
  came(&stream);
  gst_object_unref(pad);
}
GST_END_TEST;

GST_START_TEST(test_times_that_are_none_are_failures) {
  const std::pair<const char *, const char *> cases[] = {
      {"Timed(b'x', -1)", "whose pts is -1: a time is from 0"},
      {"Timed(b'x', 2**63)", "a time is from 0 to 2**63 - 1 ns"},
      {"Timed(b'x', 10**30)", "a time is from 0 to 2**63 - 1 ns"},
      {"Timed(b'x', 1.5)",
       "whose pts is 1.5: a time is a whole number of nano"},
      {"Timed(b'x', float('nan'))", "whose pts is nan: a time is a whole"},
      {"Timed(b'x', float('inf'))", "whose pts is inf: a time is a whole"},
      {"Timed(b'x', 0, -5)", "whose duration is -5"},
      {"Timed(b'x', 0, 'long')", "whose duration is 'long': a time is a whole"},
      {"Timed(b'x', True)", "whose pts is True"},
      {"Timed(b'x', 2**63 - 1, 1)",
       "gave a Timed that ends after 2**63 - 1 ns"},
      {"Gap(-1)", "gave a Gap whose pts is -1"},
      {"[b'x', Gap(1.0)]", "gave a Gap whose pts is 1.0"},
      {"Timed([b'x'], 1)", "gave list, not bytes"},
      {"Timed(Timed(b'x'), 1)", "not bytes"},
      {"Timed(None, 1)", "gave NoneType"},
      {"b", "gave "}};
  for (const auto &[python, want] : cases) {
    Conversion stream(saying("application/x-out"));
    say(&stream, "give", python);
    fail_unless_equals_int(stream.push(input(100, 10)), GST_FLOW_ERROR);
    const Reports reports = stream.reports();
    fail_unless_equals_int(reports.size(), 1);
    expect_text(reports[0].field("kind"), "bad-result");
    fail_unless(contains(reports[0].text, want), "%s: %s", python,
                reports[0].text.c_str());
    expect_text(came(&stream), "");
  }
}
GST_END_TEST;

// It counts on from there.
GST_START_TEST(test_raw_audio_follows_what_was_said) {
  Conversion stream(saying(
      "audio/x-raw, format=S16LE, layout=interleaved, rate=1000, channels=1"));
  const auto through = [&](const char *python, const char *want,
                           std::initializer_list<bool> disconts) {
    say(&stream, "give", python);
    stream.expect_push(input(0, 10 * GST_MSECOND));
    std::string got;
    auto discont = disconts.begin();
    while (GstEvent *event = gst_harness_try_pull_event(stream.harness())) {
      if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
        GstClockTime pts, duration;
        gst_event_parse_gap(event, &pts, &duration);
        got += "gap " + std::to_string(pts / GST_MSECOND) + "+" +
               std::to_string(duration / GST_MSECOND) + " ";
      }
      gst_event_unref(event);
    }
    for (const OwnedBuffer &out : stream.pull_all()) {
      got += std::to_string(GST_BUFFER_PTS(out.get()) / GST_MSECOND) + "+" +
             std::to_string(GST_BUFFER_DURATION(out.get()) / GST_MSECOND) + " ";
      fail_unless(bool(GST_BUFFER_FLAG_IS_SET(
                      out.get(), GST_BUFFER_FLAG_DISCONT)) == *discont++,
                  "%s", python);
    }
    expect_text(got, want);
  };
  through("np.zeros((1, 10), 'i2')", "0+10 ", {false});
  through("[Timed(np.zeros((1, 4), 'i2'), 500 * 10**6, 9), bytes(6)]",
          "500+4 504+3 ", {true, false});
  through("bytes(8)", "507+4 ", {false});
  through("Timed(bytes(4), 511 * 10**6)", "511+2 ", {false});
  through("[Gap(513 * 10**6, 7 * 10**6), bytes(2)]", "gap 513+7 520+1 ",
          {false});
  through("Timed(bytes(4), 100 * 10**6)", "100+2 ", {true});
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_raw_audio_that_is_not_there) {
  Conversion stream(saying(
      "audio/x-raw, format=S16LE, layout=interleaved, rate=1000, channels=1"));
  say(&stream, "give", "Gap()");
  stream.expect_push(input(50 * GST_MSECOND, 10 * GST_MSECOND));
  expect_text(came(&stream), "gap 50000000+10000000\n");
  say(&stream, "give", "[bytes(8), Gap()]");
  stream.expect_push(input(60 * GST_MSECOND, 10 * GST_MSECOND));
  expect_text(came(&stream), "gap 64000000+6000000\n60000000+4000000\n");
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_plugin_may_bring_classes_of_its_own) {
  Conversion stream(saying("application/x-out", R"(
from collections import namedtuple
Timed = namedtuple("Timed", "data pts duration")
class Gap:
    pts, duration = 40, None
)"));
  say(&stream, "give", "[Timed(b'x', 30, 5), Gap()]");
  stream.expect_push(input(100, 10));
  expect_text(came(&stream), "gap 40+?\n30+5\n");
  say(&stream, "give", "Timed(b'x', 31, 5)");
  stream.expect_push(input(110, 10));
  expect_text(came(&stream), "31+5\n");
  stream.expect_no_reports();
}
GST_END_TEST;

// What it keeps is copied, as without a time.
GST_START_TEST(test_what_is_kept_is_copied) {
  Conversion stream(saying("application/x-out"));
  const std::pair<const char *, guint64> cases[] = {
      {"Timed(np.ones(3), 1)", 0},
      {"[Timed(bytearray(3), 1)]", 0},
      {"Timed(setattr(self, 'k', np.ones(3)) or self.k, 1)", 1},
      {"setattr(self, 'k', Timed(np.ones(3), 1)) or self.k", 2}};
  for (const auto &[python, copies] : cases) {
    std::string text = python;
    for (size_t at; (at = text.find("self")) != text.npos;)
      text.replace(at, 4, "Saying");
    say(&stream, "give", text);
    stream.expect_push(input(100, 10));
    stream.pull_all();
    fail_unless_equals_uint64(stream.stat("copies"), in_process() ? 0 : copies);
  }
}
GST_END_TEST;

static Suite *saidtimes_suite() {
  Suite *suite = suite_create("saidtimes");
  TCase *said = new_case(suite, "said");
  tcase_add_test(said, test_a_plugin_says_its_times);
  tcase_add_test(said, test_a_tail_says_its_times);
  tcase_add_test(said, test_a_gap_goes_between_its_neighbours);
  tcase_add_test(said, test_times_that_are_none_are_failures);
  tcase_add_test(said, test_a_plugin_may_bring_classes_of_its_own);
  tcase_add_test(said, test_what_is_kept_is_copied);
  TCase *raw = new_case(suite, "raw audio");
  tcase_add_test(raw, test_raw_audio_follows_what_was_said);
  tcase_add_test(raw, test_raw_audio_that_is_not_there);
  return suite;
}

GST_CHECK_MAIN(saidtimes)
