// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Threads that all want something of one element, and many elements at once.
#include <atomic>
#include <mutex>
#include <thread>

#include "../harness.hpp"

using namespace check;

namespace {

gulong run_time() {
  return few() ? 300000 : 1000000;  // µs
}

const char *const stress_plugins[] = {"inplace.py", "keeper.py", "delay.py",
                                      "meter.py"};

GstHarnessThread *push_buffers(Stream *stream) {
  GstCaps *caps = stream->audio().caps();
  GstBuffer *buffer = new_buffer(stream->audio());
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstHarnessThread *thread = gst_harness_stress_push_buffer_start(
      stream->harness(), caps, &segment, buffer);
  gst_buffer_unref(buffer);
  gst_caps_unref(caps);
  return thread;
}

GstHarnessThread *set_property(Stream *stream, const char *name,
                               const char *text) {
  GValue value = G_VALUE_INIT;
  GParamSpec *spec =
      g_object_class_find_property(G_OBJECT_GET_CLASS(stream->get()), name);
  g_value_init(&value, G_PARAM_SPEC_VALUE_TYPE(spec));
  fail_unless(gst_value_deserialize(&value, text));
  GstHarnessThread *thread =
      gst_harness_stress_property_start(stream->harness(), name, &value);
  g_value_unset(&value);
  return thread;
}

// Reads what others write.
class Reader {
 public:
  explicit Reader(const Element &element)
      : thread_([this, &element] {
          while (!over_) {
            element.stat("buffers");
            element.text_of("params");
            g_usleep(500);
          }
        }) {}
  ~Reader() {
    over_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

// Pushes one buffer after the other.
class Pusher {
 public:
  explicit Pusher(Stream *stream)
      : thread_([this, stream] {
          while (!over_) {
            {
              std::lock_guard<std::mutex> lock(mutex_);
              stream->push_frames(512);
            }
            g_usleep(1);
          }
        }) {}
  ~Pusher() {
    over_ = true;
    thread_.join();
  }
  // Between two buffers, until the lock goes.
  std::unique_lock<std::mutex> pause() {
    return std::unique_lock<std::mutex>(mutex_);
  }

 private:
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::thread thread_;
};

void expect_no_errors(const Element &element) {
  for (const Report &report : element.reports())
    fail_unless(report.type != GST_MESSAGE_ERROR, "%s", report.text.c_str());
}

}  // namespace

GST_START_TEST(test_properties_while_buffers_flow) {
  // Most of them refuse the parameters, which must not end the stream.
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2},
                {{"on-error", "silence"}});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  {
    Reader reader(stream);
    GstHarnessThread *threads[] = {
        set_property(&stream, "params", "p,sample=(string)1,frames=(int)30;"),
        set_property(&stream, "on-error", "silence"),
        push_buffers(&stream),
    };
    g_usleep(run_time());
    for (GstHarnessThread *thread : threads)
      fail_unless(gst_harness_stress_thread_stop(thread) > 0);
  }
  fail_unless(stream.stat("buffers") > 0);
}
GST_END_TEST;

GST_START_TEST(test_states_while_properties_change) {
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2},
                {{"on-error", "silence"}});
  GstHarnessThread *threads[] = {
      gst_harness_stress_statechange_start(stream.harness()),
      set_property(&stream, "params", "p,sample=(string)1,frames=(int)30;"),
      set_property(&stream, "on-error", "silence"),
  };
  g_usleep(run_time());
  for (GstHarnessThread *thread : threads)
    fail_unless(gst_harness_stress_thread_stop(thread) > 0);
  expect_no_errors(stream);
}
GST_END_TEST;

GST_START_TEST(test_states_while_buffers_flow) {
  Stream stream(plugin_file(stress_plugins[__i__]), {"F32", false, 2});
  gst_harness_set_drop_buffers(stream.harness(), TRUE);
  {
    Reader reader(stream);
    Pusher pusher(&stream);
    const gint64 end = g_get_monotonic_time() + gint64(run_time());
    for (int i = 0; g_get_monotonic_time() < end || i < 5; i++) {
      g_usleep(3000);
      // In the middle of a call; the events come before the next buffer.
      fail_unless(stream.to(i % 2 ? GST_STATE_READY : GST_STATE_NULL));
      const auto lock = pusher.pause();
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
    Pusher pusher(&stream);
    const gint64 end = g_get_monotonic_time() + gint64(run_time());
    while (g_get_monotonic_time() < end || stream.stat("buffers") == 0) {
      g_usleep(1000);
      // In the middle of a call, and then a segment before the next buffer.
      stream.push_event(gst_event_new_flush_start());
      const auto lock = pusher.pause();
      stream.push_event(gst_event_new_flush_stop(TRUE));
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      stream.push_event(gst_event_new_segment(&segment));
    }
  }
  expect_no_errors(stream);
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
  const int rounds = few() ? 20 : 500;
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
  const int lives = few() ? 3 : 20;
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
  TCase *one = new_case(suite, "one element", 120);
  const int count = int(std::size(stress_plugins));
  tcase_add_loop_test(one, test_properties_while_buffers_flow, 0, count);
  tcase_add_loop_test(one, test_states_while_properties_change, 0, count);
  tcase_add_loop_test(one, test_states_while_buffers_flow, 0, count);
  tcase_add_loop_test(one, test_flushes_while_buffers_flow, 0, count);
  TCase *many = new_case(suite, "many elements", 120);
  tcase_add_test(many,
                 test_many_elements_in_parallel_do_not_disturb_each_other);
  tcase_add_test(many, test_elements_come_and_go_in_parallel);
  return suite;
}

GST_CHECK_MAIN(stress)
