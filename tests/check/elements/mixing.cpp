// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A mixer while it plays: inputs that come, go and are late, flushes, calls
// that fail, and arrays that a plugin keeps.
#include "../support/mixing.hpp"

#include <algorithm>
#include <csignal>

#include "../support/reload.hpp"

using namespace check;

namespace {

Sent sent(int seed, size_t frames = 800, size_t piece = 57) {
  Sent made;
  made.seed = seed;
  made.frames = frames;
  made.piece = piece;
  return made;
}

Mixer two(const std::string &properties, size_t piece = 57,
          const std::string &cls = "") {
  const bool named = cls == "Named";
  const std::string a = named ? "sink_a" : "sink_0",
                    b = named ? "sink_b" : "sink_1";
  return Mixer(mixing(properties, cls),
               {{a, sent(0, 800, piece)}, {b, sent(1, 800, piece)}});
}

float wanted(size_t frame) {
  return float(sent(0).sample(0, frame) + sent(1).sample(0, frame));
}

void expect_sum(const std::vector<float> &got, size_t from, size_t to,
                size_t before) {
  expect_frames(got, from, to, wanted, before);
}

int said(const std::string &line) {
  return count_in(log_text(), line);
}

}  // namespace

GST_START_TEST(test_inputs_come_and_go_while_it_plays) {
  Pipeline pipeline(mixing() + " ! fakesink sync=false" + tested("sink_0"));
  Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  const int rounds = soak_count(100, 10000);
  for (int i = 0; i < rounds; i++) {
    const Joined other(pipeline.python(),
                       i % 3 ? "audiotestsrc" : "audiotestsrc num-buffers=2",
                       output.last_pts());
    if (i % 2) fail_unless(output.wait_for(output.count() + 1));
  }
  fail_unless(output.wait_for(output.count() + 2));
  pipeline.expect_no_reports();
  pipeline.expect_null();
  fail_unless(said("added ") > 1);
  // The first one is never removed.
  fail_unless_equals_int(said("added "), said("removed ") + 1);
}
GST_END_TEST;

// What it brings is heard again, once it does.
GST_START_TEST(test_a_live_input_that_stops_is_late) {
  const BesideLive pipeline(mixing(doing("tell")));
  const Output output(pipeline.python());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto heard = [&] {
    pipeline.bring();
    // Of the other input each line has this.
    return said("present") > said(" 0 ");
  };
  fail_unless(wait_until(heard));
  // 10 ms each, in a soak for 3 s. The others go on meanwhile, block after
  // block.
  const int blocks = soak_count(5, 300);
  fail_unless(wait_until([&] { return said(" 1 None late") >= blocks; }), "%s",
              log_text().substr(0, 3000).c_str());
  const std::vector<Seen> all = output.all();
  for (size_t i = 1; i < all.size(); i++) {
    fail_unless_equals_uint64(all[i].pts, all[i - 1].pts + all[i - 1].duration);
    fail_unless(!all[i].discont);
  }
  clear_log();
  fail_unless(wait_until(heard));
  pipeline.expect_no_reports();
}
GST_END_TEST;

// The application's, in the middle of streams that would go on; in PAUSED it
// waits for nobody.
GST_START_TEST(test_an_end_that_is_asked_for_is_one) {
  for (const GstState state : {GST_STATE_PAUSED, GST_STATE_PLAYING}) {
    clear_log();
    Pipeline pipeline(mixing("", "Draining") + " ! fakesink sync=false" +
                      tested("sink_0") + tested("sink_1"));
    std::vector<size_t> frames;
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      frames.push_back(gst_buffer_get_size(buffer) / sizeof(float));
    });
    pipeline.expect_to(state);
    fail_unless(gst_element_send_event(pipeline.python(), gst_event_new_eos()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    pipeline.expect_eos();
    fail_unless_equals_int(said("drain"), 1);
    fail_unless_equals_int(int(frames.back()), 7);
    pipeline.expect_no_reports();
    // Who is not there yet does not take it.
    pipeline.expect_null();
    fail_unless(
        !gst_element_send_event(pipeline.python(), gst_event_new_eos()));
  }
}
GST_END_TEST;

