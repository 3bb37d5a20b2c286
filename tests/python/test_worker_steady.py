# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker does less for a buffer where it has seen one before, and nothing else."""

import os
import select
import textwrap
import time

import numpy as np
import pytest

from worker_host import COPIED, DISCONT, ESCAPED, FAILED, OK

ONES = np.ones((2, 480), np.float32)

# What a plugin does, and what then comes of it: outcome, flags, the first sample.
UNUSUAL = {
    "nothing": ("pass", OK, 0, 2),
    "true": ("return True", OK, 0, 2),
    "false": ("return False", FAILED, 0, 2),
    "raises": ("raise RuntimeError('no')", FAILED, 0, 2),
    "exits": ("raise SystemExit", FAILED, 0, 2),
    # Its traceback has the frame of the call, and so the buffer.
    "raises what it keeps": ("raise self.error", FAILED, ESCAPED, 2),
    "returns another": ("return buffer.data * 5", OK, 0, 10),
    "returns the same": ("return buffer.data", OK, 0, 2),
    "returns a number": ("return 7", FAILED, 0, 2),
    "binds another": ("buffer.data = buffer.data * 5", OK, 0, 10),
    "binds a part": ("buffer.data = buffer.data[:, :100]", FAILED, 0, 2),
    "binds none": ("buffer.data = None", FAILED, 0, 2),
    "deletes": ("del buffer.data", FAILED, 0, 2),
    "keeps the array": ("self.kept.append(buffer.data)", OK, ESCAPED, 2),
    "keeps a slice": ("self.kept.append(buffer.data[0, 3:])", OK, ESCAPED, 2),
    "keeps the buffer": ("self.kept.append(buffer)", OK, ESCAPED, 2),
    "keeps the bytes": ("self.kept.append(memoryview(buffer.data))", OK, ESCAPED, 2),
    "keeps the mapping": ("self.kept.append(buffer.data.base)", OK, ESCAPED, 2),
    "keeps and raises": ("self.kept.append(buffer.data); 1 / 0", FAILED, ESCAPED, 2),
    "marks": ("buffer.discont = True", OK, DISCONT, 2),
    "puts something into _stream": ("buffer._stream = buffer.data", OK, 0, 2),
    "takes _stream away": ("buffer._stream = None", OK, 0, 2),
    "posts": ("self.post('told', value=1)", OK, 0, 2),
}


def plugin_of(code):
    return "import sys\nfrom base_plugin import *\n" + textwrap.dedent(
        f"""
        class Plugin(AudioProcessorPlugin):
            calls, at, error = 0, 0, ValueError("the same")
            def __init__(self):
                super().__init__()
                self.kept = []
            def process_audio(self, buffer):
                assert buffer.sample_rate == 48000
                buffer.data *= 2
                self.calls += 1
                if self.calls == self.at:
                    {code}
            def set_parameter(self, key, value):
                self.at, self.calls = int(value), 0
    """
    )


@pytest.mark.parametrize("what", UNUSUAL)
def test_it_does_not_matter_which_buffer_it_is(worker, files, what):
    code, outcome, flags, sample = UNUSUAL[what]
    plugin = worker.load(files({"plugin.py": plugin_of(code)}) / "plugin.py")
    plugin.start()
    told = []
    # Not seen before, just seen, and seen for a while; with one place and with two.
    for at, slots in ((1, 1), (2, 1), (7, 1), (8, 2)):
        plugin.ask("set_parameter", "at", at)
        for call in range(1, at + 4):
            # What is kept is memory of the worker's: other regions come then.
            slot = call % slots
            reply = plugin.process(ONES, slot=slot)
            if call != at:
                assert (reply.outcome, reply.flags) == (OK, 0), (call, reply.failure)
                assert (reply.samples == 2).all() and not reply.messages
                continue
            assert (reply.outcome, reply.flags) == (outcome, flags), reply.failure
            assert reply.samples[0, 0] == sample
            failure = reply.failure
            told.append(
                failure and (failure.kind, failure.type, failure.message, failure.line)
            )
            if flags & ESCAPED:
                plugin.slots.pop(slot)
        assert len(plugin.messages) == (code.count("post") * len(told))
    assert told == [told[0]] * 4


def test_the_short_way_is_gone(worker, files):
    """The plugin is called from it from the third buffer on, in each place."""
    source = """
        import sys
        def process_audio(buffer):
            buffer.data[0, 0] = sys._getframe(1).f_code.co_filename.endswith("steady.py")
    """
    script = files({"plugin.py": textwrap.dedent(source)}) / "plugin.py"
    plugin = worker.load(script)
    plugin.start()
    gone = [plugin.process(ONES, slot=i % 2).samples[0, 0] for i in range(12)]
    assert gone[:2] == [0, 0] and gone[6:] == [1] * 6
    plugin.process(ONES, flags=1)
    assert plugin.process(ONES).samples[0, 0] == 1
    plugin.stop()
    plugin.start()
    assert [plugin.process(ONES).samples[0, 0] for _ in range(3)] == [0, 1, 1]


def test_a_signal_alone_is_no_request(worker, files):
    """Nor is it a second one of the buffer before."""
    source = """
        calls = []
        def process_audio(buffer):
            calls.append(1)
            buffer.data[:] = len(calls)
    """
    plugin = worker.load(files({"plugin.py": textwrap.dedent(source)}) / "plugin.py")
    plugin.start()
    for call in range(1, 8):
        assert plugin.process(ONES).samples[0, 0] == call
        os.eventfd_write(plugin.requests, 1)
        while select.select([plugin.requests], [], [], 0)[0]:
            time.sleep(0.001)


def test_times_are_those_of_each_buffer(worker, files):
    source = """
        from base_plugin import *
        class Plugin(AudioProcessorPlugin):
            kept = []
            def process_audio(self, buffer):
                buffer.data[0, 0] = buffer.pts
                buffer.data[0, 1] = buffer.offset
                buffer.data[0, 2] = buffer.gap
                if buffer.pts == 5:
                    self.kept.append(buffer)
                for each in self.kept:
                    buffer.data[1, 0] = each.pts
    """
    script = files({"plugin.py": textwrap.dedent(source)}) / "plugin.py"
    plugin = worker.load(script)
    plugin.start()
    for pts in range(10):
        reply = plugin.process(ONES, pts=pts, position=7 * pts, flags=2 * (pts % 2))
        assert reply.samples[0, :3].tolist() == [pts, 7 * pts, pts % 2]
        assert reply.samples[1, 0] == (5 if pts >= 5 else 1)
        if pts == 5:
            plugin.slots.clear()


def test_a_place_is_what_it_was_after_one_that_is_copied(worker, files):
    source = """
        calls = []
        def process_audio(buffer):
            calls.append(1)
            if len(calls) == 4:
                return buffer.data * 3
            buffer.data *= 2
    """
    script = files({"plugin.py": textwrap.dedent(source)}) / "plugin.py"
    plugin = worker.load(script)
    plugin.start(1, interleaved=0)
    ones, memory = np.ones((1, 100), np.float32), plugin.add_slot(0, 4096)
    for _ in range(2):
        assert plugin.process(ones).flags == 0
    memory[2:6] = ones.tobytes()[:4]
    plugin.request(16 + 9, slot=0, offset=2, frames=1, stride=4)
    reply = plugin.reply(None, 0, 0)
    assert (reply.outcome, reply.flags) == (OK, COPIED)
    reply = plugin.process(ones)
    assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
    assert (reply.samples == 3).all()
