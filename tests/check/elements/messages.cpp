// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What plugins tell the application: post(), and statistics while buffers flow.
#include <atomic>

#include "../support/sink.hpp"

using namespace check;

namespace {

constexpr GstClockTime none = GST_CLOCK_TIME_NONE;

// An element message; `times` are those that every one of a plugin has.
struct Told {
  std::string name;
  GstClockTime timestamp = 0, stream_time = 0, running_time = 0, duration = 0;
  std::vector<std::string> fields;  // "call=(gint64)1", as the type is called

  std::string text() const {
    std::string all = name;
    for (const std::string &field : fields)
      all += " " + field;
    return all;
  }
};

// "(gint64)1", with the type as it is called; "<(gint64)1 (gint64)2>".
std::string text_of(const GValue *value) {
  std::string text;
  if (GST_VALUE_HOLDS_ARRAY(value)) {
    for (guint i = 0; i < gst_value_array_get_size(value); i++)
      text += (i ? " " : "") + text_of(gst_value_array_get_value(value, i));
    return "<" + text + ">";
  }
  char *serialized = gst_value_serialize(value);
  text = std::string("(") + G_VALUE_TYPE_NAME(value) + ")" + serialized;
  g_free(serialized);
  return text;
}

Told told_in(const GstStructure *structure) {
  Told told;
  told.name = gst_structure_get_name(structure);
  for (const auto &[name, time] : {std::pair("timestamp", &told.timestamp),
                                   {"stream-time", &told.stream_time},
                                   {"running-time", &told.running_time},
                                   {"duration", &told.duration}})
    fail_unless(gst_structure_get_uint64(structure, name, time), "%s", name);
  for (int i = 4; i < gst_structure_n_fields(structure); i++) {
    const char *name = gst_structure_nth_field_name(structure, guint(i));
    const GValue *value = gst_structure_get_value(structure, name);
    told.fields.push_back(std::string(name) + "=" + text_of(value));
  }
  return told;
}

bool is_from_plugin(GstMessage *message) {
  return GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT &&
         !gst_message_has_name(message, "pythonfilter-stats");
}

// Those so far. Throws every other message away.
std::vector<Told> told_on(GstBus *bus) {
  std::vector<Told> all;
  while (GstMessage *message = gst_bus_pop(bus)) {
    if (is_from_plugin(message))
      all.push_back(told_in(gst_message_get_structure(message)));
    gst_message_unref(message);
  }
  return all;
}

std::string texts(const std::vector<Told> &all) {
  std::string text;
  for (const Told &told : all)
    text += told.text() + "\n";
  return text;
}

// A plugin of which one method does something.
std::string one_method(const std::string &body,
                       const std::string &method = "process_audio(self, b)",
                       const std::string &base = "AudioProcessorPlugin") {
  return write_file("one_method.py",
                    "import enum, numpy as np, threading\n"
                    "from base_plugin import " +
                        base + "\nclass Plugin(" + base +
                        "):\n"
                        "    channels = 2\n"
                        "    def " +
                        method + ":\n        " + body + "\n");
}

GstBuffer *at(const Audio &audio, GstClockTime pts, GstClockTime duration) {
  GstBuffer *buffer = new_buffer(audio);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = duration;
  return buffer;
}

void push_away(Stream *stream, GstBuffer *buffer) {
  gst_buffer_unref(stream->through(buffer));
}

void push_segment(Stream *stream) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = segment.applied_rate = 1;
  segment.start = 10 * GST_SECOND;
  segment.time = 3 * GST_SECOND;
  segment.base = 100 * GST_SECOND;
  stream->push_event(gst_event_new_segment(&segment));
}

void expect_times(const Told &told, GstClockTime timestamp,
                  GstClockTime stream_time, GstClockTime running_time,
                  GstClockTime duration) {
  fail_unless_equals_uint64(told.timestamp, timestamp);
  fail_unless_equals_uint64(told.stream_time, stream_time);
  fail_unless_equals_uint64(told.running_time, running_time);
  fail_unless_equals_uint64(told.duration, duration);
}

