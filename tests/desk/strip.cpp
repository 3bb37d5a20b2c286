// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the desk's strips do while they play: what is heard is in a sink's file.
#include "desk/strip.hpp"

#include "heard.hpp"
#include "waiting.hpp"

namespace {

using check::peak;
using check::samples_of;
using check::wait_until;
using desk::Kind;
using desk::Place;
using desk::Strip;

const char a_filter[] = R"(
from base_plugin import AudioProcessorPlugin, Param

class Loud(AudioProcessorPlugin):
    cutoff = Param(100.0, min=20.0, max=20000.0, unit="Hz", description="Edge")
    kind = Param("warm", choices=("warm", "cold"))
    word = Param("", secret=True)
    gain = Param(1.0, min=0.0, max=4.0)
    fail = Param(False)

    def process_audio(self, buffer):
        if self.fail:
            raise ValueError("too loud")
        buffer.data *= self.gain
)";

Place filter(const std::string &text = a_filter,
             const std::string &name = "loud.py") {
  return {desk::Kind::Filter,
          name,
          "pythonfilter name=main reload=true on-error=silence",
          {{"script", check::write_file(name, text)}}};
}

Place installed(const std::string &name) {
  for (const desk::Plugin &each : desk::installed_plugins())
    if (each.place.title == name) return each.place;
  return {};
}

Place sink_file() {
  return desk::file_end(Kind::Sink, check::folder() + "/out.wav");
}

std::vector<desk::Message> said;

bool poll_until(Strip *strip, const std::function<bool()> &come) {
  return wait_until([&] {
    for (desk::Message &each : strip->poll())
      said.push_back(std::move(each));
    return come();
  });
}

bool plays(Strip *strip, int at, guint64 more = 30) {
  const guint64 before = strip->node(at).stat("buffers");
  return poll_until(
      strip, [&] { return strip->node(at).stat("buffers") >= before + more; });
}

std::string text_said() {
  std::string all;
  for (const desk::Message &each : said)
    all += each.text + "\n" + each.details + "\n";
  said.clear();
  return all;
}

void nothing_was_said() {
  const std::string all = text_said();
  fail_unless(all.empty(), "%s", all.c_str());
}

GST_START_TEST(test_a_processor_is_heard_in_the_file) {
  Strip strip;
  fail_unless(strip.put(sink_file()));
  Place place = filter();
  place.properties["params"] = "p,gain=0.5";
  fail_unless(strip.put(place, 1));
  strip.start();
  fail_unless(plays(&strip, 1));
  // Set while it plays, as a slider does.
  desk::Node &node = strip.node(1);
  fail_unless(node.set("plugin::gain", "0.5"));
  fail_unless(plays(&strip, 1));
  fail_unless(node.set("plugin::gain", "0.25"));
  fail_unless(plays(&strip, 1));
  strip.stop();
  const auto samples = samples_of(check::folder() + "/out.wav");
  fail_unless(samples.size() >= 80 * 960);
  fail_unless(std::fabs(peak(samples, 40 * 960, 45 * 960) - 0.4f) < 0.01f);
  fail_unless(
      std::fabs(peak(samples, samples.size() - 5 * 960, samples.size()) -
                0.2f) < 0.01f);
  nothing_was_said();
}
GST_END_TEST

