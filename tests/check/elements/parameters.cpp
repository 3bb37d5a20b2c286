// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin's Params as the properties of the element's child `plugin`: their
// types and ranges, what is refused, and that they are one with `params`.
#include "../support/parameters.hpp"

#include <atomic>
#include <cmath>
#include <thread>

#include "../support/pipeline.hpp"

using namespace check;

namespace {

const std::string typed = plugin_file("typed.py");

// Counts notify::NAME of an object.
class Notified {
 public:
  Notified(gpointer object, const std::string &name)
      : object_(G_OBJECT(gst_object_ref(object))),
        handler_(g_signal_connect(
            object, ("notify::" + name).c_str(),
            G_CALLBACK(+[](GObject *, GParamSpec *, Notified *self) {
              self->count_++;
            }),
            this)) {}
  ~Notified() {
    g_signal_handler_disconnect(object_, handler_);
    gst_object_unref(object_);
  }
  // Since the last time.
  int count() { return count_.exchange(0); }

 private:
  GObject *object_;
  gulong handler_;
  std::atomic<int> count_{0};
};

// What the plugin was told since the last time.
std::string told(Stream *stream) {
  clear_log();
  gst_buffer_unref(stream->through(new_buffer(stream->audio())));
  return log_text();
}

void expect_refused(const Element &element, const std::string &text) {
  const Reports reports = element.reports();
  fail_unless(reports.size() == 1, "%s: %s", text.c_str(),
              reports.text().c_str());
  fail_unless(reports[0].type == GST_MESSAGE_WARNING);
  expect_part(reports[0].text, text);
}

struct Row {
  const char *name, *default_value, *low, *high, *blurb;
  bool controllable;
};

const Row rows[] = {
    {"gain", "1", "0", "4", "Linear gain", true},
    {"free", "0.10000000000000001", "-1.7976931348623157e+308",
     "1.7976931348623157e+308", "free", true},
    {"cut-off", "800", "20", "1.7976931348623157e+308", "Where it begins (Hz)",
     true},
    {"order", "2", "1", "8", "order", true},
    {"big", "4611686018427387904", "-9223372036854775808",
     "9223372036854775807", "big", true},
    {"on", "true", "", "", "Whether it does anything", true},
    {"title", "none", "", "", "title", false},
    {"mode", "warm", "", "", "mode", false},
    {"slope", "STEEP", "", "", "slope", false},
};

template <typename Spec, typename Print>
void expect_range(GParamSpec *spec, const Row &row, Print print) {
  const auto *numbers = reinterpret_cast<Spec *>(spec);
  expect_text(print(numbers->minimum), row.low);
  expect_text(print(numbers->maximum), row.high);
}

}  // namespace

GST_START_TEST(test_each_param_is_a_property_with_its_type_and_range) {
  Element element(typed);
  fail_unless(element.to(GST_STATE_READY));
  const Child child = child_of(element.get());
  for (const Row &row : rows) {
    GParamSpec *spec =
        g_object_class_find_property(G_OBJECT_GET_CLASS(child.get()), row.name);
    fail_unless(spec != nullptr, "%s", row.name);
    expect_text(g_param_spec_get_blurb(spec), row.blurb);
    fail_unless(bool(spec->flags & GST_PARAM_CONTROLLABLE) == row.controllable,
                "%s", row.name);
    fail_unless(spec->flags & GST_PARAM_MUTABLE_PLAYING);
    const GValue *initial = g_param_spec_get_default_value(spec);
    char *text = G_VALUE_HOLDS_STRING(initial) ? g_value_dup_string(initial)
                                               : gst_value_serialize(initial);
    expect_text(text, row.default_value);
    g_free(text);
    expect_text(text_of(child.get(), row.name), row.default_value);
    if (G_IS_PARAM_SPEC_DOUBLE(spec))
      expect_range<GParamSpecDouble>(spec, row, [](double number) {
        char text[G_ASCII_DTOSTR_BUF_SIZE];
        return std::string(g_ascii_dtostr(text, sizeof text, number));
      });
    else if (G_IS_PARAM_SPEC_INT64(spec))
      expect_range<GParamSpecInt64>(
          spec, row, [](gint64 number) { return std::to_string(number); });
    else
      fail_unless(!*row.low, "%s", row.name);
  }
}
GST_END_TEST;

