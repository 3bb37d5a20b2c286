# SPDX-License-Identifier: LGPL-2.1-or-later
"""Gives what its parameter `give` says, and says where it lies and what is in it.

Objects that it keeps are overwritten in the next call. The parameter `output` is
its output caps, "application/x-out" unless it is set.
"""

import weakref

import numpy as np

from checklog import say


def array(data):
    """Other bytes than came in, in memory of their own."""
    return np.asarray(data).ravel().view(np.uint8) ^ np.uint8(0x55)


def padded(data):
    made = array(data)
    return np.concatenate([made[:4], made, made[:4]])


def raw(data):
    return bytes(array(data))


def parts_of(whole):
    return [whole[:8], whole[8:]]


def keep(plugin, thing):
    plugin.kept.append(thing)
    return thing


def keep_weakly(plugin, thing):
    plugin.weak.append(weakref.ref(thing))
    return thing


def again(plugin, thing):
    plugin.same = plugin.same if plugin.same is not None else thing
    plugin.same[:] = thing
    return plugin.same


def bind(buffer, thing, answer=None):
    buffer.data = thing
    return answer


def delete(buffer):
    del buffer.data


def released(data):
    view = memoryview(bytearray(data))
    view.release()
    return view


def readonly(thing):
    thing.flags.writeable = False
    return thing


class Own(bytearray):
    pass


