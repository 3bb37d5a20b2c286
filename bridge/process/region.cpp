// SPDX-License-Identifier: LGPL-2.1-or-later
#include "region.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace pythonfilter {

std::unique_ptr<Region> Region::make(size_t size, bool worker_writes) {
  const auto page = size_t(sysconf(_SC_PAGESIZE));
  std::unique_ptr<Region> region(new Region);
  region->size_ = (size + page - 1) / page * page;
  region->worker_writes_ = worker_writes;
  region->descriptor_.reset(
      memfd_create("pythonfilter", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const int fd = region->descriptor();
  if (fd < 0 || region->size_ < size ||
      ftruncate(fd, off_t(region->size_)) != 0)
    return nullptr;
  // Before the seal, after which no mapping can be made that writes. Whoever
  // goes a byte too far, on either side, is told by a fault.
  region->reserved_ = region->size_ + 2 * page;
  void *reserved = mmap(nullptr, region->reserved_, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  region->data_ = static_cast<std::byte *>(reserved) + page;
  if (mmap(region->data_, region->size_, PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
    return nullptr;
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL |
                    (worker_writes ? 0 : F_SEAL_FUTURE_WRITE);
  if (fcntl(fd, F_ADD_SEALS, seals) != 0) return nullptr;
  return region;
}

Region::~Region() {
  if (!data_) return;
  munmap(data_ - (reserved_ - size_) / 2, reserved_);
}

}  // namespace pythonfilter
