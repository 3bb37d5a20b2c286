// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tap.hpp"

#include <algorithm>
#include <cmath>

namespace desk {

Tap::Tap(GstPad *sink, GstPad *src) : ring_(picture_size) {
  watch(&before_, sink);
  watch(&behind_, src);
}

Tap::~Tap() {
  for (Side *side : {&before_, &behind_}) {
    if (!side->pad) continue;
    gst_pad_remove_probe(side->pad, side->probe);
    gst_object_unref(side->pad);
  }
}

void Tap::watch(Side *side, GstPad *pad) {
  side->tap = this;
  if (!pad) return;
  side->pad = GST_PAD(gst_object_ref(pad));
  side->probe =
      gst_pad_add_probe(pad,
                        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                        GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                        on_data, side, nullptr);
}

GstPadProbeReturn Tap::on_data(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *side = static_cast<Side *>(data);
  Tap *tap = side->tap;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    GstCaps *caps;
    gst_event_parse_caps(event, &caps);
    const GstStructure *format = gst_caps_get_structure(caps, 0);
    side->sound = gst_structure_has_name(format, "audio/x-raw") &&
                  gst_audio_info_from_caps(&side->info, caps) &&
                  GST_AUDIO_INFO_FORMAT(&side->info) == GST_AUDIO_FORMAT_F32 &&
                  side->info.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
    side->rate = side->sound ? side->info.rate : 0;
    tap->dry_.clear();
    return GST_PAD_PROBE_OK;
  }
  if (!side->sound) return GST_PAD_PROBE_OK;
  const bool behind = side == &tap->behind_;
  // Where the two sides are not of one format there is nothing to fade to.
  const bool fades =
      (tap->bypass_ || tap->wet_ < 1) && tap->before_.sound &&
      tap->behind_.sound &&
      gst_audio_info_is_equal(&tap->before_.info, &tap->behind_.info);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  if (behind && fades) info->data = buffer = gst_buffer_make_writable(buffer);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map,
                      behind && fades ? GST_MAP_READWRITE : GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  auto *samples = reinterpret_cast<float *>(map.data);
  const size_t count = map.size / sizeof(float);
  if (fades && behind) tap->fade(samples, count);
  if (fades && !behind) tap->keep_dry(samples, count);
  float peak = side->peak;
  for (size_t i = 0; i < count; i++)
    peak = std::max(peak, std::fabs(samples[i]));
  side->peak = peak;
  if (tap->draws_ && (behind || !tap->behind_.pad))
    tap->draw(samples, count, size_t(side->info.channels));
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

void Tap::keep_dry(const float *samples, size_t count) {
  // More than a second of it nobody takes out: the plugin drops it all.
  if (dry_.size() > size_t(before_.info.rate * before_.info.channels))
    dry_.clear();
  dry_.insert(dry_.end(), samples, samples + count);
}

void Tap::fade(float *samples, size_t count) {
  const size_t channels = size_t(behind_.info.channels);
  const size_t there = std::min(count, dry_.size());
  const float step = 100.0f / float(behind_.info.rate);
  for (size_t i = 0; i + channels <= there; i += channels) {
    wet_ = std::clamp(wet_ + (bypass_ ? -step : step), 0.0f, 1.0f);
    for (size_t c = i; c < i + channels; c++)
      samples[c] = wet_ * samples[c] + (1 - wet_) * dry_[c];
  }
  dry_.erase(dry_.begin(), dry_.begin() + long(there));
}

void Tap::draw(const float *samples, size_t count, size_t channels) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  for (size_t i = 0; i < count; i += channels)
    ring_[next_++ % picture_size] = samples[i];
}

std::vector<float> Tap::picture() {
  draws_ = true;
  const std::lock_guard lock(mutex_);
  std::vector<float> all(ring_);
  std::rotate(all.begin(), all.begin() + long(next_ % picture_size), all.end());
  return all;
}

}  // namespace desk
