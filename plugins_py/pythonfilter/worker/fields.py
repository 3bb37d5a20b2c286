# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an array object says of itself, which NumPy lets a plugin change in place.

`x.shape = (1, -1, 64)` and the like are looked for after each call. The
attributes would take four times as long as the call itself: they are compared
where they lie, in the C structure PyArrayObject, which all of NumPy's versions
have in common.
"""

from __future__ import annotations

from typing import Any

try:
    from ctypes import c_uint64
except ImportError:  # then arrays are made anew for each call
    c_uint64 = None  # type: ignore[assignment,misc]

# The words of it: data, nd, dimensions, strides, base, descr, flags, weakreflist.
_WORDS = 8
_DATA, _DIMENSIONS = 0, 2


def _words(address: int, count: int) -> memoryview:
    memory = (c_uint64 * count).from_address(address)
    return memoryview(memory).cast("B").cast("Q")


class Fields:
    """The fields of one array: as they are now, and as it was made.

    Weak references to the array are among them: nothing of the plugin's may lead
    to the samples of another call.
    """

    __slots__ = ("object", "object_made", "axes", "axes_made", "_array", "_base")

    def __init__(self, array: Any) -> None:
        self._array, self._base = array, id(array.base)
        self.object = self.axes = memoryview(b"")
        if c_uint64 is not None:
            self.object = _words(id(array) + object.__basicsize__, _WORDS)
            # Strides lie behind the dimensions, in the same memory.
            self.axes = _words(self.object[_DIMENSIONS], 2 * array.ndim)
        self.object_made = memoryview(self.object.tobytes()).cast("Q")
        self.axes_made = memoryview(self.axes.tobytes()).cast("Q")

    def are_as_made(self) -> bool:
        # In this order: where the axes lie is one of the object's fields.
        return (
            len(self.object) > 0
            and self.object == self.object_made
            and self.axes == self.axes_made
        )

    def has_memory(self) -> bool:
        """Whether the array is over the memory that it was made over."""
        same = len(self.object) == 0 or self.object[_DATA] == self.object_made[_DATA]
        return same and id(self._array.base) == self._base
