// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a plugin can do wrong while it plays: one ERROR that names its file and
// line, and nothing gets through.
#include "../support/mistake.hpp"

using namespace check;

namespace {

const Mistake mistakes[] = {
    // ---- at caps
    {"start raises",
     CLASS
     "    def start(self):\n        raise ValueError('rate')  # here\n" FINE,
     "start", "ValueError", "start() raised ValueError: rate"},
    {"start returns False",
     CLASS "    def start(self): return False  # here\n" FINE, "start", "",
     "start() returned False"},
    {"set_sample_rate raises",
     CLASS "    def set_sample_rate(self, rate):\n"
           "        raise ValueError(rate)  # here\n" FINE,
     "start", "ValueError", "ValueError: 48000"},
    {"get_processing_latency raises",
     CLASS "    def get_processing_latency(self):\n"
           "        raise ValueError('late')  # here\n" FINE,
     "get_processing_latency", "ValueError", "ValueError: late"},
    {"get_processing_latency gives what is no time",
     CLASS "    def get_processing_latency(self):  # here\n"
           "        return float('inf')\n" FINE,
     "get_processing_latency", "", "gave inf, which is no time in seconds"},
    {"get_processing_latency gives what is no number",
     CLASS "    def get_processing_latency(self):  # here\n"
           "        return float('nan')\n" FINE,
     "get_processing_latency", "", "gave nan, which is no time in seconds"},
    {"get_processing_latency gives text",
     CLASS "    def get_processing_latency(self): return 'soon'  # here\n" FINE,
     "get_processing_latency", "", "gave 'soon', which is no time in seconds"},
    // ---- the audio method
    {"raises", RAISES("raise ValueError('too loud')"), "process_audio",
     "ValueError", "process_audio() raised ValueError: too loud"},
    {"raises its own class",
     "class Mine(Exception): pass\n" RAISES("raise Mine('own')"),
     "process_audio", "mistake.Mine",
     "process_audio() raised mistake.Mine: own"},
    {"raises without a message", RAISES("raise ValueError"), "process_audio",
     "ValueError", "process_audio() raised ValueError ("},
    {"raises with several lines", RAISES("raise ValueError('one\\ntwo')"),
     "process_audio", "ValueError", "ValueError: one two"},
    {"raises in a library", RAISES("__import__('numpy').zeros(3).reshape(7)"),
     "process_audio", "ValueError", "cannot reshape array"},
    {"numpy error", RAISES("buffer.data += [1, 2, 3]"), "process_audio",
     "ValueError", "could not be broadcast"},
    {"SystemExit", RAISES("raise SystemExit(2)"), "process_audio", "SystemExit",
     "raised SystemExit: 2"},
    {"KeyboardInterrupt", RAISES("raise KeyboardInterrupt"), "process_audio",
     "KeyboardInterrupt", "raised KeyboardInterrupt"},
    {"__str__ raises",
     "class Bad(Exception):\n    def __str__(self): 1 / 0\n" RAISES(
         "raise Bad()"),
     "process_audio", "mistake.Bad", "(its __str__ raised ZeroDivisionError)"},
    {"__str__ exits",
     "class Bad(Exception):\n    def __str__(self): raise SystemExit\n" RAISES(
         "raise Bad()"),
     "process_audio", "mistake.Bad", "(its __str__ raised SystemExit)"},
    {"recursion", CLASS PROCESS "        self.process_audio(buffer)  # here\n",
     "process_audio", "RecursionError", "recursion"},
    {"not UTF-8", RAISES("raise ValueError('\\udcff')"), "process_audio",
     "ValueError", "process_audio() raised ValueError: \\udcff ("},
    {"returns False",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        return False\n",
     "process_audio", "", "process_audio() returned False"},
    {"returns numpy.False_",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        return buffer.data[0, 0] > 1e9\n",
     "process_audio", "", "process_audio() returned False"},
    {"binds a wrong shape",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        buffer.data = buffer.data[:, :7]\n",
     "process_audio", "ValueError",
     "gave an array of shape (2, 7), not (2, 64)"},
    {"binds the transposed",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        buffer.data = buffer.data.T\n",
     "process_audio", "ValueError", "shape (64, 2)"},
    {"returns a wrong shape",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        return buffer.data[:1]\n",
     "process_audio", "ValueError",
     "gave an array of shape (1, 64), not (2, 64)"},
    {"binds a wrong dtype",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        buffer.data = buffer.data.astype('f8')\n",
     "process_audio", "TypeError", "gave an array of float64, not float32"},
    {"returns the other byte order",
     CLASS
     "    def process_audio(self, buffer):  # here\n"
     "        return buffer.data.astype(buffer.data.dtype.newbyteorder())\n",
     "process_audio", "TypeError", "gave an array of"},
    {"binds a list",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        buffer.data = [1, 2, 3]\n",
     "process_audio", "TypeError", "gave list, not an array"},
    {"returns a number",
     CLASS "    def process_audio(self, buffer):  # here\n        return 1\n",
     "process_audio", "TypeError", "gave int, not an array"},
    {"returns a coroutine",
     "async def later(): pass\n" CLASS
     "    def process_audio(self, buffer):  # here\n"
     "        c = later()\n        c.close()\n        return c\n",
     "process_audio", "TypeError", "gave coroutine"},
    {"deletes buffer.data",
     CLASS "    def process_audio(self, buffer):  # here\n"
           "        del buffer.data\n",
     "process_audio", "TypeError", "deleted buffer.data"},
    {"read_only plugin gives samples",
     CLASS "    read_only = True\n"
           "    def process_audio(self, buffer):  # here\n"
           "        return buffer.data * 2\n",
     "process_audio", "ValueError", "read_only"},
    {"read_only plugin writes",
     CLASS "    read_only = True\n" PROCESS
           "        buffer.data *= 2  # here\n",
     "process_audio", "ValueError", "read-only"},
};

}  // namespace

