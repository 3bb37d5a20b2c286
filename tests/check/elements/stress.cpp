// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Threads that all want something of one element, and many elements at once.
#include "../support/again.hpp"
#include "../support/pipeline.hpp"
#include "../support/sink.hpp"

using namespace check;

namespace {

const char *const stress_plugins[] = {"inplace.py", "keeper.py", "delay.py",
                                      "meter.py"};

// Reads what others write.
std::function<void()> reading(const Element &element) {
  return [&element] {
    element.stat("buffers");
    element.text_of("params");
    g_usleep(500);
  };
}

// Most of the plugins refuse them, which must not end the stream.
std::function<void()> setting(Element *element) {
  return [element] {
    element->set("params", "p,sample=(string)1,frames=(int)30;");
    element->set("on-error", "silence");
  };
}

// What comes by at a pad, with the lock of its stream, stays there until the
// pad is not active any more: as what waited for that lock while somebody else
// ended the stream.
class HeldUp {
 public:
  HeldUp(GstElement *element, const char *pad, GstPadProbeType what)
      : pad_(gst_element_get_static_pad(element, pad)) {
    gst_pad_add_probe(pad_, what, hold, &is_here_, nullptr);
  }
  ~HeldUp() { gst_object_unref(pad_); }

  // Ends the stream when what `send` sends is here; what came of it.
  bool over(const std::function<bool()> &send,
            const std::function<void()> &end) {
    bool sent = true;
    std::thread thread([&] { sent = send(); });
    fail_unless(wait_until([&] { return is_here_.load(); }));
    end();
    thread.join();
    return sent;
  }
  GstPad *pad() const { return pad_; }

 private:
  static GstPadProbeReturn hold(GstPad *pad, GstPadProbeInfo *info,
                                gpointer is_here) {
    const bool meant = info->type & GST_PAD_PROBE_TYPE_EVENT_FLUSH
                           ? GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) ==
                                 GST_EVENT_FLUSH_STOP
                           : GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) ==
                                 GST_QUERY_CONVERT;
    if (!meant) return GST_PAD_PROBE_OK;
    *static_cast<std::atomic<bool> *>(is_here) = true;
    fail_unless(wait_until([=] { return !gst_pad_is_active(pad); }));
    return GST_PAD_PROBE_OK;
  }

  GstPad *const pad_;
  std::atomic<bool> is_here_{false};
};

constexpr char says_what_is_called[] = R"(
import base_plugin, checklog
class Says(base_plugin.AudioSourcePlugin):
    def reset(self): checklog.say("reset")
    def get_duration(self): return 480000
    def seek(self, frame): checklog.say("seek", frame)
    def process_audio(self, buffer): pass
    def write_audio(self, buffer): pass
    def read_audio(self, buffer): pass
)";

void expect_no_errors(const Element &element) {
  for (const Report &report : element.reports())
    fail_unless(report.type != GST_MESSAGE_ERROR, "%s", report.text.c_str());
}

}  // namespace

GST_START_TEST(test_properties_while_buffers_flow) {
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2},
                {{"on-error", "silence"}});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  Again read(reading(stream)), set(setting(&stream)),
      also_set(setting(&stream));
  Again push([&] { stream.push_frames(512); });
  for (const Again *each : {&read, &set, &also_set, &push})
    each->wait_for(soak_count(50, 1000));
}
GST_END_TEST;

GST_START_TEST(test_states_while_properties_change) {
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2},
                {{"on-error", "silence"}});
  {
    Again set(setting(&stream)), also_set(setting(&stream));
    for (int i = 0; i < soak_count(20, 300); i++) {
      set.wait_for_more();
      fail_unless(stream.to(i % 2 ? GST_STATE_READY : GST_STATE_NULL));
      set.wait_for_more();
      fail_unless(stream.to(GST_STATE_PLAYING));
    }
  }
  expect_no_errors(stream);
}
GST_END_TEST;

GST_START_TEST(test_states_while_buffers_flow) {
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  {
    Again read(reading(stream));
    Turns turns;
    Again push([&] {
      const auto turn = turns.again();
      stream.push_frames(512);
    });
    for (int i = 0; i < soak_count(20, 300); i++) {
      push.wait_for_more();
      // In the middle of a call; the events come before the next buffer.
      fail_unless(stream.to(i % 2 ? GST_STATE_READY : GST_STATE_NULL));
      const auto turn = turns.now();
      stream.play_again();
    }
  }
  expect_no_errors(stream);
}
GST_END_TEST;

GST_START_TEST(test_flushes_while_buffers_flow) {
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  {
    Turns turns;
    Again push([&] {
      const auto turn = turns.again();
      stream.push_frames(512);
    });
    for (int i = 0; i < soak_count(50, 1000); i++) {
      push.wait_for_more();
      // In the middle of a call, and then a segment before the next buffer.
      stream.push_event(gst_event_new_flush_start());
      const auto turn = turns.now();
      stream.push_event(gst_event_new_flush_stop(TRUE));
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      stream.push_event(gst_event_new_segment(&segment));
    }
  }
  expect_no_errors(stream);
}
GST_END_TEST;

