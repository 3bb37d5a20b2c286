# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a mixer in a worker sees of its inputs, and what it may do with them."""

import contextlib
import textwrap

import pytest

from worker_host import DISCONT, ESCAPED, FAILED, NO_TIME, OK, Failure
from worker_mixing import Mixing, port

TWO = [port("0"), port("1")]


@pytest.fixture
def load(worker, files):
    """load(body of a class) is a mixer that has not started."""

    def make(body):
        source = "import numpy as np, sys\nfrom base_plugin import *\n"
        source += "class Plugin(AudioMixerPlugin):\n"
        source += textwrap.indent(textwrap.dedent(body), "    ")
        return worker.load(files({"plugin.py": source}) / "plugin.py", "mixer")

    return make


@pytest.fixture
def mixer(load):
    """mixer(body, …) is one that has started, whose formats are of any kind."""

    def make(body, ports=TWO, **more):
        head = "inputs = (1, 64)\nformats = ('F32', 'S16', 'F64')\n"
        return Mixing(load(head + textwrap.dedent(body)), ports, **more)

    return make


def test_capabilities_name_the_ports(load):
    said = load(
        """
        inputs = {"music": {}, "voice": {"channels": 1, "optional": True}}
        output_like = "music"
        gain = InputParam(1.0, min=0.0)
        def mix_audio(self, output, inputs): pass
    """
    ).capabilities
    assert len(said["port"]) == 2 and b"voice" in said["port"][1]
    assert said["output_like"] == [b"music"] and b"gain" in said["input_parameter"][0]


def test_inputs_are_shown_as_the_host_says(mixer):
    mixing = mixer(
        """
        def mix_audio(self, output, inputs):
            told = [[*inputs], inputs.added, output.positions, output.pts]
            for each in inputs.values():
                told += [each.name, each.pad_name, each.data.shape, each.data.dtype.str]
                told += [each.data[:, 3].tolist(), each.present, each.gap, each.late]
                told += [each.discont, each.pts, each.duration, each.offset]
                told += [each.positions, each.sample_rate]
            assert type(output) is MixerOutput and not output.data.any()
            self.post("told", text=repr(told))
    """,
        [port("a", 2, "S16", "front-left", "front-right"), port("b", 1, "F64")],
        positions=["mono"],
    )
    for call in range(4):
        reply = mixing.mix(
            *([[5], [6]], 0.5),
            **{"present": 1, "gap": 1, "late": 2, "discont": 2, "pts": 9},
            **{"duration": 7, "times": [3 + call, NO_TIME]},
        )
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        told = mixing.plugin.messages[-1][1]["text"]
        added = ("a", "b") if call == 0 else ()
        assert told == repr(
            [["a", "b"], added, ("mono",), 9]
            + ["a", "sink_a", (2, 480), "<i2", [5, 6], True, True, False]
            + [False, 3 + call, 7, None, ("front-left", "front-right"), 48000]
            + ["b", "sink_b", (1, 480), "<f8", [0.5], False, False, True]
            + [True, None, 7, None, None, 48000]
        )


def test_inputs_refuse_writes(mixer):
    mixing = mixer(
        """
        def mix_audio(self, output, inputs):
            data = inputs["1"].data
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
                    output.data[0, 0] += 1
            output.data[0, 1] = data[0, 0]
    """
    )
    for _ in range(3):
        samples = mixing.mix(1, 2).samples
        assert samples[0, :2].tolist() == [5, 2]


