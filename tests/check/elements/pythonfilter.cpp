// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The main job: exact samples through every format, layout and kind of plugin,
// in the memory that went in.
#include "../support/harness.hpp"

using namespace check;

struct Kind {
  const char *file;
  Number expected;
  bool in_place = true;
};

static const Kind kinds[] = {
    {"inplace.py", doubled},     {"rebind.py", doubled},
    {"returned.py", doubled},    {"function.py", doubled},
    {"untouched.py", number_at}, {"meter.py", number_at},
};

static const size_t frame_counts[] = {64, 1, 511, 512, 3, 512};

GST_START_TEST(test_samples_are_exact_in_every_format_and_layout) {
  const Kind &kind = kinds[__i__];
  for (const Audio &audio : every_audio()) {
    Stream stream(plugin_file(kind.file), audio);
    for (size_t frames : frame_counts) {
      GstBuffer *out = stream.through(new_buffer(audio, frames));
      fail_unless_equals_int(frames_of(out, audio), frames);
      expect_samples(out, audio, kind.expected);
      gst_buffer_unref(out);
    }
    fail_unless_equals_uint64(stream.stat("copies"), 0);
    fail_unless_equals_uint64(stream.stat("escapes"), 0);
    fail_unless_equals_uint64(stream.stat("errors"), 0);
    fail_unless_equals_uint64(stream.stat("buffers"), 6);
    fail_unless_equals_uint64(stream.stat("frames"), 1603);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_output_is_the_buffer_and_memory_that_went_in) {
  const Kind &kind = kinds[__i__];
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar};
    Stream stream(plugin_file(kind.file), audio);
    for (size_t frames : frame_counts) {
      GstBuffer *in = new_buffer(audio, frames);
      GstMemory *memory = gst_buffer_peek_memory(in, 0);
      const guint64 address = address_of(in);
      GstBuffer *out = stream.through(in);
      fail_unless(out == in);
      fail_unless(gst_buffer_peek_memory(out, 0) == memory);
      fail_unless(address_of(out) == address);
      fail_unless(gst_buffer_is_writable(out));
      gst_buffer_unref(out);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_times_offsets_and_flags_pass_through) {
  const Kind &kind = kinds[__i__];
  Stream stream(plugin_file(kind.file));
  for (GstBufferFlags flags :
       {GST_BUFFER_FLAG_DISCONT, GstBufferFlags(0), GST_BUFFER_FLAG_MARKER}) {
    GstBuffer *in = new_buffer(stream.audio());
    GST_BUFFER_PTS(in) = 3 * GST_SECOND;
    GST_BUFFER_DTS(in) = 2 * GST_SECOND;
    GST_BUFFER_DURATION(in) = 1234567;
    GST_BUFFER_OFFSET(in) = 42;
    GST_BUFFER_OFFSET_END(in) = 106;
    GST_BUFFER_FLAG_SET(in, flags);
    GstBuffer *out = stream.through(in);
    fail_unless_equals_uint64(GST_BUFFER_PTS(out), 3 * GST_SECOND);
    fail_unless_equals_uint64(GST_BUFFER_DTS(out), 2 * GST_SECOND);
    fail_unless_equals_uint64(GST_BUFFER_DURATION(out), 1234567);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(out), 42);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(out), 106);
    const auto mask =
        GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_GAP | GST_BUFFER_FLAG_MARKER;
    fail_unless_equals_int(GST_BUFFER_FLAGS(out) & mask, flags);
    gst_buffer_unref(out);
  }
}
GST_END_TEST;

GST_START_TEST(test_array_that_overlaps_the_buffer_is_copied_as_if_it_did_not) {
  for (const char *format : formats()) {
    const Audio audio = {format, false, 3};
    Stream stream(plugin_file("overlapping.py"), audio);
    stream.expect_through(
        [](int c, size_t i) { return doubled(2 - c, 63 - i); });
  }
}
GST_END_TEST;

GST_START_TEST(test_read_only_plugin_sees_every_sample_and_cannot_write) {
  for (const Audio &audio : every_audio()) {
    clear_log();
    double sum = 0;
    for (int c = 0; c < audio.channels; c++)
      for (size_t i = 0; i < 64; i++)
        sum += number_at(c, i);
    Stream stream(plugin_file("meter.py"), audio);
    stream.expect_through(number_at);
    stream.expect_through(number_at);
    stream.to(GST_STATE_NULL);
    expect_text(log_text(),
                "sum " + std::to_string(int(2 * sum)) + ", refused 2 of 2\n");
  }
}
GST_END_TEST;

// ---- caps -------------------------------------------------------------------

struct Attributes {
  const char *python, *caps;
};

#define NATIVE(format) GST_AUDIO_NE(format)
#define EITHER(fields)                     \
  "audio/x-raw,layout=interleaved," fields \
  ";"                                      \
  "audio/x-raw,layout=non-interleaved," fields
