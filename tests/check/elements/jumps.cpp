// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where a stream of raw audio goes on elsewhere: times that jump without a
// DISCONT, by the rules of GstAudioStreamAlign; the borders of a segment; and
// playing backwards.
#include "../support/blocks.hpp"

using namespace check;

namespace {

void begin_segment(Stream *stream, double rate, GstClockTime start,
                   GstClockTime stop) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = rate;
  segment.start = segment.time = start;
  segment.stop = stop;
  stream->push_event(gst_event_new_flush_start());
  stream->push_event(gst_event_new_flush_stop(TRUE));
  stream->push_event(gst_event_new_segment(&segment));
}

void drop_all(Stream *stream) {
  for (GstBuffer *out : pull_all(stream))
    gst_buffer_unref(out);
}

// How often the plugin was told that the stream breaks.
int breaks() {
  const std::string log = log_text();
  int count = 0;
  for (size_t at = 0; (at = log.find("drain\nreset\n", at)) != log.npos; at++)
    count++;
  return count;
}

// Ten ms each, from `late` later on.
void push_ms(Stream *stream, Feed *feed, int ms, GstClockTimeDiff late = 0) {
  for (int i = 0; i < ms / 10; i++) {
    GstBuffer *buffer = feed->next(size_t(stream->audio().rate) / 100);
    GST_BUFFER_PTS(buffer) += GstClockTime(late);
    stream->expect_push(buffer);
  }
  drop_all(stream);
}

}  // namespace

// ---- jumps ------------------------------------------------------------------