// It is said before their streams have begun, and one has nothing.
GST_START_TEST(test_an_end_that_is_asked_for_comes_before_streams_begin) {
  Pipeline pipeline(mixing("", "Draining") + " ! fakesink sync=false");
  GstPad *pads[2], *from[2];
  for (int i = 0; i < 2; i++) {
    pads[i] = gst_element_request_pad_simple(pipeline.python(), "sink_%u");
    from[i] = gst_pad_new(nullptr, GST_PAD_SRC);
    gst_pad_set_active(from[i], TRUE);
    fail_unless_equals_int(gst_pad_link(from[i], pads[i]), GST_PAD_LINK_OK);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  fail_unless(gst_element_send_event(pipeline.python(), gst_event_new_eos()));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstCaps *caps = sent(0).audio.caps();
  for (GstPad *each : from) {
    gst_pad_push_event(each, gst_event_new_stream_start("late"));
    gst_pad_push_event(each, gst_event_new_caps(caps));
    gst_pad_push_event(each, gst_event_new_segment(&segment));
  }
  gst_caps_unref(caps);
  gst_pad_push(from[0], sent(0).buffer(0, 57));
  pipeline.expect_eos();
  pipeline.expect_no_reports();
  pipeline.expect_null();
  for (int i = 0; i < 2; i++) {
    gst_element_release_request_pad(pipeline.python(), pads[i]);
    gst_object_unref(pads[i]);
    gst_object_unref(from[i]);
  }
}
GST_END_TEST;

GST_START_TEST(test_silence_that_is_told_is_a_gap) {
  Mixer mixer(mixing(doing("tell")), {{"sink_0", sent(0)}});
  GstElement *python = mixer.python();
  // A stream of nothing but a gap, and then samples.
  GstPad *pad = gst_element_request_pad_simple(python, "sink_1");
  GstPad *from = gst_pad_new("from", GST_PAD_SRC);
  gst_pad_set_active(from, TRUE);
  fail_unless_equals_int(gst_pad_link(from, pad), GST_PAD_LINK_OK);
  gst_element_set_state(mixer.get(), GST_STATE_PAUSED);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstCaps *caps = sent(1).audio.caps();
  gst_pad_push_event(from, gst_event_new_stream_start("gaps"));
  gst_pad_push_event(from, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  gst_pad_push_event(from, gst_event_new_segment(&segment));
  gst_pad_push_event(from, gst_event_new_gap(0, 50 * GST_MSECOND));
  gst_pad_push_event(from, gst_event_new_eos());
  gst_element_set_state(mixer.get(), GST_STATE_PLAYING);
  mixer.expect_eos();
  fail_unless(contains(log_text(), "1 1 None present gap"));
  fail_unless(contains(log_text(), "5 1 None present gap"));
  fail_unless(contains(log_text(), "6 1 None\n"));
  gst_element_release_request_pad(python, pad);
  gst_object_unref(from);
  gst_object_unref(pad);
}
GST_END_TEST;

GST_START_TEST(test_a_flush_does_not_wait_for_a_call_that_sleeps) {
  Pipeline pipeline(mixing(doing("sleep 3")) + " ! fakesink sync=false" +
                    tested("sink_0") + tested("sink_1"));
  Output output(pipeline.python());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  fail_unless(wait_for_log("sleeps"));
  const size_t before = output.count();
  fail_unless(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                                      GST_SEEK_FLAG_FLUSH, 3 * GST_SECOND));
  fail_unless(!contains(log_text(), "has slept"));
  // It was asked to return before the base class waited for it.
  fail_unless(contains(log_text(), "unlocked"));
  fail_unless(output.wait_for(before + 3));
  fail_unless(output.all()[before].discont);
  fail_unless(output.all()[before].pts >= 3 * GST_SECOND);
  fail_unless(contains(log_text(), "reset"));
  pipeline.expect_no_reports();
}
GST_END_TEST;

// Nobody tells it of the flush, and it stays without samples.
GST_START_TEST(test_a_flush_does_not_wait_for_an_input_without_a_link) {
  Pipeline pipeline(mixing("", "Named") + " ! fakesink sync=false" +
                    tested("sink_a"));
  Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  for (const int seconds : {3, 7}) {
    const GstClockTime place = GstClockTime(seconds) * GST_SECOND;
    fail_unless(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                                        GST_SEEK_FLAG_FLUSH, place));
    fail_unless(wait_until([&] {
      const std::vector<Seen> all = output.all();
      return !all.empty() && all.back().pts >= place;
    }));
    fail_unless(output.wait_for(output.count() + 3));
  }
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_it_does_not_play_backwards) {
  Pipeline pipeline(mixing() + " ! fakesink sync=false" + tested("sink_0"));
  pipeline.expect_to(GST_STATE_PAUSED);
  fail_unless(!gst_element_seek(pipeline.get(), -1, GST_FORMAT_TIME,
                                GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                                GST_SEEK_TYPE_SET, GST_SECOND));
  const Reports reports = pipeline.reports();
  fail_unless_equals_int(int(reports.size()), 1);
  expect_part(reports[0].text, "plays forwards only");
}
GST_END_TEST;

