# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts 16 bytes before each block, as an encryptor does, and gives that as it is.

Its parameters tell what they are asked for: `blocks` sys.getallocatedblocks(),
`calls` the ns that one of so many calls of the method takes from Python.
"""

import sys
import time

import numpy as np

from base_plugin import AudioBuffer, AudioProcessorPlugin

TAG = bytes(16)


class Growing(AudioProcessorPlugin):
    as_bytes = True
    output_caps = "application/x-grown"

    def process_audio(self, buffer):
        return TAG + buffer.data.tobytes()

    def set_parameter(self, key, value):
        self.calls = int(value) if key == "calls" else 0

    def get_parameter(self, key):
        return (
            repr(self.time_calls()) if key == "calls" else str(sys.getallocatedblocks())
        )

    def time_calls(self):
        buffer = AudioBuffer(1, 1)
        buffer.data = np.zeros(480 * 2 * 4, np.uint8)
        call = self.process_audio
        begin = time.perf_counter_ns()
        for _ in range(self.calls):
            call(buffer)
        return (time.perf_counter_ns() - begin) / self.calls


def create_plugin():
    return Growing()
