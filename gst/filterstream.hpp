// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonfilter does to a stream: each buffer through the plugin, in
// place, what a failed call lets through, and the tail at the end.
#pragma once

#include "pythonelement.hpp"

namespace pythonfilter {

class FilterStream {
 public:
  explicit FilterStream(GstElement *element)
      : python(element, PluginKind::Processor) {}

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(const GstAudioInfo &info);
  // The buffer does not continue the one before it.
  bool is_break(GstBuffer *buffer) const {
    return !fresh_ && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  }
  // One buffer; it is made writable where the plugin may write. NULL is left
  // of a buffer that is dropped.
  GstFlowReturn process(GstBuffer **buffer);
  GstFlowReturn reset();
  // The tail as one buffer, NULL when there is none.
  GstFlowReturn drain(GstBuffer **tail);

  PythonElement python;

 private:
  Outcome run(GstBuffer *buffer, AudioBlock *block, OnError policy);
  void let_through(GstBuffer **buffer, AudioBlock *block, OnError policy);
  GstBuffer *make_tail(const Tail &tail);
  void note_position(GstBuffer *buffer, size_t frames);

  // All the streaming thread's.
  bool fresh_ = true;  // no buffer since start or reset
  GstClockTime next_pts_ = GST_CLOCK_TIME_NONE;
  guint64 next_offset_ = GST_BUFFER_OFFSET_NONE;
  std::vector<std::byte> before_;  // the samples from before the call
};

}  // namespace pythonfilter
