"""A source whose audio method is a C function."""

import ctypes
import os

from base_plugin import Array, AudioSourcePlugin, compiled

functions = ctypes.CDLL(os.environ["CHECK_FUNCTIONS"])


class Source(AudioSourcePlugin):
    class State:
        made: Array[int, 2]

    read_audio = compiled(functions.count)
