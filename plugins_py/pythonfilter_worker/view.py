# SPDX-License-Identifier: LGPL-2.1-or-later
"""The samples of the current call as the plugin sees them.

One AudioBuffer lives as long as the plugin leaves it alone, and so does the
array over each place that samples come in. What the plugin kept is found by
reference counts, and its memory is then never used again.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass
from sys import getrefcount
from typing import Any

import numpy as np
import pythonfilter_loader

AudioBuffer: Any = pythonfilter_loader.base_plugin().AudioBuffer

NO_TIME = 2**64 - 1
DISCONT, GAP = 1, 2
PROCESS = 1  # the kind of request
# A plugin whose buffers are of ever other sizes does not fill the memory.
MOST_VIEWS = 64

DTYPES = {
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "S16": np.dtype(np.int16),
    "S32": np.dtype(np.int32),
}


@dataclass
class Format:
    """StreamFormat of bridge.hpp."""

    dtype: Any
    interleaved: bool
    rate: int
    channels: int
    frames: int
    input_caps: str
    output_caps: str
    bytes: bool
    in_place: bool
    output_frame: int
    output_known: bool
    output_dtype: Any
    output_interleaved: bool
    output_channels: int


# The first words of the control page: sequence, kind, notices, slot, offset,
# frames, stride, pts, duration, offset in the stream, flags, curves.
Request = tuple[int, ...]
NO_REQUEST: Request = (0, 0, 0, 0, 0, 0, 0, NO_TIME, NO_TIME, NO_TIME, 0, 0)


def map_region(descriptor: int, size: int, writable: bool) -> mmap.mmap:
    """Takes the descriptor."""
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    # Python keeps a descriptor of its own for each, if nothing says otherwise.
    options: dict[str, Any] = {"trackfd": False} if _CAN_UNTRACK else {}
    try:
        return mmap.mmap(
            descriptor, size, flags=mmap.MAP_SHARED, prot=protection, **options
        )
    finally:
        os.close(descriptor)


def _can_untrack() -> bool:
    try:
        mmap.mmap(-1, 1, trackfd=False).close()  # type: ignore[call-arg]
    except TypeError:  # before Python 3.13
        return False
    return True


_CAN_UNTRACK = _can_untrack()


class Curves:
    """A region with parameters' values for each frame."""

    def __init__(self, memory: mmap.mmap, names: list[str]) -> None:
        self._memory = memory
        self._size = len(memory) // max(1, len(names))
        self._names = names

    def get(self, name: str, frames: int) -> Any:
        if name not in self._names:
            raise KeyError(f"no curve {name}: name it in the class attribute curves")
        at = self._names.index(name) * self._size
        return np.frombuffer(self._memory, np.float32, frames, at).copy()


def _time(word: int) -> int | None:
    return None if word == NO_TIME else word


class StreamInfo:
    """What an AudioBuffer tells of the current buffer; looked up when read."""

    __slots__ = ("request", "marked", "sample_rate", "curves")

    def __init__(self, rate: int) -> None:
        self.request = NO_REQUEST
        self.marked: bool | None = None  # what the plugin made of discont
        self.sample_rate = rate
        self.curves: Curves | None = None  # of the call that runs

    @property
    def discont(self) -> bool:
        marked = self.marked
        return bool(self.request[10] & DISCONT) if marked is None else marked

    @discont.setter
    def discont(self, value: bool) -> None:
        self.marked = value

    @property
    def pts(self) -> int | None:
        return _time(self.request[7])

    @property
    def duration(self) -> int | None:
        return _time(self.request[8])

    @property
    def offset(self) -> int | None:
        return _time(self.request[9])

    @property
    def gap(self) -> bool:
        return bool(self.request[10] & GAP)

    def curve(self, name: str) -> Any:
        if self.curves is None:
            raise RuntimeError(
                "a curve is there during the call only, and for a plugin that "
                "names it in its class attribute curves"
            )
        return self.curves.get(name, self.request[5])


class Slot:
    """A region that samples are in, and the arrays over it."""

    __slots__ = ("memory", "shown")

    def __init__(self, memory: mmap.mmap) -> None:
        self.memory = memory
        self.shown: dict[tuple[int, ...], Shown] = {}


