// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Stopping is not hostage to a plugin that loops, waits or hangs.
#include <sys/stat.h>
#include <thread>

#include "../support/again.hpp"
#include "../support/conversion.hpp"
#include "../support/pipeline.hpp"

using namespace check;

namespace {

// A plugin with the given body in one of its methods.
std::string plugin_with(const std::string &method, const std::string &body) {
  std::string source =
      "import ctypes, os, time\n"
      "from checklog import say\n"
      "class Hangs:\n";
  for (const std::string name : {"process_audio", "stop", "shutdown"}) {
    const char *arguments = name == "process_audio" ? "self, buffer" : "self";
    source += "    def " + name + "(" + arguments + "):\n";
    source += "        say('in " + name + "')\n";
    if (contains(method, name)) source += body;
  }
  return write_file("hangs.py", source);
}

struct Loop {
  const char *name, *body;
};

// Only the first takes a processor, as the tests of all others are to have it.
const Loop loops[] = {
    {"busy", "        while True: pass\n"},
    {"sleeping", "        while True: time.sleep(0.01)\n"},
    {"catching Exception",
     "        while True:\n"
     "            try: time.sleep(0.01)\n"
     "            except Exception: pass\n"},
    {"cleaning up",
     "        try:\n"
     "            while True: time.sleep(0.001)\n"
     "        finally:\n"
     "            say('cleaned up')\n"},
    {"catching it once",
     "        try:\n"
     "            while True: time.sleep(0.001)\n"
     "        except BaseException: pass\n"
     "        while True: time.sleep(0.001)\n"},
};
const int loop_count = int(std::size(loops));

// How long NULL takes at the least, as a busy machine makes it longer. If it
// were kept waiting it would never come.
double seconds_to_null(Element *element, const char *called,
                       const std::function<void()> &call) {
  std::thread caller(call);
  fail_unless(wait_for_log(std::string("in ") + called));
  const double start = seconds_now();
  fail_unless(element->to(GST_STATE_NULL));
  const double taken = seconds_now() - start;
  caller.join();
  return taken;
}

double seconds_to_null(Stream *stream, const std::function<void()> &call) {
  return seconds_to_null(stream, "process_audio", call);
}

// What Python code and C code can wait for until the test opens it.
class Gate {
 public:
  explicit Gate(const char *name = "gate") : path_(folder() + "/" + name) {
    fail_unless_equals_int(mkfifo(path_.c_str(), 0600), 0);
    file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    fail_unless(file_ >= 0);
  }
  ~Gate() { close(file_); }
  // Of a file that can be read once the gate is open.
  std::string file() const { return "os.open('" + path_ + "', os.O_RDWR)"; }
  // For all who wait, and for those who come later.
  void open() const {
    const char bytes[64] = {};
    fail_unless_equals_int(write(file_, bytes, sizeof bytes), sizeof bytes);
  }

 private:
  const std::string path_;
  int file_;
};

// Waits for a WARNING, and takes it from the bus.
Reports wait_for_warning(const Element &element) {
  Reports reports;
  GstMessage *message = next_message(element.bus(), GST_MESSAGE_WARNING,
                                     GstClockTime(patience) * GST_SECOND);
  if (!message) return reports;
  reports.push_back(report_in(message));
  gst_message_unref(message);
  return reports;
}

// The text of the next WARNING that has this in it; "" if none comes.
std::string warning_with(const Element &element, const std::string &part) {
  for (;;) {
    const Reports reports = wait_for_warning(element);
    if (reports.empty()) return "";
    if (contains(reports[0].text, part)) return reports[0].text;
  }
}

}  // namespace

GST_START_TEST(test_null_is_not_kept_waiting_by_a_loop_in_process_audio) {
  const Loop &row = loops[__i__];
  Stream stream(plugin_with("process_audio", row.body));
  GstFlowReturn flow = GST_FLOW_OK;
  const double taken =
      seconds_to_null(&stream, [&] { flow = stream.push_frames(); });
  // It had its second.
  fail_unless(taken > 0.9, "%s: %.2f s", row.name, taken);
  fail_unless(flow == GST_FLOW_FLUSHING, "%s: %s", row.name,
              gst_flow_get_name(flow));
  fail_unless(stream.pull() == nullptr);
  expect_part(log_text(), "in stop\nin shutdown\n");
  const Reports reports = stream.reports();
  fail_unless(reports.size() >= 1);
  fail_unless(reports[0].type == GST_MESSAGE_WARNING);
  expect_part(reports.text(), "process_audio() was still running a second");
  expect_part(reports.text(), "hangs.py:");
  if (!strcmp(row.name, "cleaning up")) expect_part(log_text(), "cleaned up");
}
GST_END_TEST;

