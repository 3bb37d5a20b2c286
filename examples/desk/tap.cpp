// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cmath>

#include "strip.hpp"

namespace desk {

Tap::Tap(GstPad *pad) {
  gst_pad_add_probe(pad,
                    GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                    GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                    on_data, this, nullptr);
}

GstPadProbeReturn Tap::on_data(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *tap = static_cast<Tap *>(data);
  GstMapInfo map;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstCaps *caps;
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    gst_event_parse_caps(event, &caps);
    tap->read_caps(caps);
  } else if (GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
             tap->rate_ && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
    tap->measure(reinterpret_cast<float *>(map.data), map.size / sizeof(float));
    gst_buffer_unmap(buffer, &map);
  }
  return GST_PAD_PROBE_OK;
}

void Tap::read_caps(GstCaps *caps) {
  GstAudioInfo info;
  const bool floats =
      gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw") &&
      gst_audio_info_from_caps(&info, caps) &&
      GST_AUDIO_INFO_FORMAT(&info) == GST_AUDIO_FORMAT_F32 &&
      GST_AUDIO_INFO_LAYOUT(&info) == GST_AUDIO_LAYOUT_INTERLEAVED;
  channels_ = floats ? size_t(info.channels) : 1;
  rate_ = floats ? info.rate : 0;
}

void Tap::measure(const float *samples, size_t count) {
  float peak = peak_;
  for (size_t i = 0; i < count; i++)
    peak = std::max(peak, std::fabs(samples[i]));
  peak_ = peak;
  for (size_t i = 0; i < count; i += channels_)
    ring_[next_++ % ring_.size()] = samples[i];
}

std::vector<float> Tap::picture() const {
  std::vector<float> all(ring_.begin(), ring_.end());
  std::rotate(all.begin(), all.begin() + long(next_ % all.size()), all.end());
  return all;
}

}  // namespace desk
