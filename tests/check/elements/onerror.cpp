// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a failed call lets through, by on-error, and how often it is told.
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "../support/harness.hpp"
#include "../support/waiting.hpp"

using namespace check;

namespace {

const char *const ways_to_fail[] = {"raise", "refuse", "rebind",
                                    "shape", "keep",   "exit"};
const char *const policies[] = {"passthrough", "silence", "drop"};

GstBuffer *unaligned(const Audio &audio) {
  GstBuffer *whole = new_buffer(audio);
  const size_t size = gst_buffer_get_size(whole);
  auto *data = static_cast<guint8 *>(g_malloc(size + 1));
  gst_buffer_extract(whole, 0, data + 1, size);
  gst_buffer_unref(whole);
  return gst_buffer_new_wrapped_full(GstMemoryFlags(0), data, size + 1, 1, size,
                                     data, g_free);
}

// Of 64 frames each.
GstClockTime time_of(int i) {
  return gst_util_uint64_scale(guint64(i) * 64, GST_SECOND, 48000);
}

GstBuffer *timed(GstBuffer *buffer, int i) {
  GST_BUFFER_PTS(buffer) = time_of(i);
  GST_BUFFER_DURATION(buffer) = time_of(i + 1) - time_of(i);
  return buffer;
}

// What comes out of a call that failed.
void expect_policy(Stream *stream, const std::string &policy, int i,
                   const char *name) {
  GstBuffer *out = stream->pull();
  if (policy == "drop") {
    fail_unless(out == nullptr, "%s", name);
    return;
  }
  fail_unless(out != nullptr, "%s", name);
  fail_unless_equals_uint64(GST_BUFFER_PTS(out), time_of(i));
  fail_unless_equals_uint64(GST_BUFFER_DURATION(out),
                            time_of(i + 1) - time_of(i));
  const bool silent = policy == "silence";
  expect_samples(out, stream->audio(), silent ? silence : number_at);
  fail_unless(bool(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP)) == silent,
              "%s", name);
  gst_buffer_unref(out);
}

// Every second call fails.
void expect_stream(Stream *stream, const std::string &policy,
                   GstBuffer *(*make)(const Audio &), const char *name) {
  for (int i = 0; i < 6; i++) {
    const GstFlowReturn flow = stream->push(timed(make(stream->audio()), i));
    fail_unless(flow == GST_FLOW_OK, "%s: %s", name, gst_flow_get_name(flow));
    if (i % 2) {
      expect_policy(stream, policy, i, name);
      continue;
    }
    GstBuffer *out = stream->pull();
    fail_unless(out != nullptr);
    expect_samples(out, stream->audio(), doubled);
    const bool after_drop = i > 0 && policy == "drop";
    fail_unless(bool(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT)) ==
                    after_drop,
                "%s: DISCONT", name);
    gst_buffer_unref(out);
  }
  fail_unless_equals_uint64(stream->stat("errors"), 3);
  fail_unless_equals_uint64(stream->stat("dropped"), policy == "drop" ? 3 : 0);
}

GstBuffer *usual(const Audio &audio) {
  return new_buffer(audio);
}

}  // namespace

