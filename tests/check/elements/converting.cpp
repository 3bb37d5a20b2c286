// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plugins that change format and size: what they negotiate, and how they get
// what goes in.
#include "../support/conversion.hpp"
#include "../support/mistake.hpp"

using namespace check;

namespace {

#define RECORDS                                                 \
  "import checklog\n"                                           \
  "class Plugin:\n"                                             \
  "    def set_caps(self, *caps):\n"                            \
  "        checklog.say('caps', *caps)\n"                       \
  "    def set_sample_rate(self, rate):\n"                      \
  "        checklog.say('rate', rate)\n"                        \
  "    def start(self):\n"                                      \
  "        checklog.say('start')\n"                             \
  "    def stop(self):\n"                                       \
  "        checklog.say('stop')\n"                              \
  "    def process_audio(self, buffer):\n"                      \
  "        checklog.say(*buffer.data.shape, buffer.data.dtype," \
  " 'w' if buffer.data.flags.writeable else 'r')\n"             \
  "        return bytes(8 * buffer.data.size)\n"

struct Negotiation {
  const char *python;  // of the class
  const char *input, *downstream, *output;
};

#define OUT(fields) "application/x-out," fields

const Negotiation negotiations[] = {
    {"output_caps = 'application/x-out'", STEREO, nullptr, "application/x-out"},
    {"input_caps = 'application/x-in'", "application/x-in,a=1", nullptr,
     "application/x-in,a=1"},
    {"output_caps = 'application/x-out,v={1,2,3}'", STEREO, OUT("v=2"),
     OUT("v=2")},
    {"output_caps = 'application/x-other; application/x-out,v=[1,9]'", STEREO,
     OUT("v=[5,20]"), OUT("v=5")},
    {"input_caps = 'ANY'; output_caps = 'application/x-out'", "video/x-raw",
     nullptr, "application/x-out"},
    // Raw audio as much like the input as can be.
    {"output_caps = 'audio/x-raw'", STEREO, nullptr, STEREO},
    {"output_caps = 'audio/x-raw,rate=[8000,16000]'", STEREO, nullptr,
     RAW(F32, "16000", "2")},
    {"output_caps = 'audio/x-raw'", STEREO, RAW(S16, "8000", "1"),
     RAW(S16, "8000", "1")},
    {"output_caps = 'audio/x-raw,channels=6'", STEREO, nullptr,
     RAW(F32, "48000", "6") ",channel-mask=(bitmask)0x3f"},
    {"as_bytes = True", RAW(S24, "96000", "2"), nullptr,
     RAW(S24, "96000", "2")},
    {"output_caps = 'audio/x-raw'; input_caps = 'ANY'", "application/x-in",
     nullptr, RAW(F32, "44100", "2")},
    {"output_caps = 'audio/x-raw'; input_caps = 'ANY'", "application/x-in",
     RAW(S16, "8000", "1"), RAW(S16, "8000", "1")},
    {"def get_output_caps(self, caps):\n"
     "        return 'audio/x-raw,rate=16000'",
     STEREO, nullptr, RAW(F32, "16000", "2")},
    // As its methods say.
    {"def get_output_caps(self, caps):\n"
     "        return 'application/x-out,of=(string)\"' + caps.split(',')[0] + "
     "'\"'",
     STEREO, nullptr, OUT("of=audio/x-raw")},
    {"output_caps = 'application/x-out,v={1,2}'\n"
     "    def get_output_caps(self, caps):\n"
     "        return 'application/x-out'",
     STEREO, OUT("v=2"), OUT("v=2")},
    {"output_caps = 'audio/x-raw'; input_caps = 'application/x-in'\n"
     "    def get_output_caps(self, caps):\n"
     "        return caps.partition('caps=(string)')[2].strip('\"')"
     ".replace(chr(92), '')",
     "application/x-in,caps=(string)\"audio/x-raw\\,format=F32LE\\,rate=48000\\"
     ",channels=2\\,layout=interleaved\"",
     nullptr, RAW(F32, "48000", "2")},
};

struct Asked {
  const char *python, *downstream, *want;
};

const Asked questions[] = {
    // Without get_input_caps() whatever it declares.
    {"output_caps = 'application/x-out'; input_caps = 'application/x-in'",
     "application/x-out,v=1", "application/x-in"},
    {"output_caps = 'application/x-out'; input_caps = 'application/x-in'",
     "application/x-else", "EMPTY"},
    {"input_caps = 'application/x-in,v=[1,5]'", "application/x-in,v=[4,9]",
     "application/x-in,v=[4,5]"},
    // Ranges, and each of several.
    {"output_caps = 'application/x-out'; input_caps = 'application/x-in'\n"
     "    def get_input_caps(self, caps):\n"
     "        return caps.replace('out', 'in')",
     "application/x-out,v=[1,5]; application/x-out,w=3",
     "application/x-in,v=[1,5]; application/x-in,w=3"},
    // Only what it declares, and what it declares where it fails.
    {"output_caps = 'application/x-out'; input_caps = 'application/x-in,v=3'\n"
     "    def get_input_caps(self, caps):\n"
     "        return caps.replace('out', 'in')",
     "application/x-out,v=[1,5]", "application/x-in,v=3"},
    {"output_caps = 'application/x-out'; input_caps = 'application/x-in'\n"
     "    def get_input_caps(self, caps):\n"
     "        return 1 / 0",
     "application/x-out", "application/x-in"},
};

std::string with(const char *python) {
  return write_file("plugin.py", std::string(RECORDS) + "    " + python + "\n");
}

#define MAPS(declared, answer)                                    \
  CLASS FINE "    input_caps = 'application/x-in'\n    " declared \
             "\n    def get_output_caps(self, caps):" answer

const Mistake mistakes[] = {
    {"raises", MAPS("", "\n        return 1 / 0  # here\n"), "get_output_caps",
     "ZeroDivisionError", "division by zero"},
    {"raises, declared",
     MAPS("output_caps = 'application/x-out'",
          "\n        return 1 / 0  # here\n"),
     "get_output_caps", "ZeroDivisionError", "division by zero"},
    {"no str", MAPS("", "  # here\n        return 7\n"), "get_output_caps", "",
     "gave 7, not a string of GStreamer caps"},
    {"None", MAPS("", "  # here\n        pass\n"), "get_output_caps", "",
     "gave None, not a string of GStreamer caps"},
    {"bytes", MAPS("", "  # here\n        return b'audio/x-raw'\n"),
     "get_output_caps", "", "not a string of GStreamer caps"},
    {"no caps", MAPS("", "  # here\n        return 'not caps!'\n"),
     "get_output_caps", "", "which have a name that no caps have"},
    {"empty", MAPS("", "  # here\n        return ''\n"), "get_output_caps", "",
     "none of the caps that the plugin declares"},
    {"outside",
     MAPS("output_caps = 'application/x-out'",
          "  # here\n        return 'audio/x-raw'\n"),
     "get_output_caps", "", "none of the caps that the plugin declares"},
    {"changes its mind",
     MAPS("n = 0",
          "  # here\n        Wrong.n += 1\n"
          "        return f'application/x-out,v={self.n}'\n"),
     "get_output_caps", "", "but what was agreed on is"},
    {"no format of ours",
     CLASS FINE "    input_caps = 'application/x-in'\n"
                "    output_caps = 'audio/x-raw,format=NONE'\n",
     "set_caps", "", "no exact format, rate and channels"},
    {"set_caps raises",
     CLASS FINE "    input_caps = 'application/x-in'\n"
                "    def set_caps(self, *caps):\n"
                "        raise ValueError('not those')  # here\n",
     "start", "ValueError", "not those"},
};

const Mistake unusable[] = {
    {"no caps", CLASS FINE "    output_caps = 'not caps!'\n", "load", "",
     "declares output_caps = 'not caps!', which have a name that no caps have"},
    {"no caps either", CLASS FINE "    input_caps = 'not caps!'\n", "load", "",
     "declares input_caps = 'not caps!', which have a name that no caps have"},
    {"no str", CLASS FINE "    output_caps = 7\n", "load", "",
     "declares output_caps = 7; it must be a string of GStreamer caps"},
    {"empty", CLASS FINE "    input_caps = ''\n", "load", "",
     "it must be a string of GStreamer caps"},
};

}  // namespace

