# SPDX-License-Identifier: LGPL-2.1-or-later
"""base_plugin keeps the plugin contract, without GStreamer.

Its names, what the classes do before anybody overrides anything, and post().
The buffer has test_audio_buffer.py, parameters test_attribute_parameters.py.
"""

import inspect
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import base_plugin as bp
from base_plugin import AudioBuffer
from contract import Processor

KINDS = (bp.AudioProcessorPlugin, bp.AudioSourcePlugin, bp.AudioSinkPlugin)


class Source(bp.AudioSourcePlugin):
    def read_audio(self, buffer):
        return True


class Sink(bp.AudioSinkPlugin):
    def write_audio(self, buffer):
        return True


# The module


def test_importing_does_nothing_but_define():
    folder = str(pathlib.Path(bp.__file__).parents[1])
    code = f"""
import sys
import numpy, abc, enum, typing, collections.abc
sys.path.insert(0, {folder!r})
before, path = set(sys.modules), list(sys.path)
import base_plugin
ours = {{"base_plugin", *sys.stdlib_module_names}}
new = set(sys.modules) - before
foreign = [m for m in new if m.partition(".")[0] not in ours]
assert not foreign, foreign
assert sys.path == path
import threading
assert threading.active_count() == 1
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_star_import_brings_every_contract_name():
    assert set(bp.__all__) == {
        "PluginType",
        "PluginState",
        "PluginInfo",
        "Timed",
        "Array",
        "Channels",
        "MAX_CHANNELS",
        "NOTHING_YET",
        "compiled",
        "every",
        "Gap",
        "AudioBuffer",
        "AudioSourceCallback",
        "BasePlugin",
        "AudioSourcePlugin",
        "AudioSinkPlugin",
        "AudioProcessorPlugin",
        "AudioMixerPlugin",
        "AudioSplitterPlugin",
        "MixerInput",
        "MixerInputs",
        "MixerOutput",
        "SplitterOutput",
        "SplitterOutputs",
        "InputParam",
        "PluginTimeout",
        "DropBuffer",
        "Output",
        "EndOfStream",
        "Param",
        "Field",
    }
    assert all(hasattr(bp, name) for name in bp.__all__)


def test_plugin_type_values():
    assert {m.name: m.value for m in bp.PluginType} == {
        "AUDIO_SOURCE": "AudioSource",
        "AUDIO_SINK": "AudioSink",
        "PROCESSOR": "Processor",
        "AUDIO_MIXER": "AudioMixer",
        "AUDIO_SPLITTER": "AudioSplitter",
    }


def test_plugin_state_values():
    assert {m.name: m.value for m in bp.PluginState} == {
        "UNLOADED": "Unloaded",
        "LOADED": "Loaded",
        "INITIALIZED": "Initialized",
        "RUNNING": "Running",
        "ERROR": "Error",
    }


def test_plugin_info_attributes():
    info = bp.PluginInfo("n", "1.2", "a", "d", bp.PluginType.PROCESSOR)
    assert vars(info) == {
        "name": "n",
        "version": "1.2",
        "author": "a",
        "description": "d",
        "type": bp.PluginType.PROCESSOR,
        "api_version": 1,
    }
    by_name = bp.PluginInfo(
        name="n",
        version="1",
        author="a",
        description="d",
        plugin_type=bp.PluginType.AUDIO_SINK,
        api_version=2,
    )
    assert (by_name.type, by_name.api_version) == (bp.PluginType.AUDIO_SINK, 2)


def test_timeout_passes_except_exception_and_end_of_stream_does_not():
    assert bp.PluginTimeout.__bases__ == (BaseException,)
    assert bp.EndOfStream.__bases__ == (Exception,)
    assert bp.DropBuffer.__bases__ == (Exception,)


# The classes


@pytest.mark.parametrize(
    ("kind", "method"),
    zip(KINDS, ("process_audio", "read_audio", "write_audio")),
)
def test_only_the_audio_method_is_abstract(kind, method):
    assert kind.__abstractmethods__ == {method}
    with pytest.raises(TypeError, match=method):
        kind()
    assert isinstance(kind, type) and issubclass(kind, bp.BasePlugin)


COMMON = """initialize shutdown start stop get_info get_type set_parameter
    get_parameter get_state get_sample_rate set_sample_rate get_channel_count
    set_channel_count get_channels set_channels get_buffer_size
    set_buffer_size post""".split()


@pytest.mark.parametrize(
    ("kind", "own"),
    zip(
        KINDS,
        (
            ["process_audio", "get_processing_latency"],
            ["read_audio", "set_audio_callback"],
            ["write_audio", "get_available_space"],
        ),
    ),
)
def test_methods_are_exactly_those_of_the_contract(kind, own):
    public = {
        name
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    # So neither camelCase names nor the optional hooks, for which hosts probe.
    assert public == set(COMMON) | set(own)
    assert "reset" in bp.AudioProcessorPlugin.__doc__
    assert "drain" in bp.AudioProcessorPlugin.__doc__


@pytest.mark.parametrize("kind", [bp.BasePlugin, *KINDS])
def test_class_attributes_the_element_reads(kind):
    assert kind.formats == ("F32",)
    assert kind.layouts == ("interleaved", "non-interleaved")
    assert kind.rates is None and kind.channels is None
    assert kind.read_only is False


@pytest.mark.parametrize("make", [Processor, Source, Sink])
def test_states_from_birth_to_shutdown(make):
    plugin = make()
    states = [plugin.get_state()]
    for call, result in (
        ("initialize", True),
        ("start", True),
        ("stop", None),
        ("start", True),
        ("stop", None),
        ("shutdown", None),
    ):
        assert getattr(plugin, call)() is result
        assert plugin.state is plugin.get_state()
        states.append(plugin.state.name)
    assert states == [
        bp.PluginState.UNLOADED,
        "INITIALIZED",
        "RUNNING",
        "INITIALIZED",
        "RUNNING",
        "INITIALIZED",
        "UNLOADED",
    ]


@pytest.mark.parametrize("make", [Processor, Source, Sink])
def test_rate_channels_and_buffer_size_round_trip(make):
    plugin = make()
    assert plugin.get_buffer_size() == 512
    plugin.set_sample_rate(44100)
    plugin.set_buffer_size(64)
    plugin.set_channel_count(6)
    assert (plugin.get_channel_count(), plugin.get_channels()) == (6, 6)
    plugin.set_channels(1)
    assert (plugin.get_channel_count(), plugin.get_channels()) == (1, 1)
    assert (plugin.get_sample_rate(), plugin.get_buffer_size()) == (44100, 64)
    assert make().get_sample_rate() != 44100  # nothing is shared


def test_setters_are_not_ignored_while_running():
    plugin = Processor()
    plugin.start()
    plugin.set_sample_rate(8000)
    assert plugin.get_sample_rate() == 8000


def test_set_channels_reaches_an_overridden_set_channel_count():
    class Newer(Processor):
        def set_channel_count(self, channels):
            self.seen = channels

        def get_channel_count(self):
            return self.seen + 1

    plugin = Newer()
    plugin.set_channels(3)
    assert plugin.get_channels() == 4


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Processor, bp.PluginType.PROCESSOR),
        (Source, bp.PluginType.AUDIO_SOURCE),
        (Sink, bp.PluginType.AUDIO_SINK),
    ],
)
def test_type_and_default_info(make, kind):
    info = make().get_info()
    assert make().get_type() is kind and info.type is kind
    assert (info.name, info.api_version) == (make.__name__, 1)


def test_default_info_is_described_by_the_docstring():
    assert Processor().get_info().description == "Does nothing."
    Processor.__doc__, doc = None, Processor.__doc__  # as python -OO does
    try:
        assert Processor().get_info().description == ""
    finally:
        Processor.__doc__ = doc


def test_kind_specific_defaults():
    assert Processor().get_processing_latency() == 0.0
    sink = Sink()
    sink.set_buffer_size(100)
    assert sink.get_available_space() == 100
    source, calls = Source(), []
    assert source.set_audio_callback(calls.append) is None
    source.set_audio_callback(None)
    assert calls == []


@pytest.mark.parametrize("base", KINDS)
def test_plugin_whose_init_does_not_call_ours_works(base):
    class Careless(base):
        def __init__(self):
            pass

        process_audio = read_audio = write_audio = lambda self, buffer: True

    plugin = Careless()
    assert plugin.get_state() is bp.PluginState.UNLOADED
    assert plugin.get_buffer_size() == 512
    plugin.set_sample_rate(8000)
    assert plugin.initialize() and plugin.start()
    assert plugin.get_sample_rate() == 8000
    assert plugin.set_parameter("gain", "1") is False


def test_docstring_example_is_a_working_plugin():
    source = inspect.getdoc(bp).partition("::\n")[2]
    lines = source.partition("\nSamples are")[0]
    namespace = {}
    exec(inspect.cleandoc(lines), namespace)
    plugin, buffer = namespace["create_plugin"](), AudioBuffer(2, 4)
    buffer.data[:] = 1.0
    assert plugin.process_audio(buffer) is True
    assert (buffer.data == 0.5).all()


# Messages outside a pipeline


class Posting(bp.AudioProcessorPlugin):
    def __init__(self):  # not ours
        pass

    def process_audio(self, buffer):
        self.post(
            "seen", frames=buffer.get_frame_count(), peaks=buffer.data.max(axis=1)
        )


def test_what_is_posted_outside_a_pipeline_is_kept():
    plugin, other = Posting(), Posting()
    assert list(plugin.posted) == []
    plugin.process_audio(bp.AudioBuffer(2, 3))
    assert list(plugin.posted) == [("seen", {"frames": 3, "peaks": [0.0, 0.0]})]
    assert list(other.posted) == []


def test_posted_values_are_pythons_own():
    plugin = Posting()
    array = np.arange(3, dtype="i2")
    plugin.post("m", a=np.float32(0.5), b=np.bool_(True), c=array, d=(np.str_("x"),))
    array[:] = 9
    [(_, fields)] = plugin.posted
    assert fields == {"a": 0.5, "b": True, "c": [0, 1, 2], "d": ["x"]}
    assert [type(fields[key]) for key in "abcd"] == [float, bool, list, list]
    assert type(fields["d"][0]) is str


def test_posted_keeps_the_last_thousand():
    plugin = Posting()
    for number in range(1001):
        plugin.post("m", number=number)
    assert len(plugin.posted) == 1000
    assert plugin.posted[0] == ("m", {"number": 1})


def test_what_cannot_be_sent_is_refused_outside_a_pipeline_as_well():
    plugin = Posting()
    with pytest.raises(TypeError, match="field: object cannot"):
        plugin.post("m", field=object())
    with pytest.raises(ValueError, match="'duration' cannot name a field"):
        plugin.post("m", duration=1)
    with pytest.raises(ValueError, match="'2' cannot name a message"):
        plugin.post("2")
    assert not plugin.posted


@pytest.mark.parametrize(
    "value, says",
    [
        # Nothing that comes after what is too much is looked at.
        (["x" * 70_000, object()], "with field the message is larger than 64 KiB"),
        ([1] * 10_000 + [object()], "with field the message is larger than 64 KiB"),
        ("x" * 70_000 + "\ud800", "with field the message is larger than 64 KiB"),
        (["€" * 21_000, "€" * 21_000], "with field the message is larger than"),
        (np.array(["", "x" * 70_000]), "with field the message is larger than"),
        (1 << 9000, "field: an int of 9001 bits needs more than 64 bits"),
        ([1, 1 << 9000], "field: an int of 9001 bits needs more than 64 bits"),
        ("x" * 9_000 + "\0", "field: 'x{100}'… cannot be sent as UTF-8 text"),
    ],
)
def test_values_are_counted_before_they_are_looked_at(value, says):
    plugin = Posting()
    with pytest.raises(ValueError, match=f"^{says}") as caught:
        plugin.post("m", field=value)
    assert len(str(caught.value)) < 200
    assert not plugin.posted


def test_names_of_a_message_and_its_fields_are_no_place_for_data():
    plugin = Posting()
    plugin.post("n" * 255, **{"f" * 255: 1})
    with pytest.raises(ValueError, match="name of a message has at most 255"):
        plugin.post("n" * 256)
    with pytest.raises(ValueError, match="name of a field has at most 255"):
        plugin.post("m", **{"f" * 256: 1})
    with pytest.raises(ValueError, match="larger than 64 KiB"):
        plugin.post("m", **{f"f{number:0250}": 1 for number in range(300)})
    assert len(plugin.posted) == 1
