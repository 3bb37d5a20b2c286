// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audiocut.hpp"

#include <algorithm>
#include <cstring>

#include "audioblock.hpp"

namespace pythonfilter {

void clip_to(const GstSegment &segment, const GstAudioInfo &info,
             GstBuffer **buffer) {
  if (info.bpf == 0 || segment.format != GST_FORMAT_TIME ||
      !GST_BUFFER_PTS_IS_VALID(*buffer))
    return;
  std::string problem;
  if (AudioBlock block; !block.map(*buffer, info, false, &problem)) return;
  *buffer = gst_audio_buffer_clip(*buffer, &segment, info.rate, info.bpf);
}

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

void silence(GstBuffer *buffer, const GstAudioInfo &info) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) return;
  // Not always zeros: of unsigned samples it is the middle.
  gst_audio_format_info_fill_silence(info.finfo, map.data, map.size);
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);
}

GstBuffer *make_silence(const GstAudioInfo &info, size_t frames) {
  GstBuffer *buffer =
      gst_buffer_new_allocate(nullptr, frames * size_t(info.bpf), nullptr);
  silence(buffer, info);
  if (info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED)
    gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  return buffer;
}

GstBuffer *make_buffer(const GstAudioInfo &info,
                       const std::vector<std::byte> &samples, size_t frames) {
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info));
  const auto channels = size_t(info.channels);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, samples.size(), nullptr);
  if (info.layout != GST_AUDIO_LAYOUT_INTERLEAVED) {
    gst_buffer_fill(buffer, 0, samples.data(), samples.size());
    gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
    return buffer;
  }
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (size_t c = 0; c < channels; c++)
    for (size_t i = 0; i < frames; i++)
      std::memcpy(map.data + (i * channels + c) * width,
                  samples.data() + (c * frames + i) * width, width);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

void shift_references(GstBuffer *buffer, bool known, GstClockTimeDiff later) {
  constexpr auto api = gst_reference_timestamp_meta_api_get_type;
  while (!known) {
    GstMeta *meta = gst_buffer_get_meta(buffer, api());
    if (!meta) return;
    gst_buffer_remove_meta(buffer, meta);
  }
  gpointer state = nullptr;
  while (GstMeta *meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, api())) {
    auto *reference = reinterpret_cast<GstReferenceTimestampMeta *>(meta);
    reference->timestamp += GstClockTime(later);
    if (GST_CLOCK_TIME_IS_VALID(reference->duration))
      reference->duration = GST_BUFFER_DURATION(buffer);
  }
}

}  // namespace pythonfilter