# What a plugin does, and what then comes of it: outcome, flags, the first sample.
UNUSUAL = {
    "nothing": ("pass", OK, 0, 3),
    "raises": ("raise RuntimeError('no')", FAILED, 0, 3),
    "raises what it keeps": ("raise self.error", FAILED, ESCAPED, 3),
    "returns false": ("return False", FAILED, 0, 3),
    "returns another": ("return output.data * 5", OK, 0, 15),
    "binds another": ("output.data = output.data * 5", OK, 0, 15),
    "returns a number": ("return 7", FAILED, 0, 3),
    "deletes": ("del output.data", FAILED, 0, 3),
    "keeps the output's array": ("self.kept.append(output.data)", OK, ESCAPED, 3),
    "keeps the output": ("self.kept.append(output)", OK, ESCAPED, 3),
    "keeps an input's array": ("self.kept.append(one.data)", OK, ESCAPED, 3),
    "keeps another's": ("self.kept.append(two.data)", OK, ESCAPED, 3),
    "keeps a slice": ("self.kept.append(two.data[0, 3:])", OK, ESCAPED, 3),
    "keeps the bytes": ("self.kept.append(memoryview(one.data))", OK, ESCAPED, 3),
    "keeps the memory": ("self.kept.append(one.data.base)", OK, ESCAPED, 3),
    "keeps and raises": ("self.kept.append(one.data); 1 / 0", FAILED, ESCAPED, 3),
    "keeps it in its input": ("one.mine = one.data", OK, ESCAPED, 3),
    "keeps the inputs": ("self.kept.append((one, two, inputs))", OK, 0, 3),
    "binds an input's": ("one.data = one.data * 2", OK, 0, 3),
    "binds a part": ("one.data = two.data[:, :3]", OK, 0, 3),
    "deletes an input's": ("del one.data", OK, 0, 3),
    "reshapes an input's": ("one.data.shape = (2, 240)", OK, 0, 3),
    "strides over an input's": ("one.data.strides = (8, 4)", OK, 0, 3),
    "reshapes what it keeps": (
        "one.data.shape = (2, 240); self.kept.append(one.data)",
        *(OK, ESCAPED, 3),
    ),
    "marks an input": ("one.discont = True", OK, 0, 3),
    "marks the output": ("output.discont = True", OK, DISCONT, 3),
    "takes _stream away": ("one._stream = None", OK, 0, 3),
    "removes _stream": ("del two._stream", OK, 0, 3),
    "changes an input's class": ("one.__class__ = Another", OK, 0, 3),
    "posts": ("self.post('told', value=1)", OK, 0, 3),
}


# Who keeps the objects could look between two calls, and so they are hidden then.
@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("what", UNUSUAL)
def test_it_does_not_matter_which_block_it_is(mixer, what, keeps):
    code, outcome, flags, sample = UNUSUAL[what]
    mixing = mixer(
        f"""
        calls, at, error = 0, 0, ValueError("the same")
        def __init__(self):
            super().__init__()
            self.kept = []
        def mix_audio(self, output, inputs):
            one, two = inputs.values()
            if {keeps}:
                self.lasting = inputs, one
            class Another(MixerInput):
                __slots__ = ()
            assert one.pts == 1 and not one.discont and one.data.shape[0] == 1
            assert one.data.strides == (4, 4)
            assert inputs.added == () or self.calls == 0
            output.data[:] = one.data + two.data
            self.calls += 1
            if self.calls == self.at:
                {code}
        def set_parameter(self, key, value):
            self.at, self.calls = int(value), 0
    """
    )
    told = []
    # Not seen before, just seen, and seen for a while; of one size and of two.
    for at, sizes in ((1, 1), (2, 1), (7, 1), (8, 2)):
        mixing.plugin.ask("set_parameter", "at", at)
        for call in range(1, at + 4):
            reply = mixing.mix(1, 2, frames=480 - call % sizes, times=[1, 1])
            if call != at:
                assert (reply.outcome, reply.flags) == (OK, 0), (call, reply.failure)
                assert (reply.samples == 3).all() and not reply.messages
                continue
            assert (reply.outcome, reply.flags) == (outcome, flags), reply.failure
            assert reply.samples[0, 0] == sample
            told.append(reply.failure and (reply.failure.type, reply.failure.line))
            if flags & ESCAPED:  # it is the plugin's now
                mixing.memory = None
        assert len(mixing.plugin.messages) == code.count("post") * len(told)
    assert told == [told[0]] * 4


