# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin in a worker sees of the samples, and what it may do with them."""

import resource
import textwrap

import numpy as np
import pytest

from worker_host import (
    DECLINED,
    DISCONT,
    DROPPED,
    END_OF_STREAM,
    ESCAPED,
    FAILED,
    OK,
    WorkerHost,
    region,
)

ONES = np.ones((2, 480), np.float32)


@pytest.fixture
def load(worker, files):
    """load(body of a class, …) is a plugin; its code can use np and post()."""

    def make(body, kind="processor", **more):
        base = {"processor": "Processor", "source": "Source", "sink": "Sink"}[kind]
        lines = "\n".join("    " + line for line in body.strip("\n").split("\n"))
        source = (
            f"import numpy as np\nfrom base_plugin import *\n"
            f"class Plugin(Audio{base}Plugin):\n{lines}\n"
        )
        script = files({"plugin.py": source}) / "plugin.py"
        return worker.load(script, kind, **more)

    return make


def methods(text):
    """The body of a class, without the indentation it has in a test."""
    return textwrap.dedent(text)


# ---- what it sees ---------------------------------------------------------------


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("format", ["F32", "F64", "S16", "S32"])
def test_samples_are_worked_on_where_they_lie(load, format, interleaved):
    plugin = load(
        methods(
            f"""
        formats = {format!r}
        def process_audio(self, buffer):
            assert buffer.data.shape == (3, 100)
            assert buffer.data.flags.writeable and not buffer.data.flags.owndata
            buffer.data[1] += 1
            buffer.data[2] *= 3
    """
        )
    )
    plugin.start(3, format, interleaved)
    samples = np.arange(300).reshape(3, 100)
    reply = plugin.process(samples)
    assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
    assert (reply.samples == [samples[0], samples[1] + 1, samples[2] * 3]).all()


def test_planes_may_be_apart(load):
    plugin = load("def process_audio(self, buffer): buffer.data *= 2")
    plugin.start(2, interleaved=0)
    memory = np.frombuffer(plugin.add_slot(0, 8192), np.float32)
    memory[:] = 1
    plugin.process(frames=100, stride=800, offset=16)
    assert (memory[4:104] == 2).all() and (memory[204:304] == 2).all()
    assert memory.sum() == memory.size + 200


def test_one_array_and_one_buffer_for_all_calls(load):
    plugin = load(
        methods(
            """
        seen = None
        def process_audio(self, buffer):
            now = (id(buffer), id(buffer.data))
            buffer.data[0, 0] = self.seen in (None, now)
            self.seen = now
    """
        )
    )
    plugin.start()
    assert [plugin.process(ONES).samples[0, 0] for _ in range(5)] == [1] * 5


def test_each_slot_has_its_array(load):
    plugin = load(
        methods(
            """
        arrays = []
        def process_audio(self, buffer):
            if id(buffer.data) not in self.arrays:
                self.arrays.append(id(buffer.data))
            buffer.data[0, 0] = len(self.arrays)
    """
        )
    )
    plugin.start()
    found = [plugin.process(ONES, slot=i % 3).samples[0, 0] for i in range(9)]
    assert found == [1, 2, 3, 3, 3, 3, 3, 3, 3]


def test_many_sizes_do_not_pile_up(load):
    plugin = load(
        methods(
            """
        def process_audio(self, buffer):
            import sys
            buffer.data[0, 0] = sys.getrefcount(buffer.data.base)
    """
        )
    )
    plugin.start()
    plugin.add_slot(0, 65536)
    found = []
    for frames in range(1, 300):
        reply = plugin.process(np.ones((2, frames)))
        assert (reply.outcome, reply.flags) == (OK, 0)
        found.append(reply.samples[0, 0])
    assert max(found) < 80


def test_times_and_flags(load):
    plugin = load(
        methods(
            """
        def process_audio(self, buffer):
            self.post("seen", times=repr((
                buffer.pts, buffer.duration, buffer.offset, buffer.discont,
                buffer.gap, buffer.sample_rate)))
    """
        )
    )
    plugin.start(rate=44100)
    plugin.process(ONES)
    plugin.process(ONES, pts=2**63, duration=0, position=7, flags=3)
    assert [fields["times"] for _, fields in plugin.messages] == [
        "(None, None, None, False, False, 44100)",
        f"({2**63}, 0, 7, True, True, 44100)",
    ]


