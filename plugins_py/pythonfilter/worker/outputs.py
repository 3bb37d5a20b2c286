# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a converting plugin gave, as bytes in the region for it."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

ALIGNMENT = 16


def space_for(pieces: list[Any]) -> int:
    """To the end of the last one."""
    at = end = 8 * len(pieces)
    for piece in pieces:
        at = -(-end // ALIGNMENT) * ALIGNMENT
        end = at + piece.size
    return end


def write(pieces: list[Any], region: mmap.mmap) -> None:
    """Into a region that is large enough."""
    sizes = np.frombuffer(region, np.uint64, len(pieces))
    memory = np.frombuffer(region, np.uint8)
    end = 8 * len(pieces)
    for i, piece in enumerate(pieces):
        at = -(-end // ALIGNMENT) * ALIGNMENT
        end = at + piece.size
        sizes[i] = piece.size
        memory[at:end] = piece
