# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the plugin may change of some objects, so that one comparison sees it.

The bytes of the objects themselves are compared: the counts of their references,
their types, their slots, and what else NumPy has of an array (fields.py). Nothing is
called for any of them, and no attribute looked up.
"""

from __future__ import annotations

from typing import Any

try:
    from ctypes import c_char, c_uint64
except ImportError:  # then no call is a usual one
    c_char = c_uint64 = None  # type: ignore[assignment,misc]

ARE_POSSIBLE = c_char is not None
_DIMENSIONS = object.__basicsize__ + 16  # of an array: where the word is
_ALIGNMENT = 16  # of objects; what is between two is nobody's


class Looks:
    """At some objects. Who has this or its parts has to have them, too: a reference
    more to one of them would be a change of what others look at."""

    def __init__(self) -> None:
        self._places: list[tuple[int, int]] = []

    def at(self, thing: Any) -> None:
        """Its references, its type and its slots, or what else it has."""
        self._places.append((id(thing), type(thing).__basicsize__))

    def at_array(self, array: Any) -> None:
        """All that NumPy lets a plugin change in place, and weak references."""
        self.at(array)
        # Strides lie behind the dimensions, in the same memory.
        axes = c_uint64.from_address(id(array) + _DIMENSIONS).value
        self._places.append((axes, 16 * array.ndim))

    def parts(self) -> list[Any]:
        """b"".join() of them is what there is now. Neighbours are one part."""
        merged: list[list[int]] = []
        for begin, size in sorted(self._places):
            if merged and 0 <= begin - merged[-1][1] < _ALIGNMENT:
                merged[-1][1] = begin + size
            else:
                merged.append([begin, begin + size])
        return [
            memoryview((c_char * (end - begin)).from_address(begin))
            for begin, end in merged
        ]
