# SPDX-License-Identifier: LGPL-2.1-or-later
"""The outputs of a splitter as its plugin sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from .. import results

from .ports import BASE, DATA, OnePort, Port, Ports
from .view import DISCONT, FLAGS, FRAMES, AudioBuffer, Shown, StreamInfo

# A word of the control page: which of them somebody gets, one bit for each.
LINKED = 12
_NOBODY = 64  # no output has this place


class OutputInfo(StreamInfo):
    """What a SplitterOutput tells of the current block; looked up when read."""

    __slots__ = ("place", "_ports", "_port")

    def __init__(self, words: Sequence[int], ports: Outputs, port: Port) -> None:
        super().__init__(words, 0)
        self.place = 0
        self._ports = ports
        self._port = port

    def put(self, place: int) -> None:
        """It is this one of all outputs."""
        self.place = place

    def freeze(self) -> None:
        """The output is gone, and the plugin may have kept it."""
        self.words = tuple(self.words[: LINKED + 1])
        self.place = _NOBODY

    @property
    def linked(self) -> bool:
        return bool(self.words[LINKED] >> self.place & 1)

    def silent(self) -> None:
        self._ports.silent |= 1 << self.place

    @property
    def discont(self) -> bool:
        marked = self.marked
        return bool(self.words[FLAGS] & DISCONT) if marked is None else marked

    @discont.setter
    def discont(self, value: bool) -> None:
        self.marked = value
        self._ports.marks.append(self)

    def curve(self, name: str) -> Any:
        return self._ports.block.curve(name)

    def new_data(self) -> Any:
        """In the place of memory that somebody gets; it goes after this call."""
        shape = self._port.channels, self.words[FRAMES]
        return np.zeros(shape, self._port.dtype)


class Outputs(Ports):
    block_type = AudioBuffer
    mapping_type, port_type = BASE.SplitterOutputs, BASE.SplitterOutput
    prefix = "src_"
    writes = True
    watched = LINKED

    def make_info(self, port: Port) -> OutputInfo:
        return OutputInfo(self._words, self, port)

    def is_shown(self, each: OnePort) -> bool:
        return bool(each.info.linked)

    def show(self, each: OnePort, shown: Shown) -> None:
        """What nobody gets has no memory before somebody asks for it."""
        if each.info.linked:
            DATA.__set__(each.object, shown.array)
        else:
            DATA.__set__(each.object, None)
            DATA.__delete__(each.object)

    def take(self) -> None:
        """What is bound may be a view of the input, or another's array."""
        for each, shown in zip(self.all, self.shown):
            if not each.info.linked or self.silent >> each.info.place & 1:
                continue
            try:
                bound = DATA.__get__(each.object)
            except AttributeError:
                results.deleted_data()
            if not shown.fields.has_memory():
                results.other_memory()
            if bound is not shown.array:
                results.check_output(each.port.name, bound, each.format, shown.frames)
                np.copyto(shown.another(), bound)

    def said(self) -> tuple[int, int]:
        marked = {each.place for each in self.marks if each.marked}
        linked = self._words[LINKED]
        return self.silent & linked, sum(1 << place for place in marked) & linked

    def tails(self, given: Any) -> list[tuple[str, Any]]:
        """What drain() gave, of each that there is. Raises TypeError, ValueError."""
        if not isinstance(given, dict):
            results.wrong_tails(given, self.mapping)
        formats = {each.port.name: each.format for each in self.all}
        for name, samples in given.items():
            if name in formats:
                results.check_output(name, samples, formats[name], -1)
            elif not results.is_gone(name):
                results.wrong_tails(given, self.mapping)
        return [(name, given[name]) for name in formats if name in given]
