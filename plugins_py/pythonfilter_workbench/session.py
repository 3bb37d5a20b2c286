# SPDX-License-Identifier: LGPL-2.1-or-later
"""One plugin instance, called as the elements call it."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import pythonfilter_host as host
import pythonfilter_loader as loader

from .converting import Converter
from .formats import Samples, Setting, make_view

POLL_SECONDS = 0.001
HERE = os.path.dirname(os.path.abspath(__file__))


class Fault(Exception):
    """What a plugin did wrong, and where.

    ``phase`` is the call in which it did it: "load", "start", "process" (the
    audio method), "drain" …
    """

    def __init__(self, phase: str, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.phase = phase
        self.message = message
        self.file = file
        self.line = line


class Ended(Exception):
    """The source has no more to read."""


class Declined(Exception):
    """The block was given up with DropBuffer, which is no failure."""


@dataclass
class Patience:
    """A source may have nothing yet, and a sink no space; not for ever.

    Once was enough: it has much less of it afterwards.
    """

    seconds: float = 1.0

    def lose(self) -> float:
        """How long it was."""
        lost, self.seconds = self.seconds, min(self.seconds, 0.02)
        return lost


@dataclass(frozen=True)
class Target:
    """Which plugin, and what every instance of it is told at first."""

    kind: str
    script: str
    class_name: str = ""
    venv: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    caps: str = ""  # of encoded input
    patience: Patience = field(default_factory=Patience, compare=False)


@dataclass
class StreamInfo:
    """What AudioBuffer tells of the current block; times in ns."""

    sample_rate: int
    pts: int | None = 0
    duration: int | None = 0
    offset: int | None = 0
    discont: bool = True
    gap: bool = False
    frames: int | None = None  # of the call that runs
    curves: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def curve(self, name: str) -> Samples:
        """As nothing is bound to the parameter, its own value at each frame."""
        if self.frames is None or not self.curves:
            raise RuntimeError(
                "a curve is there during the call only, and for a plugin that "
                "names it in its class attribute curves"
            )
        if name not in self.curves:
            raise KeyError(f"no curve {name}: name it in the class attribute curves")
        return np.full(self.frames, self.curves[name](), np.float32)


@dataclass
class Counts:
    """What happened in a session's calls of the audio method."""

    calls: int = 0
    kept: int = 0
    rebound: int = 0
    dropped: int = 0
    ended: bool = False


@contextmanager
def told(phase: str) -> Iterator[None]:
    """Makes every exception of the plugin a Fault; Ctrl-C stays what it is."""
    try:
        yield
    except (Fault, Ended, Declined, KeyboardInterrupt):
        raise
    except BaseException as error:
        kind, name, message, file, line, function, _ = host.describe_exception(error)
        if kind == "end-of-stream" and phase == "process":
            raise Ended from None
        if kind == "dropped" and phase == "process":
            raise Declined from None
        if not isinstance(error, host.PluginError):
            where = f"{function}() " if function and function[0] != "<" else ""
            message = f"{where}raised {name}: {message}".rstrip(": ")
        if os.path.dirname(file) == HERE:  # we noticed it, the plugin did it
            file, line = "", 0
        raise Fault(phase, message, file, line) from None


def _refused(answer: object) -> bool:
    """False and numpy.False_, as the elements see it."""
    return answer is False or (isinstance(answer, np.bool_) and not answer)


def _let_go(name: str, fields: object) -> None:
    """A message: kept in `posted`, it would count as the plugin's memory."""


