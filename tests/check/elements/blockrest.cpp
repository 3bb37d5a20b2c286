// SPDX-License-Identifier: LGPL-2.1-or-later
//
// block-size: frames that fill no block, at the end of the stream and where it
// breaks, and blocks whose call fails.
#include "../support/blocks.hpp"

using namespace check;

namespace {

std::string calls_in_log() {
  std::string calls;
  size_t at = 0;
  const std::string log = log_text();
  while (at < log.size()) {
    const size_t line_end = log.find('\n', at);
    const std::string line = log.substr(at, line_end - at);
    calls += line.substr(0, line.find(' ', 5)) + "\n";
    at = line_end + 1;
  }
  return calls;
}

}  // namespace

// ---- the rest ---------------------------------------------------------------

GST_START_TEST(test_rest_is_filled_up_and_cut_again) {
  for (const Audio &audio : every_audio({1, 2, 3, 8})) {
    if (!strcmp(audio.format, "F64")) continue;
    clear_log();
    const std::string adding =
        write_file("adding_one.py",
                   "from checklog import say\n"
                   "formats = ('F32', 'S16', 'S32')\n"
                   "def process_audio(buffer):\n"
                   "    say(buffer.get_frame_count(), buffer.duration,\n"
                   "        abs(buffer.data[:, 30:]).max())\n"
                   "    buffer.data += 1\n");
    Stream stream(adding, audio, blocks_of(100));
    Feed feed(audio);
    stream.expect_push(feed.next(130));
    gst_buffer_unref(stream.pull());
    clear_log();
    end(&stream);
    GstBuffer *rest = stream.pull();
    fail_unless(rest != nullptr);
    const std::string zero = audio.format[0] == 'F' ? "0.0" : "0";
    expect_text(log_text(), "100 625000 " + zero + "\n");
    fail_unless_equals_int(frames_of(rest, audio), 30);
    if (!audio.planar)
      fail_unless(gst_buffer_get_size(rest) ==
                  30 * audio.width() * size_t(audio.channels));
    expect_samples(rest, audio,
                   [](int c, size_t i) { return number_at(c, 100 + i) + 1; });
    fail_unless_equals_uint64(GST_BUFFER_PTS(rest), feed.time_of(100));
    fail_unless_equals_uint64(GST_BUFFER_DURATION(rest), 625000);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(rest), 130);
    gst_buffer_unref(rest);
    expect_nothing(&stream);
  }
}
GST_END_TEST;

GST_START_TEST(test_rest_is_passed_as_it_is) {
  for (const Audio &audio : every_audio({1, 2, 3, 8})) {
    clear_log();
    Stream stream(plugin_file("blocks.py"), audio,
                  quiet_blocks_of(100, {{"block-remainder", "pass"}}));
    Feed feed(audio);
    Expected expected(audio);
    stream.expect_push(feed.next(130));
    expected.check(stream.pull(), 100);
    end(&stream);
    expect_text(calls_in_log(), "call 30\n");
    expected.check(stream.pull(), 30);
    fail_unless_equals_uint64(stream.stat("copies"),
                              1 + (audio.planar && audio.channels > 1));
  }
}
GST_END_TEST;

GST_START_TEST(test_nothing_is_left_of_whole_blocks) {
  Stream stream(plugin_file("blocks.py"), {}, blocks_of(100));
  Feed feed(stream.audio());
  stream.expect_push(feed.next(200));
  end(&stream);
  expect_text(calls_in_log(), "size 100\ncall 100\ncall 100\n");
  for (GstBuffer *out : pull_all(&stream))
    gst_buffer_unref(out);
}
GST_END_TEST;

