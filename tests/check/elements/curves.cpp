// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Parameters that a GstController moves: a value at the start of each buffer,
// and one for each frame where the plugin asks for it.
#include <cmath>
#include <random>

#include <gst/controller/controller.h>

#include "../support/parameters.hpp"
#include "../support/splitting.hpp"

using namespace check;

namespace {

const std::string curved = plugin_file("curved.py");
// The same as a function that gets an array.
const std::string both[] = {curved, plugin_file("c_curved.py")};

using Points = std::vector<std::pair<GstClockTime, double>>;

// Binds a property of the plugin's to straight lines between points.
void control(GObject *child, const char *name, const Points &points,
             bool absolute = true,
             GstInterpolationMode mode = GST_INTERPOLATION_MODE_LINEAR) {
  GstControlSource *source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", mode, nullptr);
  for (const auto &[time, value] : points)
    gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source),
                                       time, value);
  auto *object = GST_OBJECT(child);
  fail_unless(gst_object_add_control_binding(
      object,
      absolute ? gst_direct_control_binding_new_absolute(object, name, source)
               : gst_direct_control_binding_new(object, name, source)));
  gst_object_unref(source);
}

GstClockTime time_of(guint64 frame, int rate) {
  return gst_util_uint64_scale_round(frame, GST_SECOND, guint64(rate));
}

// One channel of F32, so that the output is the curve.
Audio mono(int rate) {
  Audio audio;
  audio.channels = 1;
  audio.rate = rate;
  return audio;
}

// Pushes `frames` as the stream's from `first` on, and appends what comes out.
void push_at(Stream *stream, GstClockTime pts, size_t frames,
             std::vector<float> *heard) {
  GstBuffer *buffer = new_buffer(stream->audio(), frames);
  GST_BUFFER_PTS(buffer) = pts;
  GstBuffer *out = stream->through(buffer);
  const size_t before = heard->size();
  heard->resize(before + frames);
  fail_unless_equals_uint64(
      gst_buffer_extract(out, 0, heard->data() + before, frames * 4),
      frames * 4);
  gst_buffer_unref(out);
}

// Buffers of any size from one frame on; `origin` is the time of the first.
std::vector<float> play(Stream *stream, size_t frames, unsigned seed,
                        GstClockTime origin = 0) {
  std::mt19937 random(seed);
  std::vector<float> heard;
  while (heard.size() < frames) {
    const size_t size =
        std::min(frames - heard.size(), size_t(1 + random() % 2000));
    push_at(stream, origin + time_of(heard.size(), stream->audio().rate), size,
            &heard);
  }
  return heard;
}

// `ideal` in double is the same float, for each frame.
void expect_curve(const std::vector<float> &heard,
                  const std::function<double(size_t)> &ideal) {
  for (size_t i = 0; i < heard.size(); i++)
    fail_unless(heard[i] == float(ideal(i)), "frame %d: %.9g, not %.9g", int(i),
                double(heard[i]), ideal(i));
}

void set_segment(Stream *stream, GstClockTime start, GstClockTime time,
                 double applied_rate = 1) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.position = start;
  segment.time = time;
  segment.applied_rate = applied_rate;
  fail_unless(stream->push_event(gst_event_new_segment(&segment)));
}

