# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-launch-1.0 lines: exit codes, what is printed where, and the samples."""

import re

import numpy as np
import pytest

import soak
from processes import GAIN, PLUGINS, launch

SOURCE = "audiotestsrc wave=saw num-buffers=4"
CAPS = "audio/x-raw,format=F32LE,channels=2,rate=48000"
STDOUT = "fdsink fd=1"


def samples(line, **more):
    """The samples that a line writes to standard output: nothing else is there."""
    result = launch(line, **more)
    assert result.code == 0, result.err
    return np.frombuffer(result.out, np.float32)


def test_success_prints_nothing():
    result = launch(f"{SOURCE} ! pythonfilter script={GAIN} ! fakesink")
    assert (result.code, result.out, result.err) == (0, b"", "")


def test_stdout_is_the_same_as_without_a_plugin(files):
    """Every line that gst-launch itself prints, and no other."""
    folder = files({"plugin.py": LOUD.format(call="pass")})

    def lines(element):
        result = launch(f"{SOURCE} ! {element} ! fakesink", "-e")
        assert result.code == 0, result.err
        # Not their order, and one line that comes and goes.
        text = re.sub(rb"Redistribute latency...\n|[0-9:.]+", b"", result.out)
        return sorted(text.splitlines())

    assert lines("identity") == lines(f"pythonfilter script={folder}/plugin.py")


LOUD = """
import os, sys, numpy as np
print("on loading")
sys.stdout.write("to sys.stdout\\n")
class Plugin:
    def __init__(self):
        print("on __init__", flush=True)
    def process_audio(self, buffer):
        print("in the call", end="")
        {call}
"""


def test_print_of_a_plugin_goes_to_stderr(files):
    """With the samples on standard output, nothing comes between them."""
    folder = files({"plugin.py": LOUD.format(call="buffer.data *= 0.5")})
    line = f"{SOURCE} ! {CAPS} ! pythonfilter script={folder}/plugin.py ! {STDOUT}"
    result = launch(line)
    plain = samples(f"{SOURCE} ! {CAPS} ! {STDOUT}")
    assert result.code == 0
    assert np.array_equal(np.frombuffer(result.out, np.float32), plain * 0.5)
    for text in ("on loading", "to sys.stdout", "on __init__", "in the call"):
        assert text in result.err


@pytest.mark.parametrize("layout", ["interleaved", "non-interleaved"])
def test_samples_are_exact(layout):
    convert = f"audioconvert ! {CAPS},layout={layout}"
    line = f"{SOURCE} ! {CAPS} ! {convert} ! {{}} ! audioconvert ! {CAPS} ! {STDOUT}"
    plain = samples(line.format("identity"))
    assert plain.size == 4 * 1024 * 2
    quiet = samples(line.format(f"pythonfilter script={GAIN} params=p,gain=0.25"))
    assert np.array_equal(quiet, plain * np.float32(0.25))


PARAMS = [
    ("p,gain=0.5", {"gain": "0.5"}),
    ("p,gain=(double)0.1", {"gain": "0.1"}),
    ("p,sampleRate=48000,mode=warm", {"sampleRate": "48000", "mode": "warm"}),
    ("p,text=(string)0.10,flag=true", {"text": "0.10", "flag": "true"}),
    ("p,a.b=1,dB=-3.5", {"a.b": "1", "dB": "-3.5"}),
]


@pytest.mark.parametrize("text,expected", PARAMS)
def test_params_on_the_line(files, text, expected):
    source = """
    import sys
    class Plugin:
        def set_parameter(self, key, value):
            print(repr((key, value)))
        def process_audio(self, buffer): ...
    """
    folder = files({"plugin.py": source})
    line = (
        f"{SOURCE} ! pythonfilter script={folder}/plugin.py params='{text}' ! fakesink"
    )
    result = launch(line)
    assert result.code == 0, result.err
    assert dict(eval(each) for each in result.err.splitlines()) == expected


