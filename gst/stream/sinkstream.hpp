// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonsink does: hands each buffer to the plugin, no faster than it has
// space for, and knows when to give up.
#pragma once

#include <utility>
#include <vector>

#include <gst/base/gstbasesink.h>

#include "../buffers/outputqueue.hpp"
#include "../element/pythonelement.hpp"
#include "deviceclock.hpp"
#include "pause.hpp"

namespace pythonfilter {

class SinkStream {
 public:
  explicit SinkStream(GstBaseSink *sink)
      : python(GST_ELEMENT(sink), PluginKind::Sink, sink->segment),
        sink_(sink) {}

  // The properties that every element has, and those of this one.
  static void install_properties(GObjectClass *object_class);
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);
  // The property provide-clock, which is a flag of the element's, as it is of
  // GstAudioBaseSink.
  bool offers_clock() const {
    return GST_OBJECT_FLAG_IS_SET(sink_, GST_ELEMENT_FLAG_PROVIDE_CLOCK);
  }

  // False: an error was posted, or it is a flush.
  bool start(GstCaps *caps);
  GstFlowReturn reset() {
    assert(python.streaming.is_here());
    fresh_ = true;
    return python.reset();
  }
  // As much of the buffer as lies in the segment.
  GstFlowReturn write(GstBuffer *buffer);
  // Waits until the device has played what it got.
  GstFlowReturn drain();
  // Whether the plugin ended the stream, once.
  bool take_end() {
    assert(python.streaming.is_here());
    return std::exchange(ended_, false);
  }
  void set_unlocked(bool unlocked);

  PythonElement python;
  DeviceClock clock;  // of a plugin that says how much space its device has

 private:
  enum class Written { Yes, Failed, Interrupted, Ended };
  GstFlowReturn write_all(GstBuffer *buffer);
  Written write_block(AudioBlock *block);
  Written write_part(AudioBlock *block, size_t first, size_t frames);
  bool start_plugin(GstCaps *caps);
  bool map(GstBuffer *buffer, GstBuffer **own, AudioBlock *block,
           std::string *problem);
  // The plugin gets bytes, each buffer whole.
  bool bytes() const { return python.stream().format.bytes; }
  uint64_t length_ns(const Block &block, size_t frames) const;
  // How many of `frames` the plugin takes now; 0 when it was waited for long
  // enough.
  Written wait_for_space(size_t frames, size_t *space);
  // A moment; `until` moves on by the time that the pipeline is paused.
  Written wait_again(uint64_t *until, const char *problem);

  void offer_clock(bool offers);

  GstBaseSink *const sink_;
  Pause pause_;
  guint64 written_ = 0;        // frames since start
  bool fresh_ = true;          // no buffer since start or reset
  bool ended_ = false;         // by the plugin, and nobody was told yet
  std::vector<Output> given_;  // by a plugin that declares caps, for nobody
};

}  // namespace pythonfilter
