// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two pipelines in one process, as a call has: TX takes audio in, RX gives
// audio out, each through a Python processor of its own, watched and measured.
//
//   build/examples/duplex [--seconds N] [--devices] [--processor FILE.py]
//   build/examples/duplex --secure KEYFILE [--port N] [--seconds N] [--devices]
//
// Without --devices it runs headless. A parameter of both changes every second
// while they play. With --secure TX encrypts and sends to a UDP port of this
// machine, where RX decrypts: you hear yourself. Ctrl-C ends it.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <unistd.h>

#include <glib-unix.h>
#include <gst/gst.h>

namespace {

struct Options {
  int seconds = 0;  // 0: until Ctrl-C
  bool devices = false;
  std::string processor = "plugins_py/simple_gain.py";
  std::string key_file;  // --secure
  std::string port = "5004";
};

// One direction: source → Python processor → sink, and its bus.
struct Direction {
  const char *name;
  GstElement *pipeline = nullptr;
  GstElement *processor = nullptr;
};

struct Call {
  Options options;
  GMainLoop *loop;
  Direction tx{"TX"}, rx{"RX"};
  int elapsed = 0;
  double cpu = 0;  // seconds
  bool failed = false;
};

gboolean on_message(GstBus *, GstMessage *message, gpointer data) {
  auto *call = static_cast<Call *>(data);
  const GstMessageType type = GST_MESSAGE_TYPE(message);
  GError *error = nullptr;
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  if (type == GST_MESSAGE_WARNING)
    gst_message_parse_warning(message, &error, nullptr);
  if (error) fprintf(stderr, "\n%s\n", error->message);
  g_clear_error(&error);
  if (type == GST_MESSAGE_LATENCY)
    for (Direction *direction : {&call->tx, &call->rx})
      gst_bin_recalculate_latency(GST_BIN(direction->pipeline));
  call->failed = call->failed || type == GST_MESSAGE_ERROR;
  if (type & (GST_MESSAGE_ERROR | GST_MESSAGE_EOS))
    g_main_loop_quit(call->loop);
  return G_SOURCE_CONTINUE;
}

#define SFRAME "plugins_py/sframe_"
constexpr char convert[] =
    " ! audioconvert ! audioresample ! "
    "audio/x-raw,format=F32LE,rate=48000,channels=2 ! ";

bool open(Direction *direction, const std::string &description, Call *call,
          const char *script, const std::string &params) {
  direction->pipeline = gst_parse_launch(description.c_str(), nullptr);
  if (!direction->pipeline) {
    fprintf(stderr, "cannot make %s\n", description.c_str());
    return false;
  }
  direction->processor =
      gst_bin_get_by_name(GST_BIN(direction->pipeline), "processor");
  g_object_set(direction->processor, "script", script, nullptr);
  gst_util_set_object_arg(G_OBJECT(direction->processor), "params",
                          params.c_str());
  gst_bus_add_watch(GST_ELEMENT_BUS(direction->pipeline), on_message, call);
  return true;
}

void close(Direction *direction) {
  if (!direction->pipeline) return;
  gst_element_set_state(direction->pipeline, GST_STATE_NULL);
  gst_bus_remove_watch(GST_ELEMENT_BUS(direction->pipeline));
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
  const double cpu = double(clock()) / CLOCKS_PER_SEC;  // of all threads
  // One line that renews itself on a terminal, a line a second elsewhere.
  if (isatty(STDOUT_FILENO)) printf("\r\033[K");
  for (Direction *each : {&call->tx, &call->rx})
    print(*each);
  printf("CPU %4.1f %%", (cpu - call->cpu) * 100);
  if (!isatty(STDOUT_FILENO)) printf("\n");
  fflush(stdout);
  call->cpu = cpu;

  const char *params = call->elapsed % 2 ? "p,gain=0.5" : "p,gain=1.0";
  for (Direction *direction : {&call->tx, &call->rx})
    if (call->options.key_file.empty())
      gst_util_set_object_arg(G_OBJECT(direction->processor), "params", params);
  if (call->elapsed == call->options.seconds) g_main_loop_quit(call->loop);
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
    } else if (name == "--secure" && i + 1 < argc) {
      call.options.key_file = argv[++i];
    } else if (name == "--port" && i + 1 < argc) {
      call.options.port = argv[++i];
    } else {
      puts("usage: duplex [--seconds N] [--devices] [--processor FILE.py |");
      puts("              --secure KEYFILE [--port N]]");
      return name == "--help" ? 0 : 2;
    }
  }
  call.loop = g_main_loop_new(nullptr, FALSE);
  const Options &options = call.options;
  const bool secure = !options.key_file.empty();
  const std::string tone = "audiotestsrc is-live=1 samplesperbuffer=480 freq=";
  const std::string tx_sink =
      secure ? "rtpgstpay config-interval=1 ! udpsink host=127.0.0.1 port=" +
                   options.port
             : "audioconvert ! fakesink sync=true";
  const std::string rx_source =
      secure ? "udpsrc address=127.0.0.1 port=" + options.port +
                   " caps=application/x-rtp,media=application,"
                   "clock-rate=90000,encoding-name=X-GST ! "
                   "rtpjitterbuffer latency=50 ! rtpgstdepay ! "
             : tone + "660" + convert;
  const std::string params =
      secure ? "p,key_file=\"" + options.key_file + "\"" : "p";
  const char *sink = options.devices ? "autoaudiosink" : "fakesink sync=true";
  const bool opened =
      open(&call.tx,
           (options.devices ? "autoaudiosrc" : tone + "440") + convert +
               "pythonfilter name=processor ! " + tx_sink,
           &call, secure ? SFRAME "encryptor.py" : options.processor.c_str(),
           params) &&
      open(&call.rx,
           rx_source + "pythonfilter name=processor ! audioconvert ! " + sink,
           &call, secure ? SFRAME "decryptor.py" : options.processor.c_str(),
           params);
  if (opened) {
    const auto quit = [](gpointer loop) -> gboolean {
      g_main_loop_quit(static_cast<GMainLoop *>(loop));
      return G_SOURCE_CONTINUE;
    };
    g_unix_signal_add(SIGINT, quit, call.loop);
    g_timeout_add_seconds(1, every_second, &call);
    for (Direction *direction : {&call.rx, &call.tx})  // who listens first
      gst_element_set_state(direction->pipeline, GST_STATE_PLAYING);
    g_main_loop_run(call.loop);
    printf("\nstopping\n");
  }
  for (Direction *each : {&call.tx, &call.rx})
    close(each);
  g_main_loop_unref(call.loop);
  return opened && !call.failed ? 0 : 1;
}
