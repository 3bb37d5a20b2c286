# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mixers and splitters of plugin folders as elements, and those that come along."""

import importlib.util
import re

import numpy as np
import pytest

from plugin_folder import inspect, names
import soak
from processes import PLUGINS, launch, run_python

NAMED = """
raise SystemExit("nobody runs this")
from base_plugin import AudioMixerPlugin, Param

class Named(AudioMixerPlugin):
    \"\"\"Takes two.\"\"\"
    inputs = {"music": {}, "voice": {"channels": 1, "formats": ("S16", "S32")}}
    channels = (2, 6)
    output_like = "music"
    block_size = 480
    depth = Param(-12.0, min=-60.0, max=0.0, unit="dB", description="How much")

    def mix_audio(self, output, inputs): ...
"""
MIXER = """
from base_plugin import AudioMixerPlugin

class Mixer(AudioMixerPlugin):
    {}
    def mix_audio(self, output, inputs): ...
"""

SPLITTER = """
raise SystemExit("nobody runs this")
from base_plugin import AudioSplitterPlugin

class Splitter(AudioSplitterPlugin):
    \"\"\"Makes two.\"\"\"
    outputs = {}
    formats = ("F32", "S16")
    channels = 2

    def split_audio(self, buffer, outputs): ...
"""


def templates(text):
    """(name, availability, format, channels) of each pad template."""
    part = text.split("Pad Templates:\n")[1].split("\n\n")[0]
    part = re.sub(r" \(\w+\)$", "", part, flags=re.MULTILINE)  # since GStreamer 1.28
    found = {}
    for each in re.split(r"(?=  (?:SINK|SRC) template: )", part)[1:]:
        name = re.search("template: '(.*)'", each)[1]
        said = [re.search(f"{what}: (.*)", each)[1] for what in ("ility", "format")]
        channels = re.search("channels: (.*)", each)[1]
        found[name] = (*said, channels)
    return found


def test_pads_are_shown_without_running_the_code(place):
    folder, env = place
    (folder / "named.py").write_text(NAMED)
    (folder / "many.py").write_text(MIXER.format("inputs = (1, 4, {'channels': 1})"))
    (folder / "any.py").write_text("def mix_audio(output, inputs): ...\n")
    (folder / "computed.py").write_text(MIXER.format("inputs = dict(a={}, b={})"))
    (folder / "wrong.py").write_text(MIXER.format("inputs = (4, 1)"))
    assert names(env) == ["py-any", "py-many", "py-named"]
    text = inspect("py-named", env)
    assert "Takes two." in text and "How much" in text
    assert templates(text) == {
        "sink_music": ("Always", "F32LE", "{ (int)2, (int)6 }"),
        "sink_voice": ("Always", "{ (string)S16LE, (string)S32LE }", "1"),
        "src": ("Always", "F32LE", "{ (int)2, (int)6 }"),
    }
    assert templates(inspect("py-many", env)) == {
        "sink_%u": ("On request", "F32LE", "1"),
        "src": ("Always", "F32LE", "[ 1, 64 ]"),
    }
    text = inspect("pythonfilter", env)
    assert f"{folder}/computed.py:5: makes no element: its source" in text
    assert f"{folder}/wrong.py:5: declares inputs = (4, 1): least" in text


TONE = "audiotestsrc num-buffers=20 ! audio/x-raw,rate=48000,channels=1 ! audioconvert"


ISOLATIONS = pytest.mark.parametrize("isolation", ["none", "process"])


