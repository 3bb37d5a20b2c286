# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all checks work with: the plugin, the settings, and one run of it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ..host.plugin import LoadedPlugin
from ..results import DTYPES

from . import signals
from .converting import is_raw_audio
from .formats import INTERLEAVED, PLANAR, Ranges, Samples, Setting
from .formats import encode, raw_audio_of
from .progress import Progress
from .findings import Findings
from .feed import Declared
from .trial import GARBAGE, Counts, Declined, Ended, Fault, Trial, Target

RATES = (48000, 8000, 44100, 96000, 192000)
CHANNELS = (2, 1, 3, 6, 8)
USUAL_FRAMES = 512
# A plugin that needs longer to be loaded, started and called a few times is
# tried in fewer ways: there are hundreds of instances.
SLOW_SECONDS = 1.0
SLOW_CALLS = 8


class Unusable(Exception):
    """What was asked for cannot be done; the plugin is not to blame."""


@dataclass
class Options:
    """What the command line asks for; 0 and "" leave it to the plugin."""

    rate: int = 0
    channels: int = 0
    format: str = ""
    seconds: float = 1.0
    quick: bool = False
    files: tuple[str, ...] = ()  # of a mixer, for each input
    max_load: float = 0.0  # percent of real time
    skip: frozenset[str] = frozenset()


def allows(ranges: Ranges, value: int) -> bool:
    """No ranges at all allow everything."""
    return not ranges or any(low <= value <= high for low, high in ranges)


def choices(ranges: Ranges, usual: tuple[int, ...]) -> list[int]:
    """The usual values that are allowed, and the ends of the ranges."""
    ends = [end for pair in ranges for end in pair]
    return list(dict.fromkeys([v for v in usual if allows(ranges, v)] + ends))


