# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins in the plugin folders are elements of their own."""

import os
import re
import shutil

import numpy as np
import pytest

from plugin_folder import CAPS, SINK, SOURCE, SOURCE_PLUGIN, inspect, names
from processes import GAIN, PLUGINS, launch, run_python

MARKING = """
import pathlib
pathlib.Path({mark!r}).write_text("ran")
from base_plugin import AudioProcessorPlugin, Param, PluginInfo

class Louder(AudioProcessorPlugin):
    '''Makes it louder.'''
    rates = range(8000, 48001)
    channels = (1, 2)
    formats = ("F32", "S16")
    gain = Param(2.0, min=0.0, max=4.0, unit="x", description="How much")
    mode = Param("warm", choices=("warm", "cold"))
    passphrase = Param("correct-horse", secret=True)
    token = Param("battery-staple")
    secrets = "token"

    def get_info(self):
        return PluginInfo("Loudener", "2", "Ada", "Louder than before", self.get_type())

    def process_audio(self, buffer):
        buffer.data *= self.gain
"""


def test_description_caps_and_parameters_are_shown_and_nothing_runs(place, tmp_path):
    folder, env = place
    mark = tmp_path / "mark"
    (folder / "lou_der.py").write_text(MARKING.format(mark=str(mark)))
    assert names(env) == ["py-lou-der"]
    text = inspect("py-lou-der", env)
    for each in ("Loudener", "Louder than before", "Ada", "How much (x)"):
        assert each in text
    assert "Range:               0 -               4 Default:               2" in text
    assert "rate: [ 8000, 48000 ]" in text
    assert re.search(r"channels: \{ \(int\)1, \(int\)2 \}", text)
    assert re.search(r"format: \{ \(string\)F32LE, \(string\)S16LE \}", text)
    assert re.search(r"mode .*\n.*writable.*\n.*Enum .*\n.*warm", text)
    # A secret is only written.
    assert re.search(r"passphrase .*\n +flags: writable", text)
    # Nor is what it is by default, here or in the registry.
    kept = env["GST_REGISTRY"].read_bytes()
    for default in ("correct-horse", "battery-staple"):
        assert default not in text and default.encode() not in kept
    assert not mark.exists()
    assert launch(f"{SOURCE} ! py-lou-der ! fakesink", **env).code == 0
    assert mark.exists()


def test_the_element_is_the_plugin(place):
    folder, env = place
    shutil.copy(GAIN, folder)
    line = f"{SOURCE} ! {{}} ! fdsink fd=1"
    plain = launch(line.format("identity"), **env).out
    assert len(plain) == 4 * 1024 * 8
    for properties in ("gain=0.5", "params=p,gain=0.5", "plugin::gain=0.5"):
        quiet = launch(line.format(f"py-simple-gain {properties}"), **env)
        assert quiet.code == 0, quiet.err
        wanted = np.frombuffer(plain, np.float32) * np.float32(0.5)
        assert np.array_equal(np.frombuffer(quiet.out, np.float32), wanted)
    text = inspect("py-simple-gain", env)
    for each in ("The pythonfilter authors", "Multiplies every sample", "Linear gain"):
        assert each in text
    # As any property that is set too early for a bus: said once, and not kept.
    refused = launch(line.format("py-simple-gain gain=50"), **env)
    assert refused.code == 0 and refused.out == plain
    assert refused.err.count("gain = 50: must be a number from 0.0 to 10.0") == 1


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_log_tells_what_becomes_of_a_plugin(place, isolation):
    folder, env = place
    (folder / "told.py").write_text(
        "from base_plugin import AudioSinkPlugin, DropBuffer, Param\n"
        "class Told(AudioSinkPlugin):\n"
        "    gain = Param(1.0)\n"
        "    key = Param('', secret=True)\n"
        "    def get_processing_latency(self): return 0.25\n"
        "    def write_audio(self, buffer): raise DropBuffer\n"
    )
    line = f"{SOURCE} ! py-told isolation={isolation} gain=0.5 key=hidden sync=false"
    log = launch(line, **env, GST_DEBUG="pythonfilter:7").err
    for part in (
        "loads ",
        "gain = 0.5",
        "key = (a secret)",
        " takes audio/x-raw",
        " starts: ",
        " channels, F32LE, interleaved",
        "latency is 0:00:00.250000000",
        "drops buffer",
    ):
        assert part in log, (part, log)
    assert "hidden" not in log


