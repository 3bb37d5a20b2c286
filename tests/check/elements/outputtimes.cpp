// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Timestamps, durations, offsets, flags and metas of what a converting plugin
// gives: those of what went in, divided over a list, together over none yet.
#include "../support/conversion.hpp"

using namespace check;

namespace {

// Gives as many parts as its parameter says, 0: none yet; in drain() as well.
std::string splitter() {
  return write_file("splitter.py", R"(
class Splitter:
    output_caps = "application/x-out"
    input_caps = "application/x-in; audio/x-raw"
    as_bytes = True
    def __init__(self):
        self.held = []
        self.parts = self.last = 1
    def set_parameter(self, key, value):
        setattr(self, key, int(value))
    def given(self, count):
        if not count or not self.held:
            return []
        held, self.held = b"".join(self.held), []
        size = len(held) // count
        return [held[i * size : (i + 1) * size] for i in range(count)]
    def process_audio(self, buffer):
        self.held.append(buffer.data.tobytes())
        return self.given(self.parts)
    def drain(self):
        return self.given(self.last)
    def reset(self):
        self.held = []
)");
}

struct Times {
  GstClockTime pts, duration;
  guint64 offset = GST_BUFFER_OFFSET_NONE, offset_end = GST_BUFFER_OFFSET_NONE;
};

constexpr GstClockTime none = GST_CLOCK_TIME_NONE;
constexpr guint64 no_offset = GST_BUFFER_OFFSET_NONE;
constexpr auto carried = GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC |
                         GST_BUFFER_FLAG_MARKER | GST_BUFFER_FLAG_HEADER |
                         GST_BUFFER_FLAG_GAP;

GstBuffer *timed(const Times &times, guint flags = 0) {
  GstBuffer *buffer = bytes_buffer();
  GST_BUFFER_PTS(buffer) = times.pts;
  GST_BUFFER_DTS(buffer) = times.pts;
  GST_BUFFER_DURATION(buffer) = times.duration;
  GST_BUFFER_OFFSET(buffer) = times.offset;
  GST_BUFFER_OFFSET_END(buffer) = times.offset_end;
  GST_BUFFER_FLAG_SET(buffer, flags);
  return buffer;
}

void expect_times(const OwnedBuffer &buffer, const Times &want, int flags = 0) {
  fail_unless_equals_uint64(GST_BUFFER_PTS(buffer.get()), want.pts);
  fail_unless_equals_uint64(GST_BUFFER_DTS(buffer.get()), want.pts);
  fail_unless_equals_uint64(GST_BUFFER_DURATION(buffer.get()), want.duration);
  fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer.get()), want.offset);
  fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(buffer.get()),
                            want.offset_end);
  fail_unless_equals_int(int(GST_BUFFER_FLAGS(buffer.get())) & carried, flags);
}

void set_parts(Conversion *stream, int parts, int last = 1) {
  stream->set("params", "p,parts=" + std::to_string(parts) +
                            ",last=" + std::to_string(last));
}

GstCaps *ntp() {
  static GstCaps *caps = gst_caps_from_string("timestamp/x-ntp");
  GST_MINI_OBJECT_FLAG_SET(caps, GST_MINI_OBJECT_FLAG_MAY_BE_LEAKED);
  return caps;
}

// 0: it has none.
GstClockTime reference_of(const OwnedBuffer &buffer) {
  const GstReferenceTimestampMeta *meta =
      gst_buffer_get_reference_timestamp_meta(buffer.get(), ntp());
  return meta ? meta->timestamp : 0;
}

}  // namespace

GST_START_TEST(test_one_output_has_the_times_of_its_input) {
  Conversion stream(splitter());
  for (const Times &times :
       {Times{3 * GST_SECOND, 1234567, 42, 106}, Times{7, none, 5},
        Times{none, 10, no_offset, 9}, Times{none, none}, Times{0, 0, 0, 0}})
    expect_times(stream.through_one(timed(times, GST_BUFFER_FLAG_MARKER)),
                 times, GST_BUFFER_FLAG_MARKER);
}
GST_END_TEST;

