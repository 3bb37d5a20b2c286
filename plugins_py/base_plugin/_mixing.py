# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mix_audio and split_audio get beside a plain AudioBuffer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

from ._buffer import AudioBuffer, _NoStream, _Stream

_Port = TypeVar("_Port", bound="AudioBuffer")


class _InputStream(_Stream, Protocol):
    """What the element knows about one input of the current call."""

    present: bool
    late: bool
    positions: tuple[str, ...] | None


class _OutputStream(_Stream, Protocol):
    """What the element knows about one output of the current call."""

    linked: bool
    positions: tuple[str, ...] | None

    def silent(self) -> None:
        ...


class _NoPort(_NoStream):
    """What is known of an input or output that no element made."""

    present: bool = True
    late: bool = False
    linked: bool = True
    is_silent: bool = False
    positions: tuple[str, ...] | None = None

    def silent(self) -> None:
        self.is_silent = True


class MixerOutput(AudioBuffer):
    """Where ``mix_audio`` writes: ``data`` is the outgoing buffer's own memory.

    Its samples are zeros at first, unless the class says ``output_zero = False``;
    they are then undefined.  ``gap`` says that all inputs are gaps: what is all
    zeros after such a call goes on as one.

    ``MixerOutput(channels, frames, sample_rate=48000)`` makes one for tests.
    """

    __slots__ = ()
    _stream: Any  # an _InputStream, as far as it is asked

    def __init__(
        self, channels: int, frame_count: int, sample_rate: int | None = 48000
    ) -> None:
        super().__init__(channels, frame_count, sample_rate)
        self._stream = _NoPort(sample_rate)

    @property
    def positions(self) -> tuple[str, ...] | None:
        """Where each channel is, as ``("front-left", "front-right")``; ``None``
        where they have no place."""
        found: tuple[str, ...] | None = self._stream.positions
        return found


class MixerInput(AudioBuffer):
    """One input in the current call of ``mix_audio``.

    ``data`` has the input's own ``(channels, frames)`` and format, and as many
    frames as the output.  It refuses writes.  Where the input has nothing it is
    all zeros, so that a sum needs to ask for nothing.  Times are those of the
    input; ``gap`` says that it brought what is known to be silence.

    Each ``InputParam`` of the plugin is an attribute of it: ``voice.gain``.

    ``MixerInput(channels, frames, sample_rate=48000, gain=2.0)`` makes one for
    tests.
    """

    # The element sets the values of InputParams in the instance's __dict__.
    __slots__ = ("name", "pad_name", "__dict__")
    _stream: Any  # an _InputStream

    #: As the mapping has it.
    name: str
    #: The name of its pad, ``sink_voice``.
    pad_name: str

    def __init__(
        self,
        channels: int,
        frame_count: int,
        sample_rate: int | None = 48000,
        **parameters: Any,
    ) -> None:
        super().__init__(channels, frame_count, sample_rate)
        self._stream = _NoPort(sample_rate)
        self.name = self.pad_name = ""
        vars(self).update(parameters)

    # Only asked for what is not there.
    def __getattr__(self, name: str) -> Any:
        there = ", ".join(["data, present, gap, late, discont, pts", *vars(self)])
        raise AttributeError(f"an input has no {name!r}; it has {there}")

    @property
    def present(self) -> bool:
        """Whether it brought any samples of this block, or a gap.

        False before its stream begins and after it ended, and where it is late.
        """
        found: bool = self._stream.present
        return found

    @property
    def late(self) -> bool:
        """True if a live input had not come in time: it is silent in this block,
        and what comes of it later is thrown away."""
        found: bool = self._stream.late
        return found

    @property
    def positions(self) -> tuple[str, ...] | None:
        """As those of the output."""
        found: tuple[str, ...] | None = self._stream.positions
        return found


class SplitterOutput(AudioBuffer):
    """One output in the current call of ``split_audio``.

    ``data``, of its own ``(channels, frames)`` and format and as many frames as
    came in, is the outgoing buffer's memory, and all zeros at first.  What is
    written to an output that is not ``linked`` goes nowhere; it has no memory
    before somebody asks for its ``data``.

    ``SplitterOutput(channels, frames, sample_rate=48000)`` makes one for tests.
    """

    __slots__ = ("name", "pad_name")
    _stream: Any  # an _OutputStream

    #: As the mapping has it.
    name: str
    #: The name of its pad, ``src_vocals``.
    pad_name: str

    def __init__(
        self, channels: int, frame_count: int, sample_rate: int | None = 48000
    ) -> None:
        super().__init__(channels, frame_count, sample_rate)
        self._stream = _NoPort(sample_rate)
        self.name = self.pad_name = ""

    # Only asked for what is not there: an output that nobody gets has no memory
    # before somebody wants it.
    def __getattr__(self, name: str) -> Any:
        if name != "data":
            raise AttributeError(f"an output has no {name}")
        self.data = self._stream.new_data()
        return self.data

    @property
    def linked(self) -> bool:
        """Whether anybody gets it: what nobody does need not be computed."""
        found: bool = self._stream.linked
        return found

    def silent(self) -> None:
        """This block is silence: downstream is told so, and gets no memory.

        What was written to ``data`` before or after it in this call is not used.
        """
        self._stream.silent()

    @property
    def positions(self) -> tuple[str, ...] | None:
        """Where each channel is; ``None`` where they have no place."""
        found: tuple[str, ...] | None = self._stream.positions
        return found


def _refused(ports: Any, *_: object, **__: object) -> NoReturn:
    raise TypeError(f"which {ports._what}s there are is decided by the element")


_refuse: Any = _refused  # in the place of methods of other types


class _Ports(dict[str, _Port]):
    """By their names, in the order of the pads; it is not the plugin's to change."""

    _what = ""

    def __init__(self, ports: Mapping[str, _Port] | Iterable[tuple[str, _Port]] = ()):
        super().__init__(ports)
        for name, each in self.items():
            setattr(each, "name", name)

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(f"there is no {self._what} {name!r}, only {', '.join(self)}")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


class MixerInputs(_Ports[MixerInput]):
    """The inputs of a mixer by name, in the order of its pads.

    The same object in each call, and so is each input as long as its pad is there.
    """

    __slots__ = ("added", "removed")
    _what = "input"

    #: The names of those that came since the last call, and that went.
    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __init__(
        self, ports: Mapping[str, MixerInput] | Iterable[tuple[str, MixerInput]] = ()
    ) -> None:
        super().__init__(ports)
        self.added = self.removed = ()


class SplitterOutputs(_Ports[SplitterOutput]):
    """The outputs of a splitter by name, in the order of its pads."""

    __slots__ = ()
    _what = "output"
