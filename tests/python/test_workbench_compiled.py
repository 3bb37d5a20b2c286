# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter-workbench: what it says of compiled plugins."""

import pytest

import soak
import workbench
from test_compiled import needs_numba, slow

PLUGIN = """
from numpy import float32
from base_plugin import *

class Plugin(Audio{kind}Plugin):
    '''One of the workbench's.'''
    formats = ("F32",)
    layouts = "interleaved"
    rates = 48000
    channels = 2

    class State:
        line: Array[float, 64]
        place: int

    @compiled
    def {method}(data, params, state, stream):
        for frame in range(data.shape[1]):
            {body}
"""
METHODS = {
    "Processor": "process_audio",
    "Source": "read_audio",
    "Sink": "write_audio",
}
ROUND = "state.line[state.place] = data[0, frame]\n"
ROUND += "            state.place = (state.place + 1) % {}"
BEYOND = {
    "writes": ("Processor", ROUND.format(65)),
    "reads": ("Processor", "data[0, frame] = state.line[frame]"),
    "in the samples": ("Source", "data[frame % 3, frame] = 0.5"),
    "in a sink": ("Sink", "state.line[frame] = data[0, frame]"),
}


# They take long, and are no other for a compiled plugin.
UNNEEDED = ("parameters", "allocations")


def examine(files, kind, body, **env):
    source = PLUGIN.format(kind=kind, method=METHODS[kind], body=body)
    folder = files({"plugin.py": source})
    more = [word for check in UNNEEDED for word in ("--skip", check)]
    return workbench.examine(folder / "plugin.py", *more, **env)


@needs_numba
@pytest.mark.parametrize("name", BEYOND if soak.SOAK else ["reads"])
def test_what_goes_beyond_an_array_is_told_with_its_line_and_not_run(files, name):
    code, report, _ = examine(files, *BEYOND[name])
    [told] = workbench.found(report, "bounds")
    assert code == 1 and "IndexError: index " in told["message"], told
    source = (files({}) / "plugin.py").read_text().splitlines()
    assert "frame]" in source[told["line"] - 1]
    assert report["calls"] == 0
    assert workbench.found(report, "results", "skip")


MIXER = """
from base_plugin import *

class Plugin(AudioMixerPlugin):
    '''One of the workbench's.'''
    inputs = {{"a": {{}}, "b": {{"channels": 1, "optional": True}}}}
    output_like = "a"
    rates = 48000
    channels = 2

    @compiled
    def mix_audio(output, inputs, params, state, stream):
        for frame in range(output.shape[1]):
            {body}
"""


@slow
@needs_numba
@pytest.mark.parametrize(
    "check, body, said",
    [
        ("bounds", "output[0, frame] = inputs.b.data[1, frame]", "IndexError: index "),
        (
            "compiled",
            "output[0, frame] = 0.25 * isinstance(stream.position, int)",
            "differ by up to -12.0 dBFS",
        ),
    ],
)
def test_a_mixer_is_compared_and_stays_within_its_inputs(files, check, body, said):
    folder = files({"plugin.py": MIXER.format(body=body)})
    more = [word for each in UNNEEDED for word in ("--skip", each)]
    code, report, _ = workbench.examine(folder / "plugin.py", *more)
    [told] = workbench.found(report, check)
    assert code == 1 and said in told["message"] and told["line"], told


@needs_numba
def test_what_machine_code_does_otherwise_than_python_is_told(files):
    body = "state.place += 1\n            data[0, frame] = 0.25 * isinstance({}, int)"
    code, report, _ = examine(files, "Processor", body.format("state.place"))
    [told] = workbench.found(report, "compiled")
    assert code == 1 and "differ by up to -12.0 dBFS" in told["message"], told
    assert told["line"]
    assert workbench.found(report, "bounds", "ok")


@slow
@needs_numba
def test_a_compiled_plugin_that_is_right_passes(files):
    code, report, _ = examine(files, "Processor", ROUND.format(64))
    assert code == 0, report["results"]
    for check in ("bounds", "compiled"):
        assert workbench.found(report, check, "ok")


def test_without_machine_code_there_is_nothing_to_compare(files):
    more = ("Processor", ROUND.format(64))
    code, report, _ = examine(files, *more, NUMBA_DISABLE_JIT="1")
    assert code == 0, report["results"]
    for check in ("bounds", "compiled"):
        [told] = workbench.found(report, check, "skip")
        assert "runs as Python" in told["message"]


def test_a_plugin_in_plain_python_has_nothing_compiled(files):
    source = "class Plugin:\n    def process_audio(self, buffer): pass\n"
    _, report, _ = workbench.examine(files({"plugin.py": source}) / "plugin.py")
    for check in ("bounds", "compiled"):
        [told] = workbench.found(report, check, "skip")
        assert told["message"] == "is not compiled"
