# SPDX-License-Identifier: LGPL-2.1-or-later
"""Only reads; says in the end what it saw, and whether it could have written."""

from base_plugin import AudioProcessorPlugin
from checklog import say


class Meter(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")
    read_only = True

    def start(self):
        self.sum = 0
        self.refused = self.calls = 0

    def process_audio(self, buffer):
        self.calls += 1
        self.sum += int(buffer.data.sum(dtype="f8"))
        try:
            buffer.data[0, 0] = 1
        except ValueError:
            self.refused += 1

    def stop(self):
        say(f"sum {self.sum}, refused {self.refused} of {self.calls}")
