# SPDX-License-Identifier: LGPL-2.1-or-later
"""The workbench and the elements say the same of a plugin, in the same words."""

import re

import pytest

import processes
import soak
import workbench
from processes import launch
from pythonfilter.workbench import bench
from pythonfilter.workbench.trial import Target

HEAD = """\
import numpy as np
from base_plugin import DropBuffer, EndOfStream, Gap, Timed

class Plugin:
    calls = 0
    def start(self):
        self.calls = 0
"""
METHODS = {"filter": "process_audio", "source": "read_audio", "sink": "write_audio"}
TEXT = 'output_caps = "text/x-raw, format=utf8"'
S16 = 'output_caps = "audio/x-raw, format=S16LE, layout=interleaved, channels=2"'
PACKETS = 'input_caps = "application/x-thing"'


# kind, class attributes, body of the audio method, and what is wrong with it.
PLUGINS = {
    "ends": (
        "filter",
        "",
        "assert self.calls < 8\n        if self.calls == 7: raise EndOfStream",
        "",
    ),
    "ends at once": ("filter", "", "raise EndOfStream", ""),
    "drops": ("filter", "", "raise DropBuffer('bad')", ""),
    "gives times": (
        "filter",
        TEXT,
        "return [Timed(b'a', buffer.pts, 5), Gap(), b'c'] if self.calls % 2 else Gap()",
        "",
    ),
    "gives a time that is none": (
        "filter",
        TEXT,
        "return [b'a', Timed(b'b', -1)]",
        "gave a Timed whose pts is -1: a time is from 0 to 2**63 - 1 ns",
    ),
    "gives nothing": (
        "filter",
        TEXT,
        "return None",
        "may not go on as text/x-raw, format=",
    ),
    "each second sample": (
        "filter",
        TEXT,
        "return np.zeros(8, np.uint8)[::2]",
        "gave an array that is not C-contiguous",
    ),
    "objects": (
        "filter",
        S16,
        "return np.array([b'a', None], object)",
        "gave an array of objects",
    ),
    "parts of frames": (
        "filter",
        S16,
        "return bytes(7)",
        "gave 7 bytes, which is not a whole number of frames of 4 bytes",
    ),
    "parts of frames of 24 bits": (
        "filter",
        'output_caps = "audio/x-raw, format=S24LE, channels=2"',
        "return bytes(4)",
        "gave 4 bytes, which is not a whole number of frames of 6 bytes",
    ),
    "declares S16": (
        "filter",
        'input_caps = "audio/x-raw, format=S16LE, layout=interleaved, rate=48000"',
        "assert buffer.data.dtype == np.int16 and buffer.data.ndim == 2, buffer.data",
        "",
    ),
    "declares 24 bits": (
        "filter",
        'input_caps = "audio/x-raw, format={S24LE, S24BE}, channels=2"',
        "assert buffer.data.dtype == np.uint8 and buffer.data.size % 6 == 0",
        "",
    ),
    "wants bytes": (
        "filter",
        "as_bytes = True",
        "assert buffer.data.dtype == np.uint8 and buffer.sample_rate",
        "",
    ),
    "other shape": (
        "filter",
        "",
        "return buffer.data[:, 1:]",
        "gave an array of shape (",
    ),
    "other memory": (
        "filter",
        "",
        "buffer.data.__setstate__((1, (1,), np.dtype('i1'), False, b'1'))",
        "put other memory into the array buffer.data",
    ),
    "changes in place": (
        "filter",
        "",
        "buffer.data.shape = (1, *buffer.data.shape); buffer.data *= 0.5",
        "",
    ),
    "writes without": (
        "filter",
        "read_only = True",
        "buffer.data *= 2",
        "raised ValueError: output array is read-only",
    ),
    "short end": (
        "source",
        "",
        "buffer.data[:] = 0; return buffer.data[:, :int(self.calls < 5)]",
        "",
    ),
    "short of another type": (
        "source",
        "",
        "return np.zeros((buffer.data.shape[0], 1))",
        "gave an array of float64, not float32",
    ),
    "longer": (
        "source",
        "",
        "return np.zeros((len(buffer.data), buffer.data.shape[1] + 1), 'f4')",
        "gave an array of shape (",
    ),
    "gives lines": (
        "source",
        TEXT,
        "assert not buffer.data.size\n        return b'line' if self.calls < 5 else b''",
        "",
    ),
    "gives text": ("source", TEXT, "return 'line'", "gave str, not bytes"),
    "drops in a source": (
        "source",
        "",
        "raise DropBuffer('bad')",
        "a source has no buffer to drop",
    ),
    "takes packets": (
        "sink",
        PACKETS,
        "assert buffer.data.dtype == np.uint8 and buffer.data.ndim == 1\n"
        "        assert buffer.sample_rate is None",
        "",
    ),
    "takes 24 bits": (
        "sink",
        'input_caps = "audio/x-raw, format=S24LE, rate=44100, channels=2"',
        "assert buffer.data.dtype == np.uint8 and buffer.data.size % 6 == 0",
        "",
    ),
    "sink ends": ("sink", "", "if self.calls > 3: raise EndOfStream", ""),
    "drains": (
        "sink",
        "def drain(self):\n        self.calls += 1\n        return self.calls % 3 == 0",
        "pass",
        "",
    ),
    "drains badly": ("sink", "def drain(self): 1 / 0", "pass", "ZeroDivisionError"),
}


