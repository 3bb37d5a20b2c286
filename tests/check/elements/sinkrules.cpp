// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What GStreamer asks of every sink: what is rendered of a segment, when the
// stream is over, what is told of it; and streams that a plugin ends.
#include <gst/base/gstbasesink.h>

#include "../support/sink.hpp"

using namespace check;

namespace {

constexpr char one_channel[] =
    "audio/x-raw,rate=48000,channels=1,format={F32LE,F32BE} ! ";

std::string telling(const std::string &more) {
  return write_file("telling.py",
                    "from base_plugin import EndOfStream\n"
                    "from checklog import say\n"
                    "class Telling:\n"
                    "    formats = ('F32', 'S16')\n"
                    "    calls = 0\n" +
                        more);
}

std::string tone_of(int buffers) {
  return "audiotestsrc samplesperbuffer=480 num-buffers=" +
         std::to_string(buffers) + " ! " + one_channel;
}

// The EOS, and no other message of the kinds that end a stream.
void expect_end(const Pipeline &pipeline) {
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  pipeline.expect_no_reports();
}

}  // namespace

// ---- the segment -----------------------------------------------------------

GST_START_TEST(test_only_what_lies_in_the_segment_is_written) {
  for (const Audio &audio :
       {Audio{"F32", false, 2}, Audio{"F32", true, 2}, Audio{"S16", true, 1}}) {
    for (bool read_only : {false, true}) {
      clear_log();
      Sink sink(telling(std::string("    read_only = ") +
                        (read_only ? "True" : "False") + R"(
    def write_audio(self, buffer):
        first = buffer.data[-1]
        say(buffer.pts, buffer.data.shape[1], int(first[0]), int(first[-1]))
)"),
                audio);
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      // From frame 48 of the first buffer of 64 to frame 16 of the third, which
      // GStreamer's rounding leaves a part of.
      segment.start = 1 * GST_MSECOND;
      segment.stop = 3 * GST_MSECOND;
      sink.push_event(gst_event_new_segment(&segment));
      for (guint64 i = 0; i < 4; i++) {
        GstBuffer *buffer = empty_buffer(audio, 64);
        fill(buffer, audio, [](int, size_t frame) { return double(frame); });
        GST_BUFFER_PTS(buffer) =
            gst_util_uint64_scale(64 * i, GST_SECOND, 48000);
        // What the last one lasts is left to its size.
        GST_BUFFER_DURATION(buffer) =
            i == 2 ? GST_CLOCK_TIME_NONE
                   : gst_util_uint64_scale(64, GST_SECOND, 48000);
        const GstFlowReturn flow = sink.push(buffer);
        fail_unless(flow == GST_FLOW_OK || (i == 3 && flow == GST_FLOW_EOS),
                    "%s", gst_flow_get_name(flow));
      }
      expect_text(log_text(),
                  "1000000 16 48 63\n1333333 64 0 63\n2666666 17 0 16\n");
      fail_unless_equals_uint64(sink.stat("frames"), 16 + 64 + 17);
      sink.expect_no_reports();
    }
  }
}
GST_END_TEST;

// ---- the end ---------------------------------------------------------------

GST_START_TEST(test_eos_waits_until_the_device_is_drained) {
  Pipeline pipeline(tone_of(2) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer): say("write")
    def drain(self):
        self.calls += 1
        say("drain")
        return self.calls == 3
    def stop(self): say("stop")
)")));
  expect_end(pipeline);
  expect_text(log_text(), "write\nwrite\ndrain\ndrain\ndrain\n");
  pipeline.expect_null();
  expect_text(log_text(), "write\nwrite\ndrain\ndrain\ndrain\nstop\n");
}
GST_END_TEST;

