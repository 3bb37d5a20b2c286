# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has the server look at what a worker wants to do to a process.

A seccomp filter sees numbers, and cannot tell a child's from the host's.  So it
asks whoever holds its listener, and the kernel waits for the answer: what goes
to the worker itself, its threads and what it started goes on, and anything else
fails with EPERM.  A process stays the same one for as long as it lives: only for
numbers of processes that end in that very moment could an answer be too late.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import socket
from collections.abc import Sequence

from . import forbidden
from .seccomp import Filter, SeccompError, library

_OF_A_USER = {"setpriority": 2, "ioprio_set": 3}
_OWNER = {"fcntl": 2, "fcntl64": 2}
_NAMED_BY = {**forbidden.SIGNALLED, **forbidden.CHANGED, **_OWNER}
_CONTINUE = 1
_NUMBERS = re.compile(rb"^(Tgid|PPid):\s*(\d+)$", re.MULTILINE)


class _Request(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint64),
        ("pid", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("number", ctypes.c_int),
        ("architecture", ctypes.c_uint32),
        ("instruction", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
    ]


class _Response(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint64),
        ("value", ctypes.c_int64),
        ("error", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    ]


def begin(server: int, signals: bool) -> None:
    """In a worker with one thread: from now on it asks over the socket `server`."""
    rules = forbidden.asked_for(os.getpid(), signals)
    listener = Filter(rules, siblings=True).load_with_listener()
    connection = socket.socket(fileno=server)
    socket.send_fds(connection, [b"g"], [listener])
    connection.detach()
    os.close(listener)


def receive_listener(connection: socket.socket) -> int | None:
    """What a worker sends at its start; None: it has no filter."""
    with connection:
        try:
            _, given, _, _ = socket.recv_fds(connection, 1, 1)
        except OSError:
            return None
    return given[0] if given else None


class Guard:
    """The server's side, of one worker."""

    def __init__(self, listener: int, worker: int) -> None:
        self.listener = listener
        self._worker = worker
        self._names: dict[tuple[int, int], str] = {}
        self._library = library()
        self._library.seccomp_api_get()  # looks at what the kernel knows
        self._library.seccomp_syscall_resolve_num_arch.restype = ctypes.c_void_p
        self._request = ctypes.POINTER(_Request)()
        self._response = ctypes.POINTER(_Response)()
        code = self._library.seccomp_notify_alloc(
            ctypes.byref(self._request), ctypes.byref(self._response)
        )
        if code != 0:
            raise SeccompError(f"no place for questions: {os.strerror(-code)}")

    def answer(self) -> None:
        """One question."""
        request, response = self._request.contents, self._response.contents
        ctypes.memset(self._request, 0, ctypes.sizeof(_Request))
        code = self._library.seccomp_notify_receive(self.listener, self._request)
        if code != 0:
            return  # whoever asked was interrupted, or has ended
        ctypes.memset(self._response, 0, ctypes.sizeof(_Response))
        name = self._name(request.architecture, request.number)
        response.id = request.id
        if may(name, request.arguments, (self._worker, _group_of(request.pid))):
            response.flags = _CONTINUE
        else:
            response.error = -errno.EPERM
        self._library.seccomp_notify_respond(self.listener, self._response)

    def close(self) -> None:
        self._library.seccomp_notify_free(self._request, self._response)
        os.close(self.listener)

    def _name(self, architecture: int, number: int) -> str:
        known = self._names.get((architecture, number))
        if known is None:
            found = self._library.seccomp_syscall_resolve_num_arch(
                ctypes.c_uint32(architecture), number
            )
            known = ctypes.string_at(found).decode() if found else ""
            self._names[architecture, number] = known
        return known


def may(name: str, arguments: Sequence[int], owners: Sequence[int]) -> bool:
    """Whether that call is about one of `owners`, or what they started."""
    at = _NAMED_BY.get(name)
    if at is None:
        return False
    if name == "prlimit64" and arguments[2] == 0:
        return True  # only looks
    if name in _OF_A_USER and _int(arguments[0]) == _OF_A_USER[name]:
        return False
    # 0 is whoever asks, or its process group, which is in a session of its own.
    # A group, also a negative number, is called what its first process is.
    process = _int(arguments[at])
    return process == 0 or _is_of(abs(process), owners)


def _int(argument: int) -> int:
    return ctypes.c_int(argument & 0xFFFFFFFF).value


def _is_of(process: int, owners: Sequence[int]) -> bool:
    while process > 1:
        # A worker's session has what it started and nothing else. That can be asked
        # where /proc hides a process that is not dumpable (hidepid).
        if process in owners or _session_of(process) in owners:
            return True
        group, process = _status(process)
        if group and group in owners:
            return True
    return False


def _session_of(process: int) -> int:
    try:
        return os.getsid(process)
    except OSError:
        return 0


def _group_of(thread: int) -> int:
    return _status(thread)[0] or -1


def _status(process: int) -> tuple[int, int]:
    """What process that thread is of, and who started it; 0: it is gone."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            text = file.read()
    except OSError:
        return 0, 0
    values = {name: int(value) for name, value in _NUMBERS.findall(text)}
    return values.get(b"Tgid", 0), values.get(b"PPid", 0)
