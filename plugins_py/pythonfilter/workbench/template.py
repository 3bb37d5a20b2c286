# SPDX-License-Identifier: LGPL-2.1-or-later
"""``new NAME``: a plugin, and its test, that pass at once."""

from __future__ import annotations

import keyword
import os
import sys

from .. import names

KINDS = ("filter", "source", "sink", "mixer", "splitter")

HEAD = {
    "filter": '''"""One sentence that says what it does to the sound.

    gst-launch-1.0 audiotestsrc ! audioconvert ! {element} \\
        {prefix}gain=0.25 ! audioconvert ! autoaudiosink

Say here what one hears.
"""

from base_plugin import AudioBuffer, AudioProcessorPlugin, Param


class {cls}(AudioProcessorPlugin):
    """Multiplies every sample by the parameter ``gain``."""

    gain = Param(0.5, min=0.0, max=4.0, description="Linear gain")

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Change ``buffer.data``, of shape (channels, frames), in place."""
        buffer.data *= self.gain
        return True
''',
    "source": '''"""One sentence that says what it sounds like.

    gst-launch-1.0 {element} {prefix}frequency=220.0 \\
        num-buffers=200 ! audioconvert ! autoaudiosink

Say here what one hears.
"""

import numpy as np

from base_plugin import AudioBuffer, AudioSourcePlugin, Param


class {cls}(AudioSourcePlugin):
    """A sawtooth; parameter ``frequency``."""

    frequency = Param(440.0, min=1.0, max=20000.0, unit="Hz", description="Of the tone")

    def __init__(self) -> None:
        super().__init__()
        self._phase = 0.0  # in periods, 0 to 1

    def start(self) -> bool:
        """Begin at the beginning: the rate is known now."""
        self._phase = 0.0
        return super().start()

    def read_audio(self, buffer: AudioBuffer) -> bool:
        """Fill ``buffer.data``, of shape (channels, frames), completely."""
        step = self.frequency / self.get_sample_rate()
        periods = self._phase + step * np.arange(buffer.get_frame_count() + 1)
        self._phase = float(periods[-1] % 1.0)
        buffer.data[:] = 0.5 * (periods[:-1] % 1.0) - 0.25
        return True
''',
    "sink": '''"""One sentence that says what becomes of the sound.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert \\
        ! {element}

Say here what one sees.
"""

import numpy as np

from base_plugin import AudioBuffer, AudioSinkPlugin


class {cls}(AudioSinkPlugin):
    """Keeps the greatest absolute sample in ``peak``."""

    read_only = True  # it only looks: shared buffers need no copy

    def __init__(self) -> None:
        super().__init__()
        self._peak = 0.0

    @property
    def peak(self) -> float:
        """Since ``start``; full scale is 1.0."""
        return self._peak

    def start(self) -> bool:
        """Begin anew."""
        self._peak = 0.0
        return super().start()

    def write_audio(self, buffer: AudioBuffer) -> bool:
        """Take ``buffer.data``, of shape (channels, frames)."""
        self._peak = max(self._peak, float(np.abs(buffer.data).max(initial=0.0)))
        return True
''',
    "mixer": '''"""One sentence that says what it makes of its inputs.

    gst-launch-1.0 {element} name=mixer ! audioconvert \\
        ! autoaudiosink \\
        audiotestsrc num-buffers=200 ! audioconvert ! mixer.sink_music \\
        audiotestsrc num-buffers=200 wave=ticks ! audioconvert ! mixer.sink_voice

Say here what one hears.
"""

from base_plugin import AudioMixerPlugin, MixerInputs, MixerOutput, Param


class {cls}(AudioMixerPlugin):
    """Adds the voice to the music, as loud as ``level`` says."""

    inputs = {{"music": {{}}, "voice": {{"channels": 1, "optional": True}}}}
    output_like = "music"

    level = Param(0.5, min=0.0, max=4.0, description="Of the voice")

    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> bool:
        """Fill ``output.data``, of shape (channels, frames)."""
        output.data[:] = inputs["music"].data
        output.data += self.level * inputs["voice"].data
        return True
''',
    "splitter": '''"""One sentence that says what its outputs are.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert \\
        ! {element} name=splitter \\
        splitter.src_loud ! queue ! audioconvert ! autoaudiosink \\
        splitter.src_quiet ! queue ! audioconvert ! autoaudiosink

Say here what one hears.
"""

from base_plugin import AudioBuffer, AudioSplitterPlugin, Param, SplitterOutputs


class {cls}(AudioSplitterPlugin):
    """Gives the input as it is, and ``level`` times as loud."""

    outputs = ("loud", "quiet")
    passthrough = "loud"

    level = Param(0.25, min=0.0, max=1.0, description="Of what is quiet")

    def split_audio(self, buffer: AudioBuffer, outputs: SplitterOutputs) -> bool:
        """Fill the ``data`` of the outputs, of shape (channels, frames)."""
        outputs["loud"].data[:] = buffer.data
        if outputs["quiet"].linked:
            outputs["quiet"].data[:] = self.level * buffer.data
        return True
''',
}

