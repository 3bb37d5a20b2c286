# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a converting plugin in a worker gets and gives."""

import numpy as np
import pytest

from worker_host import CONVERTED, ESCAPED, FAILED, NO_SPACE, OK, Failure

HEAD = """
import numpy as np
class Plugin:
    output_caps = "application/x-packets"
"""


@pytest.fixture
def load(worker, files):
    def make(*methods):
        source = HEAD + "".join(f"    {line}\n" for line in methods)
        return worker.load(files({"plugin.py": source}) / "plugin.py")

    return make


def start_bytes(plugin, **more):
    plugin.start(
        2, input_caps="audio/x-raw", output_caps="application/x-packets", in_place=0,
        bytes=1, **more
    )  # fmt: skip


GIVEN = {
    "b'abc'": [b"abc"],
    "bytearray(b'abc')": [b"abc"],
    "memoryview(b'abcdef')[3:]": [b"def"],
    "[b'ab', bytearray(b'c'), np.arange(3, dtype='u1')]": [b"ab", b"c", b"\0\1\2"],
    "(b'ab', memoryview(b'c'))": [b"ab", b"c"],
    "[]": [],
    "b''": [],
    "[b'', b'x', b'']": [b"x"],
    "np.arange(2, dtype='<u4').reshape(1, 2)": [b"\0\0\0\0\1\0\0\0"],
    "np.float64([[1]])": [np.float64(1).tobytes()],
    "np.array(b'ab')": [b"ab"],
    "np.matrix([[1, 2]], dtype='u1')": [b"\1\2"],
    "buffer.data": [b"12345678"],
    "[buffer.data[:3], buffer.data[5:]]": [b"123", b"678"],
    "memoryview(buffer.data)[2:]": [b"345678"],
}


@pytest.mark.parametrize("given", GIVEN)
def test_every_kind_of_output(load, given):
    plugin = load(f"def process_audio(self, buffer): return {given}")
    start_bytes(plugin)
    plugin.add_outputs(65536)
    for _ in range(2):
        reply = plugin.process(b"12345678")
        assert (reply.outcome, reply.flags) == (OK, CONVERTED), reply.failure
        assert reply.outputs == GIVEN[given]


def test_bytes_are_a_flat_view_that_refuses_writes(load):
    plugin = load(
        "def process_audio(self, buffer):",
        "    assert buffer.data.shape == (8,) and buffer.data.dtype == np.uint8",
        "    assert not buffer.data.flags.writeable",
        "    assert not buffer.data.flags.owndata",
        "    return [bytes(buffer.data)]",
    )
    start_bytes(plugin)
    plugin.add_outputs(65536)
    assert plugin.process(b"12345678").outputs == [b"12345678"]


def test_a_rebound_data_is_the_output(load):
    plugin = load("def process_audio(self, buffer): buffer.data = [b'a', b'b']")
    start_bytes(plugin)
    plugin.add_outputs(65536)
    assert plugin.process(b"1234").outputs == [b"a", b"b"]


WRONG = [
    ("None", "TypeError", "gave nothing, and its input, audio/x-raw, may not go on as "
     "application/x-packets: return bytes or a list of them, an empty one if there is "
     "nothing yet"),
    ("7", "TypeError", "gave int, not bytes, a bytearray, a memoryview or an array, "
     "nor a list of those"),
    ("'text'", "TypeError", "gave str, not bytes, a bytearray, a memoryview or an "
     "array, nor a list of those"),
    ("np.float32(1)", "TypeError", "gave numpy.float32, not bytes, a bytearray, a "
     "memoryview or an array, nor a list of those"),
    ("[b'good', None]", "TypeError", "gave NoneType, not bytes, a bytearray, a "
     "memoryview or an array, nor a list of those"),
    ("np.arange(9)[::2]", "ValueError", "gave an array that is not C-contiguous: use "
     "numpy.ascontiguousarray()"),
    ("np.array([None])", "TypeError", "gave an array of objects"),
    ("memoryview(b'abcd')[::2]", "ValueError",
     "gave a memoryview that is not C-contiguous, or was released"),
]  # fmt: skip


@pytest.mark.parametrize("given, type, message", WRONG)
def test_what_is_no_output(load, given, type, message):
    plugin = load(f"def process_audio(self, buffer): return {given}")
    start_bytes(plugin)
    plugin.add_outputs(65536)
    reply = plugin.process(b"1234")
    assert (reply.outcome, reply.flags, reply.outputs) == (FAILED, 0, [])
    assert reply.failure.kind == "bad-result"
    assert (reply.failure.type, reply.failure.message) == (
        type, f"process_audio() {message}"
    )  # fmt: skip


def test_a_released_memoryview(load):
    plugin = load(
        "def process_audio(self, buffer):",
        "    view = memoryview(b'ab'); view.release(); return view",
    )
    start_bytes(plugin)
    told = "process_audio() gave a memoryview that is not C-contiguous, or was released"
    assert plugin.process(b"1234").failure.message == told