GST_START_TEST(test_the_child_is_there_from_ready_to_null) {
  Element element(typed);
  std::string events;
  for (const char *signal : {"child-added", "child-removed"})
    g_signal_connect(
        element.get(), signal,
        G_CALLBACK(+[](GstElement *, GObject *child, char *name, gpointer all) {
          *static_cast<std::string *>(all) +=
              std::string(name) + " " + text_of(child, "gain") + ",";
        }),
        &events);
  auto *proxy = GST_CHILD_PROXY(element.get());
  fail_unless_equals_int(gst_child_proxy_get_children_count(proxy), 0);
  fail_unless(!child_of(element.get()));
  fail_unless(element.to(GST_STATE_READY));
  fail_unless_equals_int(gst_child_proxy_get_children_count(proxy), 1);
  const Child child = child_of(element.get());
  fail_unless(GST_OBJECT_PARENT(child.get()) == GST_OBJECT(element.get()));
  g_object_set(child.get(), "gain", 0.5, nullptr);
  fail_unless(element.to(GST_STATE_NULL));
  expect_text(events, "plugin 1,plugin 0.5,");
  fail_unless_equals_int(gst_child_proxy_get_children_count(proxy), 0);
  // Whoever still holds it does no harm.
  fail_unless(GST_OBJECT_PARENT(child.get()) == nullptr);
  g_object_set(child.get(), "gain", 2.0, nullptr);
  fail_unless(number_of(child.get(), "gain") == 0.5);
  g_object_set(child.get(), "gain", 7.0, nullptr);
  element.expect_no_reports();
  expect_text(element.text_of("params"), "p, gain=(double)0.5;");
}
GST_END_TEST;

GST_START_TEST(test_a_plugin_without_params_has_no_child) {
  Element element(plugin_file("parameters.py"));
  fail_unless(element.to(GST_STATE_READY));
  fail_unless(!child_of(element.get()));
}
GST_END_TEST;

GST_START_TEST(test_what_is_set_reads_at_once_and_arrives_before_a_buffer) {
  Stream stream(typed);
  const Child child = child_of(stream.get());
  told(&stream);
  clear_log();
  g_object_set(child.get(), "gain", 0.1, "order", gint64(3), "on", FALSE,
               "title", "a b", "cut_off", 1e-7 + 20, nullptr);
  gst_util_set_object_arg(child.get(), "mode", "red hot");
  gst_util_set_object_arg(child.get(), "slope", "GENTLE");
  expect_text(text_of(child.get(), "gain"), "0.10000000000000001");
  expect_text(text_of(child.get(), "mode"), "red hot");
  expect_text(text_of(child.get(), "slope"), "GENTLE");
  expect_text(log_text(), "");
  expect_text(told(&stream),
              "gain '0.1'\norder '3'\non 'false'\ntitle 'a b'\n"
              "cut_off '20.0000001'\nmode 'red hot'\nslope 'GENTLE'\n");
  expect_text(text_of(child.get(), "title"), "a b");
  expect_part(stream.text_of("params"),
              "p, gain=(double)0.10000000000000001, order=(gint64)3, "
              "on=(boolean)false, title=(string)\"a\\ b\", "
              "cut_off=(double)20.000000100000001, "
              "mode=(string)\"red\\ hot\", slope=(string)GENTLE;");
  expect_text(told(&stream), "");
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_doubles_arrive_to_the_last_bit) {
  Stream stream(typed);
  const Child child = child_of(stream.get());
  guint64 seed = 1;
  for (int i = 0; i < 200; i++) {
    double number;
    do {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      memcpy(&number, &seed, sizeof number);
    } while (!std::isfinite(number));
    g_object_set(child.get(), "free", number, nullptr);
    fail_unless(number_of(child.get(), "free") == number);
    const std::string text = told(&stream);
    expect_part(text, "free '");
    fail_unless(g_ascii_strtod(text.c_str() + 6, nullptr) == number, "%a: %s",
                number, text.c_str());
    fail_unless(number_of(child.get(), "free") == number, "%a", number);
  }
}
GST_END_TEST;

