// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonsink hands to its plugin: exact samples, on time, and nobody
// else's memory to write into.
#include "../support/clock.hpp"
#include "../support/sink.hpp"

using namespace check;

namespace {

std::string taken_path() {
  return folder() + "/taken";
}

Properties taking(const char *how = "leave") {
  return {{"params", "p,path=\"" + taken_path() + "\",how=" + how}};
}

// Frame by frame, all channels of each.
std::vector<double> taken() {
  const std::string bytes = read_file(taken_path());
  std::vector<double> all(bytes.size() / sizeof(double));
  memcpy(all.data(), bytes.data(), all.size() * sizeof(double));
  return all;
}

void expect_taken(const std::vector<size_t> &buffers, int channels) {
  std::vector<double> want;
  for (size_t frames : buffers)
    for (size_t i = 0; i < frames; i++)
      for (int c = 0; c < channels; c++)
        want.push_back(number_at(c, i));
  const std::vector<double> got = taken();
  fail_unless(got.size() == want.size(), "%d samples, not %d", int(got.size()),
              int(want.size()));
  for (size_t i = 0; i < got.size(); i++)
    fail_unless(got[i] == want[i], "sample %d: %g, not %g", int(i), got[i],
                want[i]);
}

void forget_taken() {
  std::error_code ignored;
  std::filesystem::remove(taken_path(), ignored);
}

const std::vector<size_t> sizes = {64, 1, 511, 512, 3, 512};

const char *const plugins[] = {"taking_sink.py", "reading_sink.py"};

std::vector<Audio> layouts() {
  return {{"F32", false, 2}, {"F32", true, 2}, {"S16", false, 1}};
}

// What tells of each buffer that it was written.
std::string telling(const std::string &more = "") {
  return write_file("telling.py", R"(
from base_plugin import AudioSinkPlugin
from checklog import say
class Telling(AudioSinkPlugin):
    def start(self): say("start")
    def write_audio(self, buffer):
        say("write", buffer.pts, buffer.get_frame_count())
    def stop(self): say("stop")
)" + more);
}

struct Written {
  guint64 pts;
  int frames;
};

std::vector<Written> written() {
  std::vector<Written> all;
  std::istringstream lines(log_text());
  std::string word;
  while (lines >> word) {
    if (word != "write") continue;
    Written each;
    lines >> each.pts >> each.frames;
    all.push_back(each);
  }
  return all;
}

}  // namespace

// ---- samples ----------------------------------------------------------------

GST_START_TEST(test_samples_are_exact_in_every_format_and_layout) {
  const char *plugin = plugins[__i__];
  for (const Audio &audio : every_audio()) {
    forget_taken();
    Sink sink(plugin_file(plugin), audio, taking());
    for (size_t frames : sizes)
      sink.expect_push(new_buffer(audio, frames));
    for (const auto &[name, value] : {std::pair("buffers", guint64(6)),
                                      {"frames", 1603},
                                      {"copies", 0},
                                      {"escapes", 0},
                                      {"errors", 0},
                                      {"dropped", 0}})
      fail_unless(sink.stat(name) == value, "%s: %s is %d",
                  audio.name().c_str(), name, int(sink.stat(name)));
    sink.expect_no_reports();
    sink.to(GST_STATE_NULL);
    expect_taken(sizes, audio.channels);
  }
}
GST_END_TEST;

