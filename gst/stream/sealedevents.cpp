// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sealedevents.hpp"

#include <cmath>

#include <gst/audio/audio.h>

namespace pythonfilter {

namespace {

// GStreamer's readers of these take it that the field is there.
bool has(GstEvent *event, const char *field, GType type) {
  const GstStructure *structure = gst_event_get_structure(event);
  return structure && gst_structure_has_field_typed(structure, field, type);
}

bool is_rate(double rate) {
  return std::isfinite(rate) && rate != 0;
}

GstEvent *nameless_start(GstEvent *event) {
  g_autofree gchar *id = g_uuid_string_random();
  GstEvent *start = gst_event_new_stream_start(id);
  guint group;
  if (gst_event_parse_group_id(event, &group))
    gst_event_set_group_id(start, group);
  GstStreamFlags flags = GST_STREAM_FLAG_NONE;
  gst_event_parse_stream_flags(event, &flags);
  gst_event_set_stream_flags(start, flags);
  return start;
}

GstEvent *same_caps(GstEvent *event) {
  if (!has(event, "caps", GST_TYPE_CAPS)) return nullptr;
  GstCaps *caps;
  gst_event_parse_caps(event, &caps);
  return caps && gst_caps_is_fixed(caps) ? gst_event_new_caps(caps) : nullptr;
}

GstEvent *same_segment(GstEvent *event) {
  const GstSegment *segment;
  gst_event_parse_segment(event, &segment);
  const bool good = segment && is_rate(segment->rate) &&
                    is_rate(segment->applied_rate) &&
                    segment->format != GST_FORMAT_UNDEFINED &&
                    segment->start != GST_CLOCK_TIME_NONE &&
                    // NONE is more than any.
                    segment->start <= segment->stop;
  return good ? gst_event_new_segment(segment) : nullptr;
}

GstEvent *same_end_of_segment(GstEvent *event) {
  if (!has(event, "format", GST_TYPE_FORMAT) ||
      !has(event, "position", G_TYPE_INT64))
    return nullptr;
  GstFormat format;
  gint64 position;
  gst_event_parse_segment_done(event, &format, &position);
  return gst_event_new_segment_done(format, position);
}

GstEvent *same_gap(GstEvent *event) {
  GstClockTime begin = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
  gst_event_parse_gap(event, &begin, &duration);
  if (!GST_CLOCK_TIME_IS_VALID(begin)) return nullptr;
  if (duration > GST_CLOCK_TIME_NONE - 1 - begin)
    duration = GST_CLOCK_TIME_NONE;
  GstGapFlags flags = GstGapFlags(0);
  gst_event_parse_gap_flags(event, &flags);
  GstEvent *gap = gst_event_new_gap(begin, duration);
  gst_event_set_gap_flags(gap, flags);
  return gap;
}

GstEvent *same_flush_stop(GstEvent *event) {
  gboolean reset = TRUE;
  if (has(event, "reset-time", G_TYPE_BOOLEAN))
    gst_event_parse_flush_stop(event, &reset);
  return gst_event_new_flush_stop(reset);
}

GstEvent *same_group_done(GstEvent *event) {
  if (!has(event, "group-id", G_TYPE_UINT)) return nullptr;
  guint group;
  gst_event_parse_stream_group_done(event, &group);
  return gst_event_new_stream_group_done(group);
}

GstEvent *same_rate_change(GstEvent *event) {
  gdouble multiplier = 0;
  GstSegmentFlags flags = GST_SEGMENT_FLAG_NONE;
  gst_event_parse_instant_rate_change(event, &multiplier, &flags);
  return is_rate(multiplier)
             ? gst_event_new_instant_rate_change(multiplier, flags)
             : nullptr;
}

// Made anew of the fields that there are to be, so that there is no other.
GstEvent *same_event(GstEvent *event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START:
      return nameless_start(event);
    case GST_EVENT_CAPS:
      return same_caps(event);
    case GST_EVENT_SEGMENT:
      return same_segment(event);
    case GST_EVENT_SEGMENT_DONE:
      return same_end_of_segment(event);
    case GST_EVENT_GAP:
      return same_gap(event);
    case GST_EVENT_FLUSH_START:
      return gst_event_new_flush_start();
    case GST_EVENT_FLUSH_STOP:
      return same_flush_stop(event);
    case GST_EVENT_EOS:
      return gst_event_new_eos();
    case GST_EVENT_STREAM_GROUP_DONE:
      return same_group_done(event);
    case GST_EVENT_INSTANT_RATE_CHANGE:
      return same_rate_change(event);
    default:
      return nullptr;
  }
}

gboolean remove_foreign(GstBuffer *, GstMeta **meta, gpointer) {
  if ((*meta)->info->api != GST_AUDIO_META_API_TYPE) *meta = nullptr;
  return TRUE;
}

}  // namespace

GstEvent *sealed_event(GstEvent *taken) {
  g_autoptr(GstEvent) event = taken;
  GstEvent *same = same_event(event);
  if (same) {
    gst_event_set_seqnum(same, gst_event_get_seqnum(event));
    gst_event_set_running_time_offset(same,
                                      gst_event_get_running_time_offset(event));
  }
  return same;
}

bool is_whole(GstEvent *event) {
  return GST_EVENT_TYPE(event) != GST_EVENT_SEGMENT ||
         has(event, "segment", GST_TYPE_SEGMENT);
}

bool passes_upstream(GstEvent *event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_QOS:
    case GST_EVENT_SEEK:
    case GST_EVENT_LATENCY:
    case GST_EVENT_STEP:
    case GST_EVENT_RECONFIGURE:
    case GST_EVENT_INSTANT_RATE_SYNC_TIME:
    case GST_EVENT_FLUSH_START:
    case GST_EVENT_FLUSH_STOP:
      return true;
    case GST_EVENT_CUSTOM_UPSTREAM:
      // A decoder that lost its way asks for a frame to begin anew with.
      return gst_event_has_name(event, "GstForceKeyUnit");
    default:
      return false;
  }
}

void remove_foreign_metas(GstBuffer **buffer) {
  *buffer = gst_buffer_make_writable(*buffer);
  gst_buffer_foreach_meta(*buffer, remove_foreign, nullptr);
}

}  // namespace pythonfilter
