// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A library that a plugin calls and that frees itself at exit(), as OpenSSL
// does. A call that still runs then ends the process with SIGSEGV.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 4096 };

static volatile char *memory;

static void tear_down(void) {
  munmap((void *)memory, SIZE);
  usleep(20000);  // the rest of what it does
}

__attribute__((constructor)) static void set_up(void) {
  memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
  atexit(tear_down);
}

// Some 20 ms.
void work(void) {
  for (int i = 0; i < 20000000; i++)
    memory[i % SIZE]++;
}

void work_long(void) {
  for (int i = 0; i < 7; i++)
    work();
}

/* As a compiled audio method is called: bridge/pythonfilter-call.h. */
int work_natively(void) {
  work();
  return 0;
}
