// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Holds the buffers that leave a pad until the process ends: then, when Python
// is gone, they are read, and dropped by four threads. What is wrong aborts.
// Prints how many there were.
#include <stdio.h>
#include <stdlib.h>

#include <gst/gst.h>

enum { MOST = 1000 };

static GstBuffer *held[MOST];
static int count;

static GstPadProbeReturn keep(GstPad *pad, GstPadProbeInfo *info,
                              gpointer unused) {
  (void)pad;
  (void)unused;
  const int number = g_atomic_int_get(&count);
  if (number >= MOST) return GST_PAD_PROBE_OK;
  held[number] = gst_buffer_ref(GST_PAD_PROBE_INFO_BUFFER(info));
  g_atomic_int_set(&count, number + 1);
  return GST_PAD_PROBE_OK;
}

// The plugin gives a thousand times the same byte.
static void check(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ) || map.size != 1000) abort();
  for (gsize i = 0; i < map.size; i++)
    if (map.data[i] != map.data[0]) abort();
  gst_buffer_unmap(buffer, &map);
}

static gpointer drop_fourth(gpointer first) {
  const int all = g_atomic_int_get(&count);
  for (int i = GPOINTER_TO_INT(first); i < all; i += 4) {
    check(held[i]);
    gst_buffer_unref(held[i]);
  }
  return NULL;
}

static void drop(void) {
  GThread *threads[4];
  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new("drop", drop_fourth, GINT_TO_POINTER(i));
  for (int i = 0; i < 4; i++)
    g_thread_join(threads[i]);
  printf("dropped %d\n", g_atomic_int_get(&count));
  fflush(stdout);
}

// Runs after the exit handlers of whatever is loaded later.
void drop_at_exit(void) {
  atexit(drop);
}

void hold(GstPad *pad) {
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, keep, NULL, NULL);
}
