# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter-workbench tries mixers and splitters, and says which input or output
it is about."""

import wave

import numpy as np
import pytest

import processes
import soak
import workbench

# Of the only output, or input; the rest is as the plugin has it.
CHANNELS = {
    "channel_splitter.py": 2,
    "comparer.py": 2,
    "conference.py": 3,
    "ducker.py": 2,
    "echo_canceller.py": 1,
    "mid_side_splitter.py": 2,
    "side_chain_compressor.py": 2,
}

WRONG = """\
from base_plugin import AudioMixerPlugin, InputParam


class Wrong(AudioMixerPlugin):
    inputs = {"music": {}, "voice": {"channels": (1, 2), "optional": True}}
    output_like = "music"
    output_zero = False
    gain = InputParam(1.0, min=0.0, max=8.0)

    def add_input(self, name, channels):
        if name == "voice" and channels == 1:
            raise ValueError("mono it cannot")

    def mix_audio(self, output, inputs):
        music, voice = inputs["music"], inputs["voice"]
        if voice.late:
            raise ValueError("waits for the voice")
        self.last = voice.data
        if music.gap:
            return False
        output.data[0] = music.data[0] * music.gain + voice.data[0]
"""

COMING = """\
from base_plugin import AudioMixerPlugin


class Coming(AudioMixerPlugin):
    inputs = (2, 3)

    def remove_input(self, name):
        raise ValueError("it stays")

    def mix_audio(self, output, inputs):
        for name, each in inputs.items():
            output.data += each.data * float(name == "1")
"""


SPLITTING = """\
from base_plugin import AudioSplitterPlugin


class Splitting(AudioSplitterPlugin):
    outputs = ("loud", "quiet")

    def split_audio(self, buffer, outputs):
        if not outputs["quiet"].linked:
            raise ValueError("nobody listens")
        self.last = outputs["loud"].data
        outputs["loud"].data = buffer.data.copy()
        outputs["quiet"].silent()

    def drain(self):
        return {"laut": self.last}
"""


@soak.one_in(3)
@pytest.mark.parametrize(
    "name",
    sorted(CHANNELS)
    if soak.SOAK
    else ["comparer.py", "ducker.py", "mid_side_splitter.py"],
)
def test_shipped_mixer_or_splitter_passes(name):
    options = ["--channels", str(CHANNELS[name])]
    code, report, _ = workbench.examine(processes.PLUGINS / name, *options)
    assert code == 0 and report["ok"], report["results"]
    kind = "splitter" if "splitter" in name else "mixer"
    assert report["plugin"]["kind"] == kind and report["calls"] > 50
    assert not workbench.found(report, "life", "note")
    assert not workbench.found(report, "recovery", "note")


def test_what_is_wrong_is_told_with_the_input(files):
    plugin = files({"plugin.py": WRONG}) / "plugin.py"
    code, report, _ = workbench.examine(plugin)
    assert code == 1 and report["plugin"]["inputs"] == ["music", "voice"]
    told = {
        each["message"]: WRONG.splitlines()[each["line"] - 1].strip()
        for each in workbench.found(report, "inputs")
    }
    wanted = {
        "mix_audio() raised ValueError: waits for the voice (input voice is late, ": 'raise ValueError("waits for the voice")',
        "mix_audio() returned False (input music is gap, ": "def mix_audio(self, output, inputs):",
        "add_input() raised ValueError: mono it cannot (input voice is float32 with 1 ": 'raise ValueError("mono it cannot")',
    }
    for text, line in wanted.items():
        assert [each for each in told if each.startswith(text)], (text, told)
        assert [at for each, at in told.items() if each.startswith(text)] == [line]
    assert workbench.found(report, "kept")
    # One of its channels is what the memory held before.
    assert workbench.found(report, "deterministic")
    [gain] = report["parameters"]
    assert gain["name"] == "sink_music::gain" and gain["changes_output"]


def test_inputs_that_come_and_go_do_so(files):
    plugin = files({"plugin.py": COMING}) / "plugin.py"
    code, report, _ = workbench.examine(plugin)
    [fault] = workbench.found(report, "inputs")
    assert fault["message"].startswith("remove_input() raised ValueError: it stays")
    assert "there are 2 inputs" in fault["message"]


def test_each_input_has_its_file(files, tmp_path):
    plugin = files({"plugin.py": COMING.replace("2, 3", "2, 2")}) / "plugin.py"
    waves = []
    for name, level in (("one", 16384), ("two", 8192)):
        waves.append(tmp_path / f"{name}.wav")
        with wave.open(str(waves[-1]), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48000)
            file.writeframes(np.full(4800, level, "<i2").tobytes())
    channels = ["--channels", "1"]
    code, report, _ = workbench.examine(plugin, *waves, *channels)
    assert code == 0, report["results"]
    [level] = [each for each in report["levels"] if each["signal"] == "file"]
    assert (level["peak_in_dbfs"], level["peak_out_dbfs"]) == (-6.02, -12.04)
    result = workbench.run(plugin, *waves, waves[0], *workbench.SHORT)
    assert result.code == 2
    assert (
        result.err
        == "pythonfilter-workbench: 3 files, but it is played with 2 inputs\n"
    )


def test_what_is_wrong_is_told_with_the_output(files):
    plugin = files({"plugin.py": SPLITTING}) / "plugin.py"
    code, report, _ = workbench.examine(plugin)
    assert code == 1 and report["plugin"]["outputs"] == ["loud", "quiet"]
    [fault] = workbench.found(report, "outputs")
    text = "split_audio() raised ValueError: nobody listens (output quiet is not linked"
    assert fault["message"].startswith(text) and fault["count"] == 2
    assert "nobody listens" in SPLITTING.splitlines()[fault["line"] - 1]
    [drain] = workbench.found(report, "drain")
    text = "drain() gave something of 'laut'; the outputs are loud, quiet"
    assert drain["message"].startswith(text)
    assert workbench.found(report, "kept")
    assert workbench.found(report, "in-place", "note")
