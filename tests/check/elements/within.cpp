// SPDX-License-Identifier: LGPL-2.1-or-later
//
// An application that calls an element from within a call of its plugin: in a
// sync handler of what that posts, in its log function, or because the plugin
// itself is a part of it. What cannot be done there is refused, and the stream
// can be stopped and started from elsewhere afterwards.
#include <atomic>

#include "../support/pipeline.hpp"

using namespace check;

namespace {

struct Kind {
  const char *factory, *audio_method, *before, *after;
};
const Kind kinds[] = {
    {"pythonfilter", "process_audio", "audiotestsrc ! ", " ! fakesink"},
    {"pythonsrc", "read_audio", "", " ! fakesink"},
    {"pythonsink", "write_audio", "audiotestsrc ! ", ""},
};

// Says something in each of its calls. What is said when it comes and goes is
// in the log.
std::string talking(const Kind &kind, const std::string &method,
                    const std::string &statement) {
  return write_file("talking.py",
                    "import logging, time\n"
                    "import base_plugin\n"
                    "from checklog import say\n"
                    "class Talking(base_plugin.BasePlugin):\n"
                    "    def initialize(self):\n"
                    "        say('comes')\n"
                    "        return True\n"
                    "    def shutdown(self):\n"
                    "        say('goes')\n"
                    "    def " +
                        std::string(kind.audio_method) +
                        "(self, buffer):\n"
                        "        time.sleep(0.001)\n"
                        "    def " +
                        method + ":\n        " + statement + "\n");
}

// Something that is done once, within what the element is in.
class Deed {
 public:
  explicit Deed(std::function<bool()> act) : act_(std::move(act)) {}
  void come() {
    if (begun_.exchange(true)) return;
    worked_ = act_();
    done_ = true;
  }
  bool wait() const {
    return wait_until([this] { return done_.load(); });
  }
  bool worked() const { return worked_; }

 private:
  const std::function<bool()> act_;
  std::atomic<bool> begun_{false}, done_{false}, worked_{false};
};

// At a message of the plugin's.
void on_message(GstBus *bus, Deed *deed) {
  gst_bus_set_sync_handler(
      bus,
      [](GstBus *, GstMessage *message, gpointer deed) {
        if (gst_message_has_name(message, "talks"))
          static_cast<Deed *>(deed)->come();
        return GST_BUS_PASS;
      },
      deed, nullptr);
}

// At a line that the plugin logs.
class OnLog {
 public:
  explicit OnLog(Deed *deed) : deed_(deed) {
    gst_debug_set_threshold_for_name("pythonplugin", GST_LEVEL_WARNING);
    gst_debug_add_log_function(see, deed_, nullptr);
  }
  ~OnLog() {
    gst_debug_remove_log_function_by_data(deed_);
    gst_debug_set_threshold_for_name("pythonplugin", GST_LEVEL_NONE);
  }

 private:
  static void see(GstDebugCategory *category, GstDebugLevel, const char *,
                  const char *, int, GObject *, GstDebugMessage *,
                  gpointer deed) {
    if (!strcmp(gst_debug_category_get_name(category), "pythonplugin"))
      static_cast<Deed *>(deed)->come();
  }
  Deed *const deed_;
};

// What is refused is said as a warning of GLib's, and counted here.
class Refusals {
 public:
  Refusals()
      : handler_(g_log_set_handler("pythonfilter", G_LOG_LEVEL_WARNING, see,
                                   &count_)) {}
  ~Refusals() { g_log_remove_handler("pythonfilter", handler_); }
  int count() const { return count_; }

 private:
  static void see(const char *, GLogLevelFlags, const char *text,
                  gpointer count) {
    if (contains(text, "within a call of its plugin"))
      ++*static_cast<std::atomic<int> *>(count);
  }
  std::atomic<int> count_{0};
  const guint handler_;
};

}  // namespace

