# SPDX-License-Identifier: LGPL-2.1-or-later
"""The inputs of a mixer as its plugin sees them.

bridge/python/input_views.cpp is the same where the plugin is in the elements'
process. All inputs lie in the region of the output, which is mapped a second time
for them: their arrays refuse writes, as their memory does. Between two calls each
has an empty array, since a plugin may keep the objects.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np
from .. import loader, results
from ..results import DTYPES, FORMAT_OF, Format

from . import wire
from .view import ABANDONED, Shown, Slot, time_of

_BASE: Any = loader.base_plugin()
# Whatever a plugin makes of the classes.
_DATA: Any = _BASE.AudioBuffer.__dict__["data"]
_STREAM: Any = _BASE.AudioBuffer.__dict__["_stream"]
_MOST_SIZES = 8  # of blocks

# Words of the control page: a bit for each input, and a word.
DURATION, PRESENT, GAP, LATE, BREAK, FIRST_PTS = 8, 12, 13, 14, 15, 16
_MOST_INPUTS = 64


class Port(NamedTuple):
    """PortFormat of bridge.hpp."""

    name: str
    dtype: Any
    channels: int
    positions: tuple[str, ...] | None

    def told(self) -> tuple[str, str, int]:
        """As LoadedPlugin.change_inputs() takes it."""
        return self.name, FORMAT_OF[self.dtype], self.channels


def read_port(field: bytes) -> Port:
    """As the host says it. Raises ProtocolError."""
    name, dtype, channels, *positions = _texts(field, 3)
    if dtype not in DTYPES:
        raise wire.ProtocolError(f"there is no format {dtype!r}")
    return Port(name, DTYPES[dtype], int(channels), tuple(positions) or None)


def read_positions(field: bytes) -> tuple[str, ...] | None:
    return tuple(_texts(field, 0)) or None


def _texts(field: bytes, least: int) -> list[str]:
    texts = [wire.decode(each) for each in wire.unpack_list(field)]
    if len(texts) < least:
        raise wire.ProtocolError("an input with too little said of it")
    return texts


class InputInfo:
    """What a MixerInput tells of the current block; looked up when read."""

    __slots__ = ("_words", "_place", "_marks", "marked", "sample_rate", "positions")

    def __init__(self, words: Sequence[int], marks: list[InputInfo]) -> None:
        self._words = words  # of the control page, as it is now
        self._place = 0
        self._marks = marks
        self.marked: bool | None = None  # what the plugin made of discont
        self.sample_rate: int | None = None
        self.positions: tuple[str, ...] | None = None

    def put(self, place: int) -> None:
        """It is this one of all inputs."""
        self._place = place

    def freeze(self) -> None:
        """The input is gone, and the plugin may have kept it."""
        self._words = tuple(self._words[: FIRST_PTS + _MOST_INPUTS])

    def _is(self, word: int) -> bool:
        return bool(self._words[word] >> self._place & 1)

    @property
    def present(self) -> bool:
        return self._is(PRESENT)

    @property
    def gap(self) -> bool:
        return self._is(GAP)

    @property
    def late(self) -> bool:
        return self._is(LATE)

    @property
    def discont(self) -> bool:
        return self._is(BREAK) if self.marked is None else self.marked

    @discont.setter
    def discont(self, value: bool) -> None:
        self.marked = value
        self._marks.append(self)

    @property
    def pts(self) -> int | None:
        return time_of(self._words[FIRST_PTS + self._place])

    @property
    def duration(self) -> int | None:
        return time_of(self._words[DURATION])

    offset = None

    def curve(self, _name: str) -> Any:
        results.no_curve_now()


@dataclass(slots=True, eq=False)
class Input:
    """One of them: what the plugin has, and what it is to have between calls."""

    port: Port
    format: Format
    object: Any  # the MixerInput
    info: InputInfo
    empty: Any

    def hide(self) -> None:
        """Nothing of ours leads to the samples from here on."""
        _DATA.__set__(self.object, self.empty)
        _STREAM.__set__(self.object, self.info)


class Inputs:
    """All of them, as a mapping that stays the same object."""

    def __init__(self, words: Sequence[int], rate: int) -> None:
        self._words = words
        self._rate = rate
        self.mapping = _BASE.MixerInputs()
        self.all: list[Input] = []
        # The inputs that say something else of discont than the host does.
        self.marks: list[InputInfo] = []
        self.slot: Slot | None = None
        self._offsets: tuple[int, ...] = ()
        # By the frames of a block, the array of each input.
        self.sizes: dict[int, list[Shown]] = {}
        self.shown: list[Shown] = []
        self._changed = False  # the mapping says which, and the next call sees it
        self._told = False  # it has seen it

    # -- which there are

    def change(self, ports: Sequence[Port], defaults: dict[str, Any]) -> None:
        before = {each.port.name: each for each in self.all}
        self.all = [self._one(before.pop(port.name, None), port) for port in ports]
        self.forget_slot()
        added = []
        for place, each in enumerate(self.all):
            each.info.put(place)
            name = each.port.name
            if name not in self.mapping:
                added.append(name)
                for key, value in defaults.items():
                    setattr(each.object, key, value)
        for gone in before.values():
            gone.info.freeze()
        dict.clear(self.mapping)
        for each in self.all:
            dict.__setitem__(self.mapping, each.port.name, each.object)
        self._tell(added, list(before))

    def _one(self, known: Input | None, port: Port) -> Input:
        if known is not None and known.port == port:
            return known
        info = InputInfo(self._words, self.marks)
        info.sample_rate, info.positions = self._rate, port.positions
        empty = np.empty((port.channels, 0), port.dtype)
        empty.flags.writeable = False
        if known is None:
            made = object.__new__(_BASE.MixerInput)
            made.name, made.pad_name = port.name, "sink_" + port.name
        else:
            made = known.object
        format = Format(port.dtype, True, self._rate, port.channels, 0)
        one = Input(port, format, made, info, empty)
        one.hide()
        return one

    def _tell(self, added: Sequence[str], removed: Sequence[str]) -> None:
        self._changed, self._told = bool(added or removed), False
        self.mapping.added, self.mapping.removed = tuple(added), tuple(removed)

    def set(self, name: str, key: str, value: Any) -> None:
        """A parameter of one, if it is there."""
        for each in self.all:
            if each.port.name == name:
                setattr(each.object, key, value)

    def close(self) -> None:
        """Nothing of ours refers to any memory from here on."""
        self.forget_slot()
        for each in self.all:
            each.info.freeze()
        self.all.clear()

    # -- their samples

    def put_in(self, slot: Slot, offsets: Sequence[int]) -> None:
        """They lie there from now on."""
        if len(offsets) != len(self.all):
            raise wire.ProtocolError(f"{len(offsets)} places of {len(self.all)} inputs")
        self.forget_slot()
        self.slot, self._offsets = slot, tuple(offsets)

    def forget_slot(self) -> None:
        if self.slot is not None:
            self.slot.shown.clear()
        self.slot = None
        self.sizes.clear()
        self.shown = []

    def point_at(self, frames: int) -> bool:
        """Shows these samples. False: the next call is no usual one."""
        if self._changed:
            if self._told:
                self._tell((), ())
            else:
                self._told = True
        if self.slot is None:
            raise KeyError("inputs")
        if frames not in self.sizes:
            if len(self.sizes) >= _MOST_SIZES:
                self.sizes.clear()
                self.slot.shown.clear()
            self.sizes[frames] = [
                self.slot.shown.setdefault(
                    (offset, frames, 0),
                    Shown(self.slot, (offset, frames, 0), each.format, True),
                )
                for each, offset in zip(self.all, self._offsets)
            ]
        self.shown = self.sizes[frames]
        for each, shown in zip(self.all, self.shown):
            _DATA.__set__(each.object, shown.array)
        return not self._changed

    def count(self) -> tuple[list[int], int]:
        """The references to each array, and to the memory beside theirs."""
        assert self.slot is not None
        return (
            [getrefcount(each.array) for each in self.shown],
            getrefcount(self.slot.memory) - len(self.slot.shown),
        )

    def hide(self) -> None:
        """After each call, before it is looked what the plugin kept."""
        for each in self.all:
            each.hide()
        while self.marks:
            self.marks.pop().marked = None

    def is_kept(self) -> bool:
        """Whether the plugin has some of it; what it changed is made anew."""
        slot = self.slot
        if slot is None:
            return False
        arrays, memory = self.count()
        kept = any(count != _UNSHARED for count in arrays)
        for shown in list(self.shown):
            if shown.fields.are_as_made():
                continue
            if not shown.fields.has_memory():
                kept = True
                ABANDONED.append(slot.memory)
            self.sizes.clear()
            shown.forget()
        return kept or memory != _UNSHARED_MEMORY


def _count_unshared() -> tuple[int, int]:
    """What count() says where nobody kept anything."""
    inputs = Inputs((0,) * (FIRST_PTS + 1), 48000)
    inputs.change([Port("", DTYPES["F32"], 2, None)], {})
    inputs.put_in(Slot(mmap.mmap(-1, 4096)), [0])
    inputs.point_at(4)
    for _ in range(100):  # Python makes other code of it meanwhile
        inputs.hide()
        (array,), memory = inputs.count()
    return array, memory


_UNSHARED, _UNSHARED_MEMORY = _count_unshared()
