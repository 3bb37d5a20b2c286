// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plays a tone, or a WAV file, through a Python plugin and turns its parameter
// "gain" up and down while it plays.
//
//   embed [PLUGIN.py [FILE.wav]]      default: plugins_py/simple_gain.py
#include <glib-unix.h>
#include <gst/gst.h>

typedef struct {
  GMainLoop *loop;
  GstElement *pipeline, *python;
  int changes, status;
} Player;

static void finish(Player *player, int status) {
  player->status = status;
  g_main_loop_quit(player->loop);
}

static gboolean on_interrupt(gpointer player) {
  finish(player, 130);
  return G_SOURCE_CONTINUE;
}

// The next buffer has the new value; fields that are not named stay.
static gboolean change_gain(gpointer data) {
  static const double gains[] = {0.5, 0.25, 0.5, 1.0};
  Player *player = data;
  const double gain = gains[player->changes++ % G_N_ELEMENTS(gains)];
  GstStructure *params =
      gst_structure_new("params", "gain", G_TYPE_DOUBLE, gain, NULL);
  g_object_set(player->python, "params", params, NULL);
  gst_structure_free(params);
  g_print("gain is %g\n", gain);
  return G_SOURCE_CONTINUE;
}

// A sentence; where in the Python code, if it is Python's; the traceback.
static void print_problem(GstMessage *message) {
  const gboolean fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  GError *error = NULL;
  gchar *debug = NULL;
  const GstStructure *details = NULL;
  int line = 0;
  if (fatal) {
    gst_message_parse_error(message, &error, &debug);
    gst_message_parse_error_details(message, &details);
  } else {
    gst_message_parse_warning(message, &error, &debug);
    gst_message_parse_warning_details(message, &details);
  }
  g_printerr("%s: %s\n", fatal ? "ERROR" : "WARNING", error->message);
  if (details && gst_structure_has_name(details, "python-exception") &&
      gst_structure_get_int(details, "line", &line) && line > 0)
    g_printerr("%s in %s(), %s:%d\n", gst_structure_get_string(details, "type"),
               gst_structure_get_string(details, "function"),
               gst_structure_get_string(details, "file"), line);
  if (debug) g_printerr("%s\n", debug);
  g_clear_error(&error);
  g_free(debug);
}

static gboolean on_message(GstBus *bus, GstMessage *message, gpointer data) {
  Player *player = data;
  const GstMessageType type = GST_MESSAGE_TYPE(message);
  (void)bus;
  if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_WARNING)
    print_problem(message);
  if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_EOS)
    finish(player, type == GST_MESSAGE_ERROR);
  if (type == GST_MESSAGE_LATENCY)  // the plugin's, now that it is known
    gst_bin_recalculate_latency(GST_BIN(player->pipeline));
  return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  Player player = {.loop = g_main_loop_new(NULL, FALSE)};
  GError *error = NULL;
  gchar *line = g_strconcat(
      argc > 2 ? "filesrc name=file ! wavparse" : "audiotestsrc num-buffers=80",
      " ! audioconvert ! pythonfilter name=python ! audioconvert ! "
      "autoaudiosink",
      NULL);
  player.pipeline = gst_parse_launch(line, &error);
  g_free(line);
  if (error) {
    g_printerr("ERROR: %s\n", error->message);
    return 1;
  }
  player.python = gst_bin_get_by_name(GST_BIN(player.pipeline), "python");
  g_object_set(player.python, "script",
               argc > 1 ? argv[1] : "plugins_py/simple_gain.py", NULL);
  if (argc > 2)
    gst_child_proxy_set(GST_CHILD_PROXY(player.pipeline), "file::location",
                        argv[2], NULL);
  GstBus *bus = gst_element_get_bus(player.pipeline);
  gst_bus_add_watch(bus, on_message, &player);
  gst_object_unref(bus);
  g_unix_signal_add(SIGINT, on_interrupt, &player);

  // What fails is said on the bus, whenever it happens.
  gst_element_set_state(player.pipeline, GST_STATE_PLAYING);
  g_timeout_add(300, change_gain, &player);
  g_main_loop_run(player.loop);
  gst_element_set_state(player.pipeline, GST_STATE_NULL);

  GstStructure *stats = NULL;
  g_object_get(player.python, "stats", &stats, NULL);
  gchar *text = gst_structure_to_string(stats);
  g_print("%s\n", text);
  g_free(text);
  gst_structure_free(stats);
  gst_object_unref(player.python);
  gst_object_unref(player.pipeline);
  g_main_loop_unref(player.loop);
  return player.status;
}
