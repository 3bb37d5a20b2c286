# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the two SFrame plugins share: their accounts, told on the bus."""

from __future__ import annotations

import abc
import time
from typing import ClassVar

from _sealed_plugin import SealedPlugin

# Messages a second, of a stream in which no frame is opened.
MOST_IDLE = 10


class SFramePlugin(SealedPlugin):
    """Posts its accounts, where they changed, when a stream ends or breaks."""

    #: The name of that message.
    ACCOUNTS: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, int | str] = {}
        self._idle = 0, 0  # this second, and how many there were in it

    @abc.abstractmethod
    def _accounts(self) -> dict[str, int | str]:
        """The message's fields."""

    def drain(self) -> None:
        """Holds nothing back; after EOS there is nobody to hear what stop() posts."""
        self._tell_accounts()

    def stop(self) -> None:
        """For a stream that was stopped before its end."""
        self._tell_accounts()
        super().stop()

    def _tell_accounts(self) -> None:
        now = self._accounts()
        if now == self._told:
            return
        if now["frames"] == self._told.get("frames", 0):
            # Who has no key can break a stream as often as they like.
            second, count = self._idle
            if second != int(time.monotonic()):
                second, count = int(time.monotonic()), 0
            self._idle = second, count + 1
            if count >= MOST_IDLE:
                return
        self._told = now
        self.post(self.ACCOUNTS, **now)
