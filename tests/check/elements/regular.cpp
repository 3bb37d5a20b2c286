// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Methods that are called now and then, by base_plugin's every(), beside the
// stream, which neither waits for them nor ends with them.
#include "../support/reload.hpp"

using namespace check;

namespace {

// A plugin whose show() is called each 5 ms.
std::string plugin_with(const std::string &body, int number = 1) {
  return "import ctypes, time\n"
         "from base_plugin import AudioProcessorPlugin, every\n"
         "from checklog import say\n"
         "class Regular(AudioProcessorPlugin):\n"
         "    heard = calls = 0\n"
         "    ended = False\n"
         "    def process_audio(self, buffer):\n"
         "        self.heard += 1\n"
         "    @every(5)\n"
         "    def show(self):\n"
         "        self.calls += 1\n" +
         body +
         "    def stop(self):\n"
         "        self.ended = True\n"
         "        self.post('stopped', number=" +
         std::to_string(number) +
         ")\n"
         "    def show_state(self):\n"
         "        self.post('shown', heard=self.heard, calls=self.calls,\n"
         "                  ended=self.ended, number=" +
         std::to_string(number) + ")\n";
}

const std::string showing = "        self.show_state()\n";

// What the next `shown` says, within a while; the empty one: nothing came.
struct Shown {
  int heard = 0, calls = 0, number = 0;
  bool ended = false;
};

Shown shown_on(GstBus *bus,
               GstClockTime wait = GstClockTime(patience) * GST_SECOND) {
  Shown shown;
  const gint64 until = g_get_monotonic_time() + gint64(wait / 1000);
  while (GstMessage *message = next_message(bus, GST_MESSAGE_ELEMENT, wait)) {
    const GstStructure *said = gst_message_get_structure(message);
    gint64 heard = 0, calls = 0, number = 0;
    gboolean ended = FALSE;
    const bool is_it = gst_structure_has_name(said, "shown");
    if (is_it)
      gst_structure_get(said, "heard", G_TYPE_INT64, &heard, "calls",
                        G_TYPE_INT64, &calls, "ended", G_TYPE_BOOLEAN, &ended,
                        "number", G_TYPE_INT64, &number, nullptr);
    gst_message_unref(message);
    if (is_it) return {int(heard), int(calls), int(number), bool(ended)};
    if (g_get_monotonic_time() > until) break;
  }
  return shown;
}

void expect_text(const Reports &reports, const char *part) {
  fail_unless_equals_int(reports.size(), 1);
  fail_unless(contains(reports[0].text, part), "%s", reports.text().c_str());
  fail_unless_equals_int(reports[0].type, GST_MESSAGE_WARNING);
}

}  // namespace

GST_START_TEST(test_it_is_called_where_buffers_came_and_not_after_stop) {
  Stream stream(write_file("regular.py", plugin_with(showing)));
  a_moment();
  fail_unless_equals_int(shown_on(stream.bus(), 0).calls, 0);
  for (int i = 1; i <= 3; i++) {
    stream.expect_through(number_at);
    const Shown shown = shown_on(stream.bus());
    fail_unless_equals_int(shown.calls, i);
    fail_unless_equals_int(shown.heard, i);
  }
  // Nothing came since, so there is nothing to show.
  a_moment();
  fail_unless_equals_int(shown_on(stream.bus(), 0).calls, 0);
  fail_unless(stream.to(GST_STATE_READY));
  a_moment();
  fail_unless_equals_int(shown_on(stream.bus(), 0).calls, 0);
  // It begins again with the next stream.
  stream.play_again();
  stream.expect_through(number_at);
  fail_unless_equals_int(shown_on(stream.bus()).calls, 4);
  // And there is one that calls it.
  a_moment();
  fail_unless_equals_int(shown_on(stream.bus(), 0).calls, 0);
}
GST_END_TEST;

