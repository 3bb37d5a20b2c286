// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Mixers whose audio method is a C function at an address, as it is where Numba
// made it. What Numba makes is tests/python/test_compiled_mixing.py's.
#include <algorithm>
#include <atomic>

#include "../../../bridge/pythonfilter-call.h"
#include "../support/mixing.hpp"

using namespace check;

namespace {

Sent sent(int seed, const char *format = "F32", int channels = 1) {
  Sent made;
  made.audio = {format, false, channels, 8000};
  made.seed = seed;
  made.frames = 800;
  return made;
}

std::string mix(const std::string &properties = "", const char *cls = "Mix") {
  return line_of("pythonmixer", plugin_file("c_mix.py"),
                 std::string("class=") + cls + " " + properties);
}

Mixer two(const std::string &properties) {
  return Mixer(mix(properties), {{"sink_0", sent(0)}, {"sink_1", sent(1)}});
}

double first(int channel, size_t frame) {
  return sent(0).sample(channel, frame);
}
double second(int channel, size_t frame) {
  return sent(1).sample(channel, frame);
}

// What came out, as numbers, one channel beside the other.
std::vector<double> numbers(const Mixer &mixer, const Audio &audio) {
  const std::string bytes = mixer.bytes();
  const auto width = size_t(audio.width());
  std::vector<double> all;
  for (size_t at = 0; at + width <= bytes.size(); at += width)
    all.push_back(get_sample(audio, bytes.data() + at));
  return all;
}

// `wanted(channel, frame)` from one frame to another, of all that came out.
template <typename Wanted>
void expect(const std::vector<double> &got, int channels, size_t from,
            size_t to, const Wanted &wanted) {
  for (size_t f = from; f < to; f++)
    for (int c = 0; c < channels; c++) {
      const double is = got.at(f * size_t(channels) + size_t(c));
      if (is != wanted(c, f))
        fail_unless(false, "channel %d, frame %d: %g, not %g", c, int(f), is,
                    wanted(c, f));
    }
}

std::vector<double> played(const Mixer &mixer) {
  mixer.play();
  return numbers(mixer, sent(0).audio);
}

}  // namespace

GST_START_TEST(test_samples_are_exact_in_every_format) {
  for (const char *format : {"F32", "F64", "S16", "S32"})
    for (const int channels : {1, 2, 6}) {
      const Sent a = sent(0, format, channels), b = sent(1, format, channels);
      const Mixer mixer(mix(), {{"sink_0", a}, {"sink_1", b}});
      mixer.play();
      const std::vector<double> got = numbers(mixer, a.audio);
      fail_unless_equals_int(int(got.size()), 800 * channels);
      expect(got, channels, 0, 800,
             [](int c, size_t f) { return first(c, f) + second(c, f); });
      mixer.expect_no_reports();
    }
}
GST_END_TEST;

// In the order of their declaration, whichever pads were there first; of the
// third nothing comes.
GST_START_TEST(test_inputs_with_names_have_formats_of_their_own) {
  const Mixer mixer(
      mix("params=\"p,volume=0.5,shows=yes\" "
          "sink_b::params=\"p,gain=2.0\"",
          "Named"),
      {{"sink_b", sent(1, "S16")}, {"sink_a", sent(0, "F32", 2)}});
  mixer.play();
  const std::vector<double> got = numbers(mixer, sent(0).audio);
  fail_unless_equals_int(int(got.size()), 2 * 800);
  for (size_t block = 0; block < 10; block++) {
    const double now = double(10 * block);
    // Flags, channels and pts of each; the first block is a break of both.
    const double said[] = {
        block ? 1. : 9., 2, now, block ? 1. : 9., 1, now, 0, 1, -1};
    const size_t at = 80 * block;
    for (size_t i = 0; i < std::size(said); i++)
      fail_unless_equals_float(got[2 * (at + i)], said[i]);
    expect(got, 2, at + std::size(said), at + 80,
           [](int c, size_t f) { return first(c, f) / 2 + second(0, f); });
  }
  mixer.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_inputs_have_parameters) {
  const Mixer mixer = two("sink_0::params=\"p,gain=0.5\"");
  GstPad *pad = gst_element_get_static_pad(mixer.python(), "sink_1");
  const auto set = [&](const char *params) {
    gst_util_set_object_arg(G_OBJECT(pad), "params", params);
  };
  on_buffers(mixer.python(), "src", [&](GstBuffer *buffer) {
    const guint64 frame = GST_BUFFER_OFFSET(buffer);
    if (frame == 80) set("p,mute=yes,label=(string)text");
    // What is not allowed is told, and stays.
    if (frame == 240) set("p,mute=no,gain=9.0");
    if (frame == 320) set("p,gain=(double)nan");
    if (frame == 400) set("p,loud=1");
    if (frame == 480) set("p,gain=2.0");
  });
  expect(played(mixer), 1, 0, 800, [](int c, size_t f) {
    const double gain = f < 160 ? 1 : f < 320 ? 0 : f < 560 ? 1 : 2;
    return first(c, f) / 2 + gain * second(c, f);
  });
  const Reports reports = mixer.reports();
  fail_unless_equals_int(int(reports.size()), 3);
  for (size_t i : {0, 1}) {
    expect_part(reports[i].text, "input 1: ");
    expect_part(reports[i].text, "must be a number from 0.0 to 8.0");
  }
  expect_part(reports[2].text, "no InputParam 'loud'; there is gain, mute");
  gst_object_unref(pad);
}
GST_END_TEST;

