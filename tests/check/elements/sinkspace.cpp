// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonsink does while its plugin has no space or takes nothing: wait
// for a bounded time, stop waiting at once, and say what was lost.
#include "../support/sink.hpp"

using namespace check;

namespace {

// A sink with the given methods.
std::string sink_with(const std::string &methods) {
  return write_file("device.py",
                    "import threading, time\n"
                    "import numpy as np\n"
                    "from base_plugin import *\n"
                    "from checklog import say\n"
                    "class Device(AudioSinkPlugin):\n" +
                        methods);
}

constexpr char tells_frames[] =
    "    def write_audio(self, buffer):\n"
    "        say(buffer.data.shape[1])\n";

// 100 ms at 48000 Hz.
constexpr size_t tenth = 4800;

// How often it is asked in that time at the most, with 2 ms in between. A busy
// machine asks less often.
int most_asked(double seconds) {
  return int(seconds * 500) + 2;
}

// Pushes in a thread until the log has `part`, then calls `end`.
GstFlowReturn push_until(Sink *sink, const char *part,
                         const std::function<void()> &end) {
  GstFlowReturn flow;
  std::thread pusher([&] { flow = sink->push_frames(48000); });
  fail_unless(wait_for_log(part));
  a_moment();  // until it waits between two calls
  end();
  pusher.join();
  return flow;
}

}  // namespace

// ---- space ------------------------------------------------------------------

namespace {

struct Chunks {
  const char *space;
  size_t frames;
  const char *want;
};

const Chunks chunks[] = {
    {"return 100", 256, "100\n100\n56\n"},
    {"return 256", 256, "256\n"},
    {"return 10**9", 256, "256\n"},
    {"return 10**30", 256, "256\n"},
    {"return np.int64(200)", 256, "200\n56\n"},
    {"self.n = 3 - getattr(self, 'n', 2); return self.n", 6, "1\n2\n1\n2\n"},
    // None for a moment, or even less than that.
    {"self.n = getattr(self, 'n', 0) + 1; return self.n % 3 and 50 or -7", 150,
     "50\n50\n50\n"},
    {"self.n = getattr(self, 'n', -9) + 1; return max(0, self.n)", 5,
     "1\n2\n2\n"},
};

}  // namespace