GST_START_TEST(test_both_pads_agree_and_the_plugin_is_told) {
  const Negotiation &row = negotiations[__i__];
  clear_log();
  Conversion stream(with(row.python), row.input, row.downstream);
  fail_unless(stream.output_caps() != "none", "%s", row.python);
  stream.expect_output_caps(row.output);
  const bool raw = g_str_has_prefix(row.input, "audio/x-raw");
  GstCaps *input = gst_caps_from_string(row.input);
  std::string told =
      "caps " + text_of_caps(input) + " " + stream.output_caps() + "\n";
  int rate;
  if (raw &&
      gst_structure_get_int(gst_caps_get_structure(input, 0), "rate", &rate))
    told += "rate " + std::to_string(rate) + "\n";
  gst_caps_unref(input);
  expect_text(log_text(), told + "start\n");
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_caps_of_the_input_follow_from_those_downstream) {
  const Asked &row = questions[__i__];
  Element element(with(row.python));
  fail_unless(element.to(GST_STATE_READY));
  GstHarness *harness =
      gst_harness_new_with_element(element.get(), "sink", "src");
  gst_harness_set_sink_caps_str(harness, row.downstream);
  GstCaps *caps = gst_pad_peer_query_caps(harness->srcpad, nullptr);
  GstCaps *want = gst_caps_from_string(row.want);
  fail_unless(gst_caps_is_equal(caps, want), "%s", text_of_caps(caps).c_str());
  gst_caps_unref(want);
  gst_caps_unref(caps);
  gst_harness_teardown(harness);
}
GST_END_TEST;

