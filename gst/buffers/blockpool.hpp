// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where the buffers come from that go out of a pad, in the memory that whoever
// gets them would like.
#pragma once

#include <gst/gst.h>

namespace pythonfilter {

class BlockPool {
 public:
  BlockPool() { gst_allocation_params_init(&params_); }
  ~BlockPool() { forget(); }
  BlockPool(const BlockPool &) = delete;
  BlockPool &operator=(const BlockPool &) = delete;

  // Asks those that are linked to the pad.
  void ask(GstPad *pad, GstCaps *caps);
  // Never waits for one to come back. Its samples are anything.
  GstBuffer *acquire(gsize size);
  // What is downstream comes back to it all the same.
  void close();
  // Nobody was asked.
  void forget();

 private:
  bool use(GstBufferPool *pool, GstCaps *caps, gsize size, guint least,
           guint most);

  GstBufferPool *pool_ = nullptr;
  gsize size_ = 0;
  GstAllocator *allocator_ = nullptr;
  GstAllocationParams params_;
};

}  // namespace pythonfilter