class Shown:
    """One array of a slot. `raw` if the plugin cannot be shown these bytes."""

    __slots__ = ("slot", "array", "raw")

    def __init__(self, slot: Slot, array: Any, raw: Any) -> None:
        self.slot = slot
        self.array = array
        self.raw = raw


class View:
    """The AudioBuffer of a plugin, over the slots."""

    def __init__(self) -> None:
        self.slots: dict[int, Slot] = {}
        # Those that a call can be made with at once, by the words from kind to
        # stride of its request.
        self.known: dict[tuple[int, ...], Shown] = {}
        self.format: Format | None = None
        self.curves: Curves | None = None
        self.read_only = False
        self.info: StreamInfo
        self.buffer: Any = None
        self.shown: Shown
        # Of this call: whether the samples had to be copied, and whether there is
        # nothing to do after it if the plugin leaves everything alone.
        self.shows_copies = False
        self.plain = False

    def open(self, format: Format, read_only: bool) -> None:
        """For buffers of this format from now on."""
        for slot in self.slots.values():
            slot.shown.clear()
        self.known.clear()
        self.format = format
        self.read_only = read_only or not format.in_place
        self._make_buffer()

    def close(self) -> None:
        """Nothing of ours refers to any memory from here on."""
        self.slots.clear()
        self.known.clear()
        self.buffer = self.curves = None
        vars(self).pop("shown", None)

    def add_slot(self, number: int, descriptor: int, size: int, writable: bool) -> None:
        self.slots[number] = Slot(map_region(descriptor, size, writable))
        self.known.clear()

    def forget_slot(self, number: int) -> None:
        self.slots.pop(number, None)
        self.known.clear()

    def _make_buffer(self) -> None:
        assert self.format is not None
        self.info = StreamInfo(self.format.rate)
        self.buffer = object.__new__(AudioBuffer)
        self.buffer._stream = self.info
        self.buffer.data = None

    def _make_shown(self, slot: Slot, offset: int, frames: int, stride: int) -> Shown:
        format = self.format
        assert format is not None
        item = format.dtype.itemsize
        shape: tuple[int, ...] = (format.channels, frames)
        strides: tuple[int, ...] = (stride, item)
        if format.bytes:
            shape, strides = (frames,), (1,)
        elif format.interleaved:
            strides = (item, item * format.channels)
        # Its base is the mapping, which is no array: slices of slices then all
        # refer to this array, where a view of another would hide them.
        raw = None
        array: Any = np.ndarray(shape, format.dtype, slot.memory, offset, strides)
        if not array.flags.aligned or strides[0] % item:
            raw, array = array, np.empty(shape, format.dtype)
        if self.read_only:
            array.flags.writeable = False
        if len(slot.shown) >= MOST_VIEWS:
            slot.shown.clear()
            self.known.clear()
        shown = slot.shown[offset, frames, stride] = Shown(slot, array, raw)
        return shown

    def point_at(self, request: Request) -> None:
        """Shows the plugin these samples, in `buffer`."""
        slot = self.slots[request[3]]
        shown = slot.shown.get(request[4:7])
        if shown is None:
            shown = self._make_shown(slot, *request[4:7])
        self.show(shown)
        if request[11]:
            self.info.curves = self.curves
            self.plain = False
        if shown.raw is None:
            self.known[(PROCESS, 0, *request[3:7])] = shown
            return
        self.shows_copies, self.plain = True, False
        shown.array.flags.writeable = True
        shown.array[...] = shown.raw
        shown.array.flags.writeable = not self.read_only

    def show(self, shown: Shown) -> None:
        """Puts one of the arrays into the buffer."""
        self.shown = shown
        self.shows_copies, self.plain = False, True
        self.buffer.data = shown.array

    # -- what the plugin gave

    def check(self, samples: Any, frames: int) -> None:
        """`frames` below 0 for any number of them."""
        format = self.format
        assert format is not None
        if not isinstance(samples, np.ndarray):
            raise TypeError(
                f"gave {c_name(samples)}, not an array of {format.dtype} with the "
                f"shape ({format.channels}, {frames})"
            )
        if samples.dtype != format.dtype:
            raise TypeError(
                f"gave an array of {samples.dtype}, not {format.dtype}: use "
                f".astype(np.{format.dtype})"
            )
        shape = samples.shape
        right = len(shape) == 2 and shape[0] == format.channels
        if right and (frames < 0 or shape[1] == frames):
            return
        wanted = "frames" if frames < 0 else frames
        raise ValueError(
            f"gave an array of shape {shape}, not ({format.channels}, {wanted})"
        )

    def _take(self, samples: Any) -> None:
        """Copies what the plugin made into the block; overlap is NumPy's to solve."""
        array = self.shown.array
        self.check(samples, array.shape[-1])
        if self.read_only:
            raise ValueError("gave samples although the plugin is read_only")
        np.copyto(array, samples)

    def bound(self) -> Any:
        """What `data` is after the call."""
        try:
            return self.buffer.data
        except AttributeError:
            raise TypeError("deleted buffer.data") from None

    def take_result(self, returned: Any) -> None:
        """An array in place of `data`, or as the result, is the samples."""
        bound = self.bound()
        if bound is not self.shown.array:
            self._take(bound)
        if not (returned is None or returned is self.shown.array or returned is bound):
            self._take(returned)

    # -- what the plugin kept

    def is_untouched(self) -> bool:
        """Whether it kept nothing, rebound nothing and marked nothing.

        AttributeError for a buffer without data.
        """
        shown = self.shown
        return (
            self.buffer.data is shown.array
            and getrefcount(shown.array) == ARRAY
            and getrefcount(self.buffer) == BUFFER
            and getrefcount(shown.slot.memory) - len(shown.slot.shown) == MEMORY
            and self.info.marked is None
        )

    def references(self) -> tuple[int, int, int]:
        """Of the array, the AudioBuffer and the mapping, after a call.

        What this itself adds depends on the version of Python, and is measured.
        """
        shown = self.shown
        return (
            getrefcount(shown.array),
            getrefcount(self.buffer),
            getrefcount(shown.slot.memory) - len(shown.slot.shown),
        )

    def release(self, succeeded: bool) -> bool:
        """After each call; whether the plugin kept something."""
        shown = self.shown
        # A rebound array may be a view of ours: it goes before anything is counted.
        self.buffer.data = shown.array
        self.info.curves = None
        self.info.marked = None
        if self.shows_copies:
            return self._release_copy(succeeded)
        found = self.references()
        return found != UNSHARED and self._leave_to_plugin(found)

    def _leave_to_plugin(self, found: tuple[int, int, int]) -> bool:
        slot = self.shown.slot
        for number in [n for n, each in self.slots.items() if each is slot]:
            del self.slots[number]
        slot.shown.clear()
        self.known.clear()
        self._drop(found[1])
        return True

    def _release_copy(self, succeeded: bool) -> bool:
        shown = self.shown
        if succeeded and not self.read_only:
            shown.raw[...] = shown.array
        found = self.references()
        if found[:2] == UNSHARED[:2]:
            return False
        # Its memory is NumPy's own.
        shown.slot.shown.clear()
        self._drop(found[1])
        return True

    def _drop(self, buffer_count: int) -> None:
        del self.shown
        if buffer_count == UNSHARED[1]:
            self.buffer.data = None
        else:
            self._make_buffer()


def c_name(thing: object) -> str:
    """The name of its type, as C code has it."""
    kind = type(thing)
    written_in_python = kind.__flags__ & 1 << 9
    if written_in_python or kind.__module__ == "builtins":
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


def _count_unshared() -> tuple[int, int, int]:
    """What references() is where nobody kept anything."""
    dtype = DTYPES["F32"]
    view = View()
    view.slots[0] = Slot(mmap.mmap(-1, 4096))
    view.open(
        Format(dtype, True, 1, 2, 4, "", "", False, True, 0, False, dtype, True, 2),
        False,
    )
    view.point_at((0, 0, 0, 0, 0, 4, 0, NO_TIME, NO_TIME, NO_TIME, 0, 0))
    for _ in range(100):  # Python makes other code of it meanwhile
        counts = view.references()
    return counts


UNSHARED = ARRAY, BUFFER, MEMORY = _count_unshared()
