// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Passes on what a plugin tells: its messages to the element's bus, its log to
// the debug category `pythonplugin`.
//
// A listener may outlive the element, as threads of a plugin may.
#pragma once

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../caps/foreignnames.hpp"
#include "statistics.hpp"

namespace pythonfilter {

class PluginListener final : public Listener {
 public:
  // `segment` and `dropped` are the element's.
  PluginListener(GstElement *element, const GstSegment *segment,
                 Counter *dropped);
  ~PluginListener() override;

  void post(const Message &message) override;
  void count_dropped(uint64_t messages) override { dropped_->add(messages); }
  void log(const LogRecord &record) override;
  void failed(const Failure &failure) override;
  LogLevel log_threshold() const override;

 private:
  GWeakRef element_;
  const GstSegment *const segment_;
  bool allows(const Message &message);

  Counter *const dropped_;
  ForeignNames names_;
  std::atomic<bool> named_too_much_{false};
};

}  // namespace pythonfilter
