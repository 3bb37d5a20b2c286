// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The plugin contract, the same for all three kinds: how methods are spelled,
// in which order they are called, and what reaches them.
#include "../support/pipeline.hpp"

using namespace check;

namespace {

struct Kind {
  const char *element, *method, *camel, *base, *before, *after;
};

constexpr char tone[] =
    "audiotestsrc num-buffers=3 samplesperbuffer=100 ! "
    "audio/x-raw,format={F32LE,F32BE},rate=44100,channels=2 ! ";

const Kind kinds[] = {
    {"pythonsrc", "read_audio", "readAudio", "AudioSourcePlugin", "",
     " num-buffers=3 ! audio/x-raw,rate=44100,channels=2 ! fakesink"},
    {"pythonfilter", "process_audio", "processAudio", "AudioProcessorPlugin",
     tone, " ! fakesink"},
    {"pythonsink", "write_audio", "writeAudio", "AudioSinkPlugin", tone, ""},
};
const int kind_count = int(std::size(kinds));

std::string replaced(std::string text, const std::string &what,
                     const std::string &with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

// METHOD, CAMEL and BASE in `source` are those of the kind.
std::string plugin_of(const Kind &kind, const std::string &source,
                      const std::string &name = "some.py") {
  return write_file(
      name, replaced(replaced(replaced(source, "METHOD", kind.method), "CAMEL",
                              kind.camel),
                     "BASE", kind.base));
}

std::string line_with(const Kind &kind, const std::string &file,
                      const std::string &properties = "") {
  return kind.before + line_of(kind.element, file, properties) + kind.after;
}

// From NULL to EOS and back.
void play(const Kind &kind, const std::string &file,
          const std::string &properties = "") {
  Pipeline pipeline(line_with(kind, file, properties));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  fail_unless_equals_uint64(pipeline.stat("buffers"), 3);
  pipeline.expect_no_reports();
  pipeline.expect_to(GST_STATE_NULL);
}

}  // namespace

// ---- what is a plugin -------------------------------------------------------

namespace {

struct Shape {
  const char *name, *source, *properties;
};

const Shape shapes[] = {
    {"class with one method",
     "class Some:\n"
     "    def METHOD(self, buffer): say('called')\n",
     ""},
    {"the other spelling",
     "class Some:\n"
     "    def CAMEL(self, buffer): say('called')\n",
     ""},
    {"subclass of ours",
     "from base_plugin import BASE\n"
     "class Some(BASE):\n"
     "    def METHOD(self, buffer): say('called')\n",
     ""},
    {"function", "def METHOD(buffer): say('called')\n", ""},
    {"function in the other spelling", "def CAMEL(buffer): say('called')\n",
     ""},
    {"create_plugin()",
     "class One:\n"
     "    def METHOD(self, buffer): say('called')\n"
     "class Two:\n"
     "    def METHOD(self, buffer): 1 / 0\n"
     "def create_plugin(): return One()\n",
     ""},
    {"createPlugin()",
     "class One:\n"
     "    def METHOD(self, buffer): say('called')\n"
     "class Two:\n"
     "    def METHOD(self, buffer): 1 / 0\n"
     "def createPlugin(): return One()\n",
     ""},
    {"chosen by name",
     "class One:\n"
     "    def METHOD(self, buffer): say('called')\n"
     "class Two:\n"
     "    def METHOD(self, buffer): 1 / 0\n",
     "class=One"},
    {"an abstract class beside it",
     "from abc import *\n"
     "class Half(ABC):\n"
     "    @abstractmethod\n"
     "    def METHOD(self, buffer): pass\n"
     "class Whole(Half):\n"
     "    def METHOD(self, buffer): say('called')\n",
     ""},
    {"returns True",
     "class Some:\n"
     "    def METHOD(self, buffer):\n"
     "        say('called')\n"
     "        return True\n",
     ""},
    {"brings its own base classes",
     "import abc, enum\n"
     "class BasePlugin(abc.ABC):\n"
     "    @abc.abstractmethod\n"
     "    def initialize(self): pass\n"
     "class BASE(BasePlugin):\n"
     "    @abc.abstractmethod\n"
     "    def METHOD(self, buffer): pass\n"
     "class Some(BASE):\n"
     "    def initialize(self): return True\n"
     "    def METHOD(self, buffer): say('called')\n",
     ""},
};

}  // namespace

GST_START_TEST(test_every_shape_of_plugin_is_called_for_each_buffer) {
  const Kind &kind = kinds[__i__];
  for (const Shape &row : shapes) {
    clear_log();
    play(
        kind,
        plugin_of(kind, std::string("from checklog import say\n") + row.source),
        row.properties);
    const std::string log = log_text();
    fail_unless(log == "called\ncalled\ncalled\n", "%s: %s", row.name,
                log.c_str());
  }
}
GST_END_TEST;

GST_START_TEST(test_plugin_may_bring_a_base_plugin_that_is_not_ours) {
  const Kind &kind = kinds[__i__];
  const std::string home = folder() + "/theirs";
  g_mkdir_with_parents((home + "/nda").c_str(), 0700);
  std::ofstream(home + "/base_plugin.py") << replaced(
      "class BASE:\n"
      "    theirs = 'theirs'\n"
      "    def initialize(self): return True\n"
      "    def start(self): return True\n",
      "BASE", kind.base);
  const std::string file = plugin_of(kind, R"(
import os, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from base_plugin import BASE
from checklog import say
class Some(BASE):
    def METHOD(self, buffer): say(self.theirs)
)",
                                     "theirs/nda/some.py");
  play(kind, file);
  expect_text(log_text(), "theirs\ntheirs\ntheirs\n");
}
GST_END_TEST;

