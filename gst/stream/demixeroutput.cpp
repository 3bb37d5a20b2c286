// SPDX-License-Identifier: LGPL-2.1-or-later
#include "demixeroutput.hpp"

#include <cstring>

#include "../buffers/audiocut.hpp"
#include "../portpads.hpp"

namespace pythonfilter {

namespace {

// What a push would have given.
GstFlowReturn flow_of(GstPad *pad, bool taken) {
  if (taken) return GST_FLOW_OK;
  GST_OBJECT_LOCK(pad);
  const bool flushing = GST_PAD_IS_FLUSHING(pad), over = GST_PAD_IS_EOS(pad),
             linked = GST_PAD_IS_LINKED(pad);
  GST_OBJECT_UNLOCK(pad);
  return flushing ? GST_FLOW_FLUSHING
         : over   ? GST_FLOW_EOS
         : linked ? GST_FLOW_OK
                  : GST_FLOW_NOT_LINKED;
}

}  // namespace

void DemixerOutput::send_stream_start(GstEvent *upstream) {
  const gchar *id;
  gst_event_parse_stream_start(upstream, &id);
  g_autofree gchar *own = g_strdup_printf("%s/%s", id, GST_OBJECT_NAME(pad_));
  GstEvent *event = gst_event_new_stream_start(own);
  guint group;
  if (gst_event_parse_group_id(upstream, &group))
    gst_event_set_group_id(event, group);
  GstStreamFlags flags;
  gst_event_parse_stream_flags(upstream, &flags);
  gst_event_set_stream_flags(event, flags);
  gst_event_set_seqnum(event, gst_event_get_seqnum(upstream));
  gst_pad_push_event(pad_, event);
}

// Those that are linked anew may want other memory, whatever the caps.
void DemixerOutput::set_caps(const GstAudioInfo &info) {
  info_ = info;
  g_autoptr(GstCaps) caps = gst_audio_info_to_caps(&info);
  g_autoptr(GstCaps) before = gst_pad_get_current_caps(pad_);
  if (!before || !gst_caps_is_equal(before, caps))
    gst_pad_push_event(pad_, gst_event_new_caps(caps));
  pool_.ask(pad_, caps);
}

bool DemixerOutput::begin(size_t frames, OutputView *view,
                          std::string *problem) {
  const gsize size = frames * size_t(info_.bpf);
  buffer_ = pool_.acquire(size);
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info_));
  const auto maps = [&] {
    return block_.map(buffer_, info_, true, problem) &&
           reinterpret_cast<size_t>(block_.data) % width == 0;
  };
  if (G_UNLIKELY(!maps())) {
    drop();
    buffer_ = gst_buffer_new_allocate(nullptr, size, nullptr);
    if (!maps()) return false;
  }
  std::memset(block_.data, 0, size);
  view->data = block_.data;
  view->channel_stride = block_.channel_stride;
  view->frame_stride = block_.frame_stride;
  view->keeper = block_.keeper;
  return true;
}

void DemixerOutput::drop() {
  block_.unmap();
  gst_clear_buffer(&buffer_);
}

GstBuffer *DemixerOutput::take(GstBuffer *like) {
  block_.unmap();
  GstBuffer *buffer = std::exchange(buffer_, nullptr);
  gst_buffer_copy_into(
      buffer, like,
      GstBufferCopyFlags(GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS), 0,
      gsize(-1));
  return buffer;
}

GstFlowReturn DemixerOutput::push(Place *place, bool discont, bool gap) {
  size_t size;
  const std::byte *bytes = block_.bytes(&size);
  // What was made of nothing may be something.
  gap = gap && is_silent(bytes, size);
  GstBuffer *buffer = take(place->like);
  if (!gap) GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_GAP);
  owes_discont_ = owes_discont_ || discont;
  return push_at(place, buffer);
}

GstFlowReturn DemixerOutput::push_silence(Place *place) {
  GstBuffer *buffer = take(place->like);
  silence(buffer, info_);
  return push_at(place, buffer);
}

GstFlowReturn DemixerOutput::push_same(Place *place) {
  drop();
  return push_at(place, gst_buffer_ref(place->like));
}

GstFlowReturn DemixerOutput::push_gap(Place *place) {
  GstBuffer *like = place->like;
  // An event has a time, and is not cut.
  if (!GST_BUFFER_PTS_IS_VALID(like) || place->lag.shifts())
    return push_silence(place);
  drop();
  return flow_of(pad_, gst_pad_push_event(
                           pad_, gst_event_new_gap(GST_BUFFER_PTS(like),
                                                   GST_BUFFER_DURATION(like))));
}

GstFlowReturn DemixerOutput::push_at(Place *place, GstBuffer *buffer) {
  if (G_LIKELY(!place->lag.shifts())) return push_now(buffer);
  if (GST_BUFFER_IS_DISCONT(buffer)) owes_discont_ = true;
  GstBuffer *before = place->lag.shift(&buffer, place->frames, info_);
  if (buffer && frames_in(buffer, info_) > place->most) {
    buffer = gst_buffer_make_writable(buffer);
    cut_to(buffer, info_, place->most);
    GST_BUFFER_DURATION(buffer) =
        gst_util_uint64_scale(place->most, GST_SECOND, guint64(info_.rate));
    GST_BUFFER_OFFSET_END(buffer) = GST_BUFFER_OFFSET_NONE;
  }
  const GstFlowReturn flow = before ? push_now(before) : GST_FLOW_OK;
  if (flow == GST_FLOW_OK && buffer) return push_now(buffer);
  gst_clear_buffer(&buffer);
  return flow;
}

GstFlowReturn DemixerOutput::push_now(GstBuffer *buffer) {
  if (std::exchange(owes_discont_, false)) {
    buffer = gst_buffer_make_writable(buffer);
    GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  }
  return gst_pad_push(pad_, buffer);
}

void DemixerOutput::forget() {
  drop();
  pool_.forget();
  owes_discont_ = true;
}

}  // namespace pythonfilter
