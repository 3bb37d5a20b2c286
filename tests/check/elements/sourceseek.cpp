// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A source that ends within a buffer, one that knows how long it is, and seeks.
#include "../support/pipeline.hpp"

using namespace check;

namespace {

constexpr Audio mono = {"F32", false, 1};

// Frame n of channel c is number_at(c, n). `end`: frames in all; `how`: it
// gives the last of them.
constexpr char numbers[] = R"(
import os
import numpy as np
from base_plugin import *
from checklog import say

class Numbers(AudioSourcePlugin):
    formats = ("F32", "F64", "S16", "S32")
    end = 1000
    how = "returned"
    at = 0
    def get_buffer_size(self): return 480
    def start(self):
        say("start")
        self.at = 0
        return super().start()
    def read_audio(self, buffer):
        frames = buffer.get_frame_count()
        n = min(frames, self.end - self.at)
        if n <= 0 and self.how != "empty": raise EndOfStream
        index = np.arange(self.at, self.at + n)
        channel = np.arange(buffer.get_channel_count())[:, None]
        made = (index * 7 + channel * 3) % 101 - 50
        made = made.astype(buffer.data.dtype)
        self.at += n
        if self.how in ("slice", "bound slice"):
            buffer.data[:, :n] = made
            made = buffer.data[:, :n]
        if self.how.startswith("bound"):
            buffer.data = made
        else:
            return made
)";

constexpr char seeks[] =
    "    def seek(self, frame):\n"
    "        say('seek', frame)\n"
    "        self.at = frame\n";

std::string source(const std::string &more, const std::string &properties) {
  return line_of("pythonsrc", write_file("numbers.py", numbers + more),
                 properties);
}

constexpr char to_sink[] =
    " ! audio/x-raw,rate=48000,channels=1,format={F32LE,F32BE} ! "
    "fakesink sync=false";

// What came since it was made, or since clear().
class Heard {
 public:
  explicit Heard(const Pipeline &pipeline) {
    on_buffers(pipeline.python(), "src", [kept = kept_](GstBuffer *buffer) {
      const guint64 first = GST_BUFFER_OFFSET(buffer);
      expect_samples(buffer, mono,
                     [&](int c, size_t i) { return number_at(c, first + i); });
      std::lock_guard<std::mutex> lock(kept->mutex);
      kept->seen.push_back({GST_BUFFER_PTS(buffer), GST_BUFFER_DURATION(buffer),
                            first, GST_BUFFER_OFFSET_END(buffer),
                            bool(GST_BUFFER_IS_DISCONT(buffer)), false, 0});
      fail_unless(frames_of(buffer, mono) ==
                  GST_BUFFER_OFFSET_END(buffer) - first);
    });
  }
  std::vector<Seen> all() const {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    return kept_->seen;
  }
  void clear() {
    std::lock_guard<std::mutex> lock(kept_->mutex);
    kept_->seen.clear();
  }
  // These frames, once each, in order, and at their times.
  void expect(guint64 next, guint64 end) const {
    const auto seen = all();
    fail_unless(!seen.empty());
    for (const Seen &each : seen) {
      fail_unless_equals_uint64(each.offset, next);
      fail_unless_equals_uint64(
          each.pts, gst_util_uint64_scale_round(next, GST_SECOND, 48000));
      next = each.offset_end;
    }
    fail_unless_equals_uint64(next, end);
    fail_unless(seen[0].discont);
  }