#define ANY_RATE "rate=[1,2147483647]"
#define ANY_CHANNELS "channels=[1,64]"

static const Attributes attributes[] = {
    {"pass", EITHER("format=" NATIVE(F32) "," ANY_RATE "," ANY_CHANNELS)},
    {"formats = 'S16'",
     EITHER("format=" NATIVE(S16) "," ANY_RATE "," ANY_CHANNELS)},
    {"formats = ('F32', 'S32')", EITHER("format={" NATIVE(F32) "," NATIVE(
                                     S32) "}," ANY_RATE "," ANY_CHANNELS)},
    {"formats = ('F64LE',)" /* as GStreamer writes it */,
     EITHER("format=F64LE," ANY_RATE "," ANY_CHANNELS)},
    {"layouts = ('interleaved',)",
     "audio/x-raw,layout=interleaved,format=" NATIVE(F32) "," ANY_RATE
                                                          "," ANY_CHANNELS},
    {"layouts = 'non-interleaved'",
     "audio/x-raw,layout=non-interleaved,format=" NATIVE(F32) "," ANY_RATE
                                                              "," ANY_CHANNELS},
    {"rates = 48000",
     EITHER("format=" NATIVE(F32) ",rate=48000," ANY_CHANNELS)},
    {"rates = (44100, 48000)",
     EITHER("format=" NATIVE(F32) ",rate={44100,48000}," ANY_CHANNELS)},
    {"rates = range(8000, 16001)",
     EITHER("format=" NATIVE(F32) ",rate=[8000,16000]," ANY_CHANNELS)},
    {"channels = 1", EITHER("format=" NATIVE(F32) "," ANY_RATE ",channels=1")},
    {"channels = range(1, 3)",
     EITHER("format=" NATIVE(F32) "," ANY_RATE ",channels=[1,2]")},
    {"channels = [2, 6]",
     EITHER("format=" NATIVE(F32) "," ANY_RATE ",channels={2,6}")},
};

static void expect_caps(const Element &element, const char *pad_name,
                        const char *text) {
  GstPad *pad = gst_element_get_static_pad(element.get(), pad_name);
  GstCaps *got = gst_pad_query_caps(pad, nullptr);
  GstCaps *want = gst_caps_from_string(text);
  char *shown = gst_caps_to_string(got);
  fail_unless(gst_caps_is_equal(got, want), "%s: %s, not %s", pad_name, shown,
              text);
  g_free(shown);
  gst_caps_unref(want);
  gst_caps_unref(got);
  gst_object_unref(pad);
}

GST_START_TEST(test_class_attributes_narrow_the_caps_from_ready_on) {
  for (const Attributes &row : attributes) {
    Element element(write_file(
        "narrow.py", std::string("class Narrow:\n    ") + row.python +
                         "\n    def process_audio(self, buffer): pass\n"));
    for (const char *pad : {"sink", "src"}) {
      // Before that, nobody knows what the plugin takes and gives.
      expect_caps(element, pad, "ANY");
      fail_unless(element.to(GST_STATE_READY), "%s: %s", row.python,
                  element.reports().text().c_str());
      expect_caps(element, pad, row.caps);
      fail_unless(element.to(GST_STATE_NULL));
      expect_caps(element, pad, "ANY");
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_instance_attributes_do_not_narrow_the_caps) {
  Element element(write_file("own.py", R"(
class Own:
    def __init__(self):
        self.channels = 1
        self.rates = (8000,)
    def process_audio(self, buffer): pass
)"));
  fail_unless(element.to(GST_STATE_READY));
  expect_caps(element, "sink", attributes[0].caps);
}
GST_END_TEST;

static Suite *pythonfilter_suite() {
  Suite *suite = suite_create("pythonfilter");
  TCase *samples = new_case(suite, "samples");
  const int count = int(std::size(kinds));
  tcase_add_loop_test(
      samples, test_samples_are_exact_in_every_format_and_layout, 0, count);
  tcase_add_loop_test(
      samples, test_output_is_the_buffer_and_memory_that_went_in, 0, count);
  tcase_add_loop_test(samples, test_times_offsets_and_flags_pass_through, 0,
                      count);
  tcase_add_test(
      samples, test_array_that_overlaps_the_buffer_is_copied_as_if_it_did_not);
  tcase_add_test(samples,
                 test_read_only_plugin_sees_every_sample_and_cannot_write);
  TCase *caps = new_case(suite, "caps");
  tcase_add_test(caps, test_class_attributes_narrow_the_caps_from_ready_on);
  tcase_add_test(caps, test_instance_attributes_do_not_narrow_the_caps);
  return suite;
}

GST_CHECK_MAIN(pythonfilter)
