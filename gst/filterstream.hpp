// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonfilter does to a stream: each buffer through the plugin, in place
// or into others, what a failed call lets through, and the tail at the end.
#pragma once

#include <utility>

#include <gst/base/gstbasetransform.h>

#include "blocksplitter.hpp"
#include "outputqueue.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

// What becomes of less than a block at the end.
enum class Remainder { Pad, Pass };

class FilterStream {
 public:
  explicit FilterStream(GstBaseTransform *filter)
      : python(GST_ELEMENT(filter), PluginKind::Processor, filter->segment),
        element_(GST_ELEMENT(filter)) {}

  // Those that every element has, and those of this one.
  static void install_properties(GObjectClass *object_class);
  bool set_property(guint id, const GValue *value);
  bool get_property(guint id, GValue *value);

  // Caps: (re)starts the plugin. False: an error was posted.
  bool start(GstCaps *input, GstCaps *output);
  // The buffer does not continue the one before it.
  bool is_break(GstBuffer *buffer) const {
    return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) &&
           (!fresh_ || blocks_.pending() > 0);
  }
  // One buffer; it is made writable where the plugin may write. NULL is left
  // of one for which outputs() has others, if any, and of one that is dropped;
  // that is GST_FLOW_CUSTOM_SUCCESS, as the base class wants to be told.
  GstFlowReturn process(GstBuffer **buffer);
  GstFlowReturn reset();

  // With block-size, the plugin gets blocks in place of buffers.
  bool makes_blocks() const { return blocks_.active(); }
  bool has_rest() const { return blocks_.pending() > 0; }
  // Takes the buffer. False: it is no audio, and process() says so.
  bool add(GstBuffer *buffer) { return blocks_.add(buffer); }
  // A buffer that comes of the blocks, NULL: there are no more for now.
  GstFlowReturn next_block(GstBuffer **block);
  // What comes of as much of a block as there is; more may be in outputs().
  GstFlowReturn take_rest(GstBuffer **rest);
  // What has not been processed or pushed is thrown away. That is not counted
  // as dropped, as it is not for the buffers that a flush meets elsewhere.
  void forget();

  // Whether the plugin ended the stream, once.
  bool take_end() { return std::exchange(ended_, false); }

  // The tail as one buffer, NULL when there is none; or in outputs().
  GstFlowReturn drain(GstBuffer **tail);
  // The plugin's code changes, if it can; what the old one still holds.
  void change_code(GstBuffer **tail);
  // What is to be pushed before anything else is processed.
  OutputQueue &outputs() { return outputs_; }

  // The plugin's own, and what its blocks cost.
  GstClockTime latency() const {
    return python.latency() + python.deadline() + wait_.load();
  }

  PythonElement python;

 private:
  bool start_conversion(GstCaps *input, GstCaps *output);
  void forget_position();
  void discard_given();
  bool map_bytes(GstBuffer **buffer, AudioBlock *block, std::string *problem);
  void change_setting(std::atomic<int> *setting, int value, const char *name);
  int block_size() const;
  void warn_about_block_size(const std::string &caps);
  bool pads() const;
  void start_blocks(const GstAudioInfo &info);
  GstFlowReturn process_block(GstBuffer **block);
  Outcome run(GstBuffer **buffer, AudioBlock *block, OnError policy);
  void let_through(GstBuffer **buffer, AudioBlock *block, OnError policy);
  void mark_discont(GstBuffer **buffer, AudioBlock *block);
  void silence(GstBuffer *buffer);
  GstBuffer *take_tail(Tail *tail);
  GstBuffer *make_tail(const Tail &tail);
  void note_position(GstClockTime pts, guint64 offset, size_t frames);

  GstElement *const element_;
  std::atomic<int> block_size_{0};     // the property
  std::atomic<int> remainder_{-1};     // the property; -1: the plugin's choice
  std::atomic<GstClockTime> wait_{0};  // for the rest of a block

  // All the streaming thread's.
  bool fresh_ = true;          // no buffer since start or reset
  bool broken_ = false;        // nothing came out since a buffer was dropped
  bool ended_ = false;         // by the plugin, and nobody was told yet
  bool writes_ = true;         // the plugin may write to the block
  bool converts_ = false;      // its output may be another one
  bool bytes_ = false;         // it gets bytes
  bool in_place_ = true;       // the block itself may go on
  OutputQueue outputs_;        // of a converting plugin
  std::vector<Output> given_;  // by the call that runs
  GstClockTime next_pts_ = GST_CLOCK_TIME_NONE;
  guint64 next_offset_ = GST_BUFFER_OFFSET_NONE;
  std::vector<std::byte> before_;  // the samples from before the call
  BlockSplitter blocks_;
};

}  // namespace pythonfilter
