// SPDX-License-Identifier: LGPL-2.1-or-later
#include "this_process.hpp"

#include <atomic>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace pythonfilter {

namespace {

using Number = std::atomic<uint64_t>;

// Zero in a fork, whoever makes it: C code forks without anybody's hearing of
// it, and in another namespace a child can have its parent's pid.
Number *make_page() {
  void *page = mmap(nullptr, sizeof(Number), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, sizeof(Number), MADV_WIPEONFORK) == 0)
    return new (page) Number(0);
  munmap(page, sizeof(Number));
  return nullptr;
}

}  // namespace

uint64_t process_number() {
  static Number *const page = make_page();
  static Number last{0};
  if (!page) return uint64_t(getpid());  // an older kernel
  uint64_t number = page->load();
  if (number) return number;
  const uint64_t next = ++last;
  return page->compare_exchange_strong(number, next) ? next : number;
}

}  // namespace pythonfilter
