// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A pythonsink in a GstHarness, which the test pushes buffers into.
#pragma once

#include "pipeline.hpp"

namespace check {

// sync=false unless `properties` say otherwise.
class Sink : public Harnessed {
 public:
  explicit Sink(const std::string &script, const Audio &audio = {},
                const Properties &properties = {})
      : Harnessed("pythonsink", script, without_sync(properties), nullptr),
        audio_(audio) {
    set_audio(audio);
    push_segment();
  }

  const Audio &audio() const { return audio_; }

  bool set_audio(const Audio &audio) {
    audio_ = audio;
    return push_caps(audio.caps());
  }
  void flush() {
    push_event(gst_event_new_flush_start());
    push_event(gst_event_new_flush_stop(TRUE));
    push_segment();
  }
  GstFlowReturn push_frames(size_t frames = 64) {
    return push(new_buffer(audio_, frames));
  }

 private:
  static Properties without_sync(const Properties &properties) {
    Properties all = {{"sync", "false"}};
    all.insert(all.end(), properties.begin(), properties.end());
    return all;
  }

  Audio audio_;
};

}  // namespace check
