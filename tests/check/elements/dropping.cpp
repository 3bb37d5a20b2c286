// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffers that a plugin says are not fit to go on: counted, told now and then,
// and never an end of the stream. And what a plugin says of a break.
#include "../support/pipeline.hpp"

using namespace check;

namespace {

constexpr int fine = 0, dropped = 1000, tampered = 2000, broken = 3000;
const char *const policies[] = {"fail", "passthrough", "silence", "drop"};

// For the plugin picky.py.
GstBuffer *buffer_that_is(int what, const Audio &audio = {}) {
  GstBuffer *buffer = new_buffer(audio);
  fill(buffer, audio, [what](int c, size_t i) {
    return what && c == 0 && i == 0 ? what : number_at(c, i);
  });
  return buffer;
}

Stream *picky(const std::string &policy, const char *name = "Picky") {
  return new Stream(plugin_file("picky.py"), {},
                    {{"class", name}, {"on-error", policy}});
}

void push_dropped(Stream *stream, int what = dropped) {
  fail_unless(stream->push(buffer_that_is(what)) == GST_FLOW_OK);
  fail_unless(stream->pull() == nullptr);
}

bool pull_is_discont(Stream *stream, int what = fine) {
  GstBuffer *out = stream->through(buffer_that_is(what));
  const bool discont = GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT);
  gst_buffer_unref(out);
  return discont;
}

// Sums up what was told, which is warnings only.
guint64 warned(const Reports &reports) {
  guint64 told = 0;
  for (const Report &report : reports) {
    fail_unless(report.type == GST_MESSAGE_WARNING, "%s",
                reports.text().c_str());
    told += report.number("count");
  }
  return told;
}

std::string setting(const std::string &statement,
                    const std::string &attribute = "") {
  return write_file("setting.py", "class Setting:\n    calls = 0\n" +
                                      attribute +
                                      "    def process_audio(self, buffer):\n"
                                      "        self.calls += 1\n        " +
                                      statement + "\n");
}

}  // namespace

