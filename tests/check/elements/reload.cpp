// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Code that is saved while the stream plays: when it takes over, and which of
// its methods are called meanwhile, of sources and sinks as well.
#include "../support/reload.hpp"

using namespace check;

// ---- when -------------------------------------------------------------------

GST_START_TEST(test_a_saved_file_takes_over_between_two_buffers) {
  Stream stream(write_file("plugin.py", multiplying("1")), {}, watching);
  expect_factor(&stream, 1);
  for (int i = 2; i <= 4; i++) {
    const std::string now = std::to_string(i);
    saves[__i__]("plugin.py", multiplying(now, "__version__ = '" + now + "'"));
    fail_unless_equals_uint64(change(&stream, i - 1, i).count, guint64(i - 1));
    g_autoptr(GstStructure) info = nullptr;
    g_object_get(stream.get(), "plugin-info", &info, nullptr);
    expect_text(gst_structure_get_string(info, "version"), now);
  }
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_link_is_followed) {
  fs::create_directory(folder() + "/real");
  write_file("real/plugin.py", multiplying("1"));
  fs::create_symlink(folder() + "/real/plugin.py", folder() + "/plugin.py");
  Stream stream(folder() + "/plugin.py", {}, watching);
  write_file("real/plugin.py", multiplying("2"));
  change(&stream, 1, 2);
}
GST_END_TEST;

GST_START_TEST(test_a_saved_helper_module_counts) {
  write_file("helper.py", "FACTOR = 1\n");
  const std::string file = write_file(
      "plugin.py", "from helper import FACTOR\n" + multiplying("FACTOR"));
  Stream stream(file, {}, watching);
  write_file("unused.py", "FACTOR = 7\n");
  write_file("helper.py", "FACTOR = 2\n");
  change(&stream, 1, 2);
  // One that the new code brought.
  write_file("more.py", "FACTOR = 3\n");
  write_file("plugin.py", "from more import FACTOR\n" + multiplying("FACTOR"));
  change(&stream, 2, 3);
  write_file("more.py", "FACTOR = 4\n");
  fail_unless_equals_uint64(change(&stream, 3, 4).count, 3);
}
GST_END_TEST;

GST_START_TEST(test_only_who_asks_for_it_gets_new_code) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  write_file("plugin.py", multiplying("2"));
  expect_factor(&stream, 1);
  // What was saved before is not news.
  stream.set("reload", "true");
  expect_text(stream.text_of("reload"), "true");
  write_file("plugin.py", multiplying("3"));
  fail_unless_equals_uint64(change(&stream, 1, 3).count, 1);
  stream.set("reload", "false");
  write_file("plugin.py", multiplying("4"));
  fail_unless(ask(stream.get()));
  fail_unless_equals_uint64(change(&stream, 3, 4).count, 2);
}
GST_END_TEST;

GST_START_TEST(test_the_signal_needs_a_plugin) {
  Element element(write_file("plugin.py", multiplying("1")));
  fail_unless(!ask(element.get()));
  fail_unless(element.to(GST_STATE_READY));
  fail_unless(ask(element.get()));
  fail_unless(element.to(GST_STATE_NULL));
  fail_unless(!ask(element.get()));
  element.expect_no_reports();
}
GST_END_TEST;

// ---- the calls, and when the stream stops -----------------------------------

namespace {

// Says which of its methods are called; `version` is its name.
std::string telling(const std::string &version, const char *audio,
                    const std::string &more = "") {
  return "from checklog import say\nversion = '" + version + R"('
class Plugin:
    def initialize(self): say(version, "initialize")
    def set_sample_rate(self, rate): say(version, "rate", rate)
    def start(self): say(version, "start")
    def get_state(self):
        say(version, "get_state")
        return version
    def set_state(self, state): say(version, "set_state", state)
    def stop(self): say(version, "stop")
    def shutdown(self): say(version, "shutdown")
    def )" +
         audio + "(self, buffer): buffer.data[:] = 0\n" + more;
}

}  // namespace

