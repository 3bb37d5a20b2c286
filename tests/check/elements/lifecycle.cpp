// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Many lives, many instances, and elements that come and go while others play:
// nothing adds up, and nothing is shared.
#include <atomic>
#include <random>

#include "../support/pipeline.hpp"

using namespace check;

namespace {

// PYTHONFILTER_CHECK_LIVES=10 makes ten times as many as in a soak.
int many(int full) {
  // A worker takes longer to start than an instance to make.
  if (few() || in_process()) return 20;
  if (const char *factor = getenv("PYTHONFILTER_CHECK_LIVES"))
    return full * atoi(factor);
  return soak_count(std::max(20, full / 20), full);
}

constexpr char any_tone[] = "audiotestsrc samplesperbuffer=64 ! ";

struct Kind {
  const char *element, *before, *after;
  const char *method;
};

const Kind kinds[] = {
    {"pythonsrc", "", " ! fakesink sync=false", "read_audio"},
    {"pythonfilter", any_tone, " ! fakesink sync=false", "process_audio"},
    {"pythonsink", any_tone, " sync=false", "write_audio"},
};
const int kind_count = int(std::size(kinds));

std::string line_with(const Kind &kind) {
  const std::string file =
      write_file("tiny.py", std::string("class Tiny:\n    def ") + kind.method +
                                "(self, buffer): pass\n");
  return kind.before + line_of(kind.element, file) + kind.after;
}

// What a process has of what could run out.
struct Use {
  long pages = 0;
  int files = 0, threads = 0;

  static Use now() {
    Use use;
    long size;
    std::istringstream(read_file("/proc/self/statm")) >> size >> use.pages;
    use.files = count_of("/proc/self/fd");
    use.threads = count_of("/proc/self/task");
    return use;
  }

 private:
  static int count_of(const char *folder) {
    int count = 0;
    for (const auto &each : std::filesystem::directory_iterator(folder)) {
      (void)each;
      count++;
    }
    return count;
  }
};

void expect_no_more_than(const Use &before, const char *name) {
  Use now;
  // GLib's pool keeps a thread or two for the next task; a life that left one
  // behind would leave hundreds.
  const int most = before.threads + 2;
  wait_until([&] {
    now = Use::now();
    return now.threads <= most;
  });
  fail_unless(now.threads <= most, "%s: %d threads, were %d", name, now.threads,
              before.threads);
  fail_unless(now.files <= before.files, "%s: %d files, were %d", name,
              now.files, before.files);
  const long grown = (now.pages - before.pages) * sysconf(_SC_PAGESIZE) / 1024;
  fail_unless(grown < 1000, "%s: %ld KiB more", name, grown);
}

}  // namespace

// ---- states -----------------------------------------------------------------

GST_START_TEST(test_null_to_playing_and_back_uses_nothing_up) {
  const Kind &kind = kinds[__i__];
  Pipeline pipeline(line_with(kind));
  Use before;
  const int lives = many(1000);
  for (int i = 0; i < lives; i++) {
    if (i == lives / 4) before = Use::now();
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_to(GST_STATE_NULL);
    // There is a message for each state, and nobody else reads them.
    pipeline.expect_no_reports();
  }
  expect_no_more_than(before, kind.element);
}
GST_END_TEST;

GST_START_TEST(test_paused_to_playing_and_back_uses_nothing_up) {
  const Kind &kind = kinds[__i__];
  Pipeline pipeline(line_with(kind));
  pipeline.expect_to(GST_STATE_PLAYING);
  Use before;
  const int times = many(10000);
  for (int i = 0; i < times; i++) {
    if (i == times / 4) before = Use::now();
    pipeline.expect_to(GST_STATE_PAUSED);
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_no_reports();
  }
  expect_no_more_than(before, kind.element);
}
GST_END_TEST;

