// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plugins whose audio method is a C function at an address, as it is where
// Numba made it. What Numba makes is tests/python/test_compiled.py's.
#include "../support/harness.hpp"
#include "../support/parameters.hpp"
#include "../support/pipeline.hpp"
#include "../support/reload.hpp"

using namespace check;

namespace {

const std::string scale = plugin_file("c_scale.py");

// What the plugin posted under `name`, one number of it; NaN: nothing.
double posted(GstBus *bus, const char *name, const char *field) {
  double number = G_MAXDOUBLE;
  while (GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT)) {
    const GstStructure *said = gst_message_get_structure(message);
    if (gst_structure_has_name(said, name)) {
      const GValue *value = gst_structure_get_value(said, field);
      number = G_VALUE_HOLDS_DOUBLE(value) ? g_value_get_double(value)
                                           : double(g_value_get_int64(value));
    }
    gst_message_unref(message);
  }
  return number;
}

double first_sample(Stream *stream) {
  GstBuffer *out = stream->through(new_buffer(stream->audio(), 64));
  GstMapInfo map;
  fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
  const double first = get_sample(stream->audio(), map.data);
  gst_buffer_unmap(out, &map);
  gst_buffer_unref(out);
  return first;
}

}  // namespace

GST_START_TEST(test_samples_are_exact_in_every_format_and_layout) {
  for (const Audio &audio : every_audio({1, 2, 6})) {
    Stream stream(scale, audio);
    for (size_t frames : {64, 1, 511, 512})
      stream.expect_through(doubled, frames);
    fail_unless_equals_uint64(stream.stat("frames"), 64 + 1 + 511 + 512);
    fail_unless_equals_uint64(stream.stat("copies"), 0);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_the_state_is_zeroed_at_start_kept_and_read_by_python) {
  Stream stream(scale);
  stream.expect_through(doubled);
  stream.expect_through(doubled);
  GstBus *bus = stream.bus();
  fail_unless(stream.to(GST_STATE_READY));
  fail_unless_equals_float(posted(bus, "stopped", "frames"), 128);
  stream.play_again();
  stream.expect_through(doubled);
  fail_unless(stream.to(GST_STATE_READY));
  fail_unless_equals_float(posted(bus, "stopped", "frames"), 64);
}
GST_END_TEST;

GST_START_TEST(test_parameters_are_there_in_the_next_buffer) {
  Stream stream(scale);
  stream.expect_through(doubled);
  GObject *child = gst_child_proxy_get_child_by_name(
      GST_CHILD_PROXY(stream.get()), "plugin");
  g_object_set(child, "factor", 3.0, "shows", TRUE, nullptr);
  gst_util_set_object_arg(child, "mode", "high");
  fail_unless_equals_float(first_sample(&stream), 200 + 64);
  stream.set("params", "p,shows=yes,mode=middle");
  fail_unless_equals_float(first_sample(&stream), 100 + 128);
  // What the plugin's own attributes are told later are the same ones.
  stream.set("params", "p,factor=-1.0,label=(string)text,shows=false");
  stream.expect_through([](size_t c, size_t f) { return -number_at(c, f); });
  fail_unless(stream.to(GST_STATE_READY));
  fail_unless_equals_float(posted(stream.bus(), "stopped", "factor"), -1);
  g_object_unref(child);
}
GST_END_TEST;

// Also what no text was ever made of.
GST_START_TEST(test_the_attributes_follow_before_any_other_method) {
  for (const double factor : {-1.0, 1.0 / 3, 4.0}) {
    Stream stream(scale);
    g_autoptr(GObject) child = gst_child_proxy_get_child_by_name(
        GST_CHILD_PROXY(stream.get()), "plugin");
    g_object_set(child, "factor", factor, nullptr);
    const auto scaled = [&](size_t c, size_t f) {
      return double(float(factor * number_at(c, f)));
    };
    stream.expect_through(scaled);
    g_object_set(child, "factor", 5.0, nullptr);
    stream.expect_through(
        [](size_t c, size_t f) { return 5 * number_at(c, f); });
    g_object_set(child, "factor", factor, nullptr);
    stream.expect_through(scaled);
    double now = 0;
    g_object_get(child, "factor", &now, nullptr);
    fail_unless_equals_float(now, factor);
    fail_unless(stream.to(GST_STATE_READY));
    fail_unless_equals_float(posted(stream.bus(), "stopped", "factor"), factor);
  }
}
GST_END_TEST;

GST_START_TEST(test_values_that_are_not_allowed_are_refused) {
  for (const char *value : {"11.0", "loud", "nan"}) {
    Stream stream(scale, {}, {{"on-error", "drop"}});
    stream.expect_through(doubled);
    stream.set("params", std::string("p,factor=") + value);
    stream.expect_through(doubled);
    const Reports reports = stream.reports();
    fail_unless_equals_int(reports.size(), 1);
    fail_unless(reports[0].text.find("must be a number from -10.0 to 10.0") !=
                    std::string::npos,
                "%s", reports.text().c_str());
  }
}
GST_END_TEST;

GST_START_TEST(test_another_number_is_a_failure_by_on_error) {
  for (const char *policy : {"fail", "drop", "silence", "passthrough"}) {
    Stream stream(scale, {}, {{"on-error", policy}});
    stream.expect_through(doubled);
    stream.set("params", "p,fails_with=7");
    const bool fails = std::string(policy) == "fail";
    fail_unless_equals_int(stream.push_frames(),
                           fails ? GST_FLOW_ERROR : GST_FLOW_OK);
    const Reports reports = stream.reports();
    fail_unless_equals_int(reports.size(), 1);
    fail_unless(
        reports[0].text.find("process_audio() returned 7") != std::string::npos,
        "%s", reports.text().c_str());
    fail_unless(reports[0].field("kind") == "refused", "%s",
                reports.text().c_str());
    GstBuffer *out = stream.pull();
    if (std::string(policy) == "passthrough")
      expect_samples(out, stream.audio(), number_at);
    fail_unless_equals_int(out != nullptr, !fails && policy[0] != 'd');
    gst_clear_buffer(&out);
    fail_unless_equals_uint64(stream.stat("errors"), 1);
  }
}
GST_END_TEST;

GST_START_TEST(test_nobody_waits_for_the_gil) {
  Stream stream(scale);
  for (int i = 0; i < 10; i++)
    stream.expect_through(doubled);
  fail_unless_equals_uint64(stream.stat("gil-wait-max"), 0);
  fail_unless(stream.stat("call-max") > 0);
}
GST_END_TEST;

GST_START_TEST(test_planes_with_gaps_between_are_copied) {
  const Audio audio = {"F32", true, 2};
  Stream stream(scale, audio);
  GstBuffer *buffer =
      gst_buffer_new_allocate(nullptr, 2 * 64 * 4 + 32, nullptr);
  gst_buffer_memset(buffer, 0, 0, 2 * 64 * 4 + 32);
  const float ones[] = {1, 1};
  const GstAudioInfo info = audio.info();
  gsize offsets[] = {16, 64 * 4 + 32};
  for (gsize offset : offsets)
    gst_buffer_fill(buffer, offset, ones, sizeof ones);
  gst_buffer_add_audio_meta(buffer, &info, 64, offsets);
  GstBuffer *out = stream.through(buffer);
  for (gsize offset : offsets) {
    float heard[3];
    gst_buffer_extract(out, offset, heard, sizeof heard);
    fail_unless_equals_float(heard[1], 2);
    fail_unless_equals_float(heard[2], 0);
  }
  gst_buffer_unref(out);
}
GST_END_TEST;

// 1 to 1000 in two channels; the first call has nothing, the last one less.
GST_START_TEST(test_a_source_and_a_sink) {
  Pipeline pipeline(
      "pythonsrc name=source script=\"" + plugin_file("c_source.py") +
      "\" ! audio/x-raw,rate=48000,channels=2 ! " +
      line_of("pythonsink", plugin_file("c_sink.py"), "sync=false"));
  fail_unless(pipeline.to(GST_STATE_PLAYING), "%s",
              reports_on(pipeline.bus()).text().c_str());
  double sum = 0;
  bool over = false;
  while (!over) {
    GstMessage *message = gst_bus_timed_pop_filtered(
        pipeline.bus(), GstClockTime(patience) * GST_SECOND,
        GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR |
                       GST_MESSAGE_ELEMENT));
    fail_unless(message && GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR);
    over = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    const GstStructure *said = gst_message_get_structure(message);
    if (said && gst_structure_has_name(said, "sum"))
      gst_structure_get_double(said, "sum", &sum);
    gst_message_unref(message);
  }
  fail_unless_equals_float(sum, 2 * 1000 * 1001 / 2);
  fail_unless_equals_uint64(stat_of(pipeline.python(), "frames"), 1000);
}
GST_END_TEST;

