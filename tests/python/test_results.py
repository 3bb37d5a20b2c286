# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin gives is judged alike in the element's process and in a worker.

The one decides in C++ that something is wrong, the other in Python; why, both
have from pythonfilter/results.py.
"""

import pytest

from application import run_application
from processes import launch

# What a plugin with float32 of (2, 1024) returns, or does.
SAMPLES = """
None
True
x
x.copy()
x[:, ::-1]
np.asfortranarray(x)
x.view(Mine)
x.astype("f8")
x.astype(">f4")
x.astype(object)
x[:, 1:]
x[0]
x[None]
np.zeros((2, 0), "f4")
np.float32(1)
7
"x"
bytes(x)
x.tolist()
Gap()
np.bool_(False)
setattr(buffer, "data", x * 2)
setattr(buffer, "data", x.T)
setattr(buffer, "data", None)
delattr(buffer, "data")
x.__setstate__((1, (1,), np.dtype("i1"), False, b"1"))
setattr(x, "shape", (1, 2, -1))
buffer.curve("gain")
"""
# Of a plugin whose output is S16 of two channels, or text.
OUTPUTS = """
None
b""
b"12345678"
b"123"
[b"1234", b"123"]
(b"1234", bytearray(4), memoryview(b"5678"))
memoryview(b"1234")[::-1]
memoryview(np.zeros((2, 2), "i2"))
memoryview(np.zeros(4, "i2"))
memoryview(np.zeros(4, "f4"))
released
np.zeros(4, "i2")
np.zeros(4, "i2")[::2]
np.zeros(4, "f4")
np.zeros((2, 3), "i2")
np.zeros((3, 2), "i2")
np.zeros((2, 3), "i4")
np.zeros((2, 3), ">i2")
np.array([b"a", None], object)
np.int16(1)
np.void(b"1234")
"text"
7
x
[x, 7]
[[b"1234"]]
{b"1234"}
iter([b"1234"])
Timed(b"1234", 1, 2)
Timed(b"1234", np.int64(1), None)
Timed(b"1234", -1)
Timed(b"1234", 2**63)
Timed(b"1234", 2**62, 2**62)
Timed(b"1234", 1.0)
Timed(b"1234", True)
Timed(b"1234", np.bool_(True))
Timed(b"1234", "1")
Timed(b"123", 1)
Timed("text", 1)
Gap(1, 2)
[Gap(), b"1234"]
Gap("a")
Odd()
buffer
"""
PLUGIN = """
import numpy as np
from base_plugin import Gap, Timed

class Mine(np.ndarray):
    pass

class Odd:
    pts = None
    @property
    def duration(self):
        raise KeyError("mine")

released = memoryview(b"1234")
released.release()

class Plugin:
    {}
    def process_audio(self, buffer):
        x = buffer.data
        return ({})
"""
CODE = """
    plugin, tables, folder = {!r}, {!r}, {!r}
    # Sentences of what was wrong; "" where nothing was.
    told = []
    for attribute, table, before in tables:
        for number, given in enumerate(table):
            script = folder + "/plugin" + str(number) + ".py"
            with open(script, "w") as file:
                file.write(plugin.format(attribute, given))
            both = []
            for isolation in "none", "process worker-group=all sandbox=none":
                pipeline = Gst.parse_launch(
                    "audiotestsrc num-buffers=1 ! audio/x-raw,format=F32LE,"
                    "channels=2,layout=interleaved ! pythonfilter script="
                    + script + " isolation=" + isolation + " ! fakesink async=false")
                message = play(pipeline)
                wrong = message.type == Gst.MessageType.ERROR
                both.append(message.parse_error()[0].message if wrong else "")
            told.append([attribute, given, *both])
    tell(told)
"""
TABLES = [
    ("", SAMPLES.split("\n")[1:-1], 19),
    ('output_caps = "audio/x-raw, format=S16LE, layout=interleaved, channels=2"',)
    + (OUTPUTS.split("\n")[1:-1], 34),
    ('output_caps = "text/x-raw, format=utf8"', OUTPUTS.split("\n")[1:-1], 25),
]


def test_both_isolations_judge_alike(tmp_path):
    code = CODE.format(PLUGIN, TABLES, str(tmp_path))
    told = run_application(tmp_path, code)
    differ = [each for each in told if each[2] != each[3]]
    assert not differ, differ
    assert any(
        "a Odd whose duration raised KeyError('mine')" in each[2] for each in told
    )
    for attribute, table, wrong in TABLES:
        found = [each[2] for each in told if each[0] == attribute]
        assert len(found) == len(table)
        assert sum(map(bool, found)) == wrong, found


WISHFUL = """
class Plugin:
    def get_sample_rate(self): return 2**40
    def read_audio(self, buffer): buffer.data[:] = 0
"""


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_source_may_want_more_than_an_int_holds(files, isolation):
    plugin = files({"plugin.py": WISHFUL}) / "plugin.py"
    line = f"pythonsrc num-buffers=1 isolation={isolation} script={plugin} ! fakesink"
    result = launch(line)
    assert result.code == 0, result.err
