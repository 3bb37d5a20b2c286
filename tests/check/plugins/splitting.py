# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes channels apart, and does what a test asks for besides."""

import os
import signal
import time

import numpy as np

from base_plugin import AudioBuffer, AudioSplitterPlugin, DropBuffer, EndOfStream, Param
from checklog import say

WAYS = {
    "data": lambda data: data,
    "slice": lambda data: data[:, 1:],
    "slice-of-slice": lambda data: data[:, 1:][:, :-1],
    "transposed": lambda data: data.T,
    "row": lambda data: data[0],
    "memoryview": memoryview,
    "asarray": np.asarray,
    "reshaped": lambda data: data.reshape(-1, 1, order="A"),
    "iterator": iter,
    "owner": lambda data: data.base,
}


class Splitting(AudioSplitterPlugin):
    """A channel to each output, a number more than it was."""

    outputs = (1, 64, {"channels": 1})
    formats = ("F32", "S16")

    do = Param("", description="what to do besides, and in which call: raise 3")
    way = Param("data", choices=tuple(WAYS))
    rest = Param(0, description="frames that are left at the end")

    def start(self):
        self.calls = 0
        self.kept = []
        say(f"start {self.get_channels()}")
        return super().start()

    def reset(self):
        say("reset")

    def drain(self):
        if not self.rest:
            return None
        dtype = next(iter(self.last.values())).data.dtype
        return {
            name: np.full((1, self.rest), 7, dtype)
            for name, output in self.last.items()
        }

    def split_audio(self, buffer, outputs):
        self.calls += 1
        self.last = outputs
        what, _, call = self.do.partition(" ")
        if what and (not call or int(call) == self.calls):
            return getattr(self, what)(buffer, outputs)
        return self.split(buffer, outputs)

    def split(self, buffer, outputs):
        for at, output in enumerate(outputs.values()):
            if output.linked:
                output.data[0] = buffer.data[at % len(buffer.data)] + 1

    def fail(self, buffer, outputs):
        for output in outputs.values():
            output.data[:] = 9
        raise ValueError("on purpose")

    def drop(self, buffer, outputs):
        raise DropBuffer("unfit")

    def end(self, buffer, outputs):
        raise EndOfStream

    def sleep(self, buffer, outputs):
        say("sleeps")
        for _ in range(500):
            time.sleep(0.01)
        say("has slept")

    def crash(self, buffer, outputs):
        if buffer.pts == 14_250_000:  # which no successor sees
            os.kill(os.getpid(), signal.SIGKILL)
        self.split(buffer, outputs)

    def be_late(self, buffer, outputs):
        if buffer.pts == 14_250_000:
            time.sleep(0.4)
        self.split(buffer, outputs)

    def bind(self, buffer, outputs):
        first, *others = outputs.values()
        first.data[:] = buffer.data[:1] + 1
        for at, output in enumerate(others, 1):
            # What is bound may be a view of the input, or another's array.
            output.data = buffer.data[at : at + 1]
            output.data = output.data + 1 if at % 2 else first.data

    def input_itself(self, buffer, outputs):
        for at, output in enumerate(outputs.values()):
            output.data = buffer.data[at : at + 1]

    def nothing(self, buffer, outputs):
        """What is in the outputs is what was there."""

    def silence(self, buffer, outputs):
        self.split(buffer, outputs)
        [*outputs.values()][1].silent()

    def break_second(self, buffer, outputs):
        self.split(buffer, outputs)
        [*outputs.values()][1].discont = True

    def tell(self, buffer, outputs):
        for name, output in outputs.items():
            try:
                AudioBuffer.data.__get__(output)
                made = "has memory"
            except AttributeError:
                made = "has none"
            say(f"{name} {output.pad_name} {output.linked} {made} {output.pts}")
        self.split(buffer, outputs)

    def use_all(self, buffer, outputs):
        """Also those that nobody gets, as if they were others."""
        first, second = outputs.values()
        assert not second.data.any() and second.data.shape == first.data.shape
        second.data += buffer.data[1]
        first.data[:] = second.data + buffer.data[0]

    def keep(self, buffer, outputs):
        self.lasting = outputs, [*outputs.values()]  # that is no mistake
        self.split(buffer, outputs)
        for each in [buffer, *outputs.values()]:
            kept = WAYS[self.way](each.data)
            self.kept.append((kept, each.data.copy(), kept_values(kept)))

    def scribble(self, buffer, outputs):
        for kept, *_ in self.kept:
            if isinstance(kept, np.ndarray) and kept.flags.writeable:
                kept[:] = 55
        self.kept = []
        self.keep(buffer, outputs)

    # ---- what a plugin must not do

    def write_input(self, buffer, outputs):
        buffer.data[:] = 1

    def give(self, buffer, outputs):
        return buffer.data + 1

    def bind_input(self, buffer, outputs):
        buffer.data = buffer.data + 1

    def shape(self, buffer, outputs):
        outputs["0"].data = np.zeros((2, 3), np.float32)

    def dtype(self, buffer, outputs):
        outputs["0"].data = buffer.data[:1].astype(np.float64)

    def delete(self, buffer, outputs):
        del outputs["0"].data

    def name(self, buffer, outputs):
        outputs["vocals"].data[:] = 1

    def change(self, buffer, outputs):
        outputs["9"] = outputs["0"]

    def false(self, buffer, outputs):
        return False

    def stop(self):
        changed = sum(
            not np.array_equal(kept_values(kept), values)
            for kept, _, values in self.kept
        )
        if self.kept:
            say(f"kept {len(self.kept)}, {changed} changed")
        super().stop()


def kept_values(kept):
    """What can be seen of it."""
    return np.array(kept) if isinstance(kept, (np.ndarray, memoryview)) else None


class Named(Splitting):
    outputs = {"mono": {"channels": 1, "formats": ("F32",)}, "all": {}}
    passthrough = "all"

    def split(self, buffer, outputs):
        assert [*outputs] == ["mono", "all"], [*outputs]
        outputs["mono"].data[0] = buffer.data.sum(axis=0)
        outputs["all"].data[:] = buffer.data + 1


class Either(Splitting):
    """Each output has the format that whoever is linked to it wants."""

    outputs = (1, 4, {"channels": 1, "formats": ("F32", "S16")})


class Late(Splitting):
    """Says that it is late by what it is asked for."""

    seconds = Param(0.1, min=0.0, max=1.0)

    def get_processing_latency(self):
        return self.seconds


class WrongTail(Splitting):
    def drain(self):
        return np.zeros((1, 3), np.float32)


class Draining(Splitting):
    """100 frames late, by its own memory."""

    late = 100

    def reset(self):
        super().reset()
        self.held = None

    def get_processing_latency(self):
        return self.late / (self.get_sample_rate() or 8000)

    def split(self, buffer, outputs):
        if getattr(self, "held", None) is None:
            self.held = np.zeros((len(buffer.data), self.late), buffer.data.dtype)
        both = np.concatenate([self.held, buffer.data], axis=1)
        frames = buffer.get_frame_count()
        self.held = both[:, frames:]
        for at, output in enumerate(outputs.values()):
            output.data[0] = both[at, :frames]

    def drain(self):
        return {name: self.held[[at]] for at, name in enumerate(self.last)}


class Delaying(Draining):
    """The same, that has to be asked for what it holds."""

    drain = None
