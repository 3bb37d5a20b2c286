# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many files go to a worker at once."""

from __future__ import annotations

SECONDS = 60.0  # of work: long against what giving it out takes
LEAST_SECONDS = 1.0
FIRST = 4  # nobody knows yet how long one takes
MOST = 5000
SHARE = 3  # of what is left, so that all end at about the same time


class Sizes:
    """Learns from how long files took."""

    def __init__(self) -> None:
        self._took = self._files = 0.0

    def add(self, seconds: float) -> None:
        self._took += seconds
        self._files += 1

    def next(self, left: int, slots: int) -> int:
        if not self._files:
            return FIRST
        each = max(1e-4, self._took / self._files)
        share = max(left // (SHARE * slots), int(LEAST_SECONDS / each))
        return max(1, min(int(SECONDS / each), share, MOST))
