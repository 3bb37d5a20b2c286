# SPDX-License-Identifier: LGPL-2.1-or-later
"""The outputs of a splitter in a trial.

What comes out of one has a row for each channel of each output, one output after
another.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any

import numpy as np

from .. import loader, results
from ..host.plugin import LoadedPlugin
from ..results import DTYPES, Format

from .feed import USUAL_INPUTS
from .formats import Samples, Setting, decode, encode, nearest

_BASE: Any = loader.base_plugin()


class Outlets:
    """In the place of a mixer's Inputs: what the plugin is given beside its buffer."""

    def __init__(self, loaded: LoadedPlugin, setting: Setting) -> None:
        assert loaded.ports is not None
        ports = loaded.ports.ports
        names = list(ports.names())
        if ports.span:
            least, most = ports.span
            usual = max(least, min(most, USUAL_INPUTS))
            names = [str(number) for number in range(usual)]
        said = dict(zip(names, ports.ports if not ports.span else usual * ports.ports))
        self._setting = setting
        self._formats: dict[str, Format] = {}
        self.mapping = _BASE.SplitterOutputs(
            {name: self._one(name, said[name]) for name in names}
        )
        self._arrays: list[Any] = []
        self.unlinked: frozenset[str] = frozenset()
        self.rebound = 0
        self.taken: Samples = self._stacked({}, 0)

    def _one(self, name: str, port: Any) -> Any:
        setting = self._setting
        format = setting.format if setting.format in port.formats else ""
        dtype = DTYPES[format or (*port.formats, setting.format)[0]]
        channels = nearest(port.channels, setting.channels)
        self._formats[name] = Format(dtype, True, setting.rate, channels, 0)
        made = _BASE.SplitterOutput(channels, 0, setting.rate)
        made.pad_name = "src_" + name
        return made

    @property
    def names(self) -> list[str]:
        """Of all outputs."""
        return list(self._formats)

    @property
    def channels(self) -> int:
        """Of all outputs together."""
        return sum(each.channels for each in self._formats.values())

    def _stacked(self, given: dict[str, Any], frames: int) -> Samples:
        """Nothing of an output is silence."""
        rows = []
        for name, format in self._formats.items():
            rows.append(np.zeros((format.channels, frames), self._setting.dtype))
            samples = given.get(name)
            if samples is None:
                continue
            if samples.dtype != self._setting.dtype:
                samples = encode(decode(samples), self._setting.dtype)
            rows[-1][:, : samples.shape[1]] = samples
        stacked: Samples = np.concatenate(rows)
        return stacked

    def calling(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, after which it is looked what the outputs are."""

        def call(buffer: Any, outputs: Any) -> Any:
            result = method(buffer, outputs)
            self._take()
            return result

        return call

    def _take(self) -> None:
        given, frames = {}, 0
        for (name, each), array in zip(self.mapping.items(), self._arrays):
            frames = array.shape[1]
            if name in self.unlinked or each._stream.is_silent:
                continue
            self.rebound += each.data is not array
            try:
                results.check(each.data, self._formats[name], frames)
            except (TypeError, ValueError) as error:
                raise type(error)(f"output {name}: {error}") from None
            given[name] = each.data.copy()
        self.taken = self._stacked(given, frames)

    def tail(self, drained: Any) -> Samples | None:
        """What drain() gave. Raises TypeError and ValueError, as results.check()."""
        if drained is None:
            return None
        if not isinstance(drained, dict):
            raise TypeError(
                f"gave {results.c_name(drained)}, not a dict with an array of each "
                "output that has something left"
            )
        for name, samples in drained.items():
            if name not in self._formats:
                there = ", ".join(self._formats)
                raise ValueError(f"gave something of {name!r}; the outputs are {there}")
            results.check(samples, self._formats[name], -1)
        frames = max((each.shape[1] for each in drained.values()), default=0)
        return self._stacked(drained, frames)

    # -- as worker.inputs.Inputs

    def point_at(self, frames: int) -> bool:
        self._arrays = []
        for name, each in self.mapping.items():
            format = self._formats[name]
            each.data = np.zeros((format.channels, frames), format.dtype)
            each._stream = _BASE.SplitterOutput(1, 0, self._setting.rate)._stream
            each._stream.linked = name not in self.unlinked
            self._arrays.append(each.data)
        return False

    def hide(self) -> None:
        for each in self.mapping.values():
            each.data = np.zeros((0, 0))

    def is_kept(self) -> bool:
        """Of memory that is the plugin's next time as well, in an element."""
        return self.counts() != [UNSHARED] * len(self._arrays)

    def counts(self) -> list[int]:
        return [getrefcount(each) for each in self._arrays]

    def forget_slot(self) -> None:
        pass

    def close(self) -> None:
        self._arrays = []


def _count_unshared() -> int:
    held = Outlets.__new__(Outlets)
    held._arrays = [np.zeros(1)]
    for _ in range(100):  # Python makes other code of it meanwhile
        (count,) = held.counts()
    return count


UNSHARED = _count_unshared()