GST_START_TEST(test_a_failed_call_ends_the_stream_or_does_not) {
  for (const bool drops : {false, true}) {
    const Mixer mixer =
        two(doing(drops ? "drop 3" : "fail 3", drops ? "" : "on-error=drop"));
    mixer.play();
    const std::vector<float> got = mixer.samples<float>();
    fail_unless_equals_int(int(got.size()), 720);
    expect_sum(got, 0, 160, 0);
    expect_sum(got, 240, 800, 80);
    fail_unless(!mixer.disconts()[1] && mixer.disconts()[2]);
    fail_unless_equals_uint64(mixer.stat("dropped"), 1);
    const Reports reports = mixer.reports();
    fail_unless_equals_int(int(reports.size()), 1);
  }
  const Mixer silent = two(doing("fail 3", "on-error=silence"));
  silent.play();
  const std::vector<float> got = silent.samples<float>();
  expect_sum(got, 0, 160, 0);
  for (size_t i = 160; i < 240; i++)
    fail_unless(got[i] == 0);
  expect_sum(got, 240, 800, 0);

  const Mixer ended = two(doing("end 3"));
  ended.play();
  fail_unless_equals_int(int(ended.samples<float>().size()), 160);
  ended.expect_no_reports();

  const Mixer failed = two(doing("fail 3"));
  gst_element_set_state(failed.get(), GST_STATE_PLAYING);
  GstMessage *error = failed.wait_for(GST_MESSAGE_ERROR);
  fail_unless(error != nullptr);
  gst_message_unref(error);
}
GST_END_TEST;

// The input that the class names, or that the output is like.
GST_START_TEST(test_one_input_goes_through_where_the_plugin_fails) {
  const Mixer mixer = two(doing("fail 3", "on-error=passthrough"), 57, "Named");
  mixer.play();
  const std::vector<float> got = mixer.samples<float>();
  expect_sum(got, 0, 160, 0);
  for (size_t i = 160; i < 240; i++)
    fail_unless(got[i] == float(sent(0).sample(0, i)));
  expect_sum(got, 240, 800, 0);
  fail_unless_equals_int(int(mixer.reports().size()), 1);

  const Mixer none = two(doing("fail", "on-error=passthrough"));
  none.play();
  for (const float each : none.samples<float>())
    fail_unless(each == 0);
  std::string all = none.reports().text();
  fail_unless_equals_int(count_in(all, "no input can go through"), 1);
}
GST_END_TEST;