def test_module_and_class_on_the_line(files):
    source = """
    class Half:
        def process_audio(self, buffer): buffer.data *= 0.5
    class Quarter:
        def process_audio(self, buffer): buffer.data *= 0.25
    """
    folder = files({"effects/gains.py": source})
    line = f"{SOURCE} ! {CAPS} ! {{}} ! {STDOUT}"
    plain = samples(line.format("identity"))
    element = "pythonfilter module=effects.gains class=Quarter"
    quiet = samples(line.format(element), PYTHONPATH=folder)
    assert np.array_equal(quiet, plain * np.float32(0.25))


FAILS_ONCE = """
class Plugin:
    count = 0
    def process_audio(self, buffer):
        self.count += 1
        buffer.data *= 0.5
        if self.count == 2:
            raise ValueError("no")
"""
# What comes out of four buffers when the second call fails.
POLICIES = {
    "passthrough": [0.5, 1, 0.5, 0.5],
    "silence": [0.5, 0, 0.5, 0.5],
    "drop": [0.5, None, 0.5, 0.5],
}


@pytest.mark.parametrize("policy", POLICIES)
def test_on_error_lets_through(files, policy):
    folder = files({"plugin.py": FAILS_ONCE})
    line = f"{SOURCE} ! {CAPS} ! {{}} ! {STDOUT}"
    plain = samples(line.format("identity")).reshape(4, -1)
    element = f"pythonfilter script={folder}/plugin.py on-error={policy}"
    got = samples(line.format(element))
    expected = [
        block * np.float32(factor)
        for block, factor in zip(plain, POLICIES[policy])
        if factor is not None
    ]
    assert np.array_equal(got, np.concatenate(expected))


def test_on_error_fail_stops_before_the_failed_buffer(files):
    folder = files({"plugin.py": FAILS_ONCE})
    element = f"pythonfilter script={folder}/plugin.py"
    result = launch(f"{SOURCE} ! {CAPS} ! {element} ! {STDOUT}")
    assert result.code == 1
    assert len(result.out) == 1024 * 2 * 4


def test_messages_show_the_statistics():
    result = launch(f"{SOURCE} ! pythonfilter script={GAIN} ! fakesink", "-m")
    message = re.search(rb"\(element\): pythonfilter-stats, (.*);", result.out)
    fields = dict(
        field.replace(b"(guint64)", b"").split(b"=")
        for field in message.group(1).split(b", ")
    )
    assert (fields[b"buffers"], fields[b"frames"]) == (b"4", b"4096")
    assert fields[b"errors"] == b"0"
    assert 0 < int(fields[b"call-min"]) <= int(fields[b"call-max"])


def test_the_log_has_one_line_of_statistics():
    line = f"{SOURCE} ! pythonfilter script={GAIN} ! fakesink"
    result = launch(line, GST_DEBUG="pythonfilter:4", GST_DEBUG_NO_COLOR="1")
    assert result.code == 0
    (line,) = [each for each in result.err.splitlines() if "buffers=" in each]
    assert " INFO " in line
    assert str(GAIN) in line
    assert "buffers=(guint64)4" in line


# Sources and sinks have test_source_sink_plugins.py, test_wav_pipelines.py,
# test_null_sink.py and test_devices.py, those that need a key test_encryption.py.
FILTERS = [
    path
    for path in [*PLUGINS.glob("*.py"), *PLUGINS.glob("examples/*.py")]
    if "\ndef create_plugin" in (source := path.read_text())
    and "def process_audio" in source
    and "key_file" not in source
]


def test_filters_of_ours_are_found():
    names = {path.name for path in FILTERS}
    assert {"passthrough.py", "simple_gain.py", "scipy_equalizer.py"} <= names


@soak.one_in(2)
@pytest.mark.parametrize("plugin", FILTERS, ids=lambda path: path.name)
def test_every_plugin_of_ours_runs(plugin):
    # Those that are compiled are so for what test_launch_lines.py plays to them.
    result = launch(
        f"{SOURCE} ! audioconvert ! pythonfilter script={plugin} ! fakesink"
    )
    assert (result.code, result.out, result.err) == (0, b"", "")