GST_START_TEST(test_a_jump_that_stays_is_a_break) {
  for (const char *blocks : {"0", "64"}) {
    for (GstClockTimeDiff late :
         {50 * GST_MSECOND, 400 * GST_MSECOND, -50 * GST_MSECOND}) {
      Stream stream(plugin_file("recorder.py"), {},
                    blocks_of(size_t(atoi(blocks))));
      Feed feed({});
      clear_log();
      push_ms(&stream, &feed, 3000);
      // The second begins at the time that was expected, or at the one that
      // came instead: versions of GStreamer differ.
      push_ms(&stream, &feed, 500, late);
      fail_unless_equals_int(breaks(), 0);
      push_ms(&stream, &feed, 700, late);
      fail_unless_equals_int(breaks(), 1);
      push_ms(&stream, &feed, 3000, late);
      fail_unless_equals_int(breaks(), 1);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_jump_of_more_than_a_second_is_not_waited_for) {
  for (const char *blocks : {"0", "100"}) {
    Stream stream(plugin_file("recorder.py"), {},
                  blocks_of(size_t(atoi(blocks))));
    Feed feed({});
    for (int i = 0; i < 2; i++) {
      push_ms(&stream, &feed, 50);
      clear_log();
      GstBuffer *next = feed.next(480);
      GST_BUFFER_PTS(next) += 2 * GST_SECOND;
      stream.expect_push(next);
      fail_unless_equals_int(breaks(), 1);
      fail_unless(contains(log_text(), " discont "));
      int flagged = 0;
      for (GstBuffer *out : pull_all(&stream)) {
        flagged += has_flag(out, GST_BUFFER_FLAG_DISCONT);
        gst_buffer_unref(out);
      }
      fail_unless_equals_int(flagged, 1);
      feed.sent += 96000;
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_jitter_is_no_break) {
  Stream stream(plugin_file("recorder.py"));
  Feed feed({});
  clear_log();
  for (int i = 0; i < 300; i++) {
    const GstClockTimeDiff late[] = {0, 39 * GST_MSECOND, -30 * GST_MSECOND,
                                     200 * GST_MSECOND, 41 * GST_MSECOND};
    push_ms(&stream, &feed, 10, i > 30 ? late[i % 5] : 0);
  }
  // Nor is what has no time.
  for (int i = 0; i < 30; i++) {
    GstBuffer *buffer = feed.next(480);
    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    stream.expect_push(buffer);
  }
  push_ms(&stream, &feed, 2000);
  fail_unless_equals_int(breaks(), 0);
}
GST_END_TEST;

// A clock that is off adds up, as each buffer continues the one before it.
GST_START_TEST(test_drift_is_a_break_once_it_adds_up) {
  Stream stream(plugin_file("recorder.py"));
  Feed feed({});
  clear_log();
  for (int i = 0; i < 1000; i++)
    push_ms(&stream, &feed, 10, i * 20 * GST_USECOND);
  fail_unless_equals_int(breaks(), 0);
  for (int i = 1000; i < 3500; i++)
    push_ms(&stream, &feed, 10, i * 20 * GST_USECOND);
  fail_unless_equals_int(breaks(), 1);
}
GST_END_TEST;

GST_START_TEST(test_an_announced_jump_is_no_break) {
  Stream stream(plugin_file("inplace.py"));
  Stream told(plugin_file("recorder.py"));
  Feed feed({});
  push_ms(&told, &feed, 100);
  clear_log();
  // A gap, of which everybody knows.
  told.push_event(gst_event_new_gap(100 * GST_MSECOND, 5 * GST_SECOND));
  push_ms(&told, &feed, 3000, 5 * GST_SECOND);
  fail_unless_equals_int(breaks(), 0);
  begin_segment(&told, 1, 100 * GST_SECOND, GST_CLOCK_TIME_NONE);
  clear_log();
  push_ms(&told, &feed, 3000, 100 * GST_SECOND);
  fail_unless_equals_int(breaks(), 0);
}
GST_END_TEST;

GST_START_TEST(test_a_jump_ends_what_lags) {
  Stream stream(plugin_file("delay.py"), {}, {{"params", "p,frames=500"}});
  Feed feed({});
  Expected expected({});
  for (int i = 0; i < 10; i++)
    stream.expect_push(feed.next(480));
  feed.sent += 480000;
  stream.expect_push(feed.next(480));
  for (GstBuffer *out : pull_all(&stream))
    expected.check(out, frames_of(out, {}), 1);
  fail_unless_equals_uint64(expected.came, 4800);
  expected.came += 480000;
  end(&stream);
  for (GstBuffer *out : pull_all(&stream))
    expected.check(out, frames_of(out, {}), 1);
  fail_unless_equals_uint64(expected.came, feed.sent);
}
GST_END_TEST;

// ---- the borders of a segment -----------------------------------------------

GST_START_TEST(test_the_plugin_gets_what_lies_within_the_segment) {
  for (const char *blocks : {"0", "64"}) {
    // Frames of a millisecond, so that nothing is rounded.
    for (const Audio &audio :
         {Audio{"F32", false, 2, 1000}, Audio{"S16", true, 2, 1000},
          Audio{"S32", true, 9, 1000}}) {
      for (bool timed : {true, false}) {
        Stream stream(plugin_file("inplace.py"), audio,
                      blocks_of(size_t(atoi(blocks))));
        // From frame 100 to 900.
        Feed feed(audio);
        begin_segment(&stream, 1, feed.time_of(100), feed.time_of(900));
        for (int i = 0; i < 20; i++) {
          GstBuffer *buffer = feed.next(50 + size_t(i));
          if (!timed) GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
          stream.expect_push(buffer);
        }
        end(&stream);
        Expected expected(audio);
        expected.came = 100;
        for (GstBuffer *out : pull_all(&stream)) {
          const size_t frames = frames_of(out, audio);
          expect_samples(out, audio, [&](int c, size_t i) {
            return 2 * number_at(c, expected.came + i);
          });
          expected.came += frames;
          gst_buffer_unref(out);
        }
        fail_unless_equals_uint64(expected.came, 900);
        fail_unless_equals_uint64(stream.stat("dropped"), 0);
        stream.expect_no_reports();
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_break_outside_the_segment_is_one_inside) {
  Stream stream(plugin_file("recorder.py"));
  Feed feed({});
  push_ms(&stream, &feed, 20);
  begin_segment(&stream, 1, feed.time_of(5000), GST_CLOCK_TIME_NONE);
  stream.expect_push(with_flag(feed.next(480), GST_BUFFER_FLAG_DISCONT));
  expect_nothing(&stream);
  feed.sent = 5000;
  stream.expect_push(feed.next(480));
  GstBuffer *out = stream.pull();
  fail_unless(out && has_flag(out, GST_BUFFER_FLAG_DISCONT));
  gst_buffer_unref(out);
  // Also where the stream goes on as if there had been none: the plugin hears
  // of it.
  push_ms(&stream, &feed, 10);
  const int before = breaks();
  const guint64 place = std::exchange(feed.sent, 0);
  stream.expect_push(with_flag(feed.next(480), GST_BUFFER_FLAG_DISCONT));
  expect_nothing(&stream);
  fail_unless_equals_int(breaks(), before);
  feed.sent = place;
  push_ms(&stream, &feed, 10);
  fail_unless_equals_int(breaks(), before + 1);
}
GST_END_TEST;

GST_START_TEST(test_what_is_no_audio_is_not_cut) {
  Stream stream(plugin_file("inplace.py"), {}, {{"on-error", "drop"}});
  begin_segment(&stream, 1, GST_MSECOND, 2 * GST_MSECOND);
  GstBuffer *odd = gst_buffer_new_allocate(nullptr, 801, nullptr);
  GST_BUFFER_PTS(odd) = 0;
  stream.expect_push(odd);
  GstBuffer *none = gst_buffer_new();
  GST_BUFFER_PTS(none) = 0;
  stream.expect_push(none);
  const Reports reports = stream.reports();
  fail_unless_equals_int(reports.size(), 1);
  expect_part(reports[0].text, "not a whole number of frames");
  drop_all(&stream);
}
GST_END_TEST;

// ---- backwards --------------------------------------------------------------

// Buffers in the order in which they are played backwards; each is forwards.
GST_START_TEST(test_blocks_go_backwards_as_their_buffers_do) {
  for (const Audio &audio : {Audio{"F32", false, 2}, Audio{"S16", true, 2},
                             Audio{"S32", false, 1}}) {
    for (const char *drain : {"pad", "pass"}) {
      for (bool shared : {false, true}) {
        Stream stream(plugin_file("inplace.py"), audio,
                      blocks_of(100, {{"block-remainder", drain}}));
        begin_segment(&stream, -1, 0, GST_SECOND);
        // 1070 frames, from the last buffer on.
        const size_t sizes[] = {250, 30, 30, 100, 360, 300};
        std::vector<GstBuffer *> buffers;
        Feed feed(audio);
        for (size_t frames : sizes)
          buffers.push_back(feed.next(frames));
        for (size_t i = buffers.size(); i-- > 0;) {
          if (shared) gst_buffer_ref(buffers[i]);
          stream.expect_push(buffers[i]);
        }
        end(&stream);
        guint64 begin = 1070;
        for (GstBuffer *out : pull_all(&stream)) {
          const size_t frames = frames_of(out, audio);
          fail_unless(frames == (begin >= 100 ? 100 : 70));
          begin -= frames;
          expect_samples(out, audio, [begin](int c, size_t i) {
            return 2 * number_at(c, begin + i);
          });
          const GstClockTimeDiff off =
              GST_CLOCK_DIFF(GST_BUFFER_PTS(out), feed.time_of(begin));
          fail_unless(ABS(off) <= 2, "%d: %d", int(begin), int(off));
          fail_unless_equals_uint64(GST_BUFFER_OFFSET(out), begin);
          fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(out), begin + frames);
          gst_buffer_unref(out);
        }
        fail_unless_equals_uint64(begin, 0);
        for (size_t i = 0; shared && i < buffers.size(); i++)
          gst_buffer_unref(buffers[i]);
        fail_unless_equals_uint64(stream.stat("errors"), 0);
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_backwards_is_no_jump) {
  Stream stream(plugin_file("recorder.py"));
  begin_segment(&stream, -1, 0, 100 * GST_SECOND);
  Feed feed({});
  std::vector<GstBuffer *> buffers;
  for (int i = 0; i < 400; i++)
    buffers.push_back(feed.next(480));
  clear_log();
  for (size_t i = buffers.size(); i-- > 0;)
    stream.expect_push(buffers[i]);
  drop_all(&stream);
  fail_unless_equals_int(breaks(), 0);
  // Forwards again.
  begin_segment(&stream, 1, 0, GST_CLOCK_TIME_NONE);
  clear_log();
  push_ms(&stream, &feed, 3000);
  fail_unless_equals_int(breaks(), 0);
}
GST_END_TEST;

static Suite *jumps_suite() {
  Suite *suite = suite_create("jumps");
  TCase *jumps = new_case(suite, "jumps");
  tcase_add_test(jumps, test_a_jump_that_stays_is_a_break);
  tcase_add_test(jumps, test_a_jump_of_more_than_a_second_is_not_waited_for);
  tcase_add_test(jumps, test_jitter_is_no_break);
  tcase_add_test(jumps, test_drift_is_a_break_once_it_adds_up);
  tcase_add_test(jumps, test_an_announced_jump_is_no_break);
  tcase_add_test(jumps, test_a_jump_ends_what_lags);
  TCase *borders = new_case(suite, "borders");
  tcase_add_test(borders, test_the_plugin_gets_what_lies_within_the_segment);
  tcase_add_test(borders, test_a_break_outside_the_segment_is_one_inside);
  tcase_add_test(borders, test_what_is_no_audio_is_not_cut);
  TCase *backwards = new_case(suite, "backwards");
  tcase_add_test(backwards, test_blocks_go_backwards_as_their_buffers_do);
  tcase_add_test(backwards, test_backwards_is_no_jump);
  return suite;
}

GST_CHECK_MAIN(jumps)