// Gathered and in place, and of the output: what was kept never changes, nor
// does what comes out.
GST_START_TEST(test_kept_arrays_stay_as_they_were) {
  for (const size_t piece : {57, 80, 800}) {
    clear_log();
    {
      const Mixer mixer = two(doing("keep"), piece);
      mixer.play();
      expect_sum(mixer.samples<float>(), 0, 800, 0);
      fail_unless_equals_uint64(mixer.stat("escapes"), 10);
      const Reports reports = mixer.reports();
      fail_unless_equals_int(int(reports.size()), 1);
      expect_part(reports[0].text, "keeps");
    }
    expect_part(log_text(), "kept 30, 0 changed");
  }
}
GST_END_TEST;

// In all ways that there are, of one array at a time: each is noticed.
GST_START_TEST(test_nothing_that_is_kept_ever_changes) {
  constexpr size_t ways = 30;
  for (const char *keep : {"output", "0", "1"})
    for (const size_t piece : {57, 80, 800}) {
      clear_log();
      {
        const Mixer mixer(
            line_of("pythonmixer", plugin_file("keeping_mixer.py"),
                    std::string("params=\"p,keep=(string)") + keep + "\""),
            {{"sink_0", sent(0, ways * 80, piece)},
             {"sink_1", sent(1, ways * 80, piece)}});
        mixer.play();
        expect_sum(mixer.samples<float>(), 0, ways * 80, 0);
        fail_unless_equals_uint64(mixer.stat("escapes"), ways);
        fail_unless_equals_int(int(mixer.reports().size()), 1);
      }
      expect_text(log_text(), "kept 30, changed [], between calls {0}\n");
    }
}
GST_END_TEST;

// Before the plugin is known, and after; what it has none of is told.
GST_START_TEST(test_inputs_have_parameters) {
  const Mixer mixer = two(
      "sink_0::params=\"p,gain=0.5\" sink_1::params=\"p,gain=2.0,mode=cold\"",
      57, "Scaling");
  GstPad *pad = gst_element_get_static_pad(mixer.python(), "sink_1");
  on_buffers(mixer.python(), "src", [&](GstBuffer *buffer) {
    if (GST_BUFFER_OFFSET(buffer) != 240) return;
    gst_util_set_object_arg(G_OBJECT(pad), "params", "p,mode=warm");
  });
  mixer.play();
  const std::vector<float> got = mixer.samples<float>();
  for (size_t i = 0; i < got.size(); i++) {
    const double a = sent(0).sample(0, i) / 2, b = sent(1).sample(0, i) * 2;
    const double sum = i < 320 ? a : a + b;
    if (double(got[i]) != sum)
      fail_unless(false, "frame %d: %g, not %g", int(i), double(got[i]), sum);
  }
  mixer.expect_no_reports();
  gst_object_unref(pad);

  const Mixer wrong = two("sink_0::params=\"p,loud=1\"", 57, "Scaling");
  wrong.play();
  const Reports reports = wrong.reports();
  fail_unless_equals_int(int(reports.size()), 1);
  expect_part(reports[0].text, "no InputParam 'loud'; there is gain, mode");
}
GST_END_TEST;