GST_START_TEST(test_policy_says_what_a_failed_call_lets_through) {
  const std::string policy = policies[__i__];
  for (const char *how : ways_to_fail) {
    for (const Audio &audio : every_audio({2})) {
      const Properties set = {{"on-error", policy},
                              {"params", std::string("p,how=") + how}};
      Stream stream(plugin_file("failing.py"), audio, set);
      expect_stream(&stream, policy, usual, how);
      if (audio.planar) continue;
      Stream other(plugin_file("failing.py"), audio, set);
      expect_stream(&other, policy, unaligned, "unaligned");
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_policy_leaves_shared_samples_alone) {
  const std::string policy = policies[__i__];
  for (const char *plugin :
       {"class Writer:\n", "class Reader:\n    read_only = True\n"}) {
    Stream stream(write_file("fails.py", std::string(plugin) +
                                             "    def process_audio(self, b):\n"
                                             "        1 / 0\n"),
                  {}, {{"on-error", policy}});
    GstBuffer *mine = timed(new_buffer(stream.audio()), 1);
    for (int i = 0; i < 3; i++) {
      fail_unless(stream.push(gst_buffer_ref(mine)) == GST_FLOW_OK);
      expect_policy(&stream, policy, 1, plugin);
      expect_samples(mine, stream.audio(), number_at);
    }
    gst_buffer_unref(mine);
  }
}
GST_END_TEST;

GST_START_TEST(test_fail_is_the_default_and_ends_the_stream) {
  for (const char *how : ways_to_fail) {
    Stream stream(plugin_file("failing.py"), {},
                  {{"params", std::string("p,how=") + how}});
    expect_text(stream.text_of("on-error"), "fail");
    stream.expect_through(doubled);
    for (int i = 0; i < 3; i++) {
      fail_unless(stream.push_frames() == GST_FLOW_ERROR);
      fail_unless(stream.pull() == nullptr);
    }
    const Reports reports = stream.reports();
    int errors = 0;
    for (const Report &report : reports)
      errors += report.type == GST_MESSAGE_ERROR;
    fail_unless_equals_int(errors, 1);
    // A new start is a new chance.
    fail_unless(stream.to(GST_STATE_READY));
    fail_unless(stream.to(GST_STATE_PLAYING));
  }
}
GST_END_TEST;

GST_START_TEST(test_policy_can_be_changed_while_playing) {
  Stream stream(plugin_file("failing.py"));
  for (const char *policy : policies) {
    stream.set("on-error", policy);
    stream.expect_through(doubled);
    fail_unless(stream.push(timed(new_buffer(stream.audio()), 0)) ==
                GST_FLOW_OK);
    expect_policy(&stream, policy, 0, policy);
  }
  stream.set("on-error", "fail");
  stream.expect_through(doubled);
  fail_unless(stream.push_frames() == GST_FLOW_ERROR);
}
GST_END_TEST;

GST_START_TEST(test_policy_that_changes_in_a_call_passes_nothing_half_done) {
  // Nobody has the samples of before the call: they are kept for passthrough
  // alone, which comes too late.
  const std::string path = folder() + "/gate";
  fail_unless_equals_int(mkfifo(path.c_str(), 0600), 0);
  const int gate = open(path.c_str(), O_RDWR | O_CLOEXEC);
  Stream stream(write_file("half.py",
                           "import os\n"
                           "from checklog import say\n"
                           "gate = os.open('" +
                               path + R"(', os.O_RDWR)
def process_audio(buffer):
    buffer.data[:, ::2] = 0
    say("half done")
    os.read(gate, 1)
    1 / 0
)"),
                {}, {{"on-error", "drop"}});
  GstFlowReturn flow = GST_FLOW_ERROR;
  std::thread caller([&] { flow = stream.push_frames(); });
  fail_unless(wait_for_log("half done"));
  stream.set("on-error", "passthrough");
  fail_unless(write(gate, "!", 1) == 1);
  caller.join();
  close(gate);
  fail_unless(flow == GST_FLOW_OK, "%s", gst_flow_get_name(flow));
  fail_unless(stream.pull() == nullptr, "half of it came out");
  fail_unless_equals_uint64(stream.stat("dropped"), 1);
}
GST_END_TEST;

GST_START_TEST(test_warnings_come_once_a_second_and_count_every_failure) {
  Stream stream(write_file("fails.py", "def process_audio(b): 1 / 0\n"), {},
                {{"on-error", "silence"}});
  const guint64 many = soak_count(20, 500);
  const gint64 start = g_get_monotonic_time();
  for (guint64 i = 0; i < many; i++) {
    fail_unless(stream.push_frames() == GST_FLOW_OK);
    gst_buffer_unref(stream.pull());
  }
  const auto seconds =
      size_t((g_get_monotonic_time() - start) / G_USEC_PER_SEC);
  g_usleep(1050000);
  fail_unless(stream.push_frames() == GST_FLOW_OK);
  gst_buffer_unref(stream.pull());
  const Reports reports = stream.reports();
  guint64 told = 0;
  for (const Report &report : reports) {
    fail_unless(report.type == GST_MESSAGE_WARNING);
    expect_text(report.field("type"), "ZeroDivisionError");
    told += report.number("count");
  }
  // One at first, one now, and one for each second that it took.
  fail_unless(reports.size() >= 2 && reports.size() <= 2 + seconds, "%s",
              reports.text().c_str());
  fail_unless_equals_uint64(told, many + 1);
  fail_unless_equals_uint64(stream.stat("errors"), many + 1);
  expect_part(reports.back().text, "failures since the last message");
}
GST_END_TEST;

GST_START_TEST(test_refused_parameter_is_a_warning_where_the_stream_goes_on) {
  const std::string file = write_file("refuses.py", R"(
class Refuses:
    def set_parameter(self, key, value):
        return key == "known"
    def process_audio(self, buffer):
        buffer.data *= 2
)");
  Stream stream(file, {}, {{"on-error", "passthrough"}});
  stream.set("params", "p,known=1,unknown=2");
  stream.expect_through(doubled);
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1, "%s", reports.text().c_str());
  fail_unless(reports[0].type == GST_MESSAGE_WARNING);
  expect_part(reports[0].text, "refused the parameter unknown=2");
}
GST_END_TEST;

GST_START_TEST(test_refused_parameter_is_an_error_each_time_it_is_loaded) {
  Element element(write_file("refuses.py", "def process_audio(buffer): pass\n"),
                  {{"params", "p,gain=1"}});
  for (int i = 0; i < 3; i++) {
    fail_unless(!element.to(GST_STATE_READY));
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1);
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    // Also after it has been stopped from a state it did reach.
    element.set("on-error", "silence");
    fail_unless(element.to(GST_STATE_READY));
    fail_unless(element.to(GST_STATE_NULL));
    element.reports();
    element.set("on-error", "fail");
  }
}
GST_END_TEST;

static Suite *onerror_suite() {
  Suite *suite = suite_create("onerror");
  TCase *let_through = new_case(suite, "let through");
  const int count = int(std::size(policies));
  tcase_add_loop_test(
      let_through, test_policy_says_what_a_failed_call_lets_through, 0, count);
  tcase_add_loop_test(let_through, test_policy_leaves_shared_samples_alone, 0,
                      count);
  tcase_add_test(let_through, test_fail_is_the_default_and_ends_the_stream);
  tcase_add_test(let_through, test_policy_can_be_changed_while_playing);
  tcase_add_test(let_through,
                 test_policy_that_changes_in_a_call_passes_nothing_half_done);
  TCase *told = new_case(suite, "told");
  tcase_add_test(told,
                 test_warnings_come_once_a_second_and_count_every_failure);
  tcase_add_test(told,
                 test_refused_parameter_is_a_warning_where_the_stream_goes_on);
  tcase_add_test(told,
                 test_refused_parameter_is_an_error_each_time_it_is_loaded);
  return suite;
}

GST_CHECK_MAIN(onerror)
