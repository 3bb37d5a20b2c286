// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the element makes of a plugin in another process: how long it waits,
// what passes when that is late or dies, what it counts, and whose memory goes
// where. The other process is fake_process.cpp.
#include "../../../gst/element/deadlinerule.hpp"
#include "../support/pipeline.hpp"

using namespace check;
using pythonfilter::Block;
using pythonfilter::DeadlineRule;

namespace {

Properties isolated(const Properties &others = {}) {
  Properties all = {{"isolation", "process"}};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

struct Called {
  gint64 patience;
  gboolean lent;
};

// What the plugin said of each call so far.
std::vector<Called> calls_on(GstBus *bus) {
  std::vector<Called> all;
  while (GstMessage *message = next_message(bus, GST_MESSAGE_ELEMENT)) {
    const GstStructure *fields = gst_message_get_structure(message);
    Called called;
    if (gst_structure_has_name(fields, "fake-process") &&
        gst_structure_get(fields, "patience", G_TYPE_INT64, &called.patience,
                          "lent", G_TYPE_BOOLEAN, &called.lent, nullptr))
      all.push_back(called);
    gst_message_unref(message);
  }
  return all;
}

// Upstream of an element that was asked for memory.
class Upstream {
 public:
  Upstream(GstElement *element, const Audio &audio) {
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    GstCaps *caps = audio.caps();
    GstQuery *query = gst_query_new_allocation(caps, TRUE);
    fail_unless(gst_pad_query(pad, query));
    fail_unless(gst_query_get_n_allocation_params(query) > 0);
    gst_query_parse_nth_allocation_param(query, 0, &allocator_, &params_);
    gst_query_unref(query);
    gst_caps_unref(caps);
    gst_object_unref(pad);
    fail_unless(allocator_ != nullptr);
  }
  ~Upstream() { gst_object_unref(allocator_); }
  Upstream(const Upstream &) = delete;
  Upstream &operator=(const Upstream &) = delete;

  GstMemory *memory(size_t size, GstAllocationParams params) {
    return gst_allocator_alloc(allocator_, size, &params);
  }
  GstBuffer *buffer(const Audio &audio, size_t frames = 64) {
    GstBuffer *buffer = gst_buffer_new();
    gst_buffer_append_memory(
        buffer,
        memory(frames * audio.width() * size_t(audio.channels), params_));
    const GstAudioInfo info = audio.info();
    if (audio.planar) gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
    fill(buffer, audio);
    return buffer;
  }

 private:
  GstAllocator *allocator_ = nullptr;
  GstAllocationParams params_;
};

bool is_lent(GstBuffer *buffer) {
  return gst_memory_is_type(gst_buffer_peek_memory(buffer, 0),
                            "PythonWorkerMemory");
}

}  // namespace

// ---- how long it waits ------------------------------------------------------

GST_START_TEST(test_patience_is_the_deadline_or_what_live_leaves_room_for) {
  struct Row {
    const char *live, *deadline;
    gint64 want;  // ns
  };
  const Row rows[] = {{"false", "-1", 0},      {"false", "0", 0},
                      {"false", "7", 7000000}, {"true", "-1", 30000000},
                      {"true", "0", 0},        {"true", "250", 250000000}};
  for (const Row &row : rows) {
    Pipeline pipeline(
        std::string(
            "audiotestsrc num-buffers=2 samplesperbuffer=480 is-live=") +
        row.live + " ! audio/x-raw,rate=48000,format=F32LE ! queue ! " +
        line_of("pythonfilter", "gain",
                std::string("isolation=process deadline=") + row.deadline) +
        " ! fakesink");
    std::vector<Called> calls;
    pipeline.expect_to(GST_STATE_PAUSED);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    fail_unless(wait_until([&] {
      for (const Called &each : calls_on(pipeline.bus()))
        calls.push_back(each);
      return calls.size() >= 2;
    }));
    for (const Called &each : calls)
      fail_unless(each.patience == row.want, "live=%s deadline=%s: %d",
                  row.live, row.deadline, int(each.patience));
  }
}
GST_END_TEST;

GST_START_TEST(test_deadline_changes_while_buffers_flow) {
  Stream stream("gain", {}, isolated({{"deadline", "100"}}));
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  stream.set("deadline", "30");
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  const std::vector<Called> calls = calls_on(stream.bus());
  fail_unless_equals_int(int(calls.size()), 2);
  fail_unless_equals_int64(calls[0].patience, 100000000);
  fail_unless_equals_int64(calls[1].patience, 30000000);
}
GST_END_TEST;

GST_START_TEST(test_source_and_sink_have_patience_too) {
  for (const char *live : {"true", "false"}) {
    Pipeline pipeline(
        line_of("pythonsrc", "gain",
                std::string("isolation=process num-buffers=1 blocksize=3840 "
                            "is-live=") +
                    live) +
        " ! audio/x-raw,rate=48000,channels=2,format=F32LE ! pythonsink "
        "script=gain isolation=process");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    std::vector<Called> calls;
    fail_unless(wait_until([&] {
      for (const Called &each : calls_on(pipeline.bus()))
        calls.push_back(each);
      return calls.size() >= 2;
    }));
    for (const Called &each : calls)
      fail_unless_equals_int64(each.patience, *live == 't' ? 30000000 : 0);
  }
}
GST_END_TEST;

// ---- what passes ------------------------------------------------------------

GST_START_TEST(test_policy_is_for_a_late_and_a_lost_worker_too) {
  struct Row {
    const char *policy;
    const Number number;  // of the failed buffer; NULL: nothing passes
  };
  const Row rows[] = {
      {"passthrough", number_at}, {"silence", silence}, {"drop", nullptr}};
  for (const char *script : {"late", "lost"}) {
    for (const Row &row : rows) {
      for (const bool lent : {false, true}) {
        Stream stream(script, {}, isolated({{"on-error", row.policy}}));
        Upstream upstream(stream.get(), stream.audio());
        for (int i = 0; i < 4; i++) {
          GstBuffer *in = lent ? upstream.buffer(stream.audio())
                               : new_buffer(stream.audio());
          GST_BUFFER_PTS(in) = GstClockTime(i) * GST_MSECOND;
          const bool fails = i % 2 == 1;
          fail_unless(stream.push(in) == GST_FLOW_OK);
          GstBuffer *out = stream.pull();
          fail_unless((out != nullptr) == (!fails || row.number), "%s %s",
                      script, row.policy);
          if (!out) continue;
          expect_samples(out, stream.audio(), fails ? row.number : doubled);
          fail_unless_equals_uint64(GST_BUFFER_PTS(out),
                                    GstClockTime(i) * GST_MSECOND);
          fail_unless(!is_lent(out));
          gst_buffer_unref(out);
        }
        // Late ones are missed-deadlines.
        fail_unless_equals_uint64(stream.stat("errors"),
                                  script == std::string("lost") ? 2 : 0);
        const Reports reports = stream.reports();
        fail_unless(reports.size() == 1, "%s", reports.text().c_str());
        fail_unless(reports[0].type == GST_MESSAGE_WARNING);
        expect_part(reports[0].text, std::string(script) + ", as asked for");
        expect_text(reports[0].field("kind"), script);
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_lost_worker_is_told_at_once_after_late_ones) {
  Stream stream("late, then lost", {}, isolated({{"on-error", "silence"}}));
  for (int i = 0; i < 6; i++) {
    fail_unless(stream.push_frames() == GST_FLOW_OK);
    gst_buffer_unref(stream.pull());
  }
  // Whoever is lost again within a second is counted.
  const Reports reports = stream.reports();
  fail_unless(reports.size() >= 2, "%s", reports.text().c_str());
  expect_text(reports[0].field("kind"), "late");
  expect_text(reports[1].field("kind"), "lost");
}
GST_END_TEST;

GST_START_TEST(test_error_says_how_the_stream_could_go_on) {
  const std::pair<const char *, const char *> rows[] = {
      {"lost", "with on-error=silence, passthrough or drop the stream goes on"},
      {"closed-lost", "with on-error=drop the stream goes on"}};
  for (const auto &[script, advice] : rows) {
    Stream stream(script, {}, isolated());
    gst_buffer_unref(stream.through(new_buffer(stream.audio())));
    fail_unless(stream.push_frames() == GST_FLOW_ERROR);
    fail_unless(stream.pull() == nullptr);
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    expect_part(reports[0].text, advice);
  }
}
GST_END_TEST;

GST_START_TEST(test_late_is_a_glitch_and_no_end) {
  for (const char *script : {"late", "closed"}) {
    Stream stream(script, {}, isolated());
    for (int i = 0; i < 4; i++) {
      fail_unless(stream.push(new_buffer(stream.audio())) == GST_FLOW_OK);
      GstBuffer *out = stream.pull();
      const bool is_late = i % 2 == 1;
      fail_unless((out != nullptr) ==
                  (!is_late || script == std::string("late")));
      if (!out) continue;
      expect_samples(out, stream.audio(), is_late ? silence : doubled);
      fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP) == is_late);
      gst_buffer_unref(out);
    }
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_WARNING);
    expect_text(reports[0].field("kind"), "late");
    fail_unless_equals_uint64(stream.stat("errors"), 0);
  }
}
GST_END_TEST;

// How long a live buffer may take is what downstream waits for.
GST_START_TEST(test_deadline_is_in_the_latency_of_a_live_pipeline) {
  struct Row {
    const char *live, *deadline;
    GstClockTime want;
  };
  const Row rows[] = {{"true", "-1", 30 * GST_MSECOND},
                      {"true", "7", 7 * GST_MSECOND},
                      {"true", "0", 0},
                      {"false", "7", 0}};
  for (const Row &row : rows) {
    Pipeline pipeline(
        std::string(
            "audiotestsrc num-buffers=50 samplesperbuffer=480 is-live=") +
        row.live + " ! audio/x-raw,rate=48000,format=F32LE ! " +
        line_of("pythonfilter", "gain",
                std::string("isolation=process deadline=") + row.deadline) +
        " ! fakesink name=sink");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    GstElement *python = gst_bin_get_by_name(GST_BIN(pipeline.get()), "python");
    GstPad *src = gst_element_get_static_pad(python, "src");
    GstPad *sink = gst_element_get_static_pad(python, "sink");
    const auto added = [&] {
      GstClockTime latency[2] = {0, 0};
      int i = 0;
      bool answered = true;
      for (GstPad *pad : {src, sink}) {
        GstQuery *query = gst_query_new_latency();
        gboolean live;
        answered &= pad == src ? gst_pad_query(pad, query)
                               : gst_pad_peer_query(pad, query);
        if (answered)
          gst_query_parse_latency(query, &live, &latency[i], nullptr);
        gst_query_unref(query);
        i++;
      }
      return answered ? latency[0] - latency[1] : GST_CLOCK_TIME_NONE;
    };
    // Whoever has no answer, or the right one, hears no more.
    GstClockTime first = GST_CLOCK_TIME_NONE;
    fail_unless(
        wait_until([&] { return (first = added()) != GST_CLOCK_TIME_NONE; }));
    fail_unless(wait_until([&] { return added() == row.want; }),
                "live=%s deadline=%s: %d us", row.live, row.deadline,
                int(added() / 1000));
    // The bin is asked to tell the sinks anew.
    if (row.want == 30 * GST_MSECOND && first != row.want)
      fail_unless(wait_until([&] {
        GstMessage *message = next_message(pipeline.bus(), GST_MESSAGE_LATENCY);
        const bool told =
            message && GST_MESSAGE_SRC(message) == GST_OBJECT(python);
        if (message) gst_message_unref(message);
        return told;
      }));
    for (gpointer each : {gpointer(src), gpointer(sink), gpointer(python)})
      gst_object_unref(each);
  }
}
GST_END_TEST;

GST_START_TEST(test_calls_that_are_late_do_not_add_up) {
  DeadlineRule rule;
  rule.start(true, 48000);
  Block block = {};
  block.frames = 480;
  constexpr uint64_t ms = 1000000;
  uint64_t behind = 0;  // of a stream in which each call takes what it may
  for (int i = 0; i < 100; i++) {
    const uint64_t may = rule.with(block);
    fail_unless(may >= 5 * ms);
    behind = behind + may > 10 * ms ? behind + may - 10 * ms : 0;
    fail_unless(behind <= 20 * ms, "%d", int(behind / ms));
    rule.took(block, may);
  }
  for (int i = 0; i < 5; i++)
    rule.took(block, 1 * ms);
  fail_unless_equals_uint64(rule.with(block), 30 * ms);
}
GST_END_TEST;

GST_START_TEST(test_worker_that_is_gone_is_an_error_by_any_policy) {
  for (const char *policy : {"fail", "passthrough", "silence", "drop"}) {
    Stream stream("gone", {}, isolated({{"on-error", policy}}));
    gst_buffer_unref(stream.through(new_buffer(stream.audio())));
    fail_unless(stream.push_frames() == GST_FLOW_ERROR, "%s", policy);
    fail_unless(stream.pull() == nullptr);
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    expect_text(reports[0].field("kind"), "gone");
    fail_unless(!contains(reports[0].text, "on-error"));
  }
}
GST_END_TEST;

GST_START_TEST(test_nothing_unprocessed_leaves_a_plugin_that_fails_closed) {
  Stream stream("closed", {}, isolated({{"on-error", "drop"}}));
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  fail_unless(stream.push_frames() == GST_FLOW_OK);
  fail_unless(stream.pull() == nullptr);
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  fail_unless_equals_uint64(stream.stat("dropped"), 1);
}
GST_END_TEST;

// ---- what it counts ---------------------------------------------------------

GST_START_TEST(test_stats_tell_of_the_worker) {
  Stream stream("gain", {}, isolated());
  gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  GstStructure *stats;
  g_object_get(stream.get(), "stats", &stats, nullptr);
  gint64 pid = 0;
  fail_unless(gst_structure_get_int64(stats, "worker-pid", &pid));
  fail_unless_equals_int64(pid, 4711);
  expect_text(gst_structure_get_string(stats, "sandbox"), "basic: all of it");
  gst_structure_free(stats);
  fail_unless_equals_uint64(stream.stat("restarts"), 2);
  fail_unless_equals_uint64(stream.stat("missed-deadlines"), 3);
  for (const char *what : {"min", "mean", "p50", "p99", "p99.9", "max"})
    fail_unless(stream.stat((std::string("round-trip-") + what).c_str()) > 0);
  // They stay what they were when there is no worker any more.
  fail_unless(stream.to(GST_STATE_NULL));
  fail_unless_equals_uint64(stream.stat("restarts"), 2);
}
GST_END_TEST;

// ---- whose memory -----------------------------------------------------------

GST_START_TEST(test_lent_memory_goes_in_and_never_out) {
  for (const char *script : {"gain", "careless"}) {
    for (const bool planar : {false, true}) {
      Stream stream(script, {"F32", planar}, isolated());
      Upstream upstream(stream.get(), stream.audio());
      std::vector<GstBuffer *> out;
      for (int i = 0; i < 4; i++) {
        out.push_back(stream.through(upstream.buffer(stream.audio())));
        fail_unless(!is_lent(out.back()));
      }
      // Not written to by the calls that came later.
      for (GstBuffer *each : out) {
        expect_samples(each, stream.audio(), doubled);
        gst_buffer_unref(each);
      }
      const std::vector<Called> calls = calls_on(stream.bus());
      fail_unless_equals_int(int(calls.size()), 4);
      for (const Called &each : calls)
        fail_unless(each.lent);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_lent_memory_goes_on_where_the_worker_only_reads) {
  Stream stream("reader", {}, isolated());
  Upstream upstream(stream.get(), stream.audio());
  GstBuffer *out = stream.through(upstream.buffer(stream.audio()));
  fail_unless(is_lent(out));
  expect_samples(out, stream.audio(), number_at);
  gst_buffer_unref(out);
  fail_unless(calls_on(stream.bus())[0].lent);
}
GST_END_TEST;

GST_START_TEST(test_buffer_that_is_no_audio_takes_no_lent_memory_along) {
  Stream stream("gain", {}, isolated({{"on-error", "passthrough"}}));
  Upstream upstream(stream.get(), stream.audio());
  GstBuffer *buffer = upstream.buffer(stream.audio());
  gst_buffer_set_size(buffer, 13);
  GstBuffer *out = stream.through(buffer);
  fail_unless(!is_lent(out));
  fail_unless_equals_int(int(gst_buffer_get_size(out)), 13);
  gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_memory_is_not_offered_in_this_process) {
  Stream stream("gain", {}, {{"isolation", "none"}});
  GstPad *pad = gst_element_get_static_pad(stream.get(), "sink");
  GstCaps *caps = stream.audio().caps();
  GstQuery *query = gst_query_new_allocation(caps, TRUE);
  gst_pad_query(pad, query);
  GstAllocator *allocator = nullptr;
  if (gst_query_get_n_allocation_params(query) > 0)
    gst_query_parse_nth_allocation_param(query, 0, &allocator, nullptr);
  fail_unless(allocator == nullptr);
  gst_query_unref(query);
  gst_caps_unref(caps);
  gst_object_unref(pad);
}
GST_END_TEST;

GST_START_TEST(test_allocation_params_are_honoured) {
  Stream stream("gain", {}, isolated());
  Upstream upstream(stream.get(), stream.audio());
  for (const gsize align : {gsize(0), gsize(15), gsize(63), gsize(4095)}) {
    for (const gsize prefix : {gsize(0), gsize(24)}) {
      GstAllocationParams params = {
          GstMemoryFlags(GST_MEMORY_FLAG_ZERO_PREFIXED |
                         GST_MEMORY_FLAG_ZERO_PADDED),
          align,
          prefix,
          40,
          {}};
      GstMemory *memory = upstream.memory(1000, params);
      fail_unless(gst_memory_is_type(memory, "PythonWorkerMemory"));
      gsize offset, most;
      fail_unless_equals_int(int(gst_memory_get_sizes(memory, &offset, &most)),
                             1000);
      fail_unless(offset == prefix && most >= prefix + 1000 + 40);
      GstMapInfo map;
      fail_unless(gst_memory_map(memory, &map, GST_MAP_READWRITE));
      const guint8 *whole = map.data - prefix;
      fail_unless((guintptr(whole) & align) == 0);
      for (gsize i = 0; i < prefix; i++)
        fail_unless(whole[i] == 0);
      for (gsize i = 0; i < 40; i++)
        fail_unless(map.data[1000 + i] == 0);
      memset(map.data, 1, 1000);
      gst_memory_unmap(memory, &map);
      gst_memory_unref(memory);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_parts_share_the_memory_and_copies_do_not) {
  Stream stream("gain", {}, isolated());
  Upstream upstream(stream.get(), stream.audio());
  GstBuffer *whole = upstream.buffer(stream.audio(), 64);
  GstMemory *memory = gst_buffer_peek_memory(whole, 0);
  GstMapInfo all, part;
  gst_memory_map(memory, &all, GST_MAP_READ);
  GstMemory *shared = gst_memory_share(memory, 16, 32);
  GstMemory *next = gst_memory_share(memory, 48, -1);
  GstMemory *within = gst_memory_share(shared, 8, 8);
  fail_unless(gst_memory_map(within, &part, GST_MAP_READ));
  fail_unless(part.data == all.data + 24 && part.size == 8);
  gst_memory_unmap(within, &part);
  gsize offset = 0;
  fail_unless(gst_memory_is_span(shared, next, &offset));
  fail_unless(offset == 16);
  GstMemory *copy = gst_memory_copy(shared, 4, -1);
  fail_unless(gst_memory_map(copy, &part, GST_MAP_READ));
  fail_unless(part.size == 28 && part.data != all.data + 20);
  fail_unless(memcmp(part.data, all.data + 20, 28) == 0);
  fail_unless(!gst_memory_is_type(copy, "PythonWorkerMemory"));
  gst_memory_unmap(copy, &part);
  gst_memory_unmap(memory, &all);
  // The parts keep the whole.
  gst_buffer_unref(whole);
  for (GstMemory *each : {copy, shared, next, within})
    gst_memory_unref(each);
}
GST_END_TEST;

GST_START_TEST(test_lent_memory_outlives_the_element) {
  GstBuffer *kept;
  Audio audio;
  {
    Stream stream("reader", {}, isolated());
    audio = stream.audio();
    Upstream upstream(stream.get(), audio);
    kept = stream.through(upstream.buffer(audio));
  }
  fail_unless(is_lent(kept));
  expect_samples(kept, audio, number_at);
  gst_buffer_unref(kept);
}
GST_END_TEST;

GST_START_TEST(test_other_memory_does_where_none_is_lent) {
  Stream poor("poor", {}, isolated());
  Upstream upstream(poor.get(), poor.audio());
  GstBuffer *buffer = upstream.buffer(poor.audio());
  fail_unless(!is_lent(buffer));
  gst_buffer_unref(poor.through(buffer));
  fail_unless(!calls_on(poor.bus())[0].lent);

  // A pool that goes on when the plugin has gone.
  Stream stream("gain", {}, isolated());
  Upstream late(stream.get(), stream.audio());
  fail_unless(stream.to(GST_STATE_NULL));
  buffer = late.buffer(stream.audio());
  fail_unless(!is_lent(buffer));
  gst_buffer_unref(buffer);
}
GST_END_TEST;

GST_START_TEST(test_sources_upstream_use_what_they_are_offered) {
  for (const char *factory : {"pythonfilter", "pythonsink"}) {
    Pipeline pipeline(
        "audiotestsrc num-buffers=3 ! audio/x-raw,rate=48000,format=F32LE ! " +
        line_of(factory, "reader", "isolation=process") +
        (strcmp(factory, "pythonsink") ? " ! fakesink" : ""));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    std::vector<Called> calls;
    fail_unless(wait_until([&] {
      for (const Called &each : calls_on(pipeline.bus()))
        calls.push_back(each);
      return calls.size() >= 3;
    }));
    for (const Called &each : calls)
      fail_unless(each.lent, "%s", factory);
  }
}
GST_END_TEST;

static Suite *isolation_suite() {
  Suite *suite = suite_create("isolation");
  TCase *patience = new_case(suite, "patience");
  tcase_add_test(patience,
                 test_patience_is_the_deadline_or_what_live_leaves_room_for);
  tcase_add_test(patience, test_deadline_changes_while_buffers_flow);
  tcase_add_test(patience, test_deadline_is_in_the_latency_of_a_live_pipeline);
  tcase_add_test(patience, test_calls_that_are_late_do_not_add_up);
  tcase_add_test(patience, test_source_and_sink_have_patience_too);
  TCase *failures = new_case(suite, "failures");
  tcase_add_test(failures, test_policy_is_for_a_late_and_a_lost_worker_too);
  tcase_add_test(failures, test_late_is_a_glitch_and_no_end);
  tcase_add_test(failures, test_a_lost_worker_is_told_at_once_after_late_ones);
  tcase_add_test(failures, test_error_says_how_the_stream_could_go_on);
  tcase_add_test(failures, test_worker_that_is_gone_is_an_error_by_any_policy);
  tcase_add_test(failures,
                 test_nothing_unprocessed_leaves_a_plugin_that_fails_closed);
  TCase *stats = new_case(suite, "stats");
  tcase_add_test(stats, test_stats_tell_of_the_worker);
  TCase *memory = new_case(suite, "memory");
  tcase_add_test(memory, test_lent_memory_goes_in_and_never_out);
  tcase_add_test(memory, test_lent_memory_goes_on_where_the_worker_only_reads);
  tcase_add_test(memory,
                 test_buffer_that_is_no_audio_takes_no_lent_memory_along);
  tcase_add_test(memory, test_memory_is_not_offered_in_this_process);
  tcase_add_test(memory, test_allocation_params_are_honoured);
  tcase_add_test(memory, test_parts_share_the_memory_and_copies_do_not);
  tcase_add_test(memory, test_lent_memory_outlives_the_element);
  tcase_add_test(memory, test_other_memory_does_where_none_is_lent);
  tcase_add_test(memory, test_sources_upstream_use_what_they_are_offered);
  return suite;
}

GST_CHECK_MAIN(isolation)