GST_START_TEST(test_list_divides_time_and_offsets) {
  Conversion stream(splitter());
  set_parts(&stream, 3);
  std::vector<OwnedBuffer> outs = stream.through(
      timed({1000, 100, 10, 20}, carried & ~GST_BUFFER_FLAG_GAP));
  fail_unless_equals_int(outs.size(), 3);
  expect_times(outs[0], {1000, 33, 10, 13},
               GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_RESYNC |
                   GST_BUFFER_FLAG_HEADER);
  expect_times(outs[1], {1033, 33, 13, 16}, GST_BUFFER_FLAG_HEADER);
  expect_times(outs[2], {1066, 34, 16, 20},
               GST_BUFFER_FLAG_HEADER | GST_BUFFER_FLAG_MARKER);
  // Without a duration only the first has a known time.
  outs = stream.through(timed({1000, none, 10}));
  expect_times(outs[0], {1000, none, 10});
  expect_times(outs[1], {none, none});
}
GST_END_TEST;

GST_START_TEST(test_output_after_none_yet_has_the_time_of_all_its_inputs) {
  Conversion stream(splitter());
  set_parts(&stream, 0);
  fail_unless(
      stream.through(timed({100, 10, 0, 5}, GST_BUFFER_FLAG_RESYNC)).empty());
  fail_unless(
      stream.through(timed({110, 10, 5, 10}, GST_BUFFER_FLAG_MARKER)).empty());
  set_parts(&stream, 2);
  std::vector<OwnedBuffer> outs = stream.through(timed({120, 10, 10, 15}));
  fail_unless_equals_int(outs.size(), 2);
  expect_times(outs[0], {100, 15, 0, 7}, GST_BUFFER_FLAG_RESYNC);
  expect_times(outs[1], {115, 15, 7, 15}, GST_BUFFER_FLAG_MARKER);
  // The next one begins anew.
  set_parts(&stream, 1);
  expect_times(stream.through_one(timed({130, 10, 15, 20})), {130, 10, 15, 20});
}
GST_END_TEST;

GST_START_TEST(test_silence_is_not_known_of_an_output) {
  Conversion stream(splitter());
  expect_times(stream.through_one(timed({0, 1}, GST_BUFFER_FLAG_GAP)), {0, 1});
}
GST_END_TEST;

GST_START_TEST(test_reference_timestamps_belong_to_their_part) {
  Conversion stream(splitter());
  const auto referenced = [](const Times &times, GstClockTime reference) {
    GstBuffer *buffer = timed(times);
    gst_buffer_add_reference_timestamp_meta(buffer, ntp(), reference, none);
    return buffer;
  };
  const OwnedBuffer one = stream.through_one(referenced({0, 90}, 5000));
  fail_unless_equals_uint64(reference_of(one), 5000);
  set_parts(&stream, 3);
  std::vector<OwnedBuffer> outs = stream.through(referenced({90, 90}, 5090));
  for (int i = 0; i < 3; i++)
    fail_unless_equals_uint64(reference_of(outs[size_t(i)]),
                              guint64(5090 + 30 * i));
  // Without a duration: only what is known.
  outs = stream.through(referenced({180, none}, 5180));
  fail_unless_equals_uint64(reference_of(outs[0]), 5180);
  fail_unless_equals_uint64(reference_of(outs[1]), 0);
  // That of the first of the inputs, as the time is.
  set_parts(&stream, 0);
  stream.through(referenced({270, 90}, 5270));
  set_parts(&stream, 1);
  fail_unless_equals_uint64(
      reference_of(stream.through_one(referenced({360, 90}, 5360))), 5270);
}
GST_END_TEST;

