// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tap.hpp"

#include <algorithm>
#include <cmath>

namespace desk {

Tap::Tap(GstElement *element) {
  for (GList *each = element->pads; each; each = each->next) {
    GstPad *pad = GST_PAD(each->data);
    if (GST_PAD_IS_SINK(pad)) before_ = pad;
    gst_pad_add_probe(pad,
                      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      on_data, this, nullptr);
  }
}

GstPadProbeReturn Tap::on_data(GstPad *pad, GstPadProbeInfo *info,
                               gpointer data) {
  auto *tap = static_cast<Tap *>(data);
  const bool behind = pad != tap->before_;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstCaps *caps;
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    gst_event_parse_caps(event, &caps);
    tap->read_caps(caps, &tap->formats_[behind]);
    return GST_PAD_PROBE_OK;
  }
  const bool fades = tap->fits_ && (tap->bypass_ || tap->wet_ < 1);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  if (fades && behind) info->data = buffer = gst_buffer_make_writable(buffer);
  GstMapInfo map;
  if ((behind ? !tap->rate_ : !fades) ||
      !gst_buffer_map(buffer, &map,
                      fades && behind ? GST_MAP_READWRITE : GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  auto *samples = reinterpret_cast<float *>(map.data);
  const size_t count = map.size / sizeof(float);
  if (fades) behind ? tap->fade(samples, count) : tap->keep(samples, count);
  if (behind) tap->measure(samples, count);
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

void Tap::read_caps(GstCaps *caps, GstAudioInfo *format) {
  const bool sound =
      gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw") &&
      gst_audio_info_from_caps(format, caps) &&
      GST_AUDIO_INFO_FORMAT(format) == GST_AUDIO_FORMAT_F32 &&
      GST_AUDIO_INFO_LAYOUT(format) == GST_AUDIO_LAYOUT_INTERLEAVED;
  if (!sound) gst_audio_info_init(format);
  const auto &[before, behind] = formats_;
  rate_ = behind.rate;
  fits_ = rate_ && gst_audio_info_is_equal(&before, &behind);
  dry_.clear();
}

void Tap::keep(const float *samples, size_t count) {
  // More than a second of it nobody takes out: the plugin drops it all.
  if (dry_.size() > size_t(rate_) * channels()) dry_.clear();
  dry_.insert(dry_.end(), samples, samples + count);
}

void Tap::fade(float *samples, size_t count) {
  const size_t there = std::min(count, dry_.size());
  const float step = 100.0f / float(rate_);
  for (size_t i = 0; i + channels() <= there; i += channels()) {
    wet_ = std::clamp(wet_ + (bypass_ ? -step : step), 0.0f, 1.0f);
    for (size_t c = i; c < i + channels(); c++)
      samples[c] = wet_ * samples[c] + (1 - wet_) * dry_[c];
  }
  dry_.erase(dry_.begin(), dry_.begin() + long(there));
}

void Tap::measure(const float *samples, size_t count) {
  float peak = peak_;
  for (size_t i = 0; i < count; i++)
    peak = std::max(peak, std::fabs(samples[i]));
  peak_ = peak;
  for (size_t i = 0; i < count; i += channels())
    ring_[next_++ % ring_.size()] = samples[i];
}

std::vector<float> Tap::picture() const {
  std::vector<float> all(ring_.begin(), ring_.end());
  std::rotate(all.begin(), all.begin() + long(next_ % all.size()), all.end());
  return all;
}

}  // namespace desk
