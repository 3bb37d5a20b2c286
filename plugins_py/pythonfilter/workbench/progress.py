# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bar on standard error, where a person looks and only if it takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

PATIENCE_SECONDS = 1.0
REDRAW_SECONDS = 0.1
WIDTH = 24
CLEAR = "\r\x1b[K"


class Progress:
    """Steps out of a total that may be no more than a guess."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._tty = self._stream.isatty()
        self._total = self._done = 0
        self._next = time.monotonic() + PATIENCE_SECONDS
        self._drawn = False
        self._share = 0.0  # never goes back, though more may turn out to come
        self.told: Callable[[str], None] | None = None  # of each step

    def expect(self, steps: int) -> None:
        """So many more steps are to come."""
        self._total += steps

    def step(self, what: str) -> None:
        """One step is about to be done."""
        if self.told is not None:
            self.told(what)
        self._done = min(self._done + 1, self._total)
        now = time.monotonic()
        if not self._tty or now < self._next:
            return
        self._next = now + REDRAW_SECONDS
        share = self._share = max(self._share, self._done / max(1, self._total))
        full = int(share * WIDTH)
        bar = "#" * full + "." * (WIDTH - full)
        self._stream.write(f"{CLEAR}[{bar}] {share:4.0%} {what[:44]}")
        self._stream.flush()
        self._drawn = True

    def clear(self, drawn: bool = False) -> None:
        """Before anything else is printed. ``drawn``: by another process, if at all."""
        if self._drawn or drawn and self._tty:
            self._stream.write(CLEAR)
            self._stream.flush()
            self._drawn = False
