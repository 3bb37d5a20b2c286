# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a splitter in a worker is shown of its outputs, and what it gives by them."""

import contextlib
import os
import textwrap

import pytest

from worker_host import DISCONT, ESCAPED, FAILED, OK, Failure
from worker_mixing import Splitting, port

TWO = [port("0"), port("1")]


@pytest.fixture
def splitter(worker, files):
    """splitter(body of a class, …) is one that has started, of one channel."""

    def make(body, ports=TWO, **more):
        source = "import numpy as np, sys\nfrom base_plugin import *\n"
        source += "class Plugin(AudioSplitterPlugin):\n"
        head = "outputs = (1, 64)\nformats = ('F32', 'S16', 'F64')\n"
        source += textwrap.indent(head + textwrap.dedent(body), "    ")
        path = files({"plugin.py": source}) / "plugin.py"
        return Splitting(worker.load(path, "splitter"), ports, **more)

    return make


def test_outputs_are_shown_as_the_host_says(splitter):
    splitting = splitter(
        """
        def split_audio(self, buffer, outputs):
            told = [[*outputs], buffer.data[:, 3].astype(int).tolist(), buffer.pts]
            for each in outputs.values():
                told += [each.name, each.pad_name, each.linked, each.data.shape]
                told += [each.data.dtype.str, bool(each.data.any()), each.pts]
                told += [each.duration, each.offset, each.discont, each.gap]
                told += [each.positions, each.sample_rate]
            assert type(buffer) is AudioBuffer
            self.post("told", text=repr(told))
    """,
        [port("a", 2, "S16", "front-left", "front-right"), port("b", 1, "F64")],
        channels=2,
    )
    for call in range(4):
        reply = splitting.split([5, 6], pts=9 + call, duration=7, linked=1)
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        told = splitting.plugin.messages[-1][1]["text"]
        times = [9 + call, 7, None, False, False]
        assert told == repr(
            [["a", "b"], [5, 6], 9 + call]
            + ["a", "src_a", True, (2, 480), "<i2", False, *times]
            + [("front-left", "front-right"), 48000]
            + ["b", "src_b", False, (1, 480), "<f8", False, *times, None, 48000]
        )


def test_the_input_refuses_writes(splitter):
    splitting = splitter(
        """
        def split_audio(self, buffer, outputs):
            data, refused = buffer.data, 0
            for write in (
                lambda: data.__setitem__(0, 5),
                lambda: data.setflags(write=True),
                lambda: np.copyto(data, 5),
                lambda: memoryview(data.base).__setitem__(0, 1),
                lambda: np.frombuffer(data.base, np.uint8).setflags(write=True),
            ):
                try:
                    write()
                except (ValueError, TypeError):
                    refused += 1
            outputs["1"].data[:] = refused + data
    """
    )
    for _ in range(3):
        reply = splitting.split(2)
        assert (reply.given["1"] == 7).all() and not reply.given["0"].any()


