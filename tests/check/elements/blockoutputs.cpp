// SPDX-License-Identifier: LGPL-2.1-or-later
//
// block-size of plugins whose output is another one than their input.
#include "../support/blocks.hpp"

using namespace check;

namespace {

// Bytes of everything that came out, and how many in each buffer.
std::string bytes_out(Stream *stream, std::vector<size_t> *sizes) {
  std::string all;
  for (GstBuffer *out : pull_all(stream)) {
    std::string bytes(gst_buffer_get_size(out), 0);
    gst_buffer_extract(out, 0, &bytes[0], bytes.size());
    sizes->push_back(bytes.size());
    all += bytes;
    gst_buffer_unref(out);
  }
  return all;
}

std::string converting(const std::string &declared, const std::string &body) {
  return write_file("converting.py",
                    "from checklog import say\nclass P:\n    " + declared +
                        "\n    calls = 0\n"
                        "    def process_audio(self, buffer):\n"
                        "        self.calls += 1\n        " +
                        body + "\n");
}

constexpr char to_bytes[] =
    "as_bytes = True; output_caps = 'application/x-check'";

}  // namespace

GST_START_TEST(test_converter_gets_blocks_as_bytes) {
  for (bool planar : {false, true}) {
    for (const char *drain : {"pad", "pass"}) {
      const Audio audio = {"S32", planar, 2};
      const bool pads = !strcmp(drain, "pad");
      Stream stream(converting(to_bytes, "return buffer.data.tobytes()"), audio,
                    blocks_of(50, {{"block-remainder", drain}}));
      Feed feed(audio);
      std::string want;
      for (size_t frames : {50, 50, 50, 50, 20}) {
        GstBuffer *block = feed.next(frames);
        std::string bytes(frames * 8, 0);
        gst_buffer_extract(block, 0, &bytes[0], bytes.size());
        // Each plane is filled up by itself.
        if (pads && planar)
          bytes.insert(bytes.size() / 2, (50 - frames) * 4, 0);
        if (pads) bytes.resize(400);
        want += bytes;
        gst_buffer_unref(block);
      }
      Feed again(audio);
      for (size_t frames : {30, 150, 40})
        stream.expect_push(again.next(frames));
      end(&stream);
      std::vector<size_t> sizes;
      const std::string got = bytes_out(&stream, &sizes);
      fail_unless_equals_int(sizes.size(), 5);
      fail_unless_equals_int(sizes[0], 400);
      fail_unless_equals_int(sizes[4], pads ? 400 : 160);
      fail_unless(got == want, "%s %s", audio.name().c_str(), drain);
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_several_outputs_of_a_block_share_its_time) {
  const Audio audio = {"F32", false, 2, 1000};
  Stream stream(converting("output_caps = 'application/x-check'",
                           "if self.calls == 2: raise ValueError\n"
                           "        return [b'one', b'two']"),
                audio, blocks_of(10, {{"on-error", "drop"}}));
  Feed feed(audio);
  stream.expect_push(feed.next(34));
  end(&stream);
  const std::vector<GstBuffer *> outs = pull_all(&stream);
  fail_unless_equals_int(outs.size(), 6);
  for (size_t i = 0; i < 6; i++) {
    const GstClockTime half = i < 4 ? 5 * GST_MSECOND : 2 * GST_MSECOND;
    // The second block was dropped.
    const GstClockTime begin = (i < 2 ? 0 : i < 4 ? 20 : 30) * GST_MSECOND;
    fail_unless_equals_uint64(GST_BUFFER_PTS(outs[i]), begin + i % 2 * half);
    fail_unless_equals_uint64(GST_BUFFER_DURATION(outs[i]), half);
    fail_unless(has_flag(outs[i], GST_BUFFER_FLAG_DISCONT) == (i == 2), "%d",
                int(i));
    gst_buffer_unref(outs[i]);
  }
  fail_unless_equals_uint64(stream.stat("dropped"), 1);
}
GST_END_TEST;

GST_START_TEST(test_converter_that_works_in_place_has_its_rest_cut) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(
        converting("as_bytes = True",
                   "say(len(buffer.data)); buffer.data[:] = buffer.data"),
        audio, blocks_of(100));
    Feed feed(audio);
    Expected expected(audio);
    clear_log();
    stream.expect_push(feed.next(130));
    end(&stream);
    expected.check(stream.pull(), 100, 1);
    expected.check(stream.pull(), 30, 1);
    expect_text(log_text(), "800\n800\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_converter_that_gathers_gives_the_rest_with_its_tail) {
  const Audio audio = {"F32", false, 1};
  Stream stream(converting("output_caps = 'application/x-check'; held = b''\n"
                           "    def drain(self): return self.held",
                           "self.held += buffer.data.tobytes(); return []"),
                audio, blocks_of(64, {{"block-remainder", "pass"}}));
  Feed feed(audio);
  for (int i = 0; i < 10; i++)
    stream.expect_push(feed.next(30));
  expect_nothing(&stream);
  end(&stream);
  std::vector<size_t> sizes;
  bytes_out(&stream, &sizes);
  fail_unless(sizes == std::vector<size_t>{1200});
}
GST_END_TEST;

GST_START_TEST(test_what_is_no_audio_is_not_divided) {
  Element element(write_file("any.py",
                             "from checklog import say\n"
                             "input_caps = 'application/x-check'\n"
                             "def process_audio(b): say(len(b.data))\n"),
                  blocks_of(10));
  fail_unless(element.to(GST_STATE_READY));
  GstHarness *harness =
      gst_harness_new_with_element(element.get(), "sink", "src");
  gst_harness_set_src_caps_str(harness, "application/x-check");
  clear_log();
  for (size_t size : {7, 80, 1})
    fail_unless(gst_harness_push(harness, gst_harness_create_buffer(
                                              harness, size)) == GST_FLOW_OK);
  expect_text(log_text(), "7\n80\n1\n");
  fail_unless_equals_int(gst_harness_buffers_received(harness), 3);
  fail_unless_equals_uint64(gst_harness_query_latency(harness), 0);
  const Reports reports = element.reports();
  fail_unless_equals_int(reports.size(), 1);
  fail_unless(reports[0].type == GST_MESSAGE_WARNING);
  expect_part(reports[0].text, "block-size is for raw audio only");
  expect_part(reports[0].debug, "block-size 10");
  expect_part(reports[0].debug, "application/x-check");
  gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *blockoutputs_suite() {
  Suite *suite = suite_create("blockoutputs");
  TCase *converting = new_case(suite, "converting");
  tcase_add_test(converting, test_converter_gets_blocks_as_bytes);
  tcase_add_test(converting, test_several_outputs_of_a_block_share_its_time);
  tcase_add_test(converting,
                 test_converter_that_works_in_place_has_its_rest_cut);
  tcase_add_test(converting,
                 test_converter_that_gathers_gives_the_rest_with_its_tail);
  tcase_add_test(converting, test_what_is_no_audio_is_not_divided);
  return suite;
}

GST_CHECK_MAIN(blockoutputs)