@dataclass
class Session:
    """A plugin from load to shutdown; use it in a ``with``.

    Raises Fault for everything that would be a failure in an element.
    """

    target: Target
    counts: Counts = field(default_factory=Counts)

    def load(self) -> host.Host:
        """The instance as it is made; nothing is called yet."""
        of = self.target
        with told("load"):
            return host.load(of.kind, of.script, "", of.class_name, of.venv, _let_go)

    def __enter__(self) -> Session:
        self.host = self.load()
        try:
            for key, value in self.target.parameters:
                with told("set_parameter"):
                    self.host.preset(key, value)
            with told("initialize"):
                self.host.initialize()
            for key, value in self.target.parameters:
                self.set_parameter(key, value)
        except BaseException:
            self.host.unload()
            raise
        self.converter = (
            Converter(self.host, self.target.caps) if self.host.converts else None
        )
        self._running = False
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Never hides what went wrong before."""
        try:
            try:
                self.stop()
            finally:
                with told("shutdown"):
                    self.host.shutdown()
        except Fault:
            if error is None:
                raise
        finally:
            self.host.unload()

    # -- the calls between buffers

    def set_parameter(self, key: str, value: str) -> str | None:
        """What the plugin then says it has, if it says anything."""
        with told("set_parameter"):
            return self.host.set_parameter(key, value)

    def start(self, setting: Setting, frames: int) -> None:
        """The stream's format; ``frames`` is the block size to expect."""
        self.setting = setting
        self._info = StreamInfo(setting.rate, curves=self._curves())
        self._position = 0
        self._view: Samples | None = None
        self._make_buffer()
        rate, caps = setting.rate, (setting.caps, setting.caps)
        if self.converter:
            with told("set_caps"):
                self.converter.negotiate(setting)
            caps = self.converter.input_caps, self.converter.output_caps
            rate = rate if self.converter.raw_input else 0
        self._running = True
        with told("start"):
            self.host.start(rate, setting.channels, frames, *caps)

    @property
    def output(self) -> Setting | None:
        """What comes out; None: bytes that only the plugin understands."""
        return self.converter.output if self.converter else self.setting

    def _curves(self) -> dict[str, Callable[[], Any]]:
        plugin = self.host.plugin
        names = [each[0] for each in self.host.parameters if each[-1]]
        return {name: functools.partial(getattr, plugin, name) for name in names}

    def stop(self) -> None:
        """Once after each start that was entered."""
        if self._running:
            self._running = False
            with told("stop"):
                self.host.stop()

    def reset(self) -> None:
        """The next block does not continue the last one."""
        with told("reset"):
            self.host.reset()
        self._info.discont = True

    def drain(self) -> Samples | bytes | None:
        """What was still held back: (channels, frames), or bytes."""
        with told("drain"):
            tail = self.host.drain()
        if tail is None:
            return None
        try:
            if self.converter:
                return self.converter.take(tail, None)
            self._check(tail, -1)
        except (TypeError, ValueError) as error:
            raise Fault("drain", f"drain() {error}", *self.place("drain")) from None
        assert isinstance(tail, np.ndarray)
        return tail

    def latency(self) -> float:
        """In seconds; 0.0 if the plugin does not say."""
        if not self.host.has_latency:
            return 0.0
        with told("get_processing_latency"):
            return self.host.latency()

    def place(self, method: str = "") -> tuple[str, int]:
        """File and line of a method, without a name of the audio method."""
        of = getattr(self.host.plugin, method, None) if method else self.host.audio
        file, line, _ = self.host.place_of(of)
        return file, line

    # -- one buffer

    def process(self, samples: Samples) -> Samples | bytes:
        """One call of the audio method with a copy of the samples.

        Returns what is then in the buffer, a copy of shape (channels, frames),
        or the bytes of a converting plugin.  A sink that cannot take all at
        once is given the rest in further calls.  Raises Ended or Declined.
        """
        done, frames = 0, samples.shape[1]
        taken: list[Samples | bytes] = []
        while done < frames or not taken:
            count = min(frames - done, self._space(frames))
            taken.append(self._patiently(samples[:, done : done + count]))
            done += count
        return taken[0] if len(taken) == 1 else np.concatenate(taken, axis=1)

    def _space(self, frames: int) -> int:
        if self.target.kind != "sink" or not self.host.has_space:
            return frames
        patience = self.target.patience
        end = time.monotonic() + patience.seconds
        while True:
            with told("get_available_space"):
                space = self.host.available_space()
            if space > 0:
                return space
            if time.monotonic() > end:
                raise Fault(
                    "get_available_space",
                    f"has had no space for {patience.lose():g} s",
                    *self.place("get_available_space"),
                )
            time.sleep(POLL_SECONDS)

    def _patiently(self, samples: Samples) -> Samples | bytes:
        patience = self.target.patience
        end = time.monotonic() + patience.seconds
        while True:
            taken = self._once(samples)
            if taken is not None:
                return taken
            if time.monotonic() > end:
                with told("process"):
                    self.host.complain(
                        "refused", "", f"returned False for {patience.lose():g} s"
                    )
            time.sleep(POLL_SECONDS)

    def _once(self, samples: Samples) -> Samples | bytes | None:
        """None: the plugin said not now."""
        self.show(samples)
        if self.converter:
            return self._convert()
        before = self._references()
        answer = self._call()
        self.counts.calls += 1
        if _refused(answer):
            if self.target.kind != "processor":
                return None
            with told("process"):
                self.host.complain("refused", "", "returned False")
        self._take(answer)
        del answer
        assert self._view is not None
        out = self._view.copy()
        self.buffer.data = self._view
        self._leave_what_was_kept(before)
        return out

    def _call(self) -> Any:
        try:
            with told("process"):
                return self.host.audio(self.buffer)
        finally:
            self._info.frames = None

    def _leave_what_was_kept(self, before: tuple[int, int, int]) -> None:
        """Memory that the plugin kept is the plugin's, as in the elements."""
        if self._references() != before:
            self.counts.kept += 1
            self._view = None
            self._make_buffer()

    def _convert(self) -> Samples | bytes:
        assert self.converter
        shown = self.converter.show(self.buffer)
        before = sys.getrefcount(shown)
        self.counts.calls += 1
        try:
            answer = self._call()
        except Declined:
            self.counts.dropped += 1
            raise
        if _refused(answer):
            with told("process"):
                self.host.complain("refused", "", "returned False")
        bound = self.buffer.data
        result = bound if answer is None or answer is True else answer
        try:
            taken = self.converter.take(result, shown)
        except (TypeError, ValueError) as error:
            self._complain(error)
        self.buffer.data = shown
        del answer, bound, result
        if sys.getrefcount(shown) != before:
            self.counts.kept += 1
        return taken

    def metered(self, samples: Samples, meter: Callable[[], int]) -> int:
        """What the meter gains in one call, whose result is not looked at."""
        self._space(samples.shape[1])
        self.show(samples)
        if self.converter:
            self.converter.show(self.buffer)
        before = self._references()
        audio, begin, end = self.host.audio, 0, 0
        try:
            with told("process"):
                begin = meter()
                audio(self.buffer)
                end = meter()
        except Declined:
            end = meter()
        if not self.converter:
            self.buffer.data = self._view
            self._leave_what_was_kept(before)
        return end - begin

    def show(self, samples: Samples) -> None:
        """Puts a copy of the samples in the AudioBuffer.

        It and its array stay the same objects from call to call, as long as
        the plugin leaves them and the number of frames stays the same.
        """
        frames = samples.shape[1]
        if self._view is None or self._view.shape[1] != frames:
            self._view = make_view(self.setting, frames)
        self._view.flags.writeable = True
        self._view[:] = samples
        if self.host.read_only:
            self._view.flags.writeable = False
        self.buffer.data = self._view
        info, rate = self._info, self.setting.rate
        info.frames = frames
        info.offset = self._position
        info.pts = self._position * 10**9 // rate
        info.duration = (self._position + frames) * 10**9 // rate - info.pts
        info.discont = self._position == 0
        self._position += frames

    def _make_buffer(self) -> None:
        base = loader.base_plugin()
        self.buffer = base.AudioBuffer(self.setting.channels, 0)
        self.buffer._stream = self._info

    def _references(self) -> tuple[int, int, int]:
        """Counts that are the same before and after if nothing was kept."""
        assert self._view is not None
        return (
            sys.getrefcount(self.buffer),
            sys.getrefcount(self._view),
            sys.getrefcount(self._view.base),
        )

    def _take(self, answer: Any) -> None:
        """Copies in what the plugin bound or returned instead of working in place."""
        view = self._view
        assert view is not None
        try:
            if not hasattr(self.buffer, "data"):
                self.buffer.data = view
                raise TypeError("deleted buffer.data")
            results = [self.buffer.data]
            if not (answer is None or isinstance(answer, (bool, np.bool_))):
                results.append(answer)
            others = [result for result in results if result is not view]
            for result in others:
                self._check(result, view.shape[1])
                if self.host.read_only:
                    raise ValueError("gave samples although the plugin is read_only")
                view[:] = result
            self.counts.rebound += bool(others)
        except (TypeError, ValueError) as error:
            self._complain(error)

    def _check(self, array: object, frames: int) -> None:
        want = self.setting.dtype
        channels = self.setting.channels
        shape = (channels, frames if frames >= 0 else "frames")
        wanted = f"({shape[0]}, {shape[1]})"
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"gave {type(array).__name__}, not an array of {want} with the "
                f"shape {wanted}"
            )
        if array.dtype != want:
            raise TypeError(
                f"gave an array of {array.dtype}, not {want}: use .astype(np.{want})"
            )
        fits = array.ndim == 2 and array.shape[0] == channels
        if not fits or frames not in (-1, array.shape[1]):
            raise ValueError(f"gave an array of shape {array.shape}, not {wanted}")

    def _complain(self, error: Exception) -> None:
        """Names the plugin's method as the place, instead of ours."""
        with told("process"):
            self.host.complain("bad-result", type(error).__name__, str(error))
