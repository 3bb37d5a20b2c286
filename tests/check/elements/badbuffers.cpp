// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffers that are not what their caps say: a message, no crash, and nothing
// unprocessed under on-error=fail.
#include "../support/harness.hpp"

using namespace check;

namespace {

constexpr size_t frames = 64;

struct Bad {
  const char *name;
  Audio audio;
  const char *text;  // part of the message
  std::function<void(GstBuffer *, GstAudioMeta *)> spoil;
};

const Audio interleaved = {"F32", false};
const Audio planar = {"F32", true};

void say_interleaved(GstBuffer *buffer, size_t samples) {
  const GstAudioInfo info = interleaved.info();
  GstAudioMeta *meta =
      gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  meta->samples = samples;
}

const Bad bad_buffers[] = {
    {"half a frame", interleaved, "not a whole number of frames",
     [](GstBuffer *buffer, GstAudioMeta *) {
       gst_buffer_set_size(buffer, gssize(frames * 8 - 4));
     }},
    {"an odd byte", interleaved, "not a whole number of frames",
     [](GstBuffer *buffer, GstAudioMeta *) {
       gst_buffer_set_size(buffer, gssize(frames * 8 - 1));
     }},
    {"less than a frame", interleaved, "not a whole number of frames",
     [](GstBuffer *buffer, GstAudioMeta *) { gst_buffer_set_size(buffer, 1); }},
    {"interleaved, too many samples", interleaved, "GstAudioMeta of 65 frames",
     [](GstBuffer *buffer, GstAudioMeta *) { say_interleaved(buffer, 65); }},
    {"interleaved, endless samples", interleaved, "GstAudioMeta of",
     [](GstBuffer *buffer, GstAudioMeta *) {
       say_interleaved(buffer, G_MAXSIZE / 8 + 1);
     }},
    {"interleaved, too few samples", interleaved, "GstAudioMeta of 63 frames",
     [](GstBuffer *buffer, GstAudioMeta *) { say_interleaved(buffer, 63); }},
    {"interleaved, no samples", interleaved, "GstAudioMeta of 0 frames",
     [](GstBuffer *buffer, GstAudioMeta *) { say_interleaved(buffer, 0); }},
    {"planar without meta", planar, "without GstAudioMeta",
     [](GstBuffer *buffer, GstAudioMeta *meta) {
       gst_buffer_remove_meta(buffer, &meta->meta);
     }},
    {"planes outside", planar, "plane 1 lies outside",
     [](GstBuffer *, GstAudioMeta *meta) { meta->offsets[1] += 4; }},
    {"planes far outside", planar, "plane 0 lies outside",
     [](GstBuffer *, GstAudioMeta *meta) { meta->offsets[0] = G_MAXSIZE - 3; }},
    {"planes overlap", planar, "planes 0 and 1 overlap",
     [](GstBuffer *, GstAudioMeta *meta) { meta->offsets[1] -= 4; }},
    {"planes are one", planar, "planes 0 and 1 overlap",
     [](GstBuffer *, GstAudioMeta *meta) { meta->offsets[1] = 0; }},
    {"planar, too many samples", planar, "lies outside",
     [](GstBuffer *, GstAudioMeta *meta) { meta->samples = 65; }},
    {"planar, endless samples", planar, "GstAudioMeta of",
     [](GstBuffer *, GstAudioMeta *meta) { meta->samples = G_MAXSIZE / 2; }},
    {"buffer cut short", planar, "lies outside",
     [](GstBuffer *buffer, GstAudioMeta *) {
       gst_buffer_set_size(buffer, gssize(frames * 8 - 4));
     }},
    {"other channel count", planar, "contradicts its caps",
     [](GstBuffer *, GstAudioMeta *meta) { meta->info.channels = 1; }},
    {"other format", planar, "contradicts its caps",
     [](GstBuffer *, GstAudioMeta *meta) {
       meta->info.finfo = gst_audio_format_get_info(GST_AUDIO_FORMAT_S32);
     }},
    {"other layout", planar, "contradicts its caps",
     [](GstBuffer *, GstAudioMeta *meta) {
       meta->info.layout = GST_AUDIO_LAYOUT_INTERLEAVED;
     }},
};
const int bad_count = int(std::size(bad_buffers));

// Other samples than those of the good buffers around it.
GstBuffer *new_bad(const Bad &row) {
  GstBuffer *buffer = empty_buffer(row.audio, frames);
  gst_buffer_memset(buffer, 0, 0x3c, gst_buffer_get_size(buffer));
  row.spoil(buffer, gst_buffer_get_audio_meta(buffer));
  return buffer;
}

void expect_bytes(GstBuffer *buffer, guint8 value, const Bad &row) {
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_READ);
  for (size_t i = 0; i < map.size; i++)
    fail_unless(map.data[i] == value, "%s: byte %d is %d, not %d", row.name,
                int(i), map.data[i], value);
  gst_buffer_unmap(buffer, &map);
}

