# SPDX-License-Identifier: LGPL-2.1-or-later
"""Doubles the samples and keeps something of each buffer.

Parameters: keep (what), scribble (write into what was kept the call before).
At stop it says whether all it kept still has the values it saw.
"""

import numpy as np

import checklog
from base_plugin import AudioProcessorPlugin

WAYS = {
    "nothing": lambda buffer: None,
    "data": lambda buffer: buffer.data,
    "slice": lambda buffer: buffer.data[:, 1:9],
    "slice-of-slice": lambda buffer: buffer.data[:, 1:9][:1],
    "transposed": lambda buffer: buffer.data.T,
    "row": lambda buffer: buffer.get_channel_data(0),
    "memoryview": lambda buffer: memoryview(buffer.data),
    "asarray": lambda buffer: np.asarray(buffer.data)[:],
    "reshaped": lambda buffer: np.asarray(buffer.data)[np.newaxis],
    "iterator": lambda buffer: buffer.data.flat,
    "owner": lambda buffer: buffer.data.base,
    "buffer": lambda buffer: buffer,
}


def values(thing):
    """What can be read from something that was kept."""
    if hasattr(thing, "data") and hasattr(thing, "get_channel_data"):
        thing = thing.data
    if isinstance(thing, np.flatiter):
        return np.array(thing.base)
    if isinstance(thing, (np.ndarray, memoryview)):
        return np.array(thing)
    return np.zeros(0)


class Keeper(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        super().__init__()
        self.keep = "nothing"
        self.scribble = False
        self.outlive = False
        self.kept = []
        self.seen = []
        self.identities = set()

    def process_audio(self, buffer):
        self.identities.add((id(buffer), id(buffer.data)))
        self.change(buffer)
        thing = WAYS[self.keep](buffer)
        if thing is not None:
            self.kept.append(thing)
            self.seen.append(values(thing))
        if self.scribble and len(self.kept) > 1:
            self.check(self.kept[-2], self.seen[-2])
            target = self.kept[-2]
            target = target.data if self.keep == "buffer" else target
            target[...] = 99
            self.seen[-2][...] = 99

    def change(self, buffer):
        buffer.data *= 2

    def check(self, thing, seen):
        if not np.array_equal(values(thing), seen):
            checklog.say("changed:", values(thing), "was", seen)

    def stop(self):
        for thing, seen in zip(self.kept, self.seen):
            self.check(thing, seen)
        checklog.say(f"kept {len(self.kept)}, {len(self.identities)} identities")
        if self.outlive:
            checklog.kept.extend(zip(self.kept, self.seen))


def create_plugin():
    return Keeper()
