// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A demixer while it plays: outputs that come and go, flushes, gaps, what a
// plugin keeps, what comes out late, and new code.
#include <csignal>

#include "../support/reload.hpp"
#include "../support/splitting.hpp"

using namespace check;

namespace {

int said(const std::string &line) {
  return count_in(log_text(), line);
}

constexpr char tone[] =
    "audiotestsrc ! audio/x-raw,format=F32LE,rate=8000,channels=2 ! ";

void add_branch(const Pipeline &pipeline, GstPad *src, GstElement **sink) {
  GstObject *bin = gst_object_get_parent(GST_OBJECT(pipeline.python()));
  *sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(*sink, "async", FALSE, nullptr);
  gst_object_ref(*sink);
  gst_bin_add(GST_BIN(bin), *sink);
  gst_element_sync_state_with_parent(*sink);
  GstPad *to = gst_element_get_static_pad(*sink, "sink");
  fail_unless_equals_int(gst_pad_link(src, to), GST_PAD_LINK_OK);
  gst_object_unref(to);
  gst_object_unref(bin);
}

void remove_branch(GstElement *sink) {
  GstObject *bin = gst_object_get_parent(GST_OBJECT(sink));
  gst_element_set_locked_state(sink, TRUE);
  gst_element_set_state(sink, GST_STATE_NULL);
  gst_bin_remove(GST_BIN(bin), sink);
  gst_object_unref(bin);
  gst_object_unref(sink);
}

}  // namespace

GST_START_TEST(test_outputs_come_and_go_while_it_plays) {
  Pipeline pipeline(tone + splitting() +
                    " python.src_0 ! fakesink sync=false async=false");
  std::atomic<int> came{0};
  on_buffers(pipeline.python(), "src_0", [&](GstBuffer *) { came++; });
  const auto goes_on = [&] {
    return wait_until([&, before = int(came)] { return came > before; });
  };
  pipeline.expect_to(GST_STATE_PLAYING);
  const int rounds = soak_count(100, 10000);
  for (int i = 0; i < rounds; i++) {
    GstPad *src = gst_element_request_pad_simple(pipeline.python(), "src_%u");
    fail_unless_equals_string(GST_OBJECT_NAME(src), "src_1");
    GstElement *sink;
    add_branch(pipeline, src, &sink);
    if (i % 2) {
      // It hears all that came before, and then what comes.
      GstPad *to = gst_pad_get_peer(src);
      fail_unless(wait_until([&] {
        GstEvent *segment = gst_pad_get_sticky_event(to, GST_EVENT_SEGMENT, 0);
        if (segment) gst_event_unref(segment);
        return segment && gst_pad_has_current_caps(to);
      }));
      gst_object_unref(to);
      fail_unless(goes_on());
    }
    gst_element_release_request_pad(pipeline.python(), src);
    gst_object_unref(src);
    remove_branch(sink);
  }
  fail_unless(goes_on());
  pipeline.expect_no_reports();
  pipeline.expect_null();
}
GST_END_TEST;

// One that was asked for by its name, too: the plugin still has the output.
GST_START_TEST(test_an_output_that_went_is_not_linked) {
  Pipeline pipeline(tone + splitting(doing("tell"), "Named") +
                    " python.src_mono ! fakesink sync=false async=false"
                    " python.src_all ! fakesink sync=false async=false");
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("all src_all True"));
  GstPad *src = gst_element_get_static_pad(pipeline.python(), "src_all");
  gst_element_release_request_pad(pipeline.python(), src);
  gst_object_unref(src);
  fail_unless(wait_for_log("all src_all False"));
  Output output(pipeline.python(), "src_mono");
  fail_unless(output.wait_for(2));
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_pad_that_comes_after_the_end_has_the_end) {
  Demixer demixer(splitting(), sent(2), {"src_0"});
  demixer.play();
  GstPad *late = gst_element_request_pad_simple(demixer.python(), "src_%u");
  GstEvent *end = gst_pad_get_sticky_event(late, GST_EVENT_EOS, 0);
  fail_unless(end != nullptr);
  gst_event_unref(end);
  gst_object_unref(late);
}
GST_END_TEST;

