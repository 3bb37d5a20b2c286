// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Memory that stays mapped, and so locked, because a plugin kept an array over
// it: whoever wants to write to it gets a copy.
#pragma once

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// Takes over the mapping, and one reference to its memory.
class KeptMap final : public KeptMemory {
 public:
  explicit KeptMap(const GstMapInfo &map) : map_(map) {}
  ~KeptMap() override {
    GstMemory *memory = map_.memory;
    gst_memory_unmap(memory, &map_);
    gst_memory_unref(memory);
  }

 private:
  GstMapInfo map_;
};

}  // namespace pythonfilter
