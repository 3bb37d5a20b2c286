// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One input, several outputs: what comes out of each, what nobody gets, and
// what comes of it where they differ.
#include "../support/splitting.hpp"

using namespace check;

namespace {

template <typename T>
void expect_channels_apart(const char *format) {
  const Sent three = sent(3, format);
  Demixer demixer(shipped("channel_splitter.py"), three,
                  {"src_0", "src_1", "src_2", "src_3"});
  demixer.play();
  for (int c = 0; c < 3; c++) {
    fail_unless_equals_int(int(demixer.samples<T>(size_t(c)).size()), 800);
    expect_frames(demixer.samples<T>(size_t(c)), 0, 800, channel(three, c, 0));
    fail_unless(demixer.heard[size_t(c)].times() == demixer.heard[0].times());
  }
  // There is no such channel: silence, without memory.
  fail_unless(demixer.samples<T>(3).empty());
  fail_unless_equals_int(*demixer.gaps[3],
                         int(demixer.heard[0].times().size()));
  fail_unless_equals_int(*demixer.gaps[0], 0);
  demixer.expect_no_reports();
}

}  // namespace

GST_START_TEST(test_channels_come_apart) {
  expect_channels_apart<float>("F32");
  expect_channels_apart<double>("F64");
  expect_channels_apart<gint16>("S16");
}
GST_END_TEST;

GST_START_TEST(test_mid_and_side_come_apart) {
  const Sent stereo = sent(2);
  Demixer demixer(shipped("mid_side_splitter.py"), stereo,
                  {"src_mid", "src_side"});
  demixer.play();
  for (const int sign : {1, -1})
    expect_frames(demixer.samples<float>(sign < 0), 0, 800, [&](size_t i) {
      return (stereo.sample(0, i) + sign * stereo.sample(1, i)) / 2;
    });
  demixer.expect_no_reports();
}
GST_END_TEST;

// What was made for a short one is not enough for those after it.
GST_START_TEST(test_buffers_become_longer) {
  const Sent all = sent(2, "F32", 20000);
  Demixer demixer(splitting(), sent(2, "F32", 0), {"src_0", "src_1"});
  GstElement *source = demixer.source();
  size_t end = 0;
  for (const size_t count : {7, 3000, 5, 12000, 1}) {
    push_to(source, all.buffer(end, count));
    end += count;
  }
  gst_object_unref(source);
  demixer.play();
  for (const int c : {0, 1})
    expect_frames(demixer.samples<float>(size_t(c)), 0, end, channel(all, c));
  demixer.expect_no_reports();
}
GST_END_TEST;