GST_START_TEST(test_the_stream_does_not_wait_for_it) {
  Stream stream(
      write_file("regular.py", plugin_with("        self.post('in')\n"
                                           "        self.waits = True\n"
                                           "        while self.heard < 200:\n"
                                           "            time.sleep(0.001)\n"
                                           "        self.show_state()\n")));
  stream.expect_through(number_at);
  // All of these come while one call of show() runs.
  for (int i = 0; i < 199; i++)
    stream.expect_through(number_at);
  const Shown shown = shown_on(stream.bus());
  fail_unless_equals_int(shown.calls, 1);
  fail_unless(shown.heard >= 200);
}
GST_END_TEST;

GST_START_TEST(test_what_it_raises_is_told_once_and_counted) {
  const std::string file = write_file(
      "regular.py", plugin_with("        self.show_state()\n"
                                "        raise ValueError('no display')\n"));
  Stream stream(file);
  int calls = 0;
  Reports told;
  while (calls < 10) {
    stream.expect_through(number_at);
    GstMessage *message = next_message(
        stream.bus(), GstMessageType(GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT),
        GstClockTime(patience) * GST_SECOND);
    fail_unless(message != nullptr);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
      told.push_back(report_in(message));
    else
      calls++;
    gst_message_unref(message);
  }
  fail_unless(!told.empty());
  fail_unless(contains(told[0].text, "show() raised ValueError: no display (" +
                                         file + ":13)"),
              "%s", told.text().c_str());
  fail_unless_equals_int(told[0].line(), 13);
  fail_unless(told[0].field("phase") == "show", "%s", told.text().c_str());
  // Not before the last of them has raised, after its message.
  fail_unless(wait_until([&] { return stream.stat("errors") >= 10; }));
  fail_unless(stream.to(GST_STATE_READY));
  for (Report &rest : stream.reports()) {
    told.push_back(rest);
    rest.details = nullptr;
  }
  guint64 count = 0;
  for (const Report &each : told)
    count += each.number("count");
  // One message a second, at most, and one at the end.
  fail_unless(told.size() < size_t(calls), "%s", told.text().c_str());
  fail_unless(count >= 10);
  fail_unless_equals_uint64(count, stream.stat("errors"));
}
GST_END_TEST;

struct Hang {
  const char *body, *message;
};

const Hang hangs[] = {
    {
        "        say('in show')\n        while True: pass\n",
        "show() was still running when the stream stopped, and was interrupted",
    },
    {"        say('in show')\n        time.sleep(1000)\n",
     "show() hangs outside Python code"},
};

GST_START_TEST(test_a_call_that_hangs_does_not_keep_null_waiting) {
  const Hang &hang = hangs[__i__];
  Stream stream(write_file("regular.py", plugin_with(hang.body)));
  stream.expect_through(number_at);
  fail_unless(wait_for_log("in show"));
  stream.expect_through(number_at);
  fail_unless(stream.to(GST_STATE_READY));
  // In another process the message has a way of its own.
  bool stopped = false;
  Reports reports;
  while (reports.empty() || !stopped) {
    GstMessage *message = next_message(stream.bus(), GST_MESSAGE_ANY,
                                       GstClockTime(patience) * GST_SECOND);
    fail_unless(message != nullptr, "%d, %s", stopped, reports.text().c_str());
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
      reports.push_back(report_in(message));
    stopped = stopped || gst_message_has_name(message, "stopped");
    gst_message_unref(message);
  }
  expect_text(reports, hang.message);
  fail_unless(stream.to(GST_STATE_NULL));
}
GST_END_TEST;

