// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a GstController makes of a parameter at each frame of a block: what
// buffer.curve() gives the plugin.
#pragma once

#include <vector>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "pluginproperties.hpp"

namespace pythonfilter {

// The streaming thread's.
class Curves {
 public:
  // Takes the curves of a plugin that was just loaded.
  void open(const std::vector<ParameterSpec> &specs);
  bool empty() const { return curves_.empty(); }
  // The parameters' own values have changed.
  void refresh(const PluginProperties &properties);
  // Before the call: it waits for locks that somebody may hold while waiting
  // for the GIL.
  void fill(const PluginProperties &properties, const GstSegment &segment,
            int rate, Block *block);

 private:
  void follow(GstControlBinding *binding, const ParameterSpec &spec,
              const GstSegment &segment, guint64 rate, const Block &block,
              Curve *curve);
  guint64 find_frame(GstClockTime pts, guint64 rate);

  std::vector<ParameterSpec> specs_;  // those of curves_
  std::vector<Curve> curves_;         // memory that is used again
  std::vector<double> now_, next_;    // memory that is used again
  // Frame 0 of the stream's grid of samples.
  GstClockTime origin_ = 0;
};

}  // namespace pythonfilter