// There is no memory of it, and none in Python before somebody asks.
GST_START_TEST(test_what_nobody_is_linked_to_costs_nothing) {
  Demixer demixer(splitting(doing("tell 2"), "Named"), sent(2), {"src_mono"});
  demixer.play();
  expect_part(log_text(), "mono src_mono True has memory");
  expect_part(log_text(), "all src_all False has none");
  expect_frames(demixer.samples<float>(0), 0, 57, [](size_t i) {
    return sent(2).sample(0, i) + sent(2).sample(1, i);
  });
  demixer.expect_no_reports();

  // Who writes to it all the same reads what was written.
  Demixer user(splitting(doing("use_all")), sent(2), {"src_0"});
  gst_object_unref(gst_element_request_pad_simple(user.python(), "src_1"));
  user.play();
  expect_frames(user.samples<float>(0), 0, 800, [](size_t i) {
    return sent(2).sample(0, i) + sent(2).sample(1, i);
  });
  user.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_outputs_have_caps_of_their_own) {
  Demixer demixer(splitting("", "Named"), sent(3, "S16"),
                  {"src_mono", "src_all"});
  demixer.play();
  const struct {
    const char *pad, *format;
    int channels;
  } wanted[] = {{"src_mono", "F32LE", 1}, {"src_all", "S16LE", 3}};
  for (const auto &each : wanted) {
    GstCaps *caps = caps_on(demixer.python(), each.pad);
    const GstStructure *fields = gst_caps_get_structure(caps, 0);
    int channels;
    fail_unless(gst_structure_get_int(fields, "channels", &channels));
    fail_unless_equals_int(channels, each.channels);
    fail_unless_equals_string(gst_structure_get_string(fields, "format"),
                              each.format);
    gst_caps_unref(caps);
  }
  expect_frames(demixer.samples<float>(0), 0, 800, [&](size_t i) {
    const Sent three = sent(3, "S16");
    return three.sample(0, i) + three.sample(1, i) + three.sample(2, i);
  });
  demixer.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_the_input_is_what_goes_with_all_outputs) {
  const Pipeline fits(
      "audiotestsrc num-buffers=4 ! audioconvert ! audioresample ! " +
      splitting() +
      " python.src_0 ! audio/x-raw,format=S16LE ! fakesink async=false"
      " python.src_1 ! audio/x-raw,rate=16000 ! fakesink async=false");
  gst_element_set_state(fits.get(), GST_STATE_PLAYING);
  fits.expect_eos();
  GstCaps *caps = caps_on(fits.python(), "src_1");
  GstCaps *wanted =
      gst_caps_from_string("audio/x-raw,format=S16LE,rate=16000,channels=1");
  fail_unless(gst_caps_can_intersect(caps, wanted));
  gst_caps_unref(caps);
  gst_caps_unref(wanted);
  fits.expect_no_reports();

  const Pipeline wrong("audiotestsrc ! audioconvert ! " + splitting() +
                       " python.src_0 ! audio/x-raw,format=S32LE !"
                       " fakesink async=false");
  gst_element_set_state(wrong.get(), GST_STATE_PLAYING);
  GstMessage *message = wrong.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr);
  Reports reports;
  reports.push_back(report_in(message));
  expect_part(reports[0].text, "audioconvert behind it");
  gst_message_unref(message);
}
GST_END_TEST;

// Each output gets what was left of it in the caps that it had.
GST_START_TEST(test_caps_change_behind_the_tail) {
  const Sent first = sent(2, "F32", 400);
  Sent then = sent(3, "S16", 400);
  Demixer demixer(splitting("params=\"p,rest=5\""), first, {"src_0", "src_1"});
  GstElement *from = demixer.source();
  GstCaps *caps = then.audio.caps();
  g_object_set(from, "caps", caps, nullptr);
  gst_caps_unref(caps);
  then.begin = gst_util_uint64_scale(400, GST_SECOND, 8000);
  send(from, then);
  gst_object_unref(from);
  demixer.play();
  for (const size_t output : {0, 1}) {
    const std::string all = demixer.heard[output].bytes();
    fail_unless_equals_int(int(all.size()), 405 * 4 + 405 * 2);
    std::vector<float> floats(405);
    memcpy(floats.data(), all.data(), 405 * 4);
    std::vector<gint16> words(405);
    memcpy(words.data(), all.data() + 405 * 4, 405 * 2);
    expect_frames(floats, 0, 400, channel(first, int(output)));
    expect_frames(words, 0, 400, channel(then, int(output)));
    for (size_t i = 400; i < 405; i++)
      fail_unless(floats[i] == 7 && words[i] == 7);
  }
  expect_part(log_text(), "start 3");
  demixer.expect_no_reports();
}
GST_END_TEST;