 private:
  struct Kept {
    std::mutex mutex;
    std::vector<Seen> seen;  // guarded by mutex
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

constexpr GstClockTime none = GST_CLOCK_TIME_NONE;

bool seek(const Pipeline &pipeline, double rate, GstSeekFlags flags,
          GstClockTime start, GstClockTime stop = none) {
  return gst_element_seek(
      pipeline.get(), rate, GST_FORMAT_TIME, flags,
      start == none ? GST_SEEK_TYPE_NONE : GST_SEEK_TYPE_SET, gint64(start),
      stop == none ? GST_SEEK_TYPE_NONE : GST_SEEK_TYPE_SET, gint64(stop));
}

gint64 duration_of(const Pipeline &pipeline, GstFormat format) {
  gint64 duration = -2;
  gst_element_query_duration(pipeline.get(), format, &duration);
  return duration;
}

bool is_seekable(const Pipeline &pipeline) {
  GstQuery *query = gst_query_new_seeking(GST_FORMAT_TIME);
  fail_unless(gst_element_query(pipeline.get(), query));
  gboolean seekable;
  gst_query_parse_seeking(query, nullptr, &seekable, nullptr, nullptr);
  gst_query_unref(query);
  return seekable;
}

constexpr auto flush = GST_SEEK_FLAG_FLUSH;
constexpr GstClockTime ms = GST_MSECOND;

}  // namespace

// ---- the end ----------------------------------------------------------------

GST_START_TEST(test_the_last_buffer_is_as_long_as_what_is_left) {
  for (const char *how :
       {"returned", "slice", "bound", "bound slice", "empty"}) {
    for (const Audio &audio : every_audio({2})) {
      GstCaps *caps = audio.caps();
      char *text = gst_caps_to_string(caps);
      guint64 total = 0;
      Pipeline pipeline(
          source("", std::string("params=\"p,how=\\\"") + how + "\\\"\"") +
          " ! capsfilter caps=\"" + text + "\" ! fakesink");
      g_free(text);
      gst_caps_unref(caps);
      on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
        const guint64 begin = total;
        total += frames_of(buffer, audio);
        fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), begin);
        fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(buffer), total);
        fail_unless_equals_uint64(
            GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer),
            gst_util_uint64_scale_round(total, GST_SECOND, 48000));
        expect_samples(buffer, audio, [&](int c, size_t i) {
          return number_at(c, begin + i);
        });
      });
      pipeline.expect_to(GST_STATE_PLAYING);
      pipeline.expect_eos();
      fail_unless_equals_uint64(total, 1000);
      fail_unless_equals_uint64(pipeline.stat("frames"), 1000);
      fail_unless_equals_uint64(pipeline.stat("escapes"), 0);
      pipeline.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_more_frames_than_there_is_space_for_are_an_error) {
  Pipeline pipeline(
      line_of("pythonsrc",
              write_file("more.py",
                         "import numpy as np\n"
                         "def read_audio(buffer):\n"
                         "    return np.zeros((2, 513), 'f4')\n")) +
      " ! audio/x-raw,channels=2 ! fakesink");
  const Output output(pipeline.python());
  pipeline.to(GST_STATE_PLAYING);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  {
    Reports reports;
    reports.push_back(report_in(message));
    expect_part(reports[0].text,
                "gave an array of shape (2, 513), not (2, 512)");
  }
  gst_message_unref(message);
  fail_unless_equals_int(output.count(), 0);
}
GST_END_TEST;

// ---- how long it is ---------------------------------------------------------

namespace {

struct Length {
  const char *returned;
  gint64 want;  // ns; -2: an error
};

const Length lengths[] = {
    {"self.end", 20833333},
    {"0.5", 500000000},
    {"None", -1},
    {"float('inf')", -1},
    {"0", 0},
    {"'long'", -2},
    {"np.int64(48000)", 1000000000},
    {"np.float32(2)", 2000000000},
    {"-1", -2},
    {"float('nan')", -2},
};

}  // namespace

GST_START_TEST(test_duration_is_in_frames_or_in_seconds) {
  for (const Length &row : lengths) {
    Pipeline pipeline(
        source(std::string("    def get_duration(self): return ") +
                   row.returned + "\n",
               "") +
        to_sink);
    if (row.want == -2) {
      pipeline.to(GST_STATE_PAUSED);
      GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
      fail_unless(message != nullptr, "%s", row.returned);
      Reports reports;
      reports.push_back(report_in(message));
      gst_message_unref(message);
      expect_part(reports[0].text, "get_duration");
      expect_part(reports[0].text, "it must be an int, which is frames");
      continue;
    }
    pipeline.expect_to(GST_STATE_PAUSED);
    fail_unless(duration_of(pipeline, GST_FORMAT_TIME) == row.want, "%s: %d",
                row.returned, int(duration_of(pipeline, GST_FORMAT_TIME)));
    if (row.want > 0)
      fail_unless_equals_int64(duration_of(pipeline, GST_FORMAT_DEFAULT),
                               gint64(gst_util_uint64_scale_round(
                                   guint64(row.want), 48000, GST_SECOND)));
    fail_unless(!is_seekable(pipeline));
  }
}
GST_END_TEST;

GST_START_TEST(test_a_duration_that_changes_is_told) {
  Pipeline pipeline(source("    long = 1\n"
                           "    def get_duration(self): return self.long\n",
                           "params=\"p,end=1000000000\"") +
                    to_sink);
  pipeline.expect_to(GST_STATE_PLAYING);
  gst_util_set_object_arg(G_OBJECT(pipeline.python()), "params",
                          "p,long=48000");
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_DURATION_CHANGED);
  fail_unless(message != nullptr);
  gst_message_unref(message);
  fail_unless_equals_int64(duration_of(pipeline, GST_FORMAT_TIME), GST_SECOND);
}
GST_END_TEST;

