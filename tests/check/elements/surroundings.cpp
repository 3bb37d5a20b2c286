// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What np.seterr(), decimal and contextvars keep for a thread is a plugin's own
// here: the same in all its methods, whoever calls them, and no other's. So are
// the modes of the CPU's floating point.
#include <cfenv>

#include "../support/sink.hpp"

using namespace check;

namespace {

const char *const places[] = {
    "module",        "__init__",    "initialize", "set_sample_rate",
    "set_parameter", "get_latency", "start",      "process_audio",
};

// It sets all of it there, if anywhere, and says in each call what it finds.
std::string plugin_that_sets(const char *name, const std::string &where,
                             const char *more = "") {
  return write_file(name, "PLACE = '" + where + "'" + R"(
import contextvars, decimal, threading, warnings
import numpy as np
from base_plugin import AudioProcessorPlugin
from checklog import say

warnings.simplefilter("ignore")
variable = contextvars.ContextVar("variable", default=0)

def at(place):
    if place == PLACE:
        np.seterr(divide="raise", over="ignore")
        np.seterrcall(say)
        decimal.getcontext().prec = 7
        variable.set(5)

def found():
    return (np.geterr()["divide"], np.geterr()["over"],
            np.geterrcall() is not None, decimal.getcontext().prec,
            variable.get())

class Setting(AudioProcessorPlugin):
    def __init__(self):
        super().__init__()
        at("__init__")
    def initialize(self):
        at("initialize")
    def set_sample_rate(self, rate):
        at("set_sample_rate")
    def start(self):
        at("start")
    def stop(self):
        say("stop", *found())
    def set_parameter(self, key, value):
        at("set_parameter")
    def get_processing_latency(self):
        at("get_latency")
        return 0.0
    def process_audio(self, buffer):
        say("process", *found())
        try:
            np.ones(1) / 0
        except FloatingPointError:
            say("raised")
        at("process_audio")
        with np.errstate(all="warn"), decimal.localcontext():
            decimal.getcontext().prec = 3
)" + more + R"(
at("module")
)");
}

const char set[] = "raise ignore True 7 5";
const char unset[] = "warn warn False 28 0";

void push_once(Stream &stream) {
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
}

}  // namespace

GST_START_TEST(test_what_one_method_sets_holds_in_the_others) {
  for (const std::string place : places) {
    clear_log();
    Stream stream(plugin_that_sets("setting.py", place), {},
                  {{"params", "p,any=1"}});
    push_once(stream);
    push_once(stream);
    stream.to(GST_STATE_READY);
    const std::string first = std::string("process ") + set + "\nraised\n";
    expect_text(log_text(), (place == "process_audio"
                                 ? std::string("process ") + unset + "\n"
                                 : first) +
                                first + "stop " + set + "\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_what_one_plugin_sets_is_not_set_for_its_neighbour) {
  for (const char *place : places) {
    clear_log();
    Stream strict(plugin_that_sets("strict.py", place), {},
                  {{"params", "p,any=1"}});
    Stream easy(plugin_that_sets("easy.py", "nowhere"), {},
                {{"params", "p,any=1"}});
    // In one thread, one after the other.
    push_once(strict);
    for (int i = 0; i < 2; i++) {
      clear_log();
      push_once(strict);
      push_once(easy);
      expect_text(log_text(), std::string("process ") + set +
                                  "\nraised\nprocess " + unset + "\n");
    }
    // Nor does another plugin's errstate(), which ends with the defaults, end
    // what this one has set.
    clear_log();
    push_once(strict);
    expect_text(log_text(), std::string("process ") + set + "\nraised\n");
  }
}
GST_END_TEST;

// NumPy 1 counts, over all threads, who has set anything else.
GST_START_TEST(test_defaults_that_one_plugin_sets_are_no_others) {
  const std::string divides = R"(
import numpy as np
from checklog import say
class Divides:
    def __init__(self):
        np.seterr(divide="raise")
    def process_audio(self, buffer):
        try:
            np.ones(1) / 0
        except FloatingPointError:
            say("raised")
)";
  const std::string sets_defaults = R"(
import numpy as np
class SetsDefaults:
    def process_audio(self, buffer):
        for _ in range(1000):
            np.seterr(divide="warn", over="warn", under="ignore",
                      invalid="warn")
        for _ in range(1000):
            with np.errstate(over="warn"):
                pass
)";
  clear_log();
  Stream strict(write_file("divides.py", divides), {},
                {{"worker-group", "one"}});
  Stream easy(write_file("sets_defaults.py", sets_defaults), {},
              {{"worker-group", "one"}});
  for (int i = 0; i < 2; i++) {
    push_once(easy);
    push_once(strict);
  }
  expect_text(log_text(), "raised\nraised\n");
}
GST_END_TEST;