@ISOLATIONS
def test_mixers_of_ours_play_as_elements(tmp_path, isolation):
    env = {
        "GST_PYTHONFILTER_ISOLATION": isolation,
        "GST_PYTHONFILTER_PATH": PLUGINS,
        "GST_REGISTRY": tmp_path / "registry.bin",
    }
    inputs = {
        "ducker": ("music", "voice"),
        "side-chain-compressor": ("signal", "key"),
        "echo-canceller": ("microphone", "far_end"),
        "comparer": ("reference", "compared"),
    }
    line = ""
    for name, pads in inputs.items():
        line += f" py-{name} name={name} ! fakesink"
        for pad in pads:
            line += f" {TONE} ! {name}.sink_{pad}"
    result = launch(line, "-m", **env)
    assert result.code == 0, result.err
    out = result.out.decode()
    [comparison] = re.findall("comparison, (.*)", out)
    assert "snr=(double)inf" in comparison and "peak=(double)0," in comparison
    counts = re.findall(r"pythonfilter-stats.*?frames=\(guint64\)(\d+)", out)
    assert len(counts) == len(inputs)
    assert {int(each) for each in counts} >= {20 * 1024}


@ISOLATIONS
def test_each_input_of_the_conference_has_its_own_parameters(tmp_path, isolation):
    env = {
        "GST_PYTHONFILTER_ISOLATION": isolation,
        "GST_PYTHONFILTER_PATH": PLUGINS,
        "GST_REGISTRY": tmp_path / "registry.bin",
    }
    heard = tmp_path / "heard.raw"
    square = TONE.replace("audiotestsrc", "audiotestsrc wave=square volume={}")
    line = (
        "py-conference name=mixer sink_second::gain=0.5 sink_third::mute=true"
        f" ! filesink location={heard}"
    )
    for name, volume in (("first", 0.1), ("second", 0.3), ("third", 0.5)):
        line += f" {square.format(volume)} ! mixer.sink_{name}"
    result = launch(line, **env)
    assert result.code == 0 and "WARNING" not in result.err, result.err
    channels = np.abs(np.fromfile(heard, np.float32).reshape(-1, 3)).T
    assert channels.shape[1] >= 20 * 1024
    wanted = np.array([[0.15], [0.1], [0.25]])
    np.testing.assert_allclose(
        channels[:, 1:20000], wanted + np.zeros((3, 19999)), atol=1e-3
    )


# ---- splitters


def test_outputs_are_shown_without_running_the_code(place):
    folder, env = place
    named = "{'mid': {'channels': 1, 'formats': ('F32',)}, 'rest': {}}"
    (folder / "named.py").write_text(SPLITTER.format(named))
    (folder / "many.py").write_text(SPLITTER.format("(1, 4, {'channels': 1})"))
    (folder / "wrong.py").write_text(SPLITTER.format("(4, 1)"))
    assert names(env) == ["py-many", "py-named"]
    text = inspect("py-named", env)
    assert "Makes two." in text and "GstPythonDemixer" in text
    both = "{ (string)F32LE, (string)S16LE }"
    assert templates(text) == {
        "sink": ("Always", both, "2"),
        "src_mid": ("Always", "F32LE", "1"),
        "src_rest": ("Always", both, "2"),
    }
    assert templates(inspect("py-many", env)) == {
        "sink": ("Always", both, "2"),
        "src_%u": ("On request", both, "1"),
    }


def test_splitters_of_ours_play_as_elements(tmp_path):
    env = {
        "GST_PYTHONFILTER_PATH": PLUGINS,
        "GST_REGISTRY": tmp_path / "registry.bin",
    }
    line = (
        "audiotestsrc wave=white-noise num-buffers=20"
        " ! audio/x-raw,format=F32LE,channels=2 ! tee name=all"
        f" all. ! queue ! filesink location={tmp_path}/all.raw"
        " all. ! queue ! py-channel-splitter name=channels"
        " all. ! queue ! py-mid-side-splitter name=stereo"
    )
    for pad in (
        "channels.src_0",
        "channels.src_1",
        "stereo.src_mid",
        "stereo.src_side",
    ):
        line += f" {pad} ! queue ! filesink location={tmp_path}/{pad}.raw"
    result = launch(line, **env)
    assert result.code == 0 and "WARNING" not in result.err, result.err

    def read(name):
        return np.fromfile(tmp_path / f"{name}.raw", np.float32)

    left, right = read("all").reshape(-1, 2).T
    assert len(left) == 20 * 1024
    np.testing.assert_array_equal(read("channels.src_0"), left)
    np.testing.assert_array_equal(read("channels.src_1"), right)
    np.testing.assert_array_equal(read("stereo.src_mid"), (left + right) / 2)
    np.testing.assert_array_equal(read("stereo.src_side"), (left - right) / 2)