// ---- seeks ------------------------------------------------------------------

namespace {

struct Seek {
  double rate;
  GstSeekFlags flags;
  GstClockTime start, stop;
  guint64 first, end;
};

const Seek all_seeks[] = {
    {1, flush, 0, none, 0, 48000},
    {1, flush, 100 * ms, none, 4800, 48000},
    {1, GstSeekFlags(flush | GST_SEEK_FLAG_ACCURATE), 100 * ms, 250 * ms, 4800,
     12000},
    {1, GstSeekFlags(flush | GST_SEEK_FLAG_ACCURATE), 100 * ms + 12345,
     250 * ms + 777, 4800, 12000},
    {1, flush, 20833, none, 1, 48000},  // frame 1 is at 20833.3
    {2, flush, 100 * ms, 250 * ms, 4800, 12000},
    {0.5, flush, 990 * ms, 5 * GST_SECOND, 47520, 48000},
};

}  // namespace

GST_START_TEST(test_a_seek_gives_what_is_there_to_the_frame) {
  for (const Seek &row : all_seeks) {
    clear_log();
    Pipeline pipeline(source(seeks, "params=\"p,end=48000\"") + to_sink);
    Heard heard(pipeline);
    pipeline.expect_to(GST_STATE_PAUSED);
    fail_unless(is_seekable(pipeline));
    heard.clear();
    fail_unless(seek(pipeline, row.rate, row.flags, row.start, row.stop));
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    heard.expect(row.first, row.end);
    expect_part(log_text(), "seek " + std::to_string(row.first) + "\n");
    gint64 position = -1;
    fail_unless(gst_element_query_position(pipeline.python(), GST_FORMAT_TIME,
                                           &position));
    fail_unless_equals_int64(
        position,
        std::min<gint64>(
            gint64(row.stop == none ? G_MAXINT64 : row.stop),
            gint64(gst_util_uint64_scale_round(row.end, GST_SECOND, 48000))));
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_segments_follow_one_another_without_a_flush) {
  Pipeline pipeline(source(seeks, "params=\"p,end=48000\"") + to_sink);
  Heard heard(pipeline);
  pipeline.expect_to(GST_STATE_PAUSED);
  heard.clear();
  const auto flags = GST_SEEK_FLAG_SEGMENT;
  fail_unless(
      seek(pipeline, 1, GstSeekFlags(flush | flags), 100 * ms, 200 * ms));
  pipeline.expect_to(GST_STATE_PLAYING);
  for (int i = 0; i < 5; i++) {
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_SEGMENT_DONE);
    fail_unless(message != nullptr);
    gint64 position;
    gst_message_parse_segment_done(message, nullptr, &position);
    fail_unless_equals_int64(position, 200 * ms);
    gst_message_unref(message);
    heard.expect(4800, 9600);
    heard.clear();
    fail_unless(seek(pipeline, 1, i < 4 ? flags : GST_SEEK_FLAG_NONE, 100 * ms,
                     200 * ms));
  }
  pipeline.expect_eos();
  heard.expect(4800, 9600);
}
GST_END_TEST;

