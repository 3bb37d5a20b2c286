// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Filters whose output lags behind and that say so: every sample comes out at
// the time at which it went in, and as many of them.
#include "../support/blocks.hpp"

using namespace check;

namespace {

struct Case {
  const char *name;
  std::string plugin;
};

std::string delay_without_drain() {
  std::string text = read_file(plugin_file("delay.py"));
  const size_t from = text.find("    def drain"), to = text.find("    def get");
  return text.erase(from, to - from);
}

std::vector<Case> delays() {
  const std::string text = read_file(plugin_file("delay.py"));
  const auto returning = [&](const std::string &what) {
    std::string made = text;
    return made.replace(made.find("return held"), 11, "return " + what);
  };
  return {
      {"drain", plugin_file("delay.py")},
      {"without drain", write_file("without.py", delay_without_drain())},
      {"more than the latency",
       write_file(
           "more.py",
           returning("held if held is None else "
                     "np.concatenate((held, held[:, :9] + 7), axis=1)"))},
  };
}

std::string params(int frames) {
  return "p,frames=" + std::to_string(frames);
}

void expect_all(Stream *stream, Expected *expected, guint64 sent) {
  for (GstBuffer *out : pull_all(stream))
    expected->check(out, frames_of(out, stream->audio()), 1);
  fail_unless_equals_uint64(expected->came, sent);
}

}  // namespace

