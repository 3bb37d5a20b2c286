# SPDX-License-Identifier: LGPL-2.1-or-later
"""The inputs of a mixer, or outputs of a splitter, as its plugin sees them.

bridge/python/port_views.hpp is the same where the plugin is in the elements'
process. All ports lie in the region of the block, which is mapped a second time
for them: what a plugin only reads refuses writes, as its memory does. Between two
calls each has an empty array, since a plugin may keep the objects.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np
from .. import loader
from ..results import DTYPES, FORMAT_OF, Format

from . import wire
from .view import ABANDONED, Shown, Slot

BASE: Any = loader.base_plugin()
# Whatever a plugin makes of the classes.
DATA: Any = BASE.AudioBuffer.__dict__["data"]
_STREAM: Any = BASE.AudioBuffer.__dict__["_stream"]
_MOST_SIZES = 8  # of blocks
_SLOT = 3  # a word of the control page


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
        raise wire.ProtocolError("a port with too little said of it")
    return texts


@dataclass(slots=True, eq=False)
class OnePort:
    """What the plugin has, and what it is to have between calls."""

    port: Port
    format: Format
    object: Any  # a MixerInput or SplitterOutput
    info: Any
    empty: Any

    def hide(self) -> None:
        """Nothing of ours leads to the samples from here on."""
        DATA.__set__(self.object, self.empty)
        _STREAM.__set__(self.object, self.info)


class Ports:
    """All of them, as a mapping that stays the same object."""

    block_type: Any  # of the object that has the block
    mapping_type: Any
    port_type: Any
    prefix: str  # of the names of pads
    writes = False  # the plugin does, to each port
    # A word of the control page. A call is a usual one only as long as it is the
    # same; that of the slot always is.
    watched = _SLOT

    def __init__(self, words: Sequence[int], rate: int) -> None:
        self._words = words
        self._rate = rate
        self.mapping = self.mapping_type()
        self.all: list[OnePort] = []
        # Those that are not as the host says they are, in this call.
        self.marks: list[Any] = []
        self.slot: Slot | None = None
        self._offsets: tuple[int, ...] = ()
        # By the frames of a block, the array of each port.
        self.sizes: dict[int, list[Shown]] = {}
        self.shown: list[Shown] = []
        self.silent = 0  # a bit for each, in this call
        self.block: Any = None  # what is known of the block: a StreamInfo

    # -- which there are

    def make_info(self, port: Port) -> Any:
        raise NotImplementedError

    def have(self, ports: Sequence[Port]) -> tuple[list[str], list[str]]:
        """There are these from now on; the names of those that came, and went."""
        before = {each.port.name: each for each in self.all}
        self.all = [self._one(before.pop(port.name, None), port) for port in ports]
        self.forget_slot()
        for place, each in enumerate(self.all):
            each.info.put(place)
        for gone in before.values():
            gone.info.freeze()
        names = [each.port.name for each in self.all]
        added = [name for name in names if name not in self.mapping]
        dict.clear(self.mapping)
        for each in self.all:
            dict.__setitem__(self.mapping, each.port.name, each.object)
        return added, list(before)

    def _one(self, known: OnePort | None, port: Port) -> OnePort:
        if known is not None and known.port == port:
            return known
        info = self.make_info(port)
        info.sample_rate, info.positions = self._rate, port.positions
        empty = np.empty((port.channels, 0), port.dtype)
        empty.flags.writeable = self.writes
        if known is None:
            made = object.__new__(self.port_type)
            made.name, made.pad_name = port.name, self.prefix + port.name
        else:
            made = known.object
        format = Format(port.dtype, True, self._rate, port.channels, 0)
        one = OnePort(port, format, made, info, empty)
        one.hide()
        return one

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
            raise wire.ProtocolError(f"{len(offsets)} places of {len(self.all)} ports")
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
        if self.slot is None:
            raise KeyError("ports")
        if frames not in self.sizes:
            if len(self.sizes) >= _MOST_SIZES:
                self.sizes.clear()
                self.slot.shown.clear()
            self.sizes[frames] = [
                self.slot.shown.setdefault(
                    (offset, frames, 0),
                    Shown(self.slot, (offset, frames, 0), each.format, not self.writes),
                )
                for each, offset in zip(self.all, self._offsets)
            ]
        self.shown = self.sizes[frames]
        for each, shown in zip(self.all, self.shown):
            self.show(each, shown)
        return True

    def is_shown(self, each: OnePort) -> bool:
        """In the call that comes."""
        return True

    def show(self, each: OnePort, shown: Shown) -> None:
        DATA.__set__(each.object, shown.array)

    def take(self) -> None:
        """After a call that succeeded: what the plugin has bound to them."""

    def said(self) -> tuple[int, int]:
        """A bit for each that is silent, or does not continue what came out before."""
        return 0, 0

    def count_objects(self) -> list[int]:
        """The references to each object that the plugin gets."""
        counts = [getrefcount(self.mapping)]
        for each in self.all:
            counts.append(getrefcount(each.object))
        return counts

    def are_ours(self) -> bool:
        """Whether nobody else has any of these objects."""
        mapping, *objects = self.count_objects()
        return mapping == _OWN_MAPPING and all(each == _OWN for each in objects)

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
        self.silent = 0

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


class _Any(Ports):
    """To be counted, and nothing else."""

    mapping_type, port_type, prefix = dict, BASE.SplitterOutput, ""

    def make_info(self, port: Port) -> Any:
        return _AnyInfo()


class _AnyInfo:
    def put(self, place: int) -> None:
        pass


def _count_unshared() -> tuple[int, ...]:
    """What count() and count_objects() say where nobody kept anything."""
    ports = _Any((), 48000)
    ports.have([Port("", DTYPES["F32"], 2, None)])
    ports.put_in(Slot(mmap.mmap(-1, 4096)), [0])
    ports.point_at(4)
    for _ in range(100):  # Python makes other code of it meanwhile
        ports.hide()
        (array,), memory = ports.count()
        mapping = ports.mapping  # so has who calls the plugin
        counted = ports.count_objects()
        del mapping
    return array, memory, *counted


_UNSHARED, _UNSHARED_MEMORY, _OWN_MAPPING, _OWN = _count_unshared()