@pytest.mark.parametrize("set_to, before, after", [
    (True, 0, DISCONT), (False, 1, 0), (None, 1, DISCONT), (None, 0, 0),
])  # fmt: skip
def test_discont_goes_both_ways(load, set_to, before, after):
    change = "pass" if set_to is None else f"buffer.discont = {set_to}"
    plugin = load(f"def process_audio(self, buffer): {change}")
    plugin.start()
    assert plugin.process(ONES, flags=before).flags == after


def test_a_read_only_plugin_cannot_write(load):
    plugin = load(
        methods(
            """
        read_only = True
        def process_audio(self, buffer):
            for change in ("buffer.data *= 2", "buffer.data.flags.writeable = True"):
                try:
                    exec(change)
                except ValueError:
                    self.post("refused")
    """
        )
    )
    plugin.start()
    plugin.add_slot(0, 4096, writable=False)
    memory = plugin.slots[0]
    reply = plugin.process(frames=480)
    assert (reply.outcome, len(plugin.messages)) == (OK, 2), reply.failure
    assert bytes(memory) == bytes(4096)


def test_a_new_format_is_a_new_view(load):
    plugin = load("def process_audio(self, buffer): buffer.data += 1")
    plugin.start(2)
    assert (plugin.process(np.zeros((2, 10))).samples == 1).all()
    plugin.stop()
    plugin.start(4)
    assert (plugin.process(np.zeros((4, 20))).samples == 1).all()


def test_samples_that_no_array_can_be_over_are_copied(load):
    plugin = load(
        methods(
            """
        def process_audio(self, buffer):
            assert buffer.data.flags.aligned
            buffer.data *= 2
    """
        )
    )
    plugin.start(2, interleaved=0)
    plugin.add_slot(0, 8192)
    for _ in range(3):
        reply = plugin.process(ONES, offset=2)
        assert (reply.outcome, reply.flags) == (OK, 8), reply.failure
        memory = np.frombuffer(plugin.slots[0][2 : 2 + ONES.nbytes], np.float32)
        assert (memory == 2).all()


def test_curves(load):
    plugin = load(
        methods(
            """
        gain = Param(1.0)
        curves = "gain"
        def process_audio(self, buffer):
            gain = buffer.curve("gain")
            assert gain.flags.owndata and gain.flags.writeable
            buffer.data *= gain
            self.kept = buffer
            try:
                buffer.curve("other")
            except KeyError as error:
                self.post("other", text=error.args[0])
        def stop(self):
            try:
                self.kept.curve("gain")
            except RuntimeError as error:
                self.post("late", text=str(error))
    """
        )
    )
    plugin.start()
    descriptor, memory = region(8192)
    np.frombuffer(memory, np.float32)[:1024] = 9
    np.frombuffer(memory, np.float32)[1024:] = np.arange(1024)
    plugin.notice(["curves", 8192, "unused", "gain"], [descriptor])
    reply = plugin.process(ONES, curves=2)
    assert (reply.samples == np.arange(480)).all()
    plugin.stop()
    assert plugin.messages == [
        ("other", {"text": "no curve other: name it in the class attribute curves"}),
        ("late", {"text": "a curve is there during the call only, and for a plugin "
                          "that names it in its class attribute curves"}),
    ]  # fmt: skip


# ---- what it gives --------------------------------------------------------------


@pytest.mark.parametrize("code", [
    "buffer.data = buffer.data * 2",
    "return buffer.data * 2",
    "buffer.data *= 2; return buffer.data",
    "buffer.data = twice = buffer.data * 2; return twice",
    "buffer.data = buffer.data[::-1]; buffer.data *= 2",
    "buffer.data *= 2; return np.True_",
])  # fmt: skip
def test_in_place_or_in_its_place(load, code):
    plugin = load(f"def process_audio(self, buffer): {code}")
    plugin.start()
    for _ in range(3):
        reply = plugin.process(ONES)
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        assert (reply.samples == 2).all()


