# SPDX-License-Identifier: LGPL-2.1-or-later
"""null_sink: the levels it measures, alone and in pipelines."""

import numpy as np
import pytest

from shipped_plugins import RATE, element, launched, program, sine, started, write


def levels(text):
    return [float(number) for number in text.split(" ")]


@pytest.mark.parametrize("size", [1, 512, 100000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_levels_of_a_sine_are_right(size, dtype):
    plugin = started("null_sink", 3)
    tone = sine(1000, RATE, 0, RATE if size > 1 else 4800).astype(dtype)
    samples = np.array([tone, 0.5 * tone, 0 * tone])
    for begin in range(0, samples.shape[1], size):
        write(plugin, samples[:, begin : begin + size])
    peaks, rmss = (levels(plugin.get_parameter(key)) for key in ("peak", "rms"))
    assert peaks == pytest.approx([0, -6.0206, -np.inf], abs=0.001)
    assert rmss == pytest.approx([-3.0103, -9.0309, -np.inf], abs=0.001)


def test_levels_begin_anew():
    plugin = started("null_sink", 1)
    assert plugin.get_parameter("peak") == plugin.get_parameter("rms") == "-inf"
    write(plugin, [[-1.0, 0.0, 0.0, 0.0]])
    assert levels(plugin.get_parameter("peak")) == [0]
    assert levels(plugin.get_parameter("rms")) == pytest.approx([-6.0206], abs=0.001)
    for key in ("peak", "rms"):
        assert plugin.set_parameter(key, "") is True
        assert levels(plugin.get_parameter("peak")) == [0]
    assert plugin.set_parameter("reset", "now") is True
    write(plugin, [[0.1, 0.1]])
    assert levels(plugin.get_parameter("rms")) == pytest.approx([-20], abs=0.001)
    plugin.stop()
    plugin.start()
    assert plugin.get_parameter("peak") == "-inf"
    assert plugin.set_parameter("loudness", "1") is False


def test_levels_are_printed_if_asked_for(capsys):
    plugin = started("null_sink", 1, report="true")
    write(plugin, [[0.1]])
    plugin.stop()
    assert capsys.readouterr().out == "null_sink: peak -20.000 dBFS, RMS -20.000 dBFS\n"


def test_null_sink_measures_a_known_sine():
    line = (
        "audiotestsrc volume=0.5 freq=1000 num-buffers=50 samplesperbuffer=960 ! "
        "audio/x-raw,rate=48000,channels=2 ! audioconvert ! "
        + element("sink", "null_sink", "report=true")
        + " sync=false"
    )
    printed = launched(line).err.split()
    peaks, rmss = printed[2:4], printed[6:8]
    assert [float(value) for value in peaks] == pytest.approx([-6.0206] * 2, abs=0.01)
    assert [float(value) for value in rmss] == pytest.approx([-9.0309] * 2, abs=0.01)


def test_levels_are_asked_for_while_playing():
    code = """
sink = pipeline.get_by_name("s")
sent = count("g")
play()
eventually(lambda: sent() > 20)
sink.set_property("params", Gst.Structure.new_from_string("p,peak=now,rms=now"))
asked = sent()
eventually(lambda: sent() > asked + 20)
params = sink.get_property("params")
stop(peak=params["peak"], rms=params["rms"])
"""
    source = element("src", "sine_wave_source", "frequency=1000.0,amplitude=0.1")
    sink = element("sink", "null_sink")
    told = program(code, f"{source} is-live=true name=g ! {sink} name=s")
    assert levels(told["peak"]) == pytest.approx([-20] * 2, abs=0.01)
    assert levels(told["rms"]) == pytest.approx([-23.0103] * 2, abs=0.05)