GST_START_TEST(test_shared_samples_are_copied_if_the_plugin_may_write) {
  for (const Audio &audio : layouts()) {
    for (const auto &[plugin, how, copies] :
         {std::tuple("taking_sink.py", "scribble", guint64(1)),
          {"taking_sink.py", "rebind", 1},
          {"taking_sink.py", "leave", 1},
          {"reading_sink.py", "leave", 0}}) {
      forget_taken();
      Sink sink(plugin_file(plugin), audio, taking(how));
      GstBuffer *mine = new_buffer(audio);
      sink.expect_push(gst_buffer_ref(mine));
      expect_samples(mine, audio, number_at);
      fail_unless(sink.stat("copies") == copies, "%s %s %s: %d copies",
                  audio.name().c_str(), plugin, how, int(sink.stat("copies")));
      // Only the memory is shared.
      GstBuffer *other = gst_buffer_copy(mine);
      sink.expect_push(other);
      expect_samples(mine, audio, number_at);
      fail_unless_equals_uint64(sink.stat("copies"), 2 * copies);
      gst_buffer_unref(mine);
      sink.to(GST_STATE_NULL);
      expect_taken({64, 64}, audio.channels);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_own_samples_are_not_copied_for_a_plugin_that_writes) {
  for (const char *how : {"scribble", "rebind"}) {
    Sink sink(plugin_file("taking_sink.py"), {}, taking(how));
    for (int i = 0; i < 5; i++)
      sink.expect_push(new_buffer(sink.audio()));
    fail_unless_equals_uint64(sink.stat("copies"), 0);
    sink.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_read_only_plugin_cannot_write) {
  Sink sink(write_file("writes.py",
                       "class Writes:\n"
                       "    read_only = True\n"
                       "    def write_audio(self, buffer):\n"
                       "        buffer.data[:] = 0\n"));
  GstBuffer *mine = new_buffer(sink.audio());
  fail_unless(sink.push(gst_buffer_ref(mine)) == GST_FLOW_ERROR);
  expect_samples(mine, sink.audio(), number_at);
  gst_buffer_unref(mine);
  expect_part(sink.reports().text(), "read-only");
}
GST_END_TEST;

GST_START_TEST(test_arrays_that_the_plugin_keeps_stay_as_they_were) {
  for (const char *plugin : plugins) {
    for (const Audio &audio : layouts()) {
      for (bool shared : {false, true}) {
        clear_log();
        Sink sink(plugin_file(plugin), audio, taking("keep"));
        for (int i = 0; i < 20; i++) {
          GstBuffer *buffer = empty_buffer(audio, 64);
          fill(buffer, audio, [i](int c, size_t f) { return c + int(f) + i; });
          if (!shared) {
            sink.expect_push(buffer);
            continue;
          }
          sink.expect_push(gst_buffer_ref(buffer));
          buffer = gst_buffer_make_writable(buffer);
          fill(buffer, audio, silence);
          gst_buffer_unref(buffer);
        }
        fail_unless_equals_uint64(sink.stat("escapes"), 20);
        sink.to(GST_STATE_NULL);
        expect_text(log_text(), "20 of 20 unchanged\n");
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_empty_buffers_are_not_written) {
  Sink sink(telling());
  sink.expect_push(empty_buffer(sink.audio(), 0));
  sink.expect_push(new_buffer(sink.audio(), 64));
  fail_unless_equals_int(written().size(), 1);
}
GST_END_TEST;

// ---- time and states --------------------------------------------------------

namespace {

// Of 10 ms each.
constexpr char tone[] =
    "audiotestsrc samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=2,"
    "format={F32LE,F32BE} ! ";

std::string tone_of(int buffers) {
  return "audiotestsrc samplesperbuffer=480 num-buffers=" +
         std::to_string(buffers) +
         " ! audio/x-raw,rate=48000,channels=2,format={F32LE,F32BE} ! ";
}

}  // namespace

GST_START_TEST(test_sync_writes_each_buffer_when_it_is_due) {
  const Clocked pipeline(tone_of(30) + line_of("pythonsink", telling()));
  pipeline.expect_to(GST_STATE_PLAYING);
  for (size_t i = 0; i < 30; i++) {
    fail_unless_equals_uint64(pipeline.wait_for_wait(), i * 10 * GST_MSECOND);
    fail_unless_equals_int(written().size(), i);
    pipeline.crank();
  }
  // The end is due when the last buffer has been played.
  fail_unless_equals_uint64(pipeline.wait_for_wait(), 300 * GST_MSECOND);
  pipeline.crank();
  pipeline.expect_eos();
  const auto all = written();
  fail_unless_equals_int(all.size(), 30);
  for (size_t i = 0; i < all.size(); i++)
    fail_unless_equals_uint64(all[i].pts, i * 10 * GST_MSECOND);
}
GST_END_TEST;

GST_START_TEST(test_no_sync_writes_as_fast_as_it_can) {
  // On a clock that stands still.
  const Clocked pipeline(tone_of(1000) +
                         line_of("pythonsink", telling(), "sync=false"));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  fail_unless_equals_int(written().size(), 1000);
}
GST_END_TEST;

GST_START_TEST(test_preroll_starts_the_plugin_and_writes_nothing) {
  Pipeline pipeline(tone_of(3) + line_of("pythonsink", telling()));
  pipeline.expect_to(GST_STATE_PAUSED);
  a_moment();
  expect_text(log_text(), "start\n");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  // The buffer of the preroll too, and once.
  fail_unless_equals_int(written().size(), 3);
  pipeline.expect_to(GST_STATE_READY);
  fail_unless_equals_int(count_in(log_text(), "start"), 1);
  fail_unless_equals_int(count_in(log_text(), "stop"), 1);
}
GST_END_TEST;

GST_START_TEST(test_paused_stops_the_writing_and_loses_nothing) {
  const Clocked pipeline(tone_of(40) + line_of("pythonsink", telling()));
  int buffers = 0;
  for (int i = 0; i < 3; i++) {
    pipeline.expect_to(GST_STATE_PLAYING);
    for (int k = 0; k < 5; k++, buffers++)
      pipeline.crank();
    pipeline.wait_for_wait();
    pipeline.expect_to(GST_STATE_PAUSED);
    fail_unless_equals_int(written().size(), buffers);
    a_moment();
    fail_unless_equals_int(written().size(), buffers);
  }
  pipeline.expect_to(GST_STATE_PLAYING);
  for (; buffers < 40 + 1; buffers++)  // and the end
    pipeline.crank();
  pipeline.expect_eos();
  const auto all = written();
  fail_unless_equals_int(all.size(), 40);
  for (size_t i = 0; i < all.size(); i++)
    fail_unless_equals_uint64(all[i].pts, i * 10 * GST_MSECOND);
}
GST_END_TEST;

GST_START_TEST(test_seek_in_paused_shows_the_new_place_first) {
  Pipeline pipeline(std::string(tone) + line_of("pythonsink", telling(R"(
    def reset(self): say("reset")
)")));
  pipeline.expect_to(GST_STATE_PAUSED);
  for (int second : {5, 2, 7}) {
    fail_unless(gst_element_seek(
        pipeline.get(), 1, GST_FORMAT_TIME,
        GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
        GST_SEEK_TYPE_SET, second * GST_SECOND, GST_SEEK_TYPE_SET,
        second * GST_SECOND + 50 * GST_MSECOND));
    pipeline.expect_to(GST_STATE_PAUSED);
  }
  fail_unless_equals_int(written().size(), 0);
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  const auto all = written();
  fail_unless_equals_int(all.size(), 5);
  fail_unless_equals_uint64(all[0].pts, 7 * GST_SECOND);
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_seek_while_playing_resets_the_plugin_first) {
  Pipeline pipeline(std::string(tone) + line_of("pythonsink", telling(R"(
    def reset(self): say("reset")
)")));
  pipeline.expect_to(GST_STATE_PLAYING);
  for (int second : {5, 2}) {
    fail_unless(wait_for_log("write"));
    fail_unless(gst_element_seek_simple(
        pipeline.get(), GST_FORMAT_TIME,
        GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
        second * GST_SECOND));
    fail_unless(
        wait_for_log("write " + std::to_string(second * GST_SECOND) + " "));
    const std::string log = log_text();
    const size_t reset = log.find("reset\n");
    fail_unless(reset != std::string::npos);
    expect_part(log.substr(reset),
                "reset\nwrite " + std::to_string(second * GST_SECOND) + " ");
    fail_unless_equals_int(count_in(log, "reset"), 1);
    clear_log();
  }
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_discont_resets_but_not_before_the_first_buffer) {
  Sink sink(telling("    def reset(self): say('reset')\n"));
  for (bool discont : {true, false, true}) {
    GstBuffer *buffer = new_buffer(sink.audio());
    if (discont) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    sink.expect_push(buffer);
  }
  const std::string log = log_text();
  fail_unless_equals_int(count_in(log, "reset"), 1);
  fail_unless_equals_int(count_in(log.substr(0, log.find("reset")), "write"),
                         2);
}
GST_END_TEST;

GST_START_TEST(test_statistics_are_posted_once_before_eos) {
  Pipeline pipeline(tone_of(7) +
                    line_of("pythonsink", telling(), "sync=false"));
  pipeline.expect_to(GST_STATE_PLAYING);
  int told = 0;
  for (bool over = false; !over;) {
    GstMessage *message = pipeline.wait_for(GstMessageType(
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT));
    fail_unless(message != nullptr);
    fail_unless(GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR);
    over = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    const GstStructure *stats = gst_message_get_structure(message);
    if (!over && gst_structure_has_name(stats, "pythonfilter-stats")) {
      guint64 frames = 0;
      gst_structure_get_uint64(stats, "frames", &frames);
      fail_unless_equals_uint64(frames, 7 * 480);
      told++;
    }
    gst_message_unref(message);
  }
  fail_unless_equals_int(told, 1);
}
GST_END_TEST;

GST_START_TEST(test_new_caps_stop_and_start_the_plugin) {
  forget_taken();
  Sink sink(plugin_file("taking_sink.py"), {"F32", false, 2, 48000}, taking());
  sink.expect_push(new_buffer(sink.audio()));
  fail_unless(sink.set_audio({"S16", true, 2, 8000}));
  sink.expect_push(new_buffer(sink.audio(), 100));
  sink.to(GST_STATE_NULL);
  expect_taken({64, 100}, 2);
}
GST_END_TEST;

GST_START_TEST(test_caps_the_plugin_does_not_take_are_refused) {
  Sink sink(write_file("mono.py",
                       "class Mono:\n"
                       "    channels = 1\n"
                       "    def write_audio(self, buffer): pass\n"),
            {"F32", false, 1});
  sink.expect_push(new_buffer(sink.audio()));
  GstPad *pad = gst_element_get_static_pad(sink.get(), "sink");
  for (const auto &[channels, taken] : {std::pair(1, true), {2, false}}) {
    const Audio audio = {"F32", false, channels};
    GstCaps *caps = audio.caps();
    fail_unless(bool(gst_pad_query_accept_caps(pad, caps)) == taken);
    gst_caps_unref(caps);
  }
  gst_object_unref(pad);
}
GST_END_TEST;

// ---- properties -------------------------------------------------------------

namespace {

const Properties properties = {
    {"script", "\"/a/b\\ c.py\""},
    {"module", "a.b.c"},
    {"class", "Some"},
    {"venv", "\"/some/venv\""},
    {"on-error", "silence"},
    {"on-error", "drop"},
    {"on-error", "passthrough"},
    {"sync", "false"},
    {"sync", "true"},
};

}  // namespace

GST_START_TEST(test_properties_read_back_what_was_set) {
  GstElement *sink = gst_element_factory_make("pythonsink", nullptr);
  expect_read_back(sink, properties);
  gst_object_unref(sink);
}
GST_END_TEST;

static Suite *pythonsink_suite() {
  Suite *suite = suite_create("pythonsink");
  TCase *samples = new_case(suite, "samples");
  tcase_add_loop_test(samples,
                      test_samples_are_exact_in_every_format_and_layout, 0,
                      int(std::size(plugins)));
  tcase_add_test(samples,
                 test_shared_samples_are_copied_if_the_plugin_may_write);
  tcase_add_test(samples,
                 test_own_samples_are_not_copied_for_a_plugin_that_writes);
  tcase_add_test(samples, test_read_only_plugin_cannot_write);
  tcase_add_test(samples, test_arrays_that_the_plugin_keeps_stay_as_they_were);
  tcase_add_test(samples, test_empty_buffers_are_not_written);
  tcase_add_test(samples, test_new_caps_stop_and_start_the_plugin);
  tcase_add_test(samples, test_caps_the_plugin_does_not_take_are_refused);
  tcase_add_test(samples, test_properties_read_back_what_was_set);
  TCase *time = new_case(suite, "time");
  tcase_add_test(time, test_sync_writes_each_buffer_when_it_is_due);
  tcase_add_test(time, test_no_sync_writes_as_fast_as_it_can);
  tcase_add_test(time, test_preroll_starts_the_plugin_and_writes_nothing);
  tcase_add_test(time, test_paused_stops_the_writing_and_loses_nothing);
  tcase_add_test(time, test_seek_in_paused_shows_the_new_place_first);
  tcase_add_test(time, test_seek_while_playing_resets_the_plugin_first);
  tcase_add_test(time, test_discont_resets_but_not_before_the_first_buffer);
  tcase_add_test(time, test_statistics_are_posted_once_before_eos);
  return suite;
}

GST_CHECK_MAIN(pythonsink)
