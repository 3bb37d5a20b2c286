// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonfilter does to a stream: each buffer through the plugin, in place
// or into others, what a failed call lets through, and the tail at the end.
#pragma once

#include "outputqueue.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

class FilterStream {
 public:
  explicit FilterStream(GstElement *element)
      : python(element, PluginKind::Processor) {}

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(GstCaps *input, GstCaps *output);
  // The buffer does not continue the one before it.
  bool is_break(GstBuffer *buffer) const {
    return !fresh_ && GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  }
  // One buffer; it is made writable where the plugin may write. NULL is left
  // of one for which outputs() has others, if any, and of one that is dropped;
  // that is GST_FLOW_CUSTOM_SUCCESS, as the base class wants to be told.
  GstFlowReturn process(GstBuffer **buffer);
  GstFlowReturn reset();
  // The tail as one buffer, NULL when there is none; or in outputs().
  GstFlowReturn drain(GstBuffer **tail);
  // What is to be pushed before anything else is processed.
  OutputQueue &outputs() { return outputs_; }

  PythonElement python;

 private:
  bool start_conversion(GstCaps *input, GstCaps *output);
  void forget_position();
  void discard_given();
  bool map_bytes(GstBuffer **buffer, AudioBlock *block, std::string *problem);
  Outcome run(GstBuffer **buffer, AudioBlock *block, OnError policy);
  void let_through(GstBuffer **buffer, AudioBlock *block, OnError policy);
  void silence(GstBuffer *buffer);
  GstBuffer *make_tail(const Tail &tail);
  void note_position(GstBuffer *buffer, size_t frames);

  // All the streaming thread's.
  bool fresh_ = true;          // no buffer since start or reset
  bool writes_ = true;         // the plugin may write to the block
  bool converts_ = false;      // its output may be another one
  bool bytes_ = false;         // it gets bytes
  bool in_place_ = true;       // the block itself may go on
  OutputQueue outputs_;        // of a converting plugin
  std::vector<Output> given_;  // by the call that runs
  GstClockTime next_pts_ = GST_CLOCK_TIME_NONE;
  guint64 next_offset_ = GST_BUFFER_OFFSET_NONE;
  std::vector<std::byte> before_;  // the samples from before the call
};

}  // namespace pythonfilter
