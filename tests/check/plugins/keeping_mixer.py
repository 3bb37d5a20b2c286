# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds its inputs, and keeps something else of the array of `keep` in each call.

`keep` is the output or the name of an input. In the next call it tries to write
there. At stop it says whether all that it kept has the values that it saw, and
that between two calls an input has no samples.
"""

import functools
import weakref

import numpy as np

from base_plugin import AudioMixerPlugin, Param
from checklog import say


def in_a_traceback(data):
    try:
        raise ValueError(data.shape)
    except ValueError as error:
        return error


def in_a_closure(data):
    return lambda: data


def in_a_generator(data):
    def generator():
        yield data.shape
        yield data

    made = generator()
    next(made)
    return made


def changed_in_place(data):
    data.shape = (1, 1, -1)
    return data


class Holder:
    pass


def in_an_attribute(data):
    holder = Holder()
    holder.data = data
    return holder


# What is an array, or leads to one by numpy.array(), is compared later on.
WAYS = (
    lambda data: data,
    lambda data: data[:, 1:9],
    lambda data: data[:, 1:9][:1],
    lambda data: data.T,
    lambda data: data[0],
    lambda data: memoryview(data),
    lambda data: np.asarray(data)[:],
    lambda data: data[np.newaxis],
    lambda data: data.flat,
    lambda data: data.base,
    lambda data: data.view(np.uint8),
    lambda data: data.real,
    lambda data: data.reshape(-1),
    lambda data: data[..., ::-1],
    lambda data: np.broadcast_to(data, (3, *data.shape)),
    lambda data: np.lib.stride_tricks.as_strided(data, (1, 4), (0, 4)),
    lambda data: np.lib.stride_tricks.sliding_window_view(data, 4, axis=1),
    lambda data: memoryview(data).cast("B").cast("f"),
    lambda data: np.frombuffer(memoryview(data.T), np.float32),
    lambda data: np.nditer(data),
    lambda data: iter(data),
    lambda data: functools.partial(np.sum, data),
    lambda data: data.sum,
    lambda data: [{"data": (data,)}],
    lambda data: (data, weakref.ref(data)),
    in_a_traceback,
    in_a_closure,
    in_a_generator,
    in_an_attribute,
    changed_in_place,
)


def values(thing):
    if isinstance(thing, np.flatiter):
        return np.array(thing.base)
    if isinstance(thing, (np.ndarray, memoryview)):
        return np.array(thing)
    return np.zeros(0)


class KeepingMixer(AudioMixerPlugin):
    inputs = (1, 4)
    keep = Param("output", choices=("output", "0", "1"))

    def start(self):
        self.kept = []
        self.calls = 0
        return super().start()

    def mix_audio(self, output, inputs):
        self.lasting = inputs, [*inputs.values()]  # that is no mistake
        for each in inputs.values():
            output.data += each.data
        if self.kept:
            self.write_to(*self.kept[-1])
        source = output if self.keep == "output" else inputs[self.keep]
        way = WAYS[self.calls % len(WAYS)]
        self.calls += 1
        thing = way(source.data)
        self.kept.append((thing, values(thing)))

    def write_to(self, thing, seen):
        """What an input shows refuses it, whatever is made of it."""
        if not isinstance(thing, np.ndarray):
            return
        if self.keep == "output":
            if thing.flags.writeable:
                thing[...] = seen[...] = 99
            return
        try:
            thing.flags.writeable = True
            thing[...] = 99
            say("an input was written to")
        except ValueError:
            pass

    def stop(self):
        changed = [
            number
            for number, (thing, seen) in enumerate(self.kept)
            if not np.array_equal(values(thing), seen)
        ]
        mapping, objects = self.lasting
        sizes = {each.data.size for each in [*objects, *mapping.values()]}
        say(f"kept {len(self.kept)}, changed {changed}, between calls {sizes}")
        super().stop()