GST_START_TEST(test_the_calls_of_a_filter_in_order) {
  clear_log();
  {
    Stream stream(write_file("plugin.py", telling("1", "process_audio")));
    stream.push_frames();
    write_file("plugin.py", telling("2", "process_audio"));
    fail_unless(ask(stream.get()));
    flow(&stream);
    fail_unless(wait_for_log("1 shutdown"));
    expect_text(log_text(),
                "1 initialize\n1 rate 48000\n1 start\n"
                "2 initialize\n2 rate 48000\n2 start\n"
                "1 get_state\n2 set_state 1\n1 stop\n1 shutdown\n");
    clear_log();
  }
  expect_text(log_text(), "2 stop\n2 shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_code_that_never_played_is_stopped_and_shut_down) {
  clear_log();
  for (bool paused : {false, true}) {
    {
      Stream stream(write_file("plugin.py", telling("1", "process_audio")));
      write_file("plugin.py", telling("2", "process_audio"));
      fail_unless(ask(stream.get()));
      fail_unless(wait_for_log("2 start"));
      clear_log();
      if (paused) {
        fail_unless(stream.to(GST_STATE_READY));
        fail_unless(wait_for_log("2 stop"));
        stream.play_again();
        flow(&stream);
        fail_unless(wait_for_log("1 shutdown"));
        fail_unless_equals_int(count_in(log_text(), "2 start"), 1);
        fail_unless_equals_int(count_in(log_text(), "2 set_state"), 1);
        clear_log();
      }
    }
    const std::string text = log_text();
    fail_unless_equals_int(count_in(text, "2 stop\n"), 1);
    fail_unless_equals_int(count_in(text, "2 shutdown\n"), 1);
    fail_unless_equals_int(count_in(text, "1 shutdown\n"), paused ? 0 : 1);
    clear_log();
  }
}
GST_END_TEST;

GST_START_TEST(test_new_caps_while_new_code_waits) {
  clear_log();
  Stream stream(write_file("plugin.py", telling("1", "process_audio")));
  write_file("plugin.py", telling("2", "process_audio"));
  fail_unless(ask(stream.get()));
  fail_unless(wait_for_log("2 start"));
  Audio other;
  other.rate = 44100;
  stream.set_audio(other);
  flow(&stream);
  fail_unless(wait_for_log("1 shutdown"));
  const std::string text = log_text();
  const size_t last = text.rfind("2 start");
  // The old one's calls may come in between.
  const size_t stop = text.find("2 stop\n");
  fail_unless(stop < last && text.find("2 rate 44100\n", stop) < last, "%s",
              text.c_str());
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_the_last_of_several_saves_plays) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  expect_factor(&stream, 1);
  for (int i = 2; i <= 30; i++) {
    // At once: half of it may be read otherwise.
    saves[1]("plugin.py", multiplying(std::to_string(i)));
    fail_unless(ask(stream.get()));
  }
  int last = 1;
  fail_unless(wait_until([&] {
    GstBuffer *out = stream.through(new_buffer({}));
    const int factor = factor_of(out);
    fail_unless(factor >= last);
    last = factor;
    gst_buffer_unref(out);
    return last == 30;
  }));
  stream.expect_no_reports();
}
GST_END_TEST;

namespace {

const char hanging[] = R"(
from checklog import say
say("hangs")
while True: pass
)";

}  // namespace

GST_START_TEST(test_an_import_that_hangs_does_not_keep_the_element) {
  Element element(write_file("plugin.py", multiplying("1")));
  fail_unless(element.to(GST_STATE_READY));
  clear_log();
  write_file("plugin.py", hanging);
  fail_unless(ask(element.get()));
  fail_unless(wait_for_log("hangs"));
  fail_unless(element.to(GST_STATE_NULL));
  const Reports reports = element.reports();
  fail_unless_equals_int(reports.size(), 1);
  expect_part(reports[0].text, "load() was still running");
}
GST_END_TEST;

