# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one plugin tells: its messages and its log, on their way to the host.

Those of a call wait until it is over. The log does not: the last lines before a
call that hangs or crashes are those that matter.
"""

from __future__ import annotations

import collections
import socket
import struct
import sys
import threading
from typing import Any

from . import wire
from .running import Running

MOST_MESSAGES = 1000
SECONDS_TO_SEND = 1
_WARNING = 30

_outboxes: list[Outbox] = []  # of all plugins of this worker


class Outbox:
    """What one plugin told and is not sent yet."""

    def __init__(self, events: socket.socket, running: Running) -> None:
        events.setsockopt(
            socket.SOL_SOCKET,
            socket.SO_SNDTIMEO,
            struct.pack("@ll", SECONDS_TO_SEND, 0),
        )
        self._events = events
        self._running = running
        self.queue: collections.deque[bytes] = collections.deque()
        self._dropped = 0
        self._lock = threading.Lock()
        self._rest = b""  # of a record that was sent in part
        self._lost = 0  # lines of the log
        self._unsent = self._told_unsent = 0  # messages
        self._flags = 0
        _outboxes.append(self)

    def close(self) -> None:
        if self in _outboxes:
            _outboxes.remove(self)

    # -- given to the plugin

    def post(self, name: str, fields: dict[str, Any]) -> None:
        record = wire.pack(_message(name, fields))
        if not self._running.is_here():
            with self._lock:
                sent = self._sent(record)
                self._unsent += not sent
            if not sent and not self.queue:
                self.queue.append(b"")  # so that the next call has it told
            return
        if len(self.queue) == MOST_MESSAGES and self.queue.popleft():
            self._dropped += 1
        self.queue.append(record)

    def log(
        self,
        level: int,
        file: str,
        line: int,
        function: str,
        text: str,
        anonymous: bool = False,
    ) -> None:
        texts = map(wire.encode, (str(level), file, str(line), function, text))
        self.send([b"log", *texts, wire.flag(anonymous)])

    # -- to the host

    def take(self) -> list[bytes]:
        """What the call posted, as records."""
        records = [each for each in list(self.queue) if each]
        self.queue.clear()
        # Without the lock, with which somebody may be waiting for the host.
        unsent = self._unsent
        dropped = self._dropped + unsent - self._told_unsent
        self._dropped, self._told_unsent = 0, unsent
        if dropped:
            records.append(wire.pack([b"dropped", b"%d" % dropped]))
        return records

    def send(self, fields: list[bytes]) -> None:
        """At once, or never: a host that does not read holds nobody up."""
        record = wire.pack(fields)
        with self._lock:
            if not self._sent(record):
                self._lost += 1

    def tell_lost(self) -> None:
        """Before an answer, which may be the last that this plugin gives."""
        if self._lost:
            with self._lock:
                self._sent(b"")

    def _sent(self, record: bytes) -> bool:
        """Whether the host will have it.  With the lock."""
        if self._rest and not self._put(b""):
            return False
        if self._lost:
            text = b"%d records were lost: nobody read them" % self._lost
            level = b"%d" % _WARNING
            lost = [b"log", level, b"", b"0", b"", text, b"0"]
            if self._put(wire.pack(lost)):
                self._lost = 0
        return not self._rest and self._put(record)

    def _put(self, record: bytes) -> bool:
        """False if nothing of the record is on its way."""
        data = self._rest + record
        try:
            sent = self._events.send(data, self._flags)
        except BlockingIOError:
            # The next ones do not wait any more.
            self._flags = socket.MSG_DONTWAIT
            return False
        except OSError:  # the host is gone
            return False
        self._rest = data[sent:]
        if not self._rest:
            self._flags = 0
        return len(self._rest) < len(record) or not record


def _message(name: str, fields: dict[str, Any]) -> list[bytes]:
    record = [b"message", wire.encode(name)]
    for key, value in fields.items():
        kind, data = _value(key, value)
        record += (wire.encode(key), kind, data)
    return record


def _value(key: str, value: Any) -> tuple[bytes, bytes]:
    if not isinstance(value, list):
        return _scalar(key, value)
    kinds = [_scalar(key, each) for each in value]
    if len({kind for kind, _ in kinds}) > 1:
        raise TypeError(f"{key} cannot be part of a message")
    kind = kinds[0][0] if kinds else b"b"
    return b"a" + kind, wire.pack_list([data for _, data in kinds])


def _scalar(key: str, value: Any) -> tuple[bytes, bytes]:
    """What base_plugin has checked; a plugin may bring another one."""
    if isinstance(value, bool):
        return b"b", wire.flag(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return b"i", b"%d" % value
    if isinstance(value, float):
        return b"d", wire.encode(float.__repr__(value))
    if isinstance(value, str):
        return b"s", wire.encode(value)
    raise TypeError(f"{key} cannot be part of a message")


def log_anonymous(level: int, file: str, line: int, function: str, text: str) -> None:
    """For what no plugin's own logger says: of the plugin whose call runs here."""
    outboxes = list(_outboxes)
    here = [each for each in outboxes if each._running.is_here()]
    for outbox in (here or outboxes)[:1]:
        return outbox.log(level, file, line, function, text, not here)
    print(text, file=sys.stderr)