GST_START_TEST(test_every_sample_keeps_its_time) {
  for (const Case &each : delays()) {
    for (int lag : {1, 63, 64, 100, 4800}) {
      for (const Audio &audio :
           {Audio{"F32", false, 1}, Audio{"S16", false, 3, 44100},
            Audio{"S32", true, 2}, Audio{"F64", true, 9}}) {
        Stream stream(each.plugin, audio, {{"params", params(lag)}});
        Feed feed(audio);
        Expected expected(audio);
        for (size_t frames : {64, 64, 1, 500, 7, 3000, 64, 1300})
          stream.expect_push(feed.next(frames));
        fail_unless(feed.sent == 5000);
        end(&stream);
        expect_all(&stream, &expected, 5000);
        stream.expect_no_reports();
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_latency_longer_than_the_stream) {
  for (const Case &each : delays()) {
    for (const char *blocks : {"0", "32"}) {
      Stream stream(each.plugin, {},
                    {{"params", params(1000)}, {"block-size", blocks}});
      Feed feed({});
      Expected expected({});
      stream.expect_push(feed.next(64));
      stream.expect_push(feed.next(10));
      expect_nothing(&stream);
      end(&stream);
      expect_all(&stream, &expected, 74);
    }
    // What there is without any input is nobody's.
    Stream stream(each.plugin, {}, {{"params", params(1000)}});
    end(&stream);
    expect_nothing(&stream);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// The rest is silence: a sample that is not given back is still a moment.
GST_START_TEST(test_a_tail_that_is_too_short_goes_on_with_silence) {
  for (const char *tail : {"None", "self._held[:, :10]", "self._held[:, :0]"}) {
    std::string text = delay_without_drain() + "    def drain(self): return ";
    Stream stream(write_file("short.py", text + tail + "\n"));
    Feed feed({});
    stream.expect_push(feed.next(500));
    gst_buffer_unref(stream.pull());
    end(&stream);
    GstBuffer *out = stream.pull();
    fail_unless(out != nullptr);
    const size_t some = contains(tail, "10") ? 10 : 0;
    fail_unless_equals_int(frames_of(out, {}), 100);
    expect_samples(out, {}, [&](int c, size_t i) {
      return i < some ? number_at(c, 400 + i) : 0;
    });
    gst_buffer_unref(out);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// ---- where the stream breaks ------------------------------------------------

namespace {

enum class Break {
  Discont,
  Flush,
  Segment,
  Caps,
  Gap,
  SegmentDone,
  StreamStart
};

void break_stream(Stream *stream, Break way) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  switch (way) {
    case Break::Flush:
      stream->push_event(gst_event_new_flush_start());
      stream->push_event(gst_event_new_flush_stop(TRUE));
      stream->push_event(gst_event_new_segment(&segment));
      break;
    case Break::Segment:
      segment.base = GST_SECOND;
      stream->push_event(gst_event_new_segment(&segment));
      break;
    case Break::Caps:
      stream->set_audio({"S16", true, 2});
      break;
    case Break::Gap:
      stream->push_event(gst_event_new_gap(GST_SECOND, 9 * GST_SECOND));
      break;
    case Break::SegmentDone:
      stream->push_event(gst_event_new_segment_done(GST_FORMAT_TIME, 7));
      break;
    case Break::StreamStart:
      stream->push_event(gst_event_new_stream_start("other"));
      break;
    default:
      break;
  }
}

}  // namespace

GST_START_TEST(test_a_break_ends_and_begins_what_lags) {
  const auto way = Break(__i__ / 2);
  // A block may be longer than all that comes.
  const char *block = __i__ % 2 ? "700" : "0";
  std::vector<Case> cases = delays();
  if (__i__ % 2) cases.resize(1);
  for (const Case &each : cases) {
    Stream stream(each.plugin, {"S16", false, 2},
                  {{"params", params(150)}, {"block-size", block}});
    Feed feed(stream.audio());
    Expected expected(stream.audio());
    for (int i = 0; i < 5; i++)
      stream.expect_push(feed.next(100));
    break_stream(&stream, way);
    if (way == Break::Flush) {
      while (GstBuffer *out = stream.pull())
        gst_buffer_unref(out);
      expected.came = 500;
    } else if (way != Break::Discont) {
      // All of it before the event.
      for (GstBuffer *out : pull_all(&stream))
        expected.check(out, frames_of(out, {"S16", false, 2}), 1);
      fail_unless_equals_uint64(expected.came, 500);
    }
    Feed other(stream.audio());
    Expected rest(stream.audio());
    other.sent = rest.came = 480000;
    GstBuffer *next = other.next(100);
    if (way == Break::Discont)
      GST_BUFFER_FLAG_SET(next, GST_BUFFER_FLAG_DISCONT);
    stream.expect_push(next);
    if (way == Break::Discont) expect_all(&stream, &expected, 500);
    stream.expect_push(other.next(100));
    end(&stream);
    bool first = true;
    for (GstBuffer *out : pull_all(&stream)) {
      if (way == Break::Discont)
        fail_unless(has_flag(out, GST_BUFFER_FLAG_DISCONT) == first);
      first = false;
      rest.check(out, frames_of(out, stream.audio()), 1);
    }
    fail_unless_equals_uint64(rest.came, 480200);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// A segment that only says its end anew is no other one.
GST_START_TEST(test_a_segment_that_continues_breaks_nothing) {
  Stream stream(plugin_file("delay.py"));
  Feed feed({});
  Expected expected({});
  stream.expect_push(feed.next(150));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.stop = GST_SECOND;
  stream.push_event(gst_event_new_segment(&segment));
  for (GstBuffer *out : pull_all(&stream))
    expected.check(out, frames_of(out, {}), 1);
  fail_unless_equals_uint64(expected.came, 50);
  stream.expect_push(feed.next(150));
  end(&stream);
  expect_all(&stream, &expected, 300);
}
GST_END_TEST;

GST_START_TEST(test_the_tail_lies_within_the_segment) {
  for (const Case &each : delays()) {
    Stream stream(each.plugin, {}, {{"params", params(4800)}});
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = GST_SECOND;
    segment.stop = GST_SECOND + 500 * GST_MSECOND;
    stream.push_event(gst_event_new_segment(&segment));
    Feed feed({});
    Expected expected({});
    feed.sent = expected.came = 48000;
    for (int i = 0; i < 50; i++)
      stream.expect_push(feed.next(480));
    end(&stream);
    expect_all(&stream, &expected, 72000);
  }
}
GST_END_TEST;

// Who plays a segment again seeks when the source says that it is done, which
// it does before its event: what lags is out by then.
GST_START_TEST(test_the_tail_does_not_wait_for_the_end_of_a_loop) {
  std::vector<Case> cases = delays();
  cases.push_back({"no latency", write_file("none.py", R"(
class Nothing:
    def set_parameter(self, name, value): pass
    def process_audio(self, buffer): pass
)")});
  for (const Case &each : cases) {
    for (const auto &[lag, block] :
         {std::pair{100, "0"}, {4800, "1000"}, {100, "7000"}}) {
      Stream stream(each.plugin, {},
                    {{"params", params(lag)}, {"block-size", block}});
      Feed feed({});
      for (int loop = 0; loop < 3; loop++) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        segment.flags = GST_SEGMENT_FLAG_SEGMENT;
        segment.start = segment.time = 100 * GST_MSECOND;
        segment.stop = 200 * GST_MSECOND;
        segment.base = guint64(loop) * 100 * GST_MSECOND;
        stream.push_event(gst_event_new_segment(&segment));
        Expected expected({});
        feed.sent = expected.came = 4800;
        for (int i = 0; i < 5; i++)
          stream.expect_push(feed.next(1000));
        expect_all(&stream, &expected, 9600);
        stream.push_event(gst_event_new_segment_done(
            GST_FORMAT_TIME, gint64(200 * GST_MSECOND)));
        expect_nothing(&stream);
      }
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

// ---- backwards --------------------------------------------------------------

namespace {

void begin_backwards(Stream *stream) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = -1;
  segment.stop = GST_SECOND;
  stream->push_event(gst_event_new_segment(&segment));
}

}  // namespace

// Nothing lags behind what goes before it: each buffer is whole.
GST_START_TEST(test_backwards_every_sample_keeps_its_time) {
  for (const Case &each : delays()) {
    for (int lag : {1, 400}) {
      for (const auto &[block, audio] : {std::pair{"0", Audio{"F32", false, 1}},
                                         {"150", Audio{"S16", true, 2}}}) {
        Stream stream(each.plugin, audio,
                      {{"params", params(lag)}, {"block-size", block}});
        begin_backwards(&stream);
        std::vector<GstBuffer *> buffers;
        Feed feed(audio);
        for (size_t frames : {250, 30, 30, 100, 360, 300})
          buffers.push_back(feed.next(frames));
        for (size_t i = buffers.size(); i-- > 0;)
          stream.expect_push(buffers[i]);
        end(&stream);
        guint64 begin = 1070;
        for (GstBuffer *out : pull_all(&stream)) {
          begin -= frames_of(out, audio);
          expect_samples(out, audio, [&](int c, size_t i) {
            return number_at(c, begin + i);
          });
          const GstClockTimeDiff off =
              GST_CLOCK_DIFF(GST_BUFFER_PTS(out), feed.time_of(begin));
          fail_unless(ABS(off) <= 2, "%d: %d", int(begin), int(off));
          fail_unless_equals_uint64(GST_BUFFER_OFFSET(out), begin);
          gst_buffer_unref(out);
        }
        fail_unless_equals_uint64(begin, 0);
        stream.expect_no_reports();
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_backwards_what_has_no_frames_passes) {
  for (int lag : {0, 100}) {
    Stream stream(plugin_file("delay.py"), {}, {{"params", params(lag)}});
    begin_backwards(&stream);
    GstBuffer *empty = gst_buffer_new();
    GST_BUFFER_PTS(empty) = 700 * GST_MSECOND;
    GstBuffer *out = stream.through(empty);
    fail_unless_equals_int(gst_buffer_get_size(out), 0);
    fail_unless_equals_uint64(GST_BUFFER_PTS(out), 700 * GST_MSECOND);
    gst_buffer_unref(out);
  }
}
GST_END_TEST;

// What fades out comes after the sound, and that was heard before, backwards.
GST_START_TEST(test_backwards_nothing_fades_out) {
  Stream stream(write_file("fades.py", R"(
import numpy as np
class Fades:
    def process_audio(self, buffer): pass
    def drain(self): return np.ones((2, 50), "f4")
)"));
  begin_backwards(&stream);
  Feed feed({});
  feed.sent = 4800;
  for (bool discont : {false, true}) {
    GstBuffer *next = feed.next(100);
    if (discont) GST_BUFFER_FLAG_SET(next, GST_BUFFER_FLAG_DISCONT);
    stream.expect_push(next);
    feed.sent -= 200;
    gst_buffer_unref(stream.pull());
    expect_nothing(&stream);
  }
  end(&stream);
  expect_nothing(&stream);
}
GST_END_TEST;

// ---- while it plays ---------------------------------------------------------

// A longer one: what the plugin repeats of the past is left out. A shorter one:
// silence where it leaps.
GST_START_TEST(test_a_latency_that_changes) {
  const std::string file = write_file("changes.py", R"(
import numpy as np
from base_plugin import AudioProcessorPlugin
class Changes(AudioProcessorPlugin):
    frames = 100
    def start(self): self.all = np.zeros((2, 8000), "f4")
    def set_parameter(self, key, value): self.frames = int(value)
    def get_processing_latency(self): return self.frames / 48000
    def process_audio(self, buffer):
        count = buffer.data.shape[1]
        self.all = np.concatenate((self.all, buffer.data), axis=1)
        end = self.all.shape[1] - self.frames
        buffer.data[:] = self.all[:, end - count : end]
)");
  Stream stream(file);
  Feed feed({});
  guint64 came = 0;
  const auto flow = [&](int lag, guint64 silent_from, guint64 silent_to) {
    stream.set("params", params(lag));
    for (int i = 0; i < 8; i++)
      stream.expect_push(feed.next(64));
    for (GstBuffer *out : pull_all(&stream)) {
      fail_unless(
          ABS(GST_CLOCK_DIFF(GST_BUFFER_PTS(out), feed.time_of(came))) <= 1);
      fail_unless_equals_uint64(GST_BUFFER_OFFSET(out), came);
      expect_samples(out, {}, [&](int c, size_t i) {
        const guint64 at = came + i;
        return at >= silent_from && at < silent_to ? 0 : number_at(c, at);
      });
      came += frames_of(out, {});
      gst_buffer_unref(out);
    }
    fail_unless_equals_uint64(came, feed.sent - guint64(lag));
  };
  flow(100, 0, 0);
  flow(300, 0, 0);
  flow(20, 1024 - 300, 1024 - 20);
  flow(0, 1536 - 20, 1536);
  flow(77, 0, 0);
  end(&stream);
  size_t tail = 0;
  for (GstBuffer *out : pull_all(&stream)) {
    tail += frames_of(out, {});
    gst_buffer_unref(out);
  }
  fail_unless_equals_int(tail, 77);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_less_latency_before_the_first_sample) {
  Stream stream(write_file("before.py", R"(
class Before:
    frames = 1000
    def set_parameter(self, key, value): self.frames = int(value)
    def get_processing_latency(self): return self.frames / 48000
    def process_audio(self, buffer): pass
)"));
  stream.expect_push(new_buffer({}, 64));
  stream.set("params", params(70));
  stream.expect_push(new_buffer({}, 64));
  GstBuffer *out = stream.pull();
  fail_unless_equals_int(frames_of(out, {}), 58);
  gst_buffer_unref(out);
  expect_nothing(&stream);
}
GST_END_TEST;

GST_START_TEST(test_latency_in_parts_of_a_frame_is_rounded) {
  const std::pair<const char *, size_t> cases[] = {
      {"0.4 / 48000", 64}, {"0.6 / 48000", 63}, {"1.5e-9", 64}, {"0.0", 64}};
  for (const auto &[seconds, frames] : cases) {
    Stream stream(write_file(
        "parts.py",
        std::string("class Parts:\n    def process_audio(self, b): pass\n"
                    "    def get_processing_latency(self): return ") +
            seconds + "\n"));
    GstBuffer *out = stream.through(new_buffer({}));
    fail_unless(frames_of(out, {}) == frames, "%s", seconds);
    gst_buffer_unref(out);
  }
}
GST_END_TEST;

// ---- failures ---------------------------------------------------------------

// What stands in for a call that failed stands where its output would.
GST_START_TEST(test_policies_keep_the_times) {
  for (const char *policy : {"silence", "passthrough", "drop"}) {
    Stream stream(
        write_file("failing_delay.py", read_file(plugin_file("delay.py")) + R"(
    calls = 0
    def __getattribute__(self, name):
        if name == "process_audio":
            return object.__getattribute__(self, "failing")
        return object.__getattribute__(self, name)
    def failing(self, buffer):
        self.calls += 1
        Delay.process_audio(self, buffer)
        if self.calls == 3:
            1 / 0
)"),
        {}, {{"on-error", policy}, {"params", params(50)}});
    Feed feed({});
    for (int i = 0; i < 5; i++)
      stream.expect_push(feed.next(100));
    end(&stream);
    guint64 came = 0, total = 0;
    for (GstBuffer *out : pull_all(&stream)) {
      if (GST_BUFFER_OFFSET(out) != came) {
        fail_unless(!strcmp(policy, "drop"));
        fail_unless_equals_uint64(came, 150);
        fail_unless_equals_uint64(GST_BUFFER_OFFSET(out), 250);
        fail_unless(has_flag(out, GST_BUFFER_FLAG_DISCONT));
      }
      came = GST_BUFFER_OFFSET_END(out);
      fail_unless(ABS(GST_CLOCK_DIFF(GST_BUFFER_PTS(out),
                                     feed.time_of(GST_BUFFER_OFFSET(out)))) <=
                  1);
      total += frames_of(out, {});
      gst_buffer_unref(out);
    }
    fail_unless_equals_uint64(came, 500);
    fail_unless_equals_uint64(total, strcmp(policy, "drop") ? 500 : 400);
  }
}
GST_END_TEST;

// Its frames are cut off where they lie.
GST_START_TEST(test_nothing_is_copied) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(plugin_file("delay.py"), audio, {{"params", params(10)}});
    GstBuffer *in = new_buffer(audio);
    GstMapInfo map;
    gst_buffer_map(in, &map, GST_MAP_READ);
    const guint8 *memory = map.data;
    gst_buffer_unmap(in, &map);
    GstBuffer *out = stream.through(in);
    if (!in_process()) fail_unless(out == in);
    fail_unless_equals_int(frames_of(out, audio), 54);
    expect_samples(out, audio, number_at);
    gst_buffer_map(out, &map, GST_MAP_READ);
    if (!in_process()) fail_unless(map.data == memory + (planar ? 0 : 10 * 8));
    gst_buffer_unmap(out, &map);
    gst_buffer_unref(out);
    fail_unless_equals_uint64(stream.stat("copies"), 0);
  }
}
GST_END_TEST;

GST_START_TEST(test_who_only_looks_delays_nothing) {
  Stream stream(write_file("looks.py", R"(
class Looks:
    read_only = True
    def get_processing_latency(self): return 0.1
    def process_audio(self, buffer): pass
)"));
  stream.expect_through(number_at);
}
GST_END_TEST;

static Suite *latency_suite() {
  Suite *suite = suite_create("latency");
  TCase *times = new_case(suite, "times");
  tcase_add_test(times, test_every_sample_keeps_its_time);
  tcase_add_test(times, test_a_latency_longer_than_the_stream);
  tcase_add_test(times, test_a_tail_that_is_too_short_goes_on_with_silence);
  tcase_add_test(times, test_the_tail_lies_within_the_segment);
  tcase_add_test(times, test_the_tail_does_not_wait_for_the_end_of_a_loop);
  TCase *backwards = new_case(suite, "backwards");
  tcase_add_test(backwards, test_backwards_every_sample_keeps_its_time);
  tcase_add_test(backwards, test_backwards_what_has_no_frames_passes);
  tcase_add_test(backwards, test_backwards_nothing_fades_out);
  TCase *breaks = new_case(suite, "breaks");
  tcase_add_loop_test(breaks, test_a_break_ends_and_begins_what_lags, 0, 14);
  tcase_add_test(breaks, test_a_segment_that_continues_breaks_nothing);
  TCase *changes = new_case(suite, "changes");
  tcase_add_test(changes, test_a_latency_that_changes);
  tcase_add_test(changes, test_less_latency_before_the_first_sample);
  tcase_add_test(changes, test_latency_in_parts_of_a_frame_is_rounded);
  TCase *failures = new_case(suite, "failures");
  tcase_add_test(failures, test_policies_keep_the_times);
  tcase_add_test(failures, test_nothing_is_copied);
  tcase_add_test(failures, test_who_only_looks_delays_nothing);
  return suite;
}

GST_CHECK_MAIN(latency)
