# SPDX-License-Identifier: LGPL-2.1-or-later
"""The samples of the current call as the plugin sees them.

One AudioBuffer lives as long as the plugin leaves it alone, and so does the
array over each place that samples come in. What the plugin kept is found by
reference counts, and its memory is then never used again. An array that it
changed, its shape for instance, is made anew.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from sys import getrefcount
from typing import Any

import numpy as np
from .. import loader, results
from ..results import DTYPES, NO_TIME, Format

from .fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ports import Ports

try:
    import ctypes
except ImportError:
    ctypes = None  # type: ignore[assignment]

AudioBuffer: Any = loader.base_plugin().AudioBuffer
MixerOutput: Any = loader.base_plugin().MixerOutput
# As it was when no plugin had put anything in its place.
DATA: Any = AudioBuffer.__dict__["data"]

FRAMES, FLAGS = 5, 10  # words of the control page
DISCONT, GAP = 1, 2
FIRST_PLACE = 16  # kinds of request from here on are numbers of places
# A plugin whose buffers are of ever other sizes does not fill the memory.
MOST_VIEWS = 64

# The first words of the control page: sequence, kind, notices, slot, offset,
# frames, stride, pts, duration, offset in the stream, flags, curves.
Request = tuple[int, ...]
REQUEST_WORDS = 12


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


def keep_apart(memory: mmap.mmap) -> None:
    """In a fork: it has a copy, as it has of all other memory of a process.

    What is written there later on would be in a buffer that is somebody else's.
    """
    address, read_only = np.frombuffer(memory, np.uint8).__array_interface__["data"]
    if read_only or ctypes is None:
        return
    copy = bytes(memory)
    place = ctypes.CDLL(None, use_errno=True).mmap
    place.restype = ctypes.c_void_p
    fixed = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
    given = place(
        *(ctypes.c_void_p(address), ctypes.c_size_t(len(copy))),
        *(mmap.PROT_READ | mmap.PROT_WRITE, fixed, -1, ctypes.c_long(0)),
    )
    if given == address:
        ctypes.memmove(address, copy, len(copy))


def _can_untrack() -> bool:
    option: dict[str, Any] = {"trackfd": False}
    try:
        mmap.mmap(-1, 1, **option).close()
    except TypeError:  # before Python 3.13
        return False
    return True


_CAN_UNTRACK = _can_untrack()
_MAP_FIXED = 0x10
ABANDONED: list[mmap.mmap] = []


class Curves:
    """A region with parameters' values for each frame."""

    def __init__(self, memory: mmap.mmap, names: list[str]) -> None:
        self._memory = memory
        self._size = len(memory) // max(1, len(names))
        self._names = names

    def get(self, name: str, frames: int, prefix: str = "") -> Any:
        """`prefix`: of an input's, the name of that and "::"."""
        if prefix + name not in self._names:
            results.no_curve(name)
        at = self._names.index(prefix + name) * self._size
        return np.frombuffer(self._memory, np.float32, frames, at).copy()


def time_of(word: int) -> int | None:
    return None if word == NO_TIME else word


class StreamInfo:
    """What an AudioBuffer tells of the current buffer; looked up when read."""

    __slots__ = ("words", "marked", "sample_rate", "curves", "positions")

    def __init__(self, words: Sequence[int], rate: int) -> None:
        self.positions: tuple[str, ...] | None = None  # of a mixer's output, …
        self.sample_rate: int | None = rate or None  # no raw audio has none
        self.words = words  # of the request, as the control page has it now
        self.marked: bool | None = None  # what the plugin made of discont
        self.curves: Curves | None = None  # of the call that runs

    def freeze(self) -> None:
        """Stays what it is for this buffer: the plugin has kept the AudioBuffer."""
        self.words = tuple(self.words[:REQUEST_WORDS])

    @property
    def discont(self) -> bool:
        marked = self.marked
        return bool(self.words[FLAGS] & DISCONT) if marked is None else marked

    @discont.setter
    def discont(self, value: bool) -> None:
        self.marked = value

    @property
    def pts(self) -> int | None:
        return time_of(self.words[7])

    @property
    def duration(self) -> int | None:
        return time_of(self.words[8])

    @property
    def offset(self) -> int | None:
        return time_of(self.words[9])

    @property
    def gap(self) -> bool:
        return bool(self.words[FLAGS] & GAP)

    def curve(self, name: str) -> Any:
        if self.curves is None:
            results.no_curve_now()
        return self.curves.get(name, self.words[FRAMES])


@dataclass(slots=True, eq=False)
class Slot:
    """A region that samples are in, and the arrays over it."""

    memory: mmap.mmap
    shown: dict[tuple[int, ...], Shown] = field(default_factory=dict)