GST_START_TEST(test_metas_about_the_input_itself_stay_behind) {
  Conversion stream(splitter(), STEREO);
  GstBuffer *parent = gst_buffer_new();
  GstBuffer *in = bytes_buffer(480);
  gst_buffer_add_parent_buffer_meta(in, parent);
  gst_buffer_add_audio_clipping_meta(in, GST_FORMAT_DEFAULT, 1, 1);
  const OwnedBuffer out = stream.through_one(in);
  gpointer state = nullptr;
  fail_unless(!gst_buffer_iterate_meta(out.get(), &state));
  fail_unless_equals_int(GST_MINI_OBJECT_REFCOUNT_VALUE(parent), 1);
  gst_buffer_unref(parent);
}
GST_END_TEST;

// ---- drain and reset --------------------------------------------------------

enum class Break { Eos, Discont, Caps };

GST_START_TEST(test_what_is_held_back_comes_out_before_the_stream_breaks) {
  const auto way = Break(__i__);
  Conversion stream(splitter());
  set_parts(&stream, 0, 2);
  fail_unless(stream.through(timed({100, 10, 0, 5})).empty());
  fail_unless(stream.through(timed({110, 10, 5, 10})).empty());
  switch (way) {
    case Break::Eos:
      stream.push_event(gst_event_new_eos());
      break;
    case Break::Discont:
      stream.push(timed({500, 10}, GST_BUFFER_FLAG_DISCONT));
      break;
    default:
      stream.set_caps("application/x-in,other=1");
      break;
  }
  std::vector<OwnedBuffer> outs = stream.pull_all();
  fail_unless_equals_int(outs.size(), 2);
  expect_times(outs[0], {100, 10, 0, 5});
  expect_times(outs[1], {110, 10, 5, 10});
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_flush_drops_what_is_held_back) {
  Conversion stream(splitter());
  set_parts(&stream, 0);
  stream.through(timed({100, 10, 0, 5}, GST_BUFFER_FLAG_MARKER));
  stream.push_event(gst_event_new_flush_start());
  stream.push_event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  stream.push_event(gst_event_new_segment(&segment));
  set_parts(&stream, 1);
  const OwnedBuffer out = stream.through_one(timed({500, 10, 50, 55}));
  expect_times(out, {500, 10, 50, 55});
  fail_unless_equals_int(gst_buffer_get_size(out.get()), 24);
}
GST_END_TEST;

GST_START_TEST(test_tail_without_an_input_follows_the_last_output) {
  Conversion stream(write_file("tail.py", R"(
class Tail:
    output_caps = "application/x-out"
    input_caps = "application/x-in"
    def process_audio(self, buffer):
        return b"some"
    def drain(self):
        return bytearray(b"rest")
)"));
  expect_times(stream.through_one(timed({100, 10, 0, 5})), {100, 10, 0, 5});
  stream.push_event(gst_event_new_eos());
  std::vector<OwnedBuffer> outs = stream.pull_all();
  fail_unless_equals_int(outs.size(), 1);
  expect_text(bytes_of(outs[0].get()), "rest");
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[0].get()), 110);
}
GST_END_TEST;

// What downstream does not take is not kept for it.
GST_START_TEST(test_outputs_that_nobody_takes_do_not_gather) {
  Conversion stream(splitter());
  set_parts(&stream, 3);
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  GstPad *peer = gst_pad_get_peer(pad);
  gst_pad_unlink(pad, peer);
  for (int i = 0; i < 5; i++)
    fail_unless_equals_int(stream.push(timed({guint64(i) * 30, 30})),
                           GST_FLOW_NOT_LINKED);
  fail_unless_equals_int(gst_pad_link(pad, peer), GST_PAD_LINK_OK);
  std::vector<OwnedBuffer> outs = stream.through(timed({300, 30}));
  fail_unless_equals_int(outs.size(), 3);
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[0].get()), 300);
  gst_object_unref(peer);
  gst_object_unref(pad);
}
GST_END_TEST;

// ---- raw audio --------------------------------------------------------------