@dataclass
class Bench:
    """One plugin under test.  Everything found goes to ``findings``."""

    target: Target
    options: Options
    findings: Findings = field(default_factory=Findings)
    progress: Progress = field(default_factory=Progress)
    base: Setting = field(init=False)  # the setting of all but the matrix
    matrix: list[Setting] = field(init=False)  # formats and layouts
    others: list[Setting] = field(init=False)  # rates and channel counts
    place: tuple[str, int] = "", 0  # file and line of the audio method
    block_size: int = 0  # the only one the plugin takes, if it has one
    converts: bool = False
    # An encryptor's bytes, which are never the same twice.
    fails_closed: bool = False
    recordings: list[Samples] = field(default_factory=list)  # of the files
    inputs: Declared | None = None  # of a mixer
    # What comes out at the base setting; None: no samples.
    output: Setting | None = None
    slow: bool = False

    @property
    def hurries(self) -> bool:
        """Whether there are fewer calls of each kind."""
        return self.slow or self.options.quick

    @property
    def is_source(self) -> bool:
        """Whether the plugin is a source, which gets no samples."""
        return self.target.kind == "source"

    @property
    def is_splitter(self) -> bool:
        """Whether the plugin has several outputs, which are rows of one."""
        return self.target.kind == "splitter"

    @property
    def is_sink(self) -> bool:
        """Whether the plugin is a sink, which gives no samples."""
        return self.target.kind == "sink"

    @property
    def sizes(self) -> tuple[int | str, ...]:
        """Block sizes to try, in frames."""
        if self.block_size:
            return (self.block_size,)
        return (*signals.SIZES, signals.RANDOM)

    @property
    def usual_frames(self) -> int:
        """The block size of runs that are not about it."""
        return self.block_size or USUAL_FRAMES

    @property
    def frames(self) -> int:
        """Length of the signals."""
        return max(self.usual_frames, int(self.options.seconds * self.base.rate))

    @property
    def steps(self) -> int:
        """How many steps the progress bar has, but for the parameters."""
        return len(self.matrix) + len(self.others) + len(self.names) + 8

    @property
    def names(self) -> tuple[str, ...]:
        """What is played to it: signals, and the file."""
        if self.is_source:
            return ("output",)
        made = signals.SIGNALS[:2] if self.slow else signals.SIGNALS
        return made + (("file",) if self.recordings else ())

    def samples(self, name: str, setting: Setting, frames: int) -> Samples:
        """A signal in the setting's format; for a source, what it overwrites."""
        if self.is_source:
            fill = np.full((setting.channels, frames), GARBAGE[0])
            return encode(fill, setting.dtype)
        if name == "file":
            return encode(self._recorded(setting), setting.dtype)
        made = signals.make(name, setting.rate, sum(self._channels(setting)), frames)
        return encode(made, setting.dtype)

    def _channels(self, setting: Setting) -> list[int]:
        """Of each input."""
        if self.inputs is None:
            return [setting.channels]
        return [each.channels for each in self.inputs.inputs(setting)]

    def _recorded(self, setting: Setting) -> Samples:
        """The files as they are played; an input that has none is silent."""
        frames = max(each.shape[1] for each in self.recordings)
        channels = self._channels(setting)
        out = np.zeros((sum(channels), frames))
        row = 0
        for count, recorded in zip(channels, self.recordings):
            which = np.arange(count) % len(recorded)
            out[row : row + count, : recorded.shape[1]] = recorded[which]
            row += count
        return out

    @contextmanager
    def guard(self, check: str, context: str = "") -> Iterator[None]:
        """A Fault in it is one failure of a check, and the end of the block.

        What went wrong inside the audio method belongs to "results", and the
        loading, starting and stopping each to their own, whatever is checked.
        """
        own = {
            "load": "load",
            "initialize": "load",
            "start": "start",
            "set_caps": "start",
            "process": "results",
            "get_available_space": "results",
            "set_parameter": "parameters",
            "stop": "life",
            "shutdown": "life",
            "reset": "reset",
            "drain": "drain",
            "seek": "life",
        }
        try:
            yield
        except Ended:  # in its first call, though it began anew
            if check != "results":
                self.findings.cut[check] = "the plugin ends the stream at once"
        except Fault as fault:
            blamed = own.get(fault.phase, check)
            self.findings.fault(blamed, fault, context)
            if blamed != check:
                self.findings.cut[check] = f"cut short: {blamed} failed"

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """A new instance, whose counts are added up in the end."""
        with Trial(self.target) as trial:
            try:
                yield trial
            finally:
                self._count(trial.counts)

    def _count(self, counts: Counts) -> None:
        self.findings.calls += counts.calls
        for number, check, status, text in (
            (counts.kept, "kept", "fail", KEPT),
            (counts.rebound, "in-place", "note", REBOUND),
            (counts.dropped, "results", "note", DROPPED),
        ):
            if number:
                self.findings.add(check, status, text, *self.place)

    def feed(
        self,
        trial: Trial,
        samples: Samples,
        size: int | str,
        until: float = math.inf,
    ) -> Samples | bytes:
        """Plays samples in blocks; what came out, without the drained tail.

        Shorter when the plugin ends the stream, or the monotonic clock has come
        to ``until``.
        """
        pieces: list[Samples | bytes] = []
        for cut in signals.cuts(samples.shape[1], size):
            if trial.ended or pieces and time.monotonic() > until:
                break
            try:
                pieces.append(self._block(trial, samples[:, cut]))
            except (Declined, Ended):
                continue
        output = trial.output
        if output is None:
            return b"".join(bytes(piece) for piece in pieces)
        nothing = np.empty((output.channels, 0), output.dtype)
        arrays = [nothing, *(np.asarray(piece) for piece in pieces)]
        joined: Samples = np.concatenate(arrays, axis=1)
        return joined

    def _block(self, trial: Trial, block: Samples) -> Samples | bytes:
        """The last one may be shorter than the plugin's own size."""
        missing = self.block_size - block.shape[1]
        if missing <= 0 or trial.loaded.pass_remainder:
            return trial.process(block)
        made = trial.process(np.pad(block, ((0, 0), (0, missing))))
        if isinstance(made, bytes) or made.shape[1] != self.block_size:
            return made
        return made[:, :-missing]

    def whole(
        self, setting: Setting, samples: Samples, size: int | str
    ) -> Samples | bytes:
        """A new instance's whole life, and all it gave, the drained tail too."""
        with self.trial() as trial:
            trial.start(setting, size if isinstance(size, int) else USUAL_FRAMES)
            out = self.feed(trial, samples, size)
            tail = trial.drain() if trial.has_drain else None
        if tail is None:
            return out
        if isinstance(out, bytes):
            return out + bytes(tail)
        joined: Samples = np.concatenate([out, np.asarray(tail)], axis=1)
        return joined

    def prepare(self) -> None:
        """Loads the plugin once and decides on the settings.

        Raises Fault when it does not load, Unusable when the options do not
        go together with what it declares.
        """
        options = self.options
        self._read_files()
        with Trial(self.target) as trial:
            self.progress.step("what it says of itself")
            loaded = trial.loaded
            self.converts = loaded.converts
            self.fails_closed = self.converts and loaded.fail_closed
            self.block_size = loaded.block_size
            self.place = trial.place()
            self._describe(trial)
            for warning in loaded.warnings:
                self.findings.note("load", warning)
            likes = loaded.preferences() if self.is_source else (0, 0, 0)
            self.inputs = Declared.by(loaded)
            self._check_number_of_files()
            formats, layouts, rates_taken, channels_taken = self._taken(loaded)
            rates = self._wanted(options.rate, "rate", rates_taken, (likes[0], *RATES))
            recorded = len(self.recordings[0]) if self.recordings else 0
            wanted, usual = options.channels or recorded, (likes[1], *CHANNELS)
            channels = self._wanted(wanted, "channels", channels_taken, usual)
        if options.format:
            if options.format not in formats:
                raise Unusable(
                    f"--format {options.format}: the plugin has {', '.join(formats)}"
                )
            formats = [options.format]
        self.matrix = [
            Setting(format, layout, rates[0], channels[0])
            for format in formats
            for layout in layouts
        ]
        self.base = self.matrix[0]
        self.output = self._find_output()
        self.findings.plugin["makes"] = str(self.output or "bytes")
        first = formats[0], layouts[0]
        self.others = [Setting(*first, rate, channels[0]) for rate in rates[1:]]
        self.others += [Setting(*first, rates[0], count) for count in channels[1:]]
        self.findings.settings = [str(each) for each in self.matrix + self.others]

    def _read_files(self) -> None:
        options = self.options
        for file in options.files:
            try:
                rate, recording = signals.read_wav(file)
            except (OSError, ValueError) as error:
                raise Unusable(str(error)) from None
            if options.rate not in (0, rate):
                other = options.files[0] if self.recordings else "--rate"
                raise Unusable(
                    f"{file} has {rate} Hz, not the {options.rate} of {other}"
                )
            options.rate = rate
            self.recordings.append(recording)

    def _check_number_of_files(self) -> None:
        most = self.inputs.count if self.inputs else 1
        if len(self.recordings) > most:
            what = f"{most} inputs" if self.inputs else "one input"
            raise Unusable(
                f"{len(self.recordings)} files, but it is played with {what}"
            )

    def look_at_pace(self) -> None:
        """Tries less of a plugin that takes long."""
        frames = SLOW_CALLS * self.usual_frames
        begin = time.monotonic()
        try:
            with Trial(self.target) as trial:
                trial.start(self.base, self.usual_frames)
                names = self.names[0], self.base, frames
                self.feed(trial, self.samples(*names), self.usual_frames)
        except Fault:
            return  # told by another check
        took = time.monotonic() - begin
        if took < SLOW_SECONDS:
            return
        self.slow = True
        self.options.seconds = min(self.options.seconds, 0.25)
        count = len(self.matrix + self.others)
        del self.matrix[2:], self.others[1:]
        self.findings.note(
            "load",
            f"takes {took:.1f} s to load, start and be called {SLOW_CALLS} times: "
            f"{len(self.matrix + self.others)} of {count} stream formats are tried, "
            "with fewer calls",
        )
        self.findings.settings = [str(each) for each in self.matrix + self.others]

    def _taken(
        self, loaded: LoadedPlugin
    ) -> tuple[list[str], list[str], Ranges, Ranges]:
        """The raw audio that goes in: formats, layouts, rates and channels."""
        formats, layouts = list(loaded.formats), []
        if loaded.interleaved:
            layouts.append(INTERLEAVED)
        if loaded.non_interleaved:
            layouts.append(PLANAR)
        rates, channels = loaded.rates, loaded.channels
        if mixes := Declared.by(loaded):
            said_formats, channels = mixes.output
            return list(said_formats), layouts, rates, channels
        given = self.target.caps or loaded.input_caps
        said = raw_audio_of(given) if given else None
        if said:
            rates, channels = said.rates, said.channels
            layouts = list(said.layouts) or [INTERLEAVED, PLANAR]
        if said or loaded.as_bytes and is_raw_audio(given):
            formats = list(said.formats if said else ()) or list(DTYPES)
        return formats, layouts, rates, channels

    def _find_output(self) -> Setting | None:
        """Only where it can be started; why it cannot is a finding of its own."""
        if self.is_sink or not (self.converts or self.is_splitter):
            return None if self.is_sink else self.base
        try:
            with Trial(self.target) as trial:
                trial.start(self.base, self.usual_frames)
                return trial.output
        except Fault:
            return None

    def _wanted(
        self, asked: int, name: str, ranges: Ranges, usual: tuple[int, ...]
    ) -> list[int]:
        if asked and not allows(ranges, asked):
            raise Unusable(f"{name} {asked}: the plugin declares {_shown(ranges)}")
        if asked:
            return [asked]
        return [value for value in choices(ranges, usual) if value > 0]

    def _describe(self, trial: Trial) -> None:
        loaded = trial.loaded
        cls = type(loaded.plugin)
        formats, _, rates, channels = self._taken(loaded)
        self.findings.plugin = {
            "script": self.target.script,
            "class": cls.__name__,
            "kind": self.target.kind,
            "method": loaded.audio_name,
            "formats": formats,
            "rates": [list(pair) for pair in rates],
            "channels": [list(pair) for pair in channels],
            "read_only": loaded.read_only,
            "converts": self.converts,
            "block_size": self.block_size,
        }
        if mixes := Declared.by(loaded):
            ports = mixes.declared.ports
            self.findings.plugin["inputs"] = list(ports.span or ports.names())
        if self.is_splitter and loaded.ports:
            ports = loaded.ports.ports
            self.findings.plugin["outputs"] = list(ports.span or ports.names())


KEPT = (
    "an array over the buffer's memory, or the buffer, is kept after the call: "
    "each costs a copy; keep buffer.data.copy()"
)
DROPPED = "DropBuffer is raised: these buffers do not go on"
REBOUND = (
    "samples are put in another array than the buffer's: each costs a copy; "
    "buffer.data[:] = x costs none"
)


def _shown(ranges: Ranges) -> str:
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in ranges)
