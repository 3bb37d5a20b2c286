// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a GstController makes of a parameter at each frame of a block: what
// buffer.curve() gives the plugin.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// Whose parameters they are.
class CurveSource {
 public:
  // Whether a GstController may have something to say.
  virtual bool is_controlled() const = 0;
  // The value of a parameter that is a float.
  virtual double number(const std::string &name) const = 0;
  // NULL: nobody controls it now.
  virtual GstControlBinding *ref_binding(const std::string &name) const = 0;

 protected:
  ~CurveSource() = default;
};

// The streaming thread's.
class Curves {
 public:
  // Takes the curves of a plugin that was just loaded, whose names begin with
  // that.
  void open(const std::vector<ParameterSpec> &specs,
            const std::string &prefix = "");
  bool empty() const { return curves_.empty(); }
  // The parameters' own values have changed.
  void refresh(const CurveSource &source);
  // Before the call: it waits for locks that somebody may hold while waiting
  // for the GIL.
  void fill(const CurveSource &source, const GstSegment &segment, int rate,
            Block *block);
  // The same of so many frames from `pts` on, which may be no time.
  const std::vector<Curve> *values(const CurveSource &source,
                                   const GstSegment &segment, int rate,
                                   GstClockTime pts, size_t frames);

 private:
  void follow(GstControlBinding *binding, const ParameterSpec &spec,
              const GstSegment &segment, guint64 rate, GstClockTime pts,
              size_t frames, Curve *curve);
  guint64 find_frame(GstClockTime pts, guint64 rate);

  std::vector<ParameterSpec> specs_;  // those of curves_
  std::vector<Curve> curves_;         // memory that is used again
  std::vector<double> now_, next_;    // memory that is used again
  // Frame 0 of the stream's grid of samples.
  GstClockTime origin_ = 0;
};

}  // namespace pythonfilter