GST_START_TEST(test_a_flush_does_not_wait_for_a_call_that_sleeps) {
  Pipeline pipeline(tone + splitting(doing("sleep 3")) +
                    " python.src_0 ! queue ! fakesink sync=false async=false"
                    " python.src_1 ! queue ! fakesink sync=false async=false");
  Output output(pipeline.python(), "src_1");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  fail_unless(wait_for_log("sleeps"));
  fail_unless(gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                                      GST_SEEK_FLAG_FLUSH, 3 * GST_SECOND));
  fail_unless(!contains(log_text(), "has slept"));
  fail_unless(wait_until([&] {
    const std::vector<Seen> all = output.all();
    return !all.empty() && all.back().pts >= 3 * GST_SECOND;
  }));
  const std::vector<Seen> all = output.all();
  const auto first = std::find_if(all.begin(), all.end(), [](auto &each) {
    return each.pts >= 3 * GST_SECOND;
  });
  fail_unless(first->discont);
  fail_unless(contains(log_text(), "reset"));
  // The call that was interrupted is not to blame. On a busy machine it may
  // have been told that it takes long to come back.
  fail_unless(!contains(pipeline.reports().text(), "PluginTimeout"));
}
GST_END_TEST;

GST_START_TEST(test_a_state_change_does_not_wait_for_a_call_that_sleeps) {
  for (const bool again : {false, true}) {
    clear_log();
    Pipeline pipeline(tone + splitting(doing("sleep 3")) +
                      " python.src_0 ! fakesink sync=false async=false");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    fail_unless(wait_for_log("sleeps"));
    if (again) {
      gst_element_set_state(pipeline.get(), GST_STATE_READY);
      Output output(pipeline.python(), "src_0");
      gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
      fail_unless(output.wait_for(2));
    }
    pipeline.expect_null();
    fail_unless(!contains(log_text(), "has slept"));
  }
}
GST_END_TEST;

// Downstream takes nothing more of one, then nothing of the other; the stream
// ends with the last.
GST_START_TEST(test_outputs_end_in_any_order) {
  for (const int first : {0, 1}) {
    Around around;
    fail_unless_equals_int(around.push(0), GST_FLOW_OK);
    around.to[first].flow = GST_FLOW_EOS;
    for (const int at : {1, 2})
      fail_unless_equals_int(around.push(at), GST_FLOW_OK);
    fail_unless(around.to[1 - first].frames == 3 * 80, "%d: %d, %d", first,
                around.to[0].frames, around.to[1].frames);
    around.to[1 - first].flow = GST_FLOW_EOS;
    fail_unless_equals_int(around.push(3), GST_FLOW_EOS);
    fail_unless(gst_pad_push_event(around.from, gst_event_new_eos()));
    for (auto &each : around.to)
      fail_unless(GST_PAD_IS_EOS(each.pad));
    around.element.expect_no_reports();
  }
}
GST_END_TEST;

// Each pad has a stream of its own, the same segment, and one end.
GST_START_TEST(test_each_output_is_a_stream) {
  Demixer demixer(splitting(), sent(2), {"src_0", "src_1"});
  std::atomic<int> ends[2] = {{0}, {0}};
  for (int i = 0; i < 2; i++) {
    GstPad *pad =
        gst_element_get_static_pad(demixer.python(), i ? "src_1" : "src_0");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer count) {
          if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS)
            ++*static_cast<std::atomic<int> *>(count);
          return GST_PAD_PROBE_OK;
        },
        &ends[i], nullptr);
    gst_object_unref(pad);
  }
  demixer.play();
  std::string ids[2];
  for (int i = 0; i < 2; i++) {
    fail_unless_equals_int(ends[i], 1);
    GstPad *pad =
        gst_element_get_static_pad(demixer.python(), i ? "src_1" : "src_0");
    GstEvent *begin = gst_pad_get_sticky_event(pad, GST_EVENT_STREAM_START, 0);
    const gchar *id;
    gst_event_parse_stream_start(begin, &id);
    ids[i] = id;
    gst_event_unref(begin);
    gst_object_unref(pad);
  }
  fail_unless(ids[0] != ids[1]);
  fail_unless(demixer.heard[0].disconts()[0]);
  demixer.expect_no_reports();
}
GST_END_TEST;