// Nothing of it comes to the plugin, which is about to be stopped.
template <typename Flushed>
void expect_late_flush_refused(Flushed *stream) {
  const auto flush = [=] {
    stream->push_event(gst_event_new_flush_start());
    return stream->push_event(gst_event_new_flush_stop(TRUE));
  };
  fail_unless(flush());
  fail_unless(wait_for_log("reset"));
  HeldUp held(stream->get(), "sink", GST_PAD_PROBE_TYPE_EVENT_FLUSH);
  fail_if(held.over(flush, [=] { stream->to(GST_STATE_READY); }));
  assert_equals_int(count_in(log_text(), "reset"), 1);
  stream->expect_no_reports();
}

GST_START_TEST(test_a_flush_that_waited_until_the_stream_was_over) {
  const std::string file = write_file("says.py", says_what_is_called);
  if (__i__ == 0) {
    Stream stream(file);
    expect_late_flush_refused(&stream);
  } else {
    Sink sink(file);
    expect_late_flush_refused(&sink);
  }
}
GST_END_TEST;

// In the middle of an event that goes through, with the lock of the stream.
GST_START_TEST(test_a_flush_begins_beside_what_streams) {
  Stream stream(plugin_file("inplace.py"));
  GstPad *src = gst_element_get_static_pad(stream.get(), "src");
  gst_pad_add_probe(
      src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer stream) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) ==
            GST_EVENT_CUSTOM_DOWNSTREAM)
          std::thread([=] {
            static_cast<Stream *>(stream)->push_event(
                gst_event_new_flush_start());
          }).join();
        return GST_PAD_PROBE_OK;
      },
      &stream, nullptr);
  stream.push_event(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                         gst_structure_new_empty("check")));
  fail_unless(stream.push_event(gst_event_new_flush_stop(TRUE)));
  gst_object_unref(src);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_seek_that_waited_until_the_stream_was_over) {
  const Pipeline pipeline(
      line_of("pythonsrc", write_file("says.py", says_what_is_called)) +
      " ! audio/x-raw,rate=48000 ! fakesink");
  pipeline.expect_to(GST_STATE_PAUSED);
  // How far it is from the end in frames is asked of the pad with that lock.
  HeldUp held(pipeline.python(), "src", GST_PAD_PROBE_TYPE_QUERY_UPSTREAM);
  const auto seek = [&] {
    return gst_pad_send_event(
        held.pad(),
        gst_event_new_seek(1, GST_FORMAT_DEFAULT, GST_SEEK_FLAG_FLUSH,
                           GST_SEEK_TYPE_END, -4800, GST_SEEK_TYPE_NONE, 0));
  };
  fail_if(held.over(seek, [&] { pipeline.to(GST_STATE_READY); }));
  fail_if(contains(log_text(), "seek"));
  pipeline.expect_null();
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_many_elements_in_parallel_do_not_disturb_each_other) {
  const std::string file = write_file("times.py", R"(
class Times:
    formats = ("F32", "S16")
    factor = 0
    def set_parameter(self, key, value):
        self.factor = int(value)
    def process_audio(self, buffer):
        buffer.data *= self.factor
)");
  const int rounds = soak_count(20, 500);
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int factor = 1; factor <= 8; factor++) {
    threads.emplace_back([&, factor] {
      const Audio audio = {factor % 2 ? "F32" : "S16", factor % 3 == 0};
      Stream stream(file, audio,
                    {{"params", "p,factor=" + std::to_string(factor)}});
      for (int i = 0; i < rounds; i++)
        stream.expect_through(
            [&](int c, size_t f) { return factor * number_at(c, f); },
            size_t(16 + i % 50));
      done += stream.stat("buffers") == guint64(rounds);
    });
  }
  for (std::thread &thread : threads)
    thread.join();
  fail_unless_equals_int(done, 8);
}
GST_END_TEST;

GST_START_TEST(test_elements_come_and_go_in_parallel) {
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  const int lives = soak_count(3, 20);
  for (int t = 0; t < 6; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < lives; i++) {
        Element element(plugin_file(stress_plugins[(t + i) % 4]));
        ready += element.to(GST_STATE_PLAYING);
        element.to(GST_STATE_NULL);
      }
    });
  }
  for (std::thread &thread : threads)
    thread.join();
  fail_unless_equals_int(ready, 6 * lives);
}
GST_END_TEST;

static Suite *stress_suite() {
  Suite *suite = suite_create("stress");
  TCase *one = new_case(suite, "one element");
  const int count = int(std::size(stress_plugins));
  tcase_add_loop_test(one, test_properties_while_buffers_flow, 0, count);
  tcase_add_loop_test(one, test_states_while_properties_change, 0, count);
  tcase_add_loop_test(one, test_states_while_buffers_flow, 0, count);
  tcase_add_loop_test(one, test_flushes_while_buffers_flow, 0, count);
  tcase_add_loop_test(one, test_a_flush_that_waited_until_the_stream_was_over,
                      0, 2);
  tcase_add_test(one, test_a_flush_begins_beside_what_streams);
  tcase_add_test(one, test_a_seek_that_waited_until_the_stream_was_over);
  TCase *many = new_case(suite, "many elements");
  tcase_add_test(many,
                 test_many_elements_in_parallel_do_not_disturb_each_other);
  tcase_add_test(many, test_elements_come_and_go_in_parallel);
  return suite;
}

GST_CHECK_MAIN(stress)