GST_START_TEST(test_what_is_not_allowed_is_refused_by_name) {
  Stream stream(typed);
  const Child child = child_of(stream.get());
  told(&stream);
  g_object_set(child.get(), "gain", 0.5, nullptr);
  Notified gain(child.get(), "gain"), params(stream.get(), "params");
  const std::string what = ": must be a number from 0.0 to 4.0";
  for (const auto &[number, shown] : {std::pair(5.0, "5"),
                                      {-0.001, "-0.001"},
                                      {HUGE_VAL, "inf"},
                                      {double(NAN), "nan"}}) {
    g_object_set(child.get(), "gain", number, nullptr);
    expect_refused(stream, typed + ": gain = " + shown + what);
    fail_unless(number_of(child.get(), "gain") == 0.5);
  }
  g_object_set(child.get(), "cut-off", 19.0, nullptr);
  expect_refused(stream, "cut_off = 19: must be a number, at least 20.0");
  g_object_set(child.get(), "order", gint64(0), nullptr);
  expect_refused(stream, "order = 0: must be a whole number from 1 to 8");
  g_object_set(child.get(), "mode", 3, nullptr);
  expect_refused(stream, "mode = choice 3: must be one of cold, warm, red hot");
  fail_unless_equals_int(gain.count(), 0);
  fail_unless_equals_int(params.count(), 0);
  expect_text(told(&stream), "gain '0.5'\n");
  // The ends belong to the range.
  g_object_set(child.get(), "gain", 4.0, "order", gint64(1), nullptr);
  g_object_set(child.get(), "gain", 0.0, "order", gint64(8), nullptr);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_params_and_properties_are_one) {
  Element element(typed, {{"params", "p,gain=0.5,order=3"}});
  fail_unless(element.to(GST_STATE_READY));
  const Child child = child_of(element.get());
  fail_unless(number_of(child.get(), "gain") == 0.5);
  expect_text(text_of(child.get(), "order"), "3");
  Notified gain(child.get(), "gain"), order(child.get(), "order"),
      params(element.get(), "params");
  element.set("params", "p,gain=2");
  fail_unless(number_of(child.get(), "gain") == 2);
  fail_unless_equals_int(gain.count(), 1);
  fail_unless_equals_int(order.count(), 0);
  fail_unless_equals_int(params.count(), 1);
  g_object_set(child.get(), "gain", 3.0, nullptr);
  expect_part(element.text_of("params"), "gain=(double)3");
  fail_unless_equals_int(gain.count(), 1);
  fail_unless_equals_int(params.count(), 1);
  // The same again is nothing new.
  g_object_set(child.get(), "gain", 3.0, nullptr);
  fail_unless_equals_int(gain.count(), 0);
}
GST_END_TEST;

GST_START_TEST(test_the_property_reads_what_the_plugin_made_of_it) {
  Stream stream(typed, {}, {{"on-error", "passthrough"}});
  const Child child = child_of(stream.get());
  told(&stream);
  Notified stepped(child.get(), "stepped"), odd(child.get(), "odd");
  g_object_set(child.get(), "stepped", 2.7, nullptr);
  fail_unless(number_of(child.get(), "stepped") == 2.7);
  fail_unless_equals_int(stepped.count(), 1);
  expect_text(told(&stream), "stepped '2.7'\n");
  fail_unless(number_of(child.get(), "stepped") == 2.5);
  fail_unless_equals_int(stepped.count(), 1);
  // What it takes as it is needs no second word.
  g_object_set(child.get(), "stepped", 3.0, nullptr);
  told(&stream);
  fail_unless_equals_int(stepped.count(), 1);
  stream.expect_no_reports();

  g_object_set(child.get(), "odd", gint64(7), nullptr);
  told(&stream);
  g_object_set(child.get(), "odd", gint64(8), nullptr);
  fail_unless_equals_int(odd.count(), 2);
  told(&stream);
  expect_text(text_of(child.get(), "odd"), "7");
  fail_unless_equals_int(odd.count(), 1);
  expect_refused(stream, "refused the parameter odd=8: must be a whole number");
}
GST_END_TEST;

GST_START_TEST(test_a_secret_only_goes_in) {
  Stream stream(typed);
  const Child child = child_of(stream.get());
  GParamSpec *spec =
      g_object_class_find_property(G_OBJECT_GET_CLASS(child.get()), "pin");
  fail_unless((spec->flags & G_PARAM_READWRITE) == G_PARAM_WRITABLE);
  expect_text(g_value_get_string(g_param_spec_get_default_value(spec)), "");
  told(&stream);
  g_object_set(child.get(), "pin", "1234", nullptr);
  expect_text(told(&stream), "pin '1234'\n");
  expect_text(stream.text_of("params"), "p;");
}
GST_END_TEST;

