# SPDX-License-Identifier: LGPL-2.1-or-later
"""Class attributes that are nearly what the elements read are told of."""

import ast
import inspect
import textwrap

import base_plugin
import pytest

from pythonfilter import kinds
import soak
from processes import launch
from pythonfilter.spelling import warnings

SUSPECT = {
    "rate = 44100": "rates",
    "sample_rates = (44100,)": "rates",
    "num_channels = 2": "channels",
    "channel = 2": "channels",
    "format = 'F32'": "formats",
    "output_cap = 'audio/x-raw'": "output_caps",
    "input_cap: str = 'audio/x-raw'": "input_caps",
    "readonly = True": "read_only",
    "failclosed = True": "fail_closed",
    "secret = ('key',)": "secrets",
    "blocksize = 512": "block_size",
    "def initialise(self): pass": "initialize",
    "def shut_down(self): pass": "shutdown",
    "def get_procesing_latency(self): return 0": "get_processing_latency",
    "def get_latency(self): return 0": "get_processing_latency",
    "def get_output_cap(self, caps): pass": "get_output_caps",
}
# A false alarm would be worse than none.
PLAIN = {
    "what is declared": "rates = 44100\n    block_size = 5\n    def drain(self): pass",
    "read as an attribute": "rate = 1\n    def start(self): return self.rate",
    "read by name": "rate = 1\n    def start(self): return getattr(self, 'rate')",
    "read in the class": "rate = 44100\n    rates = (rate,)",
    "a Param": "rate = Param(5.0)",
    "a property": "@property\n    def rate(self): return 5",
    "beside the right one": "rate = 5\n    rates = (8000,)",
    "a constant": "RATE = 5\n    FORMATS = 3",
    "private": "_rate = 5",
    "like nothing": "rate_hz = 5.0\n    phase = 0.0\n    gain = 1\n    window = None",
    "called": "def initialise(self): pass\n    def start(self): self.initialise()",
    "other methods": "def restart(self): pass\n    def set_parameters(self): pass",
}
CLASS = "class P:\n    {}\n    def process_audio(self, buffer): pass\n"


@pytest.mark.parametrize("line", SUSPECT)
def test_near_miss_that_nothing_reads(line):
    name = line.removeprefix("def ").split("(" if line[:3] == "def" else " ")[0]
    tree = ast.parse(CLASS.format(line))
    assert warnings({"f.py": tree}, ["P"]) == [
        f"P has {name.strip(':')}, which nothing reads: did you mean {SUSPECT[line]}? (f.py:2)"
    ]


@pytest.mark.parametrize("what", PLAIN)
def test_no_false_alarm(what):
    assert warnings({"f.py": ast.parse(CLASS.format(PLAIN[what]))}, ["P"]) == []


def test_read_in_another_module_of_the_plugin():
    trees = {
        "f.py": ast.parse(CLASS.format("rate = 5")),
        "helper.py": ast.parse("def of(plugin): return plugin.rate"),
    }
    assert warnings(trees, ["P"]) == []


def test_what_base_plugin_declares_is_what_the_elements_read():
    """It stands alone, and the scan has no NumPy: so the names stand twice."""
    assert base_plugin._NOT_PARAMETERS == set(kinds.DECLARATIONS)


def test_all_that_base_plugin_has_is_known():
    for name in (
        "BasePlugin",
        "AudioSourcePlugin",
        "AudioSinkPlugin",
        "AudioProcessorPlugin",
        "AudioMixerPlugin",
        "AudioSplitterPlugin",
    ):
        cls = getattr(base_plugin, name)
        for key, value in inspect.getmembers(cls):
            if key.startswith("_") or key in ("register", "state"):
                continue
            known = kinds.METHODS if callable(value) or isinstance(value, property) else (
                kinds.DECLARATIONS)  # fmt: skip
            assert key in known, key


@soak.one_in(2)
@pytest.mark.parametrize("more", ["", "def create_plugin():\n    return P()\n"])
@pytest.mark.parametrize("name", ["process_audo", "process", "processaudio"])
def test_audio_method_that_is_misspelt(tmp_path, name, more):
    source = f"class P:\n    def {name}(self, b): pass\n{more}"
    (tmp_path / "plugin.py").write_text(source)
    result = launch(
        "audiotestsrc ! pythonfilter script=plugin.py ! fakesink", cwd=tmp_path
    )
    assert result.code != 0
    asked = f"; is P.{name}() meant to be it? ({tmp_path}/plugin.py:2)"
    assert f"no function process_audio(buffer){asked}" in result.err
    (tmp_path / "plugin.py").write_text("def create_plugin():\n    return 5\n")
    result = launch(
        "audiotestsrc ! pythonfilter script=plugin.py ! fakesink", cwd=tmp_path
    )
    assert "no function process_audio(buffer)\n" in result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_element_and_scan_tell_of_it(tmp_path, isolation):
    source = """
    from helper import Base
    class Typo(Base):
        output_cap = "audio/x-raw, rate=16000"
        def process_audio(self, buffer): pass
    """
    (tmp_path / "plugin.py").write_text(textwrap.dedent(source))
    (tmp_path / "helper.py").write_text("class Base:\n    rate = 5\n    used = 1\n")
    line = f"audiotestsrc num-buffers=1 ! pythonfilter script=plugin.py isolation={isolation} ! fakesink"
    result = launch(line, "--no-fault", cwd=tmp_path)
    assert result.code == 0, result.err
    told = result.out.decode() + result.err
    for sentence in (
        f"Typo has output_cap, which nothing reads: did you mean output_caps? ({tmp_path}/plugin.py:4)",
        f"Base has rate, which nothing reads: did you mean rates? ({tmp_path}/helper.py:2)",
    ):
        assert (
            f"WARNING: from element /GstPipeline:pipeline0/GstPythonFilter:pythonfilter0: plugin.py: {sentence}"
            in told
        )
    result = launch("fakesrc num-buffers=1 ! fakesink", cwd=tmp_path,
        GST_PYTHONFILTER_PATH=tmp_path, GST_REGISTRY=tmp_path / "r", GST_DEBUG="pythonfilter:4",
        GST_REGISTRY_FORK="no")  # fmt: skip
    assert "did you mean output_caps?" in result.err