GST_START_TEST(test_a_reload_has_its_own_and_ends_the_old_one) {
  write_file("regular.py", plugin_with(showing, 1));
  Stream stream(folder() + "/regular.py");
  stream.expect_through(number_at);
  fail_unless_equals_int(shown_on(stream.bus()).number, 1);
  write_file("regular.py", plugin_with(showing, 2));
  fail_unless(ask(stream.get()));
  int number = 1;
  wait_until([&] {
    stream.expect_through(number_at);
    const Shown shown = shown_on(stream.bus(), 10 * GST_MSECOND);
    // The new code shows nothing before it has heard something.
    fail_unless(shown.number == 0 || shown.heard > 0);
    if (shown.number) number = shown.number;
    return number == 2;
  });
  fail_unless_equals_int(number, 2);
  // The old one's stop() was called on another thread meanwhile.
  wait_until([&] {
    stream.expect_through(number_at);
    const Shown shown = shown_on(stream.bus());
    fail_unless(!shown.ended);
    return shown.number == 2;
  });
}
GST_END_TEST;

GST_START_TEST(test_what_every_cannot_be_used_for) {
  const std::pair<const char *, const char *> wrong[] = {
      {"@every\n    def show(self): pass",
       "as in @every(100), and got no number"},
      {"@every(0)\n    def show(self): pass", "and got 0"},
      {"@every(float('nan'))\n    def show(self): pass", "and got nan"},
      {"@every(100)\n    def show(self, level): pass",
       "show(self, level) is called every 100 ms with self, and nothing else"},
      {"@every(100)\n    async def show(self): pass",
       "every(100) is for a plain method"}};
  for (const auto &[body, expected] : wrong) {
    Element element(write_file(
        "wrong.py",
        "from base_plugin import AudioProcessorPlugin, every\n"
        "class Wrong(AudioProcessorPlugin):\n    def process_audio(self, "
        "buffer): pass\n    " +
            std::string(body) + "\n"));
    fail_unless(!element.to(GST_STATE_READY));
    const Reports reports = element.reports();
    fail_unless_equals_int(reports.size(), 1);
    fail_unless(contains(reports[0].text, expected), "%s",
                reports.text().c_str());
    fail_unless(reports[0].line() > 0);
  }
}
GST_END_TEST;

// A handler of what it posts cannot stop the element on that very thread.
GST_START_TEST(test_a_handler_that_stops_is_refused) {
  Stream stream(write_file("regular.py", plugin_with(showing)));
  static std::atomic<int> refused;
  static GstElement *element;
  refused = 0;
  element = stream.get();
  g_log_set_default_handler(
      [](const char *, GLogLevelFlags, const char *text, gpointer) {
        if (contains(text, "within a call of its plugin")) refused++;
      },
      nullptr);
  gst_bus_set_sync_handler(
      stream.bus(),
      [](GstBus *, GstMessage *message, gpointer) {
        if (gst_message_has_name(message, "shown") && !refused)
          gst_element_set_state(element, GST_STATE_NULL);
        return GST_BUS_PASS;
      },
      nullptr, nullptr);
  stream.expect_through(number_at);
  fail_unless(wait_until([&] { return refused > 0; }));
  gst_bus_set_sync_handler(stream.bus(), nullptr, nullptr, nullptr);
  stream.expect_through(number_at);
  g_log_set_default_handler(g_log_default_handler, nullptr);
}
GST_END_TEST;

static Suite *regular_suite() {
  Suite *suite = suite_create("regular");
  TCase *regular = new_case(suite, "regular");
  tcase_add_test(regular,
                 test_it_is_called_where_buffers_came_and_not_after_stop);
  tcase_add_test(regular, test_the_stream_does_not_wait_for_it);
  tcase_add_test(regular, test_what_it_raises_is_told_once_and_counted);
  tcase_add_loop_test(regular,
                      test_a_call_that_hangs_does_not_keep_null_waiting, 0,
                      int(std::size(hangs)));
  tcase_add_test(regular, test_a_reload_has_its_own_and_ends_the_old_one);
  tcase_add_test(regular, test_what_every_cannot_be_used_for);
  // In another process there is no such thread.
  if (!in_process())
    tcase_add_test(regular, test_a_handler_that_stops_is_refused);
  return suite;
}

GST_CHECK_MAIN(regular)
