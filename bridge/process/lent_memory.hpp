// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Memory that the worker sees, lent to whoever makes the buffers: a block that
// lies in it needs no copy on its way in.
#pragma once

#include <atomic>
#include <vector>

#include "../bridge.hpp"
#include "../contract.hpp"
#include "region.hpp"

namespace pythonfilter {

// Several pieces of one size in a region of their own, so that a pool of
// buffers does not need a descriptor for each.
struct Arena {
  uint64_t id = 0;
  uint64_t told = 0;  // the channel whose worker knows it; the caller's thread
  std::unique_ptr<Region> region;
  size_t piece = 0;
  std::vector<bool> lent;
  bool retired = false;  // nothing in it is lent, or shown, any more
};

// Held by all that is lent, so it may outlive the plugin.
class LentMemory : public std::enable_shared_from_this<LentMemory> {
 public:
  // Any thread.
  bool lend(size_t size, Output *output);

  // The rest is for the thread that calls the plugin.
  // What is lent from here on; what was, when it is another, is not shown.
  void open(bool worker_writes);
  // Lends and shows nothing any more.
  void close();
  // The arena that these bytes are in. NULL: in none. It stays while they do.
  Arena *find(const std::byte *data, size_t length);
  // Ids of those that are gone.
  std::vector<uint64_t> take_forgotten();

 private:
  struct Piece;
  static void release(void *owner);
  Arena *arena_for(size_t size);
  void retire_all();
  void drop_unused();

  std::atomic<bool> any_{false};
  Mutex mutex_;  // a leaf; guards everything below
  bool open_ = false;
  bool worker_writes_ = false;
  uint64_t next_id_ = 2;  // 1 is the block's own copy
  std::vector<std::shared_ptr<Arena>> arenas_;
  std::vector<uint64_t> forgotten_;
};

}  // namespace pythonfilter