// The call is over then, but what it raised has to be told.
GST_START_TEST(test_null_is_not_kept_waiting_by_the_text_of_an_exception) {
  const std::string method = __i__ ? "stop" : "process_audio";
  Stream stream(plugin_with(method,
                            "        class Endless(Exception):\n"
                            "            def __str__(self):\n"
                            "                say('in str')\n"
                            "                while True: time.sleep(0.001)\n"
                            "        raise Endless\n"));
  if (__i__) {
    fail_unless(stream.to(GST_STATE_NULL));
  } else {
    seconds_to_null(&stream, "str", [&] { stream.push_frames(); });
  }
  expect_part(stream.reports().text(),
              in_process() ? "the worker was killed"
                           : "Endless: (its __str__ raised PluginTimeout)");
}
GST_END_TEST;

GST_START_TEST(test_null_is_not_kept_waiting_by_what_the_method_gave) {
  Conversion stream(write_file("gave.py",
                               "import time\n"
                               "from checklog import say\n"
                               "input_caps = 'application/x-in'\n"
                               "output_caps = 'application/x-out'\n"
                               "class Given:\n"
                               "    data = b'1234'\n"
                               "    duration = None\n"
                               "    @property\n"
                               "    def pts(self):\n"
                               "        say('in pts')\n"
                               "        while True: time.sleep(0.001)\n"
                               "def process_audio(buffer): return Given()\n"));
  seconds_to_null(&stream, "pts", [&] {
    gst_harness_push(stream.harness(),
                     gst_buffer_new_allocate(nullptr, 8, nullptr));
  });
  expect_part(stream.reports().text(), "process_audio() was still running");
}
GST_END_TEST;

GST_START_TEST(test_null_is_not_kept_waiting_by_a_loop_in_stop_or_shutdown) {
  const Loop &row = loops[__i__];
  for (const char *methods : {"stop", "shutdown", "stop shutdown"}) {
    Stream stream(plugin_with(methods, row.body));
    gst_buffer_unref(stream.through(new_buffer(stream.audio())));
    fail_unless(stream.to(GST_STATE_NULL));
    expect_part(stream.reports().text(), "was still running a second");
    // The element can be used again.
    fail_unless(stream.to(GST_STATE_READY));
    clear_log();
  }
}
GST_END_TEST;