class Shown:
    """One array of a slot, and what it was when it was made.

    `raw` if the plugin cannot be shown these bytes.
    """

    __slots__ = ("slot", "key", "raw", "array", "fields", "_made_of")

    def __init__(
        self, slot: Slot, key: tuple[int, ...], format: Format, read_only: bool
    ) -> None:
        offset, frames, stride = key
        item = format.dtype.itemsize
        shape: tuple[int, ...] = (format.channels, frames)
        strides: tuple[int, ...] = (stride, item)
        if format.bytes:
            shape, strides = (frames,), (1,)
        elif format.interleaved:
            strides = (item, item * format.channels)
        self.slot = slot
        self.key = key
        self.raw: Any = None
        self._made_of: tuple[Any, ...] = (shape, format.dtype, None, offset, strides)
        # The base of the array is the mapping, which is no array: slices of slices
        # then all refer to this array, where a view of another would hide them.
        self.array = self.another()
        if not self.array.flags.aligned or strides[0] % item:
            self.raw = self.array
            # Nothing that NumPy would resize.
            copy = bytearray(self.raw.nbytes)
            self._made_of = (shape, format.dtype, copy)
            self.array = self.another()
        if read_only:
            self.array.flags.writeable = False
        self.fields = Fields(self.array)

    @property
    def frames(self) -> int:
        return self.key[1]

    def another(self) -> Any:
        """An array over the same memory."""
        shape, dtype, copy, *where = self._made_of
        memory = self.slot.memory if copy is None else copy
        return np.ndarray(shape, dtype, memory, *where)

    def forget(self) -> None:
        """Another one is made when it is wanted again."""
        if self.slot.shown.get(self.key) is self:
            del self.slot.shown[self.key]