// A gap goes to each; where what comes out is late, what is left comes first.
GST_START_TEST(test_a_gap_goes_to_all) {
  for (const char *cls : {"Splitting", "Delaying"}) {
    Around around(Properties{{"class", cls}});
    fail_unless_equals_int(around.push(0), GST_FLOW_OK);
    fail_unless(gst_pad_push_event(
        around.from, gst_event_new_gap(10 * GST_MSECOND, GST_MSECOND)));
    for (auto &each : around.to) {
      fail_unless_equals_int(each.gaps, 1);
      fail_unless_equals_int(each.frames, 80);
    }
  }
}
GST_END_TEST;

// As much comes out as went in, and at its time.
GST_START_TEST(test_what_comes_out_late_has_its_own_time) {
  for (const char *cls : {"Delaying", "Draining"}) {
    Demixer demixer(splitting("", cls), sent(2), {"src_0", "src_1"});
    demixer.play();
    for (const size_t output : {0, 1}) {
      const std::vector<float> got = demixer.samples<float>(output);
      fail_unless_equals_int(int(got.size()), 800);
      expect_frames(got, 0, 800, channel(sent(2), int(output), 0));
      demixer.heard[output].expect_in_a_row(0);
    }
    demixer.expect_no_reports();
  }
}
GST_END_TEST;

// By a plugin that is asked for what it holds, and that ends there.
GST_START_TEST(test_an_end_within_the_end_is_one) {
  for (const char *what : {"end 3", "end 16"}) {
    Demixer demixer(splitting(doing(what), "Delaying"), sent(2), {"src_0"});
    demixer.play();
    fail_unless(demixer.samples<float>(0).size() < 800);
    demixer.expect_no_reports();
  }
}
GST_END_TEST;

// A jump is a break: what was left comes before it, and the plugin begins anew.
GST_START_TEST(test_a_jump_in_time_is_a_break) {
  Sent first = sent(2, "F32", 400);
  Demixer demixer(splitting("params=\"p,rest=5\""), first, {"src_0"});
  GstElement *from = demixer.source();
  // One right behind another one, too.
  first.begin = 3 * GST_SECOND;
  push_to(from, first.buffer(0, 57));
  first.begin = 9 * GST_SECOND;
  send(from, first);
  gst_object_unref(from);
  demixer.play();
  fail_unless_equals_int(int(demixer.samples<float>(0).size()),
                         400 + 57 + 400 + 15);
  fail_unless_equals_int(said("reset"), 2);
  const std::vector<bool> breaks = demixer.heard[0].disconts();
  fail_unless_equals_int(int(std::count(breaks.begin(), breaks.end(), true)),
                         3);
  demixer.expect_no_reports();
}
GST_END_TEST;

namespace {

const char *const ways[] = {
    "data",       "slice",   "slice-of-slice", "transposed", "row",
    "memoryview", "asarray", "reshaped",       "iterator",   "owner"};

}  // namespace

// Of the input and of each output, whatever is written later, and wherever.
GST_START_TEST(test_what_a_plugin_keeps_stays_as_it_was) {
  for (const char *what : {"keep", "scribble"}) {
    clear_log();
    {
      Demixer demixer(splitting("params=\"p,do=" + std::string(what) +
                                ",way=(string)" + ways[__i__] + "\""),
                      sent(2), {"src_0", "src_1"});
      demixer.play();
      for (const int output : {0, 1})
        expect_frames(demixer.samples<float>(size_t(output)), 0, 800,
                      channel(sent(2), output));
      fail_unless_equals_uint64(demixer.stat("escapes"), 15);
      const Reports reports = demixer.reports();
      fail_unless_equals_int(int(reports.size()), 1);
      expect_part(reports[0].text, "keeps");
    }
    expect_part(log_text(), ", 0 changed");
  }
}
GST_END_TEST;