# What a plugin does, and what then comes of it: outcome, flags, which outputs are
# silent, which break, and the first sample of each.
UNUSUAL = {
    "nothing": ("pass", OK, 0, 0, 0, 3, 4),
    "returns true": ("return True", OK, 0, 0, 0, 3, 4),
    "raises": ("raise RuntimeError('no')", FAILED, 0, 0, 0, 3, 4),
    "raises what it keeps": ("raise self.error", FAILED, ESCAPED, 0, 0, 3, 4),
    "returns false": ("return False", FAILED, 0, 0, 0, 3, 4),
    "returns an array": ("return buffer.data", FAILED, 0, 0, 0, 3, 4),
    "binds the input": ("buffer.data = buffer.data * 5", FAILED, 0, 0, 0, 3, 4),
    "deletes the input": ("del buffer.data", FAILED, 0, 0, 0, 3, 4),
    "binds another": ("one.data = one.data * 5", OK, 0, 0, 0, 15, 4),
    "binds the input's": ("two.data = buffer.data", OK, 0, 0, 0, 3, 2),
    "binds the other's": ("one.data = two.data", OK, 0, 0, 0, 4, 4),
    "binds in a circle": ("one.data, two.data = two.data, one.data", *(OK, 0, 0, 0))
    + (4, 4),
    "binds a wrong one": ("one.data = one.data[:, :3]", FAILED, 0, 0, 0, 3, 4),
    "deletes an output's": ("del two.data", FAILED, 0, 0, 0, 3, 4),
    "says silence": ("two.silent()", OK, 0, 2, 0, 3, 4),
    "binds, and is silent": ("two.data = 7; two.silent()", OK, 0, 2, 0, 3, 4),
    "raises, and is silent": ("one.silent(); 1 / 0", FAILED, 0, 0, 0, 3, 4),
    "marks an output": ("two.discont = True", OK, 0, 0, 2, 3, 4),
    "marks none": ("two.discont = False", OK, 0, 0, 0, 3, 4),
    "marks the input": ("buffer.discont = True", OK, DISCONT, 0, 0, 3, 4),
    "keeps the input's array": ("keep(buffer.data)", OK, ESCAPED, 0, 0, 3, 4),
    "keeps the input": ("keep(buffer)", OK, ESCAPED, 0, 0, 3, 4),
    "keeps an output's array": ("keep(one.data)", OK, ESCAPED, 0, 0, 3, 4),
    "keeps a slice": ("keep(two.data[0, 3:])", OK, ESCAPED, 0, 0, 3, 4),
    "keeps the bytes": ("keep(memoryview(one.data))", OK, ESCAPED, 0, 0, 3, 4),
    "keeps the memory": ("keep(one.data.base)", OK, ESCAPED, 0, 0, 3, 4),
    "keeps a reference": ("keep(weakref.ref(one.data))", OK, 0, 0, 0, 3, 4),
    "keeps and raises": ("keep(one.data); 1 / 0", FAILED, ESCAPED, 0, 0, 3, 4),
    "keeps the outputs": ("keep((one, two, outputs))", OK, 0, 0, 0, 3, 4),
    "reshapes": ("one.data.shape = (2, 240)", OK, 0, 0, 0, 3, 4),
    "strides": ("one.data.strides = (8, 4)", OK, 0, 0, 0, 3, 4),
    "reshapes what it keeps": (
        "one.data.shape = (2, 240); keep(one.data)",
        *(OK, ESCAPED, 0, 0, 3, 4),
    ),
    "reshapes, and binds another": (
        "made = one.data * 5; one.data.shape = (2, 240); one.data = made",
        *(OK, 0, 0, 0, 15, 4),
    ),
    "puts it elsewhere": (
        "one.data.__setstate__((1, (1, 480), one.data.dtype, False, bytes(1920)))",
        *(FAILED, ESCAPED, 0, 0, 3, 4),
    ),
    "takes _stream away": ("one._stream = None", OK, 0, 0, 0, 3, 4),
    "changes a class": ("one.__class__ = Another", OK, 0, 0, 0, 3, 4),
    "posts": ("self.post('told', value=1)", OK, 0, 0, 0, 3, 4),
}


# Who keeps the objects could look between two calls, and so they are hidden then.
@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("what", UNUSUAL)
def test_it_does_not_matter_which_block_it_is(splitter, what, keeps):
    code, *wanted = UNUSUAL[what]
    splitting = splitter(
        f"""
        calls, at, error = 0, 0, ValueError("the same")
        def __init__(self):
            super().__init__()
            self.kept = []
        def split_audio(self, buffer, outputs):
            import weakref
            keep = self.kept.append
            one, two = outputs.values()
            if {keeps}:
                self.lasting = outputs, one
            class Another(SplitterOutput):
                __slots__ = ()
            assert one.pts == 1 and not one.discont and one.data.shape == buffer.data.shape
            assert one.data.strides == (4, 4)
            assert not one.data.any() and not two.data.any() and one.linked
            one.data[:], two.data[:] = buffer.data + 1, buffer.data + 2
            self.calls += 1
            if self.calls == self.at:
                {code}
        def set_parameter(self, key, value):
            self.at, self.calls = int(value), 0
    """
    )

    def said(reply):
        first = [reply.given[name][0, 0] for name in ("0", "1")]
        return [reply.outcome, reply.flags, reply.silent, reply.breaks, *first]

    told = []
    # Not seen before, just seen, and seen for a while; of one size and of two.
    for at, sizes in ((1, 1), (2, 1), (7, 1), (8, 2)):
        splitting.plugin.ask("set_parameter", "at", at)
        for call in range(1, at + 4):
            reply = splitting.split(2, frames=480 - call % sizes, pts=1)
            if call != at:
                assert said(reply) == [OK, 0, 0, 0, 3, 4], (call, reply.failure)
                continue
            assert said(reply) == wanted, reply.failure
            told.append(reply.failure and (reply.failure.type, reply.failure.line))
            if wanted[1] & ESCAPED:  # it is the plugin's now
                splitting.memory = None
        assert len(splitting.plugin.messages) == code.count("post") * len(told)
    assert told == [told[0]] * 4