// unlock() comes while a call runs, in another thread.
GST_START_TEST(test_what_unlock_sets_holds_in_later_calls) {
  clear_log();
  Sink sink(plugin_that_sets("unlocked.py", "unlock", R"(
    def write_audio(self, buffer):
        if not self.woken.is_set():
            say("waits")
            self.woken.wait(20)
        else:
            self.process_audio(buffer)
    woken = threading.Event()
    def unlock(self):
        at("unlock")
        say("unlock", *found())
        self.woken.set()
)"));
  std::thread thread([&] { sink.push_frames(); });
  fail_unless(wait_for_log("waits\n"));
  sink.flush();
  thread.join();
  expect_part(log_text(), std::string("unlock ") + set + "\n");
  clear_log();
  sink.push_frames();
  sink.push_frames();
  const std::string each = std::string("process ") + set + "\nraised\n";
  expect_text(log_text(), each + each);
}
GST_END_TEST;

GST_START_TEST(test_modes_of_floating_point_are_the_plugins_own) {
  const std::string source = R"(
import ctypes
import numpy as np
from checklog import say
libm = ctypes.CDLL("libm.so.6")
UPWARD, DIVBYZERO = 0x800, 4
class Modes:
    def process_audio(self, buffer):
        say(libm.fegetround(), libm.fegetexcept(), np.float64(1) + 1e-30 > 1)
        )";
  clear_log();
  Stream changing(write_file("changing_modes.py", source + R"(
        libm.fesetround(UPWARD)
        libm.feenableexcept(DIVBYZERO)
)"));
  Stream plain(write_file("plain_modes.py", source + "pass\n"));
  for (int i = 0; i < 3; i++) {
    push_once(changing);
    fail_unless_equals_int(fegetround(), FE_TONEAREST);
    fail_unless_equals_int(fegetexcept(), 0);
    push_once(plain);
  }
  expect_text(log_text(),
              "0 0 False\n0 0 False\n"
              "2048 4 True\n0 0 False\n"
              "2048 4 True\n0 0 False\n");
  // Where somebody else changed them, a plugin that did not has theirs.
  if (in_process()) return;
  clear_log();
  fesetround(FE_DOWNWARD);
  push_once(plain);
  push_once(changing);
  fail_unless_equals_int(fegetround(), FE_DOWNWARD);
  fesetround(FE_TONEAREST);
  expect_text(log_text(), "1024 0 False\n2048 4 True\n");
}
GST_END_TEST;

static Suite *surroundings_suite() {
  Suite *suite = suite_create("surroundings");
  TCase *errors = new_case(suite, "of a thread");
  tcase_add_test(errors, test_what_one_method_sets_holds_in_the_others);
  tcase_add_test(errors,
                 test_what_one_plugin_sets_is_not_set_for_its_neighbour);
  tcase_add_test(errors, test_defaults_that_one_plugin_sets_are_no_others);
  tcase_add_test(errors, test_what_unlock_sets_holds_in_later_calls);
  TCase *modes = new_case(suite, "of the CPU");
#if defined(__x86_64__)
  tcase_add_test(modes, test_modes_of_floating_point_are_the_plugins_own);
#endif
  return suite;
}

GST_CHECK_MAIN(surroundings)
