// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonsrc makes: caps, sizes, exact samples in pooled memory, and times
// that do not drift.
#include <set>

#include "../support/clock.hpp"

using namespace check;

namespace {

std::string counting(const std::string &properties) {
  return line_of("pythonsrc", plugin_file("counting_source.py"), properties);
}

// Caps that leave nothing open.
std::string fixed(const Audio &audio) {
  GstCaps *caps = audio.caps();
  char *text = gst_caps_to_string(caps);
  const std::string result = std::string("capsfilter caps=\"") + text + "\"";
  g_free(text);
  gst_caps_unref(caps);
  return result;
}

std::string one_method(const std::string &attributes) {
  return write_file("narrow.py", "class Narrow:\n    " + attributes +
                                     "\n    def read_audio(self, buffer):\n"
                                     "        buffer.data[:] = 0\n");
}

}  // namespace

// ---- caps -------------------------------------------------------------------

namespace {

struct Negotiation {
  const char *attributes;  // of the plugin's class
  const char *downstream;
  Audio want;
};

#define GETTER(name, value) "def " name "(self): return " value "\n    "

const Negotiation negotiations[] = {
    {"pass", "audio/x-raw", {"F32", false, 2, 48000}},
    {GETTER("get_sample_rate", "22050") GETTER("get_channel_count", "1"),
     "audio/x-raw",
     {"F32", false, 1, 22050}},
    {GETTER("get_sample_rate", "22050") GETTER("get_channels", "5"),
     "audio/x-raw",
     {"F32", false, 5, 22050}},
    {GETTER("getSampleRate", "22050") GETTER("getChannelCount", "3"),
     "audio/x-raw",
     {"F32", false, 3, 22050}},
    // Downstream knows better, ...
    {GETTER("get_sample_rate", "22050") GETTER("get_channel_count", "1"),
     "audio/x-raw,rate=44100,channels=2",
     {"F32", false, 2, 44100}},
    {"pass", "audio/x-raw,layout=non-interleaved", {"F32", true, 2, 48000}},
    {GETTER("get_sample_rate", "22050"),
     "audio/x-raw,rate=[32000,96000]",
     {"F32", false, 2, 32000}},
    // ... but its favourite is not all that it takes.
    {GETTER("get_sample_rate", "22050"),
     "audio/x-raw,rate=96000;audio/x-raw,rate=[8000,96000]",
     {"F32", false, 2, 22050}},
    // Nonsense is as good as silence.
    {GETTER("get_sample_rate", "-1") GETTER("get_channel_count", "'two'"),
     "audio/x-raw",
     {"F32", false, 2, 48000}},
    {GETTER("get_channel_count", "99"), "audio/x-raw", {"F32", false, 64}},
    // Class attributes narrow; the order of formats is the plugin's wish.
    {"rates = (8000, 16000)", "audio/x-raw", {"F32", false, 2, 16000}},
    {"rates = range(8000, 96001)",
     "audio/x-raw,rate=[1,11025]",
     {"F32", false, 2, 11025}},
    {"channels = 1", "audio/x-raw", {"F32", false, 1}},
    {"channels = (4, 6)", "audio/x-raw", {"F32", false, 4}},
    {"formats = 'S16'", "audio/x-raw", {"S16", false, 2}},
    {"formats = ('S16', 'F64', 'F32')", "audio/x-raw", {"S16", false, 2}},
    {"formats = ('F32', 'S32')",
     "audio/x-raw,format={S32LE,S32BE}",
     {"S32", false, 2}},
    {"layouts = 'non-interleaved'", "audio/x-raw", {"F32", true, 2}},
    {"formats = ('S16', 'F32'); layouts = ('non-interleaved',)",
     "audio/x-raw,format={F32LE,F32BE}",
     {"F32", true, 2}},
};

}  // namespace