// What a plugin bound to .data is in the buffer; silence is an event, and a
// break is said of the output that it is of.
GST_START_TEST(test_what_a_plugin_says_of_one_output) {
  Demixer bound(splitting(doing("bind")), sent(3), {"src_0", "src_1", "src_2"});
  bound.play();
  expect_frames(bound.samples<float>(0), 0, 800, channel(sent(3), 0));
  expect_frames(bound.samples<float>(1), 0, 800, channel(sent(3), 1));
  // It was bound to what the first one was.
  expect_frames(bound.samples<float>(2), 0, 800, channel(sent(3), 0));
  fail_unless_equals_uint64(bound.stat("escapes"), 0);

  Demixer itself(splitting(doing("input_itself")), sent(2), {"src_0", "src_1"});
  itself.play();
  expect_frames(itself.samples<float>(1), 0, 800, channel(sent(2), 1, 0));
  fail_unless_equals_uint64(itself.stat("escapes"), 0);

  Demixer silent(splitting(doing("silence 3")), sent(2), {"src_0", "src_1"});
  silent.play();
  expect_frames(silent.samples<float>(0), 0, 800, channel(sent(2), 0));
  fail_unless_equals_int(int(silent.samples<float>(1).size()), 800 - 57);
  fail_unless_equals_int(*silent.gaps[1], 1);
  expect_frames(silent.samples<float>(1), 171, 800, channel(sent(2), 1), 57);

  // Whatever was in that memory before.
  Demixer untouched(splitting(doing("nothing 5")), sent(2), {"src_0"});
  untouched.play();
  expect_frames(untouched.samples<float>(0), 4 * 57, 5 * 57,
                [](size_t) { return 0; });
  untouched.expect_no_reports();

  Demixer broken(splitting(doing("break_second 3")), sent(2),
                 {"src_0", "src_1"});
  broken.play();
  fail_unless(!broken.heard[0].disconts()[2] && broken.heard[1].disconts()[2]);
  fail_unless(!broken.heard[1].disconts()[3]);
  for (const Demixer *each : {&bound, &itself, &silent, &broken})
    each->expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_failed_call_ends_the_stream_or_does_not) {
  for (const bool drops : {false, true}) {
    Demixer demixer(splitting(doing(drops ? "drop 3" : "fail 3",
                                    drops ? "" : "on-error=drop")),
                    sent(2), {"src_0", "src_1"});
    demixer.play();
    for (const size_t output : {0, 1}) {
      const std::vector<float> got = demixer.samples<float>(output);
      fail_unless_equals_int(int(got.size()), 800 - 57);
      expect_frames(got, 0, 114, channel(sent(2), int(output)));
      expect_frames(got, 171, 800, channel(sent(2), int(output)), 57);
      const std::vector<bool> breaks = demixer.heard[output].disconts();
      fail_unless(!breaks[1] && breaks[2] && !breaks[3]);
    }
    // What was dropped is no break of what comes in.
    fail_unless(!contains(log_text(), "reset"));
    fail_unless_equals_uint64(demixer.stat("dropped"), 1);
    fail_unless_equals_int(int(demixer.reports().size()), 1);
  }
  // Nothing of what the call wrote is heard.
  Demixer silent(splitting(doing("fail 3", "on-error=silence")), sent(2),
                 {"src_0", "src_1"});
  silent.play();
  const std::vector<float> got = silent.samples<float>(1);
  expect_frames(got, 0, 114, channel(sent(2), 1));
  expect_frames(got, 114, 171, [](size_t) { return 0; });
  expect_frames(got, 171, 800, channel(sent(2), 1));

  Demixer ended(splitting(doing("end 3")), sent(2), {"src_0", "src_1"});
  ended.play();
  fail_unless_equals_int(int(ended.samples<float>(0).size()), 114);
  ended.expect_no_reports();

  Demixer failed(splitting(doing("fail 3")), sent(2), {"src_0"});
  gst_element_set_state(failed.get(), GST_STATE_PLAYING);
  GstMessage *error = failed.wait_for(GST_MESSAGE_ERROR);
  fail_unless(error != nullptr);
  gst_message_unref(error);
  fail_unless_equals_int(int(failed.samples<float>(0).size()), 114);
}
GST_END_TEST;

