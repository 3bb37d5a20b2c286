# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server: imports once what all workers need, and forks them."""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable

import numpy as np

from . import process, wire, worker

try:
    from . import guard, seccomp
except ImportError:  # there is no ctypes, and no worker that would have a guard
    guard = seccomp = None  # type: ignore[assignment]

_LIMITS = [getattr(resource, n) for n in dir(resource) if n.startswith("RLIMIT_")]


def serve(connection: int) -> None:
    """Until the host closes its end, or is gone."""
    process.end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _Server(socket.socket(fileno=connection))
    version = "%d.%d.%d" % sys.version_info[:3]
    gc.collect()
    gc.freeze()  # what is shared is not written to by a collection
    gc.enable()
    wire.send(
        server.connection,
        [b"ready", wire.encode(version), wire.encode(np.__version__)],
    )
    try:
        server.run()
    finally:
        server.kill_all()


def _given() -> tuple[object, ...]:
    """What workers inherit, and a worker without a sandbox could have changed."""
    limits = [resource.getrlimit(kind) for kind in _LIMITS]
    turns = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    return *limits, *turns, os.sched_getaffinity(0)


class _Server:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._poll = select.poll()
        # By descriptor: what is done when there is something to read, or its end.
        self._readers: dict[int, Callable[[int], None]] = {}
        self._workers: dict[int, tuple[int, bytes]] = {}  # by pidfd
        self._open = True
        self._given = _given()
        self._watch(connection.fileno(), self._read)

    def run(self) -> None:
        while self._open:
            for descriptor, events in self._poll.poll():
                reader = self._readers.get(descriptor)
                if reader is not None:
                    reader(events)

    def kill_all(self) -> None:
        for pid, _ in self._workers.values():
            os.kill(pid, signal.SIGKILL)

    def _watch(self, descriptor: int, reader: Callable[[int], None]) -> None:
        self._readers[descriptor] = reader
        self._poll.register(descriptor, select.POLLIN)

    def _unwatch(self, descriptor: int) -> None:
        del self._readers[descriptor]
        self._poll.unregister(descriptor)

    def _read(self, _: int) -> None:
        try:
            received = wire.receive(self.connection)
        except ConnectionError:
            received = None
        if received is None:
            self._open = False
            return
        fields, descriptors = received
        if fields[:1] != [b"spawn"] or len(fields) != 4 or len(descriptors) != 2:
            raise wire.ProtocolError(f"{fields[:1]} is no record of the server's")
        sandbox = wire.decode(fields[2])
        if sandbox not in ("none", "basic", "strict"):
            raise wire.ProtocolError(f"there is no sandbox {sandbox!r}")
        self._spawn(fields[1], sandbox, wire.truth(fields[3]), *descriptors)

    def _spawn(
        self, name: bytes, sandbox: str, required: bool, channel: int, output: int
    ) -> None:
        server = os.getpid()
        ours, theirs = socket.socketpair()
        try:
            if _given() != self._given:
                raise OSError("somebody changed the limits or turns of the server")
            with warnings.catch_warnings():
                # Python warns of the threads that NumPy's libraries have and look
                # after.
                warnings.simplefilter("ignore")
                pid = os.fork()
        except OSError as error:
            print(f"cannot fork a worker: {error}", file=sys.stderr)
            pid = -1
        if pid == 0:
            self.connection.detach()
            worker.run(server, channel, output, theirs.detach(), sandbox, required)
        for descriptor in (channel, output):
            os.close(descriptor)
        theirs.close()
        if pid < 0:
            ours.close()
            wire.send(self.connection, [b"exited", name, b"256"])
            return
        self._watch(ours.fileno(), lambda _: self._begin_guard(ours, pid))
        descriptor = os.pidfd_open(pid)
        self._workers[descriptor] = pid, name
        self._watch(descriptor, lambda _: self._reap(descriptor))
        wire.send(self.connection, [b"spawned", name, b"%d" % pid], [descriptor])

    def _begin_guard(self, connection: socket.socket, pid: int) -> None:
        self._unwatch(connection.fileno())
        listener = guard.receive_listener(connection)
        if listener is None:
            return
        try:
            guarded = guard.Guard(listener, pid)
        except seccomp.SeccompError as error:
            print(f"worker {pid} asks in vain: {error}", file=sys.stderr)
            os.close(listener)  # what it asks for fails
            return

        def answer(events: int) -> None:
            if events & select.POLLIN:
                guarded.answer()
            elif events & (select.POLLHUP | select.POLLERR):
                self._unwatch(guarded.listener)  # nobody is left who could ask
                guarded.close()

        self._watch(listener, answer)

    def _reap(self, descriptor: int) -> None:
        pid, name = self._workers[descriptor]
        found, status = os.waitpid(pid, os.WNOHANG)
        if not found:
            return
        del self._workers[descriptor]
        self._unwatch(descriptor)
        os.close(descriptor)
        wire.send(self.connection, [b"exited", name, b"%d" % status])