// What `scale` of functions.c keeps, and what more the class declares.
static std::string scaling(const std::string &state, const std::string &more) {
  return write_file(
      "scaling.py",
      "import ctypes, os\nimport numpy as np\nfrom base_plugin import *\n"
      "class Scaling(AudioProcessorPlugin):\n"
      "    factor = Param(2.0)\n    fails_with = Param(0)\n"
      "    shows = Param(False)\n"
      "    mode = Param('low', choices=('low', 'high'))\n" +
          state +
          "    process_audio = "
          "compiled(ctypes.CDLL(os.environ['CHECK_FUNCTIONS']).scale)\n"
          "    def stop(self):\n"
          "        self.post('stopped', frames=int(self.state.frames))\n" +
          more);
}

// `scale` fails where its count is not the stream's position.
GST_START_TEST(test_a_reload_goes_on_where_the_stream_is) {
  const std::string file = scaling(
      "    class State:\n        frames: int\n"
      "        last: Array[float, MAX_CHANNELS]\n",
      "");
  Stream stream(file);
  for (int i = 0; i < 3; i++)
    stream.expect_through(doubled);
  scaling(
      "    State = np.dtype([('frames', np.int64), ('last', float, 64), "
      "('more', np.int32)])\n",
      "    def start(self):\n        assert self.state.more == 0\n");
  fail_unless(ask(stream.get()));
  const Told told = flow(&stream);
  fail_unless(told.carried, "%s", told.warning.c_str());
  // A field of another type is a new one, and zero.
  scaling(
      "    State = np.dtype([('frames', np.uint64), ('last', float, 64)])\n",
      "");
  fail_unless(ask(stream.get()));
  fail_unless(wait_until([&] {
    const GstFlowReturn flow = stream.push_frames();
    GstBuffer *out = stream.pull();
    gst_clear_buffer(&out);
    return flow == GST_FLOW_ERROR;
  }));
  const Reports reports = stream.reports();
  fail_unless_equals_int(reports.size(), 1);
  fail_unless(contains(reports[0].text, "process_audio() returned 1001"), "%s",
              reports.text().c_str());
}
GST_END_TEST;

