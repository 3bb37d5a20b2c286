// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The begin of a stream, its caps and its segment, held back until the plugin
// gave something that belongs to them. A decryptor's come from the network, and
// with them somebody without the key would choose what decodes behind it.
#pragma once

#include <gst/base/gstbasetransform.h>

#include "../element/pythonelement.hpp"

namespace pythonfilter {

class LateStart {
 public:
  LateStart(GstBaseTransform *filter, PythonElement *python)
      : filter_(filter), python_(python) {}
  ~LateStart() { forget(); }
  LateStart(const LateStart &) = delete;
  LateStart &operator=(const LateStart &) = delete;

  // All the streaming thread's.
  // The stream that has begun is of a plugin that fails closed.
  bool closes() const { return closes_; }
  // Nobody downstream knows yet of what comes next.
  bool waits() const { return waits_; }
  // What the pads agree on now is what the plugin was started with.
  bool releases() const { return releases_; }
  // The plugin took no caps since these.
  bool refused() const { return refused_; }

  // Take the event.
  void hold_start(GstEvent *event);
  void hold_segment(GstEvent *event);
  // The plugin is started with these.
  void hold_caps(GstCaps *input, GstCaps *output);
  // The plugin is not started, and what comes next is of no use.
  void refuse_caps();
  void forget_segment() { gst_clear_event(&segment_); }
  void forget();

  // What the pads would agree on; empty: nothing, and an error was posted.
  GstCaps *find_output(GstCaps *input) const;

  // The plugin gave something. OK: it may be pushed.
  GstFlowReturn release() {
    return G_LIKELY(!waits_) ? GST_FLOW_OK : release_all();
  }
  // The stream ends without that.
  void release_start();

 private:
  GstFlowReturn release_all();
  bool release_caps();

  GstBaseTransform *const filter_;
  PythonElement *const python_;
  bool closes_ = false;
  bool waits_ = false;
  bool releases_ = false;
  bool refused_ = false;
  GstEvent *start_ = nullptr;
  GstEvent *segment_ = nullptr;
  GstCaps *input_ = nullptr;
  GstCaps *output_ = nullptr;
};

}  // namespace pythonfilter
