// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Several inputs, one output: what lies beside what, which formats, and when it
// ends. audiomixer says what is right.
#include <algorithm>

#include "../support/mixing.hpp"

using namespace check;

namespace {

const std::string theirs = "audiomixer name=python ";

// What comes out of one, a buffer at a time.
class Blocks : public FedMixer {
 public:
  Blocks(const std::string &mixer, const Sources &sources)
      : FedMixer(mixer, sources, "appsink name=sink sync=false max-buffers=8"),
        sink_(find("sink")) {
    gst_element_set_state(get(), GST_STATE_PLAYING);
  }
  ~Blocks() { gst_object_unref(sink_); }
  // NULL: there is no other.
  GstSample *next() const {
    GstSample *sample = nullptr;
    g_signal_emit_by_name(sink_, "try-pull-sample",
                          GstClockTime(patience) * GST_SECOND, &sample);
    return sample;
  }

 private:
  GstElement *const sink_;
};

void expect_same(GstSample *got, GstSample *wanted) {
  GstBuffer *ours = gst_sample_get_buffer(got);
  GstBuffer *other = gst_sample_get_buffer(wanted);
  fail_unless_equals_clocktime(GST_BUFFER_PTS(ours), GST_BUFFER_PTS(other));
  GstMapInfo map;
  fail_unless(gst_buffer_map(other, &map, GST_MAP_READ));
  fail_unless_equals_int(int(gst_buffer_get_size(ours)), int(map.size));
  fail_unless(gst_buffer_memcmp(ours, 0, map.data, map.size) == 0,
              "the samples at %" GST_TIME_FORMAT,
              GST_TIME_ARGS(GST_BUFFER_PTS(ours)));
  gst_buffer_unmap(other, &map);
}

// Both play the same; the samples are the same, and so are the times. Block by
// block, however long that is.
void expect_as_audiomixer(const std::string &properties,
                          const Sources &sources) {
  const Blocks ours(mixing(properties), sources);
  const Blocks other(theirs + properties, sources);
  int count = 0;
  for (;; count++) {
    GstSample *got = ours.next(), *wanted = other.next();
    if (!got && !wanted) break;
    fail_unless(got && wanted, "%s ends after %d blocks",
                got ? "audiomixer" : "ours", count);
    expect_same(got, wanted);
    gst_sample_unref(got);
    gst_sample_unref(wanted);
  }
  fail_unless(count > 0);
  ours.expect_eos();
  other.expect_eos();
  ours.expect_no_reports();
}

Sent sent(const char *format, int channels, int seed, size_t frames = 4000,
          GstClockTime begin = 0) {
  Sent made;
  made.audio = {format, false, channels, 8000};
  made.frames = frames;
  made.begin = begin;
  made.seed = seed;
  made.piece = 57 + 10 * size_t(seed);
  return made;
}

}  // namespace

GST_START_TEST(test_a_sum_is_audiomixers) {
  for (const char *format : {"F32", "S16"})
    for (const int channels : {1, 2})
      expect_as_audiomixer(
          "", {{"sink_0", sent(format, channels, 0)},
               {"sink_1", sent(format, channels, 1, 3000, 33333333)},
               {"sink_2", sent(format, channels, 2, 2500, 101000000)}});
}
GST_END_TEST;

// Two clocks, 37 ppm apart: each jump is made where audiomixer makes it.
GST_START_TEST(test_clocks_that_differ_are_aligned_as_by_audiomixer) {
  const size_t frames = 8000 * size_t(soak_count(20, 3600));
  Sent exact = sent("S16", 1, 0, frames), fast = sent("S16", 1, 1, frames);
  exact.piece = 400;
  fast.piece = 331;
  fast.ppm = 37;
  for (const char *properties :
       {"", "alignment-threshold=250000 discont-wait=0"})
    expect_as_audiomixer(properties, {{"sink_0", exact}, {"sink_1", fast}});
}
GST_END_TEST;