GST_START_TEST(test_everything_loops_and_null_still_comes) {
  Stream stream(plugin_with("process_audio stop shutdown", loops[1].body));
  seconds_to_null(&stream, [&] { stream.push_frames(); });
  expect_part(log_text(), "in stop\nin shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_each_stop_has_its_own_second) {
  // Not what is left of the last one's.
  Element element(plugin_with("shutdown",
                              "        for i in range(20): time.sleep(0.001)\n"
                              "        say('done')\n"));
  for (int i = 0; i < 2; i++) {
    clear_log();
    fail_unless(element.to(GST_STATE_READY));
    fail_unless(element.to(GST_STATE_NULL));
    expect_text(log_text(), "in shutdown\ndone\n");
    element.expect_no_reports();
    g_usleep(1100000);
  }
}
GST_END_TEST;

GST_START_TEST(test_quick_calls_are_left_alone_while_stopping) {
  Stream stream(plugin_with("process_audio",
                            "        time.sleep(0.1)\n"
                            "        say('done')\n"));
  seconds_to_null(&stream, [&] { stream.push_frames(); });
  expect_text(log_text(), "in process_audio\ndone\nin stop\nin shutdown\n");
  stream.expect_no_reports();
}
GST_END_TEST;

namespace {

struct Hang {
  const char *name, *library;
};
const Hang hangs[] = {
    {"without the GIL", "ctypes.CDLL"},
    {"holding the GIL", "ctypes.PyDLL"},
};

}  // namespace

GST_START_TEST(test_hang_in_c_is_told_after_a_second_with_the_python_stack) {
  const Hang &row = hangs[__i__];
  const Gate gate;
  const std::string file =
      plugin_with("process_audio",
                  std::string("        ") + row.library + "(None).read(" +
                      gate.file() + ", ctypes.create_string_buffer(1), 1)\n");
  Stream stream(file);
  std::thread caller([&] { stream.push_frames(); });
  fail_unless(wait_for_log("in process_audio"));
  a_moment();  // until it hangs
  const double start = seconds_now();
  std::thread stopper([&] { stream.to(GST_STATE_NULL); });
  // While it hangs, as it does until the gate is open.
  const Reports reports = wait_for_warning(stream);
  const double told = seconds_now() - start;
  gate.open();
  stopper.join();
  caller.join();
  fail_unless(!reports.empty(), "%s: not told", row.name);
  fail_unless(told > 0.9, "%s: told after %.2f s", row.name, told);
  expect_part(reports[0].text, "process_audio() hangs outside Python code");
  expect_part(reports[0].text, file);
  expect_part(reports[0].debug, "hangs.py");
  expect_part(reports[0].debug, "process_audio");
}
GST_END_TEST;

GST_START_TEST(test_each_call_that_hangs_in_c_is_told) {
  const Gate first, second("second");
  std::string source = "import ctypes, os\nfrom checklog import say\n";
  for (const auto &[name, gate] :
       {std::pair<std::string, const Gate *>{"process_audio", &first},
        {"stop", &second}})
    source += "def wait_in_" + name + "(file=" + gate->file() +
              "):\n    say('in " + name +
              "')\n    ctypes.CDLL(None).read(file, "
              "ctypes.create_string_buffer(1), 1)\n";
  Stream stream(write_file("hangs.py", source + R"(
class Hangs:
    def process_audio(self, buffer):
        wait_in_process_audio()
    def stop(self):
        wait_in_stop()
)"));
  std::thread caller([&] { stream.push_frames(); });
  fail_unless(wait_for_log("in process_audio"));
  std::thread stopper([&] { stream.to(GST_STATE_NULL); });
  const std::string said = warning_with(stream, "hangs outside Python code");
  first.open();
  // The second one of the same stop: what was told of the first is not of it.
  const std::string also = warning_with(stream, "stop() hangs");
  second.open();
  stopper.join();
  caller.join();
  expect_part(said, "process_audio() hangs");
  expect_part(also, "stop() hangs outside Python code");
}
GST_END_TEST;

GST_START_TEST(test_timeout_that_comes_too_late_hits_nothing_later) {
  // Ends in C and with True, so that no line of Python is left for it to be
  // raised at, neither of the plugin's nor of those that look at a result.
  const Gate gate;
  const std::string late =
      write_file("late.py",
                 "import functools, os, threading\n"
                 "from checklog import say\n"
                 "lock = threading.Lock()\n"
                 "lock.acquire()\n"
                 "def open_later(file):\n"
                 "    os.read(file, 1)\n"
                 "    lock.release()\n"
                 "threading.Thread(target=open_later, "
                 "args=(" +
                     gate.file() + R"(,), daemon=True).start()
def asked():
    say("in process_audio")
    yield True
class Late:
    def __init__(self):
        self.process_audio = functools.partial(
            next, map(lock.acquire, asked()))
def create_plugin():
    return Late()
)");
  const std::string busy = write_file("busy.py", R"(
def process_audio(buffer):
    for i in range(20000):
        buffer.get_channel_count()
)");
  Stream other(busy);
  Stream stream(late);
  GstFlowReturn after = GST_FLOW_ERROR;
  std::thread opener([&] {
    // Its second is over by then, or its worker is killed.
    wait_for_warning(stream);
    gate.open();
  });
  seconds_to_null(&stream, [&] {
    stream.push_frames();
    for (int i = 0; i < 20; i++)
      after = other.push_frames();
  });
  opener.join();
  fail_unless(after == GST_FLOW_OK, "%s", gst_flow_get_name(after));
  other.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_other_elements_play_on_while_one_is_interrupted) {
  Stream other(plugin_file("inplace.py"));
  Stream stream(plugin_with("process_audio", "        while True: pass\n"));
  Again play([&] { other.expect_through(doubled); });
  std::thread caller([&] { stream.push_frames(); });
  fail_unless(wait_for_log("in process_audio"));
  std::thread stopper([&] { stream.to(GST_STATE_NULL); });
  // In its second, and while it is interrupted.
  for (int i = 0; i < 10; i++)
    play.wait_for_more();
  stopper.join();
  caller.join();
  play.wait_for_more();
  other.expect_no_reports();
}
GST_END_TEST;

namespace {

// Hangs when it is asked about caps with a field of that name.
std::string asked_for_caps(const std::string &body) {
  return write_file("caps.py",
                    std::string("import ctypes, os, time\n"
                                "from checklog import say\n"
                                "class Caps:\n"
                                "    input_caps = 'application/x-in'\n"
                                "    output_caps = 'application/x-out'\n"
                                "    def get_output_caps(self, caps):\n"
                                "        if 'hang' in caps:\n"
                                "            say('in get_output_caps')\n"
                                "            ") +
                        body +
                        "\n        return 'application/x-out'\n"
                        "    def process_audio(self, buffer):\n"
                        "        return []\n");
}

constexpr char hanging_caps[] = "application/x-in,hang=(int)1";

void query_caps(Conversion *stream) {
  GstCaps *filter = gst_caps_from_string(hanging_caps);
  GstPad *pad = gst_element_get_static_pad(stream->get(), "sink");
  gst_caps_unref(gst_pad_query_caps(pad, filter));
  gst_object_unref(pad);
  gst_caps_unref(filter);
}

}  // namespace

GST_START_TEST(test_null_is_not_kept_waiting_by_a_loop_in_get_output_caps) {
  Conversion stream(asked_for_caps("while True: time.sleep(0.01)"));
  const double taken = seconds_to_null(&stream, "get_output_caps",
                                       [&] { stream.set_caps(hanging_caps); });
  // It had its second.
  fail_unless(taken > 0.9, "%.2f s", taken);
}
GST_END_TEST;

GST_START_TEST(test_start_that_ends_with_the_stream_is_no_error) {
  Conversion stream(write_file("starts.py", R"(
import time
from checklog import say
class Starts:
    input_caps = output_caps = "application/x-in; application/x-hanging"
    hangs = False
    def set_caps(self, caps, _):
        self.hangs = 'hanging' in caps
    def start(self):
        if not self.hangs:
            return True
        say('in start')
        while True: time.sleep(0.01)
    def process_audio(self, buffer):
        pass
)"));
  const double taken = seconds_to_null(
      &stream, "start", [&] { stream.set_caps("application/x-hanging"); });
  fail_unless(taken > 0.9, "%.2f s", taken);
  const Reports reports = stream.reports();
  fail_unless(reports.size() >= 1);
  for (const auto &each : reports)
    fail_unless(each.type == GST_MESSAGE_WARNING, "%s", each.text.c_str());
}
GST_END_TEST;

GST_START_TEST(test_caps_query_does_not_outlive_the_plugin) {
  Conversion stream(asked_for_caps("while True: time.sleep(0.01)"));
  // If the query went on, this would not end.
  seconds_to_null(&stream, "get_output_caps", [&] { query_caps(&stream); });
}
GST_END_TEST;

GST_START_TEST(test_hang_in_c_in_get_output_caps_is_told) {
  const Gate gate;
  Conversion stream(asked_for_caps("ctypes.CDLL(None).read(" + gate.file() +
                                   ", ctypes.create_string_buffer(1), 1)"));
  std::thread caller([&] { stream.set_caps(hanging_caps); });
  fail_unless(wait_for_log("in get_output_caps"));
  std::thread stopper([&] { stream.to(GST_STATE_NULL); });
  const Reports reports = wait_for_warning(stream);
  gate.open();
  stopper.join();
  caller.join();
  fail_unless(reports.size() == 1);
  expect_part(reports[0].text, "get_output_caps() hangs outside Python code");
  expect_part(reports[0].debug, "caps.py");
}
GST_END_TEST;

namespace {

// Whoever sets the state holds the element's lock meanwhile, so that no other
// thread can tell it to stop.
struct Held {
  const char *factory, *audio_method, *before, *after;
};
const Held kinds[] = {
    {"pythonfilter", "process_audio", "audiotestsrc ! ", " ! fakesink"},
    {"pythonsrc", "read_audio", "", " ! fakesink"},
    {"pythonsink", "write_audio", "audiotestsrc ! ", ""},
};
const char *const held_calls[] = {"import", "__init__", "initialize"};
const int held_count = int(std::size(kinds) * std::size(held_calls));

// Its audio method does nothing for a moment, as that of a device does.
std::string plugin_that(const Held &kind, const std::string &call,
                        const std::string &statement) {
  const bool at_import = call == "import";
  return write_file(
      "held.py",
      "import ctypes, os, time\n"
      "from checklog import say\n" +
          (at_import ? "say('in import')\n" + statement + "\n"
                     : std::string()) +
          "class Held:\n"
          "    def " +
          kind.audio_method + "(self, buffer): time.sleep(0.001)\n" +
          (at_import ? std::string()
                     : "    def " + call + "(self):\n        say('in " + call +
                           "')\n        " + statement + "\n"));
}

std::string held_line(const Held &kind, const std::string &script) {
  return kind.before + line_of(kind.factory, script, "hang-timeout=100") +
         kind.after;
}

}  // namespace

GST_START_TEST(test_worker_that_does_not_come_up_is_ended) {
  const Held &kind = kinds[__i__ % int(std::size(kinds))];
  const char *call = held_calls[__i__ / int(std::size(kinds))];
  const Pipeline pipeline(
      held_line(kind, plugin_that(kind, call, "while True: time.sleep(0.01)")));
  bool playing = true;
  std::thread starter([&] {
    playing = gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) !=
              GST_STATE_CHANGE_FAILURE;
  });
  fail_unless(wait_for_log(std::string("in ") + call));
  pipeline.expect_null();
  starter.join();
  fail_unless(!playing, "%s, %s", kind.factory, call);
  const std::string told = pipeline.reports().text();
  expect_part(told, "did not return within 600 ms");
  expect_part(told, "hang-timeout can give it more time");
}
GST_END_TEST;

GST_START_TEST(test_call_that_holds_the_element_is_told) {
  const Held &kind = kinds[__i__ % int(std::size(kinds))];
  const char *call = held_calls[__i__ / int(std::size(kinds))];
  const Gate gate;
  const std::string file = plugin_that(
      kind, call,
      std::string("ctypes.") + (__i__ % 2 ? "PyDLL" : "CDLL") + "(None).read(" +
          gate.file() + ", ctypes.create_string_buffer(1), 1)");
  const Pipeline pipeline(held_line(kind, file));
  std::thread starter([&] { pipeline.to(GST_STATE_PLAYING); });
  fail_unless(wait_for_log(std::string("in ") + call));
  std::thread stopper([&] { pipeline.expect_null(); });
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_WARNING);
  gate.open();
  starter.join();
  stopper.join();
  fail_unless(message != nullptr, "%s, %s: not told", kind.factory, call);
  const Report report = report_in(message);
  gst_message_unref(message);
  expect_part(report.text,
              "() has not returned yet, and before that nothing "
              "can stop the element");
  expect_part(report.debug, "held.py");
}
GST_END_TEST;

GST_START_TEST(test_null_is_not_kept_waiting_by_unlock) {
  const Held &kind = kinds[1 + __i__ % 2];
  const bool live = __i__ >= 2;
  const Pipeline pipeline(held_line(
      kind, plugin_that(kind, "unlock", "while True: time.sleep(0.01)")));
  if (live && kind.factory == kinds[1].factory)
    g_object_set(pipeline.python(), "is-live", TRUE, nullptr);
  fail_unless(pipeline.to(GST_STATE_PLAYING));
  pipeline.expect_null();
  expect_part(log_text(), "in unlock");
  if (!in_process())
    expect_part(pipeline.reports().text(), "unlock() was still running");
}
GST_END_TEST;

GST_START_TEST(test_unlock_that_hangs_in_c_is_told) {
  const Held &kind = kinds[1 + __i__];
  const Gate gate;
  const Pipeline pipeline(
      held_line(kind, plugin_that(kind, "unlock",
                                  "ctypes.CDLL(None).read(" + gate.file() +
                                      ", ctypes.create_string_buffer(1), 1)")));
  fail_unless(pipeline.to(GST_STATE_PLAYING));
  std::thread stopper([&] { pipeline.expect_null(); });
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_WARNING);
  gate.open();
  stopper.join();
  fail_unless(message != nullptr, "%s: not told", kind.factory);
  const Report report = report_in(message);
  gst_message_unref(message);
  expect_part(report.text, "unlock() hangs outside Python code");
  expect_part(report.debug, "held.py");
}
GST_END_TEST;