// What goes into a mixer's pad from nowhere, and what comes out.
class Input {
 public:
  explicit Input(const char *mixer)
      : pipeline_(std::string(mixer) + " name=python ! fakesink sync=false"),
        heard_(pipeline_.python(), "src") {
    sink_ = gst_element_request_pad_simple(pipeline_.python(), "sink_%u");
    from_ = gst_pad_new("from", GST_PAD_SRC);
    gst_pad_set_active(from_, TRUE);
    fail_unless_equals_int(gst_pad_link(from_, sink_), GST_PAD_LINK_OK);
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    GstCaps *caps = mono(8000).caps();
    push(gst_event_new_stream_start("input"));
    push(gst_event_new_caps(caps));
    gst_caps_unref(caps);
  }
  ~Input() {
    pipeline_.expect_null();
    gst_element_release_request_pad(pipeline_.python(), sink_);
    gst_object_unref(sink_);
    gst_object_unref(from_);
  }
  GstPad *pad() const { return sink_; }
  void push(GstEvent *event) const {
    fail_unless(gst_pad_push_event(from_, event));
  }
  // From there on, as that time of the stream.
  void begin(GstClockTime start, GstClockTime time) const {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.position = start;
    segment.time = time;
    push(gst_event_new_segment(&segment));
  }
  void push_at(GstClockTime pts, size_t frames) const {
    GstBuffer *buffer = new_buffer(mono(8000), frames);
    GST_BUFFER_PTS(buffer) = pts;
    GST_BUFFER_DURATION(buffer) = time_of(frames, 8000);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    fail_unless_equals_int(gst_pad_push(from_, buffer), GST_FLOW_OK);
  }
  std::vector<float> heard() const { return heard_.samples<float>(); }
  const Pipeline &pipeline() const { return pipeline_; }

 private:
  const Pipeline pipeline_;
  const Heard heard_;
  GstPad *sink_, *from_;
};

}  // namespace

GST_START_TEST(test_a_linear_fade_is_a_straight_line_to_the_last_bit) {
  for (int rate : {44100, 48000, 22050, 44099}) {
    if (__i__ && rate != 44100) continue;
    for (unsigned seed = 0; seed < soak_count(1u, 3u); seed++) {
      Stream stream(both[__i__], mono(rate));
      const Child child = child_of(stream.get());
      control(child.get(), "gain", {{0, 0}, {GST_SECOND, 1}});
      expect_curve(play(&stream, size_t(rate), seed),
                   [&](size_t i) { return double(i) / rate; });
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_fade_is_the_same_in_buffers_of_any_size) {
  const int rate = 44100;
  for (const int size : {1, 7, 480, 4096}) {
    if (__i__ && size < 480) continue;
    for (const guint64 origin :
         {guint64(0), guint64(12345678), guint64(1999990000)}) {
      Stream stream(both[__i__], mono(rate));
      const Child child = child_of(stream.get());
      control(child.get(), "gain", {{0, 0}, {4 * GST_SECOND, 4}});
      std::vector<float> heard;
      while (heard.size() < (size == 1 ? 2000 : 9000))
        push_at(&stream, origin + time_of(heard.size(), rate), size_t(size),
                &heard);
      expect_curve(heard, [&](size_t i) {
        return double(origin) / 1e9 + double(i) / rate;
      });
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_binding_of_shares_of_the_range) {
  Stream stream(curved, mono(44100));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, 1}, {GST_SECOND, 0.5}}, false);
  expect_curve(play(&stream, 44100, 7),
               [](size_t i) { return 4 - 2 * (double(i) / 44100); });
}
GST_END_TEST;

GST_START_TEST(test_a_stream_that_begins_between_the_samples) {
  const GstClockTime origin = 12345678;
  Stream stream(curved, mono(44100));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, 0}, {2 * GST_SECOND, 2}});
  expect_curve(play(&stream, 44100, 3, origin), [&](size_t i) {
    return double(origin) / 1e9 + double(i) / 44100;
  });
}
GST_END_TEST;

GST_START_TEST(test_curves_follow_the_time_of_the_stream) {
  Stream stream(curved, mono(48000));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, 0}, {4 * GST_SECOND, 4}});
  set_segment(&stream, GST_SECOND, 3 * GST_SECOND);
  expect_curve(play(&stream, 4800, 1, GST_SECOND),
               [](size_t i) { return 3 + double(i) / 48000; });
  // Played at twice the speed by somebody upstream.
  set_segment(&stream, 0, 0, 2);
  const std::vector<float> fast = play(&stream, 4800, 2);
  for (size_t i = 0; i < fast.size(); i++)
    fail_unless(std::abs(double(fast[i]) - 2 * double(i) / 48000) < 1e-8);
}
GST_END_TEST;