GST_START_TEST(test_wrong_caps_are_one_error_with_their_place) {
  const Mistake &row = mistakes[__i__];
  const std::string file = write_file("wrong.py", row.source);
  for (const char *downstream : {(const char *)nullptr, "application/x-out"}) {
    if (downstream && contains(row.source, "output_caps = 'audio")) continue;
    Conversion stream(file, "application/x-in", downstream);
    fail_unless_equals_int(stream.push(bytes_buffer()),
                           GST_FLOW_NOT_NEGOTIATED);
    fail_unless(stream.push(bytes_buffer()) < GST_FLOW_OK);
    fail_unless(stream.pull_all().empty());
    if (contains(row.source, "set_caps(") && downstream) {
      // Nobody takes its output, which is for others to say.
      continue;
    }
    expect_one_error(stream, row, file);
  }
}
GST_END_TEST;

GST_START_TEST(test_declarations_that_are_no_caps_fail_the_load) {
  const Mistake &row = unusable[__i__];
  const std::string file = write_file("wrong.py", row.source);
  Element element(file);
  fail_unless(!element.to(GST_STATE_READY));
  const Reports reports = element.reports();
  fail_unless_equals_int(reports.size(), 1);
  expect_part(reports[0].text, row.text);
  expect_part(reports[0].text, file);
}
GST_END_TEST;

// sourcecaps.cpp has what a source may declare, sinkrules.cpp what a sink may.
GST_START_TEST(test_a_sink_gives_nothing) {
  for (const char *declares :
       {"output_caps = 'application/x-out'",
        "def get_input_caps(self, caps): return caps",
        "def get_output_caps(self, caps): return caps"}) {
    const std::string file = write_file(
        "only.py", std::string("class Only:\n    ") + declares +
                       "\n    def write_audio(self, buffer): pass\n");
    GstElement *element = gst_element_factory_make("pythonsink", nullptr);
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    g_object_set(element, "script", file.c_str(), nullptr);
    fail_unless_equals_int(gst_element_set_state(element, GST_STATE_READY),
                           GST_STATE_CHANGE_FAILURE);
    GstMessage *message = next_message(bus, GST_MESSAGE_ERROR);
    GError *error;
    gst_message_parse_error(message, &error, nullptr);
    expect_part(error->message, "nothing comes out of a sink");
    g_error_free(error);
    gst_message_unref(message);
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, nullptr);
    gst_object_unref(bus);
    gst_object_unref(element);
  }
}
GST_END_TEST;

// ---- renegotiation ----------------------------------------------------------

