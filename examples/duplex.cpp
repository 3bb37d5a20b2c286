// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two pipelines in one process, as a call has: TX takes audio in, RX gives
// audio out, each through a Python processor of its own, watched and measured.
//
//   build/examples/duplex [--seconds N] [--devices] [--processor FILE.py]
//
// Without --devices it runs headless. A parameter of both changes every second
// while they play. Ctrl-C ends it.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include <glib-unix.h>
#include <gst/gst.h>

namespace {

struct Options {
  int seconds = 0;  // 0: until Ctrl-C
  bool devices = false;
  std::string processor = "plugins_py/simple_gain.py";
};

// One direction: source → Python processor → sink, and its bus.
struct Direction {
  const char *name;
  GstElement *pipeline = nullptr;
  GstElement *processor = nullptr;
  guint watch = 0;
};

struct Call {
  Options options;
  GMainLoop *loop;
  Direction tx{"TX"}, rx{"RX"};
  int elapsed = 0;
  double cpu_seconds = 0;
  bool failed = false;
};

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const timeval &user = usage.ru_utime, &system = usage.ru_stime;
  return double(user.tv_sec + system.tv_sec) +
         double(user.tv_usec + system.tv_usec) / 1e6;
}

gboolean on_message(GstBus *, GstMessage *message, gpointer data) {
  auto *call = static_cast<Call *>(data);
  GError *error = nullptr;
  gchar *debug = nullptr;
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error(message, &error, &debug);
      fprintf(stderr, "\n%s\n%s\n", error->message, debug ? debug : "");
      call->failed = true;
      g_main_loop_quit(call->loop);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning(message, &error, &debug);
      fprintf(stderr, "\n%s\n", error->message);
      break;
    case GST_MESSAGE_EOS:
      g_main_loop_quit(call->loop);
      break;
    case GST_MESSAGE_LATENCY:
      for (Direction *direction : {&call->tx, &call->rx})
        gst_bin_recalculate_latency(GST_BIN(direction->pipeline));
      break;
    default:
      break;
  }
  g_clear_error(&error);
  g_free(debug);
  return G_SOURCE_CONTINUE;
}

bool open(Direction *direction, Call *call, const char *source,
          const char *sink) {
  const std::string description =
      std::string(source) +
      " ! audioconvert ! audioresample ! "
      "audio/x-raw,format=F32LE,rate=48000,channels=2 ! "
      "pythonfilter name=processor ! audioconvert ! " +
      sink;
  GError *error = nullptr;
  direction->pipeline = gst_parse_launch(description.c_str(), &error);
  if (error) {
    fprintf(stderr, "%s: %s\n", direction->name, error->message);
    g_clear_error(&error);
    return false;
  }
  direction->processor =
      gst_bin_get_by_name(GST_BIN(direction->pipeline), "processor");
  g_object_set(direction->processor, "script", call->options.processor.c_str(),
               nullptr);
  GstBus *bus = gst_element_get_bus(direction->pipeline);
  direction->watch = gst_bus_add_watch(bus, on_message, call);
  gst_object_unref(bus);
  return true;
}

void close(Direction *direction) {
  if (!direction->pipeline) return;
  gst_element_set_state(direction->pipeline, GST_STATE_NULL);
  if (direction->watch) g_source_remove(direction->watch);
  gst_clear_object(&direction->processor);
  gst_clear_object(&direction->pipeline);
}

guint64 number(const GstStructure *stats, const char *field) {
  guint64 value = 0;
  gst_structure_get_uint64(stats, field, &value);
  return value;
}

void print(const Direction &direction) {
  GstStructure *stats = nullptr;
  g_object_get(direction.processor, "stats", &stats, nullptr);
  printf("%s %6" G_GUINT64_FORMAT " buffers %3" G_GUINT64_FORMAT
         " dropped, call p50 %6.1f p99 %6.1f µs, late %" G_GUINT64_FORMAT
         "  |  ",
         direction.name, number(stats, "buffers"), number(stats, "dropped"),
         double(number(stats, "call-p50")) / 1e3,
         double(number(stats, "call-p99")) / 1e3, number(stats, "overruns"));
  gst_structure_free(stats);
}

gboolean every_second(gpointer data) {
  auto *call = static_cast<Call *>(data);
  call->elapsed++;
  const double cpu = cpu_seconds();
  // One line that renews itself on a terminal, a line a second elsewhere.
  if (isatty(STDOUT_FILENO)) printf("\r\033[K");
  print(call->tx);
  print(call->rx);
  printf("CPU %4.1f %%", (cpu - call->cpu_seconds) * 100);
  if (!isatty(STDOUT_FILENO)) printf("\n");
  fflush(stdout);
  call->cpu_seconds = cpu;

  GstStructure *params = gst_structure_new(
      "p", "gain", G_TYPE_DOUBLE, call->elapsed % 2 ? 0.5 : 1.0, nullptr);
  for (Direction *direction : {&call->tx, &call->rx})
    g_object_set(direction->processor, "params", params, nullptr);
  gst_structure_free(params);

  if (call->elapsed == call->options.seconds) g_main_loop_quit(call->loop);
  return G_SOURCE_CONTINUE;
}

gboolean on_interrupt(gpointer data) {
  g_main_loop_quit(static_cast<Call *>(data)->loop);
  return G_SOURCE_CONTINUE;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  Call call;
  for (int i = 1; i < argc; i++) {
    const std::string name = argv[i];
    if (name == "--devices") {
      call.options.devices = true;
    } else if (name == "--seconds" && i + 1 < argc) {
      call.options.seconds = atoi(argv[++i]);
    } else if (name == "--processor" && i + 1 < argc) {
      call.options.processor = argv[++i];
    } else {
      puts("usage: duplex [--seconds N] [--devices] [--processor FILE.py]");
      return name == "--help" ? 0 : 2;
    }
  }
  call.loop = g_main_loop_new(nullptr, FALSE);
  const bool devices = call.options.devices;
  const char *tone = "audiotestsrc is-live=true samplesperbuffer=480 freq=";
  const bool opened =
      open(&call.tx, &call,
           devices ? "autoaudiosrc" : (std::string(tone) + "440").c_str(),
           "fakesink sync=true") &&
      open(&call.rx, &call, (std::string(tone) + "660").c_str(),
           devices ? "autoaudiosink" : "fakesink sync=true");
  if (opened) {
    g_unix_signal_add(SIGINT, on_interrupt, &call);
    g_timeout_add_seconds(1, every_second, &call);
    for (Direction *direction : {&call.tx, &call.rx})
      gst_element_set_state(direction->pipeline, GST_STATE_PLAYING);
    g_main_loop_run(call.loop);
    printf("\nstopping\n");
  }
  close(&call.tx);
  close(&call.rx);
  g_main_loop_unref(call.loop);
  return opened && !call.failed ? 0 : 1;
}
