// SPDX-License-Identifier: LGPL-2.1-or-later
//
// bypass: what comes out is what went in, sample by sample and at its time,
// whatever the plugin does with it, and between the two is a fade of 10 ms.
#include "../support/blocks.hpp"
#include "../support/reload.hpp"

using namespace check;

namespace {

constexpr size_t fade = 480;  // frames

// The number that is given, in place of the sound.
const char constant[] =
    "from base_plugin import AudioProcessorPlugin, Param\n"
    "class Constant(AudioProcessorPlugin):\n"
    "    formats = ('F32', 'F64', 'S16', 'S32')\n"
    "    number = Param(0)\n"
    "    def process_audio(self, buffer):\n"
    "        buffer.data[:] = self.number\n";

// delay.py, whose sound is the other way round.
const char negative[] =
    "import importlib.util\n"
    "spec = importlib.util.spec_from_file_location('delay',\n"
    "                                              '" CHECK_PLUGINS
    "/delay.py')\n"
    "module = importlib.util.module_from_spec(spec)\n"
    "spec.loader.exec_module(module)\n"
    "class Negative(module.Delay):\n"
    "    def process_audio(self, buffer):\n"
    "        buffer.data *= -1\n"
    "        super().process_audio(buffer)\n";

GstBuffer *all_of(const Audio &audio, size_t frames, double number) {
  GstBuffer *buffer = empty_buffer(audio, frames);
  fill(buffer, audio, [=](int, size_t) { return number; });
  return buffer;
}

// Loudest difference between neighbours, and what the last one is.
std::pair<double, double> steps_of(GstBuffer *out, const Audio &audio,
                                   double first) {
  GstMapInfo map;
  double step = 0;
  fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
  const Places places(out, audio);
  for (int c = 0; c < audio.channels; c++) {
    double last = first;
    for (size_t i = 0; i < places.frames; i++) {
      const double now = get_sample(audio, map.data + places.of(c, i));
      step = std::max(step, std::fabs(now - last));
      last = now;
    }
    if (c == audio.channels - 1) first = last;
  }
  gst_buffer_unmap(out, &map);
  gst_buffer_unref(out);
  return {step, first};
}

GstBuffer *at(GstBuffer *buffer, GstClockTime pts) {
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = 10 * GST_MSECOND;
  return buffer;
}

}  // namespace

