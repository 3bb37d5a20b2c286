# SPDX-License-Identifier: LGPL-2.1-or-later
"""All three kinds in one file, with counts in the module, class and instance.

A source of zeros; a processor that adds its parameter add; a sink that says
which sum it got. At stop each says its name and its three counts.
"""

from base_plugin import AudioProcessorPlugin, AudioSinkPlugin, AudioSourcePlugin
from checklog import say

count = 0


class Counted:
    count_of_class = 0

    def __init__(self):
        super().__init__()
        self.add = 0.0
        self.name = ""
        self._count = 0
        self._sums = set()

    def counted(self):
        global count
        count += 1
        type(self).count_of_class += 1
        self._count += 1

    def stop(self):
        say(self.name, count, self.count_of_class, self._count, *self._sums)


class Source(Counted, AudioSourcePlugin):
    def read_audio(self, buffer):
        self.counted()
        buffer.data[:] = 0


class Adding(Counted, AudioProcessorPlugin):
    def process_audio(self, buffer):
        self.counted()
        buffer.data += self.add


class Sink(Counted, AudioSinkPlugin):
    def write_audio(self, buffer):
        self.counted()
        self._sums.update(int(n) for n in {buffer.data.min(), buffer.data.max()})