def test_a_splitter_given_to_a_filter_names_its_element():
    splitter = f"{PLUGINS}/mid_side_splitter.py"
    result = launch(
        f"audiotestsrc ! pythonfilter script={splitter} ! fakesink async=false"
    )
    assert result.code != 0
    assert "pythondemixer" in result.err


NO_NUMBA = importlib.util.find_spec("numba") is None
CURVED = """
from base_plugin import AudioMixerPlugin, InputParam, compiled

class {name}(AudioMixerPlugin):
    inputs = {{"a": {{}}, "b": {{}}}}
    output_like = "a"
    curves = ("gain",)
    gain = InputParam(1.0, min=0.0, max=8.0)

    {method}
"""
IN_PYTHON = """def mix_audio(self, output, inputs):
        for one in inputs.values():
            output.data += one.curve("gain") * one.data
"""
AS_MACHINE_CODE = """@compiled
    def mix_audio(output, inputs, params, state, stream):
        for frame in range(output.shape[1]):
            output[0, frame] = inputs.a.gain[frame] * inputs.a.data[0, frame]
            output[0, frame] += inputs.b.gain[frame] * inputs.b.data[0, frame]
"""
# Both inputs are 1 all the time, for half a second.
CONTROLLED = """
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstController", "1.0")
from gi.repository import Gst, GstController
Gst.init(None)
ONE = "audiotestsrc wave=square freq=0 volume=1 num-buffers=25 samplesperbuffer=160 ! "
ONE += "audio/x-raw,format={{F32LE,F32BE}},rate=8000,channels=1 ! m.sink_"
line = "{element} name=m ! filesink location=heard " + ONE + "a " + ONE + "b"
pipeline = Gst.parse_launch(line)
mixer = pipeline.get_by_name("m")
mixer.get_static_pad("sink_b").set_property("gain", 2.0)
pad = mixer.get_static_pad("sink_a")
source = GstController.InterpolationControlSource()
source.set_property("mode", GstController.InterpolationMode.LINEAR)
source.set(0, 0.0)
source.set(Gst.SECOND // 2, 4.0)
assert pad.add_control_binding(
    GstController.DirectControlBinding.new_absolute(pad, "gain", source)
)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(
    Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR
)
pipeline.set_state(Gst.State.NULL)
assert message.type == Gst.MessageType.EOS, message.parse_error()
"""


@soak.one_in(2)
@ISOLATIONS
@pytest.mark.parametrize("name", ["curved", "compiled"])
def test_a_parameter_of_an_input_is_a_curve_of_its_own(
    place, tmp_path, isolation, name
):
    folder, env = place
    method = IN_PYTHON if name == "curved" else AS_MACHINE_CODE
    text = CURVED.format(name=name.title(), method=method)
    (folder / f"{name}.py").write_text(text)
    result = run_python(
        CONTROLLED.format(element=f"py-{name}"),
        cwd=tmp_path,
        GST_PYTHONFILTER_ISOLATION=isolation,
        **(env | ({"NUMBA_DISABLE_JIT": "1"} if NO_NUMBA else {})),
    )
    assert result.code == 0, result.err
    heard = np.fromfile(tmp_path / "heard", np.float32)
    wanted = 2.0 + 8.0 * np.arange(4000) / 8000
    np.testing.assert_allclose(heard, wanted, atol=1e-5)
