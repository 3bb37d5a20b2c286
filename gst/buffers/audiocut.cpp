// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audiocut.hpp"

#include <algorithm>

namespace pythonfilter {

void cut_front(GstBuffer *buffer, const GstAudioInfo &info, size_t frames) {
  GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
  if (info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED) {
    for (int c = 0; meta && c < info.channels; c++)
      meta->offsets[c] += frames * size_t(GST_AUDIO_INFO_BPS(&info));
  } else {
    gst_buffer_resize(buffer, gssize(frames * size_t(info.bpf)), -1);
  }
  if (meta) meta->samples -= frames;
  const GstClockTime later =
      gst_util_uint64_scale(frames, GST_SECOND, guint64(info.rate));
  if (GST_BUFFER_PTS_IS_VALID(buffer)) GST_BUFFER_PTS(buffer) += later;
  if (GST_BUFFER_DTS_IS_VALID(buffer)) GST_BUFFER_DTS(buffer) += later;
  if (GST_BUFFER_DURATION_IS_VALID(buffer))
    GST_BUFFER_DURATION(buffer) -= std::min(later, GST_BUFFER_DURATION(buffer));
  if (GST_BUFFER_OFFSET_IS_VALID(buffer)) GST_BUFFER_OFFSET(buffer) += frames;
}

void cut_to(GstBuffer *buffer, const GstAudioInfo &info, size_t frames) {
  GstAudioMeta *meta = gst_buffer_get_audio_meta(buffer);
  if (meta) meta->samples = frames;
  if (info.layout == GST_AUDIO_LAYOUT_INTERLEAVED)
    gst_buffer_set_size(buffer, gssize(frames * size_t(info.bpf)));
}

GstBuffer *make_silence(const GstAudioInfo &info, size_t frames) {
  GstBuffer *buffer =
      gst_buffer_new_allocate(nullptr, frames * size_t(info.bpf), nullptr);
  GstMapInfo map;
  if (buffer && gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
    gst_audio_format_info_fill_silence(info.finfo, map.data, map.size);
    gst_buffer_unmap(buffer, &map);
  }
  if (info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
  return buffer;
}

}  // namespace pythonfilter