// By who hears a message of the new code, before the element declares it.
GST_START_TEST(test_a_number_that_waits_while_its_range_is_narrowed) {
  const auto limited = [](const char *most) {
    return scaling("    factor = Param(2.0, min=0.0, max=" + std::string(most) +
                       ")\n    class State:\n        frames: int\n"
                       "        last: Array[float, MAX_CHANNELS]\n",
                   "    def get_state(self): return {}\n"
                   "    def set_state(self, state): self.post('narrowed')\n");
  };
  Stream stream(limited("9.0"));
  stream.expect_through(doubled);
  struct Set {
    GObject *child;
    std::atomic<int> count{0};
  } set{gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(stream.get()),
                                          "plugin")};
  gst_bus_set_sync_handler(
      stream.bus(),
      [](GstBus *, GstMessage *message, gpointer data) {
        const GstStructure *said = gst_message_get_structure(message);
        auto *set = static_cast<Set *>(data);
        if (said && gst_structure_has_name(said, "narrowed")) {
          g_object_set(set->child, "factor", 8.0, nullptr);
          set->count++;
        }
        return GST_BUS_PASS;
      },
      &set, nullptr);
  limited("4.0");
  fail_unless(ask(stream.get()));
  GstFlowReturn flow = GST_FLOW_OK;
  int later = 0;
  fail_unless(wait_until([&] {
    flow = stream.push_frames();
    GstBuffer *out = stream.pull();
    gst_clear_buffer(&out);
    return flow != GST_FLOW_OK || (set.count > 0 && ++later > 2);
  }));
  gst_bus_set_sync_handler(stream.bus(), nullptr, nullptr, nullptr);
  g_object_unref(set.child);
  fail_unless_equals_int(set.count, 1);
  fail_unless_equals_int(flow, GST_FLOW_ERROR);
  expect_part(stream.reports().text(), "must be a number from 0.0 to 4.0");
}
GST_END_TEST;

