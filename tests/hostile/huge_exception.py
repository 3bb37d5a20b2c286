"""Raises what is a hundred million letters long, or a hundred thousand."""

import os

from base_plugin import AudioProcessorPlugin


class HugeException(AudioProcessorPlugin):
    def process_audio(self, buffer):
        kind = os.environ["PYTHONFILTER_ATTACK"]
        if kind == "class":
            raise type("N" * 10**8, (ValueError,), {})("xxx")
        if kind == "file":
            raise SyntaxError("xxx", ("f" * 10**8, 1, 1, ""))
        if kind == "group":
            raise ExceptionGroup("xxx", [ValueError("y" * 100)] * 100_000)
        try:
            raise KeyError("y" * 10**8)
        except KeyError as error:
            raise ValueError("x" * 10**8) from error