GST_START_TEST(test_the_input_goes_through_one_output_where_the_plugin_fails) {
  Demixer demixer(splitting(doing("fail", "on-error=passthrough"), "Named"),
                  sent(2), {"src_mono", "src_all"});
  demixer.play();
  expect_frames(demixer.samples<float>(0), 0, 800, [](size_t) { return 0; });
  expect_frames(demixer.samples<float>(1), 0, 1600,
                [](size_t i) { return sent(2).sample(int(i % 2), i / 2); });

  Demixer none(splitting(doing("fail", "on-error=passthrough")), sent(2),
               {"src_0"});
  none.play();
  expect_frames(none.samples<float>(0), 0, 800, [](size_t) { return 0; });
  fail_unless_equals_int(
      count_in(none.reports().text(), "can go through no output"), 1);
}
GST_END_TEST;

GST_START_TEST(test_what_is_no_way_to_give_samples_is_told) {
  const struct {
    const char *what, *part;
  } wrongs[] = {
      {"write_input", "read-only"},
      {"give", "write outputs[NAME].data, and return nothing"},
      {"bind_input", "write outputs[NAME].data, and return nothing"},
      {"shape",
       "gave an array of shape (2, 3), not (1, 57); that is for the "
       "output 0"},
      {"dtype", "gave an array of float64, not float32"},
      {"delete", "deleted"},
      {"name", "there is no output 'vocals', only 0, 1"},
      {"change", "which outputs there are is decided by the element"},
      {"false", "returned False"},
  };
  for (const auto &wrong : wrongs) {
    Demixer demixer(splitting(doing(wrong.what, "on-error=drop")),
                    sent(2, "F32", 57), {"src_0", "src_1"});
    demixer.play();
    const Reports reports = demixer.reports();
    fail_unless(reports.size() == 1, "%s: %s", wrong.what,
                reports.text().c_str());
    expect_part(reports[0].text, wrong.part);
    expect_part(reports[0].text, "splitting.py");
    fail_unless(demixer.samples<float>(0).empty());
  }
  Demixer tail(splitting("on-error=drop", "WrongTail"), sent(2), {"src_0"});
  tail.play();
  expect_part(tail.reports().text(), "not a dict with an array for each");
}
GST_END_TEST;

GST_START_TEST(test_flows_are_combined_as_a_tee_does) {
  const struct {
    GstFlowReturn one, other, both;
  } cases[] = {
      {GST_FLOW_OK, GST_FLOW_OK, GST_FLOW_OK},
      {GST_FLOW_NOT_LINKED, GST_FLOW_OK, GST_FLOW_OK},
      {GST_FLOW_OK, GST_FLOW_NOT_LINKED, GST_FLOW_OK},
      {GST_FLOW_EOS, GST_FLOW_OK, GST_FLOW_OK},
      {GST_FLOW_OK, GST_FLOW_EOS, GST_FLOW_OK},
      {GST_FLOW_NOT_LINKED, GST_FLOW_EOS, GST_FLOW_EOS},
      {GST_FLOW_EOS, GST_FLOW_EOS, GST_FLOW_EOS},
      {GST_FLOW_EOS, GST_FLOW_NOT_LINKED, GST_FLOW_EOS},
      {GST_FLOW_NOT_LINKED, GST_FLOW_NOT_LINKED, GST_FLOW_NOT_LINKED},
      {GST_FLOW_ERROR, GST_FLOW_OK, GST_FLOW_ERROR},
      {GST_FLOW_OK, GST_FLOW_ERROR, GST_FLOW_ERROR},
      {GST_FLOW_FLUSHING, GST_FLOW_OK, GST_FLOW_FLUSHING},
  };
  for (const auto &each : cases) {
    Around around;
    fail_unless_equals_int(around.push(0), GST_FLOW_OK);
    around.to[0].flow = each.one;
    around.to[1].flow = each.other;
    fail_unless_equals_int(around.push(1), each.both);
  }
}
GST_END_TEST;

// And the plugin is not asked for what nobody gets.
GST_START_TEST(test_a_stream_that_nobody_gets_is_not_linked) {
  Around around;
  fail_unless_equals_int(around.push(0), GST_FLOW_OK);
  for (auto &each : around.to) {
    GstPad *src = gst_pad_get_peer(each.pad);
    gst_pad_unlink(src, each.pad);
    fail_unless_equals_int(
        around.push(1), &each == around.to ? GST_FLOW_OK : GST_FLOW_NOT_LINKED);
    gst_object_unref(src);
  }
  fail_unless_equals_uint64(around.element.stat("buffers"), 2);
}
GST_END_TEST;

