// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which call of the plugin comes of which state, and what a life after READY
// and back looks like.
#include <thread>

#include "../support/harness.hpp"

using namespace check;

namespace {

constexpr char to_ready[] = "__init__\ninitialize\n";
constexpr char to_caps[] =
    "set_sample_rate 48000\nset_channel_count 2\nset_channels 2\n"
    "set_buffer_size 512\nstart\n";

void expect_log(const std::string &want) {
  expect_text(log_text(), want);
  clear_log();
}

int count_of(const std::string &text, const std::string &part) {
  int count = 0;
  for (size_t i = text.find(part); i != std::string::npos;
       i = text.find(part, i + 1))
    count++;
  return count;
}

}  // namespace

GST_START_TEST(test_each_state_makes_its_calls_and_no_other) {
  Element element(plugin_file("recorder.py"), {{"params", "p,gain=1"}});
  expect_log("");
  for (int life = 0; life < 2; life++) {
    fail_unless(element.to(GST_STATE_READY));
    expect_log(std::string(to_ready) + "set_parameter gain 1\n");
    fail_unless(element.to(GST_STATE_PAUSED));
    fail_unless(element.to(GST_STATE_PLAYING));
    fail_unless(element.to(GST_STATE_READY));
    // There were no caps, so no start and no stop.
    expect_log("");
    fail_unless(element.to(GST_STATE_NULL));
    expect_log("shutdown\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_caps_start_and_paused_to_ready_stops_once) {
  Stream stream(plugin_file("recorder.py"));
  expect_log(std::string(to_ready) + to_caps);
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  clear_log();
  fail_unless(stream.to(GST_STATE_PAUSED));
  fail_unless(stream.to(GST_STATE_PLAYING));
  fail_unless(stream.to(GST_STATE_PAUSED));
  expect_log("");
  fail_unless(stream.to(GST_STATE_READY));
  expect_log("stop\n");
  fail_unless(stream.to(GST_STATE_NULL));
  expect_log("shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_paused_again_after_ready_starts_the_same_instance_again) {
  Stream stream(plugin_file("recorder.py"));
  for (int i = 0; i < 3; i++) {
    clear_log();
    fail_unless(stream.to(GST_STATE_READY));
    stream.play_again();
    expect_log(std::string("stop\n") + to_caps);
  }
}
GST_END_TEST;

GST_START_TEST(test_stop_follows_a_start_that_failed) {
  for (const char *how : {"return False", "raise ValueError"}) {
    clear_log();
    {
      Stream stream(write_file(
          "no_start.py", std::string("from checklog import say\n"
                                     "class NoStart:\n"
                                     "    def start(self):\n"
                                     "        say('start')\n        ") +
                             how +
                             "\n"
                             "    def process_audio(self, b): say('process')\n"
                             "    def stop(self): say('stop')\n"
                             "    def shutdown(self): say('shutdown')\n"));
      fail_unless(stream.push_frames() == GST_FLOW_NOT_NEGOTIATED);
    }
    expect_log("start\nstop\nshutdown\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_failed_initialize_is_not_followed_by_shutdown) {
  Element element(write_file("no_init.py", R"(
from checklog import say
class NoInit:
    def initialize(self):
        say("initialize")
        return False
    def process_audio(self, buffer): pass
    def shutdown(self): say("shutdown")
)"));
  fail_unless(!element.to(GST_STATE_PLAYING));
  fail_unless(GST_STATE(element.get()) == GST_STATE_NULL);
  expect_log("initialize\n");
}
GST_END_TEST;

GST_START_TEST(test_refused_parameter_at_ready_is_followed_by_shutdown) {
  Element element(write_file("no_gain.py", R"(
from checklog import say
class NoGain:
    def initialize(self): say("initialize")
    def set_parameter(self, key, value): return False
    def process_audio(self, buffer): pass
    def shutdown(self): say("shutdown")
)"),
                  {{"params", "p,gain=1"}});
  fail_unless(!element.to(GST_STATE_PLAYING));
  expect_log("initialize\nshutdown\n");
}
GST_END_TEST;

GST_START_TEST(
    test_failures_while_stopping_are_warnings_and_stop_it_all_the_same) {
  Stream stream(write_file("stops_badly.py", R"(
class StopsBadly:
    def process_audio(self, buffer): pass
    def stop(self): raise ValueError("cannot stop")
    def shutdown(self): raise ValueError("cannot shut down")
)"));
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  fail_unless(stream.to(GST_STATE_NULL));
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 2, "%s", reports.text().c_str());
  expect_part(reports[0].text, "stop() raised ValueError: cannot stop");
  expect_part(reports[1].text,
              "shutdown() raised ValueError: cannot shut down");
  for (const Report &report : reports)
    fail_unless(report.type == GST_MESSAGE_WARNING);
  fail_unless(stream.to(GST_STATE_READY));
}
GST_END_TEST;

GST_START_TEST(test_edited_file_is_read_again_after_null) {
  const auto plugin = [](int factor) {
    return write_file("edited.py",
                      "import helper\n"
                      "def process_audio(buffer):\n"
                      "    buffer.data *= " +
                          std::to_string(factor) + " * helper.FACTOR\n");
  };
  // Within one second, and of the same length: no .pyc would notice.
  for (int i = 1; i < 6; i++) {
    write_file("helper.py", "FACTOR = " + std::to_string(i) + "\n");
    Stream stream(plugin(10 - i));
    stream.expect_through(
        [&](int c, size_t f) { return number_at(c, f) * i * (10 - i); });
    fail_unless(stream.to(GST_STATE_NULL));
    expect_text(read_file(folder() + "/__pycache__"), "");
  }
}
GST_END_TEST;

GST_START_TEST(test_null_to_playing_and_back_many_times) {
  Stream stream(plugin_file("recorder.py"));
  const int lives = soak_count(10, 100);
  for (int i = 0; i < lives; i++) {
    fail_unless(stream.to(GST_STATE_NULL));
    stream.play_again();
    stream.expect_through(number_at);
    fail_unless_equals_uint64(stream.stat("buffers"), 1);
  }
  fail_unless(stream.to(GST_STATE_NULL));
  stream.expect_no_reports();
  for (const char *call :
       {"__init__", "initialize", "start", "stop", "shutdown"}) {
    const int calls =
        count_of("\n" + log_text(), std::string("\n") + call + "\n");
    fail_unless(calls == lives + 1, "%s: %d", call, calls);
  }
}
GST_END_TEST;

GST_START_TEST(test_dead_instances_and_modules_go_away) {
  const std::string file = write_file("counted.py", R"(
import gc, sys, weakref
from checklog import say
import checklog
class Counted:
    def __init__(self):
        self.cycle = self
        checklog.alive = getattr(checklog, "alive", None) or weakref.WeakSet()
        checklog.alive.add(self)
    def process_audio(self, buffer): pass
    def shutdown(self):
        say(len(checklog.alive),
            sum(name.endswith(".counted") for name in sys.modules))
)");
  for (int i = 0; i < 10; i++) {
    Element element(file);
    fail_unless(element.to(GST_STATE_PLAYING));
  }
  std::string want;
  for (int i = 0; i < 10; i++)
    want += "1 1\n";
  expect_log(want);
}
GST_END_TEST;

GST_START_TEST(test_what_plugins_print_is_not_on_standard_output) {
  // Every test looks at standard output in the end.
  const std::string file = write_file("prints.py", R"(
import sys, warnings
print("loaded")
class Prints:
    def __init__(self): print("made", flush=True)
    def process_audio(self, buffer):
        print("processing")
        sys.stdout.write("written\n")
        warnings.warn("warned")
    def stop(self): raise ValueError("cannot stop")
    def __del__(self):
        print("gone")
        1 / 0
)");
  Stream stream(file);
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
}
GST_END_TEST;

GST_START_TEST(test_buffers_from_many_short_threads) {
  Stream stream(plugin_file("inplace.py"));
  for (int i = 0; i < soak_count(20, 200); i++)
    std::thread([&] { stream.expect_through(doubled); }).join();
  stream.expect_no_reports();
}
GST_END_TEST;

static Suite *states_suite() {
  Suite *suite = suite_create("states");
  TCase *order = new_case(suite, "order");
  tcase_add_test(order, test_each_state_makes_its_calls_and_no_other);
  tcase_add_test(order, test_caps_start_and_paused_to_ready_stops_once);
  tcase_add_test(order,
                 test_paused_again_after_ready_starts_the_same_instance_again);
  tcase_add_test(order, test_stop_follows_a_start_that_failed);
  tcase_add_test(order, test_failed_initialize_is_not_followed_by_shutdown);
  tcase_add_test(order,
                 test_refused_parameter_at_ready_is_followed_by_shutdown);
  tcase_add_test(
      order,
      test_failures_while_stopping_are_warnings_and_stop_it_all_the_same);
  TCase *lives = new_case(suite, "lives");
  tcase_add_test(lives, test_edited_file_is_read_again_after_null);
  tcase_add_test(lives, test_null_to_playing_and_back_many_times);
  tcase_add_test(lives, test_dead_instances_and_modules_go_away);
  tcase_add_test(lives, test_what_plugins_print_is_not_on_standard_output);
  tcase_add_test(lives, test_buffers_from_many_short_threads);
  return suite;
}

GST_CHECK_MAIN(states)
