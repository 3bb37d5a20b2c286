// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a process runs out of: threads and descriptors. Whoever needs one says
// so, nobody waits or spins, and all is well when there are some again.
#include <atomic>
#include <dirent.h>
#include <dlfcn.h>
#include <sys/resource.h>

#include "../support/conversion.hpp"
#include "../support/waiting.hpp"

using namespace check;

namespace {

std::atomic<bool> no_threads{false};

}  // namespace

// In place of that of the C library, for all that this program loads.
extern "C" int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                              void *(*run)(void *), void *data) noexcept {
  using Create =
      int(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  static auto *const create =
      reinterpret_cast<Create *>(dlsym(RTLD_NEXT, "pthread_create"));
  return no_threads ? EAGAIN : create(thread, attr, run, data);
}

namespace {

class NoThreads {
 public:
  NoThreads() { no_threads = true; }
  ~NoThreads() { no_threads = false; }
};

constexpr char none_left[] = "no thread can be started";

int highest_descriptor() {
  int highest = 0;
  DIR *all = opendir("/proc/self/fd");
  while (const dirent *entry = readdir(all))
    highest = std::max(highest, atoi(entry->d_name));
  closedir(all);
  return highest;
}

// There are only so many.
class FewDescriptors {
 public:
  explicit FewDescriptors(int count) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = rlim_t(highest_descriptor() + 1 + count);
    fail_unless_equals_int(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int each; (each = dup(STDERR_FILENO)) >= 0;)
      held_.push_back(each);
    for (; count > 0; count--, held_.pop_back())
      close(held_.back());
  }
  ~FewDescriptors() {
    for (const int each : held_)
      close(each);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  std::vector<int> held_;
  rlimit before_;
};

// Of all threads; a busy machine makes it no longer.
double cpu_seconds() {
  timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return double(used.tv_sec) + double(used.tv_nsec) / 1e9;
}

std::string doubling() {
  return plugin_file("inplace.py");
}

}  // namespace

// First of all, as what it needs is started once in a process.
GST_START_TEST(test_no_thread_for_the_first_plugin) {
  for (int i = 0; i < 2; i++) {
    Element element(doubling());
    const NoThreads none;
    fail_unless(!element.to(GST_STATE_READY));
    expect_part(element.reports().text(), none_left);
  }
  Stream(doubling()).expect_through(doubled);
}
GST_END_TEST;

GST_START_TEST(test_no_descriptor_for_a_plugin) {
  // Python in this process can be started once, with or without what it needs.
  if (!in_process()) Stream(doubling()).expect_through(doubled);
  int failed = 0;
  for (int more = 0; more < 24; more++) {
    Element element(doubling());
    {
      const FewDescriptors few(more);
      if (element.to(GST_STATE_READY)) continue;
    }
    failed++;
    const std::string told = element.reports().text();
    fail_unless(contains(told, "Too many open files") ||
                    contains(told, "no descriptor is left"),
                "%d: %s", more, told.c_str());
    // At once, and nobody looks after what there is none of.
    Stream(doubling()).expect_through(doubled);
    const double used = cpu_seconds();
    g_usleep(100000);
    fail_unless(cpu_seconds() - used < 0.05, "%d: %f s", more,
                cpu_seconds() - used);
  }
  fail_unless(failed > 0);
}
GST_END_TEST;

GST_START_TEST(test_plugin_takes_every_descriptor) {
  Stream stream(write_file("hog.py", R"(
import os, resource
class Hog:
    held = ()
    def process_audio(self, buffer):
        if not self.held:
            self.before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (200, self.before[1]))
            self.held = []
            try:
                while True:
                    self.held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
        buffer.data *= 2
    def stop(self):
        for each in self.held:
            os.close(each)
        if self.held:
            resource.setrlimit(resource.RLIMIT_NOFILE, self.before)
)"),
                {}, {{"on-error", "silence"}});
  // Larger ones need more memory to share, and that a descriptor.
  for (const size_t frames : {64, 10000, 100000, 64}) {
    fail_unless_equals_int(stream.push_frames(frames), GST_FLOW_OK);
    GstBuffer *out = stream.pull();
    fail_unless(out != nullptr);
    if (!in_process()) expect_samples(out, stream.audio(), doubled);
    gst_buffer_unref(out);
  }
  fail_unless(stream.to(GST_STATE_NULL));
  Stream(doubling()).expect_through(doubled);
}
GST_END_TEST;