// In all ways that there are, of one array at a time: each is noticed.
GST_START_TEST(test_nothing_that_is_kept_ever_changes) {
  constexpr size_t ways = 30;
  for (const char *keep : {"input", "0", "1"}) {
    clear_log();
    {
      const Sent all = sent(1, "F32", ways * 57);
      Demixer demixer(
          line_of("pythondemixer", plugin_file("keeping_splitter.py"),
                  std::string("params=\"p,keep=(string)") + keep + "\""),
          all, {"src_0", "src_1"});
      demixer.play();
      for (const size_t output : {0, 1})
        expect_frames(demixer.samples<float>(output), 0, all.frames,
                      channel(all, 0));
      fail_unless_equals_uint64(demixer.stat("escapes"), ways);
      fail_unless_equals_int(int(demixer.reports().size()), 1);
    }
    expect_text(log_text(), "kept 30, changed [], between calls {0}\n");
  }
}
GST_END_TEST;

// Downstream writes to what it got.
GST_START_TEST(test_what_downstream_writes_is_not_seen) {
  Demixer demixer(splitting(doing("keep")), sent(2), {"src_0", "src_1"},
                  " volume volume=0.5 ! fakesink sync=false async=false");
  demixer.play();
  demixer.expect_null();
  expect_part(log_text(), "kept 45, 0 changed");
}
GST_END_TEST;

// Only that one is another; the plugin is not started anew.
GST_START_TEST(test_one_output_gets_other_caps_while_it_plays) {
  Pipeline pipeline(tone + splitting("", "Either") +
                    " python.src_0 ! fakesink sync=false async=false"
                    " python.src_1 ! capsfilter name=wants ! "
                    "fakesink sync=false async=false");
  std::atomic<int> came[2] = {{0}, {0}};
  on_buffers(pipeline.python(), "src_0", [&](GstBuffer *) { came[0]++; });
  on_buffers(pipeline.python(), "src_1", [&](GstBuffer *) { came[1]++; });
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_until([&] { return came[0] > 0 && came[1] > 0; }));
  GstElement *wants = gst_bin_get_by_name(GST_BIN(pipeline.get()), "wants");
  const int rounds = soak_count(6, 300);
  for (int i = 0; i < rounds; i++) {
    const char *format = i % 2 ? "F32LE" : "S16LE";
    GstCaps *caps = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING,
                                        format, nullptr);
    g_object_set(wants, "caps", caps, nullptr);
    fail_unless(wait_until([&] {
      GstCaps *now = caps_on(pipeline.python(), "src_1");
      const bool is = gst_caps_can_intersect(now, caps);
      gst_caps_unref(now);
      return is;
    }));
    gst_caps_unref(caps);
    for (std::atomic<int> &each : came)
      fail_unless(
          wait_until([&, before = int(each)] { return each > before; }));
  }
  gst_object_unref(wants);
  GstCaps *other = caps_on(pipeline.python(), "src_0");
  gchar *said_of_it = gst_caps_to_string(other);
  expect_part(said_of_it, "F32LE");
  g_free(said_of_it);
  gst_caps_unref(other);
  fail_unless_equals_int(said("start"), 1);
  pipeline.expect_no_reports();
  pipeline.expect_null();
}
GST_END_TEST;

