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
  // Before the seal, after which no mapping can be made that writes.
  void *mapped =
      mmap(nullptr, region->size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return nullptr;
  region->data_ = static_cast<std::byte *>(mapped);
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL |
                    (worker_writes ? 0 : F_SEAL_FUTURE_WRITE);
  if (fcntl(fd, F_ADD_SEALS, seals) != 0) return nullptr;
  return region;
}

Region::~Region() {
  if (data_) munmap(data_, size_);
}

}  // namespace pythonfilter
