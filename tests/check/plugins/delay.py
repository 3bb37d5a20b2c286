# SPDX-License-Identifier: LGPL-2.1-or-later
"""Delays the sound by the parameter `frames`, and gives the rest at the end."""

import numpy as np

from base_plugin import AudioProcessorPlugin


class Delay(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        super().__init__()
        self.frames = 100
        self._held = None

    def start(self):
        self._held = None

    def process_audio(self, buffer):
        if self._held is None:
            self._held = np.zeros_like(buffer.data[:, :1]).repeat(self.frames, 1)
        both = np.concatenate((self._held, buffer.data), axis=1)
        buffer.data[:] = both[:, : buffer.get_frame_count()]
        self._held = both[:, buffer.get_frame_count() :]

    def reset(self):
        self._held = None

    def drain(self):
        held, self._held = self._held, None
        return held

    def get_processing_latency(self):
        return self.frames / self.get_sample_rate()