class View:
    """The AudioBuffer of a plugin, over the slots."""

    def __init__(self, words: Sequence[int]) -> None:
        self._words = words  # of the control page
        self.slots: dict[int, Slot] = {}
        # Places where nothing but the call itself is to be done, by the number
        # that the host gave them.
        self.known: dict[int, Shown] = {}
        self.format: Format | None = None
        self.curves: Curves | None = None
        self.read_only = False
        self.shorter = False  # what it gives may have fewer frames
        self.missing = 0  # of those, in this call
        self.info = StreamInfo(words, 0)
        self.buffer: Any = None
        self.shown: Shown
        self.shows_copies = False  # the samples had to be copied for this call
        # Of a mixer, whose block is the output, or a splitter, of which it is the
        # input: the rest.
        self.ports: Ports | None = None
        self.type: Any = AudioBuffer
        self.positions: tuple[str, ...] | None = None

    def open(
        self,
        format: Format,
        read_only: bool,
        shorter: bool = False,
        ports: Ports | None = None,
    ) -> None:
        """For buffers of this format from now on."""
        self.shorter = shorter
        if self.ports is not None:
            self.ports.close()
        self.ports = ports
        self.type = AudioBuffer if ports is None else ports.block_type
        self.known.clear()
        for slot in self.slots.values():
            slot.shown.clear()
        self.format = format
        writes_beside = ports is not None and ports.writes
        self.read_only = read_only or not format.in_place or writes_beside
        self._make_buffer()

    def close(self) -> None:
        """Nothing of ours refers to any memory from here on."""
        for number in list(self.slots):
            self.forget_slot(number)
        if self.ports is not None:
            self.ports.close()
        self.known.clear()
        self.info.freeze()
        self.buffer = self.curves = None
        vars(self).pop("shown", None)

    def add_slot(
        self,
        number: int,
        descriptor: int,
        size: int,
        writable: bool,
        ports: Sequence[int] = (),
    ) -> None:
        """`ports`: where they are in it."""
        self.forget_slot(number)
        if self.ports is not None:
            other = map_region(os.dup(descriptor), size, self.ports.writes)
            self.ports.put_in(Slot(other), ports)
            writable = writable and not self.ports.writes
        self.slots[number] = Slot(map_region(descriptor, size, writable))

    def memories(self) -> list[mmap.mmap]:
        """All that the host sees, too."""
        slots = list(self.slots.values())
        if self.ports is not None and self.ports.slot is not None:
            slots.append(self.ports.slot)
        return [slot.memory for slot in slots]

    def forget_slot(self, number: int) -> None:
        self.known.clear()
        slot = self.slots.pop(number, None)
        # Each of them has the slot: a plugin may have switched off who finds that.
        if slot is not None:
            slot.shown.clear()

    def _make_buffer(self) -> None:
        assert self.format is not None
        self.info.freeze()
        self.info = StreamInfo(self._words, self.format.rate)
        self.info.positions = self.positions
        self.buffer = object.__new__(self.type)
        self.buffer._stream = self.info
        if self.ports is not None:
            self.ports.block = self.info
        DATA.__set__(self.buffer, None)

    def _make_shown(self, slot: Slot, key: tuple[int, ...]) -> Shown:
        assert self.format is not None
        if len(slot.shown) >= MOST_VIEWS:
            self.known.clear()
            slot.shown.clear()
        shown = slot.shown[key] = Shown(slot, key, self.format, self.read_only)
        return shown

    def point_at(self, request: Request) -> None:
        """Shows the plugin these samples, in `buffer`."""
        assert self.format is not None
        slot = self.slots[request[3]]
        shown = slot.shown.get(request[4:7])
        if shown is None:
            shown = self._make_shown(slot, request[4:7])
        self.shown = shown
        DATA.__set__(self.buffer, shown.array)
        if request[11]:
            self.info.curves = self.curves
        self.shows_copies = shown.raw is not None
        usual = self.ports is None or self.ports.point_at(request[FRAMES])
        if shown.raw is not None:
            shown.another()[...] = shown.raw
        elif request[1] >= FIRST_PLACE and self.format.in_place and usual:
            if len(self.known) >= MOST_VIEWS:
                self.known.clear()
            self.known[request[1]] = shown

    # -- what the plugin gave

    def _take(self, samples: Any) -> None:
        """Copies what the plugin made into the block; overlap is NumPy's to solve."""
        frames = given = self.shown.frames
        if self.shorter and isinstance(samples, np.ndarray) and samples.ndim == 2:
            given = min(frames, samples.shape[1])
        assert self.format is not None
        results.check(samples, self.format, given)
        if self.read_only:
            results.gave_samples()
        self.missing = frames - given
        # The plugin may have made something else of the one that it was shown.
        np.copyto(self.shown.another()[..., :given], samples)

    def after_call(self) -> None:
        """The AudioBuffer is one again, whatever became of it."""
        if type(self.buffer) is not self.type:
            object.__setattr__(self.buffer, "__class__", self.type)

    def bound(self) -> Any:
        """What `data` is after the call; it is still over the memory it was given."""
        try:
            bound = DATA.__get__(self.buffer)
        except AttributeError:
            results.deleted_data()
        if not self.shown.fields.has_memory():
            results.other_memory()
        return bound

    def take_result(self, returned: Any) -> None:
        """An array in place of `data`, or as the result, is the samples."""
        bound = self.bound()
        if self.ports is not None and self.ports.writes:
            if bound is not self.shown.array or returned is not None:
                results.gave_no_output()
            self.ports.take()
            return
        if bound is not self.shown.array:
            self._take(bound)
        if not (returned is None or returned is self.shown.array or returned is bound):
            self._take(returned)

    # -- what the plugin kept

    def references(self) -> tuple[int, int, int]:
        """The counts of the array, the AudioBuffer and the mapping, after a call.

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
        DATA.__set__(self.buffer, shown.array)
        if self.ports is not None:
            self.ports.hide()
        self.info.curves = None
        self.info.marked = None
        if self.shows_copies and succeeded and not self.read_only:
            shown.raw[...] = shown.another()
        ports_kept = self.ports is not None and self.ports.is_kept()
        found = self.references()
        if not ports_kept and found == UNSHARED and shown.fields.are_as_made():
            return False
        self.known.clear()
        has_memory = shown.fields.has_memory()
        kept = ports_kept or found[:2] != UNSHARED[:2]
        if not self.shows_copies:
            kept = kept or found[2] + (not has_memory) != UNSHARED[2]
        if not kept:
            shown.forget()
        elif self.shows_copies:
            shown.slot.shown.clear()
        else:
            self._leave_to_plugin(shown.slot)
            # What the plugin kept is over memory that its array does not refer to.
            if not has_memory:
                ABANDONED.append(shown.slot.memory)
        self._drop(found[1])
        return kept

    def _leave_to_plugin(self, slot: Slot) -> None:
        for number in [n for n, each in self.slots.items() if each is slot]:
            del self.slots[number]
        slot.shown.clear()
        if self.ports is not None:
            self.ports.forget_slot()

    def _drop(self, buffer_count: int) -> None:
        del self.shown
        if buffer_count == UNSHARED[1]:
            DATA.__set__(self.buffer, None)
        else:
            self._make_buffer()


def _count_unshared() -> tuple[int, int, int]:
    """What references() is where nobody kept anything."""
    view = View((0,) * REQUEST_WORDS)
    view.slots[0] = Slot(mmap.mmap(-1, 4096))
    view.open(Format(DTYPES["F32"], True, 1, 2, 4), False)
    view.point_at((0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0))
    for _ in range(100):  # Python makes other code of it meanwhile
        counts = view.references()
    return counts


UNSHARED = _count_unshared()