GST_START_TEST(test_a_block_that_one_buffer_covers_is_not_copied) {
  Sent whole = sent("F32", 1, 0);
  whole.piece = 80;
  Mixer mixer(mixing(), {{"sink_0", whole}, {"sink_1", whole}});
  mixer.play();
  fail_unless_equals_uint64(mixer.stat("buffers"), 50);
  fail_unless_equals_uint64(mixer.stat("copies"), 0);
  Mixer other(mixing(), {{"sink_0", whole}, {"sink_1", sent("F32", 1, 1)}});
  other.play();
  fail_unless(other.stat("copies") > 0 && other.stat("copies") <= 50);
}
GST_END_TEST;

// The output ends when all inputs have that are not optional.
GST_START_TEST(test_the_end_is_that_of_the_last_that_is_not_optional) {
  for (std::vector<size_t> lengths : {std::vector<size_t>{333, 777, 2222},
                                      {0, 80, 500},
                                      {0, 0, 500},
                                      {400, 400, 400}})
    do {
      Mixer mixer(mixing("", "Named"),
                  {{"sink_a", sent("F32", 1, 0, lengths[0])},
                   {"sink_b", sent("F32", 1, 1, lengths[1])},
                   {"sink_c", sent("F32", 1, 2, lengths[2])}});
      mixer.play();
      const std::vector<float> got = mixer.samples<float>();
      fail_unless_equals_int(int(got.size()),
                             int(std::max(lengths[0], lengths[1])));
      for (size_t i = 0; i < got.size(); i++) {
        float wanted = 0;
        for (int seed = 0; seed < 3; seed++)
          if (i < lengths[size_t(seed)])
            wanted += float(sent("F32", 1, seed).sample(0, i));
        if (got[i] != wanted)
          fail_unless(false, "frame %d: %g, not %g", int(i), double(got[i]),
                      double(wanted));
      }
      mixer.expect_no_reports();
    } while (std::next_permutation(lengths.begin(), lengths.end()));
}
GST_END_TEST;

// An input that nobody is linked to, and that is optional or not, is silent.
GST_START_TEST(test_an_input_without_a_link_is_no_input) {
  Mixer mixer(mixing("", "Named"), {{"sink_a", sent("F32", 1, 0, 500)}});
  mixer.play();
  fail_unless_equals_int(int(mixer.samples<float>().size()), 500);
  mixer.expect_no_reports();
}
GST_END_TEST;

// Of what comes out late the times are moved back, and as much comes out as
// went in, with drain() and without it.
GST_START_TEST(test_what_comes_late_has_the_time_at_which_it_went_in) {
  for (const char *cls : {"Delaying", "DelayingDrained"})
    for (const int frames : {0, 7, 80, 200, 5000}) {
      Mixer mixer(
          mixing("params=\"p,frames=" + std::to_string(frames) + "\"", cls),
          {{"sink_0", sent("F32", 1, 0, 777)},
           {"sink_1", sent("F32", 1, 1, 500)}});
      mixer.play();
      const std::vector<float> got = mixer.samples<float>();
      fail_unless_equals_int(int(got.size()), 777);
      for (size_t i = 0; i < got.size(); i++) {
        const double wanted = sent("F32", 1, 0).sample(0, i) +
                              (i < 500 ? sent("F32", 1, 1).sample(0, i) : 0);
        if (double(got[i]) != wanted)
          fail_unless(false, "%s, %d: frame %d: %g, not %g", cls, frames,
                      int(i), double(got[i]), wanted);
      }
      mixer.expect_in_a_row(0);
      fail_unless(mixer.disconts()[0]);
      mixer.expect_no_reports();
    }
}
GST_END_TEST;

