// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plays a tone, or a WAV file, through a Python plugin and turns its parameter
// "gain" up and down while it plays: elements made one by one, no main loop.
//
//   embed-cpp [PLUGIN.py [FILE.wav]]      default: plugins_py/simple_gain.py
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>

#include <gst/gst.h>

namespace {

struct Release {
  void operator()(gpointer object) const { gst_object_unref(object); }
  void operator()(GstMessage *message) const { gst_message_unref(message); }
  void operator()(GstStructure *fields) const { gst_structure_free(fields); }
  void operator()(GError *error) const { g_error_free(error); }
  void operator()(gchar *text) const { g_free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release>;

volatile std::sig_atomic_t interrupted = 0;

// The next buffer has the new value; fields that are not named stay.
void set_gain(GstElement *python, double gain) {
  Owned<GstStructure> params(
      gst_structure_new("params", "gain", G_TYPE_DOUBLE, gain, nullptr));
  g_object_set(python, "params", params.get(), nullptr);
  std::cout << "gain is " << gain << std::endl;
}

// A sentence; where in the Python code, if it is Python's; the traceback.
void print_problem(GstMessage *message) {
  const bool fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  GError *error = nullptr;
  gchar *debug = nullptr;
  const GstStructure *details = nullptr;
  int line = 0;
  (fatal ? gst_message_parse_error : gst_message_parse_warning)(message, &error,
                                                                &debug);
  (fatal ? gst_message_parse_error_details : gst_message_parse_warning_details)(
      message, &details);
  const Owned<GError> own_error(error);
  const Owned<gchar> own_debug(debug);
  std::cerr << (fatal ? "ERROR: " : "WARNING: ") << error->message << '\n';
  if (details && gst_structure_has_name(details, "python-exception") &&
      gst_structure_get_int(details, "line", &line) && line > 0)
    std::cerr << gst_structure_get_string(details, "type") << " in "
              << gst_structure_get_string(details, "function") << "(), "
              << gst_structure_get_string(details, "file") << ':' << line
              << '\n';
  if (debug) std::cerr << debug << std::endl;
}

// Until the stream ends, fails (1) or is interrupted (130).
int play(GstElement *pipeline, GstElement *python) {
  const double gains[] = {0.5, 0.25, 0.5, 1.0};
  const Owned<GstBus> bus(gst_element_get_bus(pipeline));
  for (size_t changes = 0; !interrupted;) {
    const Owned<GstMessage> message(
        gst_bus_timed_pop(bus.get(), 300 * GST_MSECOND));
    const GstMessageType type =
        message ? GST_MESSAGE_TYPE(message.get()) : GST_MESSAGE_UNKNOWN;
    if (type == GST_MESSAGE_UNKNOWN)  // nothing for 300 ms
      set_gain(python, gains[changes++ % G_N_ELEMENTS(gains)]);
    if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_WARNING)
      print_problem(message.get());
    if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_EOS)
      return type == GST_MESSAGE_ERROR;
    if (type == GST_MESSAGE_LATENCY)  // the plugin's, now that it is known
      gst_bin_recalculate_latency(GST_BIN(pipeline));
  }
  return 130;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  std::signal(SIGINT, [](int) { interrupted = 1; });
  const Owned<GstElement> pipeline(gst_pipeline_new(nullptr));
  GstElement *last = nullptr;
  const auto add = [&](const char *kind) {
    GstElement *element = gst_element_factory_make(kind, nullptr);
    if (!element || !gst_bin_add(GST_BIN(pipeline.get()), element) ||
        (last && !gst_element_link(last, element))) {
      std::cerr << "ERROR: " << kind << " is missing or does not fit\n";
      std::exit(1);
    }
    return last = element;
  };
  if (argc > 2) {
    g_object_set(add("filesrc"), "location", argv[2], nullptr);
    add("wavparse");
  } else {
    g_object_set(add("audiotestsrc"), "num-buffers", 80, nullptr);
  }
  add("audioconvert");
  const char *script = argc > 1 ? argv[1] : "plugins_py/simple_gain.py";
  GstElement *python = add("pythonfilter");
  g_object_set(python, "script", script, nullptr);
  add("audioconvert");
  add("autoaudiosink");

  // What fails is said on the bus, whenever it happens.
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const int status = play(pipeline.get(), python);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);

  GstStructure *stats = nullptr;
  g_object_get(python, "stats", &stats, nullptr);
  const Owned<GstStructure> own_stats(stats);
  const Owned<gchar> text(gst_structure_to_string(stats));
  std::cout << text.get() << std::endl;
  return status;
}