// Whether Python runs: its thread says so, once the GIL is free.
bool python_ticks() {
  const int before = count_in(log_text(), "tick");
  return wait_until([&] { return count_in(log_text(), "tick") > before + 1; });
}

}  // namespace

// ---- fields -----------------------------------------------------------------

GST_START_TEST(test_fields_have_the_types_of_their_values) {
  const std::pair<const char *, const char *> rows[] = {
      {"True", "(gboolean)true"},
      {"np.bool_(False)", "(gboolean)false"},
      {"7", "(gint64)7"},
      {"-2**63", "(gint64)-9223372036854775808"},
      {"np.int16(-3)", "(gint64)-3"},
      {"np.uint64(5)", "(gint64)5"},
      {"0.5", "(gdouble)0.5"},
      {"np.float32(0.25)", "(gdouble)0.25"},
      {"np.longdouble(2.5)", "(gdouble)2.5"},
      {"float('inf')", "(gdouble)inf"},
      {"'warm'", "(gchararray)warm"},
      {"np.str_('warm')", "(gchararray)warm"},
      {"''", "(gchararray)\"\""},
      {"[1, 2]", "<(gint64)1 (gint64)2>"},
      {"(True, np.bool_(False))", "<(gboolean)true (gboolean)false>"},
      {"[1, 2.5]", "<(gdouble)1 (gdouble)2.5>"},
      {"('a', 'b')", "<(gchararray)a (gchararray)b>"},
      {"[]", "<>"},
      {"np.arange(3)", "<(gint64)0 (gint64)1 (gint64)2>"},
      {"np.arange(6.)[::2]", "<(gdouble)0 (gdouble)2 (gdouble)4>"},
      {"np.array([0.5], 'f2')", "<(gdouble)0.5>"},
      {"np.array([1.5], 'g')", "<(gdouble)1.5>"},
      {"np.array(['x'])", "<(gchararray)x>"},
      {"b.data[1, :2]", "<(gdouble)-47 (gdouble)-40>"},
  };
  for (const auto &[expression, want] : rows) {
    Stream stream(
        one_method(std::string("self.post('m', v=") + expression + ")"));
    push_away(&stream, new_buffer(stream.audio()));
    expect_text(texts(told_on(stream.bus())),
                std::string("m v=") + want + "\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_text_is_utf8_and_up_to_64_kib_are_sent) {
  Stream stream(
      one_method("self.post('m', v='gr\\u00fc\\u00df', w='x' * 65530)"));
  push_away(&stream, new_buffer(stream.audio()));
  GstMessage *message = next_message(stream.bus(), GST_MESSAGE_ELEMENT);
  fail_unless(message != nullptr, "%s", stream.reports().text().c_str());
  const GstStructure *fields = gst_message_get_structure(message);
  expect_text(gst_structure_get_string(fields, "v"), "grüß");
  fail_unless_equals_int(int(strlen(gst_structure_get_string(fields, "w"))),
                         65530);
  gst_message_unref(message);
}
GST_END_TEST;

GST_START_TEST(test_what_cannot_be_sent_fails_in_the_call_and_is_named) {
  const std::tuple<const char *, const char *, const char *> rows[] = {
      {"'m', it=None", "TypeError", "it: NoneType"},
      {"'m', it=b'x'", "TypeError", "it: bytes"},
      {"'m', it={}", "TypeError", "it: dict"},
      {"'m', it=1j", "TypeError", "it: complex"},
      {"'m', it=np.complex64(1)", "TypeError", "it: complex64"},
      {"'m', it=np.zeros((2, 2))", "TypeError", "it: ndarray"},
      {"'m', it=np.zeros(2, 'c8')", "TypeError", "it: ndarray"},
      {"'m', it=np.array(1.0)", "TypeError", "it: ndarray"},
      {"'m', it=[1, 'a']", "TypeError", "it: an array"},
      {"'m', it=[True, 1]", "TypeError", "it: an array"},
      {"'m', it=[[1]]", "TypeError", "it: an array"},
      {"'m', it=[None]", "TypeError", "it: an array"},
      {"'m', it=enum.IntEnum('E', 'A').A", "TypeError", "it: E"},
      {"'m', it=2**63", "ValueError", "it: 9223372036854775808"},
      {"'m', it=[np.uint64(2**63)]", "ValueError", "it: 922"},
      {"'m', it='a\\0b'", "ValueError", "it: "},
      {"'m', it='\\ud800'", "ValueError", "it: "},
      {"'m', it='x' * 65537", "ValueError", "it the message is larger"},
      {"'m', it='ü' * 40000", "ValueError", "it the message is larger"},
      {"'m', it=np.zeros(8193)", "ValueError", "it the message is larger"},
      {"'m', it=[0.0] * 10**6", "ValueError", "it the message is larger"},
      {"'m', timestamp=1", "ValueError", "'timestamp'"},
      {"'m', duration=1", "ValueError", "'duration'"},
      {"'m', **{'stream-time': 1}", "ValueError", "'stream-time'"},
      {"'m', **{'': 1}", "ValueError", "''"},
      {"'m', **{'ö': 1}", "ValueError", "'ö'"},
      {"''", "ValueError", "''"},
      {"'1m'", "ValueError", "'1m'"},
      {"'a b'", "ValueError", "'a b'"},
      {"'m\\n'", "ValueError", "'m\\n'"},
      {"'pythonfilter-stats'", "ValueError", "'pythonfilter-stats'"},
      {"None", "TypeError", "None"},
      {"", "TypeError", "name"},
  };
  for (const auto &[arguments, type, part] : rows) {
    Stream stream(one_method(std::string("self.post(") + arguments + ")"));
    fail_unless(stream.push_frames() == GST_FLOW_ERROR, "%s", arguments);
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    expect_text(reports[0].field("type"), type);
    expect_part(reports[0].field("message"), part);
  }
}
GST_END_TEST;

GST_START_TEST(test_names_of_python_can_be_fields) {
  Stream stream(
      one_method("self.post('a/b-c_d.e:f+9', self_=1, name=2, "
                 "**{'self': 3, 'class': 4})"));
  push_away(&stream, new_buffer(stream.audio()));
  expect_text(texts(told_on(stream.bus())),
              "a/b-c_d.e:f+9 self_=(gint64)1 name=(gint64)2 self=(gint64)3 "
              "class=(gint64)4\n");
}
GST_END_TEST;

// ---- times ------------------------------------------------------------------

GST_START_TEST(test_times_are_those_of_the_buffer) {
  Stream stream(plugin_file("posting.py"));
  push_segment(&stream);
  told_on(stream.bus());
  push_away(&stream, at(stream.audio(), 11 * GST_SECOND, 20 * GST_MSECOND));
  push_away(&stream, at(stream.audio(), 12 * GST_SECOND, none));
  push_away(&stream, at(stream.audio(), none, 5));
  const auto all = told_on(stream.bus());
  fail_unless_equals_int(int(all.size()), 3);
  expect_times(all[0], 11 * GST_SECOND, 4 * GST_SECOND, 101 * GST_SECOND,
               20 * GST_MSECOND);
  expect_times(all[1], 12 * GST_SECOND, 5 * GST_SECOND, 102 * GST_SECOND, none);
  expect_times(all[2], none, none, none, 5);
}
GST_END_TEST;

GST_START_TEST(test_drain_has_the_time_of_the_tail_and_others_have_none) {
  Stream stream(plugin_file("posting.py"));
  push_segment(&stream);
  for (const Told &told : told_on(stream.bus()))
    expect_times(told, none, none, none, none);
  push_away(&stream, at(stream.audio(), 11 * GST_SECOND, none));
  told_on(stream.bus());
  stream.push_event(gst_event_new_eos());
  const auto all = told_on(stream.bus());
  expect_text(texts(all), "drain\n");
  const GstClockTime played =
      gst_util_uint64_scale_round(64, GST_SECOND, 48000);
  expect_times(all[0], 11 * GST_SECOND + played, 4 * GST_SECOND + played,
               101 * GST_SECOND + played, none);
}
GST_END_TEST;

GST_START_TEST(test_source_and_sink_have_times_as_well) {
  Pipeline source(
      line_of("pythonsrc",
              one_method("b.data[:] = 0\n"
                         "        self.post('read', n=b.offset)",
                         "read_audio(self, b)", "AudioSourcePlugin"),
              "num-buffers=2") +
      " ! audio/x-raw,rate=48000 ! fakesink");
  source.expect_to(GST_STATE_PLAYING);
  GstMessage *eos = nullptr;
  std::vector<Told> all;
  while (!eos) {
    GstMessage *message =
        source.wait_for(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ELEMENT));
    fail_unless(message != nullptr);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
      eos = message;
      continue;
    }
    if (is_from_plugin(message))
      all.push_back(told_in(gst_message_get_structure(message)));
    gst_message_unref(message);
  }
  gst_message_unref(eos);
  fail_unless_equals_int(int(all.size()), 2);
  const GstClockTime length =
      gst_util_uint64_scale_round(512, GST_SECOND, 48000);
  expect_times(all[0], 0, 0, 0, length);
  const GstClockTime end = gst_util_uint64_scale_round(1024, GST_SECOND, 48000);
  expect_times(all[1], length, length, length, end - length);

  Sink sink(one_method("self.post('wrote')", "write_audio(self, b)",
                       "AudioSinkPlugin"));
  told_on(sink.bus());
  sink.to(GST_STATE_PLAYING);
  GstBuffer *buffer = at(sink.audio(), 7, 3);
  fail_unless(sink.push(buffer) == GST_FLOW_OK);
  const auto wrote = told_on(sink.bus());
  fail_unless_equals_int(int(wrote.size()), 1);
  expect_times(wrote[0], 7, 7, 7, 3);
}
GST_END_TEST;

