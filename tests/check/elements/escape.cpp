// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin that keeps something of a buffer after the call keeps valid memory
// with the values it saw; downstream gets memory of its own.
#include "../support/harness.hpp"

using namespace check;

namespace {

struct Way {
  const char *name;
  bool writable = true;  // a plugin can write through it later
};

const Way ways[] = {
    {"data"},         {"slice"},    {"slice-of-slice"},
    {"transposed"},   {"row"},      {"memoryview", false},
    {"asarray"},      {"reshaped"}, {"iterator", false},
    {"owner", false}, {"buffer"},
};
const int way_count = int(std::size(ways));

const int calls = soak_count(4, 20);

std::string kept_all() {
  return "kept " + std::to_string(calls) + ", ";
}

Properties keeping(const std::string &what, const char *more = "") {
  return {{"params", "p,keep=(string)" + what + more}};
}

std::vector<Audio> layouts() {
  return {{"F32", false, 2}, {"F32", true, 2}, {"S16", false, 1}};
}

void expect_told_once(const Stream &stream) {
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1, "%s", reports.text().c_str());
  fail_unless(reports[0].type == GST_MESSAGE_WARNING);
  fail_unless(reports[0].domain == GST_STREAM_ERROR);
  expect_part(reports[0].text, "keeper.py");
  expect_part(reports[0].text, "keeps");
}

// A number that says which buffer it is in.
Number numbered(int i) {
  return [i](int c, size_t frame) { return number_at(c, frame) + i; };
}
Number numbered_doubled(int i) {
  return [i](int c, size_t frame) { return 2 * (number_at(c, frame) + i); };
}

GstBuffer *next_from(GstBufferPool *pool, const Audio &audio, int i) {
  GstBufferPoolAcquireParams params = {};
  params.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  GstBuffer *buffer;
  const GstFlowReturn flow =
      gst_buffer_pool_acquire_buffer(pool, &buffer, &params);
  fail_unless(flow == GST_FLOW_OK, "buffer %d: the pool is empty", i);
  const GstAudioInfo info = audio.info();
  if (audio.planar) gst_buffer_add_audio_meta(buffer, &info, 64, nullptr);
  fill(buffer, audio, numbered(i));
  return buffer;
}

GstBufferPool *new_pool(const Audio &audio, guint size) {
  GstBufferPool *pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  GstCaps *caps = audio.caps();
  gst_buffer_pool_config_set_params(
      config, caps, guint(64 * audio.width() * size_t(audio.channels)), size,
      size);
  gst_caps_unref(caps);
  fail_unless(gst_buffer_pool_set_config(pool, config));
  fail_unless(gst_buffer_pool_set_active(pool, TRUE));
  return pool;
}

void close_pool(GstBufferPool *pool) {
  gst_buffer_pool_set_active(pool, FALSE);
  gst_object_unref(pool);
}

}  // namespace

GST_START_TEST(test_what_a_plugin_keeps_stays_as_it_was_for_many_buffers) {
  const Way &way = ways[__i__];
  for (const Audio &audio : layouts()) {
    clear_log();
    Stream stream(plugin_file("keeper.py"), audio, keeping(way.name));
    for (int i = 0; i < calls; i++) {
      GstBuffer *in = empty_buffer(audio, 64);
      fill(in, audio, numbered(i));
      GstBuffer *out = stream.through(in);
      expect_samples(out, audio, numbered_doubled(i));
      // Downstream writes to what it got, too.
      fail_unless(gst_buffer_is_writable(out));
      fill(out, audio, silence);
      gst_buffer_unref(out);
    }
    fail_unless_equals_uint64(stream.stat("escapes"), calls);
    expect_told_once(stream);
    stream.to(GST_STATE_NULL);
    expect_part(log_text(), kept_all());
    fail_unless(!contains(log_text(), "changed"), "%s", log_text().c_str());
  }
}
GST_END_TEST;