GST_START_TEST(test_a_chain_changes_while_it_plays) {
  Strip strip;
  const Place loud = filter();  // written once: what is saved is loaded anew
  fail_unless(strip.put(loud, 1));
  strip.start();
  fail_unless(plays(&strip, 1));
  GstElement *first = strip.node(1).element();
  fail_unless(strip.put(loud, 2));
  fail_unless(plays(&strip, 2) && plays(&strip, 1));
  strip.move(1, 2);
  fail_unless(strip.node(2).element() == first);
  fail_unless(plays(&strip, 1) && plays(&strip, 2));
  fail_unless(strip.put(desk::ends(Kind::Sink).front()) && plays(&strip, 2));
  fail_unless(strip.put(desk::ends(Kind::Source).front()) && plays(&strip, 2));
  strip.remove(1);
  fail_unless(strip.count() == 3 && strip.node(1).element() == first);
  fail_unless(plays(&strip, 1));
  fail_unless(strip.is_playing());
  // What it shows is what the element says.
  GstStructure *stats;
  strip.stop();
  g_object_get(first, "stats", &stats, nullptr);
  guint64 buffers = 0;
  fail_unless(gst_structure_get_uint64(stats, "buffers", &buffers));
  gst_structure_free(stats);
  fail_unless(buffers == strip.node(1).stat("buffers"));
  nothing_was_said();
}
GST_END_TEST

// A sink that prerolls takes the pipeline to PAUSED until it has its first
// buffer: a live source that were paused may not come back.
GST_START_TEST(test_a_new_sink_does_not_pause_the_source) {
  Strip strip;
  strip.start();
  g_autoptr(GstObject) pipeline = gst_object_get_parent(
      GST_OBJECT(GST_ELEMENT_PARENT(strip.node(0).element())));
  g_autoptr(GstBus) bus = gst_element_get_bus(GST_ELEMENT(pipeline));
  std::pair<GstObject *, std::atomic<int>> pauses(
      GST_OBJECT(strip.node(0).element()), 0);
  gst_bus_enable_sync_message_emission(bus);
  const auto look = +[](GstBus *, GstMessage *message, decltype(pauses) *all) {
    GstState before, now;
    gst_message_parse_state_changed(message, &before, &now, nullptr);
    if (before == GST_STATE_PLAYING &&
        (GST_MESSAGE_SRC(message) == all->first ||
         GST_IS_PIPELINE(GST_MESSAGE_SRC(message))))
      all->second++;
  };
  g_signal_connect(bus, "sync-message::state-changed", G_CALLBACK(look),
                   &pauses);
  for (int i = 0; i < check::soak_count(5, 500); i++)
    fail_unless(strip.put(desk::ends(Kind::Sink).front()));
  fail_unless(strip.put(filter(), 1));
  fail_unless(plays(&strip, 1));
  fail_unless(pauses.second == 0, "%d", int(pauses.second));
  g_signal_handlers_disconnect_by_data(bus, &pauses);
  gst_bus_disable_sync_message_emission(bus);
}
GST_END_TEST

// Each change while it plays, whatever the ends are: the stream goes on where
// there is one, and nothing hangs where there is none.
GST_START_TEST(test_every_change_with_every_end) {
  const std::string port = std::to_string(10000 + (getpid() + 7) % 20000);
  const std::pair<Place, Place> all[] = {
      {desk::ends(Kind::Source).front(), sink_file()},
      {desk::ends(Kind::Source).front(), desk::network_end(Kind::Sink, port)},
      {desk::network_end(Kind::Source, port), desk::ends(Kind::Sink).front()},
      {installed("SineWaveSource"), installed("NullSink")},
      {desk::ends(Kind::Source).front(), desk::ends(Kind::Sink).back()}};
  const auto &[source, sink] = all[size_t(__i__)];
  const bool silent = check::contains(source.line, "udpsrc");
  Strip strip;
  const Place loud = filter();
  fail_unless(strip.put(source) && strip.put(sink) && strip.put(loud));
  strip.start();
  const auto goes_on = [&](const char *after) {
    for (int at = 1; at + 1 < strip.count(); at++)
      fail_unless(silent || plays(&strip, at, 2), "%s: %s", after,
                  text_said().c_str());
    fail_unless(strip.is_playing(), "%s: %s", after, text_said().c_str());
  };
  goes_on("start");
  for (int i = 0; i < check::soak_count(1, 200); i++) {
    fail_unless(strip.put(loud, 1 + i % 2));
    goes_on("put");
    strip.move(1, 2);
    goes_on("move");
    strip.node(2).set("bypass", i % 2 == 0 ? "true" : "false");
    strip.move(2, 1);
    goes_on("move back");
    strip.isolate(1, i % 2 == 0);
    goes_on("isolate");
    fail_unless(strip.put(sink));
    goes_on("sink");
    if (i % 5 == 0) fail_unless(strip.put(source));
    goes_on("source");
    strip.remove(1 + i % 2);
    goes_on("remove");
  }
  strip.stop();
}
GST_END_TEST