// ---- when -------------------------------------------------------------------

GST_START_TEST(test_every_method_posts_in_order) {
  Element element(plugin_file("posting.py"), {{"params", "p,a=b"}});
  element.to(GST_STATE_READY);
  expect_text(texts(told_on(element.bus())),
              "init\ninitialize\n"
              "set_parameter key=(gchararray)a value=(gchararray)b\n");
  element.to(GST_STATE_NULL);
  expect_text(texts(told_on(element.bus())), "shutdown\n");

  Stream stream(plugin_file("posting.py"));
  expect_text(texts(told_on(stream.bus())),
              "init\ninitialize\nset_sample_rate rate=(gint64)48000\nstart\n"
              "get_processing_latency\n");
  push_away(&stream, new_buffer(stream.audio()));
  stream.set("params", "p,c=d");
  push_away(&stream, new_buffer(stream.audio()));
  expect_text(texts(told_on(stream.bus())),
              "process_audio call=(gint64)1\n"
              "set_parameter key=(gchararray)c value=(gchararray)d\n"
              "get_processing_latency\n"
              "process_audio call=(gint64)2\n");
  GstBuffer *discont = new_buffer(stream.audio());
  GST_BUFFER_FLAG_SET(discont, GST_BUFFER_FLAG_DISCONT);
  push_away(&stream, discont);
  expect_text(texts(told_on(stream.bus())),
              "drain\nreset\nget_processing_latency\n"
              "process_audio call=(gint64)3\n");
  stream.to(GST_STATE_NULL);
  expect_text(texts(told_on(stream.bus())), "stop\nshutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_messages_come_before_their_buffer) {
  Stream stream(plugin_file("posting.py"));
  told_on(stream.bus());
  std::string order;
  on_buffers(stream.get(), "src", [&](GstBuffer *) {
    order += texts(told_on(stream.bus())) + "buffer\n";
  });
  for (int i = 0; i < 2; i++)
    push_away(&stream, new_buffer(stream.audio()));
  expect_text(order,
              "process_audio call=(gint64)1\nbuffer\n"
              "process_audio call=(gint64)2\nbuffer\n");
}
GST_END_TEST;

GST_START_TEST(test_messages_of_a_failed_call_come_before_its_error) {
  Stream stream(one_method("self.post('m'); 1 / 0"));
  fail_unless(stream.push_frames() == GST_FLOW_ERROR);
  std::string order;
  while (GstMessage *message = next_message(
             stream.bus(),
             GstMessageType(GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR))) {
    order += std::string(GST_MESSAGE_TYPE_NAME(message)) + " ";
    gst_message_unref(message);
  }
  expect_text(order, "element error ");
}
GST_END_TEST;

GST_START_TEST(test_messages_of_a_plugin_that_cannot_be_used_are_sent) {
  Element element(write_file("refusing.py",
                             "from base_plugin import AudioProcessorPlugin\n"
                             "class Refusing(AudioProcessorPlugin):\n"
                             "    def process_audio(self, b): pass\n"
                             "    def initialize(self):\n"
                             "        self.post('no', licence='expired')\n"
                             "        return False\n"));
  fail_unless(!element.to(GST_STATE_READY));
  expect_text(texts(told_on(element.bus())),
              "no licence=(gchararray)expired\n");
}
GST_END_TEST;

GST_START_TEST(test_the_last_thousand_of_a_call_are_sent_and_others_counted) {
  Stream stream(one_method("for i in range(1500): self.post('m', i=i)"));
  for (guint64 call = 1; call <= 2; call++) {
    push_away(&stream, new_buffer(stream.audio()));
    const auto all = told_on(stream.bus());
    fail_unless_equals_int(int(all.size()), 1000);
    for (size_t i = 0; i < all.size(); i++)
      expect_text(all[i].fields[0], "i=(gint64)" + std::to_string(500 + i));
    fail_unless_equals_uint64(stream.stat("messages-dropped"), 500 * call);
  }
}
GST_END_TEST;

// Of one call of a worker's.
GST_START_TEST(test_the_first_megabytes_of_a_call_are_sent_and_others_counted) {
  Stream stream(
      one_method("for i in range(300): self.post('m', text='x' * 60000)"));
  for (guint64 call = 1; call <= 2; call++) {
    push_away(&stream, new_buffer(stream.audio()));
    const size_t sent = told_on(stream.bus()).size();
    fail_unless(sent > 270 && sent < 280, "%zu", sent);
    fail_unless_equals_uint64(stream.stat("messages-dropped"),
                              (300 - sent) * call);
  }
}
GST_END_TEST;

// GLib keeps each name for the life of the process.
GST_START_TEST(test_new_names_come_to_an_end) {
  Stream stream(
      one_method("self.call = getattr(self, 'call', 0) + 1; "
                 "self.post('m', **{f'name{self.call % 15}_{i}': i for i in "
                 "range(100)})"));
  for (int i = 0; i < 16; i++)  // the last one is the first again
    push_away(&stream, new_buffer(stream.audio()));
  int sent = 0;
  Reports warned;
  const auto types = GstMessageType(GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING);
  while (GstMessage *message = next_message(stream.bus(), types)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
      warned.push_back(report_in(message));
    else
      sent++;
    gst_message_unref(message);
  }
  // A thousand names, of which "m" is one where nobody had it yet.
  fail_unless(sent == 10 || sent == 11, "%d", sent);
  fail_unless_equals_uint64(stream.stat("messages-dropped"),
                            guint64(16 - sent));
  fail_unless(g_quark_try_string("name1_99") != 0);
  fail_unless(g_quark_try_string("name14_99") == 0);
  fail_unless_equals_int(int(warned.size()), 1);
  expect_part(warned.text(), "too many different names");
}
GST_END_TEST;

// ---- threads ----------------------------------------------------------------

namespace {

struct Watched {
  std::atomic<int> ticked{0}, stuck{0};
};

// In the thread that posts, or logs.
GstBusSyncReply watch_python(GstBus *, GstMessage *message, gpointer data) {
  auto *watched = static_cast<Watched *>(data);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT)
    (python_ticks() ? watched->ticked : watched->stuck)++;
  return GST_BUS_PASS;
}

void watch_python_in_log(GstDebugCategory *category, GstDebugLevel,
                         const gchar *, const gchar *, gint, GObject *,
                         GstDebugMessage *, gpointer data) {
  if (strcmp(gst_debug_category_get_name(category), "pythonplugin") != 0)
    return;
  auto *watched = static_cast<Watched *>(data);
  (python_ticks() ? watched->ticked : watched->stuck)++;
}

void expect_ticks(const Watched &watched, int times) {
  fail_unless(
      wait_until([&] { return watched.ticked + watched.stuck == times; }));
  fail_unless_equals_int(watched.stuck, 0);
}

}  // namespace

