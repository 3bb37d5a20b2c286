# SPDX-License-Identifier: LGPL-2.1-or-later
"""Filters for system calls, by libseccomp."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Iterable

from .forbidden import NUMBERS, Rule

LIBRARY = "libseccomp.so.2"
_ACT_ALLOW = 0x7FFF0000
_ACT_ERRNO = 0x00050000
_ACT_NOTIFY = 0x7FC00000
_ATTR_BADARCH = 2
_ATTR_TSYNC = 4
_API_OF_LINUX_5_7 = 6
# Programs for these run on that processor as well, with numbers of their own.
_SIBLINGS = {"x86_64": 0x40000003, "aarch64": 0x40000028}  # i386, 32-bit ARM


class SeccompError(Exception):
    """A filter cannot be had here; the text says why."""


def library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as problem:
        raise SeccompError(
            f"{LIBRARY} is missing (Debian: apt install libseccomp2): {problem}"
        ) from None


class Filter:
    """A filter that is being filled: all is allowed but for the rules.

    Without `siblings` each call of another ABI of the processor's fails: it would
    go around the rules.  With them the rules are for these, too.
    """

    def __init__(self, rules: Iterable[Rule], siblings: bool = False) -> None:
        self._library = library()
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(_ACT_ALLOW))
        if not self._context:
            raise SeccompError("libseccomp cannot make a filter")
        self._set(_ATTR_BADARCH, _ACT_ERRNO | errno.EPERM)
        sibling = _SIBLINGS.get(platform.machine()) if siblings else None
        if sibling:
            code = self._library.seccomp_arch_add(
                self._context, ctypes.c_uint32(sibling)
            )
            self._check(code, "another ABI")
        for rule in rules:
            self._add(rule)

    def load_for_all_threads(self) -> None:
        self._set(_ATTR_TSYNC, 1)
        self._load("a seccomp filter for all threads")

    def load_with_listener(self) -> int:
        """The filter's descriptor: who reads it is asked by the rules that say so."""
        # A kernel that asks and cannot be told to go on (Linux 5.0 to 5.4) would wait
        # for ever.
        if self._library.seccomp_api_get() < _API_OF_LINUX_5_7:
            raise SeccompError("this kernel's seccomp cannot ask")
        self._load("a seccomp filter that asks")
        return int(self._library.seccomp_notify_fd(self._context))

    def _load(self, what: str) -> None:
        self._check(self._library.seccomp_load(self._context), what)

    def __del__(self) -> None:
        context = getattr(self, "_context", None)
        if context:
            self._library.seccomp_release(context)

    def _set(self, attribute: int, value: int) -> None:
        set_attribute = self._library.seccomp_attr_set
        code = set_attribute(self._context, attribute, ctypes.c_uint32(value))
        self._check(code, f"attribute {attribute}")

    def _add(self, rule: Rule) -> None:
        number = self._library.seccomp_syscall_resolve_name(rule.name.encode())
        if number == -1:
            number = NUMBERS.get(rule.name, -1)
        if number == -1:
            return  # neither the library nor this architecture knows it

        # struct scmp_arg_cmp: unsigned, enum, u64, u64
        compare = (ctypes.c_uint64 * (3 * max(1, len(rule.when))))()
        for i, (argument, operator, first, second) in enumerate(rule.when):
            head = ctypes.cast(
                ctypes.byref(compare, 24 * i), ctypes.POINTER(ctypes.c_uint32)
            )
            head[0], head[1] = argument, operator
            compare[3 * i + 1], compare[3 * i + 2] = first, second
        action = _ACT_NOTIFY if rule.asks else _ACT_ERRNO | rule.error
        code = self._library.seccomp_rule_add_array(
            self._context,
            ctypes.c_uint32(action),
            number,
            ctypes.c_uint(len(rule.when)),
            compare,
        )
        self._check(code, rule.name)

    def _check(self, code: int, what: str) -> None:
        if code == 0:
            return
        if code == -errno.ECANCELED:  # what libseccomp makes of any
            raise SeccompError(f"the kernel refuses {what}")
        raise SeccompError(f"libseccomp refuses {what}: {os.strerror(-code)}")