// Between two blocks, so that there is none without an input that is called so.
GST_START_TEST(test_an_input_in_the_place_of_another_begins_anew) {
  for (const bool alone : {false, true})
    for (const bool set : {false, true}) {
      clear_log();
      Sources others;
      if (!alone) others.emplace_back("sink_0", sent(0));
      const Mixer mixer(mixing(doing("changes"), "Scaling"), others);
      GstElement *python = mixer.python();
      GstPad *pad = nullptr, *from = nullptr;
      const auto come = [&](const char *params) {
        pad = gst_element_request_pad_simple(python, "sink_%u");
        gst_util_set_object_arg(G_OBJECT(pad), "params", params);
        from = gst_pad_new(nullptr, GST_PAD_SRC);
        gst_pad_set_active(from, TRUE);
        fail_unless_equals_int(gst_pad_link(from, pad), GST_PAD_LINK_OK);
      };
      const auto bring = [&](size_t first) {
        GstCaps *caps = sent(1).audio.caps();
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_push_event(from, gst_event_new_stream_start("by hand"));
        gst_pad_push_event(from, gst_event_new_caps(caps));
        gst_pad_push_event(from, gst_event_new_segment(&segment));
        gst_caps_unref(caps);
        gst_pad_push(from, sent(1).buffer(first, 800 - first));
        gst_pad_push_event(from, gst_event_new_eos());
      };
      const auto go = [&] {
        gst_element_release_request_pad(python, pad);
        gst_object_unref(pad);
        gst_object_unref(from);
      };
      come("p,gain=2.0");
      on_buffers(python, "src", [&](GstBuffer *buffer) {
        if (GST_BUFFER_OFFSET_END(buffer) != 240) return;
        go();
        come(set ? "p,gain=0.5" : "p");
        bring(240);
      });
      gst_element_set_state(mixer.get(), GST_STATE_PAUSED);
      bring(0);
      mixer.play();
      const std::vector<float> got = mixer.samples<float>();
      fail_unless_equals_int(int(got.size()), 800);
      expect_frames(got, 0, 800, [&](size_t i) {
        const double gain = i < 240 ? 2 : set ? 0.5 : 1;
        return (alone ? 0 : sent(0).sample(0, i)) + gain * sent(1).sample(0, i);
      });
      expect_text(log_text(), alone ? "added 0 1\ncame 0\n"
                                      "removed 0\nadded 0 1\ncame 0 went 0\n"
                                    : "added 0 1\nadded 1 1\ncame 0 1\n"
                                      "removed 1\nadded 1 1\n"
                                      "came 1 went 1\n");
      mixer.expect_no_reports();
      go();
    }
}
GST_END_TEST;

// Another one comes, and knows all inputs and what was set of each, before the
// first one ended and since.
GST_START_TEST(test_a_worker_that_ends_is_replaced_while_it_plays) {
  const Mixer mixer = two(doing("crash",
                                "isolation=process on-error=silence "
                                "sink_0::params=\"p,gain=0.5\""),
                          57, "Scaling");
  GstPad *pad = gst_element_get_static_pad(mixer.python(), "sink_1");
  on_buffers(mixer.python(), "src", [&](GstBuffer *buffer) {
    // Nobody is there whom it could be told.
    if (GST_BUFFER_OFFSET(buffer) != 160) return;
    gst_util_set_object_arg(G_OBJECT(pad), "params", "p,loud=1,gain=2.0");
  });
  mixer.play();
  const std::vector<float> got = mixer.samples<float>();
  fail_unless_equals_int(int(got.size()), 800);
  for (size_t i = 0; i < got.size(); i++) {
    const double a = sent(0).sample(0, i) / 2, b = sent(1).sample(0, i);
    const double sum = i < 160 ? a + b : i < 240 ? 0 : a + 2 * b;
    if (double(got[i]) != sum)
      fail_unless(false, "frame %d: %g, not %g", int(i), double(got[i]), sum);
  }
  fail_unless_equals_uint64(mixer.stat("restarts"), 1);
  fail_unless_equals_int(said("added "), 4);
  const Reports reports = mixer.reports();
  fail_unless_equals_int(int(reports.size()), 2);
  expect_part(reports[0].text, "the worker");
  expect_part(reports[1].text, "input 1: ");
  expect_part(reports[1].text, "no InputParam 'loud'");
  gst_object_unref(pad);

  const Mixer through = two(
      doing("crash", "isolation=process on-error=passthrough"), 57, "Named");
  through.play();
  const std::vector<float> samples = through.samples<float>();
  expect_sum(samples, 0, 160, 0);
  for (size_t i = 160; i < 240; i++)
    fail_unless(samples[i] == float(sent(0).sample(0, i)));
  expect_sum(samples, 240, 800, 0);

  const Mixer last =
      two(doing("crash", "isolation=process on-error=silence restart=never"));
  gst_element_set_state(last.get(), GST_STATE_PLAYING);
  GstMessage *error = last.wait_for(GST_MESSAGE_ERROR);
  fail_unless(error != nullptr);
  gst_message_unref(error);
}
GST_END_TEST;