GST_START_TEST(test_caps_are_the_plugins_own_where_downstream_leaves_a_choice) {
  for (const Negotiation &row : negotiations) {
    Pipeline pipeline(
        line_of("pythonsrc", one_method(row.attributes), "num-buffers=1") +
        " ! capsfilter caps=\"" + row.downstream + "\" ! fakesink");
    pipeline.expect_to(GST_STATE_PAUSED);
    GstCaps *caps = caps_on(pipeline.python(), "src");
    char *shown = gst_caps_to_string(caps);
    GstAudioInfo got;
    fail_unless(gst_audio_info_from_caps(&got, caps), "%s", shown);
    const GstAudioInfo want = row.want.info();
    fail_unless(got.finfo == want.finfo && got.layout == want.layout &&
                    got.rate == want.rate && got.channels == want.channels,
                "%s, %s: %s", row.attributes, row.downstream, shown);
    g_free(shown);
    gst_caps_unref(caps);
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

GST_START_TEST(test_more_than_two_channels_have_positions) {
  for (const auto &[downstream, mask] :
       {std::pair("audio/x-raw,channels=6", guint64(0x3f)),
        {"audio/x-raw,channels=4,channel-mask=(bitmask)0xf", 0xf},
        {"audio/x-raw,channels=4,channel-mask=(bitmask)0", 0}}) {
    Pipeline pipeline(
        line_of("pythonsrc", one_method("pass"), "num-buffers=1") +
        " ! capsfilter caps=\"" + downstream + "\" ! fakesink");
    pipeline.expect_to(GST_STATE_PAUSED);
    GstCaps *caps = caps_on(pipeline.python(), "src");
    guint64 got = 99;
    fail_unless(gst_structure_get(gst_caps_get_structure(caps, 0),
                                  "channel-mask", GST_TYPE_BITMASK, &got,
                                  nullptr));
    fail_unless_equals_uint64(got, mask);
    gst_caps_unref(caps);
  }
}
GST_END_TEST;

GST_START_TEST(test_caps_that_downstream_does_not_take_are_an_error) {
  Pipeline pipeline(line_of("pythonsrc", one_method("channels = 1")) +
                    " ! capsfilter caps=audio/x-raw,channels=2 ! fakesink");
  pipeline.to(GST_STATE_PLAYING);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  gst_message_unref(message);
}
GST_END_TEST;

GST_START_TEST(test_plugin_is_told_what_was_negotiated_before_its_start) {
  Pipeline pipeline(counting("num-buffers=1 params=\"p,rate=22050,size=99\"") +
                    " ! audio/x-raw,rate=44100,channels=3 ! fakesink");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(),
              "set_sample_rate 44100\nset_channel_count 3\n"
              "set_buffer_size 99\n");
}
GST_END_TEST;

// ---- size of the buffers ----------------------------------------------------

namespace {

struct Size {
  const char *properties;
  guint64 frames;
};

const Size sizes[] = {
    {"", 512},
    {"params=\"p,size=441\"", 441},
    {"params=\"p,size=1\"", 1},
    {"params=\"p,size=0\"", 512},
    {"params=\"p,size=-5\"", 512},
    {"params=\"p,size=441\" blocksize=800", 100},
    {"blocksize=7", 1},
    {"blocksize=17", 2},
};

}  // namespace

GST_START_TEST(test_frames_are_the_plugins_or_the_blocksize_in_bytes) {
  for (const Size &row : sizes) {
    clear_log();
    Pipeline pipeline(counting(std::string("num-buffers=3 ") + row.properties) +
                      " ! audio/x-raw,format={F32LE,F32BE},channels=2"
                      " ! fakesink");
    const Output output(pipeline.python());
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    fail_unless_equals_int(output.count(), 3);
    for (const Seen &seen : output.all())
      fail_unless(seen.offset_end - seen.offset == row.frames, "%s: %d",
                  row.properties, int(seen.offset_end - seen.offset));
    expect_part(log_text(),
                "set_buffer_size " + std::to_string(row.frames) + "\n");
  }
}
GST_END_TEST;

// ---- samples ----------------------------------------------------------------

namespace {

const char *const ways[] = {"inplace", "rebind", "returned"};

Number counted_from(guint64 offset) {
  return [offset](int c, size_t i) { return number_at(c, offset + i); };
}

}  // namespace

GST_START_TEST(test_samples_are_exact_in_every_format_and_layout) {
  const std::string how = ways[__i__];
  for (const Audio &audio : every_audio()) {
    guint64 frames = 0;
    Pipeline pipeline(
        counting("num-buffers=5 params=\"p,size=333,how=" + how + "\"") +
        " ! " + fixed(audio) + " ! fakesink");
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      fail_unless_equals_int(frames_of(buffer, audio), 333);
      expect_samples(buffer, audio, counted_from(frames));
      frames += 333;
    });
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    fail_unless_equals_uint64(frames, 5 * 333);
    for (const auto &[name, value] : {std::pair("buffers", guint64(5)),
                                      {"frames", 5 * 333},
                                      {"copies", 0},
                                      {"escapes", 0},
                                      {"errors", 0},
                                      {"dropped", 0}})
      fail_unless(pipeline.stat(name) == value, "%s: %s is %d",
                  audio.name().c_str(), name, int(pipeline.stat(name)));
  }
}
GST_END_TEST;

