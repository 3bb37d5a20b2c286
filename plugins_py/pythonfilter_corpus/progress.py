# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is told while it runs: one line on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import TextIO

from .run import Result
from .status import duration, printable

REDRAW_SECONDS = 0.2
CLEAR = "\r\x1b[K"


class Progress:
    def __init__(self, out: TextIO) -> None:
        self._out, self._tty = out, out.isatty()
        self._begin = time.monotonic()
        self._next = 0.0
        self._ended = self._failed = 0
        self._seconds = 0.0

    def note(self, sentence: str) -> None:
        if self._tty:
            self._out.write(CLEAR)
            self._out.flush()
        print(printable(f"pythonfilter-corpus: {sentence}"), file=sys.stderr)

    def ended(self, result: Result, todo: int) -> None:
        self._ended += 1
        self._failed += result.state == "failed"
        self._seconds += result.seconds
        if not self._tty:
            print(_line(result), file=self._out, flush=True)
            return
        if result.warning:
            self.note(f"{result.input}: {result.warning}")
        now = time.monotonic()
        if now >= self._next or self._ended == todo:
            self._next = now + REDRAW_SECONDS
            self._out.write(CLEAR + self._text(now - self._begin, todo))
            self._out.flush()

    def _text(self, spent: float, todo: int) -> str:
        left = spent / self._ended * (todo - self._ended)
        speed = self._seconds / max(spent, 1e-3)
        failed = f", {self._failed} failed" if self._failed else ""
        return (
            f"{self._ended} of {todo} files, {speed:.1f} x real time, "
            f"{duration(left)} left{failed}"
        )

    def close(self) -> None:
        if self._tty and self._ended:
            self._out.write("\n")
        self._out.flush()


def _line(result: Result) -> str:
    """Without what a result does not have."""
    told = {name: value for name, value in dataclasses.asdict(result).items() if value}
    return json.dumps(told | {"speed": round(result.speed, 1)})