def test_the_short_way_is_gone(mixer):
    mixing = mixer(
        """
        def mix_audio(self, output, inputs):
            name = sys._getframe(1).f_code.co_filename
            output.data[0, 0] = name.endswith("steady_ports.py")
    """
    )
    gone = [mixing.mix(1, 2, frames=480 - i % 2).samples[0, 0] for i in range(12)]
    assert gone[:2] == [0, 0] and gone[6:] == [1] * 6
    mixing.set_ports([*TWO, port("2")])
    gone = [mixing.mix(1, 2, 3).samples[0, 0] for _ in range(6)]
    assert gone[:2] == [0, 0] and gone[4:] == [1, 1]


def test_what_is_kept_stays_as_it_was(mixer):
    mixing = mixer(
        """
        kept = []
        def mix_audio(self, output, inputs):
            output.data[:] = inputs["0"].data
            self.kept.append((inputs["0"].data, output.data))
            now = [each[0, 0] for both in self.kept for each in both]
            output.data[0, 10 : 10 + len(now)] = now
    """
    )
    for call in range(1, 5):
        reply = mixing.mix(call, 0)
        assert reply.flags == ESCAPED
        mixing.memory = None
        kept = [each for n in range(1, call + 1) for each in (n, n)]
        assert reply.samples[0, 10 : 10 + 2 * call].tolist() == kept


def test_between_calls_an_input_has_no_samples(mixer):
    mixing = mixer(
        """
        late = None
        def mix_audio(self, output, inputs):
            output.data[:] = sum(each.data for each in inputs.values())
            assert self.late is None or self.late[0].size == 0
            self.known = inputs
        def set_parameter(self, key, value):
            self.late = [each.data for each in self.known.values()]
        def get_parameter(self, key):
            return repr([each.shape for each in self.late])
    """,
        [port("a", 2), port("b")],
        channels=2,
    )
    for call in range(8):
        reply = mixing.mix(1, 2)
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        assert (reply.samples == [[3]]).all()
        if call in (0, 1, 6):
            assert mixing.plugin.ask("set_parameter", "a", "b") == [b"[(2, 0), (1, 0)]"]


MIXED = """
    kept, log = {}, ()
    gain = InputParam(1.0, min=0.0, max=8.0)
    def mix_audio(self, output, inputs):
        told = [[*inputs], inputs.added, inputs.removed, self.log]
        told += [[each.gain for each in inputs.values()]]
        self.log = ()
        for name, each in inputs.items():
            told += [each is self.kept.setdefault(name, each)]
        told += [(each.data.size, each.pts) for each in self.kept.values()
                 if each.name not in inputs]
        self.post("told", text=repr(told))
    def add_input(self, name, channels): self.log += ((name, channels),)
    def remove_input(self, name): self.log += (name,)
"""


def test_inputs_come_and_go(mixer):
    mixing = mixer(MIXED)

    def told(*inputs, **words):
        reply = mixing.mix(*inputs, **words)
        assert (reply.outcome, reply.flags) == (OK, 0), reply.failure
        return eval(mixing.plugin.messages[-1][1]["text"])

    both, none = ["0", "1"], ()
    assert told(1, 2) == [both, ("0", "1"), none, (("0", 1), ("1", 1)), [1, 1], 1, 1]
    mixing.set("1", "gain", "2.5")
    for _ in range(3):
        assert told(1, 2, times=[5, 6]) == [both, none, none, none, [1, 2.5], 1, 1]
    mixing.set_ports([port("1"), port("7", 2)])
    with pytest.raises(Failure, match="there is gain"):
        mixing.set("1", "gian", "2.5")
    with pytest.raises(Failure, match="gain"):
        mixing.set("1", "gain", "9")
    mixing.set("0", "gain", "3")  # it is gone
    now = ["1", "7"]
    first = [now, ("7",), ("0",), ("0", ("7", 2)), [2.5, 1], 1, 1, (0, 5)]
    assert told(1, 2, times=[8, 9]) == first
    assert told(1, 2) == [now, none, none, none, [2.5, 1], 1, 1, (0, 5)]
    # Other channels of the same input, and one that comes back: as it was made.
    mixing.set_ports([port("0"), port("1", 2)])
    back = told(1, 2)
    assert back[:3] == [["0", "1"], ("0",), ("7",)] and back[4:6] == [[1, 2.5], 0]
    assert back[3] == ("7", ("0", 1), ("1", 2))
    # Several changes before a call: of what came and went nobody hears.
    for ports in ([], [port("0"), port("3")], [port("0")]):
        mixing.set_ports(ports)
    assert told(1)[:3] == [["0"], ("0",), ("0", "1")]


