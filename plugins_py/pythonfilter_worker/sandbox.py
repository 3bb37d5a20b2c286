# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes from this process what a plugin does not need.

``apply_basic()`` is for the start of a worker, ``apply_strict()`` for the time
when its plugin has opened what it needs.  Nothing is taken back.  What is refused
then fails with EPERM, in Python mostly a PermissionError; nothing is killed.
"""

from __future__ import annotations

import errno
import os
import resource

from . import forbidden

try:
    import ctypes
except ImportError as problem:  # a Python that was built without it
    _no_ctypes = str(problem)
else:
    _no_ctypes = ""

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_LIBRARY = "libseccomp.so.2"
_ACT_ALLOW = 0x7FFF0000
_ACT_ERRNO = 0x00050000
_ATTR_BADARCH = 2
_ATTR_TSYNC = 4
# Up to Python 3.12 each region that a plugin keeps has one.
_DESCRIPTORS = 65536

_filtered = False


class SandboxError(Exception):
    """It cannot be applied here; the text says why."""


def apply_basic() -> str:
    """No new privileges, no core file, and no way in for a debugger.

    Returns what was applied.  Of the other limits each would end some honest
    plugin: memory is reserved that nobody uses, and processes are counted for
    the user, not for the worker.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "no-new-privs")
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    _prctl(_PR_SET_DUMPABLE, 0, "not-dumpable")
    return "no-new-privs, rlimits, not-dumpable"


def apply_strict() -> str:
    """The same, and no sockets, programs, processes and files to write to.

    For all threads.  What is open already stays, also for writing.
    """
    global _filtered
    applied = apply_basic()
    # In a group it is asked for with each plugin; filters would pile up.
    if not _filtered:
        _Filter().load()
        _filtered = True
    return applied + ", seccomp"


def _prctl(option: int, value: int, name: str) -> None:
    if _no_ctypes:
        raise SandboxError(f"this Python has no ctypes ({_no_ctypes})")
    function = ctypes.CDLL(None, use_errno=True).prctl
    # All five, and none of them an int: the kernel wants the rest to be zero.
    if function(*map(ctypes.c_ulong, (option, value, 0, 0, 0))) != 0:
        raise SandboxError(f"prctl refuses {name}: {os.strerror(ctypes.get_errno())}")


def _limit(which: int, most: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard == resource.RLIM_INFINITY or hard > most:
        hard = most
    try:
        resource.setrlimit(which, (hard, hard))
    except (OSError, ValueError) as problem:
        raise SandboxError(f"setrlimit refuses {most}: {problem}") from None


class _Filter:
    """libseccomp's, being filled."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError as problem:
            raise SandboxError(
                f"{_LIBRARY} is missing (Debian: apt install libseccomp2): {problem}"
            ) from None
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(_ACT_ALLOW))
        if not self._context:
            raise SandboxError("libseccomp cannot make a filter")

        # The compatible ABIs of the processor, which would go around the rules.
        self._set(_ATTR_BADARCH, _ACT_ERRNO | errno.EPERM)
        self._set(_ATTR_TSYNC, 1)
        for rule in forbidden.rules(os.getpid()):
            self._add(rule)

    def load(self) -> None:
        code = self._library.seccomp_load(self._context)
        self._library.seccomp_release(self._context)
        self._check(code, "a seccomp filter for all threads")

    def _set(self, attribute: int, value: int) -> None:
        set_attribute = self._library.seccomp_attr_set
        code = set_attribute(self._context, attribute, ctypes.c_uint32(value))
        self._check(code, f"attribute {attribute}")

    def _add(self, rule: forbidden.Rule) -> None:
        number = self._library.seccomp_syscall_resolve_name(rule.name.encode())
        if number == -1:
            number = forbidden.NUMBERS.get(rule.name, -1)
        if number == -1:
            return  # neither the library nor this architecture knows it

        # struct scmp_arg_cmp: unsigned, enum, u64, u64
        compare = (ctypes.c_uint64 * 3)()
        if rule.when is not None:
            argument, operator, first, second = rule.when
            head = ctypes.cast(compare, ctypes.POINTER(ctypes.c_uint32))
            head[0], head[1] = argument, operator
            compare[1], compare[2] = first, second
        code = self._library.seccomp_rule_add_array(
            self._context,
            ctypes.c_uint32(_ACT_ERRNO | rule.error),
            number,
            ctypes.c_uint(rule.when is not None),
            compare,
        )
        self._check(code, rule.name)

    def _check(self, code: int, what: str) -> None:
        if code == 0:
            return
        if code == -errno.ECANCELED:  # what libseccomp makes of any
            raise SandboxError(f"the kernel refuses {what}")
        raise SandboxError(f"libseccomp refuses {what}: {os.strerror(-code)}")