// Silence where the plugin is heard, 0.8 where it is not, and between them
// 480 steps, which are 10 ms.
GST_START_TEST(test_a_bypass_fades) {
  Strip strip;
  fail_unless(strip.put(sink_file()));
  Place place = filter();
  place.properties["params"] = "p,gain=0.0";
  fail_unless(strip.put(place, 1));
  const char constant[] =
      "from base_plugin import AudioProcessorPlugin\n"
      "class Constant(AudioProcessorPlugin):\n"
      "    def process_audio(self, buffer):\n"
      "        buffer.data[:] = 0.8\n";
  fail_unless(strip.put(filter(constant, "constant.py"), 1));
  strip.start();
  fail_unless(plays(&strip, 2));
  for (const bool on : {true, false}) {
    strip.node(2).set("bypass", on ? "true" : "false");
    fail_unless(plays(&strip, 2));
  }
  strip.stop();
  const auto samples = samples_of(check::folder() + "/out.wav");
  fail_unless(peak(samples, 0, 20 * 960) == 0);
  fail_unless(std::fabs(peak(samples, 0, samples.size()) - 0.8f) < 0.01f);
  fail_unless(peak(samples, samples.size() - 5 * 960, samples.size()) == 0);
  float step = 0;
  for (size_t i = 2; i < samples.size(); i++)
    step = std::max(step, std::fabs(samples[i] - samples[i - 2]));
  fail_unless(step < 0.8f / 480 + 1e-5f, "a step of %g", step);
}
GST_END_TEST

GST_START_TEST(test_a_failing_plugin_says_so_and_comes_back) {
  Strip strip;
  fail_unless(strip.put(filter(), 1));
  strip.start();
  fail_unless(plays(&strip, 1));
  desk::Node &node = strip.node(1);
  fail_unless(node.set("plugin::fail", "true"));
  fail_unless(
      poll_until(&strip, [&] { return !strip.node(1).problem().empty(); }));
  fail_unless(check::contains(strip.node(1).problem(), "loud.py:13"), "%s",
              strip.node(1).problem().c_str());
  fail_unless(check::contains(text_said(), "Traceback"));
  fail_unless(node.set("plugin::fail", "false"));
  fail_unless(
      poll_until(&strip, [&] { return strip.node(1).problem().empty(); }));
  fail_unless(strip.is_playing());
}
GST_END_TEST

GST_START_TEST(test_a_killed_worker_is_replaced) {
  Strip strip;
  fail_unless(strip.put(filter(), 1));
  strip.start();
  fail_unless(plays(&strip, 1));
  // By a click, while it plays; its parameters stay.
  desk::Node &node = strip.node(1);
  fail_unless(node.set("plugin::gain", "0.5"));
  strip.isolate(1, true);
  fail_unless(plays(&strip, 1));
  ck_assert_str_eq(node.value("plugin::gain").c_str(), "0.5");
  GstStructure *stats;
  g_object_get(node.element(), "stats", &stats, nullptr);
  gint64 pid = 0;
  fail_unless(gst_structure_get_int64(stats, "worker-pid", &pid) && pid > 0);
  gst_structure_free(stats);
  kill(pid_t(pid), SIGKILL);
  fail_unless(
      poll_until(&strip, [&] { return strip.node(1).stat("restarts") > 0; }));
  fail_unless(plays(&strip, 1));
  fail_unless(strip.is_playing());
  fail_unless(!text_said().empty());
}
GST_END_TEST