GST_START_TEST(test_an_unbound_curve_is_the_value) {
  Stream stream(both[__i__], mono(48000));
  const Child child = child_of(stream.get());
  expect_curve(play(&stream, 3000, 1), [](size_t) { return 1.0; });
  g_object_set(child.get(), "gain", 0.3, nullptr);
  expect_curve(play(&stream, 3000, 1), [](size_t) { return 0.3; });
  // A buffer without a time, a binding that is off, one that knows nothing yet.
  control(child.get(), "gain", {{GST_SECOND, 2}});
  std::vector<float> heard;
  push_at(&stream, GST_CLOCK_TIME_NONE, 100, &heard);
  push_at(&stream, 0, 100, &heard);
  gst_object_set_control_binding_disabled(GST_OBJECT(child.get()), "gain",
                                          TRUE);
  push_at(&stream, GST_SECOND, 100, &heard);
  expect_curve(heard, [](size_t) { return 0.3; });
  gst_object_set_control_binding_disabled(GST_OBJECT(child.get()), "gain",
                                          FALSE);
  heard.clear();
  push_at(&stream, GST_SECOND, 100, &heard);
  expect_curve(heard, [](size_t) { return 2.0; });
  auto *object = GST_OBJECT(child.get());
  GstControlBinding *binding = gst_object_get_control_binding(object, "gain");
  fail_unless(gst_object_remove_control_binding(object, binding));
  gst_object_unref(binding);
  g_object_set(child.get(), "gain", 0.5, nullptr);
  heard.clear();
  push_at(&stream, GST_SECOND, 100, &heard);
  expect_curve(heard, [](size_t) { return 0.5; });
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_curve_stays_within_the_range) {
  Stream stream(curved, mono(48000));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, -1}, {GST_SECOND, 7}});
  expect_curve(play(&stream, 48000, 1), [](size_t i) {
    return std::min(4.0, std::max(0.0, -1 + 8 * (double(i) / 48000)));
  });
  fail_unless(number_of(child.get(), "gain") == 4);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_curve_is_the_plugins_own_array) {
  Stream stream(curved, mono(48000));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, 0}, {GST_SECOND, 1}});
  std::vector<float> heard;
  stream.set("params", "p,probe=type");
  push_at(&stream, 0, 64, &heard);
  push_at(&stream, GST_SECOND / 2, 64, &heard);
  expect_text(log_text(), "float32 (64,) True 0.0\nfloat32 (64,) True 0.5\n");
  clear_log();
  stream.set("params", "p,probe=name");
  push_at(&stream, 0, 64, &heard);
  expect_part(log_text(), "no curve probe: name it in the class attribute");
  fail_unless_equals_uint64(stream.stat("escapes"), 0);
}
GST_END_TEST;

GST_START_TEST(test_a_curve_that_was_kept_stays_and_is_not_to_be_had_later) {
  Stream stream(write_file("late.py", R"(
from base_plugin import AudioProcessorPlugin, Param
from checklog import say
class Late(AudioProcessorPlugin):
    curves = ("gain",)
    gain = Param(1.0, min=0.0, max=4.0)
    kept = buffer = None
    def process_audio(self, buffer):
        if self.kept is not None:
            say(self.kept[0], self.kept[-1] < 0.01)
            try:
                self.buffer.curve("gain")
            except RuntimeError as error:
                say(error)
        self.kept, self.buffer = buffer.curve("gain"), buffer
)"),
                mono(48000));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, 0}, {GST_SECOND, 1}});
  std::vector<float> heard;
  push_at(&stream, 0, 64, &heard);
  push_at(&stream, GST_SECOND, 64, &heard);
  expect_part(log_text(),
              "0.0 True\na curve is there during the call only, and for");
}
GST_END_TEST;

