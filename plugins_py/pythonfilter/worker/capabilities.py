# SPDX-License-Identifier: LGPL-2.1-or-later
"""What root may do to the system as a whole, and so to every process."""

from __future__ import annotations

import ctypes
import os

# By their numbers in linux/capability.h. Whoever has one of them may mount over
# folders that others use, look into all memory, or change the kernel itself. Those
# for files, the network, priorities and locked memory stay.
_SYSTEMS = {
    "SYS_MODULE": 16,
    "SYS_RAWIO": 17,
    "SYS_PTRACE": 19,
    "SYS_ADMIN": 21,
    "SYS_BOOT": 22,
    "PERFMON": 38,
    "BPF": 39,
    "CHECKPOINT_RESTORE": 40,
}
VERSION = 0x20080522


def drop() -> None:
    """For this thread and what it starts. Raises OSError.

    With no_new_privs no program that it starts has them again.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION, 0)
    # Effective, permitted and inheritable: the first 32, then the others.
    held = (ctypes.c_uint32 * 6)()
    check(libc.capget(header, held))
    if not any(held):
        return
    for number in _SYSTEMS.values():
        for kind in range(3):
            held[3 * (number // 32) + kind] &= ~(1 << number % 32)
    check(libc.capset(header, held))


def check(result: int) -> None:
    """Of a call of the C library's.  Raises OSError."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