// An input that comes back is another one: no worker hears of what was set of
// it before it went, and each that comes does of what is set of it now.
GST_START_TEST(test_a_worker_that_comes_knows_an_input_that_came_back) {
  Pipeline pipeline(mixing("isolation=process on-error=silence "
                           "max-restarts=1000",
                           "Scaling") +
                    " ! fakesink sync=false" +
                    tested("sink_0", "wave=silence"));
  GstElement *python = pipeline.python();
  const Last last(python);
  pipeline.expect_to(GST_STATE_PLAYING);
  for (const bool set : {false, true}) {
    {
      const Joined before(python, a_quarter, last.end(), "p,gain=2.0");
      last.expect(0.5f);
    }
    last.expect(0);
    const guint64 restarts = pipeline.stat("restarts");
    const pid_t worker = worker_of(python);
    fail_unless(worker != 0);
    // It is told of nobody, or of what it is lost with.
    if (set) kill(worker, SIGKILL);
    const Joined again(python, a_quarter, last.end(), set ? "p,gain=3.0" : "");
    if (!set) {
      last.expect(0.25f);
      kill(worker, SIGKILL);
    }
    fail_unless(
        wait_until([&] { return pipeline.stat("restarts") > restarts; }));
    const GstClockTime then = last.end();
    fail_unless(wait_until([&] {
      return last.end() > then + 100 * GST_MSECOND && last.sample() != 0;
    }));
    fail_unless(last.sample() == (set ? 0.75f : 0.25f), "%g",
                double(last.sample()));
  }
  for (const Report &report : pipeline.reports())
    expect_part(report.text, "the worker");
}
GST_END_TEST;

// It may end at any time: the next one knows which inputs there are by then.
GST_START_TEST(test_inputs_come_while_workers_go) {
  Pipeline pipeline(mixing("isolation=process on-error=silence "
                           "max-restarts=1000") +
                    " ! fakesink sync=false" + tested("sink_0"));
  GstElement *python = pipeline.python();
  Output output(python);
  pipeline.expect_to(GST_STATE_PLAYING);
  const int rounds = soak_count(6, 300);
  for (int i = 0; i < rounds; i++) {
    pid_t now = 0;
    fail_unless(wait_until([&] { return (now = worker_of(python)) != 0; }));
    if (i % 3) kill(now, SIGKILL);
    {
      const Joined other(python, "audiotestsrc", 0);
      if (i % 3 == 0) kill(now, SIGKILL);
      fail_unless(output.wait_for(output.count() + 2));
    }
    fail_unless(output.wait_for(output.count() + 2));
  }
  for (const Report &report : pipeline.reports())
    fail_unless(report.type == GST_MESSAGE_WARNING, "%s", report.text.c_str());
  fail_unless(said("added ") > rounds);
}
GST_END_TEST;

// What it makes of a block later on is for nobody; the next ones are its own.
GST_START_TEST(test_a_call_that_is_late_is_a_glitch) {
  const Mixer mixer =
      two(doing("be_late", "isolation=process on-error=silence deadline=100"));
  mixer.play();
  const std::vector<float> got = mixer.samples<float>();
  fail_unless_equals_int(int(got.size()), 800);
  const guint64 silent = count_silent(got, 80, wanted);
  fail_unless(silent > 0);
  fail_unless_equals_uint64(mixer.stat("missed-deadlines"), silent);
  fail_unless_equals_uint64(mixer.stat("restarts"), 0);
}
GST_END_TEST;

GST_START_TEST(test_a_live_pipeline_knows_its_deadline) {
  expect_to_tell_a_deadline(
      Pipeline(mixing("isolation=process") + " ! fakesink sync=false" +
               tested("sink_0", "is-live=true")),
      "src");
}
GST_END_TEST;

