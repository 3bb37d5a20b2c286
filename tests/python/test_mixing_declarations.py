# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mixers and splitters declare: by their classes, and by their source alone."""

import numpy as np
import pytest

import base_plugin as bp
from pythonfilter import kinds
from pythonfilter.host import plugin as host
from pythonfilter.scan import scan

DUCKER = """
from base_plugin import AudioMixerPlugin, InputParam, Param

SPEECH = {"channels": 1, "optional": True, "description": "Who  is heard"}

class Ducker(AudioMixerPlugin):
    inputs = {"music": {}, "voice": SPEECH, "hum": {"formats": ("S16", "F32LE")}}
    output_like = "music"
    block_size = 480
    depth = Param(-12.0, min=-60.0, max=0.0)
    gain = InputParam(1.0, min=0.0, max=8.0, unit="x", description="Linear gain")

    def mix_audio(self, output, inputs):
        output.data += inputs["music"].data
"""
STEMS = """
from base_plugin import AudioSplitterPlugin

class Stems(AudioSplitterPlugin):
    outputs = {"mid": {"channels": 1}, "side": {"channels": (1, 2)}}
    passthrough = "mid"

    def split_audio(self, buffer, outputs): ...
"""
MIXER = """from base_plugin import *
class Plugin(AudioMixerPlugin):
    {}
    def mix_audio(self, output, inputs): ...
"""
SPLITTER = MIXER.replace("Mixer", "Splitter").replace(
    "mix_audio(self, output, inputs)", "split_audio(self, buffer, outputs)"
)
FILTER = """from base_plugin import *
class Plugin(AudioProcessorPlugin):
    {}
    def process_audio(self, buffer): ...
"""
BY_KIND = {"mixer": MIXER, "splitter": SPLITTER, "processor": FILTER}


def load(folder, source, kind):
    path = folder / "plugin.py"
    path.write_text(source)
    return host.load(kind, str(path), "", "", "")


def told(loaded, *names):
    found = {}
    for name, values in loaded.described():
        found.setdefault(name, []).append(values)
    return [found.get(name) for name in names]


def read(folder, source):
    path = folder / "plugin.py"
    path.write_text(source)
    return scan.plugins_in(str(path))


def test_a_mixer_tells_of_its_inputs(tmp_path):
    loaded = load(tmp_path, DUCKER, "mixer")
    names = ("port", "port_count", "output_like", "passthrough", "output_zero")
    assert told(loaded, *names, "input_parameter", "block_size") == [
        [
            ("music",),
            (
                "voice",
                "channels",
                "1 1",
                "optional",
                "1",
                "description",
                "Who is heard",
            ),
            ("hum", "format", "S16", "format", "F32"),
        ],
        None,
        [("music",)],
        [("music",)],
        [("1",)],
        [
            ("gain", "kind", "float", "default", "1.0", "minimum", "0.0")
            + ("maximum", "8.0", "unit", "x", "description", "Linear gain")
            + ("allowed", "a number from 0.0 to 8.0")
        ],
        [("480",)],
    ]
    [depth] = told(loaded, "parameter")[0]
    assert depth[0] == "depth"


def test_a_range_has_one_that_stands_for_each(tmp_path):
    loaded = load(tmp_path, MIXER.format("inputs = (1, 32, {'channels': 2})"), "mixer")
    assert told(loaded, "port_count", "port") == [
        [("1 32",)],
        [("%u", "channels", "2 2")],
    ]
    loaded = load(tmp_path, SPLITTER.format("pass"), "splitter")
    assert told(loaded, "port_count", "port") == [[("1 64",)], [("%u",)]]


@pytest.mark.parametrize("kind", ["mixer", "splitter"])
def test_the_source_alone_says_the_same(tmp_path, kind):
    source = {"mixer": DUCKER, "splitter": STEMS}[kind]
    [plugin] = read(tmp_path, source)
    assert plugin.problem is None and plugin.fields["kind"] == [kind]
    names = ("port", "port_count", "input_parameter", "output_like", "passthrough")
    loaded = load(tmp_path, source, kind)
    said = [each for each in loaded.described() if each[0] in names]
    assert said and list(plugin.more) == said
    assert plugin.fields["non_interleaved"] == ["0"]
    assert told(loaded, "non_interleaved") == [[("0",)]]