GST_START_TEST(test_it_fades_within_10_ms) {
  const std::string script = write_file("constant.py", constant);
  for (const Audio &audio : every_audio({1, 2})) {
    Stream stream(script, audio);
    const double loud = 9600;  // 20 a frame
    const auto next = [&](double before) {
      return steps_of(stream.through(all_of(audio, fade, loud)), audio, before);
    };
    fail_unless(next(0) == std::pair(0.0, 0.0), "%s", audio.name().c_str());
    for (const bool on : {true, false}) {
      stream.set("bypass", on ? "true" : "false");
      const auto [step, last] = next(on ? 0 : loud);
      fail_unless(step > 19 && step < 22, "%s: %g", audio.name().c_str(), step);
      fail_unless(std::fabs(last - (on ? loud : 0)) < 2, "%g", last);
      // Exactly, from then on.
      fail_unless(next(on ? loud : 0).second == (on ? loud : 0));
      fail_unless(next(on ? loud : 0).first == 0);
    }
    // The plugin went on.
    fail_unless_equals_uint64(stream.stat("buffers"), 7);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// Of as many frames as went in, with the plugin's latency and its tail, in
// blocks or not, in this process or another, and compiled.
GST_START_TEST(test_what_lags_is_what_went_in) {
  const std::string script = write_file("negative.py", negative);
  for (const bool on : {false, true}) {
    for (const char *blocks : {"0", "64"}) {
      for (const bool planar : {false, true}) {
        const Audio audio = {"S16", planar, 2};
        Stream stream(script, audio,
                      blocks_of(size_t(atoi(blocks)),
                                {{"bypass", on ? "true" : "false"}}));
        Feed feed(audio);
        Expected expected(audio);
        const GstClockTime latency = latency_through(stream);
        for (int i = 0; i < 10; i++)
          stream.expect_push(feed.next(130));
        end(&stream);
        for (GstBuffer *out : pull_all(&stream))
          expected.check(out, frames_of(out, audio), on ? 1 : -1);
        fail_unless_equals_uint64(expected.came, 1300);
        fail_unless(latency >= 100 * GST_SECOND / 48000);
        fail_unless_equals_uint64(latency_through(stream), latency);
        stream.expect_no_reports();
      }
    }
  }
}
GST_END_TEST;

// Not before there is something to fade to.
GST_START_TEST(test_what_lags_fades_too) {
  const Audio audio = {"F32", false, 1};
  Stream stream(write_file("negative.py", negative), audio);
  const auto next = [&](GstClockTime pts) {
    return stream.through(at(all_of(audio, fade, 9600), pts));
  };
  gst_buffer_unref(next(0));
  stream.set("bypass", "true");
  const auto [step, last] = steps_of(next(10 * GST_MSECOND), audio, -9600);
  fail_unless(step > 39 && step < 42, "%g", step);
  fail_unless(last < 9000, "%g", last);
}
GST_END_TEST;

GST_START_TEST(test_a_compiled_plugin_is_bypassed) {
  for (const Audio &audio : every_audio({2})) {
    Stream stream(plugin_file("c_scale.py"), audio, {{"bypass", "true"}});
    stream.expect_through(number_at);
    stream.set("bypass", "false");
    gst_buffer_unref(stream.through(new_buffer(audio, fade)));
    stream.expect_through([](int c, size_t i) { return 2 * number_at(c, i); });
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// What the plugin drops is missing, and all else is at its place.
GST_START_TEST(test_what_is_dropped_stays_so) {
  const std::string script =
      write_file("every_other.py",
                 "from base_plugin import AudioProcessorPlugin, DropBuffer\n"
                 "class EveryOther(AudioProcessorPlugin):\n"
                 "    calls = 0\n"
                 "    def process_audio(self, buffer):\n"
                 "        self.calls += 1\n"
                 "        if self.calls % 2 == 0:\n"
                 "            raise DropBuffer\n"
                 "        buffer.data[:] = 0\n");
  Stream stream(script, {}, {{"bypass", "true"}});
  for (guint64 i = 0; i < 6; i++) {
    stream.expect_push(
        at(all_of({}, fade, double(i + 1)), i * 10 * GST_MSECOND));
    GstBuffer *out = stream.pull();
    fail_unless((out != nullptr) == (i % 2 == 0));
    if (!out) continue;
    expect_samples(out, {}, [=](int, size_t) { return double(i + 1); });
    gst_buffer_unref(out);
  }
}
GST_END_TEST;

// A failing plugin is bypassed, until it is mended.
GST_START_TEST(test_what_fails_is_not_heard) {
  const std::string script = write_file(
      "failing.py", "def process_audio(buffer):\n    raise ValueError('no')\n");
  Stream stream(script, {}, {{"on-error", "silence"}, {"bypass", "true"}});
  stream.expect_through(number_at);
  fail_unless_equals_int(int(stream.reports().size()), 1);
}
GST_END_TEST;

// After a flush, and after new caps, nothing is left of what was before.
GST_START_TEST(test_a_new_beginning_is_one) {
  Stream stream(write_file("negative.py", negative), {},
                {{"bypass", "true"}, {"params", "p,frames=10"}});
  gst_buffer_unref(stream.through(all_of({}, 64, 1)));
  stream.push_event(gst_event_new_flush_start());
  stream.push_event(gst_event_new_flush_stop(TRUE));
  stream.push_segment();
  stream.expect_through(number_at);  // without the first 10 of silence
  stream.set_audio({"S16", true, 3});
  gst_buffer_unref(stream.pull());  // the tail of what was before
  stream.expect_through(number_at);
  stream.set("bypass", "false");
  stream.set_audio({"S32", false, 1});
  gst_buffer_unref(stream.pull());
  stream.expect_through([](int c, size_t i) { return -number_at(c, i); });
}
GST_END_TEST;

GST_START_TEST(test_nothing_goes_past_what_closes_or_converts) {
  for (const auto &[declares, why] :
       {std::pair("    fail_closed = True\n", "nothing unprocessed"),
        {"    input_caps = output_caps = 'audio/x-raw'\n", "other caps"}}) {
    const std::string script = write_file(
        "closed.py", std::string("from base_plugin import "
                                 "AudioProcessorPlugin\n"
                                 "class Closed(AudioProcessorPlugin):\n") +
                         declares +
                         "    def process_audio(self, buffer):\n"
                         "        buffer.data[:] = 0\n");
    // Before the plugin is known, and while it plays.
    Stream stream(script, {}, {{"bypass", "true"}});
    for (int i = 0; i < 2; i++) {
      GstBuffer *out = stream.pull();
      fail_unless(out == nullptr);
      if (stream.push_frames() == GST_FLOW_OK && (out = stream.pull())) {
        if (!strcmp(why, "nothing unprocessed"))
          expect_samples(out, {}, [](int, size_t) { return 0.0; });
        gst_buffer_unref(out);
      }
      expect_text(stream.text_of("bypass"), "false");
      const std::string said = stream.reports().text();
      fail_unless(contains(said, why), "%s: %s", why, said.c_str());
      stream.set("bypass", "true");
    }
  }
}
GST_END_TEST;

// Nor past new code that closes, from its first buffer on.
GST_START_TEST(test_new_code_that_closes_is_not_bypassed) {
  Stream stream(write_file("code.py", multiplying("0")), {},
                {{"bypass", "true"}});
  stream.expect_through(number_at);
  write_file("code.py", multiplying("0", "    fail_closed = True\n"));
  fail_unless(ask(stream.get()));
  bool heard = true;  // what went in
  const Told told = flow_until_told(stream.bus(), [&] {
    fail_unless_equals_int(stream.push_frames(), GST_FLOW_OK);
    GstBuffer *out = stream.pull();
    GstMapInfo map;
    fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
    heard = get_sample({}, map.data + sizeof(float)) != 0;
    gst_buffer_unmap(out, &map);
    gst_buffer_unref(out);
  });
  fail_unless_equals_int(told.count, 1);
  expect_part(stream.reports().text(), "nothing unprocessed");
  fail_unless(!heard);
  expect_text(stream.text_of("bypass"), "false");
  stream.expect_through([](int, size_t) { return 0.0; });
}
GST_END_TEST;

static Suite *bypass_suite() {
  Suite *suite = suite_create("bypass");
  TCase *tests = new_case(suite, "bypass");
  tcase_add_test(tests, test_it_fades_within_10_ms);
  tcase_add_test(tests, test_what_lags_is_what_went_in);
  tcase_add_test(tests, test_what_lags_fades_too);
  tcase_add_test(tests, test_a_compiled_plugin_is_bypassed);
  tcase_add_test(tests, test_what_is_dropped_stays_so);
  tcase_add_test(tests, test_what_fails_is_not_heard);
  tcase_add_test(tests, test_a_new_beginning_is_one);
  tcase_add_test(tests, test_nothing_goes_past_what_closes_or_converts);
  tcase_add_test(tests, test_new_code_that_closes_is_not_bypassed);
  return suite;
}

GST_CHECK_MAIN(bypass)