// Another one comes, and knows all outputs.
GST_START_TEST(test_a_worker_that_ends_is_replaced_while_it_plays) {
  Demixer demixer(
      splitting(doing("crash", "isolation=process on-error=silence")), sent(2),
      {"src_0", "src_1"});
  demixer.play();
  for (const int output : {0, 1}) {
    const std::vector<float> got = demixer.samples<float>(size_t(output));
    fail_unless_equals_int(int(got.size()), 800);
    expect_frames(got, 0, 114, channel(sent(2), output));
    expect_frames(got, 114, 171, [](size_t) { return 0; });
    expect_frames(got, 171, 800, channel(sent(2), output));
    demixer.heard[size_t(output)].expect_in_a_row(0);
  }
  fail_unless_equals_uint64(demixer.stat("restarts"), 1);
  const Reports reports = demixer.reports();
  fail_unless_equals_int(int(reports.size()), 1);
  expect_part(reports[0].text, "the worker");

  Demixer dropping(splitting(doing("crash", "isolation=process on-error=drop")),
                   sent(2), {"src_0", "src_1"});
  dropping.play();
  for (const int output : {0, 1}) {
    const std::vector<float> got = dropping.samples<float>(size_t(output));
    fail_unless_equals_int(int(got.size()), 800 - 57);
    expect_frames(got, 171, 800, channel(sent(2), output), 57);
    fail_unless(dropping.heard[size_t(output)].disconts()[2]);
  }

  Demixer through(
      splitting(doing("crash", "isolation=process on-error=passthrough"),
                "Named"),
      sent(2), {"src_mono", "src_all"});
  through.play();
  expect_frames(through.samples<float>(0), 114, 171, [](size_t) { return 0; });
  expect_frames(through.samples<float>(1), 0, 1600, [](size_t i) {
    const double came = sent(2).sample(int(i % 2), i / 2);
    return i / 2 / 57 == 2 ? came : came + 1;
  });

  Demixer last(splitting(doing("crash",
                               "isolation=process on-error=silence "
                               "restart=never")),
               sent(2), {"src_0"});
  gst_element_set_state(last.get(), GST_STATE_PLAYING);
  GstMessage *error = last.wait_for(GST_MESSAGE_ERROR);
  fail_unless(error != nullptr);
  gst_message_unref(error);
}
GST_END_TEST;

// It may end at any time: the next one knows which outputs there are by then.
GST_START_TEST(test_outputs_come_while_workers_go) {
  Pipeline pipeline(tone +
                    splitting("isolation=process on-error=silence "
                              "max-restarts=1000") +
                    " python.src_0 ! fakesink sync=false async=false");
  GstElement *python = pipeline.python();
  Output output(python, "src_0");
  pipeline.expect_to(GST_STATE_PLAYING);
  const int rounds = soak_count(6, 300);
  for (int i = 0; i < rounds; i++) {
    pid_t now = 0;
    fail_unless(wait_until([&] { return (now = worker_of(python)) != 0; }));
    if (i % 3) kill(now, SIGKILL);
    GstPad *src = gst_element_request_pad_simple(python, "src_%u");
    GstElement *sink;
    add_branch(pipeline, src, &sink);
    Output other(python, GST_OBJECT_NAME(src));
    if (i % 3 == 0) kill(now, SIGKILL);
    fail_unless(other.wait_for(2));
    gst_element_release_request_pad(python, src);
    gst_object_unref(src);
    remove_branch(sink);
    fail_unless(output.wait_for(output.count() + 2));
  }
  for (const Report &report : pipeline.reports())
    fail_unless(report.type == GST_MESSAGE_WARNING, "%s", report.text.c_str());
  pipeline.expect_null();
}
GST_END_TEST;

// What it makes of a block later on is for nobody; the next ones are its own.
GST_START_TEST(test_a_call_that_is_late_is_a_glitch) {
  Demixer demixer(
      splitting(
          doing("be_late", "isolation=process on-error=silence deadline=100")),
      sent(2), {"src_0", "src_1"});
  demixer.play();
  guint64 silent[2];
  for (const size_t output : {0, 1}) {
    const std::vector<float> got = demixer.samples<float>(output);
    fail_unless_equals_int(int(got.size()), 800);
    silent[output] = count_silent(got, 57, channel(sent(2), int(output)));
  }
  fail_unless(silent[0] > 0 && silent[0] == silent[1]);
  fail_unless_equals_uint64(demixer.stat("missed-deadlines"), silent[0]);
  fail_unless_equals_uint64(demixer.stat("restarts"), 0);
}
GST_END_TEST;