GST_START_TEST(test_params_say_what_is_allowed_when_they_are_refused) {
  const std::pair<const char *, const char *> lines[] = {
      {"p,gain=5.0", "gain = 5: must be a number from 0.0 to 4.0"},
      {"p,gain=loud", "gain = loud: must be a number from 0.0 to 4.0"},
      {"p,order=1.5", "order = '1.5': must be a whole number from 1 to 8"},
      {"p,on=maybe", "on = 'maybe': must be true or false"},
      {"p,mode=hot", "mode = 'hot': must be one of cold, warm, red hot"},
      {"p,gian=1",
       "refused the parameter gian=1: there is only gain, free, cut_off, "
       "order, big, on, title, mode, slope, pin, stepped, odd"},
  };
  for (const auto &[params, text] : lines) {
    Element element(typed, {{"params", params}});
    fail_unless(!element.to(GST_STATE_READY), "%s", params);
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1);
    expect_part(reports[0].text, text);
    fail_unless(!child_of(element.get()));
  }
}
GST_END_TEST;

GST_START_TEST(test_values_are_for_the_same_plugin_again_and_no_other) {
  Element element(typed);
  fail_unless(element.to(GST_STATE_READY));
  g_object_set(child_of(element.get()).get(), "gain", 0.5, nullptr);
  fail_unless(element.to(GST_STATE_NULL));
  clear_log();
  fail_unless(element.to(GST_STATE_READY));
  expect_text(log_text(), "gain '0.5'\n");
  fail_unless(number_of(child_of(element.get()).get(), "gain") == 0.5);
  fail_unless(element.to(GST_STATE_NULL));
  // What was set through `params` is meant for whatever comes.
  element.set("params", "p,order=3");
  element.set("script", plugin_file("parameters.py"));
  expect_text(element.text_of("params"), "p, order=(int)3;");
}
GST_END_TEST;

GST_START_TEST(test_reloading_makes_no_new_types) {
  Element element(typed);
  GType first = 0;
  for (int i = 0; i < 50; i++) {
    fail_unless(element.to(GST_STATE_READY));
    const Child child = child_of(element.get());
    if (!first) first = G_OBJECT_TYPE(child.get());
    fail_unless(G_OBJECT_TYPE(child.get()) == first);
    g_object_set(child.get(), "gain", i * 0.01, nullptr);
    fail_unless(element.to(GST_STATE_NULL));
  }
  Element other(write_file("other.py", R"(
from base_plugin import AudioProcessorPlugin, Param
class Other(AudioProcessorPlugin):
    gain = Param(1.0, min=0.0, max=5.0)
    def process_audio(self, buffer):
        pass
)"));
  fail_unless(other.to(GST_STATE_READY));
  fail_unless(G_OBJECT_TYPE(child_of(other.get()).get()) != first);
}
GST_END_TEST;

GST_START_TEST(test_several_threads_set_while_buffers_flow) {
  Stream stream(typed);
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  const Child child = child_of(stream.get());
  std::atomic<int> busy{3};
  std::vector<std::thread> threads;
  for (const char *name : {"gain", "free", "cut-off"})
    threads.emplace_back([&, name] {
      for (int i = 0; i < 2000; i++) {
        g_object_set(child.get(), name, 20 + i * 0.001, nullptr);
        if (!strcmp(name, "gain"))
          g_object_set(child.get(), name, i * 0.002, nullptr);
        number_of(child.get(), "gain");
      }
      busy--;
    });
  while (busy)
    fail_unless(stream.push_frames() == GST_FLOW_OK);
  for (std::thread &each : threads)
    each.join();
  clear_log();
  g_object_set(child.get(), "order", gint64(4), nullptr);
  fail_unless(stream.push_frames() == GST_FLOW_OK);
  fail_unless(number_of(child.get(), "gain") == 1999 * 0.002);
  fail_unless(number_of(child.get(), "free") == 20 + 1999 * 0.001);
  for (const Report &report : stream.reports())
    expect_part(report.text, "must be a number from 0.0 to 4.0");
}
GST_END_TEST;

GST_START_TEST(test_the_last_value_is_the_one_that_the_plugin_has) {
  Stream stream(typed);
  const Child child = child_of(stream.get());
  told(&stream);
  for (int i = 0; i < 1000; i++)
    g_object_set(child.get(), "gain", i * 0.001, nullptr);
  expect_text(told(&stream), "gain '0.999'\n");
}
GST_END_TEST;

GST_START_TEST(test_a_launch_line_sets_them_on_every_element) {
  const std::string source = write_file("source.py", R"(
from base_plugin import AudioSourcePlugin, Param
class Level(AudioSourcePlugin):
    level = Param(0.0, min=-1.0, max=1.0)
    def read_audio(self, buffer):
        buffer.data[:] = self.level
)");
  const std::string sink = write_file("sink.py", R"(
from base_plugin import AudioSinkPlugin, Param
from checklog import say
class Sink(AudioSinkPlugin):
    factor = Param(1.0)
    def write_audio(self, buffer):
        say(buffer.data[0, 0] * self.factor)
    def get_available_space(self):
        return 1 << 20
)");
  clear_log();
  Pipeline pipeline("pythonsrc name=python num-buffers=1 script=" + source +
                    " plugin::level=0.5 ! pythonfilter script=" + typed +
                    " plugin::title=x ! pythonsink sync=false script=" + sink +
                    " plugin::factor=8");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(), "title 'x'\n4.0\n");
}
GST_END_TEST;

