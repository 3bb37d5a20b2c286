# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes half of the samples and then fails, each second call.

The parameter how says in which way.
"""

import numpy as np

from base_plugin import AudioProcessorPlugin


class Failing(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        super().__init__()
        self.how = "raise"
        self._calls = 0
        self._kept = []

    def process_audio(self, buffer):
        self._calls += 1
        if self._calls % 2:
            buffer.data *= 2
            return True
        half = buffer.data[:, : buffer.get_frame_count() // 2]
        half *= 3
        return getattr(self, "_" + self.how)(buffer)

    def _raise(self, buffer):
        raise ValueError("half way")

    def _refuse(self, buffer):
        return False

    def _rebind(self, buffer):
        buffer.data = np.zeros_like(buffer.data)
        raise ValueError("half way")

    def _shape(self, buffer):
        buffer.data = buffer.data[:, :3]

    def _keep(self, buffer):
        self._kept.append(buffer.data)
        raise ValueError("half way")

    def _exit(self, buffer):
        raise SystemExit
