// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How long the objects of a converting plugin live: as long as a buffer needs
// them, whoever drops it and whenever, and no longer.
//
// PYTHONFILTER_CHECK_LIVES=1000000 makes so many of each kind. One of the kinds
// is what sframe_encryptor.py gives.
#include <atomic>
#include <deque>
#include <sys/stat.h>
#include <thread>

#include "../support/conversion.hpp"

using namespace check;

namespace {

constexpr size_t depth = 1000;  // buffers held downstream
const char *const kinds[] = {"bytes", "bytearray", "array",   "memoryview",
                             "block", "several",   "chained", "encrypted"};

guint64 lives() {
  if (const char *more = getenv("PYTHONFILTER_CHECK_LIVES"))
    return guint64(atoll(more));
  return soak_count(3000, 20000);
}

Properties making(const char *kind) {
  return {{"params", std::string("p,kind=") + kind}};
}

bool encrypts(const char *kind) {
  return strcmp(kind, "encrypted") == 0;
}

std::string script_of(const char *kind) {
  return encrypts(kind) ? CHECK_SHIPPED "/sframe_encryptor.py"
                        : plugin_file("making.py");
}

Properties properties_of(const char *kind) {
  if (!encrypts(kind)) return making(kind);
  const std::string key = write_file("call.key", std::string(43, 'A') + "=");
  fail_unless_equals_int(chmod(key.c_str(), 0600), 0);
  return {{"params", "p,key_file=(string)\"" + key + "\""}};
}

// 256 bytes that begin with a number and hold it throughout.
GstBuffer *numbered(guint64 number) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 256, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (size_t at = 0; at < map.size; at += 8)
    memcpy(map.data + at, &number, 8);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

bool holds(GstBuffer *buffer, guint64 number) {
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_READ);
  bool right = map.size >= 8;
  for (size_t at = 0; at < map.size; at += 8)
    right = right && memcmp(map.data + at, &number, 8) == 0;
  gst_buffer_unmap(buffer, &map);
  return right;
}

// Of all its bytes, such as those of a frame that nobody can read here.
guint sum_of(GstBuffer *buffer) {
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_READ);
  GBytes *bytes = g_bytes_new_static(map.data, map.size);
  const guint sum = g_bytes_hash(bytes);
  g_bytes_unref(bytes);
  gst_buffer_unmap(buffer, &map);
  return sum;
}

// Holds buffers, and drops them on eight threads.
class Downstream {
 public:
  Downstream() {
    for (std::thread &thread : threads_)
      thread = std::thread([this] { run(); });
  }
  ~Downstream() { finish(); }
  void hold(OwnedBuffer buffer) {
    const guint sum = sum_of(buffer.get());
    std::lock_guard<std::mutex> lock(mutex_);
    held_.push_back({std::move(buffer), sum});
    changed_.notify_one();
  }
  // Lets go of those that are still held. Whether all were what they were.
  bool finish() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
      changed_.notify_all();
    }
    for (std::thread &thread : threads_)
      if (thread.joinable()) thread.join();
    return right_;
  }

 private:
  struct Held {
    OwnedBuffer buffer;
    guint sum;  // when it came
  };

  void run() {
    for (;;) {
      Held oldest;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return over_ || held_.size() > depth; });
        if (held_.empty()) return;
        oldest = std::move(held_.front());
        held_.pop_front();
      }
      if (sum_of(oldest.buffer.get()) != oldest.sum) right_ = false;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Held> held_;  // guarded by mutex_
  bool over_ = false;      // guarded by mutex_
  std::atomic<bool> right_{true};
  std::thread threads_[8];
};

// Python's memory, seen by an element that gives nothing back by itself.
class Watcher {
 public:
  Watcher()
      : stream_(write_file("blocks.py", R"(
import gc, sys
class Blocks:
    def set_parameter(self, key, value):
        gc.collect()
        self.blocks = sys.getallocatedblocks()
    def get_parameter(self, key):
        return str(self.blocks)
    def process_audio(self, buffer):
        pass
)")) {}
  gint64 blocks() {
    stream_.set("params", "p,blocks=(string)now");
    stream_.push_frames();
    gst_buffer_unref(stream_.pull());
    GstStructure *params;
    g_object_get(stream_.get(), "params", &params, nullptr);
    const gint64 blocks = g_ascii_strtoll(
        gst_structure_get_string(params, "blocks"), nullptr, 10);
    gst_structure_free(params);
    return blocks;
  }

 private:
  Stream stream_;
};

// Some stay in flight until the element is gone.
void make_and_drop(const char *kind, guint64 count, Gone *gone) {
  Downstream downstream;
  {
    Conversion stream(script_of(kind), "application/x-in", nullptr,
                      properties_of(kind));
    for (guint64 i = 0; i < count; i++) {
      GstBuffer *in = numbered(i);
      gone->watch(in);
      for (OwnedBuffer &out : stream.through(in)) {
        fail_unless(holds(out.get(), i) != encrypts(kind));
        downstream.hold(std::move(out));
      }
    }
    fail_unless_equals_uint64(stream.stat("copies"), 0);
    fail_unless_equals_uint64(stream.stat("errors"), 0);
  }
  fail_unless(downstream.finish(), "%s: other bytes than came", kind);
}

}  // namespace

