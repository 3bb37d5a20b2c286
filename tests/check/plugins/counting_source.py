# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gives every sample a number made of its channel and frame.

Parameters: how (it gives the samples), rate, wide (channels) and size (frames)
it would like, end (frames until EndOfStream), failing (each nth call fails),
keep (every array).
"""

import numpy as np

from base_plugin import AudioSourcePlugin, EndOfStream
from checklog import say


class CountingSource(AudioSourcePlugin):
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        super().__init__()
        self.how = "inplace"
        self.rate = 48000
        self.wide = 2
        self.size = 512
        self.end = 0
        self.failing = 0
        self.keep = False
        self._kept = []

    def get_sample_rate(self):
        return self.rate

    def get_channel_count(self):
        return self.wide

    def get_buffer_size(self):
        return self.size

    def set_sample_rate(self, rate):
        say("set_sample_rate", rate)

    def set_channel_count(self, channels):
        say("set_channel_count", channels)

    def set_channels(self, channels):
        pass

    def set_buffer_size(self, frames):
        say("set_buffer_size", frames)

    def start(self):
        self._next = self._calls = 0

    def read_audio(self, buffer):
        if self.end and self._next >= self.end:
            raise EndOfStream
        self._calls += 1
        frames = np.arange(self._next, self._next + buffer.get_frame_count())
        self._next += buffer.get_frame_count()
        channels = np.arange(buffer.get_channel_count())[:, None]
        numbers = (frames * 7 + channels * 3) % 101 - 50
        numbers = numbers.astype(buffer.data.dtype)
        if self.failing and self._calls % self.failing == 0:
            buffer.data[:] = 1
            raise ValueError("half way")
        if self.how == "rebind":
            buffer.data = numbers
        elif self.how == "returned":
            return numbers
        else:
            buffer.data[:] = numbers
        if self.keep:
            self._kept.append((buffer.data, numbers))
        return True

    def stop(self):
        same = sum(np.array_equal(kept, seen) for kept, seen in self._kept)
        if self.keep:
            say(f"{same} of {len(self._kept)} unchanged")
