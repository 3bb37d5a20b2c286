# SPDX-License-Identifier: LGPL-2.1-or-later
"""The outputs of a splitter in a trial.

What comes out of one has a row for each channel of each output, one output after
another.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

from ..host.plugin import LoadedPlugin
from ..results import DTYPES
from ..worker.outputs import LINKED, Outputs
from ..worker.ports import DATA, Port
from ..worker.view import Slot

from .feed import ALIGNMENT, USUAL_INPUTS
from .formats import Samples, Setting, decode, encode, nearest


class Outlets(Outputs):
    """A worker's, of which all are linked that nobody says something else of."""

    def __init__(self, loaded: LoadedPlugin, setting: Setting, words: list[int]):
        super().__init__(words, setting.rate)
        self._setting = setting
        self.have(self._declared(loaded))
        self._room = 0  # frames
        self.unlinked: frozenset[str] = frozenset()
        self.rebound = 0
        self.taken: Samples = self._stacked({}, 0)

    def _declared(self, loaded: LoadedPlugin) -> list[Port]:
        assert loaded.ports is not None
        ports = loaded.ports.ports
        names, said = list(ports.names()), list(ports.ports)
        if ports.span:
            least, most = ports.span
            usual = max(least, min(most, USUAL_INPUTS))
            names, said = [str(number) for number in range(usual)], usual * said
        return [self._port(name, each) for name, each in zip(names, said)]

    def _port(self, name: str, port: Any) -> Port:
        setting = self._setting
        format = setting.format if setting.format in port.formats else ""
        dtype = DTYPES[format or (*port.formats, setting.format)[0]]
        return Port(name, dtype, nearest(port.channels, setting.channels), None)

    @property
    def names(self) -> list[str]:
        """Of all outputs."""
        return [each.port.name for each in self.all]

    @property
    def channels(self) -> int:
        """Of all outputs together."""
        return sum(each.port.channels for each in self.all)

    def _stacked(self, given: dict[str, Any], frames: int) -> Samples:
        """Nothing of an output is silence."""
        rows = []
        for each in self.all:
            shape = each.port.channels, frames
            rows.append(np.zeros(shape, self._setting.dtype))
            samples = given.get(each.port.name)
            if samples is None:
                continue
            if samples.dtype != self._setting.dtype:
                samples = encode(decode(samples), self._setting.dtype)
            rows[-1][:, : samples.shape[1]] = samples
        stacked: Samples = np.concatenate(rows)
        return stacked

    def point_at(self, frames: int) -> bool:
        if self.slot is None or frames > self._room:
            self._make_room(frames)
        assert self.slot is not None
        self.slot.memory[:] = bytes(len(self.slot.memory))
        linked = [name not in self.unlinked for name in self.names]
        words: Any = self._words
        words[LINKED] = sum(each << place for place, each in enumerate(linked))
        return super().point_at(frames)

    def _make_room(self, frames: int) -> None:
        """What was there before may be the plugin's."""
        self._room, offsets, end = frames, [], 0
        for each in self.all:
            offsets.append(end)
            size = frames * each.port.channels * each.port.dtype.itemsize
            end += -(-size // ALIGNMENT) * ALIGNMENT
        self.put_in(Slot(mmap.mmap(-1, max(1, end))), offsets)

    def take(self) -> None:
        heard = [
            (each, shown)
            for each, shown in zip(self.all, self.shown)
            if each.info.linked and not self.silent >> each.info.place & 1
        ]
        self.rebound += sum(
            DATA.__get__(each.object, None) is not shown.array for each, shown in heard
        )
        super().take()
        given = {each.port.name: shown.another().copy() for each, shown in heard}
        frames = self.shown[0].frames if self.shown else 0
        self.taken = self._stacked(given, frames)

    def tail(self, drained: Any) -> Samples | None:
        """What drain() gave. Raises TypeError and ValueError, as results.check()."""
        if drained is None:
            return None
        given = dict(self.tails(drained))
        frames = max((each.shape[1] for each in given.values()), default=0)
        return self._stacked(given, frames)