GST_START_TEST(test_the_gil_is_not_held_while_a_message_is_posted) {
  Stream stream(plugin_file("ticking.py"));
  Watched watched;
  gst_bus_set_sync_handler(stream.bus(), watch_python, &watched, nullptr);
  for (const char *params : {"p,call_posts=2", "p,thread_posts=2"}) {
    stream.set("params", params);
    watched.ticked = 0;
    push_away(&stream, new_buffer(stream.audio()));
    expect_ticks(watched, 2);
  }
  gst_bus_set_sync_handler(stream.bus(), nullptr, nullptr, nullptr);
}
GST_END_TEST;

GST_START_TEST(test_the_gil_is_not_held_while_a_record_is_shown) {
  gst_debug_set_threshold_from_string("pythonplugin:2", FALSE);
  gst_debug_remove_log_function(gst_debug_log_default);
  Watched watched;
  gst_debug_add_log_function(watch_python_in_log, &watched, nullptr);
  Stream stream(plugin_file("ticking.py"));
  for (const char *params : {"p,call_logs=2", "p,thread_logs=2"}) {
    stream.set("params", params);
    watched.ticked = 0;
    push_away(&stream, new_buffer(stream.audio()));
    expect_ticks(watched, 2);
  }
  gst_debug_remove_log_function(watch_python_in_log);
}
GST_END_TEST;