TAIL = '''

def create_plugin() -> {cls}:
    """Make the plugin."""
    return {cls}()
'''

TEST_HEAD = '''"""Tests {name} without GStreamer: /usr/bin/python3 -m pytest {test}"""

import pathlib
import sys

import numpy as np

# Where the plugin is, and base_plugin.
sys.path[:0] = [str(pathlib.Path(__file__).parents[{above}]), {folder!r}]

from base_plugin import {imports}  # noqa: E402
from {name} import create_plugin  # noqa: E402

RATE, CHANNELS, FRAMES = 48000, 2, 512


def started():
    plugin = create_plugin()
    assert plugin.initialize()
    plugin.set_sample_rate(RATE)
    plugin.set_channels(CHANNELS)
    assert plugin.start()
    return plugin

'''

TESTS = {
    "filter": """
def test_gain_scales_every_sample():
    plugin = started()
    assert plugin.set_parameter("gain", "0.25")
    buffer = AudioBuffer(CHANNELS, FRAMES)
    buffer.data[:] = 0.5
    assert plugin.process_audio(buffer)
    np.testing.assert_array_equal(buffer.data, np.float32(0.125))


def test_gain_is_read_back():
    plugin = started()
    plugin.set_parameter("gain", "0.75")
    assert plugin.get_parameter("gain") == "0.75"
""",
    "source": """
def test_blocks_go_on_where_the_last_one_ended():
    plugin, other = started(), started()
    whole, part = AudioBuffer(CHANNELS, 2 * FRAMES), AudioBuffer(CHANNELS, FRAMES)
    assert plugin.read_audio(whole)
    for begin in (0, FRAMES):
        assert other.read_audio(part)
        piece = whole.data[:, begin : begin + FRAMES]
        np.testing.assert_allclose(part.data, piece, atol=1e-6)


def test_frequency_is_that_of_the_tone():
    plugin = started()
    assert plugin.set_parameter("frequency", "1000.0")
    buffer = AudioBuffer(CHANNELS, RATE)
    assert plugin.read_audio(buffer)
    spectrum = np.abs(np.fft.rfft(buffer.data[0] - buffer.data[0].mean()))
    assert np.argmax(spectrum) == 1000
""",
    "sink": """
def test_peak_is_the_greatest_sample():
    plugin = started()
    buffer = AudioBuffer(CHANNELS, FRAMES)
    buffer.data[1, 100] = -0.5
    assert plugin.write_audio(buffer)
    assert plugin.peak == 0.5


def test_a_new_start_begins_anew():
    plugin = started()
    buffer = AudioBuffer(CHANNELS, FRAMES)
    buffer.data[:] = 1.0
    plugin.write_audio(buffer)
    plugin.stop()
    plugin.start()
    assert plugin.peak == 0.0
""",
    "mixer": """
def mixed(plugin, music, voice):
    inputs = {{"music": MixerInput(CHANNELS, FRAMES), "voice": MixerInput(1, FRAMES)}}
    inputs["music"].data[:] = music
    inputs["voice"].data[:] = voice
    output = MixerOutput(CHANNELS, FRAMES)
    assert plugin.mix_audio(output, MixerInputs(inputs))
    return output.data


def test_voice_is_added_to_each_channel():
    plugin = started()
    assert plugin.set_parameter("level", "0.25")
    expected = np.full((CHANNELS, FRAMES), 0.625, np.float32)
    np.testing.assert_array_equal(mixed(plugin, 0.5, 0.5), expected)


def test_without_a_voice_it_is_the_music():
    expected = np.full((CHANNELS, FRAMES), 0.5, np.float32)
    np.testing.assert_array_equal(mixed(started(), 0.5, 0.0), expected)
""",
    "splitter": """
def split(plugin, level):
    names = ("loud", "quiet")
    outputs = {{name: SplitterOutput(CHANNELS, FRAMES) for name in names}}
    buffer = AudioBuffer(CHANNELS, FRAMES)
    buffer.data[:] = level
    assert plugin.split_audio(buffer, SplitterOutputs(outputs))
    return outputs


def test_one_output_is_the_input():
    loud = split(started(), 0.5)["loud"].data
    np.testing.assert_array_equal(loud, np.full_like(loud, 0.5))


def test_level_is_that_of_the_other():
    plugin = started()
    assert plugin.set_parameter("level", "0.5")
    quiet = split(plugin, 0.5)["quiet"].data
    np.testing.assert_array_equal(quiet, np.full_like(quiet, 0.25))
""",
}
# What the tests import.
IMPORTS = {
    "mixer": "MixerInput, MixerInputs, MixerOutput",
    "splitter": "AudioBuffer, SplitterOutput, SplitterOutputs",
}


