// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Every property: what is set is read back, and parameters arrive at the
// plugin as the strings a user would write.
#include "../support/harness.hpp"

using namespace check;

namespace {

struct Value {
  const char *property, *text;
  const char *read = nullptr;  // where it is not written as it was set
};

const Value values[] = {
    {"script", "/somewhere/plugin.py"},
    {"script", "with spaces and ö.py"},
    {"module", "package.module"},
    {"class", "MyFilter"},
    {"venv", "/home/someone/venv"},
    {"isolation", "process"},
    {"isolation", "none"},
    {"python", "/opt/python/bin/python3.14"},
    {"deadline", "-1"},
    {"deadline", "0"},
    {"deadline", "250"},
    {"hang-timeout", "250"},
    {"restart", "never"},
    {"restart", "on-crash"},
    {"max-restarts", "0"},
    {"max-restarts", "60"},
    {"worker-group", "strings"},
    {"sandbox", "none"},
    {"sandbox", "strict"},
    {"sandbox", "basic"},
    {"sandbox-required", "true"},
    {"sandbox-required", "false"},
    {"on-error", "fail"},
    {"on-error", "passthrough"},
    {"on-error", "silence"},
    {"on-error", "drop"},
    {"block-size", "480"},
    {"block-remainder", "pass"},
    {"reload", "true"},
    {"reload", "false"},
    {"block-remainder", "pad"},
    {"bypass", "true"},
    {"bypass", "false"},
    {"stats-interval", "0"},
    {"stats-interval", "1500"},
    {"params", "p, gain=(double)0.5;"},
    {"params", "p, count=(int)-7, on=(boolean)true;"},
    {"params", "other-name, mode=(string)warm;"},
    {"params", "p,gain=0.5,mode=warm",
     "p, gain=(double)0.5, mode=(string)warm;"},
    {"params", "p, Gain=(double)1, gain=(double)2;"},
    {"params", "p, half=(fraction)1/2, all=(int)[ 1, 3 ];"},
};

GstBuffer *one_buffer(Stream *stream) {
  return stream->through(new_buffer(stream->audio()));
}

// What the plugin was told since the last time.
void expect_told(Stream *stream, const std::string &want) {
  gst_buffer_unref(one_buffer(stream));
  expect_text(log_text(), want);
  clear_log();
}

std::string params_of(const Element &element) {
  return element.text_of("params");
}

}  // namespace

