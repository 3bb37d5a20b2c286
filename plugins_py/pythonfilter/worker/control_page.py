# SPDX-License-Identifier: LGPL-2.1-or-later
"""The control page of one plugin, and the two signals that belong to it."""

from __future__ import annotations

import os
import struct

from .view import Request, map_region

SIZE = 4096
PROCESS, CALL, RESUME = 1, 2, 3  # kinds of request
SEQUENCE, KIND = 0, 1  # words of the request
REPLY, REPLY_TIME, REPLY_SILENT = 256, 262, 263  # words of the reply
ONE = struct.pack("=Q", 1)

_REQUEST = struct.Struct("=12Q")
_REPLY = struct.Struct("=9Q")


class ControlPage:
    """What the host asks, and where it is answered."""

    __slots__ = ("requests", "replies", "words", "sequence", "_memory")

    def __init__(self, requests: int, replies: int, descriptor: int) -> None:
        os.set_blocking(requests, True)
        self.requests = requests
        self.replies = replies
        self._memory = map_region(descriptor, SIZE, True)
        self.words = memoryview(self._memory).cast("Q")
        self.sequence = 0  # of the last request that was looked at

    def wait(self) -> None:
        """For a signal, with or without a request."""
        os.read(self.requests, 8)

    def wake(self) -> None:
        """Has wait() return, on whatever thread."""
        os.write(self.requests, ONE)

    def take(self) -> Request | None:
        """The request, if it is another one."""
        request = _REQUEST.unpack_from(self._memory)
        if request[SEQUENCE] == self.sequence:
            return None
        self.sequence = request[SEQUENCE]
        return request

    def reply(
        self,
        outcome: int,
        flags: int,
        outputs: int,
        size: int,
        records: int,
        time: int,
        silent: int = 0,
        breaks: int = 0,
    ) -> None:
        _REPLY.pack_into(
            *(self._memory, 8 * REPLY, self.sequence),
            *(outcome, flags, outputs, size, records, time, silent, breaks),
        )
        os.write(self.replies, ONE)

    def is_answered(self) -> bool:
        """Whether the last request of samples is; a `Call` never is."""
        return bool(self.words[REPLY] == self.sequence)

    def close(self) -> None:
        self.words.release()
        self._memory.close()
        os.close(self.requests)
        os.close(self.replies)
