# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker: takes plugins in until the host closes its socket."""

from __future__ import annotations

import os
import socket
import sys
import traceback
from typing import NoReturn

from .. import interpreter

from . import channel, confinement, events, process, wire


def run(
    server: int, connection: int, output: int, guard: int, sandbox: str, required: bool
) -> NoReturn:
    """Never returns into the server's code. `guard`: see confinement."""
    try:
        process.become_worker(server, output, (connection, guard))
        confined = confinement.Confinement(sandbox, required, guard)
        _serve(socket.socket(fileno=connection), confined)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _serve(connection: socket.socket, confined: confinement.Confinement) -> None:
    interpreter.prepare_worker()
    interpreter.log_with(events.log_anonymous)
    try:
        applied = confined.begin()
    except confinement.Refused as error:
        wire.send(connection, [b"unusable", wire.encode(str(error))])
        return
    wire.send(connection, [b"sandbox", wire.encode(applied)])
    while True:
        try:
            received = wire.receive(connection)
        except ConnectionError:
            return
        if received is None:
            return
        fields, descriptors = received
        if fields[:1] != [b"open"] or len(fields) != 2 or len(descriptors) != 5:
            raise wire.ProtocolError(f"{fields[:1]} is no record of a worker's")
        channel.open_channel(descriptors, confined)


def end(problem: str) -> NoReturn:
    """The host is not to be understood any more."""
    print(problem, file=sys.stderr)
    os._exit(1)