GST_START_TEST(test_plugin_fills_the_very_memory_that_goes_downstream) {
  const std::string file = write_file("address.py", R"(
from checklog import say
def read_audio(buffer):
    buffer.data[:] = 1
    say(buffer.data.ctypes.data)
)");
  std::string want;
  Pipeline pipeline(line_of("pythonsrc", file, "num-buffers=20") +
                    " ! fakesink");
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    GstMapInfo map;
    fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
    want += std::to_string(reinterpret_cast<guintptr>(map.data)) + "\n";
    gst_buffer_unmap(buffer, &map);
  });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(), want);
}
GST_END_TEST;

GST_START_TEST(test_a_few_memories_come_back_from_the_pool) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar};
    std::set<GstMemory *> memories;
    guint64 frames = 0;
    Pipeline pipeline(counting("num-buffers=200") + " ! " + fixed(audio) +
                      " ! fakesink");
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      fail_unless(gst_buffer_get_size(buffer) == 512 * 2 * 4);
      fail_unless(gst_buffer_is_writable(buffer));
      fail_unless(buffer->pool != nullptr, "not from a pool");
      memories.insert(gst_buffer_peek_memory(buffer, 0));
      expect_samples(buffer, audio, counted_from(frames));
      frames += 512;
    });
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    fail_unless(memories.size() <= 3, "%d memories", int(memories.size()));
    fail_unless_equals_uint64(pipeline.stat("copies"), 0);
  }
}
GST_END_TEST;

namespace {

// Of `size` bytes each, and never more than two of them.
GstBufferPool *offered_pool(GstCaps *caps, guint size) {
  GstBufferPool *pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, 2, 2);
  gst_buffer_pool_set_config(pool, config);
  return pool;
}

GstPadProbeReturn offer_pool(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
  const guint size = *static_cast<guint *>(data);
  GstCaps *caps;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstBufferPool *pool = offered_pool(caps, size);
  gst_query_add_allocation_pool(query, pool, size, 2, 2);
  gst_object_unref(pool);
  return GST_PAD_PROBE_HANDLED;
}

void let_sink_offer_pool(const Pipeline &pipeline, guint *size) {
  GstPad *pad = gst_element_get_static_pad(pipeline.python(), "src");
  GstPad *peer = gst_pad_get_peer(pad);
  gst_pad_add_probe(peer, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, offer_pool, size,
                    nullptr);
  gst_object_unref(peer);
  gst_object_unref(pad);
}

}  // namespace

GST_START_TEST(test_downstreams_pool_is_used_whatever_the_size_of_its_buffers) {
  const Audio audio = {"F32", __i__ == 1};
  for (guint size : {0u, 8u, 4096u, 10000u}) {
    std::set<GstMemory *> memories;
    guint64 frames = 0;
    Pipeline pipeline(counting("num-buffers=50") + " ! " + fixed(audio) +
                      " ! fakesink");
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      fail_unless_equals_int(gst_buffer_get_size(buffer), 512 * 2 * 4);
      expect_samples(buffer, audio, counted_from(frames));
      memories.insert(gst_buffer_peek_memory(buffer, 0));
      frames += 512;
    });
    let_sink_offer_pool(pipeline, &size);
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    fail_unless_equals_uint64(frames, 50 * 512);
    fail_unless(memories.size() <= 2, "%d memories", int(memories.size()));
  }
}
GST_END_TEST;

GST_START_TEST(test_null_comes_while_all_buffers_of_the_pool_are_downstream) {
  guint size = 4096;
  std::vector<GstBuffer *> held;
  {
    Pipeline pipeline(counting("") + " ! fakesink");
    let_sink_offer_pool(pipeline, &size);
    std::mutex mutex;
    on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
      std::lock_guard<std::mutex> lock(mutex);
      held.push_back(gst_buffer_ref(buffer));
    });
    pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(wait_until([&] {
      std::lock_guard<std::mutex> lock(mutex);
      return held.size() == 2;
    }));
    a_moment();  // until it waits for a third one
    pipeline.expect_null();
  }
  for (GstBuffer *buffer : held)
    gst_buffer_unref(buffer);
}
GST_END_TEST;