GST_START_TEST(test_backwards_the_blocks_come_in_descending_order) {
  for (const auto &[stop, from] :
       {std::pair(250 * ms, guint64(12000)), {2000 * ms, 48000}}) {
    Pipeline pipeline(source(seeks, "params=\"p,end=48000\"") + to_sink);
    Heard heard(pipeline);
    pipeline.expect_to(GST_STATE_PAUSED);
    heard.clear();
    fail_unless(seek(pipeline, -1, flush, 100 * ms, stop));
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    guint64 next = from;
    for (const Seen &each : heard.all()) {
      fail_unless_equals_uint64(each.offset_end, next);
      fail_unless(each.discont);
      next = each.offset;
    }
    fail_unless_equals_uint64(next, 4800);
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_another_rate_moves_nothing_and_needs_no_method) {
  clear_log();
  for (const char *more : {"", seeks}) {
    Pipeline pipeline(source(more, "params=\"p,end=48000\"") + to_sink);
    Heard heard(pipeline);
    pipeline.expect_to(GST_STATE_PAUSED);
    fail_unless(seek(pipeline, 2, flush, none));
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    heard.expect(0, 48000);
    pipeline.expect_no_reports();
  }
  fail_unless_equals_int(count_in(log_text(), "seek"), 0);
}
GST_END_TEST;

GST_START_TEST(test_without_the_method_it_can_begin_anew_and_no_more) {
  clear_log();
  Pipeline pipeline(source("", "params=\"p,end=48000\"") + to_sink);
  Heard heard(pipeline);
  pipeline.expect_to(GST_STATE_PAUSED);
  fail_unless(!is_seekable(pipeline));
  fail_unless(!seek(pipeline, 1, flush, 100 * ms));
  fail_unless(!seek(pipeline, -1, flush, 0));
  fail_unless_equals_int(heard.all().size(), 1);
  heard.clear();
  fail_unless(seek(pipeline, 1, flush, 0));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  heard.expect(0, 48000);
  expect_text(log_text(), "start\nstart\n");
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_seek_that_the_plugin_refuses_is_told_and_it_plays_on) {
  Pipeline pipeline(source("    def seek(self, frame):\n"
                           "        return False\n",
                           "params=\"p,end=48000\"") +
                    to_sink);
  Heard heard(pipeline);
  pipeline.expect_to(GST_STATE_PAUSED);
  fail_unless(!seek(pipeline, 1, flush, 100 * ms));
  {
    const Reports reports = pipeline.reports();
    fail_unless_equals_int(reports.size(), 1);
    fail_unless(reports[0].type == GST_MESSAGE_WARNING);
    expect_part(reports[0].text, "seek(4800) returned False");
  }
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  heard.expect(0, 48000);
}
GST_END_TEST;

GST_START_TEST(test_a_seek_that_raises_is_an_error) {
  Pipeline pipeline(source("    def seek(self, frame):\n"
                           "        raise OSError('no such place')\n",
                           "params=\"p,end=48000\"") +
                    to_sink);
  pipeline.expect_to(GST_STATE_PAUSED);
  fail_unless(!seek(pipeline, 1, flush, 100 * ms));
  const Reports reports = pipeline.reports();
  fail_unless(reports.size() >= 1);
  fail_unless(reports[0].type == GST_MESSAGE_ERROR);
  expect_part(reports[0].text, "seek() raised OSError: no such place");
}
GST_END_TEST;

GST_START_TEST(test_a_live_source_without_the_method_is_not_seeked) {
  Pipeline pipeline(source("", "is-live=true params=\"p,end=480000\"") +
                    to_sink);
  const Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(output.wait_for(1));
  for (GstClockTime place : {none, GstClockTime(0), 100 * ms})
    fail_unless(!seek(pipeline, 1, flush, place));
  const size_t count = output.count();
  fail_unless(output.wait_for(count + 3));
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_seek_before_the_stream_is_where_it_begins) {
  Pipeline pipeline(source(seeks, "params=\"p,end=48000\"") + to_sink);
  Heard heard(pipeline);
  pipeline.expect_to(GST_STATE_READY);
  fail_unless(gst_element_seek(pipeline.python(), 1, GST_FORMAT_TIME, flush,
                               GST_SEEK_TYPE_SET, 500 * ms, GST_SEEK_TYPE_NONE,
                               -1));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  heard.expect(24000, 48000);
}
GST_END_TEST;

// The numbers of the samples have no gap, although the plugin was started
// again.
GST_START_TEST(test_new_caps_go_on_where_the_old_ones_were) {
  guint64 next = 0;
  bool changed = false;
  Pipeline pipeline(source(seeks, "params=\"p,end=48000\"") +
                    " ! capsfilter name=caps caps=audio/x-raw,channels=1,"
                    "rate=48000,format={F32LE,F32BE} ! fakesink");
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline.get()), "caps");
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const guint64 begin = next;
    const Audio audio = {"F32", false, changed ? 2 : 1};
    next += frames_of(buffer, audio);
    fail_unless_equals_uint64(
        GST_BUFFER_PTS(buffer),
        gst_util_uint64_scale_round(begin, GST_SECOND, 48000));
    expect_samples(buffer, audio,
                   [&](int c, size_t i) { return number_at(c, begin + i); });
    if (begin != 4800) return;
    gst_util_set_object_arg(G_OBJECT(filter), "caps",
                            "audio/x-raw,channels=2,rate=48000,"
                            "format={F32LE,F32BE}");
    changed = true;
  });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  gst_object_unref(filter);
  fail_unless_equals_uint64(next, 48000);
  pipeline.expect_no_reports();
}
GST_END_TEST;