def test_regions_do_not_pile_up(mixer):
    """Nor where a plugin has switched off the collector of cycles."""
    mixing = mixer(
        """
        def start(self):
            import gc
            gc.disable()
            return super().start()
        def mix_audio(self, output, inputs):
            with open("/proc/self/maps") as maps:
                output.data[:] = maps.read().count("memfd:region")
    """
    )
    counts = []
    for call in range(20):
        mixing.set_ports([port(str(call)), port(str(call + 1))])
        counts.append(mixing.mix(1, 2).samples[0, 0])
    assert counts[-1] == counts[5], counts


def test_inputs_of_the_stream_before_are_over(mixer):
    mixing = mixer(
        """
        before = None
        def mix_audio(self, output, inputs):
            before = self.before or inputs
            self.before = before
            output.data[0, :2] = before is inputs, before["0"].pts
    """
    )
    assert mixing.mix(1, 2, times=[7, 7]).samples[0, :2].tolist() == [1, 7]
    mixing.plugin.stop()
    mixing.restart()
    for _ in range(3):
        assert mixing.mix(1, 2, times=[9, 9]).samples[0, :2].tolist() == [0, 7]


def test_a_hook_that_raises_is_told(mixer):
    mixing = mixer(
        """
        def mix_audio(self, output, inputs): pass
        def add_input(self, name, channels):
            if name == "7": raise ValueError("no seventh")
    """
    )
    with pytest.raises(Failure, match="raised: add_input: ValueError.*no seventh"):
        mixing.set_ports([port("7")])
    mixing.set_ports([port("1")])
    assert mixing.mix(1).outcome == OK


def test_what_breaks_the_protocol_ends_the_worker(server, files):
    source = """
        from base_plugin import *
        class Plugin(AudioMixerPlugin):
            inputs = (1, 4)
            def mix_audio(self, output, inputs): pass
    """
    folder = files({"plugin.py": source, "filter.py": "def process_audio(b): pass"})

    def start(worker):
        return Mixing(worker.load(folder / "plugin.py", "mixer"), TWO)

    def offsets(worker):
        start(worker).make_region(offsets=[1920])
        worker.plugins[-1].request(1, slot=1, frames=480)

    def no_region(worker):
        start(worker)
        worker.plugins[-1].request(1, slot=1, frames=480)

    def of_a_filter(worker):
        plugin = worker.load(folder / "filter.py")
        plugin.start()
        plugin.ask("set_ports")

    def no_positions(worker):
        mixing = start(worker)
        mixing.start([])

    def wrong_format(worker):
        start(worker).set_ports([port("0", 1, "F16")])

    def little_said(worker):
        start(worker).set_ports([("0", "F32")])

    wrongs = (offsets, no_region, of_a_filter, no_positions, wrong_format, little_said)
    for wrong in wrongs:
        worker = server.spawn()
        with contextlib.suppress(AssertionError, OSError):  # it is gone
            wrong(worker)
        assert worker.ended(), wrong
        server.exited()
