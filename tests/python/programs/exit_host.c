// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A C program that ends in the way its first argument says, while its pipeline
// plays: exit_host WAY PLUGIN.py MILLISECONDS
//
// Waits until the plugin is in its first call (or has only just been asked to
// load, when "importing") and then as long as said. Prints the time
// (CLOCK_MONOTONIC, in s) at which it began to end.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gst/gst.h>

// In exit_buffers.c.
void drop_at_exit(void);
void hold(GstPad *pad);

static GstElement *pipeline;

static void say_when(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  printf("%ld.%09ld\n", (long)now.tv_sec, now.tv_nsec);
  fflush(stdout);
}

static void stop(void) {
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

static gpointer play(gpointer unused) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  return unused;
}

static gpointer stop_and_start(gpointer unused) {
  for (;;) {
    stop();
    play(NULL);
  }
  return unused;
}

static gpointer end(gpointer unused) {
  exit(3);
  return unused;
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 4) return 64;
  const char *way = argv[1];
  char *called = g_strconcat(argv[2], ".called", NULL);
  char *line = g_strdup_printf(
      "audiotestsrc samplesperbuffer=64 ! pythonfilter script=%s name=p "
      "! fakesink",
      argv[2]);
  // Several streams, each of them in a call at another moment.
  for (int more = strcmp(way, "several") == 0 ? 7 : 0; more > 0; more--) {
    char *longer = g_strdup_printf(
        "%s audiotestsrc samplesperbuffer=64 ! pythonfilter script=%s "
        "! fakesink",
        line, argv[2]);
    g_free(line);
    line = longer;
  }
  pipeline = gst_parse_launch(line, NULL);
  if (g_str_has_prefix(way, "held")) {
    drop_at_exit();
    GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "p");
    hold(gst_element_get_static_pad(filter, "src"));
  }
  // Registered earlier, it runs after the handler of the bridge.
  if (strcmp(way, "atexit-before") == 0) atexit(stop);
  const gboolean importing = strcmp(way, "importing") == 0;
  if (importing || strcmp(way, "loading") == 0)
    g_thread_new("loading", play, NULL);
  else
    play(NULL);
  while (!importing && access(called, F_OK) != 0)
    usleep(2000);
  usleep(1000 * (useconds_t)atoi(argv[3]));
  if (strcmp(way, "atexit-after") == 0) atexit(stop);
  if (strcmp(way, "states") == 0) {
    g_thread_new("states", stop_and_start, NULL);
    usleep(20000);
  }

  say_when();
  if (strcmp(way, "held-stopped") == 0) {
    stop();
    gst_object_unref(pipeline);
  } else if (strcmp(way, "stopped") == 0) {
    stop();
    gst_object_unref(pipeline);
    gst_deinit();
  } else if (strcmp(way, "exit-in-thread") == 0) {
    g_thread_new("end", end, NULL);
    for (;;)
      pause();
  } else if (strcmp(way, "quick-exit") == 0) {
    quick_exit(3);
  } else if (strcmp(way, "sigint") == 0) {
    kill(getpid(), SIGINT);
    sleep(5);
  } else if (strcmp(way, "sigterm") == 0) {
    kill(getpid(), SIGTERM);
    sleep(5);
  }
  return 0;
}
