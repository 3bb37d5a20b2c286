# SPDX-License-Identifier: LGPL-2.1-or-later
"""The inputs of a mixer as its plugin sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import results

from .ports import BASE, Port, Ports
from .view import MixerOutput, time_of

# Words of the control page: a bit for each input, and a word.
FRAMES, DURATION = 5, 8
PRESENT, GAP, LATE, BREAK, FIRST_PTS = 12, 13, 14, 15, 16
_MOST_INPUTS = 64


class InputInfo:
    """What a MixerInput tells of the current block; looked up when read."""

    __slots__ = (
        *("_words", "_place", "_marks", "marked", "sample_rate", "positions"),
        *("_name", "_inputs"),
    )

    def __init__(
        self, words: Sequence[int], marks: list[InputInfo], name: str, inputs: Inputs
    ) -> None:
        self._name = name
        self._inputs: Inputs | None = inputs
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
        self._inputs = None

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

    def curve(self, name: str) -> Any:
        block = self._inputs.block if self._inputs is not None else None
        if block is None or block.curves is None:
            results.no_curve_now()
        return block.curves.get(name, self._words[FRAMES], f"{self._name}::")


class Inputs(Ports):
    block_type = MixerOutput
    mapping_type, port_type = BASE.MixerInputs, BASE.MixerInput
    prefix = "sink_"

    def __init__(self, words: Sequence[int], rate: int) -> None:
        super().__init__(words, rate)
        # What the mapping says of itself; several changes may come before a call.
        self._added: list[str] = []
        self._removed: list[str] = []
        self._told = False  # a call has seen it

    def make_info(self, port: Port) -> InputInfo:
        return InputInfo(self._words, self.marks, port.name, self)

    def change(self, ports: Sequence[Port], defaults: dict[str, Any]) -> None:
        added, removed = self.have(ports)
        for name in added:
            for key, value in defaults.items():
                setattr(self.mapping[name], key, value)
        if self._told:
            self._added, self._removed, self._told = [], [], False
        for name in removed:
            # Of one that came since the last call nobody has heard.
            if name in self._added:
                self._added.remove(name)
            else:
                self._removed.append(name)
        self._added += added
        self._tell()

    def _tell(self) -> None:
        self.mapping.added = tuple(self._added)
        self.mapping.removed = tuple(self._removed)

    def set(self, name: str, key: str, value: Any) -> None:
        """A parameter of one, if it is there."""
        for each in self.all:
            if each.port.name == name:
                setattr(each.object, key, value)

    def point_at(self, frames: int) -> bool:
        if not self._told:
            self._told = True
        elif self._added or self._removed:
            self._added, self._removed = [], []
            self._tell()
        super().point_at(frames)
        return not (self._added or self._removed)