// From the next block on; what was heard already is left out.
GST_START_TEST(test_what_comes_later_from_now_on_has_its_time) {
  for (const char *cls : {"Delaying", "DelayingDrained"}) {
    Mixer mixer(mixing("params=\"p,frames=7\"", cls),
                {{"sink_0", sent("F32", 1, 0, 777)}});
    GstElement *python = mixer.python();
    on_buffers(python, "src", [python](GstBuffer *buffer) {
      if (GST_BUFFER_OFFSET_END(buffer) == 313)
        gst_util_set_object_arg(G_OBJECT(python), "params", "p,frames=100");
    });
    mixer.play();
    const std::vector<float> got = mixer.samples<float>();
    fail_unless_equals_int(int(got.size()), 777);
    for (size_t i = 0; i < got.size(); i++)
      if (got[i] != float(sent("F32", 1, 0).sample(0, i)))
        fail_unless(false, "%s: frame %d: %g", cls, int(i), double(got[i]));
    mixer.expect_in_a_row(0);
    mixer.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_the_plugins_latency_is_told) {
  GstClockTime told[2];
  for (const bool late : {false, true}) {
    Pipeline pipeline(
        mixing(late ? "params=\"p,frames=400\"" : "", "Delaying") +
        " ! fakesink sync=false" + tested("sink_0", "is-live=true"));
    const Output output(pipeline.python());
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    fail_unless(output.wait_for(1));
    told[late] = latency_of(pipeline.python());
  }
  fail_unless_equals_uint64(told[1], told[0] + 50 * GST_MSECOND);
}
GST_END_TEST;

// The last one is filled up, as a filter's is.
GST_START_TEST(test_the_last_block_is_as_long_as_the_others) {
  for (const char *cls : {"Blocks", "Rests"}) {
    Mixer mixer(mixing("", cls), {{"sink_0", sent("F32", 1, 0, 200)}});
    mixer.play();
    const std::vector<float> got = mixer.samples<float>();
    fail_unless_equals_int(int(got.size()), 200);
    for (size_t i = 0; i < got.size(); i++)
      fail_unless(got[i] == float(sent("F32", 1, 0).sample(0, i)));
    mixer.expect_in_a_row(0);
    mixer.expect_no_reports();
  }
  expect_part(log_text(), "block 64\nblock 64\nblock 64\nblock 8\n");
}
GST_END_TEST;

GST_START_TEST(test_inputs_have_formats_of_their_own) {
  Mixer mixer(mixing("", "Averaging"), {{"sink_a", sent("F32", 2, 0, 500)},
                                        {"sink_b", sent("S16", 1, 1, 500)}});
  mixer.play();
  const std::vector<float> got = mixer.samples<float>();
  fail_unless_equals_int(int(got.size()), 500);
  const Sent a = sent("F32", 2, 0), b = sent("S16", 1, 1);
  for (size_t i = 0; i < got.size(); i++) {
    const double wanted =
        (a.sample(0, i) + a.sample(1, i)) / 2 + b.sample(0, i) / 32768;
    if (std::abs(double(got[i]) - wanted) > 0.01)
      fail_unless(false, "frame %d: %g, not %g", int(i), double(got[i]),
                  wanted);
  }
  GstCaps *caps = caps_on(mixer.python(), "src");
  const GstStructure *fields = gst_caps_get_structure(caps, 0);
  int channels;
  fail_unless(gst_structure_get_int(fields, "channels", &channels));
  fail_unless_equals_int(channels, 1);
  gst_caps_unref(caps);
}
GST_END_TEST;

// In the middle of a block, too: what is there of it becomes what comes.
GST_START_TEST(test_the_caps_of_one_input_change) {
  Sent first = sent("F32", 2, 0, 500);
  // What fits into 16 bits: the rest of a block of floats becomes that.
  first.unit = 1.0 / 1024;
  Sent then = sent("S16", 1, 3, 700);
  const Sent other = sent("F32", 1, 1, 1200);
  Pipeline changing(mixing("", "Averaging") +
                    " ! fakesink name=sink sync=false" +
                    source_line("from_sink_a", first.audio, "python.sink_a") +
                    source_line("from_sink_b", other.audio, "python.sink_b"));
  std::vector<float> got;
  on_buffers(changing.python(), "src", [&](GstBuffer *buffer) {
    const size_t before = got.size();
    got.resize(before + gst_buffer_get_size(buffer) / sizeof(float));
    gst_buffer_extract(buffer, 0, got.data() + before, gsize(-1));
  });
  const auto push = [&](const char *name, const Sent &what, bool ends) {
    GstElement *to = gst_bin_get_by_name(GST_BIN(changing.get()), name);
    GstCaps *caps = what.audio.caps();
    g_object_set(to, "caps", caps, nullptr);
    gst_caps_unref(caps);
    for (size_t i = 0; i < what.frames; i += what.piece)
      push_to(to, what.buffer(i, std::min(what.piece, what.frames - i)));
    if (ends) end_of(to);
    gst_object_unref(to);
  };
  then.begin = gst_util_uint64_scale(500, GST_SECOND, 8000);
  push("from_sink_b", other, true);
  push("from_sink_a", first, false);
  push("from_sink_a", then, true);
  gst_element_set_state(changing.get(), GST_STATE_PLAYING);
  changing.expect_eos();
  fail_unless_equals_int(int(got.size()), 1200);
  for (size_t i = 0; i < got.size(); i++) {
    const double a = i < 500 ? (first.sample(0, i) + first.sample(1, i)) / 2
                             : then.sample(0, i - 500) / 32768;
    if (std::abs(double(got[i]) - a - other.sample(0, i)) > 1.0 / 32768)
      fail_unless(false, "frame %d: %g, not %g", int(i), double(got[i]),
                  a + other.sample(0, i));
  }
}
GST_END_TEST;

GST_START_TEST(test_what_a_pad_cannot_be_is_said) {
  struct {
    const char *cls, *pad, *part;
  } const wrongs[] = {
      {"Named", "sink_0", "its pads are sink_a, sink_b, sink_c"},
      {"Named", "sink_d", "no input for the pad sink_d"},
      {"Mixing", "sink_a", "its pads are sink_0, sink_1"}};
  for (const auto &wrong : wrongs) {
    Mixer mixer(mixing("", wrong.cls), {{wrong.pad, sent("F32", 1, 0, 0)}});
    fail_unless(!mixer.to(GST_STATE_PAUSED));
    const Reports reports = mixer.reports();
    fail_unless_equals_int(int(reports.size()), 1);
    expect_part(reports[0].text, wrong.part);
  }
}
GST_END_TEST;

GST_START_TEST(test_what_an_input_does_not_take_is_said) {
  struct {
    const char *caps, *part;
  } const wrongs[] = {{"format=S24LE,rate=8000,channels=1", "audioconvert"},
                      {"format=S16LE,rate=9000,channels=1", "audioresample"}};
  for (const auto &wrong : wrongs) {
    const std::string other = std::string("audio/x-raw,") + wrong.caps;
    Pipeline pipeline(mixing("sample-rate=8000") +
                      " ! fakesink async=false"
                      " audiotestsrc ! " +
                      other + " ! python.sink_0");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
    fail_unless(message != nullptr);
    Reports reports;
    reports.push_back(report_in(message));
    expect_part(reports[0].text, wrong.part);
    gst_message_unref(message);
  }
}
GST_END_TEST;

Suite *mixer_suite() {
  Suite *suite = suite_create("mixer");
  TCase *mixer = new_case(suite, "mixer");
  tcase_add_test(mixer, test_a_sum_is_audiomixers);
  tcase_add_test(mixer, test_clocks_that_differ_are_aligned_as_by_audiomixer);
  tcase_add_test(mixer, test_a_block_that_one_buffer_covers_is_not_copied);
  tcase_add_test(mixer, test_the_end_is_that_of_the_last_that_is_not_optional);
  tcase_add_test(mixer, test_an_input_without_a_link_is_no_input);
  tcase_add_test(mixer, test_what_comes_late_has_the_time_at_which_it_went_in);
  tcase_add_test(mixer, test_what_comes_later_from_now_on_has_its_time);
  tcase_add_test(mixer, test_the_plugins_latency_is_told);
  tcase_add_test(mixer, test_the_last_block_is_as_long_as_the_others);
  tcase_add_test(mixer, test_inputs_have_formats_of_their_own);
  tcase_add_test(mixer, test_the_caps_of_one_input_change);
  tcase_add_test(mixer, test_what_a_pad_cannot_be_is_said);
  tcase_add_test(mixer, test_what_an_input_does_not_take_is_said);
  return suite;
}

GST_CHECK_MAIN(mixer);
