// SPDX-License-Identifier: LGPL-2.1-or-later
//
// block-size: the plugin gets that many frames in each call, whatever comes,
// and the stream that goes on is the one that came.
#include <random>

#include "../support/blocks.hpp"

using namespace check;

// ---- what the plugin gets, and what comes out -------------------------------

GST_START_TEST(test_every_call_has_that_many_frames_whatever_arrives) {
  std::mt19937 random(7);
  for (const Audio &audio : every_audio({1, 2, 3, 8})) {
    for (size_t frames : {size_t(1), size_t(480), size_t(3000)}) {
      clear_log();
      const size_t most = frames == 1 ? 20 : soak_count(1000, 5000);
      const size_t total = frames == 1 ? 60 : 3 * most;
      Stream stream(plugin_file("blocks.py"), audio, quiet_blocks_of(frames));
      Feed feed(audio);
      Expected expected(audio);
      while (feed.sent < total) {
        stream.expect_push(feed.next(1 + random() % most));
        for (GstBuffer *out : pull_all(&stream))
          expected.check(out, frames);
        // No frame is held that has a whole block.
        fail_unless(feed.sent - expected.came < frames);
      }
      end(&stream);
      if (feed.sent > expected.came)
        expected.check(stream.pull(), feed.sent - expected.came);
      expect_nothing(&stream);
      fail_unless_equals_uint64(expected.came, feed.sent);
      expect_text(log_text(), "");
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_every_sample_of_a_block_of_its_own_is_as_it_came) {
  std::mt19937 random(11);
  const Audio audio = {"F32", false, 2};
  Stream stream(plugin_file("untouched.py"), audio, blocks_of(333));
  std::string in, out;
  for (int i = 0; i < 60; i++) {
    const size_t size = (1 + random() % 2000) * 8;
    std::string bytes(size, 0);
    for (char &byte : bytes)
      byte = char(random());
    in += bytes;
    stream.expect_push(gst_buffer_new_memdup(bytes.data(), size));
  }
  end(&stream);
  for (GstBuffer *each : pull_all(&stream)) {
    std::string bytes(gst_buffer_get_size(each), 0);
    gst_buffer_extract(each, 0, &bytes[0], bytes.size());
    out += bytes;
    gst_buffer_unref(each);
  }
  fail_unless(in == out);
}
GST_END_TEST;

GST_START_TEST(test_times_are_exact_over_many_blocks) {
  const Audio audio = {"S16", false, 1, 44100};
  const size_t frames = 32;
  const guint64 blocks = soak_count(2000, 100000);
  std::mt19937 random(3);
  Stream stream(plugin_file("untouched.py"), audio, blocks_of(frames));
  Feed feed(audio);
  Expected expected(audio);
  while (expected.came < blocks * frames) {
    GstBuffer *in = feed.next(1 + random() % 200);
    stream.expect_push(in);
    for (GstBuffer *out : pull_all(&stream)) {
      fail_unless_equals_uint64(
          gst_util_uint64_scale_round(GST_BUFFER_PTS(out), 44100, GST_SECOND),
          expected.came);
      expected.check_times(out, frames);
      gst_buffer_unref(out);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_plugin_is_told_size_times_and_offsets) {
  const Audio audio = {"F32", true, 2, 1000};
  Stream stream(plugin_file("blocks.py"), audio, blocks_of(10));
  expect_text(log_text(), "size 10\n");
  clear_log();
  Feed feed(audio);
  stream.expect_push(with_flag(feed.next(15), GST_BUFFER_FLAG_DISCONT));
  stream.expect_push(feed.next(5));
  expect_text(
      log_text(),
      "call 10 pts 0 duration 10000000 offset 0 discont - last 13\n"
      "call 10 pts 10000000 duration 10000000 offset 10 - - last -18\n");
  for (GstBuffer *out : pull_all(&stream))
    gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_frames_without_times_have_none_afterwards) {
  const Audio audio = {"S16", false, 2};
  Stream stream(plugin_file("untouched.py"), audio, blocks_of(48));
  stream.expect_push(new_buffer(audio, 100));
  Feed feed(audio);
  stream.expect_push(feed.next(100));
  const std::vector<GstBuffer *> outs = pull_all(&stream);
  fail_unless_equals_int(outs.size(), 4);
  for (size_t i = 0; i < 4; i++) {
    // The third begins in the first buffer.
    fail_unless(GST_BUFFER_PTS_IS_VALID(outs[i]) == (i == 3));
    fail_unless(GST_BUFFER_OFFSET_IS_VALID(outs[i]) == (i == 3));
    fail_unless(GST_BUFFER_OFFSET_END_IS_VALID(outs[i]) == (i == 3));
    fail_unless_equals_uint64(GST_BUFFER_DURATION(outs[i]), GST_MSECOND);
  }
  fail_unless_equals_uint64(GST_BUFFER_OFFSET(outs[3]), 44);
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[3]), feed.time_of(44));
  for (GstBuffer *out : outs)
    gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_gap_is_a_gap_only_if_all_of_it_is_one) {
  for (const char *plugin : {"meter.py", "blocks.py"}) {
    const bool writes = !strcmp(plugin, "blocks.py");
    for (bool planar : {false, true}) {
      const Audio audio = {"S16", planar, 2};
      Stream stream(plugin_file(plugin), audio, blocks_of(10));
      Feed feed(audio);
      // gggg gggg gggg gggg gg-- ---- --gg
      stream.expect_push(with_flag(feed.next(20), GST_BUFFER_FLAG_GAP));
      stream.expect_push(with_flag(feed.next(5), GST_BUFFER_FLAG_GAP));
      stream.expect_push(feed.next(10));
      stream.expect_push(with_flag(feed.next(5), GST_BUFFER_FLAG_GAP));
      const std::vector<GstBuffer *> outs = pull_all(&stream);
      fail_unless_equals_int(outs.size(), 4);
      for (size_t i = 0; i < 4; i++) {
        fail_unless(
            has_flag(outs[i], GST_BUFFER_FLAG_GAP) == (!writes && i < 2),
            "%s: block %d", plugin, int(i));
        gst_buffer_unref(outs[i]);
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_block_is_as_corrupted_as_any_of_its_parts) {
  const Audio audio = {"S16", false, 2};
  Stream stream(plugin_file("blocks.py"), audio, blocks_of(10));
  Feed feed(audio);
  // ---- --cc cc-- ----
  stream.expect_push(feed.next(15));
  stream.expect_push(with_flag(feed.next(10), GST_BUFFER_FLAG_CORRUPTED));
  stream.expect_push(feed.next(15));
  const std::vector<GstBuffer *> outs = pull_all(&stream);
  fail_unless_equals_int(outs.size(), 4);
  for (size_t i = 0; i < 4; i++) {
    fail_unless(
        has_flag(outs[i], GST_BUFFER_FLAG_CORRUPTED) == (i == 1 || i == 2),
        "block %d", int(i));
    gst_buffer_unref(outs[i]);
  }
}
GST_END_TEST;

GST_START_TEST(test_empty_buffers_change_nothing) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(plugin_file("blocks.py"), audio, quiet_blocks_of(10));
    Feed feed(audio);
    Expected expected(audio);
    stream.expect_push(gst_buffer_new());
    stream.expect_push(feed.next(7));
    stream.expect_push(gst_buffer_new());
    stream.expect_push(feed.next(0));
    expect_nothing(&stream);
    stream.expect_push(feed.next(3));
    expected.check(stream.pull(), 10);
    stream.expect_push(gst_buffer_new());
    expect_nothing(&stream);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// ---- latency ----------------------------------------------------------------

GST_START_TEST(test_a_block_less_one_frame_is_latency) {
  Stream stream(plugin_file("untouched.py"), {"F32", false, 2, 44100},
                blocks_of(442));
  fail_unless_equals_uint64(latency_through(stream), 10 * GST_MSECOND);
  // Nobody had asked, so nobody was told anything that is not true any more.
  fail_unless_equals_int(latency_messages(stream), 0);
  // Rounded up.
  stream.set_audio({"F32", false, 2, 48000});
  fail_unless_equals_int(latency_messages(stream), 1);
  fail_unless_equals_uint64(latency_through(stream), 9187500);
  stream.set_audio({"F32", false, 1, 48000});
  fail_unless_equals_int(latency_messages(stream), 0);
  stream.set_audio({"F32", false, 2, 96000});
  fail_unless_equals_uint64(latency_through(stream), 4593750);
  stream.set_audio({"F32", false, 2, 22050});
  fail_unless_equals_uint64(latency_through(stream), 20 * GST_MSECOND);
  stream.set_audio({"F32", false, 2, 44101});
  fail_unless_equals_uint64(latency_through(stream), 9999774);
}
GST_END_TEST;

GST_START_TEST(test_latency_adds_to_that_of_the_plugin_and_upstream) {
  Stream stream(plugin_file("delay.py"), {},
                blocks_of(481, {{"params", "p,frames=960"}}));
  gst_harness_set_upstream_latency(stream.harness(), 3 * GST_MSECOND);
  fail_unless_equals_uint64(latency_through(stream), 33 * GST_MSECOND);
}
GST_END_TEST;

// ---- settings ---------------------------------------------------------------

namespace {

std::string declaring(const std::string &what) {
  return write_file("declaring.py",
                    "from checklog import say\nclass P:\n    " + what +
                        "\n    def set_buffer_size(self, n): say('size', n)\n"
                        "    def process_audio(self, b):\n"
                        "        say('call', b.get_frame_count())\n");
}

// What a plugin that declares this gets of 20 frames and the end.
std::string got_by(const std::string &what, const Properties &properties) {
  clear_log();
  Stream stream(declaring(what), {}, properties);
  Feed feed(stream.audio());
  stream.expect_push(feed.next(20));
  end(&stream);
  for (GstBuffer *out : pull_all(&stream))
    gst_buffer_unref(out);
  stream.expect_no_reports();
  return log_text();
}

}  // namespace

GST_START_TEST(test_plugin_declares_and_the_property_goes_before_it) {
  const std::string both = "block_size = 16; block_remainder = 'pass'";
  expect_text(got_by("pass", {}), "size 512\ncall 20\n");
  expect_text(got_by("block_size = None", {}), "size 512\ncall 20\n");
  expect_text(got_by("block_size = 16", {}), "size 16\ncall 16\ncall 16\n");
  expect_text(got_by(both, {}), "size 16\ncall 16\ncall 4\n");
  expect_text(got_by(both, {{"block-size", "0"}}),
              "size 16\ncall 16\ncall 4\n");
  expect_text(got_by(both, {{"block-size", "15"}}),
              "size 15\ncall 15\ncall 5\n");
  expect_text(got_by(both, {{"block-remainder", "pad"}}),
              "size 16\ncall 16\ncall 16\n");
  expect_text(got_by("pass", blocks_of(15, {{"block-remainder", "pass"}})),
              "size 15\ncall 15\ncall 5\n");
}
GST_END_TEST;

GST_START_TEST(test_what_a_plugin_declares_wrongly_is_told) {
  for (const char *what :
       {"block_size = -1", "block_size = '64'", "block_size = 2**20 + 1",
        "block_size = True", "block_size = 6.4", "block_remainder = 'keep'",
        "block_remainder = True"}) {
    const std::string file = declaring(what);
    Element element(file);
    fail_unless(!element.to(GST_STATE_READY), "%s", what);
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    expect_part(reports[0].text,
                what[6] == 's' ? "declares block_size" : "declares block_r");
    expect_part(reports[0].text, file);
  }
}
GST_END_TEST;

GST_START_TEST(test_settings_are_refused_while_there_is_a_stream) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  for (const char *setting : {"block-size", "block-remainder"}) {
    const std::string before = stream.text_of(setting);
    stream.set(setting, std::string(setting) == "block-size" ? "50" : "pass");
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_WARNING);
    expect_part(reports[0].text, setting);
    expect_text(stream.text_of(setting), before);
  }
  stream.to(GST_STATE_READY);
  stream.set("block-size", "50");
  stream.expect_no_reports();
  stream.play_again();
  Feed feed(stream.audio());
  Expected expected(stream.audio());
  stream.expect_push(feed.next(50));
  expected.check(stream.pull(), 50);
}
GST_END_TEST;

GST_START_TEST(test_block_size_has_a_limit) {
  Element element("");
  g_object_set(element.get(), "block-size", 1u << 20, nullptr);
  expect_text(element.text_of("block-size"), "1048576");
  // What lies above is GLib's to refuse.
  GParamSpec *spec = g_object_class_find_property(
      G_OBJECT_GET_CLASS(element.get()), "block-size");
  fail_unless_equals_int(G_PARAM_SPEC_UINT(spec)->maximum, 1 << 20);
}
GST_END_TEST;

static Suite *blocksize_suite() {
  Suite *suite = suite_create("blocksize");
  TCase *blocks = new_case(suite, "blocks");
  tcase_add_test(blocks, test_every_call_has_that_many_frames_whatever_arrives);
  tcase_add_test(blocks, test_every_sample_of_a_block_of_its_own_is_as_it_came);
  tcase_add_test(blocks, test_times_are_exact_over_many_blocks);
  tcase_add_test(blocks, test_plugin_is_told_size_times_and_offsets);
  tcase_add_test(blocks, test_frames_without_times_have_none_afterwards);
  tcase_add_test(blocks, test_gap_is_a_gap_only_if_all_of_it_is_one);
  tcase_add_test(blocks, test_a_block_is_as_corrupted_as_any_of_its_parts);
  tcase_add_test(blocks, test_empty_buffers_change_nothing);
  TCase *latency = new_case(suite, "latency");
  tcase_add_test(latency, test_a_block_less_one_frame_is_latency);
  tcase_add_test(latency, test_latency_adds_to_that_of_the_plugin_and_upstream);
  TCase *settings = new_case(suite, "settings");
  tcase_add_test(settings,
                 test_plugin_declares_and_the_property_goes_before_it);
  tcase_add_test(settings, test_what_a_plugin_declares_wrongly_is_told);
  tcase_add_test(settings, test_settings_are_refused_while_there_is_a_stream);
  tcase_add_test(settings, test_block_size_has_a_limit);
  return suite;
}

GST_CHECK_MAIN(blocksize)