GST_START_TEST(test_a_broken_edit_is_told_and_the_old_code_goes_on) {
  Strip strip;
  fail_unless(strip.put(filter(), 1));
  strip.start();
  fail_unless(plays(&strip, 1));
  check::write_file("loud.py", "def broken(:\n");
  fail_unless(poll_until(&strip, [&] { return !said.empty(); }));
  fail_unless(check::contains(text_said(), "line 1"));
  fail_unless(plays(&strip, 1, 100) && strip.is_playing());
  fail_unless(check::contains(strip.node(1).problem(), "loud.py:1"));
  check::write_file("loud.py", a_filter);
  fail_unless(
      poll_until(&strip, [&] { return strip.node(1).problem().empty(); }));
  fail_unless(check::contains(text_said(), "saved"));
}
GST_END_TEST

GST_START_TEST(test_what_cannot_be_used_is_refused_with_a_reason) {
  Strip strip;
  strip.start();
  fail_unless(!strip.put(filter("import nothing_there\n")));
  said = strip.poll();
  fail_unless(!said.empty() && check::contains(said[0].text, "loud.py:1"), "%s",
              text_said().c_str());
  fail_unless(strip.count() == 2 && strip.is_playing());
  fail_unless(!strip.put({Kind::Filter, "", "py-not-there name=main"}));
  said = strip.poll();
  fail_unless(check::contains(text_said(), "py-not-there"));
  fail_unless(
      !strip.put(installed("SideChainCompressor")));  // it has two inputs
  said = strip.poll();
  fail_unless(check::contains(text_said(), "inputs"));
  const auto plugin = desk::plugin_in(check::write_file("bad.py", "def (:\n"));
  fail_unless(check::contains(plugin.problem, "bad.py"), "%s",
              plugin.problem.c_str());
}
GST_END_TEST

GST_START_TEST(test_nothing_goes_past_an_encryptor) {
  Strip strip;
  fail_unless(strip.put(installed("SFrameEncryptor"), 1));
  strip.node(1).set("bypass", "true");
  fail_unless(!strip.node(1).is_bypassed());
  said = strip.poll();
  fail_unless(check::contains(text_said(), "nothing unprocessed may leave"));
}
GST_END_TEST

GST_START_TEST(test_the_registry_is_listed) {
  bool gain = false, broken = false, source = false, mixer = false;
  for (const desk::Plugin &each : desk::installed_plugins()) {
    gain = gain || (check::contains(each.place.line, "py-simple-gain ") &&
                    each.place.title == "SimpleGain" &&
                    each.author == "The pythonfilter authors" &&
                    !each.description.empty() && each.problem.empty());
    source = source || (each.place.title == "SineWaveSource" &&
                        each.place.kind == Kind::Source);
    mixer = mixer || (each.place.title == "SideChainCompressor" &&
                      check::contains(each.problem, "several inputs"));
    broken = broken || (each.place.title == "mistyped.py" &&
                        check::contains(each.problem, "mistyped.py:1: "));
  }
  fail_unless(gain && source && broken && mixer);
  const Place place = filter();
  const desk::Plugin mine = desk::plugin_in(place.properties.at("script"));
  ck_assert_str_eq(mine.problem.c_str(), "");
  fail_unless(mine.place.kind == Kind::Filter);
  ck_assert_str_eq(mine.author.c_str(), "");
  const desk::Plugin sine =
      desk::plugin_in(CHECK_SHIPPED "/sine_wave_source.py");
  ck_assert_str_eq(sine.problem.c_str(), "");
  fail_unless(sine.place.kind == Kind::Source);
  ck_assert_str_eq(sine.author.c_str(), "The pythonfilter authors");
  ck_assert_str_eq(sine.description.c_str(),
                   "The same sine tone on every channel.");
}
GST_END_TEST