// ---- order of calls ---------------------------------------------------------

namespace {

constexpr char recorder[] = R"(
from checklog import say
class Recorder:
    def __init__(self): say("__init__")
    def initialize(self): say("initialize")
    def start(self): say("start")
    def stop(self): say("stop")
    def shutdown(self): say("shutdown")
    def get_buffer_size(self): return 100
    def set_parameter(self, key, value):
        say("set_parameter", repr(key), repr(value))
    def METHOD(self, buffer): say("audio")
)";

struct Setters {
  const char *name, *methods, *want;
};

const Setters setters[] = {
    {"newer",
     "    def set_sample_rate(self, n): say('rate', n)\n"
     "    def set_channel_count(self, n): say('count', n)\n"
     "    def set_buffer_size(self, n): say('size', n)\n",
     "rate 44100\ncount 2\nsize 100\n"},
    {"older",
     "    def set_sample_rate(self, n): say('rate', n)\n"
     "    def set_channels(self, n): say('channels', n)\n",
     "rate 44100\nchannels 2\n"},
    {"both",
     "    def set_channels(self, n): say('channels', n)\n"
     "    def set_channel_count(self, n): say('count', n)\n",
     "count 2\nchannels 2\n"},
    {"the other spelling",
     "    def setSampleRate(self, n): say('rate', n)\n"
     "    def setChannelCount(self, n): say('count', n)\n"
     "    def setBufferSize(self, n): say('size', n)\n",
     "rate 44100\ncount 2\nsize 100\n"},
    {"the other spelling, older",
     "    def setChannels(self, n): say('channels', n)\n", "channels 2\n"},
    {"none", "", ""},
};

}  // namespace

