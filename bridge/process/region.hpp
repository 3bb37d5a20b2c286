// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Memory that a worker sees, too. Its size is sealed: nobody can make it
// shorter, which would be a SIGBUS here.
#pragma once

#include <cstddef>
#include <memory>

#include "descriptor.hpp"

namespace pythonfilter {

class Region {
 public:
  // Whole pages, zeros. Where the worker only reads, nobody but this mapping
  // can ever write. NULL: there is no memory.
  static std::unique_ptr<Region> make(size_t size, bool worker_writes);
  ~Region();
  Region(const Region &) = delete;
  Region &operator=(const Region &) = delete;

  std::byte *data() const { return data_; }
  size_t size() const { return size_; }
  bool worker_writes() const { return worker_writes_; }
  int descriptor() const { return descriptor_.get(); }
  // Nobody else is going to be given it.
  void close_descriptor() { descriptor_.reset(); }

 private:
  Region() = default;
  Descriptor descriptor_;
  std::byte *data_ = nullptr;
  size_t size_ = 0;
  size_t reserved_ = 0;  // with a page on either side that nobody has
  bool worker_writes_ = false;
};

}  // namespace pythonfilter
