# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel's Landlock, as far as it keeps processes apart.

A process in a Landlock domain can trace and look into (`/proc/PID/mem`, `fd`,
`environ`, `process_vm_readv()` and all that the kernel treats alike) nothing but
itself and what it starts.  From Linux 6.12 on it can signal nothing else either.
Files and networks are left as they are.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from .capabilities import check

# These numbers are the same on all architectures that Python and NumPy run on.
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446

_VERSION = 1
_RULE_PATH_BENEATH = 1
_ACCESS_REFER = 1 << 13
_SCOPE_SIGNAL = 1 << 1

# What each version of it can do at first.
_MAY_REFER = 2
_SCOPES = 6


def version() -> int:
    """The version of the kernel's Landlock; an OSError where there is none."""
    return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)


def why_not(error: OSError) -> str:
    """A sentence's beginning."""
    if error.errno == errno.ENOSYS:
        return "this kernel has no Landlock"
    if error.errno == errno.EOPNOTSUPP:
        return "Landlock is switched off in this kernel"
    if error.errno == errno.EXDEV:
        return "this kernel's Landlock would keep files in their folders"
    return f"Landlock is refused: {error.strerror}"


def enter() -> bool:
    """Makes a domain for this thread, and all threads and processes that it makes.

    Whether it keeps signals, too. An OSError says why there is none. It needs
    no-new-privs.
    """
    known = version()
    if known >= _SCOPES:
        rules = _ruleset(struct.pack("=QQQ", 0, 0, _SCOPE_SIGNAL))
    elif known >= _MAY_REFER:
        # A domain of these has to be about files: about one right, given for all.
        rules = _ruleset(struct.pack("=Q", _ACCESS_REFER))
        root = os.open("/", os.O_PATH | os.O_CLOEXEC)
        try:
            everywhere = struct.pack("=Qi", _ACCESS_REFER, root)
            _call(_ADD_RULE, rules, _RULE_PATH_BENEATH, everywhere, 0)
        finally:
            os.close(root)
    else:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    try:
        _call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return known >= _SCOPES


def _ruleset(attributes: bytes) -> int:
    return _call(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)


def _call(number: int, *arguments: object) -> int:
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    system_call.restype = ctypes.c_long
    result = int(
        system_call(
            ctypes.c_long(number),
            *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments),
        )
    )
    check(result)
    return result