GST_START_TEST(test_state_is_not_changed_in_a_handler_of_a_call) {
  const Kind &kind = kinds[__i__ % int(std::size(kinds))];
  const int which = __i__ / int(std::size(kinds));
  const std::string calls[] = {
      std::string(kind.audio_method) + "(self, buffer)", "start(self)",
      "stop(self)"};
  const std::string &call = calls[which % 3];
  const bool all = which < 3;
  const Refusals refusals;
  const Pipeline pipeline(
      kind.before +
      line_of(
          kind.factory,
          talking(kind, call, "base_plugin.BasePlugin.post(self, 'talks')")) +
      kind.after);
  Deed stop([&] {
    return gst_element_set_state(all ? pipeline.get() : pipeline.python(),
                                 GST_STATE_NULL) != GST_STATE_CHANGE_FAILURE;
  });
  on_message(pipeline.bus(), &stop);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  if (which % 3 == 2) {
    fail_unless(pipeline.to(GST_STATE_PLAYING));
    gst_element_set_state(pipeline.get(), GST_STATE_READY);
  }
  fail_unless(stop.wait());
  fail_unless(!stop.worked(), "%s: %s", kind.factory, call.c_str());
  fail_unless(refusals.count() > 0);
  pipeline.expect_null();
  // All of it can be had again, and each life of a plugin has its end:
  // GStreamer goes to NULL in the middle of a change, and does not tell the
  // element.
  gst_bus_set_sync_handler(pipeline.bus(), nullptr, nullptr, nullptr);
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_null();
  const std::string lives = log_text();
  fail_unless(lives == "comes\ngoes\ncomes\ngoes\n", "%s", lives.c_str());
}
GST_END_TEST;

GST_START_TEST(test_state_is_not_changed_within_a_call) {
  const Kind &kind = kinds[__i__];
  const Refusals refusals;
  const Pipeline pipeline(
      kind.before +
      line_of(kind.factory,
              talking(kind, std::string(kind.audio_method) + "(self, buffer)",
                      "logging.getLogger(__name__).warning('talks')")) +
      kind.after);
  Deed stop([&] {
    return gst_element_set_state(pipeline.get(), GST_STATE_NULL) !=
           GST_STATE_CHANGE_FAILURE;
  });
  {
    const OnLog log(&stop);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    fail_unless(stop.wait());
    pipeline.expect_null();
  }
  fail_unless(!stop.worked(), "%s", kind.factory);
  fail_unless(refusals.count() > 0);
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_null();
}
GST_END_TEST;

namespace {

// What is done to a filter's own sink pad, and whether it can be.
struct Nested {
  const char *name;
  bool (*act)(Stream *);
};
const Nested nested[] = {
    {"caps",
     [](Stream *stream) {
       Audio other = stream->audio();
       other.rate = 8000;
       GstCaps *caps = other.caps();
       GstPad *pad = gst_element_get_static_pad(stream->get(), "sink");
       const bool done = gst_pad_send_event(pad, gst_event_new_caps(caps));
       gst_object_unref(pad);
       gst_caps_unref(caps);
       return done;
     }},
    {"buffer",
     [](Stream *stream) {
       GstPad *pad = gst_element_get_static_pad(stream->get(), "sink");
       gst_pad_chain(pad, new_buffer(stream->audio()));
       gst_object_unref(pad);
       // That it is dropped is seen by what comes out.
       return false;
     }},
};

std::string doubling(const char *says) {
  return write_file("doubling.py",
                    "import logging\n"
                    "from base_plugin import AudioProcessorPlugin\n"
                    "class Doubling(AudioProcessorPlugin):\n"
                    "    def process_audio(self, buffer):\n"
                    "        " +
                        std::string(says) +
                        "\n"
                        "        buffer.data *= 2\n");
}

void expect_only_its_own(Stream *stream, const Deed &deed) {
  stream->expect_through(doubled);
  fail_unless(deed.wait());
  fail_unless(!deed.worked());
  fail_unless(stream->pull() == nullptr);
  for (int i = 0; i < 3; i++)
    stream->expect_through(doubled);
}

}  // namespace