@pytest.mark.parametrize("code, type, message", [
    ("return 'text'", "TypeError",
     "gave str, not an array of float32 with the shape (2, 480)"),
    ("return np.float64(1)", "TypeError",
     "gave numpy.float64, not an array of float32 with the shape (2, 480)"),
    ("return buffer", "TypeError",
     "gave AudioBuffer, not an array of float32 with the shape (2, 480)"),
    ("return buffer.data.astype('f8')", "TypeError",
     "gave an array of float64, not float32: use .astype(np.float32)"),
    ("return buffer.data[:, 1:]", "ValueError",
     "gave an array of shape (2, 479), not (2, 480)"),
    ("buffer.data = buffer.data[0]", "ValueError",
     "gave an array of shape (480,), not (2, 480)"),
    ("buffer.data = None", "TypeError",
     "gave NoneType, not an array of float32 with the shape (2, 480)"),
    ("del buffer.data", "TypeError", "deleted buffer.data"),
])  # fmt: skip
def test_what_is_no_result(load, code, type, message):
    plugin = load(f"\ndef process_audio(self, buffer): {code}")
    plugin.start()
    for _ in range(2):
        reply = plugin.process(ONES)
        failure = reply.failure
        assert reply.outcome == FAILED
        assert (failure.kind, failure.phase) == ("bad-result", "process_audio")
        assert (failure.type, failure.message) == (type, f"process_audio() {message}")
        assert failure.file.endswith("plugin.py") and failure.line == "4"
        assert reply.flags == 0


def test_a_read_only_plugin_gives_nothing(load):
    plugin = load(
        methods(
            """
        read_only = True
        def process_audio(self, buffer): return buffer.data * 2
    """
        )
    )
    plugin.start()
    failure = plugin.process(ONES).failure
    told = "process_audio() gave samples although the plugin is read_only"
    assert failure.message == told


def test_false_refuses(load):
    plugin = load("def process_audio(self, buffer): return np.False_")
    plugin.start()
    reply = plugin.process(ONES)
    assert reply.outcome == FAILED
    assert reply.failure.kind == "refused"
    assert reply.failure.message == "process_audio() returned False"


def test_an_exception(load):
    plugin = load(
        methods(
            """
        def process_audio(self, buffer):
            buffer.data[:] = 3
            self.deeper()
        def deeper(self):
            raise LookupError("one\\ntwo")
    """
        )
    )
    plugin.start()
    reply = plugin.process(ONES)
    failure = reply.failure
    assert (reply.outcome, reply.flags) == (FAILED, 0)
    assert (failure.kind, failure.type) == ("raised", "LookupError")
    assert (failure.message, failure.function) == ("one two", "deeper")
    assert failure.line == "8"
    frames = [line for line in failure.traceback.split("\n") if "File " in line]
    assert len(frames) == 2 and all("plugin.py" in line for line in frames)


def test_drop_buffer(load):
    plugin = load("def process_audio(self, buffer): raise DropBuffer('bad packet')")
    plugin.start()
    reply = plugin.process(ONES)
    assert reply.outcome == DROPPED
    assert (reply.failure.kind, reply.failure.message) == ("dropped", "bad packet")


def test_a_source(load):
    plugin = load(
        methods(
            """
        calls = 0
        def read_audio(self, buffer):
            self.calls += 1
            if self.calls == 1: return False
            if self.calls == 2: buffer.data[:] = 5; return True
            if self.calls == 3: raise DropBuffer("no")
            raise EndOfStream
    """
        ),
        "source",
    )
    plugin.start()
    assert plugin.process(ONES).outcome == DECLINED
    reply = plugin.process(ONES)
    assert reply.outcome == OK and (reply.samples == 5).all()
    reply = plugin.process(ONES)
    assert (reply.outcome, reply.failure.kind) == (FAILED, "raised")
    assert reply.failure.message == (
        "no (a source has no buffer to drop; False means nothing yet)"
    )
    reply = plugin.process(ONES)
    assert (reply.outcome, reply.failure) == (END_OF_STREAM, None)


def test_a_sink_declines(load):
    plugin = load("def write_audio(self, buffer): return False", "sink")
    plugin.start()
    assert plugin.process(ONES).outcome == DECLINED