GST_START_TEST(test_failure_at_the_end_is_an_error_and_no_eos) {
  for (const char *policy : {"fail", "drop"}) {
    Pipeline pipeline(tone_of(2) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer): pass
    def drain(self): raise OSError(28, "No space left on device")
)"),
                                           std::string("on-error=") + policy));
    pipeline.expect_to(GST_STATE_PLAYING);
    const bool fails = !strcmp(policy, "fail");
    GstMessage *message =
        pipeline.wait_for(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message != nullptr);
    fail_unless((GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) == fails);
    if (fails) expect_part(report_in(message).text, "No space left on device");
    gst_message_unref(message);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_wait_for_the_device_ends_with_the_stream) {
  Pipeline pipeline(tone_of(2) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer): pass
    def drain(self):
        say("drain")
        return False
)")));
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("drain\ndrain\n"));
  // It goes on where it was.
  pipeline.expect_to(GST_STATE_PAUSED);
  clear_log();
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("drain\n"));
  pipeline.expect_null();
  pipeline.expect_no_reports();
  fail_unless(next_message(pipeline.bus(), GST_MESSAGE_EOS) == nullptr);
}
GST_END_TEST;

GST_START_TEST(test_new_caps_drain_the_device_first) {
  Sink sink(telling(R"(
    def start(self): say("start")
    def write_audio(self, buffer): say("write")
    def drain(self): say("drain")
    def stop(self): say("stop")
)"));
  sink.expect_push(new_buffer(sink.audio()));
  fail_unless(sink.set_audio({"F32", false, 1, 8000}));
  // Nothing is in it yet.
  fail_unless(sink.set_audio({"F32", false, 1, 16000}));
  expect_text(log_text(), "start\nwrite\ndrain\nstop\nstart\nstop\nstart\n");
}
GST_END_TEST;

namespace {

constexpr char ends[] = R"(
    def process_audio(self, buffer):
        self.calls += 1
        say("call")
        if self.calls == 3: raise EndOfStream
    write_audio = process_audio
    def drain(self): say("drain")
    def reset(self): self.calls = 0
)";

struct Ending {
  const char *before, *factory, *properties, *after;
};

const Ending endings[] = {
    {"", "pythonfilter", "", " ! fakesink"},
    {"", "pythonfilter", "block-size=480", " ! fakesink"},
    {"", "pythonfilter", "block-size=960", " ! fakesink"},
    {"", "pythonfilter", "", " ! queue ! fakesink sync=true"},
    {"", "pythonsink", "", ""},
    {"", "pythonsink", "sync=false", ""},
    {"queue ! ", "pythonsink", "", ""},
};

}  // namespace

// For all the others of it the stream goes on.
GST_START_TEST(test_plugin_ends_its_stream) {
  const Ending &row = endings[__i__];
  Pipeline pipeline("audiotestsrc samplesperbuffer=480 num-buffers=2000 ! " +
                    std::string(one_channel) + "tee name=t t. ! queue ! " +
                    row.before +
                    line_of(row.factory, telling(ends), row.properties) +
                    row.after + " t. ! queue ! fakesink");
  const bool filters = !strcmp(row.factory, "pythonfilter");
  Output output(pipeline.python(), filters ? "src" : "sink");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  expect_text(log_text(), "call\ncall\ncall\ndrain\n");
  if (filters) fail_unless_equals_int(output.count(), 2);
  pipeline.expect_no_reports();
  fail_unless_equals_uint64(pipeline.stat("errors"), 0);
  // A seek begins another one; of the pipeline it would be one from each sink.
  clear_log();
  GstEvent *seek =
      gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                         GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, 0);
  fail_unless(gst_element_send_event(pipeline.python(), seek));
  pipeline.expect_eos();
  expect_text(log_text(), "call\ncall\ncall\ndrain\n");
  pipeline.expect_no_reports();
}
GST_END_TEST;

// ---- anything that has caps ------------------------------------------------

