// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lent_memory.hpp"

#include <algorithm>

namespace pythonfilter {

namespace {

constexpr size_t pieces_of_arena = 16;
constexpr size_t most_arena_bytes = size_t(16) << 20;
constexpr size_t most_piece = size_t(64) << 20;
constexpr size_t most_arenas = 64;
constexpr size_t alignment = 64;
// What the worker writes to does not go on. Up to here two copies cost less
// than one, and other memory for the buffer.
constexpr size_t least_written = size_t(512) << 10;

}  // namespace

struct LentMemory::Piece {
  std::shared_ptr<LentMemory> memory;
  std::shared_ptr<Arena> arena;
  size_t index;
};

bool LentMemory::lend(size_t size, Output *output) {
  std::lock_guard lock(mutex_);
  if (!open_ || size == 0 || size > most_piece) return false;
  if (worker_writes_ && size < least_written) return false;
  Arena *arena = arena_for(size);
  if (!arena) return false;
  const auto place = std::find(arena->lent.begin(), arena->lent.end(), false);
  const auto index = size_t(place - arena->lent.begin());
  *place = true;
  const auto owned =
      std::find_if(arenas_.begin(), arenas_.end(),
                   [&](const auto &each) { return each.get() == arena; });
  output->data = arena->region->data() + index * arena->piece;
  output->size = arena->piece;
  output->release = release;
  output->owner = new Piece{shared_from_this(), *owned, index};
  any_ = true;
  return true;
}

Arena *LentMemory::arena_for(size_t size) {
  const size_t piece = (size + alignment - 1) / alignment * alignment;
  for (const auto &arena : arenas_)
    if (!arena->retired && arena->piece == piece &&
        std::find(arena->lent.begin(), arena->lent.end(), false) !=
            arena->lent.end())
      return arena.get();
  drop_unused();
  if (arenas_.size() >= most_arenas) return nullptr;
  const size_t count =
      std::clamp<size_t>(most_arena_bytes / piece, 1, pieces_of_arena);
  auto arena = std::make_shared<Arena>();
  arena->region = Region::make(count * piece, worker_writes_);
  if (!arena->region) return nullptr;
  arena->id = next_id_++;
  arena->piece = piece;
  arena->lent.assign(count, false);
  arenas_.push_back(arena);
  return arena.get();
}

void LentMemory::drop_unused() {
  const auto unused = [&](const std::shared_ptr<Arena> &arena) {
    const bool in_use = std::find(arena->lent.begin(), arena->lent.end(),
                                  true) != arena->lent.end();
    if (!in_use) forgotten_.push_back(arena->id);
    return !in_use;
  };
  arenas_.erase(std::remove_if(arenas_.begin(), arenas_.end(), unused),
                arenas_.end());
  any_ = !arenas_.empty();
}

void LentMemory::release(void *owner) {
  std::unique_ptr<Piece> piece(static_cast<Piece *>(owner));
  const std::shared_ptr<LentMemory> memory = piece->memory;
  std::lock_guard lock(memory->mutex_);
  piece->arena->lent[piece->index] = false;
  if (piece->arena->retired) memory->drop_unused();
}

void LentMemory::retire_all() {
  for (const auto &arena : arenas_)
    arena->retired = true;
  drop_unused();
}

void LentMemory::open(bool worker_writes) {
  std::lock_guard lock(mutex_);
  if (open_ && worker_writes == worker_writes_) return;
  retire_all();
  worker_writes_ = worker_writes;
  open_ = true;
}

void LentMemory::close() {
  std::lock_guard lock(mutex_);
  open_ = false;
  retire_all();
}

[[gnu::hot]] Arena *LentMemory::find(const std::byte *data, size_t length) {
  if (!any_.load(std::memory_order_relaxed)) return nullptr;
  std::lock_guard lock(mutex_);
  for (const auto &arena : arenas_) {
    const std::byte *begin = arena->region->data();
    if (data >= begin && data < begin + arena->region->size())
      return !arena->retired &&
                     length <= size_t(begin + arena->region->size() - data)
                 ? arena.get()
                 : nullptr;
  }
  return nullptr;
}

std::vector<uint64_t> LentMemory::take_forgotten() {
  std::lock_guard lock(mutex_);
  return std::exchange(forgotten_, {});
}

}  // namespace pythonfilter