namespace {

struct Heard {
  std::atomic<bool> waits{false}, released{false};
  std::atomic<int> last_words{0};
};

// Keeps whoever logs that this is for.
void hear(GstDebugCategory *, GstDebugLevel, const gchar *, const gchar *, gint,
          GObject *, GstDebugMessage *message, gpointer data) {
  auto *heard = static_cast<Heard *>(data);
  const std::string text = gst_debug_message_get(message);
  if (contains(text, "last words")) heard->last_words++;
  if (!contains(text, "keep it")) return;
  heard->waits = true;
  wait_until([heard] { return heard->released.load(); });
}

std::string logs(const std::string &text, const std::string &method) {
  return one_method("import logging; logging.warning('" + text + "')", method);
}

}  // namespace

// The thread that reads what all workers say may be kept by what one says.
GST_START_TEST(test_last_words_are_heard_though_nobody_has_read_them) {
  gst_debug_set_threshold_from_string("pythonplugin:2", FALSE);
  gst_debug_remove_log_function(gst_debug_log_default);
  Heard heard;
  gst_debug_add_log_function(hear, &heard, nullptr);
  Stream other(logs("keep it", "process_audio(self, b)"));
  Stream stream(write_file("last.py",
                           "import logging, threading\n"
                           "from base_plugin import AudioProcessorPlugin\n"
                           "class Last(AudioProcessorPlugin):\n"
                           "    def process_audio(self, buffer): pass\n"
                           "    def stop(self):\n"
                           "        thread = threading.Thread(\n"
                           "            target=self.post, args=('last',))\n"
                           "        thread.start()\n"
                           "        thread.join()\n"
                           "        for i in range(50):\n"
                           "            logging.warning('last words')\n"));
  push_away(&stream, new_buffer(stream.audio()));
  std::thread pusher([&] { push_away(&other, new_buffer(other.audio())); });
  fail_unless(wait_until([&] { return heard.waits.load(); }));
  fail_unless(stream.to(GST_STATE_NULL));
  fail_unless_equals_int(heard.last_words, 50);
  heard.released = true;
  pusher.join();
  // By that thread, as this one may hold locks.
  fail_unless(
      wait_until([&] { return texts(told_on(stream.bus())) == "last\n"; }));
  other.to(GST_STATE_NULL);
  gst_debug_remove_log_function(hear);
}
GST_END_TEST;