namespace {

// Audio goes into it, or what comes out of a filter.
struct Taking {
  const char *declares, *line, *log;
};

const Taking takings[] = {
    {"input_caps = 'application/x-packed'",
     "audiotestsrc num-buffers=2 samplesperbuffer=480 ! "
     "audio/x-raw,rate=48000,channels=1,format=F32LE ! packer",
     "caps application/x-packed\n(3,) uint8 [1, 2, 3]\n(3,) uint8 [1, 2, 3]\n"},
    {"as_bytes = True",
     "audiotestsrc wave=silence num-buffers=1 samplesperbuffer=2 ! "
     "audio/x-raw,rate=48000,channels=1,format=S24LE",
     "(6,) uint8 [0, 0, 0, 0, 0, 0]\n"},
    {"as_bytes = True",
     "audiotestsrc wave=silence num-buffers=1 samplesperbuffer=2 ! "
     "audio/x-raw,rate=48000,channels=2,format=S16LE,layout=non-interleaved",
     "(8,) uint8 [0, 0, 0, 0, 0, 0, 0, 0]\n"},
    {"input_caps = 'audio/x-raw,format=S16LE'",
     "audiotestsrc wave=silence num-buffers=1 samplesperbuffer=2 ! "
     "audio/x-raw,rate=48000,channels=1",
     "(1, 2) int16 [[0, 0]]\n"},
};

}  // namespace

GST_START_TEST(test_a_sink_takes_what_it_declares) {
  const Taking &row = takings[__i__];
  for (const char *read_only : {"True", "False"}) {
    clear_log();
    std::string line = row.line;
    const size_t packs = line.find(" ! packer");
    if (packs != std::string::npos)
      line = line.substr(0, packs) +
             " ! pythonfilter deadline=" + (in_process() ? "0" : "-1") +
             " script=" +
             write_file("packer.py",
                        "class Packer:\n"
                        "    output_caps = 'application/x-packed'\n"
                        "    def process_audio(self, buffer):\n"
                        "        return b'\\x01\\x02\\x03'\n");
    Pipeline pipeline(
        line + " ! " +
        line_of("pythonsink",
                telling("    read_only = " + std::string(read_only) + "\n    " +
                        row.declares + R"(
    def set_caps(self, caps):
        if "packed" in caps: say("caps", caps)
    def get_available_space(self): return 1000
    def write_audio(self, buffer):
        say(buffer.data.shape, buffer.data.dtype, buffer.data.tolist())
        if buffer.data.dtype == "uint8": return b"for nobody"
)")));
    expect_end(pipeline);
    expect_text(log_text(), row.log);
    fail_unless_equals_uint64(pipeline.stat("errors"), 0);
  }
}
GST_END_TEST;

// ---- what is told ----------------------------------------------------------

GST_START_TEST(test_statistics_have_those_of_the_base_class) {
  Pipeline pipeline(tone_of(5) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer):
        self.calls += 1
        if self.calls == 2: raise ValueError
)"),
                                         "on-error=drop"));
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
  GstStructure *base =
      gst_base_sink_get_stats(GST_BASE_SINK(pipeline.python()));
  guint64 rendered, late;
  fail_unless(gst_structure_get_uint64(base, "rendered", &rendered));
  fail_unless(gst_structure_get_uint64(base, "dropped", &late));
  gst_structure_free(base);
  fail_unless_equals_uint64(pipeline.stat("rendered"), rendered);
  fail_unless_equals_uint64(pipeline.stat("dropped"), 1 + late);
  GstStructure *stats;
  g_object_get(pipeline.python(), "stats", &stats, nullptr);
  fail_unless(
      gst_structure_has_field_typed(stats, "average-rate", G_TYPE_DOUBLE));
  gst_structure_free(stats);
}
GST_END_TEST;