GST_START_TEST(test_ready_to_playing_and_back_keeps_the_instance) {
  const Kind &kind = kinds[__i__];
  const std::string file = write_file(
      "lives.py", std::string("from checklog import say\n"
                              "class Lives:\n"
                              "    def __init__(self): say('init')\n"
                              "    def start(self): say('start')\n"
                              "    def stop(self): say('stop')\n"
                              "    def shutdown(self): say('shutdown')\n"
                              "    def ") +
                      kind.method + "(self, buffer): pass\n");
  Pipeline pipeline(kind.before + line_of(kind.element, file) + kind.after);
  std::string want = "init\n";
  for (int i = 0; i < 50; i++) {
    pipeline.expect_to(GST_STATE_PLAYING);
    pipeline.expect_to(GST_STATE_READY);
    want += "start\nstop\n";
  }
  pipeline.expect_to(GST_STATE_NULL);
  expect_text(log_text(), want + "shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_flushing_seeks_while_playing_use_nothing_up) {
  const std::string file = plugin_file("adding.py");
  Pipeline pipeline(
      std::string(any_tone) + "audio/x-raw,rate=48000 ! audioconvert ! " +
      line_of("pythonfilter", file, "class=Adding") +
      " ! pythonsink script=\"" + file + "\" class=Sink sync=false");
  pipeline.expect_to(GST_STATE_PLAYING);
  std::mt19937 random(1);
  Use before;
  const int times = many(300);
  for (int i = 0; i < times; i++) {
    if (i == times / 4) before = Use::now();
    if (i % 3 == 0)
      pipeline.expect_to(i % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
    const guint64 to = random() % 1000 * GST_SECOND;
    const auto stop = i + 1 < times ? GST_SEEK_TYPE_NONE : GST_SEEK_TYPE_SET;
    fail_unless(gst_element_seek(
        pipeline.get(), 1, GST_FORMAT_TIME,
        GstSeekFlags(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
        GST_SEEK_TYPE_SET, gint64(to), stop, gint64(to + GST_SECOND)));
    pipeline.expect_no_reports();
  }
  expect_no_more_than(before, "seek");
  pipeline.expect_to(GST_STATE_PLAYING);
  pipeline.expect_eos();
}
GST_END_TEST;

// ---- many at once -----------------------------------------------------------

namespace {

constexpr int pipelines = 8, filters = 6;  // and a source and a sink in each

std::string instance(const char *element, const char *cls, int pipeline, int i,
                     int add, const std::string &more) {
  return std::string(element) + " script=\"" + plugin_file("adding.py") +
         "\" class=" + cls + " " + more +
         " params=\"p,add=" + std::to_string(add) + ",name=" + cls +
         std::to_string(pipeline) + "-" + std::to_string(i) + "\"";
}

int buffers_of(int pipeline) {
  return 100 + 7 * pipeline;
}

int add_of(int pipeline, int i) {
  return 1 + pipeline * 100 + i;
}

std::string line_of_eight(int pipeline) {
  std::string line =
      instance(
          "pythonsrc", "Source", pipeline, 0, 0,
          "name=python num-buffers=" + std::to_string(buffers_of(pipeline))) +
      " ! audio/x-raw,channels=" + std::to_string(1 + pipeline) + " ! ";
  for (int i = 0; i < filters; i++)
    line += instance("pythonfilter", "Adding", pipeline, i, add_of(pipeline, i),
                     "") +
            (i % 2 ? " ! queue ! " : " ! ");
  return line + instance("pythonsink", "Sink", pipeline, 0, 0, "sync=false");
}

}  // namespace

GST_START_TEST(test_64_instances_in_8_pipelines_share_nothing) {
  for (int life = 0; life < 2; life++) {
    clear_log();
    std::vector<std::unique_ptr<Pipeline>> all;
    for (int p = 0; p < pipelines; p++)
      all.push_back(std::make_unique<Pipeline>(line_of_eight(p)));
    for (const auto &pipeline : all)
      gst_element_set_state(pipeline->get(), GST_STATE_PLAYING);
    for (const auto &pipeline : all) {
      pipeline->expect_eos();
      pipeline->expect_no_reports();
      pipeline->expect_to(GST_STATE_NULL);
    }
    const std::string log = "\n" + log_text();
    fail_unless_equals_int(count_in(log, "\n"), 1 + pipelines * (filters + 2));
    for (int p = 0; p < pipelines; p++) {
      const std::string n = std::to_string(buffers_of(p));
      const std::string counts = " " + n + " " + n + " " + n;
      const std::string name = std::to_string(p) + "-";
      expect_part(log, "\nSource" + name + "0" + counts + "\n");
      int sum = 0;
      for (int i = 0; i < filters; i++) {
        sum += add_of(p, i);
        expect_part(log, "\nAdding" + name + std::to_string(i) + counts + "\n");
      }
      expect_part(log, "\nSink" + name + "0" + counts + " " +
                           std::to_string(sum) + "\n");
    }
  }
}
GST_END_TEST;

// ---- coming and going -------------------------------------------------------

namespace {

GstElement *new_element(const char *factory, const char *cls) {
  GstElement *element = gst_element_factory_make(factory, nullptr);
  const std::string file = plugin_file("adding.py");
  g_object_set(element, "script", file.c_str(), "class", cls, nullptr);
  return element;
}

// A change to the pipeline behind a pad, made while nothing is in it: in the
// streaming thread, or here when that waits.
void while_idle(GstElement *element, const char *pad_name,
                std::function<void()> change) {
  struct Change {
    std::function<void()> make;
    std::mutex mutex;
    bool made = false;  // guarded by mutex
  };
  auto data = std::make_shared<Change>();
  data->make = std::move(change);
  GstPad *pad = gst_element_get_static_pad(element, pad_name);
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_IDLE,
      [](GstPad *, GstPadProbeInfo *, gpointer pointer) {
        auto &change = *static_cast<std::shared_ptr<Change> *>(pointer);
        std::lock_guard<std::mutex> lock(change->mutex);
        if (!change->made) change->make();
        change->made = true;
        return GST_PAD_PROBE_REMOVE;
      },
      new std::shared_ptr<Change>(data),
      [](gpointer pointer) {
        delete static_cast<std::shared_ptr<Change> *>(pointer);
      });
  fail_unless(wait_until([&] {
    std::lock_guard<std::mutex> lock(data->mutex);
    return data->made;
  }));
  gst_object_unref(pad);
}

void link(GstElement *a, GstElement *b) {
  fail_unless(gst_element_link_pads(a, "src", b, "sink"));
}

}  // namespace

GST_START_TEST(test_filters_come_and_go_and_are_disposed_while_others_play) {
  std::atomic<int> arrived{0};
  Pipeline pipeline(
      "audiotestsrc samplesperbuffer=64 ! "
      "audio/x-raw,format={F32LE,F32BE} ! identity name=python ! "
      "fakesink name=end sync=false");
  GstElement *before = pipeline.python();
  GstElement *end = gst_bin_get_by_name(GST_BIN(pipeline.get()), "end");
  GstElement *bin = GST_ELEMENT(gst_element_get_parent(end));
  on_buffers(end, "sink", [&](GstBuffer *) { arrived++; });
  pipeline.expect_to(GST_STATE_PLAYING);
  Use use;
  const int times = many(100);
  for (int i = 0; i < times; i++) {
    if (i == times / 4) use = Use::now();
    GstElement *filter = new_element("pythonfilter", "Adding");
    while_idle(before, "src", [&] {
      gst_element_unlink(before, end);
      gst_bin_add(GST_BIN(bin), filter);
      fail_unless(gst_element_sync_state_with_parent(filter));
      link(before, filter);
      link(filter, end);
    });
    fail_unless(wait_until([&] { return stat_of(filter, "buffers") > 3; }));
    while_idle(before, "src", [&] {
      gst_element_unlink(before, filter);
      gst_element_unlink(filter, end);
      gst_object_ref(filter);
      gst_bin_remove(GST_BIN(bin), filter);
      gst_element_set_state(filter, GST_STATE_NULL);
      gst_object_unref(filter);  // the last one
      link(before, end);
    });
    const int so_far = arrived;
    fail_unless(wait_until([&] { return arrived > so_far + 3; }));
    pipeline.expect_no_reports();
  }
  expect_no_more_than(use, "filters");
  fail_unless_equals_int(count_in(log_text(), "\n"), times);
  gst_object_unref(bin);
  gst_object_unref(end);
}
GST_END_TEST;

GST_START_TEST(test_sinks_come_and_go_while_others_play) {
  Pipeline pipeline(
      "audiotestsrc samplesperbuffer=64 ! "
      "audio/x-raw,format={F32LE,F32BE} ! tee name=python ! "
      "fakesink sync=false async=false");
  GstElement *tee = pipeline.python();
  GstElement *bin = GST_ELEMENT(gst_element_get_parent(tee));
  pipeline.expect_to(GST_STATE_PLAYING);
  for (int i = 0; i < many(50); i++) {
    GstElement *sink = new_element("pythonsink", "Sink");
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add(GST_BIN(bin), sink);
    fail_unless(gst_element_sync_state_with_parent(sink));
    GstPad *pad = gst_element_request_pad_simple(tee, "src_%u");
    GstPad *peer = gst_element_get_static_pad(sink, "sink");
    fail_unless(gst_pad_link(pad, peer) == GST_PAD_LINK_OK);
    fail_unless(wait_until([&] { return stat_of(sink, "buffers") > 3; }));
    char *name = gst_object_get_name(GST_OBJECT(pad));
    while_idle(tee, name, [&] {
      gst_pad_unlink(pad, peer);
      gst_object_ref(sink);
      gst_bin_remove(GST_BIN(bin), sink);
      gst_element_set_state(sink, GST_STATE_NULL);
      gst_object_unref(sink);
    });
    g_free(name);
    gst_element_release_request_pad(tee, pad);
    gst_object_unref(peer);
    gst_object_unref(pad);
  }
  pipeline.expect_no_reports();
  gst_object_unref(bin);
}
GST_END_TEST;

GST_START_TEST(test_sources_come_and_go_while_others_play) {
  Pipeline pipeline("funnel name=python ! fakesink sync=false async=false");
  GstElement *funnel = pipeline.python();
  GstElement *bin = GST_ELEMENT(gst_element_get_parent(funnel));
  GstElement *first = new_element("pythonsrc", "Source");
  gst_bin_add(GST_BIN(bin), first);
  fail_unless(gst_element_link(first, funnel));
  pipeline.expect_to(GST_STATE_PLAYING);
  for (int i = 0; i < many(50); i++) {
    GstElement *source = new_element("pythonsrc", "Source");
    gst_bin_add(GST_BIN(bin), source);
    fail_unless(gst_element_link(source, funnel));
    fail_unless(gst_element_sync_state_with_parent(source));
    fail_unless(wait_until([&] { return stat_of(source, "buffers") > 3; }));
    GstPad *pad = gst_element_get_static_pad(source, "src");
    GstPad *peer = gst_pad_get_peer(pad);
    gst_element_set_locked_state(source, TRUE);
    fail_unless(gst_element_set_state(source, GST_STATE_NULL) ==
                GST_STATE_CHANGE_SUCCESS);
    gst_bin_remove(GST_BIN(bin), source);
    gst_element_release_request_pad(funnel, peer);
    gst_object_unref(peer);
    gst_object_unref(pad);
    const guint64 so_far = stat_of(first, "buffers");
    fail_unless(wait_until([&] { return stat_of(first, "buffers") > so_far; }));
  }
  pipeline.expect_no_reports();
  gst_object_unref(bin);
}
GST_END_TEST;

static Suite *lifecycle_suite() {
  Suite *suite = suite_create("lifecycle");
  TCase *states = new_case(suite, "states");
  tcase_add_loop_test(states, test_null_to_playing_and_back_uses_nothing_up, 0,
                      kind_count);
  tcase_add_loop_test(states, test_paused_to_playing_and_back_uses_nothing_up,
                      0, kind_count);
  tcase_add_loop_test(states, test_ready_to_playing_and_back_keeps_the_instance,
                      0, kind_count);
  tcase_add_test(states, test_flushing_seeks_while_playing_use_nothing_up);
  TCase *together = new_case(suite, "many at once");
  tcase_add_test(together, test_64_instances_in_8_pipelines_share_nothing);
  TCase *change = new_case(suite, "coming and going");
  tcase_add_test(change,
                 test_filters_come_and_go_and_are_disposed_while_others_play);
  tcase_add_test(change, test_sinks_come_and_go_while_others_play);
  tcase_add_test(change, test_sources_come_and_go_while_others_play);
  return suite;
}

GST_CHECK_MAIN(lifecycle)