GST_START_TEST(test_a_dropped_buffer_is_a_gap_in_the_stream) {
  for (const char *name : {"Picky", "PickyReader"}) {
    std::unique_ptr<Stream> stream(picky(policies[__i__], name));
    pull_is_discont(stream.get());
    for (int i = 0; i < 3; i++) {
      push_dropped(stream.get());
      fail_unless(pull_is_discont(stream.get()), "%s", name);
      fail_unless(!pull_is_discont(stream.get()), "%s", name);
    }
    fail_unless_equals_uint64(stream->stat("errors"), 3);
    fail_unless_equals_uint64(stream->stat("dropped"), 3);
    fail_unless_equals_uint64(stream->stat("buffers"), 10);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_shared_buffer_is_dropped_and_left_alone) {
  std::unique_ptr<Stream> stream(picky(policies[__i__]));
  GstBuffer *mine = buffer_that_is(dropped);
  fail_unless(stream->push(gst_buffer_ref(mine)) == GST_FLOW_OK);
  fail_unless(stream->pull() == nullptr);
  ASSERT_MINI_OBJECT_REFCOUNT(mine, "buffer", 1);
  gst_buffer_unref(mine);
}
GST_END_TEST;

GST_START_TEST(test_the_warning_says_why_and_has_no_traceback) {
  std::unique_ptr<Stream> stream(picky("fail"));
  GstBuffer *buffer = buffer_that_is(dropped);
  GST_BUFFER_PTS(buffer) = 7 * GST_SECOND;
  fail_unless(stream->push(buffer) == GST_FLOW_OK);
  const Reports reports = stream->reports();
  fail_unless(reports.size() == 1);
  const Report &report = reports[0];
  fail_unless(report.type == GST_MESSAGE_WARNING);
  fail_unless(report.domain == GST_STREAM_ERROR);
  expect_text(report.text,
              plugin_file("picky.py") + ": dropped a buffer: bad tag");
  fail_unless(!contains(report.debug, "Traceback"));
  expect_text(report.field("phase"), "process_audio");
  expect_text(report.field("type"), "DropBuffer");
  expect_text(report.field("message"), "bad tag");
  fail_unless_equals_uint64(report.number("pts"), 7 * GST_SECOND);
  fail_unless_equals_uint64(report.number("count"), 1);
}
GST_END_TEST;

GST_START_TEST(test_a_flood_is_told_once_a_second_and_counted_exactly) {
  std::unique_ptr<Stream> stream(picky(policies[__i__]));
  const guint64 many = soak_count(200, 5000);
  const gint64 start = g_get_monotonic_time();
  for (guint64 i = 0; i < many; i++)
    push_dropped(stream.get(), i % 2 ? tampered : dropped);
  const auto seconds =
      size_t((g_get_monotonic_time() - start) / G_USEC_PER_SEC);
  fail_unless_equals_uint64(stream->stat("errors"), many);
  fail_unless_equals_uint64(stream->stat("dropped"), many);
  fail_unless(stream->to(GST_STATE_READY));
  const Reports reports = stream->reports();
  // One at first, one at the end, and one for each second that it took.
  fail_unless(reports.size() >= 2 && reports.size() <= 2 + seconds, "%s",
              reports.text().c_str());
  fail_unless_equals_uint64(warned(reports), many);
  expect_text(reports.back().field("message"), "a bit was flipped");
}
GST_END_TEST;

GST_START_TEST(test_drops_and_failures_are_told_together) {
  std::unique_ptr<Stream> stream(picky("silence"));
  for (int i = 0; i < 30; i++) {
    push_dropped(stream.get());
    pull_is_discont(stream.get(), broken);
    pull_is_discont(stream.get());
  }
  fail_unless_equals_uint64(stream->stat("errors"), 60);
  fail_unless_equals_uint64(stream->stat("dropped"), 30);
  fail_unless(stream->to(GST_STATE_READY));
  const Reports reports = stream->reports();
  fail_unless_equals_uint64(warned(reports), 60);
  expect_text(reports[0].field("type"), "DropBuffer");
  expect_text(reports.back().field("type"), "ValueError");
}
GST_END_TEST;

GST_START_TEST(test_a_real_failure_still_ends_the_stream) {
  std::unique_ptr<Stream> stream(picky("fail"));
  for (int i = 0; i < 5; i++)
    push_dropped(stream.get());
  fail_unless(stream->push(buffer_that_is(broken)) == GST_FLOW_ERROR);
  const Reports reports = stream->reports();
  fail_unless(reports.back().type == GST_MESSAGE_ERROR);
  expect_part(reports.back().text, "ValueError: broken");
  guint64 told = 0;
  for (const Report &report : reports)
    told += report.number("count");
  fail_unless_equals_uint64(told, 6);
}
GST_END_TEST;

GST_START_TEST(test_what_was_only_counted_is_told_when_the_stream_ends) {
  for (int what : {dropped, broken}) {
    for (bool eos : {false, true}) {
      std::unique_ptr<Stream> stream(picky("drop"));
      for (int i = 0; i < 9; i++) {
        GstBuffer *buffer = buffer_that_is(what);
        GST_BUFFER_PTS(buffer) = guint64(i) * GST_SECOND;
        fail_unless(stream->push(buffer) == GST_FLOW_OK);
      }
      if (eos)
        fail_unless(stream->push_event(gst_event_new_eos()));
      else
        fail_unless(stream->to(GST_STATE_READY));
      const Reports reports = stream->reports();
      fail_unless_equals_uint64(warned(reports), 9);
      fail_unless_equals_uint64(reports.back().number("pts"), 8 * GST_SECOND);
      expect_part(reports.back().text, "failures since the last message");
      // Once is enough.
      fail_unless(stream->to(GST_STATE_READY));
      stream->expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_tail_after_a_dropped_buffer_is_a_break) {
  for (bool drops : {true, false}) {
    std::unique_ptr<Stream> stream(picky("fail", "PickyWithTail"));
    pull_is_discont(stream.get());
    if (drops) push_dropped(stream.get());
    fail_unless(stream->push_event(gst_event_new_eos()));
    GstBuffer *tail = stream->pull();
    fail_unless(tail != nullptr);
    fail_unless_equals_int(frames_of(tail, {}), 10);
    fail_unless(GST_BUFFER_FLAG_IS_SET(tail, GST_BUFFER_FLAG_DISCONT) == drops);
    gst_buffer_unref(tail);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_plugin_may_bring_its_own_base_plugin) {
  Stream stream(write_file("own.py", R"(
class DropBuffer(Exception): pass
class Worse(DropBuffer): pass
class Own:
    def process_audio(self, buffer):
        raise Worse("no " + "good")
)"));
  push_dropped(&stream, fine);
  const Reports reports = stream.reports();
  fail_unless_equals_uint64(warned(reports), 1);
  expect_part(reports[0].text, "dropped a buffer: no good");
}
GST_END_TEST;

GST_START_TEST(test_only_the_audio_method_has_a_buffer_to_drop) {
  for (const char *method : {"start", "reset", "drain"}) {
    Element element(write_file("other.py",
                               "from base_plugin import DropBuffer\n"
                               "class Other:\n"
                               "    def process_audio(self, buffer): pass\n"
                               "    def " +
                                   std::string(method) +
                                   "(self): raise DropBuffer('what')\n"));
    GstHarness *harness =
        gst_harness_new_with_element(element.get(), "sink", "src");
    GstCaps *caps = Audio().caps();
    gst_harness_set_src_caps(harness, caps);
    gst_harness_push(harness, new_buffer({}));
    gst_harness_push_event(harness, gst_event_new_flush_start());
    gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
    gst_harness_push_event(harness, gst_event_new_eos());
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1, "%s: %s", method, reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    expect_part(reports[0].text,
                std::string(method) + "() raised DropBuffer: what");
    gst_harness_teardown(harness);
  }
}
GST_END_TEST;

// ---- plugins that change format and size ------------------------------------

namespace {

// Gives as many buffers as the first sample says, and with 1000 to it drops
// what it got, with 100 to it calls it a break.
std::string sealing() {
  return write_file("sealing.py", R"(
from base_plugin import DropBuffer
class Sealing:
    fail_closed = True
    output_caps = "application/x-sealed"
    def process_audio(self, buffer):
        count = int(buffer.data[0, 0])
        if count >= 1000:
            raise DropBuffer("bad tag")
        if count >= 100:
            buffer.discont = True
        return [b"sealed"] * (count % 100)
    def drain(self):
        return b"the end"
)");
}

// The flags of what came out: D for DISCONT, - without.
std::string seal(Stream *stream, int what) {
  fail_unless(stream->push(buffer_that_is(what)) == GST_FLOW_OK);
  std::string flags;
  while (GstBuffer *out = stream->pull()) {
    fail_unless_equals_int(gst_buffer_get_size(out), 6);
    flags += GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT) ? "D" : "-";
    gst_buffer_unref(out);
  }
  return flags;
}

}  // namespace

GST_START_TEST(test_breaks_of_a_plugin_that_changes_size) {
  Stream stream(sealing());
  const std::pair<int, const char *> calls[] = {
      {1, "-"},
      {3, "---"},
      {1000, ""},
      {2, "D-"},
      {1, "-"},
      {103, "D--"},
      {1, "-"},
      // Nothing yet: the next one is the first.
      {100, ""},
      {2, "D-"},
      {1, "-"},
      {1000, ""},
      {2000, ""},
      {1, "D"}};
  for (const auto &[what, flags] : calls)
    expect_text(seal(&stream, what), flags);
  fail_unless_equals_uint64(stream.stat("dropped"), 3);
  fail_unless_equals_uint64(stream.stat("errors"), 3);
}
GST_END_TEST;

GST_START_TEST(test_a_block_dropped_within_a_buffer_is_a_break) {
  // Of which the base class hears nothing: the last block of the buffer is
  // fine.
  Stream stream(sealing(), {}, {{"block-size", "64"}});
  GstBuffer *buffer = empty_buffer({}, 192);
  fill(buffer, {}, [](int, size_t i) { return i / 64 == 1 ? 1000 : 1; });
  fail_unless(stream.push(buffer) == GST_FLOW_OK);
  std::string flags;
  while (GstBuffer *out = stream.pull()) {
    flags += GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT) ? "D" : "-";
    gst_buffer_unref(out);
  }
  expect_text(flags.substr(1), "D");
}
GST_END_TEST;

GST_START_TEST(test_a_tail_of_another_size_after_a_dropped_buffer_is_a_break) {
  for (bool drops : {true, false}) {
    Stream stream(sealing());
    seal(&stream, 1);
    seal(&stream, drops ? 1000 : 1);
    fail_unless(stream.push_event(gst_event_new_eos()));
    GstBuffer *tail = stream.pull();
    fail_unless(tail != nullptr);
    fail_unless(GST_BUFFER_FLAG_IS_SET(tail, GST_BUFFER_FLAG_DISCONT) == drops);
    gst_buffer_unref(tail);
  }
}
GST_END_TEST;

// ---- sinks and sources ------------------------------------------------------

GST_START_TEST(test_a_sink_may_drop_buffers) {
  const std::string file = write_file("picky_sink.py", R"(
from base_plugin import DropBuffer
class PickySink:
    calls = 0
    def write_audio(self, buffer):
        self.calls += 1
        if self.calls % 3:
            raise DropBuffer("not mine")
)");
  Pipeline pipeline(
      "audiotestsrc num-buffers=30 ! audioconvert ! " +
      line_of("pythonsink", file,
              std::string("sync=false on-error=") + policies[__i__]));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  fail_unless_equals_uint64(pipeline.stat("errors"), 20);
  fail_unless_equals_uint64(pipeline.stat("dropped"), 20);
  const Reports reports = pipeline.reports();
  fail_unless_equals_uint64(warned(reports), 20);
  expect_part(reports[0].text, "dropped a buffer: not mine");
}
GST_END_TEST;

GST_START_TEST(test_a_source_has_no_buffer_to_drop) {
  const std::string file =
      write_file("dropping_source.py",
                 "from base_plugin import DropBuffer\n"
                 "def read_audio(buffer): raise DropBuffer('none')\n");
  Pipeline pipeline(line_of("pythonsrc", file) + " ! fakesink");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  Reports reports;
  reports.push_back(report_in(message));
  gst_message_unref(message);
  expect_part(reports[0].text,
              "read_audio() raised DropBuffer: none (a source has no buffer");
}
GST_END_TEST;

// ---- discont ----------------------------------------------------------------

GST_START_TEST(test_a_plugin_can_say_that_its_output_is_a_break) {
  for (const char *attribute : {"", "    read_only = True\n"}) {
    Stream stream(setting("buffer.discont = self.calls == 3", attribute));
    pull_is_discont(&stream);
    fail_unless(!pull_is_discont(&stream));
    // Others' buffer keeps its flags.
    GstBuffer *mine = buffer_that_is(fine);
    GstBuffer *out = stream.through(gst_buffer_ref(mine));
    fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT));
    fail_unless(!GST_BUFFER_FLAG_IS_SET(mine, GST_BUFFER_FLAG_DISCONT));
    expect_samples(out, {}, number_at);
    gst_buffer_unref(out);
    gst_buffer_unref(mine);
    fail_unless(!pull_is_discont(&stream));
    stream.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_a_plugin_cannot_take_a_break_back) {
  Stream stream(setting("buffer.discont = False; assert not buffer.discont"));
  pull_is_discont(&stream);
  fail_unless(!pull_is_discont(&stream));
  GstBuffer *buffer = buffer_that_is(fine);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  GstBuffer *out = stream.through(buffer);
  fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT));
  gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_a_break_is_a_bool) {
  for (const char *value : {"1", "None", "'yes'", "buffer.data"}) {
    Stream stream(setting(std::string("buffer.discont = ") + value));
    fail_unless(stream.push_frames() == GST_FLOW_ERROR);
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1);
    expect_part(reports[0].text, "raised TypeError: discont is a bool, not ");
  }
}
GST_END_TEST;