GST_START_TEST(test_a_number_that_is_returned_is_a_failure_by_on_error) {
  for (const std::string policy : {"fail", "silence", "passthrough", "drop"}) {
    const Mixer mixer(mix("on-error=" + policy, "Named"),
                      {{"sink_a", sent(0)}, {"sink_b", sent(1)}});
    on_buffers(mixer.python(), "src", [&](GstBuffer *buffer) {
      const guint64 frame = GST_BUFFER_OFFSET(buffer);
      if (frame == 160 || frame == 240)
        gst_util_set_object_arg(
            G_OBJECT(mixer.python()), "params",
            frame == 160 ? "p,fails_with=7" : "p,fails_with=0");
    });
    if (policy == "fail") {
      gst_element_set_state(mixer.get(), GST_STATE_PLAYING);
      GstMessage *error = mixer.wait_for(GST_MESSAGE_ERROR);
      fail_unless(error != nullptr);
      expect_part(report_in(error).text, "mix_audio() returned 7");
      gst_message_unref(error);
      continue;
    }
    const std::vector<double> got = played(mixer);
    if (policy == "drop") {  // and nobody hears that it is to stop
      fail_unless_equals_int(int(got.size()), 240);
      expect(got, 1, 0, 240,
             [](int c, size_t f) { return first(c, f) + second(c, f); });
      fail_unless_equals_uint64(mixer.stat("dropped"), 7);
      continue;
    }
    expect(got, 1, 0, 800, [&](int c, size_t f) {
      const bool failed = f >= 240 && f < 320;
      if (!failed) return first(c, f) + second(c, f);
      return policy == "silence" ? 0 : first(c, f);
    });
    const Reports reports = mixer.reports();
    fail_unless_equals_int(int(reports.size()), 1);
    expect_part(reports[0].text, "mix_audio() returned 7");
    fail_unless_equals_uint64(mixer.stat("errors"), 1);
  }
}
GST_END_TEST;

// Its latency is asked, and what it still has at the end.
GST_START_TEST(test_what_comes_late_has_the_time_at_which_it_went_in) {
  for (const char *cls : {"Late", "LateDrained"}) {
    const Mixer mixer(mix("", cls), {{"sink_0", sent(0)}, {"sink_1", sent(1)}});
    const std::vector<double> got = played(mixer);
    fail_unless_equals_int(int(got.size()), 800);
    const double rest = cls == std::string("Late") ? 0 : 5;
    expect(got, 1, 0, 800, [&](int c, size_t f) {
      return f < 793 ? first(c, f + 7) + second(c, f + 7) : rest;
    });
    mixer.expect_in_a_row(0);
    mixer.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_a_live_input_that_stops_is_late) {
  const BesideLive pipeline(mix("params=\"p,shows=yes\"", "Floats"));
  std::atomic<unsigned> flags{0};
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    float shown = 0;
    gst_buffer_extract(buffer, 3 * sizeof shown, &shown, sizeof shown);
    flags = unsigned(shown);
  });
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto comes = [&] {
    pipeline.bring();
    return (flags & PYTHONFILTER_PRESENT) != 0;
  };
  for (int i = 0; i < 2; i++) {
    fail_unless(wait_until(comes));
    fail_unless(wait_until([&] { return flags == PYTHONFILTER_LATE; }));
  }
  pipeline.expect_no_reports();
}
GST_END_TEST;

// Of machine code in another process, too: the stream does not wait for it.
GST_START_TEST(test_a_call_that_is_late_is_a_glitch) {
  const Mixer mixer = two("isolation=process on-error=silence deadline=100");
  on_buffers(mixer.python(), "src", [&](GstBuffer *buffer) {
    const guint64 frame = GST_BUFFER_OFFSET(buffer);
    if (frame == 160 || frame == 240)
      gst_util_set_object_arg(
          G_OBJECT(mixer.python()), "params",
          frame == 160 ? "p,fails_with=-400" : "p,fails_with=0");
  });
  const std::vector<double> got = played(mixer);
  fail_unless_equals_int(int(got.size()), 800);
  const guint64 silent = count_silent(
      got, 80, [](size_t f) { return first(0, f) + second(0, f); });
  fail_unless(silent > 0);
  fail_unless_equals_uint64(mixer.stat("missed-deadlines"), silent);
  fail_unless_equals_uint64(mixer.stat("restarts"), 0);
}
GST_END_TEST;

