"""Compiled methods without Numba: a C function stands for what it would make.

initialize() posts that it is there; start() posts for which formats code was made
up to initialize(), and for which since.
"""

import ctypes
import os
from types import SimpleNamespace

from _pythonfilter.host import compiling
from base_plugin import (
    AudioProcessorPlugin,
    AudioSinkPlugin,
    AudioSourcePlugin,
    Param,
    compiled,
)

functions = ctypes.CDLL(os.environ["CHECK_FUNCTIONS"])
made: list[str] = []


def compile(work, format, interleaved, inputs):
    # The code of now may stand in here for that before it.
    of = work._call.compiled.function.__globals__["made"]
    of.append("%s %d" % (format, interleaved))
    loops = "how" in work._call.parameters.params
    function = functions.fail_hard if loops else functions.nothing
    address = ctypes.cast(function, ctypes.c_void_p).value
    return SimpleNamespace(address=address), True


compiling._numba = lambda: SimpleNamespace(
    njit=lambda **options: lambda function: function, __version__="0"
)
compiling._kept.clear()  # an earlier instance's, in this process
compiling._Work._compile = compile


class Loops(AudioProcessorPlugin):
    how = Param(1)

    @compiled
    def process_audio(data, params, state, stream):
        pass


class Tells:
    formats = ("F32", "S16")

    def initialize(self):
        self.loaded = len(made)
        self.post("initialized")

    def start(self):
        loaded, later = made[: self.loaded], made[self.loaded :]
        self.post("started", loaded=",".join(loaded), later=",".join(later))


class Filter(Tells, AudioProcessorPlugin):
    @compiled
    def process_audio(data, params, state, stream):
        pass


class Source(Tells, AudioSourcePlugin):
    @compiled
    def read_audio(data, params, state, stream):
        pass


class Sink(Tells, AudioSinkPlugin):
    @compiled
    def write_audio(data, params, state, stream):
        pass