GST_START_TEST(test_no_call_has_more_frames_than_there_is_space) {
  for (const Chunks &row : chunks) {
    clear_log();
    Sink sink(sink_with(std::string("    def get_available_space(self):\n"
                                    "        ") +
                        row.space + "\n" + tells_frames));
    sink.expect_push(new_buffer(sink.audio(), row.frames));
    expect_text(log_text(), row.want);
    fail_unless_equals_uint64(sink.stat("buffers"), 1);
    fail_unless_equals_uint64(sink.stat("frames"), row.frames);
    sink.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_space_of_our_own_base_class_is_no_limit) {
  Sink sink(sink_with(tells_frames));
  sink.expect_push(new_buffer(sink.audio(), 5000));
  expect_text(log_text(), "5000\n");
}
GST_END_TEST;

GST_START_TEST(test_chunks_hold_every_sample_and_their_own_time) {
  for (bool planar : {false, true}) {
    clear_log();
    const Audio audio = {"F32", planar, 3, 1000};
    Sink sink(sink_with("    def get_available_space(self): return 7\n"
                        "    def write_audio(self, buffer):\n"
                        "        say(buffer.pts, buffer.duration,\n"
                        "            buffer.offset, buffer.discont,\n"
                        "            buffer.data.astype(int).tolist())\n"),
              audio);
    GstBuffer *buffer = new_buffer(audio, 16);
    GST_BUFFER_PTS(buffer) = 5 * GST_SECOND;
    GST_BUFFER_DURATION(buffer) = 16 * GST_MSECOND;
    GST_BUFFER_OFFSET(buffer) = 5000;
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    sink.expect_push(buffer);
    std::string want;
    for (size_t first : {0u, 7u, 14u}) {
      const size_t frames = std::min<size_t>(7, 16 - first);
      want += std::to_string(5 * GST_SECOND + first * GST_MSECOND) + " " +
              std::to_string(frames * GST_MSECOND) + " " +
              std::to_string(5000 + first) + (first ? " False " : " True ");
      for (int c = 0; c < 3; c++) {
        for (size_t i = 0; i < frames; i++)
          want += (i   ? ", "
                   : c ? "], ["
                       : "[[") +
                  std::to_string(int(number_at(c, first + i)));
      }
      want += "]]\n";
    }
    expect_text(log_text(), want);
  }
}
GST_END_TEST;

GST_START_TEST(test_chunks_of_unknown_time_have_none) {
  Sink sink(
      sink_with("    def get_available_space(self): return 40\n"
                "    def write_audio(self, buffer):\n"
                "        say(buffer.pts, buffer.offset)\n"));
  sink.expect_push(new_buffer(sink.audio(), 80));
  expect_text(log_text(), "None None\nNone None\n");
}
GST_END_TEST;

GST_START_TEST(test_kept_chunks_stay_as_they_were) {
  for (bool shared : {false, true}) {
    for (bool planar : {false, true}) {
      clear_log();
      const Audio audio = {"F32", planar};
      Sink sink(
          sink_with(
              "    kept = []\n"
              "    def get_available_space(self): return 100\n"
              "    def write_audio(self, buffer):\n"
              "        self.kept.append((buffer.data, buffer.data.copy()))"
              "\n"
              "        buffer.data[:] += 1\n"
              "    def stop(self):\n"
              "        say(sum(np.array_equal(a, b + 1)"
              " for a, b in self.kept))\n"
              "        total = np.concatenate([b for a, b in self.kept],"
              " 1)\n"
              "        say(int(total[0].sum()), total.shape)\n"),
          audio);
      int sum = 0;
      for (int i = 0; i < 250; i++)
        sum += int(number_at(0, size_t(i)));
      GstBuffer *buffer = new_buffer(audio, 250);
      if (shared) gst_buffer_ref(buffer);
      sink.expect_push(buffer);
      if (shared) {
        expect_samples(buffer, audio, number_at);
        gst_buffer_unref(buffer);
      }
      fail_unless_equals_uint64(sink.stat("escapes"), 3);
      sink.to(GST_STATE_NULL);
      expect_text(log_text(), "3\n" + std::to_string(sum) + " (2, 250)\n");
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_one_copy_is_counted_once_however_often_it_is_offered) {
  Sink sink(
      sink_with("    calls = 0\n"
                "    def get_available_space(self): return 1000\n"
                "    def write_audio(self, buffer):\n"
                "        self.calls += 1\n"
                "        return self.calls % 2 == 0\n"));
  GstBuffer *mine = new_buffer(sink.audio(), 4000);
  sink.expect_push(gst_buffer_ref(mine));
  fail_unless_equals_uint64(sink.stat("copies"), 1);
  // Only the memory is shared.
  sink.expect_push(gst_buffer_copy(mine));
  fail_unless_equals_uint64(sink.stat("copies"), 2);
  gst_buffer_unref(mine);
}
GST_END_TEST;

// ---- nothing is taken -------------------------------------------------------

namespace {

struct Refusal {
  const char *name, *methods;
  double patience;  // seconds for a buffer of 0.1 s
  const char *text;
};

const Refusal refusals[] = {
    {"no space",
     "    def get_available_space(self):\n"
     "        say('asked')\n"
     "        return 0\n",
     1, "get_available_space() was 0"},
    {"not taken",
     "    def write_audio(self, buffer):\n"
     "        say('asked')\n"
     "        return False\n",
     0.1, "write_audio() returned False"},
    {"fails", "    def write_audio(self, buffer): 1 / 0\n", 0,
     "ZeroDivisionError"},
    {"space fails", "    def get_available_space(self): 1 / 0\n", 0,
     "get_available_space() raised ZeroDivisionError"},
    {"space is no number", "    def get_available_space(self): return 'all'\n",
     0, "get_available_space() gave 'all', which is no number of frames"},
};
const int refusal_count = int(std::size(refusals));

std::string refusing(const Refusal &row) {
  const bool writes = contains(row.methods, "write_audio");
  return sink_with(std::string(row.methods) + (writes ? "" : tells_frames));
}

}  // namespace

GST_START_TEST(test_patience_ends_and_by_default_the_stream_with_an_error) {
  const Refusal &row = refusals[__i__];
  Sink sink(refusing(row));
  GstBuffer *buffer = new_buffer(sink.audio(), tenth);
  GST_BUFFER_PTS(buffer) = 77;
  const double start = seconds_now();
  const GstFlowReturn flow = sink.push(buffer);
  const double taken = seconds_now() - start;
  fail_unless(flow == GST_FLOW_ERROR, "%s: %s", row.name,
              gst_flow_get_name(flow));
  fail_unless(taken >= row.patience, "%s: %.2f s", row.name, taken);
  const int asked = count_in(log_text(), "asked");
  fail_unless(asked <= most_asked(row.patience), "%s: asked %d times", row.name,
              asked);
  fail_unless(sink.push_frames() == GST_FLOW_ERROR);
  const Reports reports = sink.reports();
  fail_unless(reports.size() == 1, "%s: %s", row.name, reports.text().c_str());
  fail_unless(reports[0].type == GST_MESSAGE_ERROR);
  expect_part(reports[0].text, row.text);
  expect_part(reports[0].text, "device.py");
  fail_unless_equals_uint64(reports[0].number("pts"), 77);
  fail_unless_equals_uint64(sink.stat("errors"), 1);
}
GST_END_TEST;

GST_START_TEST(test_other_policies_lose_the_buffer_and_count_it) {
  const Refusal &row = refusals[__i__];
  for (const char *policy : {"silence", "passthrough", "drop"}) {
    Sink sink(refusing(row), {}, {{"on-error", policy}});
    for (guint64 i = 1; i <= 2; i++) {
      const GstFlowReturn flow = sink.push_frames(tenth);
      fail_unless(flow == GST_FLOW_OK, "%s, %s: %s", row.name, policy,
                  gst_flow_get_name(flow));
      fail_unless_equals_uint64(sink.stat("errors"), i);
      fail_unless_equals_uint64(sink.stat("dropped"), i);
      if (row.patience > 0.5) break;
    }
    const Reports reports = sink.reports();
    fail_unless(reports.size() >= 1);
    fail_unless(reports[0].type == GST_MESSAGE_WARNING);
    expect_part(reports[0].text, row.text);
  }
}
GST_END_TEST;

GST_START_TEST(test_refused_write_is_asked_again_and_taken_once) {
  // A frame for each second, so that patience does not end.
  const Audio audio = {"F32", false, 2, 1};
  const size_t frames = 600;
  Sink sink(sink_with("    calls = 0\n"
                      "    def write_audio(self, buffer):\n"
                      "        self.calls += 1\n"
                      "        say(self.calls % 4 == 0)\n"
                      "        return self.calls % 4 == 0\n"),
            audio);
  for (int i = 0; i < 5; i++)
    sink.expect_push(new_buffer(audio, frames));
  fail_unless_equals_int(count_in(log_text(), "True"), 5);
  fail_unless_equals_int(count_in(log_text(), "False"), 15);
  fail_unless_equals_uint64(sink.stat("errors"), 0);
  fail_unless_equals_uint64(sink.stat("dropped"), 0);
  fail_unless_equals_uint64(sink.stat("frames"), 5 * frames);
  sink.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_refused_write_is_asked_again_without_spinning) {
  Sink sink(refusing(refusals[1]), {}, {{"on-error", "drop"}});
  sink.push_frames(tenth);
  const int asked = count_in(log_text(), "asked");
  fail_unless(asked >= 2 && asked <= most_asked(0.1), "asked %d times", asked);
}
GST_END_TEST;

// ---- not waiting any longer -------------------------------------------------

namespace {

struct Wait {
  const char *name, *methods;
  bool told = false;  // by a warning
};

const Wait waits[] = {
    {"no space",
     "    def get_available_space(self):\n"
     "        say('waiting')\n"
     "        return 0\n"},
    {"not taken",
     "    def write_audio(self, buffer):\n"
     "        say('waiting')\n"
     "        return False\n"},
    {"waits, with unlock()",
     "    go = threading.Event()\n"
     "    def write_audio(self, buffer):\n"
     "        say('waiting')\n"
     "        self.go.wait()\n"
     "        return False\n"
     "    def unlock(self):\n"
     "        self.go.set()\n"},
    {"waits for space, with unlock()",
     "    go = threading.Event()\n"
     "    def get_available_space(self):\n"
     "        say('waiting')\n"
     "        self.go.wait()\n"
     "        return 0\n"
     "    def unlock(self):\n"
     "        self.go.set()\n"},
    // Only to NULL, which interrupts it.
    {"loops",
     "    def write_audio(self, buffer):\n"
     "        say('waiting')\n"
     "        while True: time.sleep(0.01)\n",
     true},
};
const int wait_count = int(std::size(waits));

std::string waiting(const Wait &row) {
  const bool writes = contains(row.methods, "write_audio");
  return sink_with(std::string(row.methods) + (writes ? "" : tells_frames));
}

}  // namespace

GST_START_TEST(test_null_ends_the_waiting) {
  const Wait &row = waits[__i__];
  Sink sink(waiting(row));
  const GstFlowReturn flow =
      push_until(&sink, "waiting", [&] { sink.to(GST_STATE_NULL); });
  fail_unless(flow == GST_FLOW_FLUSHING, "%s: %s", row.name,
              gst_flow_get_name(flow));
  const Reports reports = sink.reports();
  fail_unless(reports.empty() == !row.told, "%s: %s", row.name,
              reports.text().c_str());
}
GST_END_TEST;

GST_START_TEST(test_null_of_a_pipeline_ends_the_waiting) {
  const Wait &row = waits[__i__];
  Pipeline pipeline("audiotestsrc samplesperbuffer=48000 ! audioconvert ! " +
                    line_of("pythonsink", waiting(row)));
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("waiting"));
  a_moment();
  pipeline.expect_null();
  const Reports reports = pipeline.reports();
  fail_unless(reports.empty() == !row.told, "%s: %s", row.name,
              reports.text().c_str());
}
GST_END_TEST;

GST_START_TEST(test_flush_ends_the_waiting_and_the_next_buffer_is_written) {
  const Wait &row = waits[__i__];
  Sink sink(waiting(row));
  for (int i = 0; i < 2; i++) {
    clear_log();
    const GstFlowReturn flow = push_until(&sink, "waiting", [&] {
      sink.push_event(gst_event_new_flush_start());
    });
    fail_unless(flow == GST_FLOW_FLUSHING, "%s: %s", row.name,
                gst_flow_get_name(flow));
    sink.push_event(gst_event_new_flush_stop(TRUE));
    sink.push_segment();
  }
  fail_unless_equals_uint64(sink.stat("errors"), 0);
  fail_unless_equals_uint64(sink.stat("dropped"), 0);
  sink.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_paused_while_waiting_loses_nothing_and_is_no_failure) {
  // Its patience, of a second, does not run out in PAUSED.
  const std::string script = sink_with(
      std::string("    def opened(self):\n"
                  "        import os\n"
                  "        say('waiting')\n"
                  "        return os.path.exists('") +
      folder() + "/open')\n" +
      (__i__ ? "    def write_audio(self, buffer):\n"
               "        if not self.opened(): return False\n"
               "        say('took', buffer.pts)\n"
             : "    def get_available_space(self):\n"
               "        return 10**6 if self.opened() else 0\n"
               "    def write_audio(self, buffer): say('took', buffer.pts)\n"));
  Pipeline pipeline(
      "audiotestsrc samplesperbuffer=48000 num-buffers=3 "
      "! audio/x-raw,rate=48000,channels=1,format={F32LE,F32BE} ! " +
      line_of("pythonsink", script, "sync=false"));
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("waiting"));
  pipeline.expect_to(GST_STATE_PAUSED);
  g_usleep(1200000);
  write_file("open", "");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  for (int i = 0; i < 3; i++)
    expect_part(log_text(), "took " + std::to_string(i * GST_SECOND));
  fail_unless_equals_int(count_in(log_text(), "took"), 3);
  fail_unless_equals_uint64(pipeline.stat("dropped"), 0);
  pipeline.expect_no_reports();
}
GST_END_TEST;

static Suite *sinkspace_suite() {
  Suite *suite = suite_create("sinkspace");
  TCase *space = new_case(suite, "space");
  tcase_add_test(space, test_no_call_has_more_frames_than_there_is_space);
  tcase_add_test(space, test_space_of_our_own_base_class_is_no_limit);
  tcase_add_test(space, test_chunks_hold_every_sample_and_their_own_time);
  tcase_add_test(space, test_chunks_of_unknown_time_have_none);
  tcase_add_test(space, test_kept_chunks_stay_as_they_were);
  tcase_add_test(space,
                 test_one_copy_is_counted_once_however_often_it_is_offered);
  TCase *refused = new_case(suite, "nothing is taken");
  tcase_add_loop_test(
      refused, test_patience_ends_and_by_default_the_stream_with_an_error, 0,
      refusal_count);
  tcase_add_loop_test(refused, test_other_policies_lose_the_buffer_and_count_it,
                      0, refusal_count);
  tcase_add_test(refused, test_refused_write_is_asked_again_and_taken_once);
  tcase_add_test(refused, test_refused_write_is_asked_again_without_spinning);
  TCase *ends = new_case(suite, "not waiting any longer");
  tcase_add_loop_test(ends, test_null_ends_the_waiting, 0, wait_count);
  tcase_add_loop_test(ends, test_null_of_a_pipeline_ends_the_waiting, 0,
                      wait_count);
  // The last one can only be interrupted on the way to NULL.
  tcase_add_loop_test(
      ends, test_flush_ends_the_waiting_and_the_next_buffer_is_written, 0,
      wait_count - 1);
  tcase_add_loop_test(
      ends, test_paused_while_waiting_loses_nothing_and_is_no_failure, 0, 2);
  return suite;
}

GST_CHECK_MAIN(sinkspace)