def start_raw(plugin, interleaved=1, known=1, format="S16", frame=4):
    plugin.start(
        2, input_caps="application/x-packets", output_caps="audio/x-raw,two", in_place=0,
        bytes=1, output_frame=frame, output_known=known, output_format=format,
        output_interleaved=interleaved, output_channels=2,
    )  # fmt: skip
    plugin.add_outputs(65536)


@pytest.mark.parametrize("interleaved, want", [
    (1, [0, 3, 1, 4, 2, 5]), (0, [0, 1, 2, 3, 4, 5]),
])  # fmt: skip
@pytest.mark.parametrize("array", ["a", "a.copy('F')", "np.stack([a, a])[0]"])
def test_raw_audio_of_channels_and_frames(load, interleaved, want, array):
    plugin = load(
        "def process_audio(self, buffer):",
        "    a = np.arange(6, dtype=np.int16).reshape(2, 3)",
        f"    return {array}",
    )
    start_raw(plugin, interleaved)
    (output,) = plugin.process(b"1").outputs
    assert np.frombuffer(output, np.int16).tolist() == want


@pytest.mark.parametrize("given, type, message", [
    ("b'123'", "ValueError", "gave 3 bytes, which is not a whole number of frames of 4 "
     "bytes; its output caps are audio/x-raw,two"),
    ("np.zeros((3, 4), 'i2')", "ValueError", "gave an array of int16 with the shape "
     "(3, 4), but its output caps are audio/x-raw,two: that is (2, frames)"),
    ("np.zeros((2, 4), 'f4')", "ValueError", "gave an array of float32 with the shape "
     "(2, 4), but its output caps are audio/x-raw,two: that is (2, frames)"),
    ("np.zeros(4, 'f4')", "TypeError",
     "gave an array of float32, but its output caps are audio/x-raw,two"),
    ("memoryview(np.zeros(4, 'f4'))", "TypeError",
     "gave an array of float32, but its output caps are audio/x-raw,two"),
    ("memoryview(np.zeros((2, 4), 'i2'))", "ValueError",
     "gave a memoryview of several dimensions: return the array itself"),
])  # fmt: skip
def test_what_is_no_raw_audio(load, given, type, message):
    plugin = load(f"def process_audio(self, buffer): return {given}")
    start_raw(plugin)
    failure = plugin.process(b"1").failure
    assert (failure.type, failure.message) == (type, f"process_audio() {message}")


def test_the_block_itself_goes_on_where_it_may(load):
    plugin = load(
        "as_bytes = True", "def process_audio(self, buffer): buffer.data[0] = 65"
    )
    plugin.start(2, input_caps="a", output_caps="a", bytes=1)
    reply = plugin.process(b"1234")
    assert (reply.outcome, reply.flags, reply.outputs) == (OK, 0, [])
    assert reply.samples == b"A234"


def test_more_than_fits_waits_for_a_larger_region(load):
    plugin = load(
        "def process_audio(self, buffer): return [buffer.data, b'x' * 100000]",
    )
    start_bytes(plugin)
    reply = plugin.process(b"1234")
    assert (reply.outcome, reply.flags, reply.outputs) == (NO_SPACE, 0, [])
    assert reply.bytes == 32 + 100000
    plugin.add_outputs(4096)
    # What the plugin gave is not the samples any more, which may be gone.
    plugin.slots[0][:4] = b"5678"
    assert plugin.resume().outcome == NO_SPACE
    plugin.add_outputs(reply.bytes)
    reply = plugin.resume()
    assert (reply.outcome, reply.flags) == (OK, CONVERTED)
    assert reply.outputs == [b"1234", b"x" * 100000]
    assert reply.time > 0
    assert plugin.process(b"4321").outputs[0] == b"4321"


def test_what_is_kept_of_the_input_is_found(load):
    plugin = load(
        "kept = ()",
        "def process_audio(self, buffer):",
        "    self.kept += (buffer.data[1:],)",
        "    return self.kept[-1]",
    )
    start_bytes(plugin)
    plugin.add_outputs(4096)
    for slot in range(2):
        reply = plugin.process(b"1234", slot=slot)
        assert (reply.flags, reply.outputs) == (CONVERTED | ESCAPED, [b"234"])


def test_drain_gives_each_output(load):
    plugin = load(
        "def process_audio(self, buffer): return []",
        "def drain(self): return [b'one', b'', np.arange(2, dtype='u1')]",
    )
    start_bytes(plugin)
    assert plugin.ask("drain", 2**64 - 1) == [b"one", b"\0\1"]


def test_drain_is_checked(load):
    plugin = load(
        "def process_audio(self, buffer): return []",
        "def drain(self): return 7",
    )
    start_bytes(plugin)
    with pytest.raises(Failure) as raised:
        plugin.ask("drain", 0)
    assert (raised.value.phase, raised.value.kind) == ("drain", "raised")
    assert raised.value.message.startswith("gave int, not bytes")
