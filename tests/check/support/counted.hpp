// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the calls of one thread cost besides their work: allocations and holds
// of the GIL, counted by functions that stand in for the C library's and
// Python's. For one source file of a program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <dlfcn.h>

struct Counts {
  uint64_t allocations = 0, gil = 0;
};

inline thread_local Counts counted;

namespace {

template <typename Function>
Function *next_function(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size) {
  counted.allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  counted.allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  counted.allocations++;
  return __libc_realloc(memory, size);
}

void PyEval_RestoreThread(void *state) {
  counted.gil++;
  static auto *real = next_function<void(void *)>("PyEval_RestoreThread");
  real(state);
}

int PyGILState_Ensure() {
  counted.gil++;
  static auto *real = next_function<int()>("PyGILState_Ensure");
  return real();
}
}
#pragma GCC visibility pop