def source_of(name):
    kind, attributes, body, _ = PLUGINS[name]
    method = f"    def {METHODS[kind]}(self, buffer):\n        self.calls += 1\n"
    return f"{HEAD}    {attributes}\n{method}        {body}\n"


def line_of(name, plugin):
    kind, attributes, _, _ = PLUGINS[name]
    if kind == "source":
        return f"pythonsrc num-buffers=9 script={plugin} ! fakesink async=false"
    # What is dropped or ends leaves a sink that waits for its first buffer.
    before = "audiotestsrc num-buffers=9 ! audioconvert ! audioresample"
    if attributes == PACKETS:
        before = "fakesrc num-buffers=9 sizetype=2 ! application/x-thing"
    if kind == "sink":
        return f"{before} ! pythonsink async=false script={plugin}"
    return f"{before} ! pythonfilter script={plugin} ! fakesink async=false"


@soak.one_in(3)
@pytest.mark.parametrize("name", PLUGINS)
def test_both_say_the_same(name, files):
    wrong = PLUGINS[name][3]
    plugin = files({"plugin.py": source_of(name)}) / "plugin.py"
    result = launch(line_of(name, plugin))
    assert (result.code != 0) == bool(wrong), result.err
    assert wrong in result.err
    code, report, _ = workbench.examine(plugin, "--skip", "parameters", rate=False)
    assert (code == 1) == bool(wrong), report["results"]
    messages = [r["message"] for r in report["results"] if r["status"] == "fail"]
    assert all(wrong in each for each in messages), messages


NOT_STARTED = {
    "cannot be loaded: ZeroDivisionError": "    x = 1 / 0\n",
    "initialize() raised ZeroDivisionError": "    def initialize(self): self.f()\n",
    "start() raised ZeroDivisionError": "    def start(self): self.f()\n",
    "set_channels() raised ZeroDivisionError": "    def set_channels(self, n): 1 / 0\n",
    "initialize() returned False": "    def initialize(self): return False\n",
    "start() returned False": "    def start(self): return False\n",
}


@soak.one_in(3)
@pytest.mark.parametrize("told", NOT_STARTED)
def test_both_say_the_same_of_a_start(told, files):
    source = "class P:\n    def f(self): 1 / 0\n    def process_audio(self, b): pass\n"
    plugin = files({"plugin.py": source + NOT_STARTED[told]}) / "plugin.py"
    line = f"audiotestsrc ! pythonfilter script={plugin} ! fakesink async=false"
    assert f"plugin.py: {told}" in launch(line).err
    code, report, _ = workbench.examine(plugin)
    [failure] = [each for each in report["results"] if each["status"] == "fail"]
    assert code == 1 and failure["message"].startswith(told)


# What ends the workbench's child, or keeps it: what is told of it, and whether of
# the line.
ENDS = {
    "crashes": ("ctypes.string_at(0)", "ended with SIGSEGV", True),
    "leaves": ("os._exit(7)", "ended with exit(7)", False),
    "sleeps": ("time.sleep(1000)", "did nothing new for 2 s", True),
    "computes": ("while True: pass", "did nothing new for 2 s", True),
}
ENDING = """
import ctypes, os, time
class Plugin:
    calls = 0
    def initialize(self):
        if {at_load}:
            {act}
    def process_audio(self, buffer):
        self.calls += 1
        if self.calls == 5:
            {act}
"""


