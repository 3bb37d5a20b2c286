// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How many system calls a thread makes: the kernel sends each back as a signal
// (Linux 5.11), whose handler counts it and makes it.
#pragma once

#include <cstdint>

#if defined(__x86_64__)

#include <csignal>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

class SystemCalls {
 public:
  // False: this kernel cannot.
  static bool begin() {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSYS, &action, nullptr);
    // The return from a handler is a system call as well: libc's, as the kernel
    // knows it.
    struct {
      void *handler;
      unsigned long flags;
      char *restorer;
      unsigned long mask;
    } known = {};
    syscall(SYS_rt_sigaction, SIGSYS, nullptr, &known, sizeof known.mask);
    constexpr int set_dispatch = 59, on = 1, length = 16;
    if (prctl(set_dispatch, on, known.restorer, length, &sent_back_))
      return false;
    count_ = 0;
    sent_back_ = 1;
    return true;
  }
  static uint64_t end() {
    sent_back_ = 0;
    return count_;
  }

 private:
  static void handle(int, siginfo_t *, void *context) {
    sent_back_ = 0;
    count_++;
    auto *all = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
    register long r10 asm("r10") = all[REG_R10];
    register long r8 asm("r8") = all[REG_R8];
    register long r9 asm("r9") = all[REG_R9];
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(all[REG_RAX]), "D"(all[REG_RDI]), "S"(all[REG_RSI]),
                   "d"(all[REG_RDX]), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    all[REG_RAX] = result;
    sent_back_ = 1;
  }

  static inline thread_local volatile char sent_back_ = 0;
  static inline thread_local uint64_t count_ = 0;
};

#else

class SystemCalls {
 public:
  static bool begin() { return false; }
  static uint64_t end() { return 0; }
};

#endif
