// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tap.hpp"

#include <algorithm>
#include <cmath>

namespace desk {

Tap::Tap(GstPad *sink, GstPad *src) {
  sides_[0].pad = sink;
  sides_[1].pad = src;
  for (Side &side : sides_) {
    side.tap = this;
    if (!side.pad) continue;
    gst_object_ref(side.pad);
    side.probe =
        gst_pad_add_probe(side.pad,
                          GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                          on_data, &side, nullptr);
  }
}

Tap::~Tap() {
  for (Side &side : sides_) {
    if (!side.pad) continue;
    gst_pad_remove_probe(side.pad, side.probe);
    gst_object_unref(side.pad);
  }
}

GstPadProbeReturn Tap::on_data(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *side = static_cast<Side *>(data);
  Tap *tap = side->tap;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    GstCaps *caps;
    gst_event_parse_caps(event, &caps);
    const bool sound =
        gst_structure_has_name(gst_caps_get_structure(caps, 0),
                               "audio/x-raw") &&
        gst_audio_info_from_caps(&side->info, caps) &&
        GST_AUDIO_INFO_FORMAT(&side->info) == GST_AUDIO_FORMAT_F32 &&
        GST_AUDIO_INFO_LAYOUT(&side->info) == GST_AUDIO_LAYOUT_INTERLEAVED;
    side->rate = sound ? side->info.rate : 0;
    tap->dry_.clear();
    return GST_PAD_PROBE_OK;
  }
  if (!side->rate) return GST_PAD_PROBE_OK;
  // Where the two sides are not of one format there is nothing to fade to.
  const auto &[before, behind] = tap->sides_;
  const bool fades = (tap->bypass_ || tap->wet_ < 1) && before.rate &&
                     behind.rate &&
                     gst_audio_info_is_equal(&before.info, &behind.info);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const bool writes = fades && side == &behind;
  if (writes) info->data = buffer = gst_buffer_make_writable(buffer);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, writes ? GST_MAP_READWRITE : GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  tap->look_at(side, reinterpret_cast<float *>(map.data),
               map.size / sizeof(float), fades);
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

void Tap::look_at(Side *side, float *samples, size_t count, bool fades) {
  const auto channels = size_t(side->info.channels);
  const bool behind = side == &sides_[1];
  if (fades && behind) fade(samples, count);
  if (fades && !behind) {
    // More than a second of it nobody takes out: the plugin drops it all.
    if (dry_.size() > size_t(side->rate) * channels) dry_.clear();
    dry_.insert(dry_.end(), samples, samples + count);
  }
  float peak = side->peak;
  for (size_t i = 0; i < count; i++)
    peak = std::max(peak, std::fabs(samples[i]));
  side->peak = peak;
  for (size_t i = 0; (behind || !sides_[1].pad) && i < count; i += channels)
    ring_[next_++ % ring_.size()] = samples[i];
}

void Tap::fade(float *samples, size_t count) {
  const auto channels = size_t(sides_[1].info.channels);
  const size_t there = std::min(count, dry_.size());
  const float step = 100.0f / float(sides_[1].rate);
  for (size_t i = 0; i + channels <= there; i += channels) {
    wet_ = std::clamp(wet_ + (bypass_ ? -step : step), 0.0f, 1.0f);
    for (size_t c = i; c < i + channels; c++)
      samples[c] = wet_ * samples[c] + (1 - wet_) * dry_[c];
  }
  dry_.erase(dry_.begin(), dry_.begin() + long(there));
}

std::vector<float> Tap::picture() const {
  std::vector<float> all(ring_.size());
  for (size_t i = 0, begin = next_; i < all.size(); i++)
    all[i] = ring_[(begin + i) % all.size()];
  return all;
}

}  // namespace desk
