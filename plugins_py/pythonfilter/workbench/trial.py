# SPDX-License-Identifier: LGPL-2.1-or-later
"""One plugin instance, called as the elements call it."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any, cast

import numpy as np

from .. import results
from ..host.plugin import LoadedPlugin, PluginError, describe_exception, load
from ..worker import audio_call
from ..worker.audio_call import AudioCall
from ..worker.events import Outbox
from ..worker.failure import Failure
from ..worker.ports import Port, Ports
from ..worker.running import Running
from ..worker.view import REQUEST_WORDS, Slot, View

from .converting import Agreed, agree, joined
from .feed import WORDS, Declared, Feed
from .split import Outlets
from .formats import INTERLEAVED, Samples, Setting, encode, from_bytes, memory_of

POLL_SECONDS = 0.001
OF_INPUT = "::"
HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass(eq=False)
class Fault(Exception):
    """What a plugin did wrong, and where.

    ``phase`` is the call in which it did it: "load", "start", "process" (the
    audio method), "drain" …
    """

    phase: str
    message: str
    file: str = ""
    line: int = 0


class Ended(Exception):
    """The plugin ended the stream, or a source has no more to read."""


class Declined(Exception):
    """The block was given up with DropBuffer, which is no failure."""


@dataclass
class Retry:
    """For how long a source may have nothing yet, and a sink no space.

    Where that was not enough once, it is tried for much less afterwards.
    """

    seconds: float = 1.0

    def rounds(self) -> Iterator[None]:
        """One round after the other, until the time is over."""
        end = time.monotonic() + self.seconds
        while True:
            yield
            if time.monotonic() > end:
                return
            time.sleep(POLL_SECONDS)

    def lose(self) -> float:
        """For how long it was."""
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
    retry: Retry = field(default_factory=Retry, compare=False)


@dataclass
class Curves:
    """Curves of parameters that nothing is bound to: one value for all frames."""

    _plugin: Any
    _names: list[str]
    inputs: Any = None  # of a mixer, by their names

    def get(self, name: str, frames: int, prefix: str = "") -> Samples:
        """A new array of shape (frames,); as a worker's Curves.get()."""
        if name not in self._names:
            results.no_curve(name)
        of = self.inputs[prefix.removesuffix(OF_INPUT)] if prefix else self._plugin
        return np.full(frames, getattr(of, name), np.float32)


class CountingView(View):
    """A worker's, which also counts the arrays that were rebound or returned."""

    rebound = 0

    def _take(self, samples: Any) -> None:
        self.rebound += 1
        super()._take(samples)


@dataclass
class Counts:
    """What happened in a trial's calls of the audio method."""

    calls: int = 0
    kept: int = 0
    rebound: int = 0
    dropped: int = 0


@contextmanager
def told(phase: str) -> Iterator[None]:
    """Makes every exception of the plugin a Fault; Ctrl-C stays what it is."""
    try:
        yield
    except (Fault, Ended, Declined, KeyboardInterrupt):
        raise
    except BaseException as error:
        _, name, message, file, line, function, _ = describe_exception(error)
        if not isinstance(error, PluginError):
            message = _sentence(phase, name, message, function)
        if os.path.dirname(file) == HERE:  # we noticed it, the plugin did it
            file, line = "", 0
        raise Fault(phase, message, file, line) from None


def _sentence(phase: str, name: str, message: str, function: str) -> str:
    """What was raised, in the words of the elements."""
    if phase == "load":
        begin = "cannot be loaded:"
    elif phase == "start" and function.startswith("set"):
        begin = f"{function}() raised"
    else:
        begin = f"{phase}() raised"
    return f"{begin} {name}: {message}".rstrip(": ")


def _fault(failure: Failure | None) -> Fault:
    """A failure of the audio method, in the words of the elements."""
    assert failure is not None
    message = failure.message
    if failure.type and failure.kind == "raised":
        message = _sentence(failure.phase, failure.type, message, "")
    return Fault("process", message, failure.file, failure.line)


def _let_go(name: str, fields: object) -> None:
    """A message: kept in `posted`, it would count as the plugin's memory."""


# Which words of a request to a worker are what.
SLOT, FRAMES, STRIDE, PTS, DURATION, OFFSET, FLAGS, CURVES = 3, 5, 6, 7, 8, 9, 10, 11
DISCONT, IS_GAP = 1, 2
# What a source finds in its buffer, and a mixer that does not want zeros; by
# turns, so that nobody guesses both.
GARBAGE = (-0.7131, 0.4517)
_garbage = cycle(GARBAGE)


