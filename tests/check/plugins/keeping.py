# SPDX-License-Identifier: LGPL-2.1-or-later
"""What keeping_mixer.py and keeping_splitter.py are made of: in each call they keep
something else of one array, and try to write to what they kept in the call before.

At stop they say whether all that was kept has the values that they saw, and that
between two calls no port has samples.
"""

import functools
import weakref

import numpy as np

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


class Keeping:
    """Goes before the plugin's own class."""

    def start(self):
        self.kept = []
        self.calls = 0
        return super().start()

    def keep_some_of(self, source, is_input, ports):
        self.lasting = ports, [*ports.values()]  # that is no mistake
        if self.kept:
            self.write_to(*self.kept[-1], is_input)
        thing = WAYS[self.calls % len(WAYS)](source.data)
        self.calls += 1
        self.kept.append((thing, values(thing)))

    def write_to(self, thing, seen, is_input):
        """What an input shows refuses it, whatever is made of it."""
        if not isinstance(thing, np.ndarray):
            return
        if not is_input:
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