GST_START_TEST(test_no_thread_for_another_worker) {
  Stream stream(write_file("ends.py", R"(
import os
class Ends:
    def set_parameter(self, key, value):
        os._exit(3)
    def process_audio(self, buffer):
        buffer.data *= 2
)"),
                {}, {{"on-error", "silence"}, {"max-restarts", "1000"}});
  stream.expect_through(doubled);
  {
    const NoThreads none;
    stream.set("params", "p,end=1");
    for (int i = 0; i < 3; i++)
      gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  }
  expect_part(stream.reports().text(), none_left);
  fail_unless(wait_until([&] {
    const guint64 errors = stream.stat("errors");
    gst_buffer_unref(stream.through(new_buffer(stream.audio())));
    return stream.stat("errors") == errors;
  }));
  stream.expect_through(doubled);
}
GST_END_TEST;

GST_START_TEST(test_no_thread_to_reload) {
  Stream stream(doubling());
  gboolean asked = TRUE;
  {
    const NoThreads none;
    g_signal_emit_by_name(stream.get(), "reload", &asked);
    fail_unless(!asked);
    stream.set("reload", "true");
  }
  const std::string told = stream.reports().text();
  expect_part(told, std::string("the old code plays on: ") + none_left);
  expect_part(told, std::string("cannot be watched: ") + none_left);
  g_signal_emit_by_name(stream.get(), "reload", &asked);
  fail_unless(asked);
  stream.expect_through(doubled);
}
GST_END_TEST;

// Until there is one the call goes on, and then it is interrupted.
GST_START_TEST(test_no_thread_to_interrupt) {
  Stream stream(write_file("loops.py", R"(
import time
from checklog import say
def process_audio(buffer):
    say("in process_audio")
    while True:
        time.sleep(0.01)
)"));
  std::atomic<bool> stops{false};
  std::thread caller([&] { stream.push_frames(); });
  std::thread stopper([&] {
    wait_until([&] { return stops.load(); });
    stream.to(GST_STATE_NULL);
  });
  fail_unless(wait_for_log("in process_audio"));
  {
    const NoThreads none;
    stops = true;
    // So that it has been tried.
    g_usleep(1300000);
  }
  stopper.join();
  caller.join();
  expect_part(stream.reports().text(), "was still running a second");
}
GST_END_TEST;

GST_START_TEST(test_no_thread_for_what_comes_back) {
  Conversion stream(plugin_file("making.py"), "application/x-in", nullptr,
                    {{"params", "p,kind=bytes"}});
  const auto through = [&] {
    GstBuffer *in = gst_buffer_new_allocate(nullptr, 256, nullptr);
    gst_buffer_memset(in, 0, 0, 256);
    fail_unless_equals_int(stream.through(in).size(), 1);
  };
  {
    const NoThreads none;
    for (int i = 0; i < 3; i++)
      through();
  }
  through();
  stream.expect_no_reports();
}
GST_END_TEST;

static Suite *shortage_suite() {
  Suite *suite = suite_create("shortage");
  TCase *first = new_case(suite, "first");
  tcase_add_test(first, test_no_thread_for_the_first_plugin);
  TCase *threads = new_case(suite, "threads");
  tcase_add_test(threads, test_no_thread_for_what_comes_back);
  if (in_process()) tcase_add_test(threads, test_no_thread_for_another_worker);
  tcase_add_test(threads, test_no_thread_to_reload);
  tcase_add_test(threads, test_no_thread_to_interrupt);
  TCase *descriptors = new_case(suite, "descriptors");
  tcase_add_test(descriptors, test_no_descriptor_for_a_plugin);
  tcase_add_test(descriptors, test_plugin_takes_every_descriptor);
  return suite;
}

GST_CHECK_MAIN(shortage)