def test_sources_and_sinks(place):
    folder, env = place
    (folder / "quarter.py").write_text(SOURCE_PLUGIN)
    (folder / "taker.py").write_text(SINK)
    assert names(env) == ["py-quarter", "py-taker"]
    result = launch(f"py-quarter num-buffers=2 ! {CAPS} ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, np.float32)) == {0.25}
    assert launch(f"{SOURCE} ! py-taker", **env).code == 0
    assert "Source/Audio" in inspect("py-quarter", env)


def test_several_classes_in_one_file(place):
    folder, env = place
    (folder / "pair.py").write_text(SINK + SINK.replace("Taker", "OtherTaker"))
    assert names(env) == ["py-pair-other-taker", "py-pair-taker"]
    assert launch(f"{SOURCE} ! py-pair-other-taker", **env).code == 0


APPLICATION = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
def fails(call, *arguments):
    try:
        call(*arguments)
    except TypeError:
        return True
"""


def test_properties_before_any_python_and_presets(place, tmp_path):
    folder, env = place
    shutil.copy(GAIN, folder)
    (folder / "other.py").write_text(MARKING.format(mark=str(tmp_path / "mark")))
    code = (
        APPLICATION
        + """
seen = []
gain = Gst.ElementFactory.make("py-simple-gain")
gain.connect("notify::gain", lambda *_: seen.append(gain.props.gain))
assert gain.props.gain == 1.0
gain.props.gain = 0.5
gain.props.gain = 0.5
assert (gain.props.gain, seen) == (0.5, [0.5]), seen
assert fails(gain.set_property, "gain", "loud")
gain.props.params = Gst.Structure.from_string("p,gain=0.25")[0]
assert (gain.props.gain, seen) == (0.25, [0.5, 0.25]), seen
path = gain.props.script
gain.props.script = "other.py"
assert gain.props.script == path
assert gain.set_state(Gst.State.READY) == Gst.StateChangeReturn.SUCCESS
child = gain.get_child_by_name("plugin")
assert child.props.gain == gain.props.gain == 0.25
child.props.gain = 0.75
gain.props.gain = 0.125
assert child.props.gain == 0.125
assert seen == [0.5, 0.25, 0.75, 0.125], seen
gain.set_state(Gst.State.NULL)
assert gain.props.gain == 0.125

assert gain.save_preset("quiet")
other = Gst.ElementFactory.make("py-other")
assert other.get_preset_names() == [] and gain.get_preset_names() == ["quiet"]
gain.props.gain = 3
assert gain.load_preset("quiet") and gain.props.gain == 0.125
one, two = (Gst.ElementFactory.make("pythonfilter") for _ in "12")
one.props.script, two.props.script = path, other.props.script
one.props.params = Gst.Structure.from_string("p,gain=0.5")[0]
one.set_state(Gst.State.READY)
assert one.save_preset("half")
one.set_state(Gst.State.NULL)
assert one.get_preset_names() == ["half"] and two.get_preset_names() == []
assert not two.load_preset("half")
one.props.params = Gst.Structure.from_string("p,gain=0.75")[0]
assert one.load_preset("half") and one.props.script == path
assert one.props.params.get_double("gain")[1] == 0.5, one.props.params.to_string()
"""
    )
    result = run_python(
        code,
        XDG_CONFIG_HOME=tmp_path / "config",
        **{**env, "XDG_DATA_HOME": tmp_path / "data"},
    )
    assert result.code == 0, result.err


def test_a_controller_on_the_element(place):
    folder, env = place
    shutil.copy(GAIN, folder)
    code = (
        APPLICATION
        + f"""
gi.require_version("GstController", "1.0")
from gi.repository import GstController
line = "audiotestsrc wave=square volume=1 num-buffers=2 samplesperbuffer=480 ! {CAPS}"
pipeline = Gst.parse_launch(line + " ! py-simple-gain name=g ! appsink name=s sync=false")
control = GstController.InterpolationControlSource.new()
control.set_property("mode", GstController.InterpolationMode.NONE)
gain = pipeline.get_by_name("g")
gain.add_control_binding(
    GstController.DirectControlBinding.new_absolute(gain, "gain", control))
control.set(0, 0.5)
control.set(10 * Gst.MSECOND, 0.25)
pipeline.set_state(Gst.State.PLAYING)
import struct
peaks = []
for _ in "12":
    data = pipeline.get_by_name("s").emit("pull-sample").get_buffer().extract_dup(0, 8)
    peaks.append(abs(struct.unpack("2f", data)[0]))
pipeline.set_state(Gst.State.NULL)
assert peaks == [0.5, 0.25], peaks
"""
    )
    result = run_python(code, **env)
    assert result.code == 0, result.err


def test_nothing_leaks(place):
    folder, env = place
    shutil.copy(GAIN, folder)
    line = f"{SOURCE} ! py-simple-gain gain=0.5 ! fakesink"
    tracing = {"GST_TRACERS": "leaks", "GST_DEBUG": "GST_TRACER:7"}
    result = launch(line, **env, **tracing)
    assert result.code == 0
    assert "object-alive.class" in result.err
    assert "object-alive, type-name=(string)Gst" not in result.err


HELPER = """
from base_plugin import AudioProcessorPlugin, Param
KIND = "application/x-sealed"

class Base(AudioProcessorPlugin):
    fail_closed = True
    rates = 8000
    depth = Param(3, max=9, description="From the helper")
"""


HELPED = """
from _helper import KIND, Base
class Plugin(Base):
    output_caps = KIND
    block_size = 480
    read_only = True
    def process_audio(self, buffer): ...
"""


def test_what_a_plugin_has_from_a_helper_beside_it(place):
    folder, env = place
    (folder / "_helper.py").write_text(HELPER)
    (folder / "helped.py").write_text(HELPED)
    text = inspect("py-helped", env)
    for each in (
        "From the helper",
        "Fail-closed              yes",
        "Read-only                yes",
        "Block-size               480 frames",
        "application/x-sealed\n",
    ):
        assert each in text, each
    assert "rate: 8000" in text
    assert "Fail-closed" not in inspect("pythonfilter", env)
    (folder / "_helper.py").write_text(HELPER.replace("From the helper", "Changed"))
    assert "Changed" in inspect("py-helped", env)
    # What cannot be read leaves everything open, and breaks only itself.
    for broken in ("def f(:", HELPER.replace("(AudioP", "(Other)\nclass X(AudioP")):
        (folder / "_helper.py").write_text(broken)
        assert "rate: 8000" not in inspect("py-helped", env)
    (folder / "_helper.py").unlink()
    os.mkfifo(folder / "_helper.py")
    assert names(env) == ["py-helped"]


def test_a_sink_shows_what_it_takes(place):
    folder, env = place
    write = "    def write_audio(self, buffer): ...\n"
    for attributes, caps in (
        ("input_caps = 'text/x-raw, format=utf8'", "text/x-raw\n"),
        ("input_caps = 'audio/x-raw, format=S24LE'", "format: S24LE"),
        ("as_bytes = True", "audio/x-raw\n"),
        ("rates = 8000", "rate: 8000"),
    ):
        (folder / "taker.py").write_text(f"class Taker:\n    {attributes}\n{write}")
        _, _, shown = inspect("py-taker", env).partition("SINK template")
        assert caps in shown.partition("Element")[0], (attributes, shown)


def test_a_source_shows_what_it_gives(place):
    folder, env = place
    read = "    def read_audio(self, buffer): ...\n"
    for attributes, caps in (
        ("output_caps = 'text/x-raw, format=utf8'", "text/x-raw\n"),
        ("output_caps = 'audio/x-raw, format=S24LE'", "format: S24LE"),
        ("def get_output_caps(self): return 'a/b'", "ANY"),
        ("rates = 8000", "rate: 8000"),
    ):
        (folder / "giver.py").write_text(f"class Giver:\n    {attributes}\n{read}")
        _, _, shown = inspect("py-giver", env).partition("SRC template")
        assert caps in shown.partition("Element")[0], (attributes, shown)


def test_encryptors_show_where_their_key_can_be(place):
    _, env = place
    env["GST_PYTHONFILTER_PATH"] = PLUGINS
    for name in (
        "sframe-encryptor",
        "sframe-decryptor",
        "fernet-encryptor",
        "fernet-decryptor",
    ):
        text = inspect(f"py-{name}", env)
        assert re.search(r"key-file +: The file that holds the key", text)
        assert "credential " in text and "key-fd " in text
        assert re.search(r"Fail-closed +yes", text)
        assert "application/x-" in text
    assert "device " in inspect("py-microphone-source", env)
    assert "device " in inspect("py-speaker-sink", env)