// Where the plugin's process was lost the next one goes on in time.
GST_START_TEST(test_a_new_worker_goes_on_where_the_stream_is) {
  const std::string died = folder() + "/died";
  guint64 silent = 0;
  Pipeline pipeline(
      source(std::string(seeks) +
                 "class Mortal(Numbers):\n"
                 "    def read_audio(self, buffer):\n"
                 "        if self.at == 4800 and not os.path.exists('" +
                 died + "'):\n            open('" + died +
                 "', 'w').close()\n"
                 "            os._exit(3)\n"
                 "        return super().read_audio(buffer)\n",
             "class=Mortal params=\"p,end=48000\" on-error=silence") +
      to_sink);
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const guint64 first = GST_BUFFER_OFFSET(buffer);
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP))
      silent++;
    else
      expect_samples(buffer, mono,
                     [&](int c, size_t i) { return number_at(c, first + i); });
  });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  fail_unless(silent >= 1 && silent < 90, "%d", int(silent));
}
GST_END_TEST;

// The base class waits for the streaming thread, which has nothing to give.
GST_START_TEST(test_a_seek_without_a_flush_does_not_wait_for_a_buffer) {
  const std::pair<const char *, const char *> cases[] = {
      {"output_caps = 'text/x-raw, format=utf8'", "return Gap()"},
      {"output_caps = 'text/x-raw, format=utf8'", "return False"},
      {"output_caps = 'text/x-raw, format=utf8'", "return []"},
      {"output_caps = 'audio/x-raw, format=S8, rate=8000, channels=1'",
       "return Gap()"},
      {"", "return False"},
      {"", "1 / 0"},
  };
  for (const auto &[caps, nothing] : cases) {
    Pipeline pipeline(
        source(
            std::string("class Nothing(Numbers):\n    sought = False\n    ") +
                caps +
                "\n    def seek(self, at):\n        say('seek')\n"
                "        self.sought = True\n"
                "    def read_audio(self, buffer):\n        say('read')\n"
                "        if self.sought: raise EndOfStream\n        " +
                nothing + "\n",
            "class=Nothing on-error=drop") +
        " ! fakesink sync=false async=false");
    clear_log();
    pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(wait_for_log("read\nread\n"));
    fail_unless(seek(pipeline, 1, GST_SEEK_FLAG_NONE, GST_SECOND));
    fail_unless(wait_for_log("seek"));
    GstMessage *end = pipeline.wait_for(GST_MESSAGE_EOS);
    fail_unless(end != nullptr, "%s, %s", caps, nothing);
    gst_message_unref(end);
  }
}
GST_END_TEST;

static Suite *sourceseek_suite() {
  Suite *suite = suite_create("sourceseek");
  TCase *end = new_case(suite, "the end");
  tcase_add_test(end, test_the_last_buffer_is_as_long_as_what_is_left);
  tcase_add_test(end, test_more_frames_than_there_is_space_for_are_an_error);
  TCase *length = new_case(suite, "length");
  tcase_add_test(length, test_duration_is_in_frames_or_in_seconds);
  tcase_add_test(length, test_a_duration_that_changes_is_told);
  TCase *seek = new_case(suite, "seek");
  tcase_add_test(seek, test_a_seek_gives_what_is_there_to_the_frame);
  tcase_add_test(seek, test_segments_follow_one_another_without_a_flush);
  tcase_add_test(seek, test_backwards_the_blocks_come_in_descending_order);
  tcase_add_test(seek, test_another_rate_moves_nothing_and_needs_no_method);
  tcase_add_test(seek, test_without_the_method_it_can_begin_anew_and_no_more);
  tcase_add_test(seek,
                 test_a_seek_that_the_plugin_refuses_is_told_and_it_plays_on);
  tcase_add_test(seek, test_a_seek_that_raises_is_an_error);
  tcase_add_test(seek, test_a_live_source_without_the_method_is_not_seeked);
  tcase_add_test(seek, test_a_seek_before_the_stream_is_where_it_begins);
  tcase_add_test(seek, test_new_caps_go_on_where_the_old_ones_were);
  if (in_process())
    tcase_add_test(seek, test_a_new_worker_goes_on_where_the_stream_is);
  tcase_add_test(seek, test_a_seek_without_a_flush_does_not_wait_for_a_buffer);
  return suite;
}

GST_CHECK_MAIN(sourceseek)