GST_START_TEST(test_arrays_that_the_plugin_keeps_stay_as_they_were) {
  for (bool planar : {false, true}) {
    for (guint size : {0u, 4096u}) {  // 0: no pool of downstream's
      clear_log();
      const Audio audio = {"F32", planar};
      guint64 frames = 0;
      Pipeline pipeline(counting("num-buffers=50 params=\"p,keep=true\"") +
                        " ! " + fixed(audio) + " ! fakesink");
      on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
        expect_samples(buffer, audio, counted_from(frames));
        // Downstream writes to what it got, too.
        fail_unless(gst_buffer_is_writable(buffer));
        fill(buffer, audio, silence);
        frames += 512;
      });
      if (size) let_sink_offer_pool(pipeline, &size);
      pipeline.expect_to(GST_STATE_PLAYING);
      pipeline.expect_eos();
      fail_unless_equals_uint64(frames, 50 * 512);
      fail_unless_equals_uint64(pipeline.stat("escapes"), 50);
      pipeline.expect_null();
      expect_part(log_text(), "50 of 50 unchanged\n");
    }
  }
}
GST_END_TEST;

// ---- time -------------------------------------------------------------------

namespace {

struct Paced {
  int rate;
  guint frames;
  guint64 seconds;
};

const Paced paced[] = {
    {44100, 441, 3700},
    {44100, 512, 3700},
    {44100, 1, 5},
    {97, 1, 3700},
};

}  // namespace

GST_START_TEST(test_times_are_those_of_the_sample_however_long_it_runs) {
  const Paced &row = paced[__i__];
  const guint64 rate = guint64(row.rate);
  const guint64 all = row.seconds * rate / row.frames;
  const guint64 buffers = soak_count(std::min<guint64>(all, 4000), all);
  const std::string file =
      write_file("nothing.py", "def read_audio(buffer): pass\n");
  guint64 count = 0;
  Pipeline pipeline(
      line_of("pythonsrc", file,
              "num-buffers=" + std::to_string(buffers) +
                  " blocksize=" + std::to_string(4 * row.frames)) +
      " ! audio/x-raw,channels=1,rate=" + std::to_string(row.rate) +
      " ! fakesink sync=false");
  const auto time_of = [&](guint64 sample) {
    return gst_util_uint64_scale_round(sample, GST_SECOND, rate);
  };
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const guint64 first = count * row.frames;
    const GstClockTime begin = time_of(first);
    const GstClockTime end = time_of(first + row.frames);
    if (GST_BUFFER_OFFSET(buffer) != first ||
        GST_BUFFER_OFFSET_END(buffer) != first + row.frames ||
        GST_BUFFER_PTS(buffer) != begin ||
        GST_BUFFER_DURATION(buffer) != end - begin ||
        bool(GST_BUFFER_IS_DISCONT(buffer)) != (count == 0))
      fail("buffer %d: pts %" GST_TIME_FORMAT ", offset %d", int(count),
           GST_TIME_ARGS(GST_BUFFER_PTS(buffer)),
           int(GST_BUFFER_OFFSET(buffer)));
    count++;
  });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  fail_unless_equals_uint64(count, buffers);
  fail_unless_equals_uint64(pipeline.stat("frames"), buffers * row.frames);
}
GST_END_TEST;

GST_START_TEST(test_plugin_sees_the_time_and_place_of_the_buffer_it_fills) {
  const std::string file = write_file("times.py", R"(
from checklog import say
def read_audio(buffer):
    say(buffer.pts, buffer.duration, buffer.offset, buffer.discont,
        buffer.sample_rate)
)");
  Pipeline pipeline(line_of("pythonsrc", file, "num-buffers=3 blocksize=400") +
                    " ! audio/x-raw,channels=1,rate=10000 ! fakesink");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(),
              "0 10000000 0 True 10000\n10000000 10000000 100 False 10000\n"
              "20000000 10000000 200 False 10000\n");
}
GST_END_TEST;

GST_START_TEST(test_time_begins_anew_after_ready) {
  Pipeline pipeline(counting("num-buffers=5") + " ! fakesink");
  for (int life = 0; life < 3; life++) {
    const Output output(pipeline.python());
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_eos();
    const auto seen = output.all();
    fail_unless_equals_int(seen.size(), 5);
    fail_unless_equals_uint64(seen[0].pts, 0);
    fail_unless_equals_uint64(seen[0].offset, 0);
    fail_unless(seen[0].discont);
    pipeline.expect_to(life == 0 ? GST_STATE_READY : GST_STATE_NULL);
  }
}
GST_END_TEST;