GST_START_TEST(test_a_thread_posts_at_once_without_times) {
  Stream stream(plugin_file("ticking.py"));
  stream.set("params", "p,thread_posts=3");
  push_away(&stream, new_buffer(stream.audio()));
  // No further call.
  std::vector<Told> all;
  fail_unless(wait_until([&] {
    for (Told &told : told_on(stream.bus()))
      all.push_back(std::move(told));
    return all.size() >= 3;
  }));
  expect_text(texts(all),
              "from-thread left=(gint64)2\nfrom-thread left=(gint64)1\n"
              "from-thread left=(gint64)0\n");
  for (const Told &told : all)
    expect_times(told, none, none, none, none);
}
GST_END_TEST;

GST_START_TEST(test_a_thread_posts_while_the_plugin_is_waited_for) {
  Stream stream(
      one_method("t = threading.Thread(target=lambda: [self.post("
                 "'m', i=i) for i in range(2000)]); t.start(); "
                 "t.join(); self.post('last')"));
  push_away(&stream, new_buffer(stream.audio()));
  // They wait for no call to end, so it keeps none of them back; nor does a
  // call in another process wait for them, which drops, and counts, the last
  // ones if nobody here gets to read for a second.
  auto all = told_on(stream.bus());
  const auto here = size_t(2001 - stream.stat("messages-dropped"));
  fail_unless(wait_until([&] {
    for (auto &each : told_on(stream.bus()))
      all.push_back(std::move(each));
    return all.size() >= here;
  }));
  fail_unless_equals_int(int(all.size()), int(here));
  // The thread's are in order, from the first one on; what the call posts may
  // overtake them where they come from another process.
  const std::string begin = "m i=(gint64)";
  int next = 0, last = 0;
  for (const auto &each : all) {
    if (each.text() == "last") {
      last++;
      continue;
    }
    expect_text(each.text().substr(0, begin.size()), begin);
    const int i = std::stoi(each.text().substr(begin.size()));
    fail_unless(next ? i >= next : i == 0);
    next = i + 1;
  }
  fail_unless_equals_int(last, 1);
}
GST_END_TEST;