GST_START_TEST(test_raw_audio_lasts_as_long_as_it_lasts) {
  const std::string file = write_file("speed.py", R"(
import numpy as np
class Speed:
    output_caps = "audio/x-raw"
    frames = 480
    def set_parameter(self, key, value):
        self.frames = int(value)
    def process_audio(self, buffer):
        a = np.zeros((2, self.frames), np.float32, order="F")
        return [a, a.copy(order="F")]
)");
  Conversion stream(file, STEREO);
  stream.expect_output_caps(STEREO);
  const auto through = [&](int frames) {
    stream.set("params", "p,frames=" + std::to_string(frames));
    GstBuffer *in = new_buffer({"F32", false, 2}, 480);
    GST_BUFFER_PTS(in) = GST_SECOND;
    GST_BUFFER_DURATION(in) = 10 * GST_MSECOND;
    GST_BUFFER_OFFSET(in) = 48000;
    GST_BUFFER_OFFSET_END(in) = 48480;
    return stream.through(in);
  };
  std::vector<OwnedBuffer> outs = through(240);
  fail_unless_equals_uint64(GST_BUFFER_DURATION(outs[0].get()),
                            5 * GST_MSECOND);
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[1].get()),
                            GST_SECOND + 5 * GST_MSECOND);
  fail_unless_equals_uint64(GST_BUFFER_OFFSET(outs[1].get()), 48240);
  fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(outs[1].get()), 48480);
  outs = through(480);
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[1].get()),
                            GST_SECOND + 10 * GST_MSECOND);
  fail_unless_equals_uint64(GST_BUFFER_OFFSET(outs[1].get()), 48480);
}
GST_END_TEST;

// ---- audio of another length ------------------------------------------------

namespace {

GstBuffer *counted(guint64 *sent, size_t frames, GstClockTime from = 0) {
  GstBuffer *buffer = new_buffer({"F32", false, 2}, frames);
  const auto time = [&](guint64 frame) {
    return from + gst_util_uint64_scale(frame, GST_SECOND, 48000);
  };
  GST_BUFFER_PTS(buffer) = time(*sent);
  GST_BUFFER_DURATION(buffer) = time(*sent + frames) - time(*sent);
  GST_BUFFER_OFFSET(buffer) = *sent;
  GST_BUFFER_OFFSET_END(buffer) = *sent += frames;
  return buffer;
}

// Each begins where the last one ended; gives where that is. A time is rounded.
guint64 expect_continuous(const std::vector<OwnedBuffer> &outs, size_t frame,
                          int rate, GstClockTime from, guint64 offset) {
  guint64 came = 0;
  for (const OwnedBuffer &out : outs) {
    const GstClockTime want =
        from + gst_util_uint64_scale(came, GST_SECOND, guint64(rate));
    fail_unless(ABS(GST_CLOCK_DIFF(want, GST_BUFFER_PTS(out.get()))) <= 2,
                "%" GST_TIME_FORMAT ", not %" GST_TIME_FORMAT,
                GST_TIME_ARGS(GST_BUFFER_PTS(out.get())), GST_TIME_ARGS(want));
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(out.get()), offset + came);
    came += gst_buffer_get_size(out.get()) / frame;
    fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(out.get()), offset + came);
    const GstClockTime end =
        GST_BUFFER_PTS(out.get()) + GST_BUFFER_DURATION(out.get());
    const GstClockTime next =
        from + gst_util_uint64_scale(came, GST_SECOND, guint64(rate));
    fail_unless(ABS(GST_CLOCK_DIFF(next, end)) <= 2);
  }
  return came;
}

constexpr char stretching[] = R"(
import numpy as np
class Stretching:
    input_caps = output_caps = "audio/x-raw, format=F32LE, layout=interleaved"
    held = np.zeros((2, 0), "f4")
    def process_audio(self, buffer):
        BODY
    def drain(self):
        held, self.held = self.held, self.held[:, :0]
        return held
)";

