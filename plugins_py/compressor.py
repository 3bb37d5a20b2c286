# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes what is loud quieter, and all of it louder again: a compressor.

    gst-launch-1.0 audiotestsrc wave=ticks num-buffers=600 samplesperbuffer=441 ! audioconvert \
        ! pythonfilter script=plugins_py/compressor.py plugin::threshold=-30 plugin::makeup=9 \
        ! audioconvert ! autoaudiosink

You hear ticks whose beginnings are short and whose ends are loud.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from typing import Any

from numpy import float64, int64

from _dynamics import coefficient, followed, lowest_of, peak_of, wanted_for
from _samples import approach, get, put, scale_of
from base_plugin import AudioProcessorPlugin, Param, compiled


class Compressor(AudioProcessorPlugin):
    """Turns down what goes over the threshold, all channels by the same gain.

    A change of a parameter never makes a step either.
    """

    formats = ("F32", "F64", "S16", "S32")

    threshold = Param(
        -20.0, min=-60.0, max=0.0, unit="dB", description="Where it begins to work"
    )
    ratio = Param(4.0, min=1.0, max=100.0, description="So many dB above it become one")
    attack = Param(
        5.0, min=0.05, max=500.0, unit="ms", description="How fast it turns down"
    )
    release = Param(
        100.0, min=1.0, max=5000.0, unit="ms", description="How fast it lets go"
    )
    knee = Param(6.0, min=0.0, max=40.0, unit="dB", description="How wide the bend is")
    makeup = Param(
        0.0, min=-24.0, max=24.0, unit="dB", description="Gain of what comes out"
    )

    class State:
        started: int64
        released: float64
        reduction: float64
        makeup: float64

    @compiled
    def process_audio(data: Any, params: Any, state: Any, stream: Any) -> None:
        channels, frames = data.shape
        rate = float(stream.sample_rate)
        fall = coefficient(params.attack, rate)
        rise = coefficient(params.release, rate)
        quick = 1.0 - coefficient(10.0, rate)
        lowest = lowest_of(params)
        scale, format = scale_of(stream.format), stream.format
        if state.started == 0:
            state.started = 1
            state.makeup = params.makeup
        released, reduction, makeup = state.released, state.reduction, state.makeup
        gain = 10.0 ** ((makeup - reduction) / 20.0)
        for frame in range(frames):
            wanted = wanted_for(peak_of(data, frame, scale), lowest, params)
            if (
                wanted > 0.0
                or released > 0.0
                or reduction > 0.0
                or (makeup != params.makeup)
            ):
                released, reduction = followed(wanted, released, reduction, rise, fall)
                makeup = approach(makeup, params.makeup, quick)
                gain = 10.0 ** ((makeup - reduction) / 20.0)
            for channel in range(channels):
                x = get(data, channel, frame, scale)
                put(data, channel, frame, x * gain, format)
        state.released, state.reduction, state.makeup = released, reduction, makeup


def create_plugin() -> Compressor:
    """Make the plugin."""
    return Compressor()