GST_START_TEST(test_property_is_read_as_it_was_set) {
  for (const Value &row : values) {
    Element element("");
    element.set(row.property, row.text);
    GParamSpec *spec = g_object_class_find_property(
        G_OBJECT_GET_CLASS(element.get()), row.property);
    if (G_PARAM_SPEC_VALUE_TYPE(spec) == G_TYPE_STRING) {
      char *text;
      g_object_get(element.get(), row.property, &text, nullptr);
      expect_text(text, row.text);
      g_free(text);
    } else {
      expect_text(element.text_of(row.property),
                  row.read ? row.read : row.text);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_every_property_is_in_the_table_or_can_only_be_read) {
  Element element("");
  guint count;
  GParamSpec **specs =
      g_object_class_list_properties(G_OBJECT_GET_CLASS(element.get()), &count);
  int ours = 0;
  for (guint i = 0; i < count; i++) {
    if (strcmp(g_type_name(specs[i]->owner_type), "GstPythonFilter") != 0)
      continue;
    ours++;
    const bool in_table = std::any_of(
        std::begin(values), std::end(values),
        [&](auto &row) { return !strcmp(row.property, specs[i]->name); });
    fail_unless(in_table == bool(specs[i]->flags & G_PARAM_WRITABLE), "%s",
                specs[i]->name);
  }
  fail_unless_equals_int(ours, 22);
  g_free(specs);
}
GST_END_TEST;

GST_START_TEST(test_defaults) {
  Element element("");
  for (const char *name :
       {"script", "module", "class", "venv", "python", "worker-group"}) {
    char *text;
    g_object_get(element.get(), name, &text, nullptr);
    fail_unless(text == nullptr, "%s", name);
  }
  GstStructure *params;
  g_object_get(element.get(), "params", &params, nullptr);
  fail_unless(params == nullptr);
  expect_text(element.text_of("on-error"), "fail");
  expect_text(element.text_of("block-size"), "0");
  expect_text(element.text_of("block-remainder"), "pad");
  expect_text(element.text_of("bypass"), "false");
  expect_text(element.text_of("stats-interval"), "0");
  expect_text(element.text_of("deadline"), in_process() ? "0" : "-1");
  expect_text(element.text_of("restart"), "on-crash");
  expect_text(element.text_of("max-restarts"), "5");
  expect_text(element.text_of("sandbox"), "basic");
  expect_text(element.text_of("sandbox-required"), "false");
  fail_unless_equals_uint64(element.stat("buffers"), 0);
}
GST_END_TEST;

GST_START_TEST(test_environment_says_where_plugins_run) {
  const std::pair<const char *, const char *> rows[] = {
      {"process", "process"}, {"none", "none"}, {"", "none"}};
  for (const auto &[set, want] : rows) {
    setenv("GST_PYTHONFILTER_ISOLATION", set, 1);
    Element element("");
    expect_text(element.text_of("isolation"), want);
  }
  setenv("GST_PYTHONFILTER_ISOLATION", "elsewhere", 1);
  Element element(plugin_file("untouched.py"));
  fail_unless(!element.to(GST_STATE_READY));
  const Reports reports = element.reports();
  fail_unless(reports.size() == 1, "%s", reports.text().c_str());
  expect_part(reports[0].text,
              "GST_PYTHONFILTER_ISOLATION is elsewhere, and must be none or "
              "process");
  // Who says it himself does not care.
  fail_unless(element.to(GST_STATE_NULL));
  element.set("isolation", "none");
  fail_unless(element.to(GST_STATE_READY), "%s",
              element.reports().text().c_str());
}
GST_END_TEST;

GST_START_TEST(test_strings_and_params_can_be_taken_back) {
  Element element("/plugin.py");
  g_object_set(element.get(), "script", nullptr, "params", nullptr, nullptr);
  char *text;
  g_object_get(element.get(), "script", &text, nullptr);
  fail_unless(text == nullptr);
}
GST_END_TEST;

GST_START_TEST(test_settings_are_refused_with_a_warning_outside_null) {
  const std::pair<const char *, const char *> settings[] = {
      {"script", "/another"},   {"module", "another"},
      {"class", "Another"},     {"venv", "/another"},
      {"python", "/another"},   {"restart", "never"},
      {"max-restarts", "9"},    {"worker-group", "another"},
      {"sandbox", "strict"},    {"sandbox-required", "true"},
      {"isolation", "process"}, {"isolation", "none"}};
  const std::string script = plugin_file("parameters.py");
  Element element(script);
  for (GstState state : {GST_STATE_READY, GST_STATE_PLAYING}) {
    fail_unless(element.to(state));
    for (const auto &[name, text] : settings) {
      const std::string before = element.text_of(name);
      element.set(name, text);
      expect_text(element.text_of(name), before);
      const Reports reports = element.reports();
      fail_unless(reports.size() == 1, "%s", name);
      fail_unless(reports[0].type == GST_MESSAGE_WARNING);
      expect_part(reports[0].text,
                  std::string(name) + " can only be changed in the NULL state");
    }
    element.set("deadline", "20");
    expect_text(element.text_of("deadline"), "20");
    element.expect_no_reports();
  }
  fail_unless(element.to(GST_STATE_NULL));
  element.set("script", "/another");
  element.expect_no_reports();
  fail_unless(!contains(element.text_of("script"), "parameters.py"));
}
GST_END_TEST;

// ---- plugin-info ------------------------------------------------------------

namespace {

struct Told {
  const char *source, *name, *version, *author, *description, *warning;
};

#define AUDIO "    def process_audio(self, buffer): pass\n"

const Told told[] = {
    {"def process_audio(buffer): pass\n", "", "", "", "", ""},
    {"\"\"\"Does\n\nmuch.\"\"\"\n__author__ = 'Ö'\n__version__ = '2.1'\n"
     "def get_info(path): return path\n"
     "def process_audio(buffer): pass\n",
     "", "2.1", "Ö", "Does", ""},
    // Only what the plugin itself says: not the 1.0 of our base class.
    {"from base_plugin import AudioProcessorPlugin\n__author__ = 7\n"
     "class Short(AudioProcessorPlugin):\n    ' Is  short. '\n" AUDIO,
     "Short", "", "", "Is short.", ""},
    {"from base_plugin import *\n__author__ = 'nobody'\n"
     "class Full(AudioProcessorPlugin):\n    'Not this.'\n" AUDIO
     "    def get_info(self):\n"
     "        return PluginInfo('A\\0name', '3', '', 'Two\\nlines\\ud800',\n"
     "                          self.get_type())\n",
     "A?name", "3", "nobody", "Two lines\\ud800", ""},
    {"class Camel:\n" AUDIO
     "    def getInfo(self):\n        self.name = 'x' * 999999\n"
     "        self.version = 1.5\n        return self\n",
     "x…", "", "", "", ""},
    {"class Wrong:\n    'Works all the same.'\n" AUDIO
     "    def get_info(self):\n        raise KeyError('who')\n",
     "Wrong", "", "", "Works all the same.",
     "get_info() raised KeyError: 'who' ("},
};

std::string plugin_info(const Element &element) {
  GstStructure *info;
  g_object_get(element.get(), "plugin-info", &info, nullptr);
  if (!info) return "none";
  std::string all;
  for (const char *name : {"name", "version", "author", "description"})
    all += std::string(gst_structure_get_string(info, name)) + "|";
  fail_unless_equals_int(gst_structure_n_fields(info), 4);
  gst_structure_free(info);
  return all;
}

}  // namespace

GST_START_TEST(test_who_the_plugin_is_is_told_from_ready_to_null) {
  const Told &row = told[__i__];
  const std::string file = write_file("told.py", row.source);
  Element element(file);
  expect_text(plugin_info(element), "none");
  fail_unless(element.to(GST_STATE_READY), "%s",
              element.reports().text().c_str());
  // At most 200 characters, whatever comes.
  const std::string name =
      strcmp(row.name, "x…") ? row.name : std::string(200, 'x');
  expect_text(plugin_info(element), name + "|" + row.version + "|" +
                                        row.author + "|" + row.description +
                                        "|");
  const Reports reports = element.reports();
  fail_unless(reports.size() == (*row.warning ? 1 : 0), "%s",
              reports.text().c_str());
  if (*row.warning) {
    fail_unless(reports[0].type == GST_MESSAGE_WARNING);
    expect_part(reports[0].text, row.warning + file + ":5)");
  }
  fail_unless(element.to(GST_STATE_NULL));
  expect_text(plugin_info(element), "none");
}
GST_END_TEST;

GST_START_TEST(test_each_kind_of_element_tells_who_its_plugin_is) {
  const char *rows[][3] = {
      {"pythonsrc", "counting_source.py", "CountingSource"},
      {"pythonsink", "taking_sink.py", "TakingSink"},
      {"pythonmixer", "mixing.py", "Mixing"},
      {"pythondemixer", "splitting.py", "Splitting"}};
  for (const auto &[factory, script, name] : rows) {
    Element element(plugin_file(script), {{"class", name}}, factory);
    fail_unless(element.to(GST_STATE_READY), "%s",
                element.reports().text().c_str());
    expect_part(plugin_info(element), name + std::string("|"));
  }
}
GST_END_TEST;

// ---- params -----------------------------------------------------------------

GST_START_TEST(test_parameters_arrive_as_a_user_would_write_them) {
  const std::pair<const char *, const char *> written[] = {
      {"0.5", "'0.5'"},
      {"0.1", "'0.1'"},
      {"1.0", "'1'"},
      {"-1e-9", "'-1e-09'"},
      {"7", "'7'"},
      {"-2147483648", "'-2147483648'"},
      {"(gint64)9007199254740993", "'9007199254740993'"},
      {"true", "'true'"},
      {"(boolean)false", "'false'"},
      {"warm", "'warm'"},
      {"WaRm", "'WaRm'"},
      {"\"two words\"", "'two words'"},
      {"(string)\"0.50\"", "'0.50'"},
      {"(string)\"\"", "''"},
      {"(float)0.1", "'0.1'"},
      {"(fraction)1/2", "'1/2'"},
      {"\"a\\\"b,c;d\"", "'a\"b,c;d'"},
      {"(string)\"größer\"", "'größer'"},
  };
  Stream stream(plugin_file("parameters.py"));
  for (const auto &[text, told] : written) {
    stream.set("params", std::string("p,sampleRate=") + text);
    expect_told(&stream, std::string("sampleRate ") + told + " str\n");
  }
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_several_sets_are_merged_and_the_last_value_is_told) {
  Stream stream(plugin_file("parameters.py"), {}, {{"params", "p,a=1,b=2"}});
  expect_told(&stream, "a '1' str\nb '2' str\n");
  stream.set("params", "p,b=3,c=4");
  stream.set("params", "q,a=5");
  stream.set("params", "p,a=6");
  expect_told(&stream, "b '3' str\nc '4' str\na '6' str\n");
  expect_text(params_of(stream), "p, a=(int)6, b=(int)3, c=(int)4;");
  expect_told(&stream, "");
}
GST_END_TEST;

GST_START_TEST(test_all_parameters_are_told_to_the_next_instance) {
  Stream stream(plugin_file("parameters.py"), {}, {{"params", "p,a=1"}});
  stream.set("params", "p,b=2");
  gst_buffer_unref(one_buffer(&stream));
  fail_unless(stream.to(GST_STATE_NULL));
  stream.set("params", "p,a=3");
  clear_log();
  fail_unless(stream.to(GST_STATE_READY));
  expect_text(log_text(), "a '3' str\nb '2' str\n");
}
GST_END_TEST;

GST_START_TEST(test_parameters_read_as_what_the_plugin_has_now) {
  Stream stream(plugin_file("parameters.py"));
  const std::pair<const char *, const char *> made[] = {
      {"p,clamped=7.5", "p, clamped=(double)1;"},
      {"p,clamped=-3", "p, clamped=(int)-3;"},
      {"p,clamped=0.25", "p, clamped=(double)0.25;"},
      {"p,named=warm", "p, clamped=(double)0.25, named=(string)WARM;"},
      {"p,counted=3",
       "p, clamped=(double)0.25, named=(string)WARM, counted=(string)many;"},
  };
  for (const auto &[set, read] : made) {
    stream.set("params", set);
    gst_buffer_unref(one_buffer(&stream));
    // "0.0" is no int, so it is read as text.
    if (!strcmp(set, "p,clamped=-3"))
      expect_text(params_of(stream), "p, clamped=(string)0.0;");
    else
      expect_text(params_of(stream), read);
  }
  stream.set("params", "p,silent=5");
  gst_buffer_unref(one_buffer(&stream));
  expect_part(params_of(stream), "silent=(int)5");
}
GST_END_TEST;

GST_START_TEST(test_a_refused_parameter_reads_as_it_was) {
  Stream stream(write_file("choosy.py", R"(
class Choosy:
    def process_audio(self, buffer):
        pass
    def set_parameter(self, key, value):
        return key == "gain" and float(value) < 2
)"),
                {}, {{"on-error", "passthrough"}, {"params", "p,gain=0.5"}});
  gst_buffer_unref(one_buffer(&stream));
  stream.set("params", "p,gain=7.0,unknown=1");
  gst_buffer_unref(one_buffer(&stream));
  expect_text(params_of(stream), "p, gain=(double)0.5;");
}
GST_END_TEST;

GST_START_TEST(test_parameters_work_with_the_ready_made_set_parameter) {
  Stream stream(write_file("ready_made.py", R"(
from base_plugin import AudioProcessorPlugin
import numpy as np
class ReadyMade(AudioProcessorPlugin):
    def __init__(self):
        self.gain = np.float32(1)
        self.on = False
        self.mode = "cold"
    def process_audio(self, buffer):
        buffer.data *= self.gain * self.on * (self.mode == "warm")
)"),
                {}, {{"params", "p,gain=3,on=true,mode=warm"}});
  stream.expect_through([](int c, size_t i) { return 3 * number_at(c, i); });
  expect_text(params_of(stream),
              "p, gain=(string)3.0, on=(boolean)true, mode=(string)warm;");
  stream.set("params", "p,gain=2.5");
  stream.expect_through([](int c, size_t i) { return 2.5 * number_at(c, i); });
  expect_part(params_of(stream), "gain=(double)2.5");
}
GST_END_TEST;

static Suite *properties_suite() {
  Suite *suite = suite_create("properties");
  TCase *properties = new_case(suite, "properties");
  tcase_add_test(properties, test_property_is_read_as_it_was_set);
  tcase_add_test(properties,
                 test_every_property_is_in_the_table_or_can_only_be_read);
  tcase_add_test(properties, test_defaults);
  tcase_add_test(properties, test_environment_says_where_plugins_run);
  tcase_add_test(properties, test_strings_and_params_can_be_taken_back);
  tcase_add_test(properties,
                 test_settings_are_refused_with_a_warning_outside_null);
  TCase *info = new_case(suite, "info");
  tcase_add_loop_test(info, test_who_the_plugin_is_is_told_from_ready_to_null,
                      0, int(std::size(told)));
  tcase_add_test(info, test_each_kind_of_element_tells_who_its_plugin_is);
  TCase *params = new_case(suite, "params");
  tcase_add_test(params, test_parameters_arrive_as_a_user_would_write_them);
  tcase_add_test(params,
                 test_several_sets_are_merged_and_the_last_value_is_told);
  tcase_add_test(params, test_all_parameters_are_told_to_the_next_instance);
  tcase_add_test(params, test_parameters_read_as_what_the_plugin_has_now);
  tcase_add_test(params, test_a_refused_parameter_reads_as_it_was);
  tcase_add_test(params,
                 test_parameters_work_with_the_ready_made_set_parameter);
  return suite;
}

GST_CHECK_MAIN(properties)
