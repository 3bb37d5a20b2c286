# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a preset (GstPreset) keeps of a plugin: its Params, and no secrets."""

import pytest

from processes import run_python

ELEMENTS = {
    "pythonfilter": ("AudioProcessorPlugin", "process_audio"),
    "pythonsrc": ("AudioSourcePlugin", "read_audio"),
    "pythonsink": ("AudioSinkPlugin", "write_audio"),
}
PLUGIN = """
from base_plugin import {base}, Param

class Kept({base}):
    secrets = ("token",)
    gain = Param(1.0, min=0.0, max=4.0)
    mode = Param("warm", choices=("warm", "cold"))
    text = Param("a b")
    key = Param("", secret=True)
    token = Param("")
    plain = 5

    def {method}(self, buffer): ...
"""
BEGIN = """
import pathlib, sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
script, factory, data = sys.argv[1:]
def params(text):
    return Gst.Structure.from_string("p," + text)[0]
def on_disk():
    files = (path for path in pathlib.Path(data).rglob("*.prs"))
    return "".join(path.read_text() for path in files)
def to(state):
    assert element.set_state(state) == Gst.StateChangeReturn.SUCCESS
element = Gst.ElementFactory.make(factory)
if factory.startswith("python"):
    element.props.script = script
"""


def run(code, tmp_path, factory="pythonfilter", plugin="pythonfilter", **env):
    base, method = ELEMENTS[plugin]
    script = tmp_path / "plugins" / "kept.py"
    script.parent.mkdir()
    script.write_text(PLUGIN.format(base=base, method=method))
    data = tmp_path / "data"
    result = run_python(
        BEGIN + code,
        script,
        factory,
        data,
        XDG_DATA_HOME=data,
        GST_REGISTRY=tmp_path / "registry.bin",
        **env
    )
    assert result.code == 0, result.err
    return result.err


@pytest.mark.parametrize("factory", ELEMENTS)
def test_defaults_are_kept_as_other_values_are(factory, tmp_path):
    run(
        """
to(Gst.State.READY)
child = element.get_child_by_name("plugin")
child.props.text = "c d"
assert element.save_preset("first")
child.props.gain, child.props.mode, child.props.text = 2.5, "cold", "other"
element.props.params = params("plain=7")
assert element.save_preset("second")
def values():
    mode = child.props.mode
    return child.props.gain, mode.value_nick, child.props.text
for _ in "12":
    assert element.load_preset("first")
    assert values() == (1.0, "warm", "c d"), values()
    assert element.load_preset("second")
    assert values() == (2.5, "cold", "other"), values()
    assert element.props.params.get_value("plain") == 7
to(Gst.State.NULL)
assert element.load_preset("first")
to(Gst.State.READY)
child = element.get_child_by_name("plugin")
assert values() == (1.0, "warm", "c d"), values()
to(Gst.State.NULL)
""",
        tmp_path,
        factory,
        factory,
    )


def test_secrets_are_not_kept_and_stay_as_they_are(tmp_path):
    run(
        """
element.props.params = params("key=sesame-4711,token=sesame-4711,gain=0.5")
to(Gst.State.READY)
child = element.get_child_by_name("plugin")
assert element.save_preset("ready")
child.props.key = "sesame-0815"
assert element.save_preset("set")
to(Gst.State.NULL)
# Now it is known which are secret.
element.props.params = params("key=sesame-9999,token=sesame-9999")
assert element.save_preset("null")
text = on_disk()
assert text.count("gain=") == 3, text
for hidden in ("sesame", "key=", "token="):
    assert hidden not in text, text
""",
        tmp_path,
    )


def test_before_ready_params_are_not_kept_since_one_may_be_a_secret(tmp_path):
    said = run(
        """
assert element.save_preset("empty")
element.props.params = params("key=sesame-4711")
assert not element.save_preset("early")
assert element.get_preset_names() == ["empty"]
assert "sesame" not in on_disk()
to(Gst.State.READY)
assert element.save_preset("early")
to(Gst.State.NULL)
# Of another plugin it is not known.
element.props.script = script + "x"
element.props.params = params("key=sesame-4711")
assert not element.save_preset("other")
assert "sesame" not in on_disk()
""",
        tmp_path,
        GST_DEBUG="pythonfilter:2",
        GST_DEBUG_NO_COLOR=1,
    )
    assert said.count("params may have a secret") == 2, said


def test_an_element_of_a_plugins_own_knows_its_secrets(tmp_path):
    run(
        """
element.props.key = "sesame-4711"
element.props.params = params("token=sesame-4711,plain=7")
element.props.gain = 0.5
assert element.save_preset("early")
text = on_disk()
assert "gain=0.5" in text and "plain=" in text, text
assert "sesame" not in text, text
element.props.gain = 2
assert element.load_preset("early") and element.props.gain == 0.5
# Another venv is another plugin, with the same secrets.
element.props.venv = "/somewhere"
element.props.params = params("token=sesame-4711,key=sesame-4711")
assert element.save_preset("other")
assert "sesame" not in on_disk() + element.props.params.to_string()
""",
        tmp_path,
        "py-kept",
        GST_PYTHONFILTER_PATH=tmp_path / "plugins",
    )


MIXER = """
from base_plugin import AudioMixerPlugin, InputParam, Param

class Kept(AudioMixerPlugin):
    inputs = {"a": {}, "b": {}}
    level = Param(1.0, min=0.0, max=4.0)
    gain = InputParam(1.0, min=0.0, max=4.0)
    mode = InputParam("warm", choices=("warm", "cold"))

    def mix_audio(self, output, inputs): ...
"""


@pytest.mark.parametrize("factory", ["pythonmixer", "py-kept"])
def test_those_of_a_mixers_inputs_are_kept_and_refused_as_its_own(factory, tmp_path):
    script = tmp_path / "plugins" / "kept.py"
    script.parent.mkdir()
    script.write_text(MIXER)
    data = tmp_path / "data"
    result = run_python(
        BEGIN
        + """
bus = Gst.Bus()
element.set_bus(bus)
to(Gst.State.READY)
pads = [element.get_static_pad(name) for name in ("sink_a", "sink_b")]
typed = factory == "py-kept"
def put(pad, gain, mode):
    if typed:
        pad.props.gain, pad.props.mode = gain, mode
    else:
        pad.props.params = params(f"gain={gain},mode={mode}")
def values():
    if typed:
        return [(pad.props.gain, pad.props.mode.value_nick) for pad in pads]
    kept = [pad.props.params for pad in pads]
    return [(p.get_value("gain"), p.get_value("mode")) for p in kept]
put(pads[0], 0.5, "cold")
assert element.save_preset("first")
put(pads[0], 3.0, "warm")
put(pads[1], 2.0, "cold")
assert element.save_preset("second")
for _ in "12":
    assert element.load_preset("first")
    assert values() == [(0.5, "cold"), (1.0, "warm")], values()
    assert element.load_preset("second")
    assert values() == [(3.0, "warm"), (2.0, "cold")], values()
if typed:
    pads[0].props.gain = 9.0
    said = bus.pop_filtered(Gst.MessageType.WARNING).parse_warning()
    assert said.gerror.message == (
        "input sink_a: gain = 9: must be a number from 0.0 to 4.0"
    ), said
    assert values()[0] == (3.0, "warm")
to(Gst.State.NULL)
""",
        script,
        factory,
        data,
        XDG_DATA_HOME=data,
        GST_PYTHONFILTER_PATH=script.parent,
        GST_REGISTRY=tmp_path / "registry.bin",
    )
    assert result.code == 0 and "WARNING" not in result.err, result.err