GST_START_TEST(test_the_state_counts_what_was_mixed) {
  const Mixer mixer = two("");
  played(mixer);
  fail_unless(gst_element_set_state(mixer.get(), GST_STATE_READY) ==
              GST_STATE_CHANGE_SUCCESS);
  gint64 frames = 0;
  while (GstMessage *message =
             gst_bus_pop_filtered(mixer.bus(), GST_MESSAGE_ELEMENT)) {
    const GstStructure *said = gst_message_get_structure(message);
    if (gst_structure_has_name(said, "stopped"))
      gst_structure_get_int64(said, "frames", &frames);
    gst_message_unref(message);
  }
  fail_unless_equals_int64(frames, 800);
  if (!in_process()) fail_unless_equals_uint64(mixer.stat("gil-wait-max"), 0);
}
GST_END_TEST;

// Each is heard as long as it is there, and nobody else instead.
GST_START_TEST(test_inputs_come_and_go_while_it_plays) {
  Pipeline pipeline(mix("", "Floats") + " ! fakesink sync=false" +
                    tested("sink_0", "wave=silence"));
  GstElement *python = pipeline.python();
  const Last last(python);
  pipeline.expect_to(GST_STATE_PLAYING);
  const int rounds = soak_count(8, 1000);
  for (int i = 0; i < rounds; i++) {
    const int gain = i % 8 + 1;
    {
      const Joined other(python, a_quarter, last.end(),
                         "p,gain=" + std::to_string(gain) + ".0");
      last.expect(0.25f * float(gain));
    }
    last.expect(0);
  }
  pipeline.expect_no_reports();
  pipeline.expect_null();
  fail_unless(count_in(log_text(), "added ") > rounds);
}
GST_END_TEST;

// `mix` fails where its count is not the stream's position.
GST_START_TEST(test_a_reload_goes_on_where_the_stream_is) {
  const auto write = [](int volume) {
    return write_file(
        "mixes.py",
        "import ctypes, os\n"
        "from base_plugin import *\n"
        "class Mixes(AudioMixerPlugin):\n"
        "    volume = Param(" +
            std::to_string(volume) +
            ".0)\n"
            "    fails_with = Param(0)\n"
            "    shows = Param(False)\n"
            "    gain = InputParam(1.0)\n"
            "    mute = InputParam(False)\n"
            "    class State:\n        frames: int\n"
            "    mix_audio = "
            "compiled(ctypes.CDLL(os.environ['CHECK_FUNCTIONS']).mix)\n");
  };
  const std::string file = write(1);
  Pipeline pipeline(
      line_of("pythonmixer", file, "sink_0::params=\"p,gain=0.5\"") +
      " ! fakesink sync=false" +
      tested("sink_0", "wave=square freq=0 volume=0.5"));
  const Last last(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  last.expect(0.25f);
  write(3);
  gboolean taken = FALSE;
  g_signal_emit_by_name(pipeline.python(), "reload", &taken);
  fail_unless(taken);
  last.expect(0.75f);
  pipeline.expect_no_reports();
  pipeline.expect_null();
}
GST_END_TEST;

Suite *compiledmixing_suite() {
  Suite *suite = suite_create("compiledmixing");
  TCase *mixing = new_case(suite, "compiledmixing");
  tcase_add_test(mixing, test_samples_are_exact_in_every_format);
  tcase_add_test(mixing, test_inputs_with_names_have_formats_of_their_own);
  tcase_add_test(mixing, test_inputs_have_parameters);
  tcase_add_test(mixing,
                 test_a_number_that_is_returned_is_a_failure_by_on_error);
  tcase_add_test(mixing, test_what_comes_late_has_the_time_at_which_it_went_in);
  tcase_add_test(mixing, test_a_live_input_that_stops_is_late);
  tcase_add_test(mixing, test_the_state_counts_what_was_mixed);
  tcase_add_test(mixing, test_inputs_come_and_go_while_it_plays);
  tcase_add_test(mixing, test_a_reload_goes_on_where_the_stream_is);
  add_test_here(mixing, test_a_call_that_is_late_is_a_glitch,
                "it is in a process of its own in any case");
  return suite;
}

GST_CHECK_MAIN(compiledmixing);