GST_START_TEST(test_a_thread_that_outlives_the_element_posts_to_nobody) {
  const std::string file = write_file(
      "outliving.py",
      "import threading, time\n"
      "from base_plugin import AudioProcessorPlugin\n"
      "from checklog import say\n"
      "class Outliving(AudioProcessorPlugin):\n"
      "    def run(self):\n"
      "        while True:\n"
      "            self.post('m')\n"
      "            say('tick')\n"
      "            time.sleep(0.001)\n"
      "    def initialize(self):\n"
      "        threading.Thread(target=self.run, daemon=True).start()\n"
      "        return True\n"
      "    def process_audio(self, b): pass\n");
  for (int life = 0; life < 3; life++) {
    Element element(file);
    element.to(GST_STATE_READY);
    fail_unless(wait_until([&] { return !told_on(element.bus()).empty(); }));
  }
  fail_unless(python_ticks());
}
GST_END_TEST;

// ---- plugins without it -----------------------------------------------------

GST_START_TEST(test_a_base_class_of_ones_own_has_no_post_and_needs_none) {
  Stream stream(write_file("own_base.py",
                           "class Base: pass\n"
                           "class Plugin(Base):\n"
                           "    def process_audio(self, b): b.data *= 2\n"));
  stream.expect_through(doubled);
  expect_text(texts(told_on(stream.bus())), "");
}
GST_END_TEST;

// ---- statistics -------------------------------------------------------------

namespace {

// The first ones on the bus; 0: none.
guint64 buffers_told(GstBus *bus) {
  GstMessage *message = next_message(bus, GST_MESSAGE_ELEMENT);
  if (!message) return 0;
  const GstStructure *stats = gst_message_get_structure(message);
  fail_unless(gst_structure_has_name(stats, "pythonfilter-stats"));
  guint64 buffers = 0, frames = 0;
  gst_structure_get_uint64(stats, "buffers", &buffers);
  gst_structure_get_uint64(stats, "frames", &frames);
  fail_unless_equals_uint64(frames, 64 * buffers);
  gst_message_unref(message);
  return buffers;
}

}  // namespace

