# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes an object of the parameter's kind out of each block, with bytes before.

A `chained` one has a __del__ that raises, and only then lets go of the block.
"""

import numpy as np


class Chained(np.ndarray):
    def __del__(self):
        raise RuntimeError("from a destructor")


def chained(data):
    made = np.concatenate([data[:8], data]).view(Chained)
    made.block = data[:]
    return made


KINDS = {
    "bytes": lambda data: data[:8].tobytes() + data.tobytes(),
    "bytearray": lambda data: bytearray(data[:8]) + data.tobytes(),
    "array": lambda data: np.concatenate([data[:8], data]),
    "memoryview": lambda data: memoryview(bytes(8) + data.tobytes())[8:],
    "block": lambda data: data,
    "several": lambda data: [data[:16], bytearray(data[16:]), data[8:].copy()],
    "chained": chained,
}


class Making:
    input_caps = "ANY"
    output_caps = "application/x-out"

    def set_parameter(self, key, value):
        self.make = KINDS[value]

    def process_audio(self, buffer):
        return self.make(buffer.data)