GST_START_TEST(test_nothing_is_left_of_many_buffers_held_long) {
  const char *kind = kinds[__i__];
  Watcher watcher;
  Gone gone;
  const guint64 warm = 2 * depth;
  make_and_drop(kind, warm, &gone);
  gone.expect_all();
  watcher.blocks();
  // Loading the plugin again costs Python some hundred blocks, and what it
  // imports late some hundred more, once two thousand; one for each buffer
  // would be thousands, and each time again.
  bool gone_again = false;
  gint64 before = 0, now = 0;
  for (int round = 0; round < 3 && !gone_again; round++) {
    before = watcher.blocks();
    make_and_drop(kind, lives(), &gone);
    gone.expect_all();
    gone_again = wait_until(
        [&] {
          now = watcher.blocks();
          return now <= before + 1000;
        },
        round < 2 ? 5 : patience);
  }
  fail_unless(gone_again, "%s: %d more blocks of Python's", kind,
              int(now - before));
  // GStreamer's objects are counted when the test ends, and what of the bridge
  // goes with each of them is looked for under valgrind.
}
GST_END_TEST;

// The output of one is the input of the next, and lies in the same memory.
GST_START_TEST(test_elements_in_a_row_hold_each_others_memory) {
  Gone gone;
  std::vector<OwnedBuffer> last;
  {
    Conversion first(plugin_file("making.py"), "application/x-in", nullptr,
                     making("block"));
    Conversion second(plugin_file("making.py"), "application/x-out", nullptr,
                      making("chained"));
    Conversion third(plugin_file("making.py"), "application/x-out", nullptr,
                     making("block"));
    for (guint64 i = 0; i < 100; i++) {
      GstBuffer *in = numbered(i);
      gone.watch(in);
      OwnedBuffer out = first.through_one(in);
      out = second.through_one(out.release());
      last.push_back(third.through_one(out.release()));
    }
  }
  for (guint64 i = 0; i < 100; i++)
    fail_unless(holds(last[i].get(), i));
  last.clear();
  gone.expect_all();
}
GST_END_TEST;

// Whoever drops a buffer may hold a lock that a Python thread waits for.
GST_START_TEST(test_dropping_does_not_wait_for_python) {
  int entered[2], leave[2];
  fail_unless(pipe(entered) == 0 && pipe(leave) == 0);
  Conversion stream(plugin_file("making.py"), "application/x-in", nullptr,
                    making("bytearray"));
  std::vector<OwnedBuffer> outs;
  for (guint64 i = 0; i < 100; i++)
    outs.push_back(stream.through_one(numbered(i)));
  Stream holder(write_file("holder.py", R"(
import ctypes
class Holder:
    def set_parameter(self, key, value):
        setattr(self, key, int(value))
    def process_audio(self, buffer):
        python = ctypes.PyDLL(None)  # does not give the GIL away
        python.write(self.entered, b"x", 1)
        python.read(self.leave, ctypes.create_string_buffer(1), 1)
)"),
                {},
                {{"params", "p,entered=" + std::to_string(entered[1]) +
                                ",leave=" + std::to_string(leave[0])}});
  std::thread call([&] { holder.push_frames(); });
  char byte;
  fail_unless_equals_int(read(entered[0], &byte, 1), 1);
  outs.clear();  // or this test ends with a timeout
  fail_unless_equals_int(write(leave[1], "x", 1), 1);
  call.join();
  for (int file : {entered[0], entered[1], leave[0], leave[1]})
    close(file);
}
GST_END_TEST;

namespace {

// How often the thread that looks after what is out has waited so far; 0: it is
// not there.
long looks() {
  for (const auto &task :
       std::filesystem::directory_iterator("/proc/self/task")) {
    if (read_file(task.path().string() + "/comm") != "python-release\n")
      continue;
    const std::string status = read_file(task.path().string() + "/status");
    const char name[] = "voluntary_ctxt_switches:";
    const size_t at = status.find(name);
    return at == std::string::npos ? 0
                                   : atol(status.c_str() + at + strlen(name));
  }
  return 0;
}

}  // namespace

// It would look at an empty list ten times a second, for the life of the
// process.
GST_START_TEST(test_nobody_looks_after_nothing) {
  Gone gone;
  {
    Conversion stream(plugin_file("making.py"), "application/x-in", nullptr,
                      making("bytes"));
    for (guint64 i = 0; i < 20; i++)
      for (OwnedBuffer &out : stream.through(numbered(i)))
        out.reset();
  }
  gone.expect_all();
  fail_unless(looks() > 0);
  fail_unless(wait_until([] {
    const long before = looks();
    g_usleep(350000);
    return looks() == before;
  }));
}
GST_END_TEST;

// Nothing runs any more that could give them back: the stream was torn down.
GST_START_TEST(test_last_buffers_come_back_without_any_element) {
  Gone gone;
  std::vector<OwnedBuffer> outs;
  {
    Conversion stream(plugin_file("making.py"), "application/x-in", nullptr,
                      making("block"));
    for (guint64 i = 0; i < 10; i++) {
      GstBuffer *in = numbered(i);
      gone.watch(in);
      outs.push_back(stream.through_one(in));
    }
  }
  while (!outs.empty()) {
    std::thread([&] { outs.pop_back(); }).join();
  }
  gone.expect_all();
}
GST_END_TEST;

static Suite *outputlives_suite() {
  Suite *suite = suite_create("outputlives");
  TCase *many = new_case(suite, "many");
  tcase_add_loop_test(many, test_nothing_is_left_of_many_buffers_held_long, 0,
                      int(std::size(kinds)));
  TCase *owners = new_case(suite, "owners");
  tcase_add_test(owners, test_elements_in_a_row_hold_each_others_memory);
  add_test_here(owners, test_dropping_does_not_wait_for_python,
                "there is no GIL to wait for");
  add_test_here(owners, test_nobody_looks_after_nothing,
                "what it gives is always copied");
  tcase_add_test(owners, test_last_buffers_come_back_without_any_element);
  return suite;
}

GST_CHECK_MAIN(outputlives)