GST_START_TEST(test_latency_of_the_device_is_in_the_answer_and_told_once) {
  Pipeline pipeline("audiotestsrc is-live=true samplesperbuffer=480 ! " +
                    std::string(one_channel) + line_of("pythonsink", telling(R"(
    latency = 0.2
    def write_audio(self, buffer): say("write")
    def get_processing_latency(self): return self.latency
    def set_parameter(self, key, value): self.latency = float(value)
)")));
  const auto latencies = [&](double seconds) {
    int told = 0;
    while (GstMessage *message =
               next_message(pipeline.bus(), GST_MESSAGE_LATENCY,
                            GstClockTime(seconds * double(GST_SECOND)))) {
      if (GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline.python())) told++;
      gst_message_unref(message);
    }
    return told;
  };
  // What follows a call is told after it. The first of these may have begun
  // before a parameter was set, and the second one tells.
  const auto three_calls_begin = [] {
    for (int i = 0; i < 3; i++) {
      clear_log();
      fail_unless(wait_for_log("write"));
    }
  };
  pipeline.expect_to(GST_STATE_PLAYING);
  three_calls_begin();
  fail_unless_equals_int(latencies(0), 1);
  for (const GstClockTime want : {200 * GST_MSECOND, 50 * GST_MSECOND}) {
    GstQuery *query = gst_query_new_latency();
    fail_unless(gst_element_query(pipeline.python(), query));
    gboolean live;
    GstClockTime least, most, deadline;
    gst_query_parse_latency(query, &live, &least, &most);
    gst_query_unref(query);
    g_object_get(pipeline.python(), "processing-deadline", &deadline, nullptr);
    fail_unless_equals_uint64(least, want + deadline + 10 * GST_MSECOND);
    gst_util_set_object_arg(G_OBJECT(pipeline.python()), "params",
                            "p,latency=0.05");
    three_calls_begin();
    fail_unless_equals_int(latencies(0), want == 200 * GST_MSECOND ? 1 : 0);
  }
}
GST_END_TEST;

GST_START_TEST(test_last_sample_is_kept_where_it_costs_nothing) {
  constexpr char body[] = "    def write_audio(self, buffer): pass\n";
  struct Row {
    const char *plugin, *property;
    bool keeps;
    guint64 copies;
  };
  for (const Row &row :
       {Row{"    read_only = True\n", "", true, 0}, Row{"", "", false, 0},
        Row{"", "enable-last-sample=true", true, 3},
        Row{"    read_only = True\n", "enable-last-sample=false", false, 0}}) {
    Pipeline pipeline(tone_of(3) +
                      line_of("pythonsink",
                              telling(std::string(row.plugin) + body),
                              row.property));
    expect_end(pipeline);
    GstSample *sample = nullptr;
    g_object_get(pipeline.python(), "last-sample", &sample, nullptr);
    fail_unless((sample != nullptr) == row.keeps, "%s%s", row.plugin,
                row.property);
    if (sample) {
      fail_unless_equals_uint64(GST_BUFFER_PTS(gst_sample_get_buffer(sample)),
                                20 * GST_MSECOND);
      gst_sample_unref(sample);
    }
    fail_unless_equals_uint64(pipeline.stat("copies"), row.copies);
  }
}
GST_END_TEST;

// ---- failures that nobody waits for ----------------------------------------

namespace {

std::string warned;
std::mutex warned_mutex;

void keep_warning(const gchar *, GLogLevelFlags, const gchar *text, gpointer) {
  std::lock_guard<std::mutex> lock(warned_mutex);
  warned += text;
}

}  // namespace

// The bus is thrown away, unless somebody asked for it to be kept.
// The function that turns it off tells nobody; and where it is off for the
// plugin's sake, that ends with the plugin.
GST_START_TEST(test_last_sample_that_is_turned_off_stays_off) {
  Pipeline off(tone_of(3) + line_of("pythonsink", telling(R"(
    read_only = True
    def write_audio(self, buffer): pass
)")));
  auto *sink = GST_BASE_SINK(off.python());
  gst_base_sink_set_last_sample_enabled(sink, FALSE);
  for (int i = 0; i < 2; i++) {
    off.expect_to(GST_STATE_PLAYING);
    off.expect_eos();
    fail_unless(!gst_base_sink_is_last_sample_enabled(sink));
    off.expect_null();
  }

  Pipeline writes(tone_of(3) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer): pass
)")));
  sink = GST_BASE_SINK(writes.python());
  fail_unless(gst_base_sink_is_last_sample_enabled(sink));
  writes.expect_to(GST_STATE_PAUSED);
  fail_unless(!gst_base_sink_is_last_sample_enabled(sink));
  writes.expect_null();
  fail_unless(gst_base_sink_is_last_sample_enabled(sink));
}
GST_END_TEST;

GST_START_TEST(test_failures_on_the_way_to_null_are_seen) {
  const guint handler = g_log_set_handler("pythonfilter", G_LOG_LEVEL_WARNING,
                                          keep_warning, nullptr);
  for (const char *method : {"stop", "shutdown"}) {
    for (bool flushes : {true, false}) {
      warned.clear();
      Pipeline pipeline(tone_of(3) + "pythonfilter " +
                        (in_process() ? "deadline=0" : "deadline=-1") +
                        " script=" +
                        telling("    def process_audio(self, buffer): pass\n"
                                "    def " +
                                std::string(method) +
                                "(self): raise OSError(28, 'no space')\n") +
                        " ! " + line_of("pythonsink", write_file("good.py", R"(
def write_audio(buffer): pass
)")));
      g_object_set(pipeline.get(), "auto-flush-bus", gboolean(flushes),
                   nullptr);
      expect_end(pipeline);
      fail_unless(warned.empty());
      pipeline.expect_null();
      if (flushes) {
        expect_part(warned, std::string(method) + "() raised OSError: ");
        expect_part(warned, "no space");
        expect_part(warned, "telling.py:");
        expect_part(warned, "Traceback");
        pipeline.expect_no_reports();
      } else {
        expect_text(warned, "");
        expect_part(pipeline.reports().text(), "no space");
      }
    }
  }
  g_log_remove_handler("pythonfilter", handler);
}
GST_END_TEST;

GST_START_TEST(test_a_failure_of_unlock_is_a_warning) {
  Pipeline pipeline(tone_of(100) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer): say("write")
    def unlock(self): raise ValueError("no lock")
)")));
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("write"));
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_WARNING);
  fail_unless(message != nullptr);
  expect_part(report_in(message).text,
              "telling.py: unlock() raised ValueError: no lock (");
  gst_message_unref(message);
}
GST_END_TEST;

// In a worker too, which reads of it beside the calls: one that came later
// would end what begins then, and at the end its failure would be lost.
GST_START_TEST(test_unlock_comes_before_what_follows_it) {
  for (int i = 0; i < 10; i++) {
    Pipeline pipeline(tone_of(100) + line_of("pythonsink", telling(R"(
    def write_audio(self, buffer): say("write")
    def unlock(self): raise ValueError("no lock")
)")));
    clear_log();
    pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(wait_for_log("write"));
    pipeline.expect_to(GST_STATE_READY);
    GstMessage *message = pipeline.wait_for(GST_MESSAGE_WARNING);
    fail_unless(message != nullptr);
    expect_part(report_in(message).text, "unlock() raised ValueError");
    gst_message_unref(message);
    pipeline.expect_null();
  }
}
GST_END_TEST;

static Suite *sinkrules_suite() {
  Suite *suite = suite_create("sinkrules");
  TCase *segment = new_case(suite, "segment");
  tcase_add_test(segment, test_only_what_lies_in_the_segment_is_written);
  TCase *end = new_case(suite, "end");
  tcase_add_test(end, test_eos_waits_until_the_device_is_drained);
  tcase_add_test(end, test_failure_at_the_end_is_an_error_and_no_eos);
  tcase_add_test(end, test_a_wait_for_the_device_ends_with_the_stream);
  tcase_add_test(end, test_new_caps_drain_the_device_first);
  tcase_add_loop_test(end, test_plugin_ends_its_stream, 0,
                      int(std::size(endings)));
  TCase *caps = new_case(suite, "caps");
  tcase_add_loop_test(caps, test_a_sink_takes_what_it_declares, 0,
                      int(std::size(takings)));
  TCase *told = new_case(suite, "told");
  tcase_add_test(told, test_statistics_have_those_of_the_base_class);
  tcase_add_test(told,
                 test_latency_of_the_device_is_in_the_answer_and_told_once);
  tcase_add_test(told, test_last_sample_is_kept_where_it_costs_nothing);
  tcase_add_test(told, test_last_sample_that_is_turned_off_stays_off);
  tcase_add_test(told, test_failures_on_the_way_to_null_are_seen);
  tcase_add_test(told, test_a_failure_of_unlock_is_a_warning);
  tcase_add_test(told, test_unlock_comes_before_what_follows_it);
  return suite;
}

GST_CHECK_MAIN(sinkrules)
