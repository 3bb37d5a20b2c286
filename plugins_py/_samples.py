# SPDX-License-Identifier: LGPL-2.1-or-later
"""Samples of any format as numbers from -1 to 1, for compiled plugins.

Functions that are compiled with the plugin which imports them.
"""

from __future__ import annotations

import math
from typing import Any

# What a loop works on at a time, in frames. What is done once for each is done
# at the same places of the stream however it is cut into buffers.
BLOCK = 64

# Smaller is silence: -300 dB. What only ever halves would else become a
# denormal number, with which CPUs are a hundred times slower.
SILENCE = 1e-15
# More is no sound: it came of infinities.
LARGEST = 1e15


def scale_of(format: Any) -> float:
    """What makes a sample of this format (stream.format) 1 at full scale."""
    if format == 2:
        return 1.0 / 32768.0
    if format == 3:
        return 1.0 / 2147483648.0
    return 1.0


def get(data: Any, channel: Any, frame: Any, scale: Any) -> Any:
    """A sample; 0 for what is NaN or infinite, which would stay in a filter."""
    x = float(data[channel, frame]) * scale
    if abs(x) <= LARGEST:
        return x
    return 0.0


def put(data: Any, channel: Any, frame: Any, x: Any, format: Any) -> None:
    """The sample becomes this; rounded and limited where it is a whole number."""
    if format == 2:
        x = min(max(x * 32768.0, -32768.0), 32767.0)
        data[channel, frame] = int(math.floor(x + 0.5))
    elif format == 3:
        x = min(max(x * 2147483648.0, -2147483648.0), 2147483647.0)
        data[channel, frame] = int(math.floor(x + 0.5))
    else:
        data[channel, frame] = x


def kept(x: Any) -> Any:
    """What a filter may keep: no denormals, no infinity, no NaN."""
    if SILENCE <= abs(x) <= LARGEST:
        return x
    return 0.0


def approach(now: Any, goal: Any, share: Any) -> Any:
    """A share of the way from one to the other, and all of the last of it."""
    way = goal - now
    if abs(way) <= 1e-7 * (1e-3 + abs(goal)):
        return goal
    return now + share * way