std::string stretcher(const std::string &body) {
  std::string text = stretching;
  return write_file("stretching.py", text.replace(text.find("BODY"), 4, body));
}

}  // namespace

GST_START_TEST(test_audio_of_another_speed_counts_its_own_samples) {
  const std::pair<const char *, double> speeds[] = {
      {"return np.repeat(buffer.data, 2, axis=1)", 2},
      {"return np.repeat(buffer.data, 2, axis=1), buffer.data.copy()", 3},
      {"return buffer.data[:, ::2].copy()", 0.5},
      // In some calls as it came.
      {"self.n = getattr(self, 'n', 0) + 1\n"
       "        if self.n % 2: return np.repeat(buffer.data, 2, axis=1)",
       1.5},
      // Holds back, and gives later.
      {"self.held = np.concatenate((self.held, buffer.data), axis=1)\n"
       "        some = max(self.held.shape[1] // 256 - 2, 0) * 256\n"
       "        out, self.held = self.held[:, :some], self.held[:, some:]\n"
       "        return out.copy()",
       1}};
  for (const auto &[body, speed] : speeds) {
    Conversion stream(stretcher(body), STEREO);
    guint64 sent = 4800;
    for (int i = 0; i < 40; i++)
      stream.expect_push(counted(&sent, 480, GST_SECOND));
    stream.push_event(gst_event_new_eos());
    const guint64 came = expect_continuous(
        stream.pull_all(), 8, 48000, GST_SECOND + 100 * GST_MSECOND, 4800);
    fail_unless_equals_uint64(came, guint64(40 * 480 * speed));
    stream.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_another_rate_does_not_drift) {
  const std::string file = write_file("rate.py", R"(
import numpy as np
class Rate:
    formats, rates, channels = ("F32",), 48000, 2
    output_caps = ("audio/x-raw, format=S16LE, layout=interleaved, "
                   "rate=16000, channels=1")
    at = 0
    def process_audio(self, buffer):
        out = buffer.data[:1, self.at :: 3].astype(np.int16)
        self.at = (self.at - buffer.data.shape[1]) % 3
        return out
)");
  for (size_t frames : {480, 1000, 1, 7}) {
    Conversion stream(file, STEREO);
    guint64 sent = 0;
    for (int i = 0; i < 100; i++)
      stream.expect_push(counted(&sent, frames));
    const guint64 came = expect_continuous(stream.pull_all(), 2, 16000, 0, 0);
    fail_unless_equals_uint64(came, (sent + 2) / 3);
  }
}
GST_END_TEST;

// From there on the input's time counts again, but not what was given already.
GST_START_TEST(test_counting_begins_anew_after_a_break) {
  Conversion stream(stretcher("return np.repeat(buffer.data, 2, axis=1)"),
                    STEREO);
  guint64 sent = 0;
  for (int i = 0; i < 5; i++)
    stream.expect_push(counted(&sent, 480));
  expect_continuous(stream.pull_all(), 8, 48000, 0, 0);
  sent = 48000;
  GstBuffer *next = counted(&sent, 480);
  GST_BUFFER_FLAG_SET(next, GST_BUFFER_FLAG_DISCONT);
  stream.expect_push(next);
  std::vector<OwnedBuffer> outs = stream.pull_all();
  fail_unless(GST_BUFFER_FLAG_IS_SET(outs[0].get(), GST_BUFFER_FLAG_DISCONT));
  expect_continuous(outs, 8, 48000, GST_SECOND, 48000);
  // Sooner than what came out of it ended.
  next = counted(&sent, 480);
  GST_BUFFER_FLAG_SET(next, GST_BUFFER_FLAG_DISCONT);
  outs = stream.through(next);
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[0].get()),
                            GST_SECOND + 20 * GST_MSECOND);
  // Another line of time.
  stream.push_event(gst_event_new_flush_start());
  stream.push_event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  stream.push_event(gst_event_new_segment(&segment));
  sent = 0;
  expect_continuous(stream.through(counted(&sent, 480)), 8, 48000, 0, 0);
}
GST_END_TEST;