# Each gets (plugin, buffer, buffer.data).
WAYS = {
    # as they are
    "bytes": lambda p, b, d: raw(d),
    "bytearray": lambda p, b, d: bytearray(raw(d)),
    "array": lambda p, b, d: array(d),
    "slice of an array": lambda p, b, d: padded(d)[4:-4],
    "rows": lambda p, b, d: array(d).reshape(2, -1),
    "read-only array": lambda p, b, d: np.frombuffer(raw(d), np.uint8),
    "array of floats": lambda p, b, d: array(d).view(np.float32),
    "array over a bytearray": lambda p, b, d: np.frombuffer(bytearray(raw(d)), "u1"),
    "memoryview of bytes": lambda p, b, d: memoryview(raw(d)),
    "memoryview of a bytearray": lambda p, b, d: memoryview(bytearray(raw(d))),
    "memoryview of an array": lambda p, b, d: memoryview(array(d)),
    "slice of a memoryview": lambda p, b, d: memoryview(padded(d))[4:-4],
    "parts of bytes": lambda p, b, d: parts_of(memoryview(raw(d))),
    "kept bytes": lambda p, b, d: keep(p, raw(d)),
    "bound": lambda p, b, d: bind(b, array(d)),
    "bound, True": lambda p, b, d: bind(b, array(d), True),
    "bound, returned": lambda p, b, d: bind(b, array(d)) or b.data,
    "bound list": lambda p, b, d: bind(b, [raw(d), array(d)]),
    "list of one": lambda p, b, d: [array(d)],
    "tuple": lambda p, b, d: (raw(d), bytearray(raw(d)), array(d)),
    "kept list of bytes": lambda p, b, d: keep(p, [raw(d), raw(d)]),
    "bytes twice": lambda p, b, d: [raw(d)] * 2,
    "empty ones between": lambda p, b, d: [b"", raw(d), bytearray(), d[:0], array(d)],
    # parts of the block
    "block": lambda p, b, d: d,
    "slice of the block": lambda p, b, d: d[4:-4],
    "parts of the block": lambda p, b, d: parts_of(d),
    "memoryview of the block": lambda p, b, d: memoryview(d)[4:],
    "bound slice of the block": lambda p, b, d: bind(b, d[8:]),
    # copied
    "kept bytearray": lambda p, b, d: keep(p, bytearray(raw(d))),
    "kept array": lambda p, b, d: keep(p, array(d)),
    "bound and kept": lambda p, b, d: bind(b, keep(p, array(d))),
    "slice of a kept array": lambda p, b, d: keep(p, array(d))[4:],
    "slice of a slice": lambda p, b, d: keep(p, array(d)[4:])[4:],
    "kept slice": lambda p, b, d: keep(p, padded(d)[4:-4]),
    "memoryview of a kept array": lambda p, b, d: memoryview(keep(p, array(d))),
    "memoryview of kept": lambda p, b, d: memoryview(keep(p, bytearray(raw(d)))),
    "kept memoryview": lambda p, b, d: keep(p, memoryview(bytearray(raw(d)))),
    "slice of a kept memoryview": lambda p, b, d: keep(p, memoryview(array(d)))[4:],
    "over a kept bytearray": lambda p, b, d: np.frombuffer(
        keep(p, bytearray(raw(d))), "u1"
    ),
    "weakly kept": lambda p, b, d: keep_weakly(p, array(d)),
    "weakly kept memoryview": lambda p, b, d: keep_weakly(p, memoryview(array(d))),
    "kept list": lambda p, b, d: keep(p, [array(d)]),
    "kept in a tuple": lambda p, b, d: (keep(p, array(d)),),
    "read-only, kept": lambda p, b, d: readonly(keep(p, array(d))[:]),
    "the same again": lambda p, b, d: again(p, array(d)),
    "the same bytearray": lambda p, b, d: again(p, bytearray(raw(d))),
    "array twice": lambda p, b, d: [array(d)] * 2,
    "parts of an array": lambda p, b, d: parts_of(array(d)),
    "type of its own": lambda p, b, d: Own(raw(d)),
    # nothing yet
    "empty list": lambda p, b, d: [],
    "empty tuple": lambda p, b, d: (),
    "empty bytes": lambda p, b, d: b"",
    "empty array": lambda p, b, d: np.empty(0, "u1"),
    "list of nothing": lambda p, b, d: [bytearray(), b""],
    # wrong
    "None": lambda p, b, d: None,
    "True": lambda p, b, d: True,
    "False": lambda p, b, d: False,
    "numpy.True_": lambda p, b, d: np.True_,
    "str": lambda p, b, d: "text",
    "int": lambda p, b, d: 7,
    "number": lambda p, b, d: np.float32(1),
    "dict": lambda p, b, d: {1: 2},
    "set": lambda p, b, d: {1, 2},
    "range": lambda p, b, d: range(9),
    "generator": lambda p, b, d: (each for each in (1, 2)),
    "list of ints": lambda p, b, d: [1, 2, 3],
    "nested list": lambda p, b, d: [[1, 2, 3]],
    "None in a list": lambda p, b, d: [raw(d), None],
    "block and str": lambda p, b, d: [d, "text"],
    "strided array": lambda p, b, d: array(d)[::2],
    "backwards": lambda p, b, d: array(d)[::-1],
    "Fortran": lambda p, b, d: array(d).reshape(2, -1).T,
    "objects": lambda p, b, d: np.array([b"1", None]),
    "strided memoryview": lambda p, b, d: memoryview(array(d))[::2],
    "kept strided memoryview": lambda p, b, d: keep(p, memoryview(array(d)))[::2],
    "released memoryview": lambda p, b, d: released(d),
    "deleted": lambda p, b, d: delete(b),
    "raise": lambda p, b, d: 1 / 0,
}


def told(thing):
    if isinstance(thing, (list, tuple)):
        return [word for each in thing for word in told(each)]
    seen = np.frombuffer(memoryview(thing).cast("B") if len(thing) else b"", "u1")
    return [f"{seen.ctypes.data}:{seen.tobytes().hex()}"] if len(seen) else []


class Giving:
    input_caps = "ANY"
    output_caps = "ANY"

    def __init__(self):
        self.give = "bytes"
        self.output = "application/x-out"
        self.kept = []
        self.weak = []
        self.same = None

    def set_parameter(self, key, value):
        setattr(self, key, value)

    def get_output_caps(self, input_caps):
        return self.output

    def overwrite_kept(self):
        for each in self.kept + [ref() for ref in self.weak]:
            each = each[0] if isinstance(each, list) else each
            if isinstance(each, (bytearray, memoryview, np.ndarray)):
                np.frombuffer(each, np.uint8)[:] = 0xEE

    def process_audio(self, buffer):
        self.overwrite_kept()
        given = WAYS[self.give](self, buffer, buffer.data)
        try:
            bound = given is None or given is True
            say(*told(buffer.data if bound else given))
        except Exception:
            pass  # what is wrong cannot be told
        return given