// What would end the application ends a worker, and the next one goes on.
GST_START_TEST(test_machine_code_that_fails_hard_is_the_workers_end) {
  const std::pair<int, const char *> ways[] = {{1, "did not return"},
                                               {2, "SIGSEGV"}};
  for (const auto &[how, expected] : ways) {
    // The first worker is told to, by a file that it takes away.
    write_file("told", "");
    Stream stream(
        write_file("hard.py",
                   "import ctypes, os\n"
                   "from base_plugin import *\n"
                   "class Hard(AudioProcessorPlugin):\n"
                   "    how = Param(0)\n"
                   "    process_audio = "
                   "compiled(ctypes.CDLL(os.environ['CHECK_FUNCTIONS'])."
                   "fail_hard)\n"
                   "    def start(self):\n"
                   "        told = '" +
                       folder() +
                       "/told'\n"
                       "        if os.path.exists(told):\n"
                       "            os.remove(told)\n"
                       "            self.how = " +
                       std::to_string(how) + "\n"),
        {},
        {{"on-error", "silence"},
         {"hang-timeout", "200"},
         {"deadline", "50"},
         {"sandbox", "none"}});
    stream.expect_through([](size_t, size_t) { return 0; });
    fail_unless(wait_until([&] {
      fail_unless_equals_int(stream.push_frames(), GST_FLOW_OK);
      GstBuffer *out = stream.pull();
      fail_unless(out != nullptr, "%s", stream.reports().text().c_str());
      GstMapInfo map;
      fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
      const bool is_there = get_sample({}, map.data) == number_at(0, 0);
      gst_buffer_unmap(out, &map);
      gst_buffer_unref(out);
      return is_there;
    }));
    const Reports reports = stream.reports();
    fail_unless(!reports.empty() && contains(reports.text(), expected), "%s",
                reports.text().c_str());
    // There is no line of ours that somebody could mend.
    for (const Report &each : reports)
      fail_unless(!contains(each.text, "base_plugin"), "%s", each.text.c_str());
    fail_unless(stream.stat("restarts") >= 1);
  }
}
GST_END_TEST;

namespace {

// Plays a class of c_formats.py, between caps that can be changed.
class Formats {
 public:
  explicit Formats(const std::string &kind) : pipeline_(line(kind)) {}

  const Pipeline &pipeline() const { return pipeline_; }
  void set_format(const char *format) const {
    g_autoptr(GstCaps) caps = gst_caps_new_simple(
        "audio/x-raw", "format", G_TYPE_STRING, format, "layout", G_TYPE_STRING,
        "interleaved", "channels", G_TYPE_INT, 1, nullptr);
    g_autoptr(GstElement) filter =
        gst_bin_get_by_name(GST_BIN(pipeline_.get()), "caps");
    g_object_set(filter, "caps", caps, nullptr);
  }
  void wait_for(const char *name) const { gst_structure_free(next(name)); }
  // For which formats code was made while it was loaded, and for which later.
  void expect_started(const char *loaded, const char *later) const {
    g_autoptr(GstStructure) started = next("started");
    expect_text(gst_structure_get_string(started, "loaded"), loaded);
    expect_text(gst_structure_get_string(started, "later"), later);
  }