def test_the_short_way_is_gone(splitter):
    splitting = splitter(
        """
        def split_audio(self, buffer, outputs):
            name = sys._getframe(1).f_code.co_filename
            outputs["1"].data[:] = name.endswith("steady_ports.py")
            if buffer.data[0, 0] > 1:
                outputs["1"].silent()
    """
    )

    def gone(times, sample=1, **how):
        replies = [splitting.split(sample, **how) for _ in range(times)]
        return [reply.given["1"][0, 0] for reply in replies], replies[-1].silent

    assert gone(6) == ([0, 0, 1, 1, 1, 1], 0)
    # Silence is usual, and so is that somebody else is linked.
    assert gone(2, 2) == ([1, 1], 2) and gone(2) == ([1, 1], 0)
    assert gone(2, 2, linked=1)[1] == 0 and gone(3, linked=2) == ([1, 1, 1], 0)
    splitting.set_ports([*TWO, port("2")])
    assert gone(6)[0] == [0, 0, 1, 1, 1, 1]


def test_what_nobody_is_linked_to_is_nobodys(splitter):
    splitting = splitter(
        """
        def split_audio(self, buffer, outputs):
            one, two = outputs.values()
            try:
                AudioBuffer.data.__get__(one)
                made = 7
            except AttributeError:
                made = 1
            two.data[:] = made
            if buffer.data[0, 0] == 5:
                assert not one.data.any() and one.data.shape == (1, 480)
                one.data[:] = 9
                two.data[:] += one.data
    """
    )
    for sample in (1, 1, 1, 5, 5, 1, 1, 1, 5, 1, 1, 1):
        reply = splitting.split(sample, linked=2)
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        assert (reply.given["1"] == (10 if sample == 5 else 1)).all()
        assert not reply.given["0"].any()
    assert (splitting.split(1).given["1"] == 7).all()


def test_what_is_kept_stays_as_it_was(splitter):
    splitting = splitter(
        """
        kept = []
        def split_audio(self, buffer, outputs):
            outputs["0"].data[:] = buffer.data + 1
            self.kept.append((buffer.data, outputs["0"].data))
            now = [each[0, 0] for both in self.kept for each in both]
            outputs["1"].data[0, : len(now)] = now
            for _, kept in self.kept[:-1]:
                kept[0, 1:] = 99
    """
    )
    for call in range(1, 5):
        reply = splitting.split(call)
        assert reply.flags == ESCAPED
        splitting.memory = None
        kept = [each for n in range(1, call + 1) for each in (n, n + 1)]
        assert reply.given["1"][0, : 2 * call].tolist() == kept
        assert (reply.given["0"] == call + 1).all()


def test_between_calls_an_output_has_no_samples(splitter):
    splitting = splitter(
        """
        late = None
        def split_audio(self, buffer, outputs):
            outputs["a"].data[:] = buffer.data
            self.known = outputs
        def set_parameter(self, key, value):
            self.late = [each.data for each in self.known.values()]
        def get_parameter(self, key):
            return repr([each.size for each in self.late])
    """,
        [port("a", 2), port("b")],
        channels=2,
    )
    for call in range(8):
        reply = splitting.split([3, 4])
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        assert reply.given["a"][:, 0].tolist() == [3, 4]
        if call in (0, 1, 6):
            assert splitting.plugin.ask("set_parameter", "a", "b") == [b"[0, 0]"]


def test_a_thread_finds_no_samples_between_calls(splitter, tmp_path):
    os.mkfifo(tmp_path / "look")
    splitting = splitter(
        f"""
        def start(self):
            import threading
            threading.Thread(target=self.look, daemon=True).start()
            return super().start()
        def look(self):
            while True:
                with open({str(tmp_path / "look")!r}) as told:
                    told.read()
                self.post("told", sizes=repr([each.data.size for each in self.known]))
        def split_audio(self, buffer, outputs):
            self.known = [*outputs.values()]
            for each in self.known:
                each.data[:] = buffer.data
    """
    )
    for call in range(6):
        reply = splitting.split(call)
        assert all((each == call).all() for each in reply.given.values())
        (tmp_path / "look").write_text("now")
        assert splitting.plugin.event()[1]["sizes"] == "[0, 0]"


