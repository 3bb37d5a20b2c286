# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter-workbench: plugins with curves, and those that give other samples."""

import numpy as np
import pytest

import soak
import workbench
from pythonfilter.workbench import formats, plot, sound

FADE = """\
from base_plugin import AudioProcessorPlugin, Param

class Fade(AudioProcessorPlugin):
    curves = ("gain",)
    gain = Param(0.5, min=0.0, max=4.0, description="Linear gain")

    def process_audio(self, buffer):
        buffer.data *= buffer.curve("gain")
"""

# Each third frame of the first channel, as integers.
DOWN = """\
import numpy as np
from base_plugin import AudioProcessorPlugin

class Down(AudioProcessorPlugin):
    rates = 48000
    channels = 2
    output_caps = "audio/x-raw, format=S16LE, layout={layout}, rate=16000, channels=1"
    waiting = np.empty(0, np.float32)

    def process_audio(self, buffer):
        all = np.concatenate([self.waiting, buffer.data[0]])
        frames = len(all) // 3
        self.waiting = all[3 * frames:].copy()
        given = np.rint(all[:3 * frames:3] * 16384).astype(np.int16)
        return {given}
"""


def down(given="given[None, :]", layout="interleaved"):
    return DOWN.format(given=given, layout=layout)


def test_curve_is_the_value_of_its_parameter(files):
    plugin = files({"fade.py": FADE}) / "fade.py"
    code, report, _ = workbench.examine(plugin)
    assert code == 0, report["results"]
    levels = {each["signal"]: each for each in report["levels"]}
    noise = levels["noise"]
    assert noise["rms_out_dbfs"] == pytest.approx(noise["rms_in_dbfs"] - 6.02, abs=0.02)
    [gain] = report["parameters"]
    assert gain["changes_output"] and not gain["refused"]


@pytest.mark.parametrize(
    "call, says",
    [
        ('buffer.curve("pan")', "no curve pan"),
        ('buffer.curve("gain")[:] = 0', ""),
    ],
)
def test_curves_are_those_of_the_call(call, says, files):
    source = FADE.replace("        buffer.data", f"        {call}\n        buffer.data")
    plugin = files({"fade.py": source}) / "fade.py"
    code, report, _ = workbench.examine(plugin)
    assert (code == 1) == bool(says), report["results"]
    failed = workbench.found(report, "results")
    assert not says or says in failed[0]["message"]
    assert not workbench.found(report, "parameters")


@soak.one_in(2)
@pytest.mark.parametrize("layout", ["interleaved", "non-interleaved"])
def test_samples_of_another_format_are_heard_and_drawn(layout, files, tmp_path):
    plugin = files({"down.py": down(layout=layout)}) / "down.py"
    picture = tmp_path / "down.png"
    code, report, _ = workbench.examine(plugin, "--plot", picture)
    assert code == 0, report["results"]
    assert report["plots"] == [str(picture)] and picture.stat().st_size > 10000
    assert report["plugin"]["makes"] == f"S16 {layout} 16000 Hz 1 ch"
    levels = {each["signal"]: each for each in report["levels"]}
    loud = levels["full-scale"]
    assert loud["peak_out_dbfs"] == pytest.approx(-6.02, abs=0.02)
    for check in ("finite", "clipping", "deterministic", "blocks", "layouts"):
        assert workbench.found(report, check, "ok"), check


@soak.one_in(2)
@pytest.mark.parametrize(
    "given, says",
    [
        ("given[::2]", "not C-contiguous"),
        ("np.array([b'a', None], object)", "array of objects"),
        ("given.tobytes() + b'x'", "not a whole number of frames"),
        ("given.astype(np.float32)", "array of float32"),
        ("np.stack([given, given])", "(1, frames)"),
        ("given.tobytes().decode('latin1')", "gave str"),
    ],
)
def test_what_the_elements_refuse_is_refused(given, says, files):
    plugin = files({"down.py": down(given)}) / "down.py"
    code, report, _ = workbench.examine(plugin)
    assert code == 1
    messages = [each["message"] for each in workbench.found(report, "results")]
    assert any(says in each for each in messages), messages


def test_report_is_not_lost_with_its_picture(files, tmp_path):
    broken = down("given[None, :] / 0 if self.gone else None")
    plugin = files({"down.py": broken}) / "down.py"
    result = workbench.run(plugin, *workbench.SHORT, "--plot", tmp_path / "a.png")
    assert result.code == 1
    assert b"FAIL  results" in result.out and "there are no samples" in result.err


LIKE = formats.Setting("F32", formats.INTERLEAVED, 48000, 2)


@pytest.mark.parametrize(
    "caps, want",
    [
        ("audio/x-raw", LIKE),
        (
            "audio/x-raw(memory:SystemMemory), format=(string)S16LE, rate=(int)8000",
            formats.Setting("S16", formats.INTERLEAVED, 8000, 2),
        ),
        (
            'audio/x-raw, layout="non-interleaved", channels=[1, 8]',
            formats.Setting("F32", formats.PLANAR, 48000, 2),
        ),
        (
            "application/x; audio/x-raw, format={ (string)S16LE, F32LE }, rate={8000, 44100}",
            formats.Setting("F32", formats.INTERLEAVED, 44100, 2),
        ),
        (
            "audio/x-raw, format=U8, layout=interleaved, rate=(int)[1, 16000]",
            formats.Setting("U8", formats.INTERLEAVED, 16000, 2),
        ),
        (
            "audio/x-raw, format=S16BE, channels={1, 6, 8}",
            formats.Setting("S16BE", formats.INTERLEAVED, 48000, 1),
        ),
        ("audio/x-opus, rate=48000", None),
    ],
)
def test_output_is_what_its_caps_say(caps, want):
    assert formats.setting_of(caps, LIKE) == want


def test_response_of_another_rate_is_drawn_over_the_same_frequencies():
    noise = np.random.default_rng(1).standard_normal(48000)
    frequencies, gain = [], []

    class Axes:
        def __getattr__(self, name):
            return lambda *_, **__: None

        def semilogx(self, x, y, **_):
            frequencies.append(x)
            gain.append(y)

        xaxis = property(lambda self: self)

    heard = sound.Heard(noise[None], 0.5 * noise[None], 48000, 48000)
    plot._response(Axes(), "noise", heard)
    np.testing.assert_allclose(gain[-1], 20 * np.log10(0.5), atol=0.01)
    from scipy import signal

    slow = signal.resample_poly(noise, 1, 3)
    plot._response(Axes(), "noise", sound.Heard(noise[None], slow[None], 48000, 16000))
    assert (frequencies[-1] == frequencies[0]).all()
    low = frequencies[-1] < 6000
    np.testing.assert_allclose(gain[-1][low], 0, atol=0.3)
