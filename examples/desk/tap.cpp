// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>

#include "strip.hpp"

namespace desk {

Tap::Tap(GstPad *pad) {
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, this, nullptr);
}

GstPadProbeReturn Tap::on_buffer(GstPad *pad, GstPadProbeInfo *info,
                                 gpointer data) {
  auto *tap = static_cast<Tap *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(pad);
  GstAudioInfo sound;
  GstMapInfo map;
  const bool floats =
      caps &&
      gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw") &&
      gst_audio_info_from_caps(&sound, caps) &&
      GST_AUDIO_INFO_FORMAT(&sound) == GST_AUDIO_FORMAT_F32 &&
      GST_AUDIO_INFO_LAYOUT(&sound) == GST_AUDIO_LAYOUT_INTERLEAVED;
  tap->rate_ = floats ? sound.rate : 0;
  if (!floats || !gst_buffer_map(buffer, &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  const auto *samples = reinterpret_cast<float *>(map.data);
  float peak = tap->peak_;
  for (size_t i = 0; i < map.size / sizeof(float); i++) {
    peak = std::max(peak, std::fabs(samples[i]));
    if (i % size_t(sound.channels) == 0)
      tap->ring_[tap->next_++ % tap->ring_.size()] = samples[i];
  }
  tap->peak_ = peak;
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

}  // namespace desk