def test_outputs_come_and_go(splitter):
    splitting = splitter(
        """
        kept = {}
        def split_audio(self, buffer, outputs):
            told = [[*outputs]]
            for name, each in outputs.items():
                told += [each is self.kept.setdefault(name, each), each.data.shape[0]]
                each.data[:] = buffer.data
            gone = [each for name, each in self.kept.items() if name not in outputs]
            for each in gone:
                each.silent()
            told += [(each.linked, each.data.size) for each in gone]
            self.post("told", text=repr(told))
    """
    )

    def told():
        reply = splitting.split(1)
        assert (reply.outcome, reply.flags, reply.silent) == (OK, 0, 0), reply.failure
        assert all((each == 1).all() for each in reply.given.values())
        return eval(splitting.plugin.messages[-1][1]["text"])

    for _ in range(3):
        assert told() == [["0", "1"], True, 1, True, 1]
    splitting.set_ports([port("1"), port("7", 2)])
    for _ in range(3):
        assert told() == [["1", "7"], True, 1, True, 2, (False, 0)]
    # One that comes back is as it was made.
    splitting.set_ports([port("0"), port("1", 2)])
    assert told() == [["0", "1"], False, 1, True, 2, (False, 0)]


def test_what_is_left_is_told_by_names(splitter):
    splitting = splitter(
        """
        left = None
        def split_audio(self, buffer, outputs): pass
        def drain(self): return self.left
        def set_parameter(self, key, value): self.left = eval(value)
    """,
        [port("0", 2), port("1", 1, "S16")],
    )

    def drained(left):
        splitting.plugin.ask("set_parameter", "left", left)
        return splitting.plugin.ask("drain", 0)

    assert drained("None") == drained("{}") == []
    two = "np.array([[1, 2], [3, 4]], np.float32)"
    samples = bytes.fromhex("0000803f 00000040 00004040 00008040")
    words = b"\5\0\5\0\5\0"
    # What is gone is left out.
    both = "{'1': np.full((1, 3), 5, np.int16), '7': 9, '0': %s}" % two
    assert drained(both) == [b"0", b"2", samples, b"1", b"3", words]
    for left, said in {
        "np.zeros((1, 3))": "not a dict with an array for each output",
        "{'vocals': %s}" % two: "gave something of 'vocals'; the outputs are 0, 1",
        "{'7': 0, 5: %s}" % two: "gave something of 5; the outputs are 0, 1",
        "{'0': np.zeros((2, 3))}": "float64, not float32.*that is for the output 0",
        "{'1': %s}" % two: "that is for the output 1",
    }.items():
        with pytest.raises(Failure, match=said):
            drained(left)


def test_arrays_of_each_size_do_not_pile_up(splitter):
    splitting = splitter(
        """
        def split_audio(self, buffer, outputs):
            import gc
            names = [type(each).__name__ for each in gc.get_objects()]
            outputs["0"].data[0, 0] = names.count("Shown")
    """
    )
    sizes = range(480, 360, -1)
    counts = [splitting.split(1, frames=size).given["0"][0, 0] for size in sizes]
    assert 2 < max(counts) < len(sizes), counts


def test_a_fork_writes_to_its_own(splitter):
    splitting = splitter(
        """
        def split_audio(self, buffer, outputs):
            import os
            outputs["0"].data[:] = buffer.data
            child = os.fork()
            if child == 0:
                outputs["0"].data[:] = 55
                os._exit(0)
            os.waitpid(child, 0)
            outputs["1"].data[:] = outputs["0"].data
    """
    )
    for call in range(4):
        reply = splitting.split(call)
        assert reply.outcome == OK, reply.failure
        assert (reply.given["1"] == call).all() and (reply.given["0"] == call).all()


def test_what_breaks_the_protocol_ends_the_worker(server, files):
    source = """
        from base_plugin import *
        class Plugin(AudioSplitterPlugin):
            outputs = (1, 4)
            def split_audio(self, buffer, outputs): pass
    """
    path = files({"plugin.py": source}) / "plugin.py"

    def start(worker):
        return Splitting(worker.load(path, "splitter"), TWO)

    def offsets(worker):
        start(worker).make_region(offsets=[1920])
        worker.plugins[-1].request(1, slot=1, frames=480)

    def no_region(worker):
        start(worker)
        worker.plugins[-1].request(1, slot=1, frames=480)

    def beyond(worker):
        start(worker).make_region(offsets=[1920, 1 << 20])
        worker.plugins[-1].request(1, slot=1, frames=480)

    def of_an_input(worker):
        start(worker).plugin.ask("set_input_parameter", "0", "gain", "1")

    def no_positions(worker):
        start(worker).start([])

    def wrong_format(worker):
        start(worker).set_ports([port("0", 1, "F16")])

    wrongs = (offsets, no_region, beyond, of_an_input, no_positions, wrong_format)
    for wrong in wrongs:
        worker = server.spawn()
        with contextlib.suppress(AssertionError, OSError):  # it is gone
            wrong(worker)
        assert worker.ended(), wrong
        server.exited()
