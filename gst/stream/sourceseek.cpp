// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where in a source the stream is, how long it is, and how it goes elsewhere.
#include <utility>

#include "../caps/plugincaps.hpp"
#include "sourcestream.hpp"

namespace pythonfilter {

// Before anything is flushed for it: what a flush throws away is gone.
bool SourceStream::can_seek(GstEvent *event) const {
  gdouble rate;
  GstFormat format;
  GstSeekType type;
  gint64 start;
  gst_event_parse_seek(event, &rate, &format, nullptr, &type, &start, nullptr,
                       nullptr);
  const char *problem = nullptr;
  if (!python.has(&Capabilities::has_seek)) {
    if (is_live())
      problem = "it is live, and the plugin has no seek()";
    else if (rate < 0)
      problem = "backwards needs a plugin with seek()";
    else if (type != GST_SEEK_TYPE_NONE &&
             (type != GST_SEEK_TYPE_SET || start != 0))
      problem = "the plugin has no seek(), so it can only begin anew";
  } else if (rate < 0 && is_live()) {
    problem = "what is live does not go backwards";
  }
  if (!problem) return true;
  GST_WARNING_OBJECT(source_, "no seek: %s: %" GST_PTR_FORMAT, problem, event);
  return false;
}

// The stream lock is held, and no call runs. At the very beginning there are no
// caps yet, and start() goes there.
bool SourceStream::seek(GstSegment *segment) {
  assert(python.streaming.is_here());
  const GstClockTime place = segment->position;
  segment->time = segment->start;
  segment_sent_ = false;
  if (!python.started()) {
    first_place_ = place;
    return place == 0 || python.has(&Capabilities::has_seek);
  }
  // Another rate, or stop: nothing moves.
  if (in_place_ && place == times_.time()) return true;
  drop_ready();
  if (!move(times_.frame_at(place), segment->rate < 0)) {
    segment_lost_ = segment->flags & GST_SEGMENT_FLAG_RESET;
    return false;
  }
  check_length();
  return true;
}

// Backwards the plugin is told for each block.
bool SourceStream::move(guint64 frame, bool backwards) {
  GST_DEBUG_OBJECT(source_, "goes to frame %" G_GUINT64_FORMAT "%s", frame,
                   backwards ? ", backwards" : "");
  // Only samples can be read a block at a time from their end.
  const bool moved = backwards ? !converts_
                     : python.has(&Capabilities::has_seek)
                         ? python.seek(frame)
                         : frame == 0 && python.restart();
  if (!moved) return false;
  in_place_ = !backwards;
  times_.go_to(frame);
  based_ = false;
  discont_ = true;
  return true;
}

// A flush for a seek that the plugin then refused: downstream has no segment
// any more, and running time begins at 0 again.
void SourceStream::restore_segment() {
  segment_lost_ = false;
  GstSegment again;
  gst_segment_copy_into(&segment(), &again);
  again.start = again.time = again.position;
  again.base = again.offset = 0;
  gst_base_src_new_segment(source_, &again);
  discont_ = true;
}

// New caps came in the middle, or new code: the plugin was started, and is at
// its beginning.
bool SourceStream::go_on(GstClockTime place, GstClockTime time) {
  if (place == 0 || !python.has(&Capabilities::has_seek)) return true;
  const guint64 frame = times_.frame_at(place);
  if (!python.seek(frame)) return false;
  times_.go_to(frame, time);
  return true;
}

void SourceStream::check_length() {
  const GstClockTime now = python.duration(), before = segment().duration;
  if (G_LIKELY(now == before)) return;
  GST_OBJECT_LOCK(source_);
  source_->segment.duration = now;
  GST_OBJECT_UNLOCK(source_);
  if (GST_CLOCK_TIME_IS_VALID(before))
    gst_element_post_message(
        GST_ELEMENT(source_),
        gst_message_new_duration_changed(GST_OBJECT(source_)));
}

bool SourceStream::answer_seeking(GstQuery *query) const {
  GstFormat format;
  gst_query_parse_seeking(query, &format, nullptr, nullptr, nullptr);
  if (format != GST_FORMAT_TIME) return false;
  gst_query_set_seeking(query, format, python.has(&Capabilities::has_seek), 0,
                        gint64(python.duration()));
  return true;
}

// By the caps: the query comes on any thread.
bool SourceStream::answer_convert(GstQuery *query) const {
  GstFormat from, to;
  gint64 value, converted = 0;
  gst_query_parse_convert(query, &from, &value, &to, nullptr);
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(GST_BASE_SRC_PAD(source_));
  if (!caps) return false;
  GstAudioInfo info;
  const bool good = is_raw_audio(caps) && exact_audio(caps, &info) &&
                    gst_audio_info_convert(&info, from, value, to, &converted);
  if (good) gst_query_set_convert(query, from, value, to, converted);
  return good;
}

}  // namespace pythonfilter