@soak.one_in(3)
@pytest.mark.parametrize("at_load", [False, True])
@pytest.mark.parametrize("name", ENDS)
def test_what_ends_the_plugins_process_is_a_line_of_the_report(files, name, at_load):
    act, told, has_line = ENDS[name]
    source = ENDING.format(act=act, at_load=at_load)
    plugin = files({"plugin.py": source}) / "plugin.py"
    code, report, err = workbench.examine(plugin, "--time-limit", "2")
    [failure] = [each for each in report["results"] if each["status"] == "fail"]
    assert code == 1 and told in failure["message"]
    assert failure["check"] == ("load" if at_load else "results")
    line = 1 + [act in each for each in source.splitlines()].index(True)
    line += 0 if at_load else 4
    assert failure["line"] == (line if has_line else 0), err
    assert ("most recent call first" in err) == has_line
    # Nothing else is said to be good.
    statuses = {each["status"] for each in report["results"]}
    assert statuses <= {"fail", "skip", "note"}


def test_sink_that_never_has_played_all_is_told(files):
    source = source_of("drains").replace("self.calls % 3 == 0", "False")
    plugin = files({"plugin.py": source}) / "plugin.py"
    code, report, _ = workbench.examine(plugin)
    [failure] = workbench.found(report, "drain")
    assert code == 1 and failure["message"].startswith("drain() returned False for 1 s")


SEEKS = (
    HEAD
    + """
    def read_audio(self, buffer):
        frames = buffer.get_frame_count()
        buffer.data[:] = np.arange(self.calls, self.calls + frames) / 1e6
        self.calls += frames
    def seek(self, frame):
        self.calls = frame{}
    def get_duration(self):
        return 1.5
"""
)


@pytest.mark.parametrize("wrong", [0, 1])
def test_source_is_sought(wrong, files):
    source = SEEKS.format(" + 1" if wrong else "")
    plugin = files({"plugin.py": source}) / "plugin.py"
    code, report, _ = workbench.examine(plugin)
    assert code == 0 and report["plugin"]["duration_seconds"] == 1.5
    notes = [each["message"] for each in workbench.found(report, "life", "note")]
    assert [note.startswith("after seek(0)") for note in notes] == [True] * wrong


SLOW = """\
import time
from base_plugin import AudioProcessorPlugin, Param

class Slow(AudioProcessorPlugin):
    layers = Param(0, min=0, max={most})
    more = Param(0, min=0, max={most})
    def process_audio(self, buffer):
        time.sleep((self.layers + self.more) / 1000)
"""


def test_sweep_of_a_parameter_that_costs_time_ends(files, monkeypatch):
    plugin = files({"slow.py": SLOW.format(most=1500)}) / "slow.py"
    code, report, _ = workbench.examine(plugin, "--skip", "allocations")
    assert code == 0
    [note] = workbench.found(report, "parameters", "note")
    assert note["message"].startswith("layers=1500, layers=750, more=1500")
    assert "not played to the end, as calls take longer than 1 s" in note["message"]
    [layers, _] = report["parameters"]
    assert layers["accepted"] == ["0", "1500", "750"] and not layers["not_tried"]


def test_plugin_that_starts_slowly_is_tried_in_fewer_ways(files, monkeypatch):
    plugin = files({"slow.py": SLOW.format(most=1)}) / "slow.py"
    target = Target("processor", str(plugin))
    usual = bench.Bench(target, bench.Options())
    usual.prepare()
    usual.look_at_pace()
    monkeypatch.setattr(bench, "SLOW_SECONDS", 0.0)
    slow = bench.Bench(target, bench.Options())
    slow.prepare()
    slow.look_at_pace()
    assert not usual.slow and len(usual.findings.settings) == 10
    assert slow.slow and len(slow.findings.settings) == 3
    assert slow.options.seconds == 0.25 and slow.hurries and len(slow.names) == 2
    assert [each.status for each in usual.findings.results + slow.findings.results] == [
        "note"
    ]
    assert "3 of 10 stream formats are tried" in slow.findings.results[0].message


SETS = """\
import contextvars, decimal
import numpy as np

variable = contextvars.ContextVar("variable", default=0)
np.seterr(all="raise")

class Sets:
    def __init__(self):
        assert (variable.get(), np.geterr()["over"]) == (0, "raise")
        assert decimal.getcontext().prec == 28
        variable.set(5)
        decimal.getcontext().prec = 7

    def process_audio(self, buffer):
        assert (variable.get(), np.geterr()["over"]) == (5, "raise")
        assert decimal.getcontext().prec == 7
"""


def test_what_a_plugin_sets_for_its_thread_is_its_own(files):
    """No instance's before it, and not the workbench's own."""
    plugin = files({"sets.py": SETS}) / "sets.py"
    code, report, err = workbench.examine(plugin)
    assert code == 0 and err == "", report["results"]