// One that gives what came before the first sample, and one that holds back.
GST_START_TEST(test_a_converter_that_lags_keeps_its_times) {
  const char *bodies[] = {
      "if not self.held.shape[1]: self.held = np.zeros((2, 300), 'f4')\n"
      "        all = np.concatenate((self.held, buffer.data), axis=1)\n"
      "        self.held = all[:, -300:].copy()\n"
      "        return all[:, :-300].copy()",
      "all = np.concatenate((self.held, buffer.data), axis=1)\n"
      "        self.held = all[:, -300:].copy()\n"
      "        return all[:, :-300].copy()"};
  for (const char *body : bodies) {
    std::string text = read_file(stretcher(body));
    Conversion stream(
        write_file("lagging.py", text +
                                     "    def get_processing_latency(self):\n"
                                     "        return 300 / 48000\n"),
        STEREO);
    guint64 sent = 0;
    for (size_t frames : {480, 480, 100, 48, 1000})
      stream.expect_push(counted(&sent, frames));
    GstBuffer *next = counted(&sent, 480, GST_SECOND);
    GST_BUFFER_FLAG_SET(next, GST_BUFFER_FLAG_DISCONT);
    stream.expect_push(next);
    stream.push_event(gst_event_new_eos());
    std::vector<OwnedBuffer> outs = stream.pull_all(), rest;
    while (outs.size() && GST_BUFFER_PTS(outs.back().get()) >= GST_SECOND) {
      rest.insert(rest.begin(), std::move(outs.back()));
      outs.pop_back();
    }
    fail_unless_equals_uint64(expect_continuous(outs, 8, 48000, 0, 0), 2108);
    fail_unless_equals_uint64(
        expect_continuous(
            rest, 8, 48000,
            GST_SECOND + gst_util_uint64_scale(2108, GST_SECOND, 48000), 2108),
        480);
    // The sound as well.
    GstMapInfo map;
    gst_buffer_map(outs[0].get(), &map, GST_MAP_READ);
    float first;
    memcpy(&first, map.data + 8, 4);
    fail_unless(double(first) == number_at(0, 1));
    gst_buffer_unmap(outs[0].get(), &map);
  }
}
GST_END_TEST;

static Suite *outputtimes_suite() {
  Suite *suite = suite_create("outputtimes");
  TCase *times = new_case(suite, "times");
  tcase_add_test(times, test_one_output_has_the_times_of_its_input);
  tcase_add_test(times, test_list_divides_time_and_offsets);
  tcase_add_test(times,
                 test_output_after_none_yet_has_the_time_of_all_its_inputs);
  tcase_add_test(times, test_silence_is_not_known_of_an_output);
  tcase_add_test(times, test_reference_timestamps_belong_to_their_part);
  tcase_add_test(times, test_metas_about_the_input_itself_stay_behind);
  TCase *breaks = new_case(suite, "breaks");
  tcase_add_loop_test(
      breaks, test_what_is_held_back_comes_out_before_the_stream_breaks, 0, 3);
  tcase_add_test(breaks, test_flush_drops_what_is_held_back);
  tcase_add_test(breaks, test_tail_without_an_input_follows_the_last_output);
  tcase_add_test(breaks, test_outputs_that_nobody_takes_do_not_gather);
  TCase *raw = new_case(suite, "raw audio");
  tcase_add_test(raw, test_raw_audio_lasts_as_long_as_it_lasts);
  tcase_add_test(raw, test_audio_of_another_speed_counts_its_own_samples);
  tcase_add_test(raw, test_another_rate_does_not_drift);
  tcase_add_test(raw, test_counting_begins_anew_after_a_break);
  tcase_add_test(raw, test_a_converter_that_lags_keeps_its_times);
  return suite;
}

GST_CHECK_MAIN(outputtimes)
