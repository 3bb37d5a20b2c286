// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What caps came to, and all that follows from them: there is one from the
// plugin's start() to its stop().
#pragma once

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

struct NegotiatedStream {
  NegotiatedStream(const GstAudioInfo &audio, const StreamFormat &negotiated);

  GstAudioInfo info;  // empty where the plugin gets no raw audio
  StreamFormat format;
  int curve_rate;  // 0: blocks are bytes
  // How long they last, in whole numbers, as each buffer is held against it.
  // 0: not known.
  guint64 ticks_of_1024_frames;
  guint64 stat_unit;         // a block's frames for one of the statistics'
  guint64 latency_interval;  // frames from one question to the next
  guint64 frames_since_latency = 0;
};

inline NegotiatedStream::NegotiatedStream(const GstAudioInfo &audio,
                                          const StreamFormat &negotiated)
    : info(audio),
      format(negotiated),
      curve_rate(format.bytes ? 0 : info.rate),
      stat_unit(format.bytes ? guint64(info.bpf) : 1) {
  // A "frame" of bytes is one of them, and lasts nobody knows how long.
  const double per_second =
      format.bytes ? double(info.rate) * info.bpf : double(info.rate);
  ticks_of_1024_frames =
      per_second > 0 ? guint64(1024e9 / per_second / ns_per_tick()) : 0;
  latency_interval = per_second > 0 ? guint64(per_second) : G_MAXUINT64;
}

}  // namespace pythonfilter