GST_START_TEST(test_a_newer_save_ends_an_import_that_hangs) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  clear_log();
  write_file("plugin.py", hanging);
  fail_unless(ask(stream.get()));
  fail_unless(wait_for_log("hangs"));
  expect_factor(&stream, 1);
  write_file("plugin.py", multiplying("2"));
  fail_unless(ask(stream.get()));
  change(&stream, 1, 2);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_stop_in_the_middle) {
  const std::string file = write_file("plugin.py", counting(stateful));
  for (int i = 0; i < soak_count(12, 60); i++) {
    Stream stream(file);
    stream.push_frames();
    fail_unless(ask(stream.get()));
    g_usleep(gulong(i % 20) * 100);
    if (i % 3 == 0) stream.push_frames();
    if (i % 3 == 1) stream.push_event(gst_event_new_eos());
    fail_unless(stream.to(i % 2 ? GST_STATE_NULL : GST_STATE_READY));
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// ---- sources and sinks ------------------------------------------------------

// A device or a file cannot be had twice.
GST_START_TEST(test_the_calls_of_a_sink_in_order) {
  clear_log();
  Sink sink(write_file("plugin.py", telling("1", "write_audio")));
  const auto push = [&] { fail_unless(sink.push_frames() == GST_FLOW_OK); };
  push();
  write_file("plugin.py", telling("2", "write_audio"));
  fail_unless(ask(sink.get()));
  expect_text(flow_until_told(sink.bus(), push).warning, "");
  fail_unless(wait_for_log("1 shutdown"));
  expect_text(log_text(),
              "1 initialize\n1 rate 48000\n1 start\n2 initialize\n"
              "1 get_state\n1 stop\n2 rate 48000\n2 start\n2 set_state 1\n"
              "1 shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_a_sink_that_cannot_start_leaves_the_old_one_its_device) {
  const char *more[] = {"    def start(self): 1 / 0\n",
                        "    def set_state(self, state): 1 / 0\n"};
  clear_log();
  Sink sink(write_file("plugin.py", telling("1", "write_audio")));
  const auto push = [&] { fail_unless(sink.push_frames() == GST_FLOW_OK); };
  push();
  clear_log();
  write_file("plugin.py", telling("2", "write_audio", more[__i__]));
  fail_unless(ask(sink.get()));
  expect_part(flow_until_told(sink.bus(), push).warning, "ZeroDivisionError");
  fail_unless(wait_for_log("2 shutdown"));
  push();
  const std::string text = log_text();
  expect_part(text, "1 stop\n2 rate 48000\n");
  expect_part(text, "2 stop\n1 rate 48000\n1 start\n");
  fail_unless(!contains(text, "1 shutdown"));
  fail_unless_equals_int(count_in(text, "2 stop"), 1);
}
GST_END_TEST;

namespace {

// A filter, a source or a sink for numbers that go on and on.
const char *const numbers_sink = R"(
class Plugin:
    next = 0
    def write_audio(self, buffer):
        frames = buffer.data.shape[1]
        for i in (0, frames - 1):
            if buffer.data[0, i] != (self.next + i) % 4096:
                raise ValueError(f"{buffer.data[0, i]} after {self.next}")
        self.next += frames
    def get_state(self): return self.next
    def set_state(self, state): self.next = state
)";
const char *const numbers_source = R"(
import numpy as np
class Plugin:
    next = 0
    def read_audio(self, buffer):
        frames = buffer.data.shape[1]
        buffer.data[:] = np.arange(self.next, self.next + frames) % 4096
        self.next += frames
    def get_state(self): return self.next
    def set_state(self, state): self.next = state
)";

}  // namespace

GST_START_TEST(test_all_three_at_once_lose_no_sample) {
  const std::string source = write_file("source.py", numbers_source);
  const std::string sink = write_file("sink.py", numbers_sink);
  Pipeline pipeline(
      "pythonsrc name=source script=" + source +
      " ! audio/x-raw,channels=2,rate=48000 ! " +
      line_of("pythonfilter", write_file("same.py", multiplying("1"))) +
      " ! pythonsink sync=false name=sink script=" + sink);
  pipeline.expect_to(GST_STATE_PLAYING);
  for (int i = 0; i < 10; i++) {
    for (const char *name : {"source", "python", "sink"}) {
      GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline.get()), name);
      fail_unless(ask(element));
      gst_object_unref(element);
      expect_text(flow_until_told(pipeline.bus(), [] {}).warning, "");
    }
  }
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_source_that_never_has_anything_can_be_mended) {
  Pipeline pipeline(
      line_of("pythonsrc", write_file("source.py",
                                      "class Plugin:\n"
                                      "    def read_audio(self, buffer):\n"
                                      "        return False\n")) +
      " num-buffers=3 ! fakesink");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstElement *python = pipeline.python();
  write_file("source.py", numbers_source);
  fail_unless(wait_until([&] { return ask(python); }));
  pipeline.expect_eos();
  pipeline.expect_no_reports();
}
GST_END_TEST;

static Suite *reload_suite() {
  Suite *suite = suite_create("reload");
  TCase *when = new_case(suite, "when");
  tcase_add_loop_test(when, test_a_saved_file_takes_over_between_two_buffers, 0,
                      int(std::size(saves)));
  tcase_add_test(when, test_a_link_is_followed);
  tcase_add_test(when, test_a_saved_helper_module_counts);
  tcase_add_test(when, test_only_who_asks_for_it_gets_new_code);
  tcase_add_test(when, test_the_signal_needs_a_plugin);
  TCase *calls = new_case(suite, "calls");
  tcase_add_test(calls, test_the_calls_of_a_filter_in_order);
  tcase_add_test(calls, test_code_that_never_played_is_stopped_and_shut_down);
  tcase_add_test(calls, test_new_caps_while_new_code_waits);
  tcase_add_test(calls, test_the_last_of_several_saves_plays);
  tcase_add_test(calls, test_an_import_that_hangs_does_not_keep_the_element);
  tcase_add_test(calls, test_a_newer_save_ends_an_import_that_hangs);
  tcase_add_test(calls, test_a_stop_in_the_middle);
  TCase *others = new_case(suite, "sources and sinks");
  tcase_add_test(others, test_the_calls_of_a_sink_in_order);
  tcase_add_loop_test(
      others, test_a_sink_that_cannot_start_leaves_the_old_one_its_device, 0,
      2);
  tcase_add_test(others, test_all_three_at_once_lose_no_sample);
  tcase_add_test(others, test_a_source_that_never_has_anything_can_be_mended);
  return suite;
}

GST_CHECK_MAIN(reload)