GST_START_TEST(test_a_source_can_say_that_it_lost_something) {
  const std::string file = write_file("losing_source.py", R"(
class Losing:
    calls = 0
    def read_audio(self, buffer):
        buffer.data[:] = 0
        self.calls += 1
        buffer.discont = self.calls == 3
)");
  Pipeline pipeline(line_of("pythonsrc", file, "num-buffers=5") +
                    " ! fakesink");
  Output output(pipeline.python());
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  const std::vector<Seen> seen = output.all();
  fail_unless_equals_int(seen.size(), 5);
  for (size_t i = 0; i < seen.size(); i++)
    fail_unless(seen[i].discont == (i == 0 || i == 2), "%d", int(i));
}
GST_END_TEST;

static Suite *dropping_suite() {
  Suite *suite = suite_create("dropping");
  const int count = int(std::size(policies));
  TCase *filter = new_case(suite, "filter");
  tcase_add_loop_test(filter, test_a_dropped_buffer_is_a_gap_in_the_stream, 0,
                      count);
  tcase_add_loop_test(filter, test_a_shared_buffer_is_dropped_and_left_alone, 0,
                      count);
  tcase_add_test(filter, test_the_warning_says_why_and_has_no_traceback);
  tcase_add_loop_test(
      filter, test_a_flood_is_told_once_a_second_and_counted_exactly, 0, count);
  tcase_add_test(filter, test_drops_and_failures_are_told_together);
  tcase_add_test(filter, test_a_real_failure_still_ends_the_stream);
  tcase_add_test(filter,
                 test_what_was_only_counted_is_told_when_the_stream_ends);
  tcase_add_test(filter, test_a_tail_after_a_dropped_buffer_is_a_break);
  tcase_add_test(filter, test_a_plugin_may_bring_its_own_base_plugin);
  tcase_add_test(filter, test_only_the_audio_method_has_a_buffer_to_drop);
  TCase *sizes = new_case(suite, "sizes");
  tcase_add_test(sizes, test_breaks_of_a_plugin_that_changes_size);
  tcase_add_test(sizes, test_a_block_dropped_within_a_buffer_is_a_break);
  tcase_add_test(sizes,
                 test_a_tail_of_another_size_after_a_dropped_buffer_is_a_break);
  TCase *others = new_case(suite, "sinks and sources");
  tcase_add_loop_test(others, test_a_sink_may_drop_buffers, 0, count);
  tcase_add_test(others, test_a_source_has_no_buffer_to_drop);
  TCase *discont = new_case(suite, "discont");
  tcase_add_test(discont, test_a_plugin_can_say_that_its_output_is_a_break);
  tcase_add_test(discont, test_a_plugin_cannot_take_a_break_back);
  tcase_add_test(discont, test_a_break_is_a_bool);
  tcase_add_test(discont, test_a_source_can_say_that_it_lost_something);
  return suite;
}

GST_CHECK_MAIN(dropping)
