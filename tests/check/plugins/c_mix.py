# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mixers whose audio method is a C function, of tests/check/native/functions.c."""

import ctypes
import os

import numpy as np

from base_plugin import AudioMixerPlugin, InputParam, Param, compiled
from checklog import say

functions = ctypes.CDLL(os.environ["CHECK_FUNCTIONS"])


class Mix(AudioMixerPlugin):
    inputs = (1, 8)
    formats = ("F32", "F64", "S16", "S32")

    volume = Param(1.0, min=-10.0, max=10.0)
    fails_with = Param(0)
    shows = Param(False)
    gain = InputParam(1.0, min=0.0, max=8.0)
    mute = InputParam(False)
    label = InputParam("none")

    class State:
        frames: int

    mix_audio = compiled(functions.mix)

    def add_input(self, name, channels):
        say(f"added {name} {channels}")

    def remove_input(self, name):
        say(f"removed {name}")

    def stop(self):
        self.post("stopped", frames=int(self.state.frames))


class Floats(Mix):
    formats = ("F32",)


class Late(Floats):
    """Says that what it gives is 7 frames late."""

    def get_processing_latency(self):
        return 7 / self.get_sample_rate()


class LateDrained(Late):
    def drain(self):
        return np.full((1, 7), 5, np.float32)


class Named(Mix):
    inputs = {
        "a": {},
        "b": {"formats": ("F32", "S16"), "channels": (1, 2)},
        "c": {"optional": True, "channels": 1},
    }
    output_like = "a"


class Nothing(AudioMixerPlugin):
    inputs = (1, 64)
    output_zero = False

    mix_audio = compiled(functions.mix_nothing)