 private:
  static std::string line(const std::string &kind) {
    const std::string filter = " ! capsfilter name=caps ! ";
    const auto python = [&](const char *factory, const char *name) {
      return line_of(factory, plugin_file("c_formats.py"),
                     "class=" + std::string(name));
    };
    if (kind == "source")
      return python("pythonsrc", "Source") + filter + "fakesink sync=true";
    if (kind == "sink")
      return "audiotestsrc" + filter + python("pythonsink", "Sink");
    return "audiotestsrc" + filter + python("pythonfilter", "Filter") +
           " ! fakesink sync=true";
  }
  GstStructure *next(const char *name) const {
    GstStructure *told = nullptr;
    while (!told) {
      GstMessage *message = pipeline_.wait_for(GstMessageType(
          GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
      fail_unless(message != nullptr, "no %s", name);
      fail_unless(GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT, "%s",
                  report_in(message).text.c_str());
      const GstStructure *said = gst_message_get_structure(message);
      if (gst_structure_has_name(said, name)) told = gst_structure_copy(said);
      gst_message_unref(message);
    }
    return told;
  }

  Pipeline pipeline_;
};

const char *const kinds[] = {"filter", "source", "sink"};

}  // namespace

GST_START_TEST(test_it_is_compiled_for_what_comes) {
  for (const char *kind : kinds) {
    const Formats formats(kind);
    formats.set_format("S16LE");
    formats.pipeline().expect_to(GST_STATE_PAUSED);
    formats.expect_started("S16 1", "");
  }
}
GST_END_TEST;

// Never on the streaming thread.
GST_START_TEST(test_new_code_is_compiled_while_the_old_plays) {
  for (const char *kind : kinds) {
    const Formats formats(kind);
    formats.set_format("F32LE");
    formats.pipeline().expect_to(GST_STATE_PLAYING);
    formats.expect_started("F32 1", "");
    formats.set_format("S16LE");
    formats.expect_started("F32 1", "S16 1");
    // It is told before the element knows that it plays.
    const guint64 before = formats.pipeline().stat("buffers");
    fail_unless(wait_until(
        [&] { return formats.pipeline().stat("buffers") > before; }));
    fail_unless(ask(formats.pipeline().python()));
    formats.expect_started("S16 1", "");
  }
}
GST_END_TEST;

GST_START_TEST(test_new_code_that_was_there_before_the_stream) {
  for (const char *kind : {"source", "sink"}) {
    const Formats formats(kind);
    formats.pipeline().expect_to(GST_STATE_READY);
    formats.wait_for("initialized");
    fail_unless(ask(formats.pipeline().python()));
    formats.wait_for("initialized");
    // The old one, for what audiotestsrc would give first, or its own first
    // one.
    const bool is_sink = std::string(kind) == "sink";
    const char *first = is_sink ? "S16 1" : "F32 1";
    const char *then = is_sink ? "F32 1" : "S16 1";
    formats.set_format(is_sink ? "F32LE" : "S16LE");
    formats.pipeline().expect_to(GST_STATE_PLAYING);
    formats.expect_started(first, then);
    formats.expect_started(then, "");
  }
}
GST_END_TEST;

GST_START_TEST(test_machine_code_that_loops_ends_without_a_deadline) {
  Stream stream(plugin_file("c_formats.py"), {},
                {{"class", "Loops"},
                 {"hang-timeout", "20"},
                 {"deadline", "0"},
                 {"restart", "never"}});
  fail_unless_equals_int(stream.push_frames(), GST_FLOW_ERROR);
  expect_part(stream.reports().text(), "process_audio() did not return within");
}
GST_END_TEST;

static Suite *compiled_suite() {
  Suite *suite = suite_create("compiled");
  TCase *compiled = new_case(suite, "compiled");
  tcase_add_test(compiled, test_samples_are_exact_in_every_format_and_layout);
  tcase_add_test(compiled,
                 test_the_state_is_zeroed_at_start_kept_and_read_by_python);
  tcase_add_test(compiled, test_parameters_are_there_in_the_next_buffer);
  tcase_add_test(compiled, test_the_attributes_follow_before_any_other_method);
  tcase_add_test(compiled, test_values_that_are_not_allowed_are_refused);
  tcase_add_test(compiled, test_another_number_is_a_failure_by_on_error);
  if (!in_process()) tcase_add_test(compiled, test_nobody_waits_for_the_gil);
  tcase_add_test(compiled, test_planes_with_gaps_between_are_copied);
  tcase_add_test(compiled, test_a_source_and_a_sink);
  tcase_add_test(compiled, test_a_reload_goes_on_where_the_stream_is);
  tcase_add_test(compiled,
                 test_a_number_that_waits_while_its_range_is_narrowed);
  tcase_add_test(compiled, test_it_is_compiled_for_what_comes);
  tcase_add_test(compiled, test_new_code_is_compiled_while_the_old_plays);
  tcase_add_test(compiled, test_new_code_that_was_there_before_the_stream);
  if (in_process())
    tcase_add_test(compiled,
                   test_machine_code_that_fails_hard_is_the_workers_end);
  if (in_process())
    tcase_add_test(compiled,
                   test_machine_code_that_loops_ends_without_a_deadline);
  return suite;
}

GST_CHECK_MAIN(compiled)
