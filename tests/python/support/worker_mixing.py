# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mixer or splitter in a worker: its region, words and ports, as a host has them."""

import numpy as np

from worker_host import DTYPES, NO_TIME, PROCESS, pack_list, region

PRESENT, GAP, LATE, BREAK, FIRST_PTS = range(12, 17)
LINKED, SILENT, BREAKS = 12, 263, 264
FRAMES = 480


def port(name, channels=1, format="F32", *positions):
    return name, format, channels, *positions


class WithPorts:
    """One plugin, between start() and stop()."""

    def __init__(self, plugin, ports, channels=1, positions=()):
        self.plugin, self.channels = plugin, channels
        self.ports, self.positions = ports, positions
        self.restart()

    def restart(self):
        self.memory = None
        self.start([self._list(self.positions), *map(self._list, self.ports)])

    @staticmethod
    def _list(texts):
        return pack_list(texts)

    def start(self, told):
        format = ("F32", 1, 48000, self.channels, FRAMES, "", "", 0, 1, 0, 0, "F32")
        self.plugin._format = ("F32", 1, self.channels, 0)
        self.plugin.ask("start", *format, 1, self.channels, *told)

    def set_ports(self, ports):
        self.ports, self.memory = ports, None
        self.plugin.ask("set_ports", *map(self._list, ports))

    def _width(self, port):
        return np.dtype(DTYPES[port[1]]).itemsize * port[2]

    def make_region(self, offsets=None):
        """The block first; where each port begins is told."""
        end = FRAMES * 4 * self.channels
        self.offsets = []
        for each in self.ports:
            self.offsets.append(end)
            end += FRAMES * self._width(each)
        descriptor, self.memory = region(max(4096, end))
        self.plugin.slots[1] = self.memory
        told = self.offsets if offsets is None else offsets
        size = len(self.memory)
        self.plugin.notice(["slot", 1, size, 1, *told], [descriptor])


class Mixing(WithPorts):
    def set(self, name, key, value):
        return self.plugin.ask("set_input_parameter", name, key, value)

    def mix(self, *inputs, frames=FRAMES, present=None, gap=0, late=0, discont=0, **w):
        """Arrays of (channels, frames), or a number for each; its Reply."""
        if self.memory is None:
            self.make_region()
        self.memory[: frames * 4 * self.channels] = bytes(frames * 4 * self.channels)
        for samples, offset, each in zip(inputs, self.offsets, self.ports):
            shape = (each[2], frames)
            given = np.broadcast_to(np.asarray(samples, DTYPES[each[1]]), shape)
            flat = np.ascontiguousarray(given.T).reshape(-1).view(np.uint8)
            memory = np.frombuffer(self.memory, np.uint8)
            memory[offset : offset + flat.size] = flat
        words = self.plugin.words
        words[PRESENT] = 2 ** len(self.ports) - 1 if present is None else present
        words[GAP], words[LATE], words[BREAK] = gap, late, discont
        times = w.pop("times", [NO_TIME] * len(self.ports))
        for i, time in enumerate(times):
            words[FIRST_PTS + i] = time
        self.plugin.request(PROCESS, slot=1, frames=frames, **w)
        return self.plugin.reply(1, frames, 0)


class Splitting(WithPorts):
    def split(self, samples, frames=FRAMES, linked=None, **words):
        """A number for each channel; its Reply, which also has what came out."""
        if self.memory is None:
            self.make_region()
        memory = np.frombuffer(self.memory, np.uint8)
        block = np.empty((frames, self.channels), np.float32)
        block[:] = samples
        memory[: block.nbytes] = block.reshape(-1).view(np.uint8)
        everybody = 2 ** len(self.ports) - 1
        self.plugin.words[LINKED] = everybody if linked is None else linked
        for offset, each in zip(self.offsets, self.ports):
            memory[offset : offset + frames * self._width(each)] = 0
        self.plugin.request(PROCESS, slot=1, frames=frames, **words)
        reply = self.plugin.reply(1, frames, 0)
        reply.silent, reply.breaks = self.plugin.words[SILENT : BREAKS + 1]
        reply.given = {
            each[0]: self._given(offset, each, frames)
            for offset, each in zip(self.offsets, self.ports)
        }
        return reply

    def _given(self, offset, port, frames):
        dtype = DTYPES[port[1]]
        flat = np.frombuffer(self.memory, dtype, frames * port[2], offset)
        return flat.reshape(frames, port[2]).T.copy()
