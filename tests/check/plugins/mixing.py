# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds its inputs, as audiomixer does, and does what a test asks for besides."""

import os
import signal
import time

import numpy as np

from base_plugin import AudioMixerPlugin, DropBuffer, EndOfStream, InputParam, Param
from checklog import say


class Mixing(AudioMixerPlugin):
    inputs = (1, 64)
    formats = ("F32", "S16")
    passthrough = None

    do = Param("", description="what to do besides, and in which call: raise 3")

    def start(self):
        self.calls = 0
        self.kept = []
        return super().start()

    def add_input(self, name, channels):
        say(f"added {name} {channels}")

    def remove_input(self, name):
        say(f"removed {name}")

    def reset(self):
        say("reset")

    def unlock(self):
        say("unlocked")

    def mix_audio(self, output, inputs):
        self.calls += 1
        what, _, call = self.do.partition(" ")
        if what and (not call or int(call) == self.calls):
            getattr(self, what)(output, inputs)
        self.add(output, inputs)
        if what == "keep":
            for each in [output, *inputs.values()]:
                self.kept.append((each.data, each.data.copy()))

    def add(self, output, inputs):
        for each in inputs.values():
            output.data += each.data

    def fail(self, output, inputs):
        raise ValueError("on purpose")

    def drop(self, output, inputs):
        raise DropBuffer("unfit")

    def end(self, output, inputs):
        raise EndOfStream

    def crash(self, output, inputs):
        if output.pts == 20_000_000:  # which no successor sees
            os.kill(os.getpid(), signal.SIGKILL)

    def be_late(self, output, inputs):
        if output.pts == 20_000_000:
            time.sleep(0.4)

    def sleep(self, output, inputs):
        say("sleeps")
        for _ in range(500):
            time.sleep(0.01)
        say("has slept")

    def keep(self, output, inputs):
        self.lasting = inputs, [*inputs.values()]  # that is no mistake

    def tell(self, output, inputs):
        for name, each in inputs.items():
            facts = ("present", "gap", "late", "discont")
            told = " ".join(fact for fact in facts if getattr(each, fact))
            say(f"{self.calls} {name} {each.pts} {told}".strip())

    def changes(self, output, inputs):
        told = ["came", *inputs.added] if inputs.added else []
        told += ["went", *inputs.removed] if inputs.removed else []
        if told:
            say(*told)

    def stop(self):
        changed = sum(not np.array_equal(now, then) for now, then in self.kept)
        if self.kept:
            say(f"kept {len(self.kept)}, {changed} changed")
        super().stop()


class Scaling(Mixing):
    """Each input as loud as it is said to be."""

    formats = ("F32",)

    gain = InputParam(1.0, min=0.0, max=8.0, description="How loud")
    mode = InputParam("warm", choices=("warm", "cold"))

    def add(self, output, inputs):
        for each in inputs.values():
            if each.mode == "warm":
                output.data += each.data * np.float32(each.gain)


class Draining(Mixing):
    """Still has something when its inputs are over."""

    formats = ("F32",)

    def drain(self):
        say("drain")
        return np.full((1, 7), 5, np.float32)


class Delaying(Mixing):
    """Gives the sum so many frames later, and knows it."""

    formats = ("F32",)
    frames = Param(0, min=0, max=10000)

    def start(self):
        self.lagging = np.zeros((1, self.frames), np.float32)
        return super().start()

    def get_processing_latency(self):
        return self.frames / self.get_sample_rate()

    def add(self, output, inputs):
        super().add(output, inputs)
        more = self.frames - self.lagging.shape[1]
        again = np.zeros((1, more), np.float32)
        all = np.hstack((again, self.lagging, output.data))
        count = output.data.shape[1]
        output.data[:] = all[:, :count]
        self.lagging = all[:, count:]


class DelayingDrained(Delaying):
    def drain(self):
        return self.lagging


class Blocks(Mixing):
    """Takes blocks of one size."""

    formats = ("F32",)
    block_size = 64

    def mix_audio(self, output, inputs):
        assert output.data.shape[1] == 64, output.data.shape
        super().mix_audio(output, inputs)


class Rests(Blocks):
    block_remainder = "pass"

    def mix_audio(self, output, inputs):
        say(f"block {output.data.shape[1]}")
        self.add(output, inputs)


class Named(Mixing):
    inputs = {"a": {}, "b": {}, "c": {"optional": True}}
    output_like = "a"

    def mix_audio(self, output, inputs):
        assert [*inputs] == ["a", "b", "c"], [*inputs]
        super().mix_audio(output, inputs)


class Averaging(Mixing):
    """Takes any format and number of channels, and gives mono floats."""

    inputs = {
        "a": {"formats": ("F32", "S16"), "channels": (1, 2)},
        "b": {"formats": ("F32", "S16"), "channels": (1, 2)},
    }
    formats = ("F32",)
    channels = 1

    def add(self, output, inputs):
        for each in inputs.values():
            scale = 1 if each.data.dtype == np.float32 else 1 / 32768
            output.data += each.data.mean(axis=0) * scale
