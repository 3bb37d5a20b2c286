// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is told of a plugin's failures: one message on the bus and one line in
// the log, but of failures in a row only one a second, which says how many it
// stands for, and the end of a worker at once. What on-error makes of a
// failure: whether the stream ends.
#pragma once

#include <atomic>
#include <string>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "../params/pluginparams.hpp"

namespace pythonfilter {

enum class OnError { Fail, Passthrough, Silence, Drop };

class FailureReport {
 public:
  // `busy` is what BusyHere says while a message is posted; `stopping`: the
  // stream ends on purpose.
  FailureReport(GstElement *element, const void *busy,
                const PluginParams &params, const std::atomic<bool> &stopping)
      : element_(element), busy_(busy), params_(params), stopping_(stopping) {}

  // At READY, of the plugin of this name.
  void begin(const std::string &plugin);
  // The streaming thread's. ERROR: an ERROR was posted; OK: the stream goes on.
  GstFlowReturn add(Failure failure, GstClockTime pts, OnError policy,
                    bool fails_closed);
  // Tells of failures that came within a second of the last message.
  void tell_rest() {
    if (untold_.count > 0) tell(GST_MESSAGE_WARNING, false);
    tell_repeated();
  }
  // Any thread: a failure that ends nothing, told at once unless it is the same
  // as the last one of these.
  void warn(Failure failure);
  // Any thread: a failure that is told at once, whenever the last one was.
  void post(GstMessageType type, Failure failure);

 private:
  // Failures, and the last of them, that no message was posted for.
  struct Untold {
    guint64 count = 0;
    Failure failure;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
  };

  void tell(GstMessageType type, bool fails_closed);
  void tell_repeated();
  void announce(GstMessageType type, const Failure &failure, GstClockTime pts,
                guint64 count);

  GstElement *const element_;
  const void *const busy_;
  const PluginParams &params_;
  const std::atomic<bool> &stopping_;
  Mutex mutex_;              // a leaf
  std::string plugin_;       // guarded by mutex_
  Untold repeated_;          // guarded by mutex_; the last one that warn() got
  uint64_t warned_ = 0;      // guarded by mutex_; monotonic_ns, of that one
  uint64_t last_told_ = 0;   // monotonic_ns
  Failure::Kind told_ = {};  // then
  Untold untold_;
};

}  // namespace pythonfilter