// The silence that fills up the last block brings a part of what lags behind.
GST_START_TEST(test_tail_follows_the_rest) {
  for (const char *drain : {"pad", "pass"}) {
    for (const char *lag : {"1", "10", "24", "25", "63", "64", "100", "5000"}) {
      for (bool planar : {false, true}) {
        const Audio audio = {"F32", planar, 2};
        const std::string params = std::string("p,frames=") + lag;
        Stream stream(
            plugin_file("delay.py"), audio,
            blocks_of(64, {{"block-remainder", drain}, {"params", params}}));
        Feed feed(audio);
        Expected expected(audio);
        for (int i = 0; i < 10; i++)
          stream.expect_push(feed.next(100));
        end(&stream);
        for (GstBuffer *out : pull_all(&stream))
          expected.check(out, frames_of(out, audio), 1);
        fail_unless(expected.came == 1000, "%s %s: %d", drain, lag,
                    int(expected.came));
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_discont_first_sends_the_rest) {
  const Audio audio = {"S16", true, 2};
  Stream stream(plugin_file("recorder.py"), audio, blocks_of(64));
  Feed feed(audio);
  clear_log();
  const auto call = [](const char *flags) {
    return std::string("process_audio 2 64 ") + flags + "\n";
  };
  // Also where no block has been seen yet.
  stream.expect_push(with_flag(feed.next(10), GST_BUFFER_FLAG_DISCONT));
  stream.expect_push(with_flag(feed.next(74), GST_BUFFER_FLAG_DISCONT));
  stream.expect_push(with_flag(feed.next(64), GST_BUFFER_FLAG_DISCONT));
  std::string calls;
  const std::string log = log_text();
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const std::string line = log.substr(at, log.find('\n', at) - at);
    calls += contains(line, "discont")   ? call("discont")
             : contains(line, "process") ? call("-")
                                         : line + "\n";
  }
  expect_text(calls, call("discont") + "drain\nreset\n" + call("discont") +
                         call("-") + "drain\nreset\n" + call("discont"));
  Expected expected(audio);
  for (const auto &[frames, discont] : {std::pair<size_t, bool>(10, true),
                                        {64, true},
                                        {10, false},
                                        {64, true}}) {
    GstBuffer *out = stream.pull();
    fail_unless(out != nullptr);
    fail_unless(has_flag(out, GST_BUFFER_FLAG_DISCONT) == discont);
    expected.check(out, frames, 1);
  }
}
GST_END_TEST;

GST_START_TEST(test_flush_throws_the_rest_away) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  Feed feed(stream.audio());
  stream.expect_push(feed.next(50));
  stream.push_event(gst_event_new_flush_start());
  stream.push_event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  stream.push_event(gst_event_new_segment(&segment));
  expect_nothing(&stream);
  expect_text(log_text(), "reset\n");
  Expected expected(stream.audio());
  expected.came = feed.sent;
  stream.expect_push(feed.next(120));
  expected.check(stream.pull(), 100);
  end(&stream);
  expected.check(stream.pull(), 20);
  fail_unless_equals_uint64(stream.stat("dropped"), 0);
}
GST_END_TEST;

GST_START_TEST(test_rest_leaves_in_its_caps_and_its_segment) {
  const Audio before = {"S16", true, 2, 48000};
  const Audio after = {"F32", false, 1, 44100};
  Stream stream(plugin_file("blocks.py"), before, quiet_blocks_of(100));
  const auto order = [&] {
    std::string names;
    while (GstEvent *event = gst_harness_try_pull_event(stream.harness())) {
      names += std::string(GST_EVENT_TYPE_NAME(event)) + "\n";
      gst_event_unref(event);
    }
    return names;
  };
  // Whether it was there when the event came.
  std::vector<GstEventType> seen;
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  gst_pad_add_probe(
      pad,
      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *all = static_cast<std::vector<GstEventType> *>(data);
        all->push_back(info->type & GST_PAD_PROBE_TYPE_BUFFER
                           ? GST_EVENT_UNKNOWN
                           : GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)));
        return GST_PAD_PROBE_OK;
      },
      &seen, nullptr);
  order();

  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstCaps *caps = after.caps();
  GstEvent *const events[] = {
      gst_event_new_gap(GST_SECOND, GST_SECOND),
      gst_event_new_segment(&segment),
      gst_event_new_segment_done(GST_FORMAT_TIME, 7),
      gst_event_new_stream_start("next"),
      gst_event_new_caps(caps),
  };
  gst_caps_unref(caps);
  Feed feed(before);
  Expected expected(before);
  for (GstEvent *event : events) {
    const GstEventType type = GST_EVENT_TYPE(event);
    stream.expect_push(feed.next(30));
    expect_nothing(&stream);
    seen.clear();
    stream.push_event(event);
    expected.check(stream.pull(), 30);
    fail_unless(seen.size() >= 2 && seen[0] == GST_EVENT_UNKNOWN, "%s",
                gst_event_type_get_name(type));
    fail_unless(std::count(seen.begin(), seen.end(), type) == 1, "%s",
                gst_event_type_get_name(type));
  }
  Feed other(after);
  Expected later(after);
  stream.expect_push(other.next(250));
  later.check(stream.pull(), 100);
  later.check(stream.pull(), 100);
  end(&stream);
  later.check(stream.pull(), 50);
  gst_object_unref(pad);
}
GST_END_TEST;

GST_START_TEST(test_rest_is_forgotten_when_the_stream_stops) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  Feed feed(stream.audio());
  stream.expect_push(feed.next(70));
  fail_unless(stream.to(GST_STATE_READY));
  stream.play_again();
  Feed again(stream.audio());
  Expected expected(stream.audio());
  stream.expect_push(again.next(70));
  end(&stream);
  expected.check(stream.pull(), 70);
  expect_nothing(&stream);
}
GST_END_TEST;

// ---- failures ---------------------------------------------------------------

