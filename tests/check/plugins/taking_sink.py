# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes every sample it gets into a file, as 64-bit floats, frame by frame.

Parameters: path (of the file), how (it treats its buffer afterwards).
"""

import numpy as np

from base_plugin import AudioSinkPlugin
from checklog import say


class TakingSink(AudioSinkPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        super().__init__()
        self.path = ""
        self.how = "leave"
        self._kept = []

    def start(self):
        self._file = open(self.path, "ab")

    def write_audio(self, buffer):
        buffer.data.T.astype("f8").tofile(self._file)
        if self.how == "scribble":
            buffer.data[:] = 1
        elif self.how == "rebind":
            buffer.data = np.ones_like(buffer.data)
        elif self.how == "keep":
            self._kept.append((buffer.data, buffer.data.copy()))
        return True

    def stop(self):
        self._file.close()

    def shutdown(self):
        if self.how == "keep":
            same = sum(np.array_equal(kept, seen) for kept, seen in self._kept)
            say(f"{same} of {len(self._kept)} unchanged")
