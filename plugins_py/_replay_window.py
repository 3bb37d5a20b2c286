# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which frames of a session have arrived, so that none is accepted twice."""

from __future__ import annotations

import enum

LARGEST_WINDOW = 1 << 16


class Verdict(enum.Enum):
    """What the window says of a counter, before anything is authenticated."""

    NEW = "new"
    SEEN = "seen"
    TOO_OLD = "too old"


class ReplayWindow:
    """The counters accepted up to the highest, the last ``size`` of them.

    Its size is for life: in a window that grew, old frames would be new again.

    ``check`` changes nothing and is asked before a frame is authenticated;
    ``commit`` takes note of one that was.  Otherwise a forged frame with a high
    counter would shut the real ones out.
    """

    __slots__ = ("_size", "_mask", "_seen", "highest")

    def __init__(self, size: int) -> None:
        """ValueError for a size outside 1 to 65536 frames."""
        if not 1 <= size <= LARGEST_WINDOW:
            raise ValueError(f"window: {size} is not from 1 to {LARGEST_WINDOW} frames")
        self._size = size
        self._mask = (1 << size) - 1
        self._seen = 0  # bit n is the counter n below the highest
        self.highest = -1

    def state(self) -> tuple[int, int, int]:
        """What ``restored`` makes the same window of."""
        return self._size, self._seen, self.highest

    @classmethod
    def restored(cls, size: int, seen: int, highest: int) -> ReplayWindow:
        """Another one's; ValueError for what no window can say."""
        window = cls(size)
        if not 0 <= seen <= window._mask or highest < -1:
            raise ValueError("this is no state of a replay window")
        window._seen, window.highest = seen, highest
        return window

    def check(self, counter: int) -> Verdict:
        """Whether a frame with this counter may be looked at."""
        age = self.highest - counter
        if age < 0:
            return Verdict.NEW
        if age >= self._size:
            return Verdict.TOO_OLD
        return Verdict.SEEN if self._seen >> age & 1 else Verdict.NEW

    def commit(self, counter: int) -> int:
        """Note a new counter that was authentic; by how much more are now lost.

        -1 for a late one, which was counted when it was passed over.
        """
        step = counter - self.highest
        if step < 0:
            self._seen |= 1 << -step
            return -1
        # A step can be 2**64, and so can a shift.
        older = self._seen << step & self._mask if step < self._size else 0
        self._seen = older | 1
        self.highest = counter
        return step - 1
