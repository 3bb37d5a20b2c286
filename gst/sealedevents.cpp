// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sealedevents.hpp"

#include <gst/audio/audio.h>

namespace pythonfilter {

namespace {

GstEvent *nameless_start(GstEvent *event) {
  gchar *id = g_uuid_string_random();
  GstEvent *start = gst_event_new_stream_start(id);
  g_free(id);
  guint group;
  if (gst_event_parse_group_id(event, &group))
    gst_event_set_group_id(start, group);
  GstStreamFlags flags;
  gst_event_parse_stream_flags(event, &flags);
  gst_event_set_stream_flags(start, flags);
  gst_event_set_seqnum(start, gst_event_get_seqnum(event));
  gst_event_unref(event);
  return start;
}

gboolean remove_foreign(GstBuffer *, GstMeta **meta, gpointer) {
  if ((*meta)->info->api != GST_AUDIO_META_API_TYPE) *meta = nullptr;
  return TRUE;
}

}  // namespace

GstEvent *sealed_event(GstEvent *event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      return nameless_start(event);
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
    case GST_EVENT_CAPS:
    case GST_EVENT_SEGMENT:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
    // Between elements of one pipeline; these have no text of anybody's.
    case GST_EVENT_BUFFERSIZE:
    case GST_EVENT_STREAM_GROUP_DONE:
    case GST_EVENT_INSTANT_RATE_CHANGE:
      return event;
    default:
      gst_event_unref(event);
      return nullptr;
  }
}

void remove_foreign_metas(GstBuffer **buffer) {
  *buffer = gst_buffer_make_writable(*buffer);
  gst_buffer_foreach_meta(*buffer, remove_foreign, nullptr);
}

}  // namespace pythonfilter
