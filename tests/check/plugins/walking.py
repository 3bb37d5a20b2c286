# SPDX-License-Identifier: LGPL-2.1-or-later
"""All three kinds, which fail when told something at the wrong time.

Samples are numbers of their channel and frame; the processor doubles them.
"""

import numpy as np

FORMATS = ("F32", "F64", "S16", "S32")


def numbers(first, like):
    frames = np.arange(first, first + like.shape[1])
    channels = np.arange(like.shape[0])[:, None]
    return ((frames * 7 + channels * 3) % 101 - 50).astype(like.dtype)


class Walking:
    formats = FORMATS
    running = False
    rate = channel_count = size = 0

    def _only_when_stopped(self):
        if self.running:
            raise RuntimeError("a setter was called while RUNNING")

    def set_sample_rate(self, rate):
        self._only_when_stopped()
        self.rate = rate

    def set_channel_count(self, channels):
        self._only_when_stopped()
        self.channel_count = channels

    def set_buffer_size(self, frames):
        self._only_when_stopped()
        self.size = frames

    def start(self):
        self._only_when_stopped()
        self.running = True
        self.next = 0

    def stop(self):
        if not self.running:
            raise RuntimeError("stop() without start()")
        self.running = False

    def check(self, buffer):
        if not self.running:
            raise RuntimeError("not started")
        if buffer.sample_rate != self.rate:
            raise RuntimeError(f"rate {buffer.sample_rate}, told {self.rate}")
        if len(buffer.data) != self.channel_count:
            raise RuntimeError(f"{len(buffer.data)} channels, {self.channel_count}")


class Source(Walking):
    def get_buffer_size(self):
        return 100

    def read_audio(self, buffer):
        self.check(buffer)
        if buffer.data.shape[1] != self.size:
            raise RuntimeError(f"{buffer.data.shape[1]} frames, told {self.size}")
        buffer.data[:] = numbers(self.next, buffer.data)
        self.next += self.size


class Processor(Walking):
    def process_audio(self, buffer):
        self.check(buffer)
        buffer.data *= 2


class Sink(Walking):
    def write_audio(self, buffer):
        self.check(buffer)
        if not np.array_equal(buffer.data, numbers(0, buffer.data)):
            raise RuntimeError("other samples")