GST_START_TEST(test_other_plugins_get_the_value_at_the_start_of_each_buffer) {
  Stream stream(write_file("stepping.py", R"(
from base_plugin import AudioProcessorPlugin, Param
class Stepping(AudioProcessorPlugin):
    gain = Param(1.0, min=0.0, max=4.0)
    count = Param(0)
    on = Param(False)
    def process_audio(self, buffer):
        buffer.data[:] = self.gain + 10 * self.count + 100 * self.on
)"),
                mono(48000));
  const Child child = child_of(stream.get());
  control(child.get(), "gain", {{0, 0}, {GST_SECOND, 1}});
  control(child.get(), "count", {{0, 0}, {GST_SECOND, 2}});
  control(child.get(), "on", {{0, 0}, {GST_SECOND, 1}});
  std::vector<float> heard;
  for (GstClockTime quarter : {0, 1, 4}) {
    const GstClockTime time = quarter * GST_SECOND / 4;
    heard.clear();
    push_at(&stream, time, 64, &heard);
    const double at = double(time) / 1e9;
    expect_curve(heard, [&](size_t) {
      return at + 10 * std::floor(2 * at) + (at >= 0.5 ? 100 : 0);
    });
    fail_unless(number_of(child.get(), "gain") == at);
  }
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_source_and_its_curve) {
  const std::string script = write_file("curved_source.py", R"(
from base_plugin import AudioSourcePlugin, Param
class Curved(AudioSourcePlugin):
    curves = ("level",)
    level = Param(0.0, min=0.0, max=1.0)
    def get_sample_rate(self):
        return 44100
    def get_channel_count(self):
        return 1
    def get_buffer_size(self):
        return 441
    def read_audio(self, buffer):
        buffer.data[:] = buffer.curve("level")
)");
  GstElement *source = gst_element_factory_make("pythonsrc", nullptr);
  gst_object_ref_sink(source);
  g_object_set(source, "script", script.c_str(), nullptr);
  fail_unless(gst_element_set_state(source, GST_STATE_READY) ==
              GST_STATE_CHANGE_SUCCESS);
  control(child_of(source).get(), "level", {{0, 0}, {GST_SECOND, 1}});
  GstHarness *harness = gst_harness_new_with_element(source, nullptr, "src");
  gst_harness_play(harness);
  std::vector<float> heard;
  while (heard.size() < 44100) {
    GstBuffer *buffer = gst_harness_pull(harness);
    fail_unless(buffer != nullptr);
    const size_t before = heard.size();
    heard.resize(before + 441);
    gst_buffer_extract(buffer, 0, heard.data() + before, 441 * 4);
    gst_buffer_unref(buffer);
  }
  expect_curve(heard, [](size_t i) { return double(i) / 44100; });
  gst_harness_teardown(harness);
  gst_element_set_state(source, GST_STATE_NULL);
  gst_object_unref(source);
}
GST_END_TEST;

// By the time of its own stream, through a hole and where a flush leads to.
GST_START_TEST(test_the_curve_of_an_input) {
  const Input input(__i__ ? "py-c-curve-sum" : "py-curve-sum");
  control(G_OBJECT(input.pad()), "gain", {{0, 0}, {8 * GST_SECOND, 8}});
  input.begin(GST_SECOND, 3 * GST_SECOND);
  input.push_at(GST_SECOND, 450);
  input.push_at(GST_SECOND + time_of(1000, 8000), 500);
  // What is left of the last block comes at the end, or never.
  fail_unless(wait_until([&] { return input.heard().size() >= 1500; }));
  expect_curve(input.heard(), [](size_t i) { return 3 + double(i) / 8000; });
  // The property is what the last block began with.
  const double gain = number_of(G_OBJECT(input.pad()), "gain");
  fail_unless(std::abs(gain - 3.175) < 1e-9, "%g", gain);
  input.push(gst_event_new_flush_start());
  input.push(gst_event_new_flush_stop(TRUE));
  input.begin(5 * GST_SECOND, 6 * GST_SECOND);
  input.push_at(5 * GST_SECOND, 430);
  input.push(gst_event_new_eos());
  input.pipeline().expect_eos();
  std::vector<float> heard = input.heard();
  heard.erase(heard.begin(), heard.begin() + 1500);
  fail_unless_equals_int(int(heard.size()), 430);
  expect_curve(heard, [](size_t i) { return 6 + double(i) / 8000; });
  input.pipeline().expect_no_reports();
}
GST_END_TEST;

