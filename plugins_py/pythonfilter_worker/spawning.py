# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server: imports once what all workers need, and forks them."""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import warnings

import numpy as np

from . import process, wire, worker


def serve(connection: int) -> None:
    """Until the host closes its end, or is gone."""
    process.end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = _Server(socket.socket(fileno=connection))
    version = "%d.%d.%d" % sys.version_info[:3]
    gc.collect()
    gc.freeze()  # what is shared is not written to by a collection
    wire.send(
        server.connection,
        [b"ready", wire.encode(version), wire.encode(np.__version__)],
    )
    try:
        server.run()
    finally:
        server.kill_all()


class _Server:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._workers: dict[int, tuple[int, bytes]] = {}  # by pidfd

    def run(self) -> None:
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._workers:
                    self._reap(descriptor)
                elif not self._read():
                    return

    def kill_all(self) -> None:
        for pid, _ in self._workers.values():
            os.kill(pid, signal.SIGKILL)

    def _read(self) -> bool:
        try:
            received = wire.receive(self.connection)
        except ConnectionError:
            return False
        if received is None:
            return False
        fields, descriptors = received
        if fields[:1] != [b"spawn"] or len(fields) != 4 or len(descriptors) != 2:
            raise wire.ProtocolError(f"{fields[:1]} is no record of the server's")
        sandbox = wire.decode(fields[2])
        if sandbox not in ("none", "basic", "strict"):
            raise wire.ProtocolError(f"there is no sandbox {sandbox!r}")
        self._spawn(fields[1], sandbox, wire.truth(fields[3]), *descriptors)
        return True

    def _spawn(
        self, name: bytes, sandbox: str, required: bool, channel: int, output: int
    ) -> None:
        server = os.getpid()
        try:
            with warnings.catch_warnings():
                # Of threads that NumPy's libraries have, and look after.
                warnings.simplefilter("ignore")
                pid = os.fork()
        except OSError as error:
            print(f"cannot fork a worker: {error}", file=sys.stderr)
            os.close(channel)
            os.close(output)
            wire.send(self.connection, [b"exited", name, b"256"])
            return
        if pid == 0:
            self.connection.detach()
            worker.run(server, channel, output, sandbox, required)
        os.close(channel)
        os.close(output)
        descriptor = os.pidfd_open(pid)
        self._workers[descriptor] = pid, name
        self._poll.register(descriptor, select.POLLIN)
        wire.send(self.connection, [b"spawned", name, b"%d" % pid], [descriptor])

    def _reap(self, descriptor: int) -> None:
        pid, name = self._workers[descriptor]
        found, status = os.waitpid(pid, os.WNOHANG)
        if not found:
            return
        del self._workers[descriptor]
        self._poll.unregister(descriptor)
        os.close(descriptor)
        wire.send(self.connection, [b"exited", name, b"%d" % status])