GST_START_TEST(test_plugin_restarts_only_when_caps_change) {
  clear_log();
  Conversion stream(with("output_caps = 'application/x-out,v={1,2}'"), STEREO,
                    OUT("v=1"));
  stream.through_one(new_buffer({}, 4));
  const std::string before = log_text();
  // Nothing new: the same caps again, and a question from downstream.
  stream.set_caps(STEREO);
  gst_harness_push_upstream_event(stream.harness(),
                                  gst_event_new_reconfigure());
  stream.through_one(new_buffer({}, 4));
  expect_text(log_text().substr(before.size()), "2 4 float32 r\n");
  // Downstream takes something else, then upstream has something else.
  clear_log();
  gst_harness_set_sink_caps_str(stream.harness(), OUT("v=2"));
  gst_harness_push_upstream_event(stream.harness(),
                                  gst_event_new_reconfigure());
  stream.through_one(new_buffer({}, 4));
  stream.expect_output_caps(OUT("v=(int)2"));
  expect_part(log_text(), "stop\ncaps audio/x-raw");
  expect_part(log_text(), "v=(int)2\nrate 48000\nstart\n2 4 float32 r\n");
  clear_log();
  stream.set_caps(RAW(F32, "44100", "1"));
  stream.through_one(new_buffer({"F32", false, 1}, 4));
  expect_part(log_text(), "rate 44100\nstart\n1 4 float32 r\n");
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_held_back_output_goes_out_in_its_own_caps) {
  Conversion stream(write_file("holding.py", R"(
class Holding:
    input_caps = "application/x-in"
    output_caps = "application/x-out,v={1,2}"
    held = b""
    def process_audio(self, buffer):
        self.held += buffer.data.tobytes()
        return []
    def drain(self):
        held, self.held = self.held, b""
        return held
)"),
                    "application/x-in", OUT("v=1"));
  fail_unless(stream.through(bytes_buffer()).empty());
  gst_harness_set_sink_caps_str(stream.harness(), OUT("v=2"));
  gst_harness_push_upstream_event(stream.harness(),
                                  gst_event_new_reconfigure());
  const OwnedBuffer out = stream.through_one(bytes_buffer(4));
  fail_unless_equals_int(gst_buffer_get_size(out.get()), 24);
  stream.push_event(gst_event_new_eos());
  std::vector<OwnedBuffer> rest = stream.pull_all();
  fail_unless_equals_int(rest.size(), 1);
  fail_unless_equals_int(gst_buffer_get_size(rest[0].get()), 4);
}
GST_END_TEST;

// The base class gives the input's caps to a pad that nobody is linked to.
GST_START_TEST(test_unlinked_encryptor_does_not_agree_on_raw_audio) {
  Element element(with("output_caps = 'application/x-out,v={1,2}'"));
  fail_unless(element.to(GST_STATE_READY));
  GstHarness *harness =
      gst_harness_new_with_element(element.get(), "sink", nullptr);
  gst_harness_set_src_caps_str(harness, STEREO);
  fail_unless(gst_harness_push(harness, new_buffer({}, 4)) < GST_FLOW_OK);
  GstPad *pad = gst_element_get_static_pad(element.get(), "src");
  GstCaps *caps = gst_pad_get_current_caps(pad);
  fail_unless(!caps || !contains(text_of_caps(caps), "raw"));
  gst_clear_caps(&caps);
  gst_object_unref(pad);
  gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *converting_suite() {
  Suite *suite = suite_create("converting");
  TCase *caps = new_case(suite, "caps");
  tcase_add_loop_test(caps, test_both_pads_agree_and_the_plugin_is_told, 0,
                      int(std::size(negotiations)));
  tcase_add_loop_test(caps, test_caps_of_the_input_follow_from_those_downstream,
                      0, int(std::size(questions)));
  tcase_add_loop_test(caps, test_wrong_caps_are_one_error_with_their_place, 0,
                      int(std::size(mistakes)));
  tcase_add_loop_test(caps, test_declarations_that_are_no_caps_fail_the_load, 0,
                      int(std::size(unusable)));
  tcase_add_test(caps, test_a_sink_gives_nothing);
  TCase *again = new_case(suite, "renegotiation");
  tcase_add_test(again, test_plugin_restarts_only_when_caps_change);
  tcase_add_test(again, test_held_back_output_goes_out_in_its_own_caps);
  tcase_add_test(again, test_unlinked_encryptor_does_not_agree_on_raw_audio);
  return suite;
}

GST_CHECK_MAIN(converting)