# ---- what it keeps --------------------------------------------------------------


KEEP = {
    "array": "buffer.data",
    "slice": "buffer.data[0, 3:]",
    "slice of a slice": "buffer.data[0][3:]",
    "transposed": "buffer.data.T",
    "memoryview": "memoryview(buffer.data)",
    "AudioBuffer": "buffer",
    "view": "buffer.data.view('i4')",
    "strided": "np.lib.stride_tricks.as_strided(buffer.data)",
    "base": "buffer.data.base",
    "bound method": "buffer.clear",
}


@pytest.mark.parametrize("what", KEEP)
def test_what_is_kept_keeps_its_values(load, what):
    plugin = load(
        methods(
            f"""
        def __init__(self): self.kept = []
        def process_audio(self, buffer):
            if buffer.data[0, 0] < 3:
                self.kept.append({KEEP[what]})
        def start(self): return True
        def stop(self):
            for each in self.kept:
                each = getattr(each, "__self__", each)
                if type(each).__name__ in ("AudioBuffer", "mmap"):
                    each = getattr(each, "data", each)
                first = np.frombuffer(np.ascontiguousarray(each).tobytes(), "f4")[0]
                self.post("kept", first=float(first))
    """
        )
    )
    plugin.start()
    for i in range(3):
        reply = plugin.process(ONES * i, slot=i)
        assert (reply.outcome, reply.flags) == (OK, ESCAPED)
    # The host never uses these again; others it does, also under the same id.
    for _ in range(2):
        plugin.add_slot(0, 4096)
        reply = plugin.process(ONES * 7, slot=0)
        assert (reply.outcome, reply.flags) == (OK, 0)
    plugin.stop()
    assert [fields["first"] for _, fields in plugin.messages] == [0, 1, 2]


def test_kept_is_what_an_exception_leaves(load):
    plugin = load(
        methods(
            """
        def process_audio(self, buffer):
            try:
                samples = buffer.data
                raise ValueError
            except ValueError as error:
                self.error = error
    """
        )
    )
    plugin.start()
    assert plugin.process(ONES).flags == ESCAPED


def test_a_failure_alone_keeps_nothing(load):
    plugin = load(
        methods(
            """
        def process_audio(self, buffer):
            samples = buffer.data[0]
            return self.fail(samples)
        def fail(self, samples):
            try:
                raise KeyError("inner")
            except KeyError:
                raise ValueError("outer")
    """
        )
    )
    plugin.start()
    for _ in range(3):
        reply = plugin.process(ONES)
        assert (reply.outcome, reply.flags) == (FAILED, 0)


def test_a_kept_buffer_still_tells_its_times(load):
    plugin = load(
        methods(
            """
        kept = None
        def process_audio(self, buffer):
            self.kept = self.kept or buffer
        def stop(self):
            self.post("kept", pts=self.kept.pts)
    """
        )
    )
    plugin.start()
    assert plugin.process(ONES, pts=11).flags == ESCAPED
    for pts in (12, 13):
        assert plugin.process(ONES, slot=1, pts=pts).flags == 0
    plugin.stop()
    assert plugin.messages == [("kept", {"pts": 11})]


def test_the_buffer_stays_the_same_when_only_its_array_is_kept(load):
    plugin = load(
        methods(
            """
        kept = buffers = ()
        def process_audio(self, buffer):
            self.kept += (buffer.data,)
            self.buffers += (id(buffer),)
            buffer.data[:] = len(set(self.buffers))
    """
        )
    )
    plugin.start()
    for slot in range(3):
        reply = plugin.process(ONES, slot=slot)
        assert reply.flags == ESCAPED and (reply.samples == 1).all()


def test_more_can_be_kept_than_there_are_descriptors_at_first(files):
    script = (
        files(
            {
                "plugin.py": """
        kept = []
        def process_audio(buffer):
            kept.append(buffer.data)
    """
            }
        )
        / "plugin.py"
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with WorkerHost() as host:
            plugin = host.spawn().load(script)
            plugin.start()
            for _ in range(1100):
                plugin.add_slot(0, 4096)
                assert plugin.process(ONES).flags == ESCAPED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