GST_START_TEST(test_parameters_are_described) {
  Strip strip;
  fail_unless(strip.put(filter(), 1));
  strip.start();
  fail_unless(plays(&strip, 1));
  desk::Node &node = strip.node(1);
  const auto all = node.parameters();
  fail_unless(all.size() == 5);
  for (GParamSpec *each : all) {
    const std::string name = each->name;
    fail_unless(desk::is_secret(each) == (name == "word"));
    if (name != "cutoff") continue;
    const auto *range = G_PARAM_SPEC_DOUBLE(each);
    fail_unless(range->minimum == 20 && range->maximum == 20000);
    ck_assert_str_eq(g_param_spec_get_blurb(each), "Edge (Hz)");
  }
  // A secret goes in, and neither out nor into a session.
  fail_unless(node.set("plugin::word", "sesame"));
  ck_assert_str_eq(node.value("plugin::word").c_str(), "");
  fail_unless(node.set("plugin::kind", "cold"));
  fail_unless(!node.set("plugin::kind", "lukewarm"));
  const Place place = node.place();
  const std::string &params = place.properties.at("params");
  fail_unless(check::contains(params, "cold"), "%s", params.c_str());
  for (const auto &[name, value] : place.properties)
    fail_unless(!check::contains(value, "sesame"), "%s", value.c_str());
  // A session that comes back.
  Strip again;
  fail_unless(again.put(place));
  again.start();
  fail_unless(plays(&again, 1));
  ck_assert_str_eq(again.node(1).value("plugin::kind").c_str(), "cold");
}
GST_END_TEST

GST_START_TEST(test_a_secure_call_is_heard) {
  const std::string key = check::folder() + "/call.key";
  FILE *file = fopen(key.c_str(), "w");
  fchmod(fileno(file), 0600);
  fputs("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n", file);
  fclose(file);
  const std::string port = std::to_string(10000 + getpid() % 20000);
  Strip rx, tx;
  fail_unless(rx.put(desk::network_end(Kind::Source, port)));
  fail_unless(rx.put(sink_file()));
  Place decryptor = installed("SFrameDecryptor");
  Place encryptor = installed("SFrameEncryptor");
  decryptor.properties["key-file"] = encryptor.properties["key-file"] = key;
  fail_unless(rx.put(decryptor, 1));
  fail_unless(tx.put(desk::network_end(Kind::Sink, port)));
  fail_unless(tx.put(encryptor, 1));
  rx.start();
  tx.start();
  fail_unless(poll_until(&rx, [&] {
    tx.poll();
    return rx.node(1).stat("buffers") > 100 || !rx.is_playing();
  }));
  fail_unless(rx.latency() >= 50 * GST_MSECOND);  // its jitter buffer's
  tx.stop();
  rx.stop();
  fail_unless(
      std::fabs(peak(samples_of(check::folder() + "/out.wav"), 0, 1 << 30) -
                0.8f) < 0.01f);
}
GST_END_TEST

Suite *strip_suite() {
  Suite *suite = suite_create("strip");
  TCase *tests = check::new_case(suite, "strip");
  tcase_add_test(tests, test_a_processor_is_heard_in_the_file);
  tcase_add_test(tests, test_a_chain_changes_while_it_plays);
  tcase_add_test(tests, test_a_new_sink_does_not_pause_the_source);
  tcase_add_loop_test(tests, test_every_change_with_every_end, 0, 5);
  tcase_add_test(tests, test_a_bypass_fades);
  tcase_add_test(tests, test_a_failing_plugin_says_so_and_comes_back);
  tcase_add_test(tests, test_a_killed_worker_is_replaced);
  tcase_add_test(tests, test_a_broken_edit_is_told_and_the_old_code_goes_on);
  tcase_add_test(tests, test_what_cannot_be_used_is_refused_with_a_reason);
  tcase_add_test(tests, test_nothing_goes_past_an_encryptor);
  tcase_add_test(tests, test_the_registry_is_listed);
  tcase_add_test(tests, test_parameters_are_described);
  tcase_add_test(tests, test_a_secure_call_is_heard);
  return suite;
}

}  // namespace

GST_CHECK_MAIN(strip)