GST_START_TEST(test_do_timestamp_gives_the_time_of_capture) {
  // sourceclock.cpp has the live ones. The base time is 0 from the beginning:
  // the pipeline would set it in the sink before it does in the source, which
  // makes as many buffers between the two as it gets time for.
  const std::string file =
      write_file("nothing.py", "def read_audio(buffer): pass\n");
  const Clocked pipeline(
      line_of("pythonsrc", file,
              "num-buffers=6 do-timestamp=true blocksize=384") +
      " ! audio/x-raw,rate=48000,channels=2 ! fakesink sync=false");
  gst_element_set_start_time(pipeline.get(), GST_CLOCK_TIME_NONE);
  const Output output(pipeline.python());
  on_buffers(pipeline.python(), "src",
             [&](GstBuffer *) { pipeline.advance(50 * GST_MSECOND); });
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  const auto seen = output.all();
  fail_unless_equals_int(seen.size(), 6);
  // It is the time of the first frame, but never before 0, as that of the first
  // one would be.
  fail_unless_equals_uint64(seen[0].pts, 0);
  for (size_t i = 1; i < seen.size(); i++) {
    fail_unless_equals_uint64(seen[i].pts, i * 50 * GST_MSECOND - GST_MSECOND);
    fail_unless_equals_uint64(seen[i].offset, i * 48);
    fail_unless_equals_uint64(seen[i].duration, GST_MSECOND);
  }
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
    {"is-live", "true"},
    {"is-live", "false"},
    {"do-timestamp", "true"},
    {"num-buffers", "42"},
    {"blocksize", "4096"},
};

}  // namespace

GST_START_TEST(test_properties_read_back_what_was_set) {
  GstElement *source = gst_element_factory_make("pythonsrc", nullptr);
  expect_read_back(source, properties);
  gst_util_set_object_arg(G_OBJECT(source), "params", "p,Gain=0.5,aB=text");
  GstStructure *params;
  g_object_get(source, "params", &params, nullptr);
  fail_unless(gst_structure_has_field_typed(params, "Gain", G_TYPE_DOUBLE));
  expect_text(gst_structure_get_string(params, "aB"), "text");
  gst_structure_free(params);
  gst_object_unref(source);
}
GST_END_TEST;

static Suite *pythonsrc_suite() {
  Suite *suite = suite_create("pythonsrc");
  TCase *caps = new_case(suite, "caps");
  tcase_add_test(
      caps, test_caps_are_the_plugins_own_where_downstream_leaves_a_choice);
  tcase_add_test(caps, test_more_than_two_channels_have_positions);
  tcase_add_test(caps, test_caps_that_downstream_does_not_take_are_an_error);
  tcase_add_test(caps,
                 test_plugin_is_told_what_was_negotiated_before_its_start);
  tcase_add_test(caps, test_frames_are_the_plugins_or_the_blocksize_in_bytes);
  tcase_add_test(caps, test_properties_read_back_what_was_set);
  TCase *samples = new_case(suite, "samples");
  tcase_add_loop_test(samples,
                      test_samples_are_exact_in_every_format_and_layout, 0,
                      int(std::size(ways)));
  add_test_here(samples, test_plugin_fills_the_very_memory_that_goes_downstream,
                "its array is over memory that it shares with its worker, not "
                "the buffer's");
  tcase_add_test(samples, test_a_few_memories_come_back_from_the_pool);
  tcase_add_loop_test(
      samples, test_downstreams_pool_is_used_whatever_the_size_of_its_buffers,
      0, 2);
  tcase_add_test(samples,
                 test_null_comes_while_all_buffers_of_the_pool_are_downstream);
  tcase_add_test(samples, test_arrays_that_the_plugin_keeps_stay_as_they_were);
  TCase *time = new_case(suite, "time");
  tcase_add_loop_test(time,
                      test_times_are_those_of_the_sample_however_long_it_runs,
                      0, int(std::size(paced)));
  tcase_add_test(time,
                 test_plugin_sees_the_time_and_place_of_the_buffer_it_fills);
  tcase_add_test(time, test_time_begins_anew_after_ready);
  tcase_add_test(time, test_do_timestamp_gives_the_time_of_capture);
  return suite;
}

GST_CHECK_MAIN(pythonsrc)
