// SPDX-License-Identifier: LGPL-2.1-or-later
#include "this_process.hpp"

#include <atomic>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace pythonfilter {

namespace {

using SharedNumber = std::atomic<uint64_t>;

// Zero in a fork, whoever makes it: C code forks without anybody's hearing of
// it, and in another namespace a child can have its parent's pid.
SharedNumber *make_page() {
  void *page = mmap(nullptr, sizeof(SharedNumber), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, sizeof(SharedNumber), MADV_WIPEONFORK) == 0)
    return new (page) SharedNumber(0);
  munmap(page, sizeof(SharedNumber));
  return nullptr;
}

}  // namespace

uint64_t process_number() {
  static SharedNumber *const page = make_page();
  static SharedNumber last{0};
  if (!page) return uint64_t(getpid());  // an older kernel
  uint64_t number = page->load();
  if (number) return number;
  const uint64_t next = ++last;
  return page->compare_exchange_strong(number, next) ? next : number;
}

}  // namespace pythonfilter