GST_START_TEST(test_declarations_that_cannot_be_shown_fail_the_load) {
  const std::pair<const char *, const char *> bodies[] = {
      {"name = Param(1.0)", "has a Param 'name': it must be called something"},
      {"größe = Param(1.0)", "has a Param 'größe': it must be called"},
      {"_hidden = Param(1)", "has a Param '_hidden': it must be called"},
      {"big = Param(2**63)", "has a Param 'big' with 9223372036854775808"},
      {"gain = Param(1)\n    curves = ('gain',)", "'gain' is no Param that is"},
      {"gain = Param(1.0)\n    curves = 'gian'", "'gian' is no Param that is"},
      {"gain = Param(5.0, max=4.0)", "must be a number, at most 4.0"},
  };
  for (const auto &[body, text] : bodies) {
    Element element(write_file("declares.py", std::string(R"(
from base_plugin import AudioProcessorPlugin, Param
class Declares(AudioProcessorPlugin):
    )") + body + R"(
    def process_audio(self, buffer):
        pass
)"));
    fail_unless(!element.to(GST_STATE_READY), "%s", body);
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1);
    expect_part(reports[0].text, text);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_class_with_params_needs_nothing_else) {
  Stream stream(write_file("bare.py", R"(
from base_plugin import Param
class Bare:
    gain = Param(1.0, max=4.0)
    def process_audio(self, buffer):
        buffer.data *= self.gain
)"));
  const Child child = child_of(stream.get());
  g_object_set(child.get(), "gain", 2.0, nullptr);
  stream.expect_through(doubled);
  fail_unless(number_of(child.get(), "gain") == 2);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_the_initial_value_is_the_one_of_the_instance) {
  Element element(write_file("own_value.py", R"(
from base_plugin import AudioProcessorPlugin, Param
class OwnValue(AudioProcessorPlugin):
    gain = Param(1.0, max=4.0)
    def initialize(self):
        self.gain = 0.25
        return super().initialize()
    def process_audio(self, buffer):
        pass
)"));
  fail_unless(element.to(GST_STATE_READY));
  const Child child = child_of(element.get());
  fail_unless(number_of(child.get(), "gain") == 0.25);
  expect_text(element.text_of("params"), "");
}
GST_END_TEST;

static Suite *parameters_suite() {
  Suite *suite = suite_create("parameters");
  TCase *parameters = new_case(suite, "parameters");
  tcase_add_test(parameters,
                 test_each_param_is_a_property_with_its_type_and_range);
  tcase_add_test(parameters, test_the_child_is_there_from_ready_to_null);
  tcase_add_test(parameters, test_a_plugin_without_params_has_no_child);
  tcase_add_test(parameters,
                 test_what_is_set_reads_at_once_and_arrives_before_a_buffer);
  tcase_add_test(parameters, test_doubles_arrive_to_the_last_bit);
  tcase_add_test(parameters, test_what_is_not_allowed_is_refused_by_name);
  tcase_add_test(parameters, test_params_and_properties_are_one);
  tcase_add_test(parameters,
                 test_the_property_reads_what_the_plugin_made_of_it);
  tcase_add_test(parameters, test_a_secret_only_goes_in);
  tcase_add_test(parameters,
                 test_params_say_what_is_allowed_when_they_are_refused);
  tcase_add_test(parameters,
                 test_values_are_for_the_same_plugin_again_and_no_other);
  tcase_add_test(parameters, test_reloading_makes_no_new_types);
  tcase_add_test(parameters, test_several_threads_set_while_buffers_flow);
  tcase_add_test(parameters,
                 test_the_last_value_is_the_one_that_the_plugin_has);
  tcase_add_test(parameters, test_a_launch_line_sets_them_on_every_element);
  tcase_add_test(parameters,
                 test_declarations_that_cannot_be_shown_fail_the_load);
  tcase_add_test(parameters, test_a_class_with_params_needs_nothing_else);
  tcase_add_test(parameters, test_the_initial_value_is_the_one_of_the_instance);
  return suite;
}

GST_CHECK_MAIN(parameters)
