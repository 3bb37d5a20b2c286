// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bypass.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pythonfilter {

namespace {

constexpr int fade_ms = 10;
// Of dry samples: longer than any plugin lags, and an end to those that nothing
// comes of.
constexpr size_t most_seconds = 10;

}  // namespace

void Bypass::start(const GstAudioInfo &info, bool possible) {
  info_ = info;
  possible_ = possible;
  wet_ = on_ ? 0 : 1;
  forget();
}

void Bypass::keep(const AudioBlock &block, bool backwards) {
  if (!possible_) return;
  if (kept() > most_seconds * size_t(info_.rate) ||
      (backwards && block.pts < pts_))
    forget();
  if (dry_.empty()) pts_ = block.pts;
  const auto width = size_t(GST_AUDIO_INFO_BPS(&info_));
  const size_t before = dry_.size();
  dry_.resize(before + block.frames * size_t(info_.bpf));
  std::byte *to = dry_.data() + before;
  for (size_t i = 0; i < block.frames; i++)
    for (size_t c = 0; c < size_t(info_.channels); c++, to += width)
      std::memcpy(to, block.channel(c) + ptrdiff_t(i) * block.frame_stride,
                  width);
}

// Which of the dry frames belongs to the block's first one: the next in turn,
// unless the times say otherwise, as what the plugin dropped never comes.
ptrdiff_t Bypass::first_of(const AudioBlock &block) const {
  if (!GST_CLOCK_TIME_IS_VALID(block.pts) || !GST_CLOCK_TIME_IS_VALID(pts_))
    return 0;
  const auto apart = double(GST_CLOCK_DIFF(pts_, block.pts));
  // A device's times are not exact to the frame.
  if (std::fabs(apart) < double(GST_MSECOND)) return 0;
  return std::lround(apart * info_.rate / double(GST_SECOND));
}

// Nothing went in: silence. Before any that was kept, it is not faded yet.
template <typename Sample>
void Bypass::fade(const AudioBlock &block, ptrdiff_t first) {
  const double step = 1e3 / (double(info_.rate) * fade_ms);
  const auto count = ptrdiff_t(kept());
  const bool on = on_;
  for (size_t i = 0; i < block.frames; i++) {
    const ptrdiff_t at = first + ptrdiff_t(i);
    const bool there = at >= 0 && at < count;
    if (there) wet_ = std::clamp(wet_ + (on ? -step : step), 0.0, 1.0);
    if (wet_ >= 1) continue;
    for (int c = 0; c < info_.channels; c++) {
      Sample dry = 0, wet;
      std::byte *sample =
          block.channel(size_t(c)) + ptrdiff_t(i) * block.frame_stride;
      if (there)
        std::memcpy(&dry,
                    dry_.data() + at * info_.bpf + c * ptrdiff_t(sizeof dry),
                    sizeof dry);
      std::memcpy(&wet, sample, sizeof wet);
      // Exactly what went in, whatever the plugin made of it.
      if (wet_ > 0) dry = Sample(wet_ * double(wet) + (1 - wet_) * double(dry));
      std::memcpy(sample, &dry, sizeof dry);
    }
  }
}

void Bypass::mix(GstBuffer **buffer) {
  AudioBlock block;
  std::string problem;
  if (!possible_) return;
  *buffer = gst_buffer_make_writable(*buffer);
  if (!block.map(*buffer, info_, true, &problem)) return;
  const ptrdiff_t first = first_of(block);
  switch (GST_AUDIO_INFO_FORMAT(&info_)) {
    case GST_AUDIO_FORMAT_F32:
      fade<float>(block, first);
      break;
    case GST_AUDIO_FORMAT_F64:
      fade<double>(block, first);
      break;
    case GST_AUDIO_FORMAT_S16:
      fade<gint16>(block, first);
      break;
    default:
      fade<gint32>(block, first);
      break;
  }
  const ptrdiff_t done = first + ptrdiff_t(block.frames);
  if (done > 0) {
    dry_.erase(dry_.begin(),
               dry_.begin() + std::min<ptrdiff_t>(done * info_.bpf,
                                                  ptrdiff_t(dry_.size())));
    pts_ = GST_CLOCK_TIME_IS_VALID(block.pts)
               ? block.pts + gst_util_uint64_scale(block.frames, GST_SECOND,
                                                   guint64(info_.rate))
               : block.pts;
  }
  if (block.gap && wet_ < 1)
    GST_BUFFER_FLAG_UNSET(*buffer, GST_BUFFER_FLAG_GAP);
  if (on_ || wet_ < 1) return;
  forget();
  active_ = false;
  if (on_) active_ = true;  // by somebody else, meanwhile
}

}  // namespace pythonfilter