@dataclass
class Trial:
    """A plugin from load to shutdown; use it in a ``with``.

    Raises Fault for everything that would be a failure in an element.
    """

    target: Target
    counts: Counts = field(default_factory=Counts)
    ended: bool = False  # the plugin ended the stream: nothing more comes
    prepare: Callable[[LoadedPlugin], None] = lambda loaded: None  # once loaded
    _running: Running = field(default_factory=Running)

    def _ask(self, phase: str, method: Callable[..., Any], *arguments: Any) -> Any:
        """With what the plugin has set for its thread, which nobody else has."""
        with told(phase):
            return self._running.surroundings.on_this_thread(method, *arguments)

    def load(self) -> LoadedPlugin:
        """The instance as it is made; nothing is called yet."""
        of = self.target
        names = of.kind, of.script, "", of.class_name, of.venv
        loaded: LoadedPlugin = self._ask("load", load, *names, _let_go)
        return loaded

    def __enter__(self) -> Trial:
        self.loaded = self.load()
        try:
            self._ask("load", self.prepare, self.loaded)
            own = [pair for pair in self.target.parameters if not OF_INPUT in pair[0]]
            for key, value in own:
                self._ask("set_parameter", self.loaded.preset, key, value)
            self._ask("initialize", self.loaded.initialize)
            for key, value in own:
                self.set_parameter(key, value)
        except BaseException:
            self.loaded.unload()
            raise
        self._started = False
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Never hides what went wrong before."""
        try:
            try:
                self.stop()
            finally:
                self._ask("shutdown", self.loaded.shutdown)
        except Fault:
            if error is None:
                raise
        finally:
            self.loaded.unload()

    # -- the calls between buffers

    def set_parameter(self, key: str, value: str) -> str | None:
        """What the plugin then says it has, if it says anything.

        `sink_voice::gain` is that of an input, as GStreamer writes it.
        """
        pad, of_input, name = key.partition(OF_INPUT)
        if of_input:
            return self._set_of_input(pad, name, value)
        now: str | None = self._ask(
            "set_parameter", self.loaded.set_parameter, key, value
        )
        return now

    def start(self, setting: Setting, frames: int) -> None:
        """The stream's format; ``frames`` is the block size to expect."""
        self.setting = setting
        self.ended = False
        self._fill = next(_garbage)
        self.agreed: Agreed = self._ask(
            "set_caps", agree, self.loaded, setting, self.target.caps, frames
        )
        self._position = 0
        self._words = [0] * max(REQUEST_WORDS, WORDS)
        self._slots = 0
        self._slot: Slot | None = None
        self._view = CountingView(self._words)
        curves = list(self.loaded.curves)
        if curves:
            self._view.curves = cast(Any, Curves(self.loaded.plugin, curves))
        format = self.agreed.format
        self._words[CURVES] = bool(curves) and not format.bytes
        self._declared = Declared.by(self.loaded)
        self._feed = Feed(self._words, setting.rate) if self._declared else None
        is_source = self.target.kind == "source"
        self._outlets: Outlets | None = None
        if self.target.kind == "splitter":
            self._outlets = Outlets(self.loaded, setting, self._words)
        ports: Ports | None = self._feed.inputs if self._feed else self._outlets
        if curves and self._feed:
            cast(Any, self._view.curves).inputs = self._feed.inputs.mapping
        self._view.open(format, self.loaded.read_only, is_source, ports)
        # Only who answers an application asks what was posted.
        nobody = cast(Outbox, None)
        self._audio = AudioCall(self.loaded, self._view, self._running, nobody)
        self._started = True
        caps = format.input_caps, format.output_caps
        numbers = format.rate, format.channels, frames
        memory = setting.format, setting.layout == INTERLEAVED
        self._ask("start", self.loaded.start, *numbers, *caps, *memory)
        if self._declared:
            self.set_inputs(self._declared.inputs(setting))
            for key, value in self.target.parameters:
                if OF_INPUT in key:
                    self.set_parameter(key, value)

    # -- the inputs of a mixer

    @property
    def inputs(self) -> list[Port]:
        """Those that there are."""
        assert self._feed
        return [each.port for each in self._feed.inputs.all]

    def set_inputs(self, inputs: list[Port]) -> None:
        """There are these from the next block on."""
        assert self._feed
        before = {each.name: each.channels for each in self.inputs}
        now = {each.name: each.channels for each in inputs}
        told = [each.told() for each in inputs]
        defaults = self._ask("set_inputs", self.loaded.change_inputs, told)
        self._feed.change(inputs, defaults)
        for name in before if self.loaded.has_remove_input else ():
            if name not in now:
                self._ask("remove_input", self.loaded.remove_input, name)
        for name, channels in now.items() if self.loaded.has_add_input else ():
            if before.get(name) != channels:
                self._ask("add_input", self.loaded.add_input, name, channels)

    def let_inputs_be(self, states: dict[str, str]) -> None:
        """What each is, of STATES; those that are not named are present."""
        assert self._feed
        self._feed.states = states

    def _set_of_input(self, pad: str, key: str, value: str) -> str | None:
        assert self._feed
        name = pad.removeprefix("sink_")
        if name not in (each.name for each in self.inputs):
            raise Fault("set_parameter", f"there is no input for the pad {pad}")
        now = self._ask("set_parameter", self.loaded.input_value, key, value)
        self._feed.inputs.set(name, key, now)
        return str(now).lower() if isinstance(now, bool) else str(now)

    # -- the outputs of a splitter

    @property
    def outputs(self) -> list[str]:
        """Their names."""
        assert self._outlets
        return self._outlets.names

    def unlink_outputs(self, names: Collection[str]) -> None:
        """Nobody gets what comes out of these; of all others somebody does."""
        assert self._outlets
        self._outlets.unlinked = frozenset(names)

    @property
    def output(self) -> Setting | None:
        """What comes out; None: bytes that only the plugin understands."""
        if self._outlets:
            return replace(self.setting, channels=self._outlets.channels)
        return self.agreed.heard

    @property
    def has_drain(self) -> bool:
        """A source's is never called."""
        return self.loaded.has_drain and self.target.kind != "source"

    @property
    def has_reset(self) -> bool:
        """A source is told to seek instead."""
        return self.loaded.has_reset and self.target.kind != "source"

    def stop(self) -> None:
        """Ends the stream, once after each start that was entered."""
        if self._started:
            self._started = False
            self._ask("stop", self.loaded.stop)

    def reset(self) -> None:
        """The next block does not continue the last one."""
        self._ask("reset", self.loaded.reset)
        self._position = 0
        self.ended = False

    def seek(self, frame: int) -> None:
        """Has a source that can go to another frame do so."""
        self._ask("seek", self.loaded.seek, frame)
        self._position = frame
        self.ended = False

    def duration(self) -> int | None:
        """In ns; None: it does not say, or does not know."""
        if not self.loaded.has_duration:
            return None
        length: int | None = self._ask("get_duration", self.loaded.duration)
        return length

    def drain(self) -> Samples | bytes | None:
        """What was still held back: (channels, frames), or bytes.

        A sink is asked until it has played what it got.
        """
        tail = self._ask("drain", self.loaded.drain)
        if self.target.kind == "sink":
            if tail is False:
                self._wait_until_drained()
            return None
        if tail is None:
            return None
        try:
            if self._outlets:
                return self._outlets.tail(tail)
            if self.loaded.converts:
                pieces, timed = results.pieces_of(tail, self.agreed.format)
                return joined(pieces[timed:], self.output)
            results.check(tail, self.agreed.format, -1)
        except (TypeError, ValueError) as error:
            raise Fault("drain", f"drain() {error}", *self.place("drain")) from None
        assert isinstance(tail, np.ndarray)
        return tail

    def _wait_until_drained(self) -> None:
        for _ in self.target.retry.rounds():
            if self._ask("drain", self.loaded.drain) is not False:
                return
        text = f"drain() returned False for {self.target.retry.lose():g} s"
        raise Fault("drain", text, *self.place("drain"))

    def latency(self) -> float:
        """In seconds; 0.0 if the plugin does not say."""
        if not self.loaded.has_latency:
            return 0.0
        seconds: float = self._ask("get_processing_latency", self.loaded.latency)
        return seconds

    def place(self, method: str = "") -> tuple[str, int]:
        """File and line of a method, without a name of the audio method."""
        of = getattr(self.loaded.plugin, method, None) if method else self.loaded.audio
        file, line, _ = self.loaded.place_of(of)
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
            space = self._space(frames)
            whole = self.agreed.format.bytes  # a packet is not cut
            count = frames if whole else min(frames - done, space)
            taken.append(self._until_taken(samples[:, done : done + count]))
            done += count
        return taken[0]  # of a sink nothing comes out

    def _space(self, frames: int) -> int:
        if self.target.kind != "sink" or not self.loaded.has_space:
            return frames
        for _ in self.target.retry.rounds():
            space: int = self._ask("get_available_space", self.loaded.available_space)
            if space > 0:
                return space
        text = f"has had no space for {self.target.retry.lose():g} s"
        place = self.place("get_available_space")
        raise Fault("get_available_space", text, *place)

    def _until_taken(self, samples: Samples) -> Samples | bytes:
        for _ in self.target.retry.rounds():
            taken = self._once(samples)
            if taken is not None:
                return taken
        said = f"returned False for {self.target.retry.lose():g} s"
        raise Fault("process", f"{self.loaded.audio_name}() {said}", *self.place())

    def _once(self, samples: Samples) -> Samples | bytes | None:
        """One call, and what came out; None: the plugin said not now."""
        self._show(samples)
        outcome = self._call()
        if outcome == audio_call.DECLINED:
            return None
        if self.target.kind == "sink":
            return b""
        if self._outlets:
            return self._outlets.taken
        audio = self._audio
        if audio.flags & audio_call.CONVERTED:
            timed = bool(audio.flags & audio_call.TIMED)
            return joined(audio.pieces[timed:], self.output)
        short = audio.bytes if audio.flags & audio_call.SHORT else 0
        assert self._slot is not None
        if self.agreed.format.bytes:
            data = bytes(self._slot.memory[: self._words[FRAMES]])
            return data if self.output is None else self._samples(samples.shape[1])
        return self._samples(samples.shape[1])[:, : samples.shape[1] - short]

    def _samples(self, frames: int) -> Samples:
        assert self._slot is not None
        data = self._slot.memory[: frames * self.setting.frame_size]
        return from_bytes(data, self.setting).copy()

    def _call(self) -> int:
        """The outcome; raises Fault, Ended and Declined."""
        audio, view = self._audio, self._view
        self.counts.calls += 1
        view.rebound = 0
        self._running.surroundings.on_this_thread(audio.run, tuple(self._words))
        outcome, failure, audio.failure = audio.outcome, audio.failure, None
        audio.release()
        if audio.flags & audio_call.ESCAPED:
            self.counts.kept += 1
        # The end of a source is shorter, which an array in place cannot be.
        whole = outcome == audio_call.OK and not audio.flags & audio_call.SHORT
        if self._outlets:
            view.rebound, self._outlets.rebound = self._outlets.rebound, 0
        self.counts.rebound += whole and view.rebound > 0
        if outcome == audio_call.FAILED:
            raise _fault(failure)
        if outcome == audio_call.END_OF_STREAM:
            self.ended = True
            raise Ended
        if outcome == audio_call.DROPPED:
            self.counts.dropped += 1
            raise Declined
        return outcome

    def metered(self, samples: Samples, meter: Callable[[], int]) -> int:
        """What the meter gains in one call, whose result is not looked at."""
        self._space(samples.shape[1])
        self._show(samples)
        begin = end = 0

        def method(*arguments: Any) -> Any:
            nonlocal begin, end
            begin = meter()
            try:
                return self.loaded.audio(*arguments)
            finally:
                end = meter()

        usual, self._audio.method = self._audio.method, method
        try:
            self._call()
        except Declined:
            pass
        finally:
            self._audio.method = usual
        return end - begin

    def _show(self, samples: Samples) -> None:
        """Puts a copy of the samples where the plugin finds them.

        That is the same memory from call to call, as long as it is left alone.
        """
        frames, words = samples.shape[1], self._words
        setting, format = self.setting, self.agreed.format
        data = self._memory(samples)
        if (
            self._slot not in self._view.slots.values()
            or self._slot is None
            or len(self._slot.memory) < len(data)
        ):
            self._view.slots.clear()
            self._slots += 1
            self._slot = Slot(mmap.mmap(-1, max(1, len(data))))
            self._view.slots[self._slots] = self._slot
        self._slot.memory[: len(data)] = data
        words[SLOT] = self._slots
        words[FRAMES] = len(data) if format.bytes else frames
        words[STRIDE] = 1 if format.bytes else frames * setting.dtype.itemsize
        words[OFFSET] = self._position
        words[PTS] = self._position * 10**9 // setting.rate
        end = (self._position + frames) * 10**9 // setting.rate
        words[DURATION] = end - words[PTS]
        words[FLAGS] = DISCONT if self._position == 0 else 0
        if self._feed:
            self._feed.show(samples, self._position == 0)
            words[FLAGS] |= IS_GAP if self._feed.are_gaps else 0
        self._position += frames

    def _memory(self, samples: Samples) -> bytes:
        """What the block is; of a mixer, before it is filled."""
        if self._feed:
            fill = 0.0 if self.loaded.output_zero else self._fill
            shape = self.setting.channels, samples.shape[1]
            samples = encode(np.full(shape, fill), self.setting.dtype)
        elif self.target.kind == "source" and self.loaded.converts:
            return b""  # it makes bytes, and is shown none
        return memory_of(samples, self.setting)