GST_START_TEST(test_mistake_is_one_error_and_nothing_gets_through) {
  const Mistake &row = mistakes[__i__];
  const std::string file = write_file("mistake.py", row.source);
  Stream stream(file, {}, row.properties);
  GstBuffer *buffer = new_buffer(stream.audio());
  GstBuffer *again = gst_buffer_copy(buffer);
  const GstFlowReturn flow = stream.push(buffer);
  const bool at_caps = strcmp(row.phase, "process_audio") != 0;
  fail_unless(flow == (at_caps ? GST_FLOW_NOT_NEGOTIATED : GST_FLOW_ERROR),
              "%s: %s", row.name, gst_flow_get_name(flow));
  fail_unless(stream.pull() == nullptr);
  expect_one_error(stream, row, file);
  // Nor does anything later.
  fail_unless(stream.push(again) != GST_FLOW_OK);
  fail_unless(stream.pull() == nullptr);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_error_tells_the_time_of_the_buffer) {
  Stream stream(write_file("raises.py", RAISES("raise ValueError")));
  GstBuffer *buffer = new_buffer(stream.audio());
  GST_BUFFER_PTS(buffer) = 5 * GST_SECOND;
  fail_unless(stream.push(buffer) == GST_FLOW_ERROR);
  const Reports reports = stream.reports();
  fail_unless_equals_uint64(reports[0].number("pts"), 5 * GST_SECOND);
  expect_text(reports[0].field("function"), "process_audio");
  fail_unless_equals_uint64(stream.stat("errors"), 1);
}
GST_END_TEST;

GST_START_TEST(test_refused_caps_are_an_error_that_names_what_it_takes) {
  const std::string mono =
      write_file("mono.py", CLASS "    channels = 1\n" FINE);
  Stream narrow(mono, {"F32", false, 2});
  fail_unless(narrow.push_frames() == GST_FLOW_NOT_NEGOTIATED);
  fail_unless(narrow.pull() == nullptr);
  const Reports reports = narrow.reports();
  fail_unless(reports.size() == 1, "%s", reports.text().c_str());
  fail_unless(reports[0].type == GST_MESSAGE_ERROR);
  fail_unless(reports[0].domain == GST_STREAM_ERROR);
  fail_unless_equals_int(reports[0].code, GST_STREAM_ERROR_FORMAT);
  expect_part(reports[0].text, mono);
  expect_part(reports[0].text, "audioconvert");
  expect_part(reports[0].debug, "channels=(int)1");
  expect_part(reports[0].debug, "channels=(int)2");
}
GST_END_TEST;

static Suite *failures_suite() {
  Suite *suite = suite_create("failures");
  TCase *plugin = new_case(suite, "plugin");
  tcase_add_loop_test(plugin,
                      test_mistake_is_one_error_and_nothing_gets_through, 0,
                      int(std::size(mistakes)));
  tcase_add_test(plugin, test_error_tells_the_time_of_the_buffer);
  tcase_add_test(plugin,
                 test_refused_caps_are_an_error_that_names_what_it_takes);
  return suite;
}

GST_CHECK_MAIN(failures)