GST_START_TEST(test_start_that_failed_does_not_wait_for_shutdown) {
  Element element(write_file("refuses.py",
                             "import time\n"
                             "class Refuses:\n"
                             "    def set_parameter(self, key, value):\n"
                             "        return False\n"
                             "    def process_audio(self, buffer): pass\n"
                             "    def shutdown(self):\n"
                             "        while True: time.sleep(0.01)\n"),
                  {{"params", "p,gain=1"}});
  fail_unless(!element.to(GST_STATE_READY));
  const std::string told = element.reports().text();
  expect_part(told, "refused the parameter gain=1");
  expect_part(told, "shutdown() was still running a second");
}
GST_END_TEST;

GST_START_TEST(test_script_that_never_ends_is_refused) {
  const std::string fifo = folder() + "/fifo.py";
  fail_unless_equals_int(mkfifo(fifo.c_str(), 0600), 0);
  const std::string link = folder() + "/link.py";
  fail_unless_equals_int(symlink("/dev/zero", link.c_str()), 0);
  for (const std::string &path : {fifo, link, std::string("/dev/zero")}) {
    Element element(path);
    fail_unless(!element.to(GST_STATE_READY));
    expect_part(element.reports().text(), "is no regular file");
  }
}
GST_END_TEST;

static Suite *hangs_suite() {
  Suite *suite = suite_create("hangs");
  TCase *loop = new_case(suite, "loops");
  tcase_add_loop_test(loop,
                      test_null_is_not_kept_waiting_by_a_loop_in_process_audio,
                      0, loop_count - 1);
  add_loop_test_here(
      loop, test_null_is_not_kept_waiting_by_a_loop_in_process_audio,
      loop_count - 1, loop_count,
      "a worker that does not let itself be interrupted is killed");
  tcase_add_loop_test(
      loop, test_null_is_not_kept_waiting_by_the_text_of_an_exception, 0, 2);
  tcase_add_test(loop, test_null_is_not_kept_waiting_by_what_the_method_gave);
  tcase_add_loop_test(
      loop, test_null_is_not_kept_waiting_by_a_loop_in_stop_or_shutdown, 1, 3);
  tcase_add_test(loop, test_everything_loops_and_null_still_comes);
  tcase_add_test(loop, test_each_stop_has_its_own_second);
  tcase_add_test(loop, test_quick_calls_are_left_alone_while_stopping);
  tcase_add_test(loop, test_other_elements_play_on_while_one_is_interrupted);
  TCase *hang = new_case(suite, "hangs in C");
  add_loop_test_here(
      hang, test_hang_in_c_is_told_after_a_second_with_the_python_stack, 0,
      int(std::size(hangs)),
      "a worker that does not let itself be interrupted is killed");
  add_test_here(hang, test_each_call_that_hangs_in_c_is_told,
                "a worker that does not let itself be interrupted is killed");
  tcase_add_test(hang, test_timeout_that_comes_too_late_hits_nothing_later);
  TCase *caps = new_case(suite, "caps");
  tcase_add_test(caps,
                 test_null_is_not_kept_waiting_by_a_loop_in_get_output_caps);
  tcase_add_test(caps, test_start_that_ends_with_the_stream_is_no_error);
  tcase_add_test(caps, test_caps_query_does_not_outlive_the_plugin);
  add_test_here(caps, test_hang_in_c_in_get_output_caps_is_told,
                "a worker that does not let itself be interrupted is killed");
  TCase *held = new_case(suite, "the element is held");
  if (in_process())
    tcase_add_loop_test(held, test_worker_that_does_not_come_up_is_ended, 0,
                        held_count);
  add_loop_test_here(held, test_call_that_holds_the_element_is_told, 0,
                     held_count, "a worker that does not come up is ended");
  tcase_add_loop_test(held, test_null_is_not_kept_waiting_by_unlock, 0, 4);
  add_loop_test_here(held, test_unlock_that_hangs_in_c_is_told, 0, 2,
                     "only the next call waits for it");
  tcase_add_test(held, test_start_that_failed_does_not_wait_for_shutdown);
  tcase_add_test(held, test_script_that_never_ends_is_refused);
  return suite;
}

GST_CHECK_MAIN(hangs)
