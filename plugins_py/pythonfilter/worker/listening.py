# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host asks of a plugin while, perhaps, a call of it runs."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from .. import log

from . import failure, wire
from .calls import Calls
from .events import Outbox
from .failure import Failure
from .running import Running


# As long as the elements wait for it where the plugin is in their own process.
UNLOCK_PATIENCE = 1.0
_LOOK_AGAIN = 0.0005


class Listening:
    """Reads `events` of one plugin."""

    def __init__(
        self, events: socket.socket, plugin: Calls, running: Running, outbox: Outbox
    ) -> None:
        self._events = events
        self._plugin = plugin
        self._running = running
        self._outbox = outbox
        # One for each thread: such an object is not to be used by two.
        self._arrival, self._pending = select.poll(), select.poll()
        for poll in (self._arrival, self._pending):
            poll.register(events, select.POLLIN)
        self._reads = False
        # More than the last few are over long since.
        self._unlocking: deque[threading.Thread] = deque(maxlen=8)

    def settle(self) -> None:
        """On the plugin's thread, before it begins with another call.

        What the host said before it asked for that call goes first: an unlock()
        that came behind a stop() or a seek() would end what it was not meant for,
        or find no plugin any more, and what it raises would not be heard.
        """
        if not (self._pending.poll(0) or self._reads or self._unlocking):
            return
        end = time.monotonic() + UNLOCK_PATIENCE
        while (self._pending.poll(0) or self._reads) and time.monotonic() < end:
            time.sleep(_LOOK_AGAIN)
        while self._unlocking:
            self._unlocking.pop().join(max(0, end - time.monotonic()))

    def run(self) -> None:
        """To the end of the stream."""
        try:
            self._run()
        finally:
            self._reads = False

    def _run(self) -> None:
        while True:
            self._reads = False
            self._arrival.poll()
            self._reads = True
            try:
                received = wire.receive(self._events)
            except ConnectionError:
                return
            if received is None:
                return
            fields, descriptors = received
            name, size = fields[0] if fields else b"", len(fields)
            if descriptors:
                raise wire.ProtocolError("an event with descriptors")
            if name == b"interrupt" and size == 1:
                self._running.interrupt()
            elif name == b"threshold" and size == 2:
                self._show_from(wire.number(fields[1]))
            # Each on a thread of its own: one that waits holds up nothing else.
            elif name == b"unlock" and size == 1:
                self._unlocking.append(self._start(self._unlock))
            elif name == b"map_caps" and size == 4:
                self._start(self._map_caps, *fields[1:])
            else:
                raise wire.ProtocolError(f"{name[:20]!r} is no event")

    @staticmethod
    def _start(function: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        return thread

    def _show_from(self, threshold: int) -> None:
        log.set_threshold(threshold)
        loaded = self._plugin.loaded
        if loaded is not None and loaded.namespace_name:
            log.change_threshold(loaded.namespace_name, threshold)

    def _unlock(self) -> None:
        loaded = self._plugin.loaded
        try:
            if loaded is not None and loaded.has_unlock:
                self._running.surroundings.beside(loaded.unlock)
        except BaseException as error:
            told: Failure = failure.of(error, "unlock")
            self._outbox.send([b"failed", *told.fields()])

    def _map_caps(self, serial: bytes, direction: bytes, caps: bytes) -> None:
        method = "get_output_caps" if direction == b"output" else "get_input_caps"
        loaded = self._plugin.loaded
        try:
            if loaded is None:
                raise RuntimeError("the plugin is gone")
            text, file, line, function = self._running.surroundings.beside(
                getattr(loaded, method), wire.decode(caps)
            )
        except BaseException as error:
            told = failure.of(error, method)
            self._outbox.send([b"not_mapped", serial, *told.fields()])
            return
        said = map(wire.encode, (text, file, str(line), function))
        self._outbox.send([b"mapped", serial, *said])
