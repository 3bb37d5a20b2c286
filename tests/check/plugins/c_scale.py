"""Audio methods that are C functions, of tests/check/native/functions.c."""

import ctypes
import os

from numpy import float64

from base_plugin import MAX_CHANNELS, Array, AudioProcessorPlugin, Param, compiled

functions = ctypes.CDLL(os.environ["CHECK_FUNCTIONS"])


class Scale(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    factor = Param(2.0, min=-10.0, max=10.0)
    fails_with = Param(0)
    shows = Param(False)
    mode = Param("low", choices=("low", "middle", "high"))
    label = Param("none")

    class State:
        frames: int
        last: Array[float64, MAX_CHANNELS]

    process_audio = compiled(functions.scale)

    def stop(self) -> None:
        self.post(
            "stopped",
            frames=int(self.state.frames),
            last=float(self.state.last[0]),
            factor=float(self.factor),
        )
