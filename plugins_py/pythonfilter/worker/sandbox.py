# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes from this process what a plugin does not need.

``apply_basic()`` is for the start of a worker, ``apply_strict()`` for the time
when its plugin has opened what it needs.  Nothing is taken back.  What is refused
then fails with EPERM, in Python mostly a PermissionError; nothing is killed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from typing import NamedTuple

from . import forbidden

try:
    import ctypes

    from . import capabilities, guard, landlock, seccomp, user_namespace
except ImportError as problem:  # a Python that was built without ctypes
    _no_ctypes = str(problem)
else:
    _no_ctypes = ""

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
# Up to Python 3.12 each region that a plugin keeps has one.
_DESCRIPTORS = 65536


class SandboxError(Exception):
    """A part of it cannot be applied here; the text says why."""


class Applied(NamedTuple):
    """What was, and a sentence about each part that could not be."""

    parts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = ", ".join(self.parts) or "none"
        return told + (f" ({'; '.join(self.problems)})" if self.problems else "")


_keeps_signals = False  # from others, by Landlock
_basic: Applied | None = None
_strict: Applied | None = None


def apply_basic(server: int = -1, alone: bool = False) -> Applied:
    """Keeps this process from others, and takes nothing that plugins use.

    Before it has a second thread. `server`: a socket whose other end is asked what
    else may be done to a process, or -1. `alone`: to be of a user namespace is
    better than to be seen by others. Of further limits each would end some honest
    plugin: memory is reserved that nobody uses, and processes are counted for the
    user, not for the worker.
    """
    global _basic
    if _basic is None:
        apart = _alone if alone else _apart
        parts: list[Callable[[], str]] = [_no_new_privileges, _limits, apart]
        if server >= 0:
            parts.append(lambda: _guarded(server))
        # Last: what is made before writes to files of its own in /proc.
        _basic = _apply(*parts, _not_dumpable)
    return _basic


def apply_strict() -> Applied:
    """As apply_basic(), and no sockets, programs, processes and files to write to.

    For all threads.  What is open already stays, also for writing.
    """
    global _strict
    # In a group it is asked for with each plugin; filters would pile up.
    if _strict is None:
        basic, filtered = apply_basic(), _apply(_filtered)
        problems = dict.fromkeys(basic.problems + filtered.problems)
        _strict = Applied(basic.parts + filtered.parts, tuple(problems))
    return _strict


def _apply(*parts: Callable[[], str]) -> Applied:
    names, problems = [], []
    for part in parts:
        try:
            names.append(part())
        except SandboxError as problem:
            problems.append(str(problem))
    return Applied(tuple(names), tuple(dict.fromkeys(problems)))


def _no_new_privileges() -> str:
    """No new privileges, nor those over the system that root has."""
    name = _prctl(_PR_SET_NO_NEW_PRIVS, 1, "no-new-privs")
    try:
        capabilities.drop()
    except OSError as error:
        raise SandboxError(
            f"what root may do to the system cannot be dropped: {error.strerror}"
        ) from None
    return name


def _not_dumpable() -> str:
    return _prctl(_PR_SET_DUMPABLE, 0, "not-dumpable")


def _limits() -> str:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _DESCRIPTORS)
    return "rlimits"


def _apart() -> str:
    """Lets a worker look into no other process, and signal none if the kernel can
    have it so.
    """
    global _keeps_signals
    _need_ctypes()
    try:
        _keeps_signals = landlock.enter()
    except OSError as error:
        raise SandboxError(
            f"{landlock.why_not(error)}, so that it can look into other processes"
        ) from None
    return "landlock"


def _alone() -> str:
    try:
        return _apart()
    except SandboxError as problem:
        _need_ctypes()
        try:
            user_namespace.enter()
        except OSError as error:
            raise SandboxError(
                f"{problem}, and there is no user namespace: {error.strerror}"
            ) from None
        return "user-namespace"


def _guarded(server: int) -> str:
    """Lets a worker do to no other process what it can do to itself."""
    _need_ctypes()
    try:
        guard.begin(server, signals=not _keeps_signals)
    except (seccomp.SeccompError, AttributeError) as problem:
        what = "change the turns and limits of other processes"
        what = what if _keeps_signals else f"signal other processes and {what}"
        raise SandboxError(f"{problem}, so that it can {what}") from None
    return "guard"


def _filtered() -> str:
    _need_ctypes()
    try:
        seccomp.Filter(forbidden.rules(os.getpid())).load_for_all_threads()
    except seccomp.SeccompError as problem:
        raise SandboxError(str(problem)) from None
    return "seccomp"


def _need_ctypes() -> None:
    if _no_ctypes:
        raise SandboxError(f"this Python has no ctypes ({_no_ctypes})")


def _prctl(option: int, value: int, name: str) -> str:
    _need_ctypes()
    function = ctypes.CDLL(None, use_errno=True).prctl
    # All five, and none of them an int: the kernel wants the rest to be zero.
    if function(*map(ctypes.c_ulong, (option, value, 0, 0, 0))) != 0:
        raise SandboxError(f"prctl refuses {name}: {os.strerror(ctypes.get_errno())}")
    return name


def _limit(which: int, most: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard == resource.RLIM_INFINITY or hard > most:
        hard = most
    try:
        resource.setrlimit(which, (hard, hard))
    except (OSError, ValueError) as problem:
        raise SandboxError(f"setrlimit refuses {most}: {problem}") from None