void expect_told(const Stream &stream, const Bad &row, GstMessageType type) {
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1, "%s: %s", row.name, reports.text().c_str());
  fail_unless(reports[0].type == type);
  expect_part(reports[0].text, row.text);
  fail_unless_equals_uint64(stream.stat("errors"), 1);
}

const char *const plugins[] = {"inplace.py", "meter.py"};

}  // namespace

GST_START_TEST(test_bad_buffer_is_an_error_and_does_not_get_through) {
  const Bad &row = bad_buffers[__i__];
  for (const char *plugin : plugins) {
    Stream stream(plugin_file(plugin), row.audio);
    const GstFlowReturn flow = stream.push(new_bad(row));
    fail_unless(flow == GST_FLOW_ERROR, "%s: %s", row.name,
                gst_flow_get_name(flow));
    fail_unless(stream.pull() == nullptr);
    expect_told(stream, row, GST_MESSAGE_ERROR);
  }
}
GST_END_TEST;

GST_START_TEST(test_bad_buffer_by_policy) {
  const Bad &row = bad_buffers[__i__];
  for (const char *plugin : plugins) {
    const Number good = strcmp(plugin, "meter.py") ? doubled : number_at;
    for (const std::string policy : {"passthrough", "silence", "drop"}) {
      Stream stream(plugin_file(plugin), row.audio, {{"on-error", policy}});
      // Its samples must not come out in the bad one's place.
      stream.expect_through(good);
      fail_unless(stream.push(new_bad(row)) == GST_FLOW_OK, "%s", row.name);
      GstBuffer *out = stream.pull();
      fail_unless((out == nullptr) == (policy == "drop"));
      if (out) expect_bytes(out, policy == "silence" ? 0 : 0x3c, row);
      gst_clear_buffer(&out);
      stream.expect_through(good);
      expect_told(stream, row, GST_MESSAGE_WARNING);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_empty_buffers_pass_without_a_call) {
  const std::string file = write_file(
      "never.py", "def process_audio(buffer): raise ValueError('called')\n");
  for (bool with_memory : {false, true}) {
    for (const Audio &audio : {interleaved, planar}) {
      Stream stream(file, audio);
      GstBuffer *in = with_memory ? gst_buffer_new_allocate(nullptr, 0, nullptr)
                                  : gst_buffer_new();
      GST_BUFFER_PTS(in) = GST_SECOND;
      GST_BUFFER_FLAG_SET(in, GST_BUFFER_FLAG_GAP);
      GstBuffer *out = stream.through(in);
      fail_unless_equals_int(gst_buffer_get_size(out), 0);
      fail_unless_equals_uint64(GST_BUFFER_PTS(out), GST_SECOND);
      gst_buffer_unref(out);
      fail_unless_equals_uint64(stream.stat("buffers"), 0);
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_empty_planes_pass_without_a_call) {
  Stream stream(
      write_file("never.py", "def process_audio(buffer): raise ValueError\n"),
      planar);
  GstBuffer *out = stream.through(empty_buffer(planar, 0));
  fail_unless_equals_int(gst_buffer_get_size(out), 0);
  gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_interleaved_meta_that_is_right_is_welcome) {
  Stream stream(plugin_file("inplace.py"), interleaved);
  GstBuffer *in = new_buffer(interleaved);
  say_interleaved(in, frames);
  GstBuffer *out = stream.through(in);
  expect_samples(out, interleaved, doubled);
  gst_buffer_unref(out);
}
GST_END_TEST;

static Suite *badbuffers_suite() {
  Suite *suite = suite_create("badbuffers");
  TCase *bad = new_case(suite, "bad");
  tcase_add_loop_test(bad, test_bad_buffer_is_an_error_and_does_not_get_through,
                      0, bad_count);
  tcase_add_loop_test(bad, test_bad_buffer_by_policy, 0, bad_count);
  TCase *unusual = new_case(suite, "unusual");
  tcase_add_test(unusual, test_empty_buffers_pass_without_a_call);
  tcase_add_test(unusual, test_empty_planes_pass_without_a_call);
  tcase_add_test(unusual, test_interleaved_meta_that_is_right_is_welcome);
  return suite;
}

GST_CHECK_MAIN(badbuffers)