GST_START_TEST(test_later_writes_into_a_kept_array_do_not_reach_downstream) {
  const Way &way = ways[__i__];
  for (const Audio &audio : way.writable ? layouts() : std::vector<Audio>()) {
    clear_log();
    Stream stream(plugin_file("keeper.py"), audio,
                  keeping(way.name, ",scribble=true"));
    std::vector<GstBuffer *> outs;
    for (int i = 0; i < calls; i++)
      outs.push_back(stream.through(new_buffer(audio)));
    for (GstBuffer *out : outs) {
      expect_samples(out, audio, doubled);
      gst_buffer_unref(out);
    }
    stream.to(GST_STATE_NULL);
    fail_unless(!contains(log_text(), "changed"), "%s", log_text().c_str());
  }
}
GST_END_TEST;

GST_START_TEST(test_kept_memory_does_not_go_back_to_a_small_pool) {
  const Way &way = ways[__i__];
  for (const char *plugin : {"keeper.py", "keeping_meter.py"}) {
    const bool writes = !strcmp(plugin, "keeper.py");
    for (const Audio &audio : layouts()) {
      clear_log();
      GstBufferPool *pool = new_pool(audio, 2);
      {
        Stream stream(plugin_file(plugin), audio, keeping(way.name));
        for (int i = 0; i < calls; i++) {
          GstBuffer *out = stream.through(next_from(pool, audio, i));
          expect_samples(out, audio,
                         writes ? numbered_doubled(i) : numbered(i));
          gst_buffer_unref(out);
        }
        stream.to(GST_STATE_NULL);
        expect_part(log_text(), kept_all());
        fail_unless(!contains(log_text(), "changed"), "%s %s: %s", plugin,
                    audio.name().c_str(), log_text().c_str());
      }
      close_pool(pool);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_read_only_plugin_keeps_what_downstream_then_writes_to) {
  const Way &way = ways[__i__];
  for (const Audio &audio : layouts()) {
    clear_log();
    Stream stream(plugin_file("keeping_meter.py"), audio, keeping(way.name));
    for (int i = 0; i < calls; i++) {
      GstBuffer *in = empty_buffer(audio, 64);
      fill(in, audio, numbered(i));
      GstBuffer *out = stream.through(in);
      fail_unless(out == in);
      expect_samples(out, audio, numbered(i));
      out = gst_buffer_make_writable(out);
      fill(out, audio, silence);
      expect_samples(out, audio, silence);
      gst_buffer_unref(out);
    }
    fail_unless_equals_uint64(stream.stat("escapes"), calls);
    stream.to(GST_STATE_NULL);
    expect_part(log_text(), kept_all());
    fail_unless(!contains(log_text(), "changed"), "%s", log_text().c_str());
  }
}
GST_END_TEST;

GST_START_TEST(test_kept_copies_of_odd_buffers_stay_as_well) {
  const Way &way = ways[__i__];
  const Audio audio = {"S16", false, 2};
  Stream stream(plugin_file("keeper.py"), audio, keeping(way.name));
  for (int i = 0; i < calls; i++) {
    auto *data = static_cast<guint8 *>(g_malloc(257));
    GstBuffer *in = gst_buffer_new_wrapped_full(GstMemoryFlags(0), data, 257, 1,
                                                256, data, g_free);
    fill(in, audio, numbered(i));
    GstBuffer *out = stream.through(in);
    expect_samples(out, audio, numbered_doubled(i));
    gst_buffer_unref(out);
  }
  fail_unless_equals_uint64(stream.stat("escapes"), calls);
  fail_unless_equals_uint64(stream.stat("copies"), calls);
  stream.to(GST_STATE_NULL);
  fail_unless(!contains(log_text(), "changed"), "%s", log_text().c_str());
}
GST_END_TEST;

GST_START_TEST(test_buffer_and_array_stay_the_same_while_nothing_is_kept) {
  for (const Audio &audio : layouts()) {
    clear_log();
    Stream stream(plugin_file("keeper.py"), audio);
    for (int i = 0; i < calls; i++)
      stream.expect_through(doubled, size_t(32 + i));
    fail_unless_equals_uint64(stream.stat("escapes"), 0);
    stream.expect_no_reports();
    stream.to(GST_STATE_NULL);
    expect_text(log_text(), "kept 0, 1 identities\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_only_the_calls_that_keep_something_are_escapes) {
  Stream stream(plugin_file("keeper.py"));
  for (guint64 i = 1; i <= 3; i++) {
    stream.set("params", "p,keep=data");
    stream.expect_through(doubled);
    stream.set("params", "p,keep=nothing");
    stream.expect_through(doubled);
    stream.expect_through(doubled);
    fail_unless_equals_uint64(stream.stat("escapes"), i);
  }
  expect_told_once(stream);
}
GST_END_TEST;

GST_START_TEST(test_kept_array_outlives_plugin_and_element) {
  for (const char *plugin : {"keeper.py", "keeping_meter.py"}) {
    clear_log();
    {
      Stream stream(plugin_file(plugin), {}, keeping("data", ",outlive=true"));
      for (int i = 0; i < calls; i++) {
        GstBuffer *out = stream.through(new_buffer(stream.audio()));
        gst_buffer_unref(out);
      }
    }
    // Memory that was freed would most likely be used again here.
    std::vector<std::string> others(100, std::string(512, 'x'));
    Element(plugin_file("last_look.py")).to(GST_STATE_READY);
    expect_part(log_text(), std::to_string(calls) + " of " +
                                std::to_string(calls) + " unchanged\n");
  }
}
GST_END_TEST;

// As many references to it as always, but one of them is the plugin's.
GST_START_TEST(test_a_kept_array_that_was_replaced_is_noticed) {
  Stream stream(write_file("replacing.py",
                           "kept = []\n"
                           "def process_audio(buffer):\n"
                           "    kept.append(buffer.data)\n"
                           "    buffer.data = buffer.data * 2\n"));
  for (int i = 0; i < 3; i++)
    stream.expect_through(doubled);
  fail_unless_equals_uint64(stream.stat("escapes"), 3);
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1, "%s", reports.text().c_str());
  expect_part(reports[0].text, "keeps an array");
}
GST_END_TEST;

// What an AudioBuffer knows of the stream is the element's, not the plugin's.
GST_START_TEST(test_stream_facts_that_a_plugin_rebinds_are_put_back) {
  for (const char *statement :
       {"buffer._stream = None", "del buffer._stream",
        "buffer._stream = buffer.data", "kept.append(buffer._stream)",
        "buffer._stream, buffer.data = None, buffer.data.copy()"}) {
    clear_log();
    Stream stream(
        write_file("rebinding.py", std::string("from checklog import say\n"
                                               "kept = []\n"
                                               "def process_audio(buffer):\n"
                                               "    say(buffer.pts)\n"
                                               "    ") +
                                       statement + "\n"));
    for (int i = 0; i < 3; i++) {
      GstBuffer *in = new_buffer(stream.audio());
      GST_BUFFER_PTS(in) = GstClockTime(i);
      gst_buffer_unref(stream.through(in));
    }
    expect_text(log_text(), "0\n1\n2\n");
    fail_unless_equals_uint64(stream.stat("escapes"), 0);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

static Suite *escape_suite() {
  Suite *suite = suite_create("escape");
  TCase *kept = new_case(suite, "kept");
  tcase_add_loop_test(kept,
                      test_what_a_plugin_keeps_stays_as_it_was_for_many_buffers,
                      0, way_count);
  tcase_add_loop_test(
      kept, test_later_writes_into_a_kept_array_do_not_reach_downstream, 0,
      way_count);
  tcase_add_loop_test(kept, test_kept_memory_does_not_go_back_to_a_small_pool,
                      0, way_count);
  tcase_add_loop_test(
      kept, test_read_only_plugin_keeps_what_downstream_then_writes_to, 0,
      way_count);
  add_loop_test_here(kept, test_kept_copies_of_odd_buffers_stay_as_well, 0,
                     way_count, "samples always go there and back");
  tcase_add_test(kept, test_only_the_calls_that_keep_something_are_escapes);
  tcase_add_test(kept, test_a_kept_array_that_was_replaced_is_noticed);
  add_test_here(kept, test_kept_array_outlives_plugin_and_element,
                "nothing of a worker outlives its last plugin");
  TCase *not_kept = new_case(suite, "nothing kept");
  add_test_here(not_kept,
                test_buffer_and_array_stay_the_same_while_nothing_is_kept,
                "its array is over memory that it shares with its worker, not "
                "the buffer's");
  tcase_add_test(not_kept,
                 test_stream_facts_that_a_plugin_rebinds_are_put_back);
  return suite;
}

GST_CHECK_MAIN(escape)