GST_START_TEST(test_a_live_pipeline_knows_its_deadline) {
  expect_to_tell_a_deadline(
      Pipeline("audiotestsrc is-live=true ! "
               "audio/x-raw,format=F32LE,rate=8000,channels=2 ! " +
               splitting("isolation=process") +
               " python.src_0 ! fakesink sync=false async=false"),
      "src_0");
}
GST_END_TEST;

GST_START_TEST(test_code_is_loaded_anew_between_two_buffers) {
  const std::string file = folder() + "/reloaded.py";
  const auto write = [&](const char *outputs, int value) {
    const std::string text =
        "from base_plugin import AudioSplitterPlugin\n"
        "class Constant(AudioSplitterPlugin):\n"
        "    outputs = " +
        std::string(outputs) +
        "\n"
        "    def split_audio(self, buffer, outputs):\n"
        "        outputs['a'].data[:] = " +
        std::to_string(value) + "\n";
    fail_unless(g_file_set_contents(file.c_str(), text.c_str(), -1, nullptr));
  };
  write("('a', 'b')", 4);
  Pipeline pipeline(tone + line_of("pythondemixer", file) +
                    " python.src_a ! fakesink sync=false async=false");
  expect_new_code_for_the_same_pads(
      &pipeline, "src_a", 4, 5, [&] { write("('a', 'b')", 5); },
      [&] { write("('a',)", 6); });
}
GST_END_TEST;

GST_START_TEST(test_what_the_old_code_holds_comes_before_the_new) {
  for (const char *cls : {"Delaying", "Draining"})
    expect_new_code_to_lose_nothing(
        Pipeline(source_line("source", sent(2).audio, splitting("", cls),
                             "block=true max-bytes=4000") +
                 " python.src_0 ! fakesink sync=false"),
        "src_0", sent(2), channel(sent(2), 0, 0));
}
GST_END_TEST;

Suite *demixing_suite() {
  Suite *suite = suite_create("demixing");
  TCase *demixing = new_case(suite, "demixing");
  tcase_add_test(demixing, test_outputs_come_and_go_while_it_plays);
  tcase_add_test(demixing, test_an_output_that_went_is_not_linked);
  tcase_add_test(demixing, test_a_pad_that_comes_after_the_end_has_the_end);
  tcase_add_test(demixing, test_a_flush_does_not_wait_for_a_call_that_sleeps);
  tcase_add_test(demixing,
                 test_a_state_change_does_not_wait_for_a_call_that_sleeps);
  tcase_add_test(demixing, test_outputs_end_in_any_order);
  tcase_add_test(demixing, test_each_output_is_a_stream);
  tcase_add_test(demixing, test_a_gap_goes_to_all);
  tcase_add_test(demixing, test_what_comes_out_late_has_its_own_time);
  tcase_add_test(demixing, test_an_end_within_the_end_is_one);
  tcase_add_test(demixing, test_a_jump_in_time_is_a_break);
  tcase_add_loop_test(demixing, test_what_a_plugin_keeps_stays_as_it_was, 0,
                      int(std::size(ways)));
  tcase_add_test(demixing, test_nothing_that_is_kept_ever_changes);
  tcase_add_test(demixing, test_what_downstream_writes_is_not_seen);
  tcase_add_test(demixing, test_one_output_gets_other_caps_while_it_plays);
  tcase_add_test(demixing, test_code_is_loaded_anew_between_two_buffers);
  tcase_add_test(demixing, test_what_the_old_code_holds_comes_before_the_new);
  constexpr char once[] = "it is in a process of its own in any case";
  add_test_here(demixing, test_a_worker_that_ends_is_replaced_while_it_plays,
                once);
  add_test_here(demixing, test_outputs_come_while_workers_go, once);
  add_test_here(demixing, test_a_call_that_is_late_is_a_glitch, once);
  add_test_here(demixing, test_a_live_pipeline_knows_its_deadline, once);
  return suite;
}

GST_CHECK_MAIN(demixing);
