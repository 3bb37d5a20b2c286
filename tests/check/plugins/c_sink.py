"""A sink whose audio method is a C function."""

import ctypes
import os

from base_plugin import AudioSinkPlugin, compiled

functions = ctypes.CDLL(os.environ["CHECK_FUNCTIONS"])


class Sink(AudioSinkPlugin):
    read_only = True

    class State:
        sum: float

    write_audio = compiled(functions.add_up)

    def drain(self) -> None:
        self.post("sum", sum=float(self.state.sum))