// Its outputs have none of their own: all of them see the plugin's.
GST_START_TEST(test_a_splitter_and_its_parameters) {
  Sent blocks = sent(1);
  blocks.piece = 80;
  const std::string script = write_file("curved_splitter.py", R"(
from base_plugin import AudioSplitterPlugin, Param
class Curved(AudioSplitterPlugin):
    outputs = ("curve", "same", "step")
    curves = ("gain",)
    gain = Param(1.0, min=0.0, max=4.0)
    level = Param(1.0, min=0.0, max=4.0)
    count = Param(0)
    def split_audio(self, buffer, outputs):
        outputs["curve"].data[:] = buffer.curve("gain")
        outputs["same"].data[:] = outputs["step"].curve("gain")
        outputs["step"].data[:] = self.level + 10 * self.count
)");
  const Demixer demixer(line_of("pythondemixer", script), blocks,
                        {"src_curve", "src_same", "src_step"});
  fail_unless(demixer.to(GST_STATE_READY));
  const Child child = child_of(demixer.python());
  control(child.get(), "gain", {{0, 0}, {GST_SECOND, 1}});
  control(child.get(), "level", {{0, 0}, {GST_SECOND, 2}});
  // What the application sets is so from the next block on.
  on_buffers(demixer.python(), "src_curve", [&](GstBuffer *buffer) {
    const int next = int(GST_BUFFER_PTS(buffer) / (10 * GST_MSECOND)) + 1;
    g_object_set(child.get(), "count", next, nullptr);
  });
  demixer.play();
  for (const size_t output : {0, 1})
    expect_curve(demixer.samples<float>(output),
                 [](size_t i) { return double(i) / 8000; });
  const std::vector<float> steps = demixer.samples<float>(2);
  fail_unless_equals_int(int(steps.size()), 800);
  expect_curve(steps, [](size_t i) {
    const auto block = double(i / 80);
    return 0.02 * block + 10 * block;
  });
  demixer.expect_no_reports();
}
GST_END_TEST;

static Suite *curves_suite() {
  Suite *suite = suite_create("curves");
  TCase *curves = new_case(suite, "curves");
  tcase_add_loop_test(
      curves, test_a_linear_fade_is_a_straight_line_to_the_last_bit, 0, 2);
  tcase_add_loop_test(curves, test_a_fade_is_the_same_in_buffers_of_any_size, 0,
                      2);
  tcase_add_test(curves, test_a_binding_of_shares_of_the_range);
  tcase_add_test(curves, test_a_stream_that_begins_between_the_samples);
  tcase_add_test(curves, test_curves_follow_the_time_of_the_stream);
  tcase_add_loop_test(curves, test_an_unbound_curve_is_the_value, 0, 2);
  tcase_add_test(curves, test_a_curve_stays_within_the_range);
  tcase_add_test(curves, test_a_curve_is_the_plugins_own_array);
  tcase_add_test(curves,
                 test_a_curve_that_was_kept_stays_and_is_not_to_be_had_later);
  tcase_add_test(curves,
                 test_other_plugins_get_the_value_at_the_start_of_each_buffer);
  tcase_add_test(curves, test_a_source_and_its_curve);
  tcase_add_loop_test(curves, test_the_curve_of_an_input, 0, 2);
  tcase_add_test(curves, test_a_splitter_and_its_parameters);
  return suite;
}

GST_CHECK_MAIN(curves)