GST_START_TEST(test_calls_come_in_the_order_of_the_contract) {
  const Kind &kind = kinds[__i__];
  for (const Setters &row : setters) {
    clear_log();
    Pipeline pipeline(
        line_with(kind, plugin_of(kind, std::string(recorder) + row.methods)));
    expect_text(log_text(), "");
    std::string want = "__init__\ninitialize\n";
    pipeline.expect_to(GST_STATE_READY);
    expect_text(log_text(), want);
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    want += std::string(row.want) + "start\naudio\naudio\naudio\n";
    expect_text(log_text(), want);
    pipeline.expect_to(GST_STATE_READY);
    expect_text(log_text(), want += "stop\n");
    pipeline.expect_to(GST_STATE_NULL);
    expect_text(log_text(), want += "shutdown\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_parameters_are_strings_and_keys_keep_their_case) {
  const Kind &kind = kinds[__i__];
  Pipeline pipeline(
      line_with(kind, plugin_of(kind, recorder),
                "params=\"p,sampleRate=8000,deviceIndex=3,gain=0.5,"
                "GAIN=1.5,on=true,mode=warm\""));
  pipeline.expect_to(GST_STATE_READY);
  expect_text(log_text(),
              "__init__\ninitialize\n"
              "set_parameter 'sampleRate' '8000'\n"
              "set_parameter 'deviceIndex' '3'\n"
              "set_parameter 'gain' '0.5'\n"
              "set_parameter 'GAIN' '1.5'\n"
              "set_parameter 'on' 'true'\n"
              "set_parameter 'mode' 'warm'\n");
}
GST_END_TEST;

GST_START_TEST(test_parameter_in_the_other_spelling) {
  const Kind &kind = kinds[__i__];
  Pipeline pipeline(line_with(
      kind,
      plugin_of(kind,
                "from checklog import say\n"
                "class Some:\n"
                "    def setParameter(self, key, value): say(key, value)\n"
                "    def METHOD(self, buffer): pass\n"),
      "params=\"p,someKey=1\""));
  pipeline.expect_to(GST_STATE_READY);
  expect_text(log_text(), "someKey 1\n");
}
GST_END_TEST;

GST_START_TEST(test_parameter_reaches_a_playing_plugin_between_two_calls) {
  const Kind &kind = kinds[__i__];
  const std::string file = plugin_of(kind, R"(
import threading
from checklog import say
class Some:
    thread = None
    def set_parameter(self, key, value):
        if self.thread and self.thread != threading.get_ident():
            say("another thread")
        if self.busy: say("in the middle of a call")
        say(key, value)
    busy = False
    def METHOD(self, buffer):
        self.busy = True
        self.thread = threading.get_ident()
        buffer.data.sum()
        self.busy = False
)");
  const char *before = *kind.before ? "audiotestsrc ! " : "";
  Pipeline pipeline(std::string(before) + line_of(kind.element, file) +
                    (strcmp(kind.element, "pythonsink") ? " ! fakesink" : ""));
  pipeline.expect_to(GST_STATE_PLAYING);
  std::string want;
  for (int i = 0; i < 10; i++) {
    const std::string n = std::to_string(i);
    gst_util_set_object_arg(G_OBJECT(pipeline.python()), "params",
                            ("p,gain=" + n).c_str());
    want += "gain " + n + "\n";
    fail_unless(wait_for_log("gain " + n + "\n"));
  }
  expect_text(log_text(), want);
}
GST_END_TEST;

// ---- failures ---------------------------------------------------------------

namespace {

struct Failing {
  const char *methods, *text;
  bool loads = false;
};

const Failing failing[] = {
    {"    def initialize(self): return False\n", "initialize() returned False"},
    {"    def initialize(self): raise OSError('gone')\n",
     "initialize() raised OSError: gone"},
    {"    def set_parameter(self, key, value): return False\n",
     "refused the parameter key=1"},
    {"    def set_parameter(self, key, value): pass\n"
     "    def start(self): return False\n",
     "start() returned False", true},
    {"    def set_parameter(self, key, value): pass\n"
     "    def set_sample_rate(self, rate): raise ValueError(rate)\n",
     "set_sample_rate() raised ValueError: ", true},
};

}  // namespace

GST_START_TEST(test_false_or_an_exception_fails_what_called_it) {
  const Kind &kind = kinds[__i__];
  for (const Failing &row : failing) {
    Pipeline pipeline(line_with(
        kind,
        plugin_of(kind, std::string("class Some:\n"
                                    "    def METHOD(self, buffer): pass\n") +
                            row.methods),
        "params=\"p,key=1\""));
    fail_unless(pipeline.to(GST_STATE_READY) == row.loads, "%s", row.methods);
    if (row.loads) gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
    fail_unless(message != nullptr, "%s", row.methods);
    {
      Reports reports;
      reports.push_back(report_in(message));
      expect_part(reports[0].text, row.text);
      expect_part(reports[0].text, "some.py");
    }
    gst_message_unref(message);
    fail_unless_equals_uint64(pipeline.stat("frames"), 0);
  }
}
GST_END_TEST;

// ---- nothing shared ---------------------------------------------------------

GST_START_TEST(test_helpers_beside_two_files_of_one_name_stay_apart) {
  const Kind &kind = kinds[__i__];
  for (const char *place : {"a", "b"}) {
    g_mkdir_with_parents((folder() + "/" + place).c_str(), 0700);
    write_file(std::string(place) + "/helper.py",
               std::string("NAME = '") + place + "'\n");
    write_file(std::string(place) + "/json.py", "NAME = 'not the real one'\n");
  }
  std::vector<std::unique_ptr<Pipeline>> both;
  for (const char *place : {"a", "b"})
    both.push_back(std::make_unique<Pipeline>(
        line_with(kind, plugin_of(kind, R"(
import helper, json
from checklog import say
count = 0
class Some:
    def METHOD(self, buffer):
        global count
        count += 1
    def stop(self): say(helper.NAME, count, json.dumps([1]))
)",
                                  std::string(place) + "/some.py"))));
  for (const auto &pipeline : both)
    pipeline->expect_to(GST_STATE_READY);
  for (const auto &pipeline : both) {
    pipeline->expect_to(GST_STATE_PLAYING);
    pipeline->expect_eos();
    pipeline->expect_to(GST_STATE_NULL);
  }
  expect_text(log_text(), "a 3 [1]\nb 3 [1]\n");
}
GST_END_TEST;

static Suite *contract_suite() {
  Suite *suite = suite_create("contract");
  TCase *contract = new_case(suite, "contract");
  for (auto *test : {test_every_shape_of_plugin_is_called_for_each_buffer,
                     test_plugin_may_bring_a_base_plugin_that_is_not_ours,
                     test_calls_come_in_the_order_of_the_contract,
                     test_parameters_are_strings_and_keys_keep_their_case,
                     test_parameter_in_the_other_spelling,
                     test_parameter_reaches_a_playing_plugin_between_two_calls,
                     test_false_or_an_exception_fails_what_called_it,
                     test_helpers_beside_two_files_of_one_name_stay_apart})
    tcase_add_loop_test(contract, test, 0, kind_count);
  return suite;
}

GST_CHECK_MAIN(contract)
