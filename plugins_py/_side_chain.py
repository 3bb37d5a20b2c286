# SPDX-License-Identifier: LGPL-2.1-or-later
"""A gain that follows another signal, in NumPy: the ducker's.

All is done once for STEP frames, and goes on straight between them, in dB: too
short for anybody to hear a step, and long enough for Python.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 32
SILENCE = -200.0  # dB
LOUDEST = 200.0

Reals = NDArray[np.float64]


def levels(data: NDArray[Any]) -> Reals:
    """The peak of each step in dB, of the loudest channel: shape (steps,).

    What is no number is as silent as nothing, and nothing is louder than LOUDEST.
    """
    peaks = np.abs(data).max(axis=0)
    more = -len(peaks) % STEP
    if more:
        peaks = np.pad(peaks, (0, more))
    highest = peaks.reshape(-1, STEP).max(axis=1)
    least, most = 10 ** (SILENCE / 20), 10 ** (LOUDEST / 20)
    found: Reals = 20.0 * np.log10(np.fmin(np.fmax(highest, least), most))
    return found


class Follower:
    """A gain in dB, at most 0, that is smoothed on its way down and up again."""

    def __init__(self) -> None:
        self.now = 0.0
        self._held = 0  # steps that it still waits before it rises

    def follow(
        self, wanted: Reals, rate: float, attack: float, release: float, hold: float
    ) -> Reals:
        """What it is at the end of each step, in dB.

        ``wanted`` is what it should be in each; the times are in ms: it goes down
        and up by 63 % in that time, and rises only ``hold`` after it last fell.
        """
        step_ms = 1000.0 * STEP / rate
        fall, rise = math.exp(-step_ms / attack), math.exp(-step_ms / release)
        now, held, longest = self.now, self._held, round(hold / step_ms)
        path = np.empty(len(wanted))
        for i in range(len(wanted)):
            to = float(wanted[i])
            if to < now:
                now = to + fall * (now - to)
                held = longest
            elif held > 0:
                held -= 1
            else:
                now = to + rise * (now - to)
            path[i] = now
        self.now, self._held = now, held
        return path

    def gains(self, wanted: Reals, frames: int, *times: float) -> NDArray[np.float32]:
        """As follow(): what to multiply each frame by, of shape (frames,)."""
        before = self.now
        path = self.follow(wanted, *times)
        ends = np.arange(len(path) + 1) * STEP
        decibels = np.interp(np.arange(1, frames + 1), ends, [before, *path])
        gains: NDArray[np.float32] = np.float32(10.0) ** (decibels / 20).astype("f4")
        return gains
