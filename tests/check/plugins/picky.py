# SPDX-License-Identifier: LGPL-2.1-or-later
"""Doubles a buffer, unless its first sample says what else to do with it."""

import numpy as np

from base_plugin import AudioProcessorPlugin, DropBuffer


class Tampered(DropBuffer):
    pass


class Picky(AudioProcessorPlugin):
    def process_audio(self, buffer):
        what = buffer.data[0, 0]
        if what == 1000:
            raise DropBuffer("bad tag")
        if what == 2000:
            raise Tampered("a bit was flipped")
        if what == 3000:
            raise ValueError("broken")
        buffer.data *= 2


class PickyReader(Picky):
    read_only = True

    def process_audio(self, buffer):
        if buffer.data[0, 0] == 1000:
            raise DropBuffer("bad tag")


class PickyWithTail(Picky):
    def drain(self):
        return np.zeros((2, 10), np.float32)