// What was set of an input is so for the new code, too.
GST_START_TEST(test_code_is_loaded_anew_between_two_blocks) {
  const std::string file = folder() + "/reloaded.py";
  const auto write = [&](const char *inputs, int factor) {
    const std::string text =
        "from base_plugin import AudioMixerPlugin, InputParam\n"
        "class Constant(AudioMixerPlugin):\n"
        "    inputs = " +
        std::string(inputs) +
        "\n"
        "    gain = InputParam(1.0, min=0, max=8)\n"
        "    def mix_audio(self, output, inputs):\n"
        "        output.data[:] = inputs['0'].gain * " +
        std::to_string(factor) + "\n";
    fail_unless(g_file_set_contents(file.c_str(), text.c_str(), -1, nullptr));
  };
  write("(1, 4)", 4);
  Pipeline pipeline(
      line_of("pythonmixer", file, "sink_0::params=\"p,gain=0.5\"") +
      " ! fakesink sync=false" + tested("sink_0"));
  expect_new_code_for_the_same_pads(
      &pipeline, "src", 2, 5, [&] { write("(1, 4)", 10); },
      [&] { write("(2, 3)", 20); });
}
GST_END_TEST;

// With drain() and without, which is asked by blocks without inputs.
GST_START_TEST(test_what_the_old_code_holds_comes_before_the_new) {
  for (const char *cls : {"Delaying", "DelayingDrained"})
    expect_new_code_to_lose_nothing(
        Pipeline(mixing("params=\"p,frames=100\"", cls) +
                 " ! fakesink sync=false" +
                 source_line("source", sent(0).audio, "python.sink_0",
                             "block=true max-bytes=4000")),
        "src", sent(0), [](size_t i) { return sent(0).sample(0, i); });
}
GST_END_TEST;

Suite *mixing_suite() {
  Suite *suite = suite_create("mixing");
  TCase *mixing = new_case(suite, "mixing");
  tcase_add_test(mixing, test_inputs_come_and_go_while_it_plays);
  tcase_add_test(mixing, test_a_live_input_that_stops_is_late);
  tcase_add_test(mixing, test_an_end_that_is_asked_for_is_one);
  tcase_add_test(mixing,
                 test_an_end_that_is_asked_for_comes_before_streams_begin);
  tcase_add_test(mixing, test_silence_that_is_told_is_a_gap);
  tcase_add_test(mixing, test_a_flush_does_not_wait_for_a_call_that_sleeps);
  tcase_add_test(mixing,
                 test_a_flush_does_not_wait_for_an_input_without_a_link);
  tcase_add_test(mixing, test_it_does_not_play_backwards);
  tcase_add_test(mixing, test_a_failed_call_ends_the_stream_or_does_not);
  tcase_add_test(mixing, test_one_input_goes_through_where_the_plugin_fails);
  tcase_add_test(mixing, test_kept_arrays_stay_as_they_were);
  tcase_add_test(mixing, test_nothing_that_is_kept_ever_changes);
  tcase_add_test(mixing, test_inputs_have_parameters);
  tcase_add_test(mixing, test_an_input_in_the_place_of_another_begins_anew);
  tcase_add_test(mixing, test_code_is_loaded_anew_between_two_blocks);
  tcase_add_test(mixing, test_what_the_old_code_holds_comes_before_the_new);
  constexpr char once[] = "it is in a process of its own in any case";
  add_test_here(mixing, test_a_worker_that_ends_is_replaced_while_it_plays,
                once);
  add_test_here(mixing, test_a_worker_that_comes_knows_an_input_that_came_back,
                once);
  add_test_here(mixing, test_inputs_come_while_workers_go, once);
  add_test_here(mixing, test_a_call_that_is_late_is_a_glitch, once);
  add_test_here(mixing, test_a_live_pipeline_knows_its_deadline, once);
  return suite;
}

GST_CHECK_MAIN(mixing);
