# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes what is loud quieter: what the compressors share.

The level is that of the loudest channel.  What is to be turned down falls with the
release at once and is then smoothed with the attack, both in dB (the "smooth
decoupled" detector of Giannoulis, Massberg and Reiss, 2012), so that a change of a
parameter never makes a step either.

Functions that are compiled with the plugin which imports them.
"""

from __future__ import annotations

import math
from typing import Any

from _samples import get

# Decibels that nobody hears.
NOTHING = 1e-9


def coefficient(ms: Any, rate: Any) -> Any:
    """How much of the way is left after a frame, where 37 % is after so many ms."""
    return math.exp(-1000.0 / (ms * rate))


def peak_of(data: Any, frame: Any, scale: Any) -> Any:
    """The level of a frame, of the loudest channel."""
    peak = 0.0
    for channel in range(data.shape[0]):
        peak = max(peak, abs(get(data, channel, frame, scale)))
    return peak


def above(level: Any, threshold: Any, ratio: Any, knee: Any) -> Any:
    """By how many dB a level in dB is to be less."""
    over = level - threshold
    if 2.0 * over <= -knee:
        return 0.0
    if 2.0 * over < knee:
        return (1.0 - 1.0 / ratio) * (over + 0.5 * knee) ** 2 / (2.0 * knee)
    return (1.0 - 1.0 / ratio) * over


def wanted_for(peak: Any, lowest: Any, params: Any) -> Any:
    """As above(), of a peak; ``lowest``: nothing is to be done below it."""
    if peak > lowest:
        return above(
            20.0 * math.log10(peak), params.threshold, params.ratio, params.knee
        )
    return 0.0


def lowest_of(params: Any) -> Any:
    """The peak below which nothing is to be done."""
    return 10.0 ** ((params.threshold - 0.5 * params.knee) / 20.0)


def followed(wanted: Any, released: Any, reduction: Any, rise: Any, fall: Any) -> Any:
    """(released, reduction) one frame later, in dB: both are 0 at rest."""
    released = max(wanted, rise * released + (1.0 - rise) * wanted)
    reduction = fall * reduction + (1.0 - fall) * released
    if released < NOTHING and reduction < NOTHING:
        return 0.0, 0.0
    return released, reduction