# Kind, what is in the third line of the file, and what is said of it.
MISTAKES = {
    "not there": ("mixer", "inputs = ()", "declares inputs = (): it must be names"),
    "empty": ("mixer", "inputs = {}", "there are 1 to 64 of them"),
    "a text": ("mixer", "inputs = 'music'", "declares inputs = 'music': it must be"),
    "a number": ("mixer", "inputs = 2", "declares inputs = 2: it must be"),
    "backwards": ("mixer", "inputs = (5, 2)", "declares inputs = (5, 2): least and"),
    "none": ("mixer", "inputs = (0, 2)", "least and most are from 1 to 64"),
    "too many": ("mixer", "inputs = (1, 65)", "least and most are from 1 to 64"),
    "one number": ("mixer", "inputs = (2,)", "a range is (least, most)"),
    "truth": ("mixer", "inputs = (True, 2)", "a range is (least, most)"),
    "half": ("mixer", "inputs = (1, 2.5)", "a range is (least, most)"),
    "both": ("mixer", "inputs = ({'a': {}}, (1, 2))", "in which one is called {'a'"),
    "both in one": ("mixer", "inputs = (1, 'a')", "not together with it"),
    "65 names": (
        "mixer",
        f"inputs = ({', '.join(repr(f'i{i}') for i in range(65))})",
        "there are 1 to 64 of them",
    ),
    "a dash": ("mixer", "inputs = ('back-ground',)", "'back-ground': its pad would be"),
    "a blank": ("splitter", "outputs = ('a b',)", "its pad would be src_…, so"),
    "a digit": ("mixer", "inputs = ('1st',)", "so a name is an ASCII identifier"),
    "no ASCII": ("mixer", "inputs = ('grün',)", "so a name is an ASCII identifier"),
    "long": ("mixer", f"inputs = ({'a' * 65!r},)", "of at most 64 letters"),
    "twice": ("splitter", "outputs = ('a', 'a')", "in which 'a' is twice"),
    "no dict": ("mixer", "inputs = {'a': 1}", "in which a is 1: it must be a dict"),
    "a key": (
        "mixer",
        "inputs = {'a': {'channel': 1}}",
        "has 'channel', but only channels, formats, optional, description exist",
    ),
    "optional output": (
        "splitter",
        "outputs = {'a': {'optional': True}}",
        "has 'optional', but only channels, formats, description exist",
    ),
    "channels": ("mixer", "inputs = {'a': {'channels': 65}}", "a has channels = 65; it"),
    "formats": ("mixer", "inputs = {'a': {'formats': 'U8'}}", "has formats = 'U8', but"),
    "optional": ("mixer", "inputs = {'a': {'optional': 1}}", "optional = 1, not True"),
    "text": ("mixer", "inputs = {'a': {'description': 1}}", "which is no text"),
    "each": ("mixer", "inputs = (1, 2, {'x': 1})", "in which each has 'x', but"),
    "like": (
        "mixer",
        "output_like = 'musik'; inputs = {'music': {}, 'voice': {}}",
        "declares output_like = 'musik', which is none of its inputs: music, voice",
    ),
    "like none": ("mixer", "output_like = '0'", "inputs: which are a range, (1, 64)"),
    "through": ("mixer", "passthrough = 'x'; inputs = ('a',)", "none of its inputs: a"),
    "out": ("splitter", "passthrough = 5; outputs = ('a',)", "none of its outputs: a"),
    "blocks": ("splitter", "block_size = 512", "which a splitter has none of"),
    "size": ("mixer", "block_size = -1", "declares block_size = -1; it must be"),
    "planes": ("mixer", "layouts = ('non-interleaved',)", "has interleaved memory"),
    "caps": ("mixer", "output_caps = 'audio/x-raw'", "declares output_caps in vain"),
    "bytes": ("splitter", "as_bytes = True", "declares as_bytes in vain: what"),
    "looks": ("mixer", "read_only = True", "declares read_only in vain: what comes in"),
    "a filter's": ("processor", "gain = InputParam(1.0)", "has an InputParam 'gain'"),
    "a splitter's": ("splitter", "gain = InputParam(1.0)", "has an InputParam 'gain'"),
    "taken": ("mixer", "data = InputParam(1.0)", "has an InputParam 'data': it must"),
    "pad's": ("mixer", "qos_messages = InputParam(True)", "an InputParam 'qos_messages'"),
    "pads'": ("mixer", "params = InputParam(1)", "has an InputParam 'params': it must"),
    "secret": (
        "mixer",
        "key = InputParam(''); secrets = ('key',)",
        "declares secrets with 'key', which is an InputParam",
    ),
    "a name": ("mixer", "grün = InputParam(1.0)", "it must be called something else"),
}  # fmt: skip
NOT_READ = ("size", "secret")  # the scan leaves it out, as of a filter


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_told_at_its_line(tmp_path, what):
    kind, line, expected = MISTAKES[what]
    source = BY_KIND[kind].format(line)
    with pytest.raises(host.PluginError) as failure:
        load(tmp_path, source, kind)
    error = failure.value
    assert expected in error.message and error.kind == "unusable"
    assert (error.file, error.line) == (str(tmp_path / "plugin.py"), 3)
    [plugin] = read(tmp_path, source)
    if what not in NOT_READ:
        assert "InputParam" in line or expected in str(plugin.problem)
        assert plugin.problem.place == f"{tmp_path}/plugin.py:3"


@pytest.mark.parametrize(
    "body, how",
    [
        ("def __init__(self): self.inputs = ('a', 'b')", "in an instance"),
        ("def inputs(self): return ('a', 'b')", "by a function"),
        ("inputs = property(lambda self: ('a', 'b'))", "by a function"),
    ],
)
def test_pads_are_there_before_an_instance_is(tmp_path, body, how):
    with pytest.raises(host.PluginError) as failure:
        load(tmp_path, MIXER.format(body), "mixer")
    said = f"says what its inputs are {how}: declare them in the class"
    assert failure.value.message == said


