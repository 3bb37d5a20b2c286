// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The element's own locking, over a bridge without Python (fake_bridge.cpp):
// meant for ThreadSanitizer, which would not understand an interpreter.
#include <mutex>

#include "../support/again.hpp"
#include "../support/conversion.hpp"
#include "../support/parameters.hpp"
#include "../support/pipeline.hpp"

using namespace check;

namespace {

// How often each of the threads does what it does.
const int times = soak_count(200, 5000);

void ask_latency(const Element &element) {
  GstPad *pad = gst_element_get_static_pad(element.get(), "src");
  GstQuery *query = gst_query_new_latency();
  gst_pad_query(pad, query);
  gst_query_unref(query);
  gst_object_unref(pad);
}

void ask_caps(const Element &element) {
  GstPad *pad = gst_element_get_static_pad(element.get(), "sink");
  gst_caps_unref(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
}

}  // namespace

GST_START_TEST(test_fake_bridge_is_in_use) {
  Stream stream("none.py", {}, {{"params", "p,factor=2"}});
  stream.expect_through(doubled);
  fail_unless(!contains(read_file("/proc/self/maps"), "numpy"));
}
GST_END_TEST;

GST_START_TEST(test_properties_and_queries_while_buffers_flow) {
  Stream stream("none.py", {}, {{"on-error", "passthrough"}});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  Again pushing([&] { stream.push_frames(); });
  Again setting([&] {
    stream.set("params", "p,factor=2,other=x");
    stream.set("on-error", "silence");
    stream.set("stats-interval", "1");
    stream.set("params", "p,factor=3");
    stream.set("on-error", "drop");
    stream.set("stats-interval", "0");
    stream.set("script", "refused.py");
  });
  const Child child = child_of(stream.get());
  Again setting_by_name([&] {
    g_object_set(child.get(), "factor", gint64(4), nullptr);
    g_object_set(child.get(), "factor", gint64(0), nullptr);
    g_object_set(child.get(), "factor", gint64(5), nullptr);
  });
  Again reading([&] {
    stream.text_of("params");
    const std::string factor = text_of(child.get(), "factor");
    fail_unless(factor == "1" || factor == "2" || factor == "3" ||
                factor == "4" || factor == "5");
    stream.text_of("script");
    stream.text_of("on-error");
    stream.stat("call-p99");
  });
  Again asking([&] {
    ask_latency(stream);
    ask_caps(stream);
    stream.reports();
  });
  for (Again *each : {&pushing, &setting, &setting_by_name, &reading, &asking})
    each->wait_for(times);
  for (Again *each : {&pushing, &setting, &setting_by_name, &reading, &asking})
    each->stop();
  fail_unless(stream.stat("escapes") > 0);
  fail_unless(stream.stat("errors") > 0);
}
GST_END_TEST;

GST_START_TEST(test_states_while_buffers_flow) {
  Stream stream("none.py", {}, {{"on-error", "drop"}});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  // Held for a push, and to start again: ThreadSanitizer does not see the locks
  // by which GStreamer says that an element has started. Stopping needs none.
  Turns starting;
  Again pushing([&] {
    const auto turn = starting.again();
    stream.push_frames();
  });
  Again reading([&] {
    stream.text_of("params");
    if (const Child child = child_of(stream.get())) {
      g_object_set(child.get(), "factor", gint64(2), nullptr);
      text_of(child.get(), "factor");
    }
    stream.stat("buffers");
    ask_latency(stream);
    stream.reports();
  });
  for (int lives = 0; lives < soak_count(50, 1000); lives++) {
    pushing.wait_for_more();
    fail_unless(stream.to(lives % 2 ? GST_STATE_READY : GST_STATE_NULL));
    const auto turn = starting.now();
    stream.play_again();
  }
  reading.wait_for(times);
}
GST_END_TEST;

GST_START_TEST(test_reloads_while_buffers_flow) {
  Stream stream("none.py", {}, {{"on-error", "drop"}});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  Again pushing([&] { stream.push_frames(); });
  Again reloading([&] {
    gboolean asked = FALSE;
    g_signal_emit_by_name(stream.get(), "reload", &asked);
    fail_unless(asked);
    g_usleep(500);
  });
  Again setting([&] {
    stream.set("params", "p,factor=2,other=x");
    if (const Child child = child_of(stream.get()))
      g_object_set(child.get(), "factor", gint64(4), nullptr);
  });
  Again reading([&] {
    stream.text_of("params");
    if (const Child child = child_of(stream.get()))
      text_of(child.get(), "factor");
    stream.stat("buffers");
    ask_latency(stream);
    ask_caps(stream);
  });
  for (Again *each : {&reloading, &setting, &reading, &pushing})
    each->wait_for(times);
  guint64 count = 0;
  fail_unless(wait_until([&] {
    GstMessage *message = next_message(stream.bus(), GST_MESSAGE_ELEMENT);
    if (!message) return false;
    const GstStructure *fields = gst_message_get_structure(message);
    if (gst_structure_has_name(fields, "pythonfilter-reloaded"))
      gst_structure_get_uint64(fields, "count", &count);
    gst_message_unref(message);
    return count > 1;
  }));
  for (Again *each : {&reloading, &setting, &reading, &pushing})
    each->stop();
}
GST_END_TEST;

// Its inputs are set, and it flushes, is asked and is reloaded. They do not
// come and go here: ThreadSanitizer does not see the lock by which GStreamer
// hands a pad over; mixing.cpp has that.
GST_START_TEST(test_mixers_inputs_while_it_plays) {
  const std::string tone =
      " audiotestsrc ! audio/x-raw,format=F32LE,rate=8000,channels=1 ! "
      "python.sink_";
  Pipeline pipeline(
      "pythonmixer name=python script=none.py on-error=drop"
      " ! fakesink sync=false" +
      tone + "0" + tone + "1");
  GstElement *python = pipeline.python();
  const Output output(python);
  pipeline.expect_to(GST_STATE_PLAYING);
  Again setting([&] {
    gst_util_set_object_arg(G_OBJECT(python), "params", "p,factor=3");
    GstPad *pad = gst_element_get_static_pad(python, "sink_1");
    gst_util_set_object_arg(G_OBJECT(pad), "params", "p,gain=0.5");
    GstStructure *params = nullptr;
    g_object_get(pad, "params", &params, nullptr);
    if (params) gst_structure_free(params);
    gst_object_unref(pad);
    gst_util_set_object_arg(G_OBJECT(python), "params", "p,factor=2");
    g_usleep(100);
  });
  Again reading([&] {
    stat_of(python, "copies");
    GstQuery *query = gst_query_new_latency();
    gst_element_query(python, query);
    gst_query_unref(query);
    GstPad *pad = gst_element_get_static_pad(python, "sink_0");
    gst_caps_unref(gst_pad_query_caps(pad, nullptr));
    gst_object_unref(pad);
    g_usleep(100);
  });
  Again reloading([&] {
    gboolean asked = FALSE;
    g_signal_emit_by_name(python, "reload", &asked);
    g_usleep(2000);
  });
  for (Again *each : {&setting, &reading, &reloading})
    each->wait_for(times / 4);
  const size_t before = output.count();
  fail_unless(output.wait_for(before + 5));
  for (Again *each : {&setting, &reading, &reloading})
    each->stop();
}
GST_END_TEST;

// Likewise.
GST_START_TEST(test_a_demixer_is_asked_while_it_plays) {
  Pipeline pipeline(
      "audiotestsrc ! audio/x-raw,format=F32LE,rate=8000,channels=1 ! "
      "pythondemixer name=python script=none.py on-error=drop"
      " python.src_0 ! fakesink sync=false async=false"
      " python.src_1 ! fakesink sync=false async=false");
  GstElement *python = pipeline.python();
  const Output output(python, "src_1");
  pipeline.expect_to(GST_STATE_PLAYING);
  Again setting([&] {
    gst_util_set_object_arg(G_OBJECT(python), "params", "p,factor=3");
    gst_util_set_object_arg(G_OBJECT(python), "on-error", "silence");
    gst_util_set_object_arg(G_OBJECT(python), "params", "p,factor=2");
    g_usleep(100);
  });
  Again reading([&] {
    stat_of(python, "copies");
    for (const char *name : {"src_0", "sink"}) {
      GstPad *pad = gst_element_get_static_pad(python, name);
      GstQuery *query = gst_query_new_latency();
      gst_pad_query(pad, query);
      gst_query_unref(query);
      gst_caps_unref(gst_pad_query_caps(pad, nullptr));
      gst_object_unref(pad);
    }
    g_usleep(100);
  });
  Again reloading([&] {
    gboolean asked = FALSE;
    g_signal_emit_by_name(python, "reload", &asked);
    g_usleep(2000);
  });
  for (Again *each : {&setting, &reading, &reloading})
    each->wait_for(times / 4);
  const size_t before = output.count();
  fail_unless(output.wait_for(before + 5));
  for (Again *each : {&setting, &reading, &reloading})
    each->stop();
}
GST_END_TEST;

// Buffers of a converting plugin, dropped by others while it makes more.
GST_START_TEST(test_outputs_are_dropped_while_buffers_flow) {
  Conversion stream("converting", STEREO);
  std::mutex mutex;
  std::vector<OwnedBuffer> held;  // guarded by mutex
  Again pushing([&] {
    for (OwnedBuffer &out : stream.through(new_buffer({}))) {
      std::lock_guard<std::mutex> lock(mutex);
      held.push_back(std::move(out));
    }
  });
  const auto drop = [&] {
    OwnedBuffer dropped;
    std::lock_guard<std::mutex> lock(mutex);
    if (held.empty()) return;
    dropped = std::move(held.back());
    held.pop_back();
  };
  Again dropping(drop), also_dropping(drop);
  Again asking([&] {
    ask_caps(stream);
    ask_latency(stream);
    stream.stat("copies");
  });
  for (Again *each : {&pushing, &dropping, &also_dropping, &asking})
    each->wait_for(times);
  for (Again *each : {&pushing, &dropping, &also_dropping, &asking})
    each->stop();
  stream.expect_output_caps("application/x-out");
  stream.expect_no_reports();
}
GST_END_TEST;

static Suite *threads_suite() {
  Suite *suite = suite_create("threads");
  TCase *threads = new_case(suite, "threads");
  tcase_add_test(threads, test_fake_bridge_is_in_use);
  tcase_add_test(threads, test_properties_and_queries_while_buffers_flow);
  tcase_add_test(threads, test_states_while_buffers_flow);
  tcase_add_test(threads, test_reloads_while_buffers_flow);
  tcase_add_test(threads, test_mixers_inputs_while_it_plays);
  tcase_add_test(threads, test_a_demixer_is_asked_while_it_plays);
  tcase_add_test(threads, test_outputs_are_dropped_while_buffers_flow);
  return suite;
}

GST_CHECK_MAIN(threads)
