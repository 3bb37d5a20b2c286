# SPDX-License-Identifier: LGPL-2.1-or-later
"""The inputs of a mixer in a trial: which there are, and what each brings.

What is played to a mixer has a row for each channel of each input, one input
after another.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import ports
from ..host.plugin import LoadedPlugin
from ..results import DTYPES, NO_TIME
from ..worker.inputs import BREAK, FIRST_PTS, GAP, LATE, PRESENT, Inputs
from ..worker.ports import Port
from ..worker.view import Slot

from .formats import Ranges, Samples, Setting, decode, encode, nearest

# How an input may be in a block; "absent" is before its stream and after it.
STATES = ("present", "gap", "late", "absent")
# Of a mixer that takes any number of inputs.
USUAL_INPUTS = 3
WORDS = FIRST_PTS + 64
ALIGNMENT = 64  # of each input's samples


@dataclass(frozen=True)
class Declared:
    """What a mixer says of its inputs, and its class of all of them."""

    declared: ports.Declared
    formats: tuple[str, ...]
    channels: Ranges

    @staticmethod
    def by(loaded: LoadedPlugin) -> Declared | None:
        """None: it is no mixer."""
        if loaded.kind != "mixer":
            return None
        assert loaded.ports is not None
        return Declared(loaded.ports, tuple(loaded.formats), loaded.channels)

    @property
    def output(self) -> tuple[tuple[str, ...], Ranges]:
        """What comes out: as the input that it is like, or as the class says."""
        for each in self.declared.ports.ports:
            if each.name == self.declared.output_like:
                return each.formats or self.formats, each.channels or self.channels
        return self.formats, self.channels

    @property
    def span(self) -> tuple[int, int] | None:
        """The least and the most number of inputs, if they come and go."""
        return self.declared.ports.span

    @property
    def count(self) -> int:
        """How many inputs there are, if nothing else is tried."""
        if not self.span:
            return len(self.declared.ports.ports)
        low, high = self.span
        return max(low, min(high, USUAL_INPUTS))

    def said(self, name: str) -> tuple[tuple[str, ...], Ranges]:
        """What an input may be."""
        for each in self.declared.ports.ports:
            if each.name in (name, ports.ANY_NAME):
                return each.formats or self.formats, each.channels or self.channels
        return self.formats, self.channels

    @property
    def names(self) -> list[str]:
        """Those that there are, if nothing else is tried."""
        return list(self.declared.ports.names()) or self._numbers(self.count)

    @staticmethod
    def _numbers(count: int) -> list[str]:
        return [str(number) for number in range(count)]

    def inputs(self, setting: Setting, count: int = 0) -> list[Port]:
        """As near to the setting as they may be; ``count``: of those that come."""
        names = self._numbers(count) if count else self.names
        return [self._input(name, setting) for name in names]

    def _input(self, name: str, setting: Setting) -> Port:
        formats, channels = self.said(name)
        format = setting.format if setting.format in formats else formats[0]
        count = nearest(channels, setting.channels)
        return Port(name, DTYPES[format], count, None)


class Feed:
    """What the inputs of one started trial bring."""

    def __init__(self, words: list[int], rate: int) -> None:
        self._words = words
        self.inputs = Inputs(words, rate)
        self.states: dict[str, str] = {}  # of those that are not present
        self._room = 0  # frames
        self._offsets: list[int] = []

    def change(self, inputs: list[Port], defaults: dict[str, Any]) -> None:
        """There are these from the next block on."""
        self.inputs.change(inputs, defaults)
        self._room = 0

    def show(self, samples: Samples, first: bool) -> None:
        """Puts a row of samples for each channel where the plugin finds it."""
        frames, words = samples.shape[1], self._words
        if self.inputs.slot is None or frames > self._room:
            self._make_room(frames)
        slot = self.inputs.slot
        assert slot is not None
        for word in (PRESENT, GAP, LATE, BREAK):
            words[word] = 0
        row = 0
        for place, each in enumerate(self.inputs.all):
            port = each.port
            rows = np.arange(row, row + port.channels) % len(samples)
            row += port.channels
            state, bit = self.states.get(port.name, "present"), 1 << place
            brings = samples[rows] if state == "present" else 0 * samples[rows]
            if brings.dtype != port.dtype:
                brings = encode(decode(brings), port.dtype)
            data = np.ascontiguousarray(brings.T).tobytes()
            at = self._offsets[place]
            slot.memory[at : at + len(data)] = data
            words[PRESENT] |= bit if state in ("present", "gap") else 0
            words[GAP] |= bit if state == "gap" else 0
            words[LATE] |= bit if state == "late" else 0
            words[BREAK] |= bit if first else 0
            words[FIRST_PTS + place] = words[7] if state == "present" else NO_TIME

    @property
    def are_gaps(self) -> bool:
        """Whether nothing comes of any input."""
        return all(each.port.name in self.states for each in self.inputs.all)

    def _make_room(self, frames: int) -> None:
        """What was there before may be the plugin's."""
        self._room, self._offsets, end = frames, [], 0
        for each in self.inputs.all:
            self._offsets.append(end)
            size = frames * each.port.channels * each.port.dtype.itemsize
            end += -(-size // ALIGNMENT) * ALIGNMENT
        self.inputs.put_in(Slot(mmap.mmap(-1, max(1, end))), self._offsets)