def problem(name: str) -> str:
    """Why a plugin cannot have this name; "" if it can."""
    if not (name.isascii() and name.isidentifier()) or keyword.iskeyword(name):
        return f"{name!r} is no Python name: letters, digits and _ only"
    if name.startswith("_"):
        return f"{name!r} begins with _"
    if name in sys.stdlib_module_names or name == "base_plugin":
        return f"{name!r} is the name of another module"
    return ""


PROJECT = """\
# What pip installs: pip wheel --no-deps . && pip install {name}-*.whl
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{kebab}"
version = "0.1.0"
description = "An audio plugin for GStreamer: {element}"
requires-python = ">=3.10"
dependencies = ["numpy"]

# Each line is an element py-NAME, of a class in a module of this distribution.
[project.entry-points."pythonfilter.plugins"]
{kebab} = "{name}:{cls}"

# The package's data files are found with importlib.resources.
[tool.setuptools]
packages = ["{name}"]

[tool.setuptools.package-data]
{name} = ["*"]
"""

ELEMENTS = {
    "filter": "pythonfilter",
    "source": "pythonsrc",
    "sink": "pythonsink",
    "mixer": "pythonmixer",
    "splitter": "pythondemixer",
}


def write(name: str, kind: str, folder: str, package: bool = False) -> list[str]:
    """Writes plugin and test, nothing if a file is there (FileExistsError).

    `package`: into a folder of their own, as a distribution that pip installs.
    """
    kebab = name.replace("_", "-")
    if package:
        folder = os.path.join(folder, kebab)
        test = f"tests/test_{name}.py"
        contents = {"pyproject.toml": PROJECT, f"{name}/__init__.py": HEAD[kind] + TAIL}
    else:
        test = f"test_{name}.py"
        contents = {f"{name}.py": HEAD[kind] + TAIL}
    contents[test] = TEST_HEAD + TESTS[kind]
    fields = {
        "name": name,
        "kebab": kebab,
        "cls": "".join(part[:1].upper() + part[1:] for part in name.split("_")),
        "element": f"py-{kebab}" if package else f"{ELEMENTS[kind]} script={name}.py",
        "prefix": "" if package else "plugin::",
        "test": test,
        "imports": IMPORTS.get(kind, "AudioBuffer"),
        "above": int(package),
        # The folder of base_plugin, so that the test runs from anywhere.
        "folder": names.PLUGINS,
    }
    paths = {os.path.join(folder, file): text for file, text in contents.items()}
    for path in paths:
        if os.path.lexists(path):
            raise FileExistsError(f"{path} exists; nothing was written")
    for path, text in paths.items():
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text.format(**fields))
    return list(paths)