GST_START_TEST(test_a_filter_is_not_fed_within_its_own_call) {
  const Nested &row = nested[__i__];
  const Refusals refusals;
  Stream *fed = nullptr;
  Deed deed([&] { return row.act(fed); });
  const OnLog log(&deed);  // plugins ask what is shown when they are loaded
  Stream stream(doubling("logging.getLogger(__name__).warning('talks')"), {},
                {{"on-error", "drop"}});
  fed = &stream;
  expect_only_its_own(&stream, deed);
}
GST_END_TEST;

GST_START_TEST(test_a_filter_is_not_fed_in_a_handler_of_its_call) {
  const Nested &row = nested[__i__];
  const Refusals refusals;
  Stream stream(doubling("self.post('talks')"), {}, {{"on-error", "drop"}});
  Deed deed([&] { return row.act(&stream); });
  on_message(stream.bus(), &deed);
  // In this process the call is over by then, and another one is as good.
  if (in_process() || !strcmp(row.name, "caps"))
    expect_only_its_own(&stream, deed);
  gst_bus_set_sync_handler(stream.bus(), nullptr, nullptr, nullptr);
}
GST_END_TEST;

namespace {

struct Changed {
  const char *before, *during, *says;
};
// Whatever it becomes, samples that a failed call has written are never let
// through, and what is said is what happens.
const Changed changed[] = {
    {"drop", "passthrough", "WARNING"}, {"silence", "passthrough", "WARNING"},
    {"fail", "passthrough", "WARNING"}, {"fail", "drop", "WARNING"},
    {"drop", "fail", "ERROR"},          {"passthrough", "fail", "ERROR"},
};

}  // namespace

GST_START_TEST(test_policy_changes_within_a_call_that_fails) {
  const Changed &row = changed[__i__];
  Stream *played = nullptr;
  Deed deed([&] {
    played->set("on-error", row.during);
    return true;
  });
  const OnLog log(&deed);
  Stream stream(write_file("fails.py", R"(
import logging
def process_audio(buffer):
    buffer.data[:] = 7
    logging.getLogger(__name__).warning('talks')
    raise ValueError("after all that")
)"),
                {}, {{"on-error", row.before}});
  played = &stream;
  const GstFlowReturn flow = stream.push_frames();
  const bool fails = !strcmp(row.says, "ERROR");
  fail_unless_equals_int(flow, fails ? GST_FLOW_ERROR : GST_FLOW_OK);
  fail_unless(stream.pull() == nullptr, "%s to %s", row.before, row.during);
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1);
  fail_unless_equals_int(reports[0].type,
                         fails ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING);
}
GST_END_TEST;

static Suite *within_suite() {
  Suite *suite = suite_create("within");
  TCase *state = new_case(suite, "state");
  tcase_add_loop_test(state, test_state_is_not_changed_in_a_handler_of_a_call,
                      0, 6 * int(std::size(kinds)));
  add_loop_test_here(state, test_state_is_not_changed_within_a_call, 0,
                     int(std::size(kinds)),
                     "records of a worker's log come on a thread of their own");
  TCase *fed = new_case(suite, "fed");
  add_loop_test_here(fed, test_a_filter_is_not_fed_within_its_own_call, 0,
                     int(std::size(nested)),
                     "records of a worker's log come on a thread of their own");
  tcase_add_loop_test(fed, test_a_filter_is_not_fed_in_a_handler_of_its_call, 0,
                      int(std::size(nested)));
  TCase *policy = new_case(suite, "policy");
  add_loop_test_here(policy, test_policy_changes_within_a_call_that_fails, 0,
                     int(std::size(changed)),
                     "records of a worker's log come on a thread of their own");
  return suite;
}

GST_CHECK_MAIN(within)