GST_START_TEST(test_all_outputs_have_one_latency) {
  Around around(Properties{{"class", "Late"}});
  gst_pad_set_query_function(
      around.from, [](GstPad *pad, GstObject *parent, GstQuery *query) {
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
          return gst_pad_query_default(pad, parent, query);
        gst_query_set_latency(query, TRUE, GST_MSECOND, 2 * GST_MSECOND);
        return gboolean(TRUE);
      });
  const auto expect = [&](GstClockTime ours) {
    for (auto &each : around.to) {
      GstQuery *query = gst_query_new_latency();
      fail_unless(gst_pad_peer_query(each.pad, query));
      gboolean live;
      GstClockTime least, most;
      gst_query_parse_latency(query, &live, &least, &most);
      fail_unless(live);
      fail_unless_equals_uint64(least, ours + GST_MSECOND);
      fail_unless_equals_uint64(most, ours + 2 * GST_MSECOND);
      gst_query_unref(query);
    }
  };
  fail_unless_equals_int(around.push(0), GST_FLOW_OK);
  expect(100 * GST_MSECOND);
  around.element.set("params", "p,seconds=0.25");
  fail_unless_equals_int(around.push(1), GST_FLOW_OK);
  GstMessage *message = next_message(around.element.bus(), GST_MESSAGE_LATENCY,
                                     GstClockTime(patience) * GST_SECOND);
  fail_unless(message != nullptr);
  gst_message_unref(message);
  expect(250 * GST_MSECOND);
}
GST_END_TEST;

GST_START_TEST(test_what_a_pad_cannot_be_is_said) {
  const struct {
    const char *cls, *pad, *part;
  } wrongs[] = {{"Named", "src_0", "its pads are src_mono, src_all"},
                {"Named", "src_x", "no output for the pad src_x"},
                {"Splitting", "src_a", "its pads are src_0, src_1"}};
  for (const auto &wrong : wrongs) {
    Demixer demixer(splitting("", wrong.cls), sent(1, "F32", 0), {wrong.pad});
    fail_unless(!demixer.to(GST_STATE_PAUSED));
    const Reports reports = demixer.reports();
    fail_unless_equals_int(int(reports.size()), 1);
    expect_part(reports[0].text, wrong.part);
  }
}
GST_END_TEST;

Suite *demixer_suite() {
  Suite *suite = suite_create("demixer");
  TCase *demixer = new_case(suite, "demixer");
  tcase_add_test(demixer, test_channels_come_apart);
  tcase_add_test(demixer, test_mid_and_side_come_apart);
  tcase_add_test(demixer, test_buffers_become_longer);
  tcase_add_test(demixer, test_what_nobody_is_linked_to_costs_nothing);
  tcase_add_test(demixer, test_outputs_have_caps_of_their_own);
  tcase_add_test(demixer, test_the_input_is_what_goes_with_all_outputs);
  tcase_add_test(demixer, test_caps_change_behind_the_tail);
  tcase_add_test(demixer, test_what_a_plugin_says_of_one_output);
  tcase_add_test(demixer, test_a_failed_call_ends_the_stream_or_does_not);
  tcase_add_test(demixer,
                 test_the_input_goes_through_one_output_where_the_plugin_fails);
  tcase_add_test(demixer, test_what_is_no_way_to_give_samples_is_told);
  tcase_add_test(demixer, test_flows_are_combined_as_a_tee_does);
  tcase_add_test(demixer, test_a_stream_that_nobody_gets_is_not_linked);
  tcase_add_test(demixer, test_all_outputs_have_one_latency);
  tcase_add_test(demixer, test_what_a_pad_cannot_be_is_said);
  return suite;
}

GST_CHECK_MAIN(demixer);