GST_START_TEST(test_policy_is_for_each_block) {
  const char *const policies[] = {"passthrough", "silence", "drop"};
  const std::string policy = policies[__i__];
  for (const Audio &audio : every_audio({1, 2, 3, 8})) {
    for (const char *how : {"raise", "keep"}) {
      Stream stream(
          plugin_file("failing.py"), audio,
          blocks_of(50, {{"on-error", policy},
                         {"params", std::string("p,how=(string)") + how}}));
      Feed feed(audio);
      Expected expected(audio);
      // Its own memory, then the buffer's, and the rest.
      for (size_t frames : {30, 30, 225})
        stream.expect_push(feed.next(frames));
      end(&stream);
      for (int i = 0; i < 6; i++) {
        const size_t frames = i == 5 ? 35 : 50;
        if (i % 2 == 0) {
          GstBuffer *out = stream.pull();
          fail_unless(out != nullptr);
          fail_unless(has_flag(out, GST_BUFFER_FLAG_DISCONT) ==
                      (policy == "drop" && i > 0));
          expected.check(out, frames);
        } else if (policy == "drop") {
          expected.came += frames;
        } else {
          GstBuffer *out = stream.pull();
          fail_unless(out != nullptr);
          fail_unless(has_flag(out, GST_BUFFER_FLAG_GAP) ==
                      (policy == "silence"));
          expected.check(out, frames, policy == "silence" ? 0 : 1);
        }
      }
      expect_nothing(&stream);
      fail_unless_equals_uint64(stream.stat("errors"), 3);
      fail_unless_equals_uint64(stream.stat("dropped"),
                                policy == "drop" ? 3 : 0);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_failure_ends_the_stream_and_lets_go_of_the_buffer) {
  Stream stream(plugin_file("failing.py"), {}, blocks_of(50));
  Feed feed(stream.audio());
  GstBuffer *in = feed.next(225);
  bool gone = false;
  watch(in, &gone);
  fail_unless(stream.push(in) == GST_FLOW_ERROR);
  Expected expected(stream.audio());
  expected.check(stream.pull(), 50);
  expect_nothing(&stream);
  fail_unless(gone);
  fail_unless(stream.push(feed.next(50)) == GST_FLOW_ERROR);
  end(&stream);
  expect_nothing(&stream);
  fail_unless(stream.reports().size() == 1);
}
GST_END_TEST;

GST_START_TEST(test_buffer_that_is_no_audio_is_refused_after_the_rest) {
  const Audio audio = {"F32", false, 2};
  Stream stream(plugin_file("blocks.py"), audio,
                quiet_blocks_of(100, {{"on-error", "drop"}}));
  Feed feed(audio);
  Expected expected(audio);
  stream.expect_push(feed.next(70));
  stream.expect_push(gst_buffer_new_memdup("12345", 5));
  expected.check(stream.pull(), 70);
  stream.expect_push(feed.next(100));
  expected.check(stream.pull(), 100);
  expect_nothing(&stream);
  fail_unless_equals_uint64(stream.stat("errors"), 1);
  fail_unless_equals_uint64(stream.stat("dropped"), 1);
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1);
  expect_part(reports[0].text, "5 bytes");
}
GST_END_TEST;

// Downstream takes one block of several: it gets none of the others later.
GST_START_TEST(test_blocks_that_nobody_took_are_not_sent_later) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  Feed feed(stream.audio());
  Expected expected(stream.audio());
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  const gulong probe = gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer) {
        gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_NOT_LINKED;
        return GST_PAD_PROBE_HANDLED;
      },
      nullptr, nullptr);
  fail_unless(stream.push(feed.next(350)) == GST_FLOW_NOT_LINKED);
  gst_pad_remove_probe(pad, probe);
  gst_object_unref(pad);
  expected.came = feed.sent;
  stream.expect_push(feed.next(100));
  expected.check(stream.pull(), 100);
  expect_nothing(&stream);
}
GST_END_TEST;

static Suite *blockrest_suite() {
  Suite *suite = suite_create("blockrest");
  TCase *rest = new_case(suite, "rest");
  tcase_add_test(rest, test_rest_is_filled_up_and_cut_again);
  tcase_add_test(rest, test_rest_is_passed_as_it_is);
  tcase_add_test(rest, test_nothing_is_left_of_whole_blocks);
  tcase_add_test(rest, test_tail_follows_the_rest);
  tcase_add_test(rest, test_discont_first_sends_the_rest);
  tcase_add_test(rest, test_flush_throws_the_rest_away);
  tcase_add_test(rest, test_rest_leaves_in_its_caps_and_its_segment);
  tcase_add_test(rest, test_rest_is_forgotten_when_the_stream_stops);
  TCase *failures = new_case(suite, "failures");
  tcase_add_loop_test(failures, test_policy_is_for_each_block, 0, 3);
  tcase_add_test(failures,
                 test_failure_ends_the_stream_and_lets_go_of_the_buffer);
  tcase_add_test(failures,
                 test_buffer_that_is_no_audio_is_refused_after_the_rest);
  tcase_add_test(failures, test_blocks_that_nobody_took_are_not_sent_later);
  return suite;
}

GST_CHECK_MAIN(blockrest)