def test_an_element_knows_no_inputs_that_are_computed(tmp_path):
    source = MIXER.format("inputs = tuple(f'in{i}' for i in range(3))")
    assert told(load(tmp_path, source, "mixer"), "port")[0][2] == ("in2",)
    [plugin] = read(tmp_path, source)
    assert "makes no element: its source does not say" in str(plugin.problem)
    assert plugin.problem.place == f"{tmp_path}/plugin.py:3"


@pytest.mark.parametrize("kind", ["mixer", "splitter"])
def test_arguments_that_do_not_fit(tmp_path, kind):
    source = BY_KIND[kind].format("pass").replace("puts)", "puts, more)")
    with pytest.raises(host.PluginError) as failure:
        load(tmp_path, source, kind)
    expected = {"mixer": "(output, inputs)", "splitter": "(buffer, outputs)"}[kind]
    assert f"is called with {expected}, which" in failure.value.message


def test_a_filter_as_a_mixer(tmp_path):
    with pytest.raises(host.PluginError) as failure:
        load(tmp_path, FILTER.format("pass"), "mixer")
    assert "has no mix_audio(); its process_audio() belongs" in failure.value.message


# ---- without an element


class Sum(bp.AudioMixerPlugin):
    inputs = (1, 8)
    gain = bp.InputParam(1.0, min=0.0, max=8.0)
    level = bp.Param(0.5)

    def mix_audio(self, output, inputs):
        for each in inputs.values():
            output.data += each.gain * each.data


def test_a_mixer_runs_by_itself():
    inputs = bp.MixerInputs({"0": bp.MixerInput(2, 4, gain=2.0)})
    inputs["0"].data[:] = 3.0
    output = bp.MixerOutput(2, 4)
    assert Sum().mix_audio(output, inputs) is None
    np.testing.assert_array_equal(output.data, np.full((2, 4), 6.0))
    each = inputs["0"]
    assert (each.present, each.late, each.gap, each.name) == (True, False, False, "0")
    assert (inputs.added, inputs.removed, each.positions) == ((), (), None)
    assert Sum().get_type() is bp.PluginType.AUDIO_MIXER


def test_a_splitter_runs_by_itself(tmp_path):
    outputs = bp.SplitterOutputs({"a": bp.SplitterOutput(1, 4)})
    outputs["a"].silent()
    assert outputs["a"].linked and outputs["a"].name == "a"
    assert issubclass(bp.SplitterOutput, bp.AudioBuffer)


def test_the_parameter_of_an_input_is_not_the_plugins():
    plugin = Sum()
    with pytest.raises(AttributeError, match="read inputs…?.*gain"):
        plugin.gain
    with pytest.raises(ValueError, match="of each input"):
        plugin.set_parameter("gain", "2")
    assert plugin.get_parameter("gain") == "" and plugin.get_parameter("inputs") == ""
    assert plugin.set_parameter("level", "0.25") and plugin.level == 0.25
    with pytest.raises(AttributeError, match="no 'gian'; it has data.*, gain"):
        bp.MixerInput(1, 1, gain=1.0).gian
    with pytest.raises(TypeError):
        bp.InputParam(1.0, secret=True)


def test_which_inputs_there_are_is_not_the_plugins_to_say():
    inputs = bp.MixerInputs({"music": bp.MixerInput(2, 4)})
    with pytest.raises(KeyError, match="there is no input 'voice', only music"):
        inputs["voice"]
    for change in (
        lambda: inputs.update(a=1),
        lambda: inputs.pop("music"),
        lambda: inputs.__setitem__("a", 1),
        inputs.clear,
    ):
        with pytest.raises(TypeError, match="decided by the element"):
            change()
    assert list(inputs) == ["music"]


def test_names_that_an_input_has_are_taken():
    """It stands alone, and the scan has no NumPy: so the names stand twice."""
    mine = {name for name in dir(bp.MixerInput) if not name.startswith("_")}
    assert mine <= set(kinds.TAKEN_OF_INPUTS)


def test_a_filter_may_call_a_parameter_as_mixers_declare_something():
    class Bypass(bp.AudioProcessorPlugin):
        passthrough = False

        def process_audio(self, buffer):
            return True

    plugin = Bypass()
    assert plugin.set_parameter("passthrough", "true") and plugin.passthrough is True


def test_a_name_of_its_own_is_what_the_plugin_says(tmp_path):
    """Also where it is one of those that base_plugin has, all of which it imports."""
    own = MIXER.format('output_like = "b"\n    inputs = Channels')
    both = own.replace("*\n", "*\nChannels = {'a': {}, 'b': {}}\n")
    [plugin] = read(tmp_path, both)
    ports = [each for each in plugin.more if each[0] in ("port", "output_like")]
    assert ports == [("port", ("a",)), ("port", ("b",)), ("output_like", ("b",))]
    loaded = load(tmp_path, both, "mixer")
    assert told(loaded, "port") == [[("a",), ("b",)]]