GST_START_TEST(test_statistics_are_posted_while_buffers_flow) {
  Stream stream(plugin_file("inplace.py"), {}, {{"stats-interval", "1"}});
  guint64 last = 0;
  for (int messages = 0; messages < 5; messages++) {
    guint64 buffers = 0;
    fail_unless(wait_until([&] {
      push_away(&stream, new_buffer(stream.audio()));
      buffers = buffers_told(stream.bus());
      return buffers > 0;
    }));
    fail_unless(buffers > last);
    last = buffers;
  }
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_statistics_interval_changes_while_playing) {
  Stream stream(plugin_file("inplace.py"));
  const auto push_for = [&](double seconds) {
    const double until = seconds_now() + seconds;
    while (seconds_now() < until)
      push_away(&stream, new_buffer(stream.audio()));
  };
  push_for(0.02);
  fail_unless_equals_uint64(buffers_told(stream.bus()), 0);
  stream.set("stats-interval", "100000000");
  push_for(0.02);
  fail_unless_equals_uint64(buffers_told(stream.bus()), 0);
  stream.set("stats-interval", "2");
  fail_unless(wait_until([&] {
    push_away(&stream, new_buffer(stream.audio()));
    return buffers_told(stream.bus()) > 0;
  }));
  stream.set("stats-interval", "0");
  while (buffers_told(stream.bus()) > 0) {
  }
  push_for(0.02);
  fail_unless_equals_uint64(buffers_told(stream.bus()), 0);
  // But still at the end.
  stream.push_event(gst_event_new_eos());
  fail_unless_equals_uint64(buffers_told(stream.bus()), stream.stat("buffers"));
}
GST_END_TEST;

static Suite *messages_suite() {
  Suite *suite = suite_create("messages");
  TCase *fields = new_case(suite, "fields");
  tcase_add_test(fields, test_fields_have_the_types_of_their_values);
  tcase_add_test(fields, test_text_is_utf8_and_up_to_64_kib_are_sent);
  tcase_add_test(fields,
                 test_what_cannot_be_sent_fails_in_the_call_and_is_named);
  tcase_add_test(fields, test_names_of_python_can_be_fields);
  TCase *times = new_case(suite, "times");
  tcase_add_test(times, test_times_are_those_of_the_buffer);
  tcase_add_test(times,
                 test_drain_has_the_time_of_the_tail_and_others_have_none);
  tcase_add_test(times, test_source_and_sink_have_times_as_well);
  TCase *when = new_case(suite, "when");
  tcase_add_test(when, test_every_method_posts_in_order);
  tcase_add_test(when, test_messages_come_before_their_buffer);
  tcase_add_test(when, test_messages_of_a_failed_call_come_before_its_error);
  tcase_add_test(when, test_messages_of_a_plugin_that_cannot_be_used_are_sent);
  tcase_add_test(when,
                 test_the_last_thousand_of_a_call_are_sent_and_others_counted);
  if (in_process())
    tcase_add_test(
        when, test_the_first_megabytes_of_a_call_are_sent_and_others_counted);
  tcase_add_test(when,
                 test_a_base_class_of_ones_own_has_no_post_and_needs_none);
  TCase *threads = new_case(suite, "threads");
  tcase_add_test(when, test_new_names_come_to_an_end);

  tcase_add_test(threads, test_the_gil_is_not_held_while_a_message_is_posted);
  tcase_add_test(threads, test_the_gil_is_not_held_while_a_record_is_shown);
  tcase_add_test(threads,
                 test_last_words_are_heard_though_nobody_has_read_them);
  tcase_add_test(threads, test_a_thread_posts_at_once_without_times);
  tcase_add_test(threads, test_a_thread_posts_while_the_plugin_is_waited_for);
  add_test_here(threads,
                test_a_thread_that_outlives_the_element_posts_to_nobody,
                "nothing of a worker outlives its last plugin");
  TCase *statistics = new_case(suite, "statistics");
  tcase_add_test(statistics, test_statistics_are_posted_while_buffers_flow);
  tcase_add_test(statistics, test_statistics_interval_changes_while_playing);
  return suite;
}

GST_CHECK_MAIN(messages)
