# SPDX-License-Identifier: LGPL-2.1-or-later
"""A compressor that listens to another signal than the one that it makes quieter.

It has two inputs: the signal, which comes out, and the key, which is only listened
to: a bass that gives way to each beat of a drum, for one.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from typing import Any

from numpy import float64, int64

from _dynamics import coefficient, followed, lowest_of, peak_of, wanted_for
from _samples import approach, get, put, scale_of
from base_plugin import AudioMixerPlugin, Param, compiled


class SideChainCompressor(AudioMixerPlugin):
    """Turns the signal down by what the key goes over the threshold."""

    formats = ("F32", "F64", "S16", "S32")
    inputs = {
        "signal": {"description": "What is turned down, and comes out"},
        "key": {"optional": True, "description": "What is listened to"},
    }
    output_like = "signal"
    output_zero = False

    threshold = Param(
        -30.0, min=-60.0, max=0.0, unit="dB", description="Where it begins to work"
    )
    ratio = Param(4.0, min=1.0, max=100.0, description="So many dB above it become one")
    knee = Param(6.0, min=0.0, max=40.0, unit="dB", description="How wide the bend is")
    attack = Param(
        5.0, min=0.05, max=500.0, unit="ms", description="How fast it turns down"
    )
    release = Param(
        100.0, min=1.0, max=5000.0, unit="ms", description="How fast it lets go"
    )
    makeup = Param(
        0.0, min=-24.0, max=24.0, unit="dB", description="Gain of what comes out"
    )

    class State:
        started: int64
        released: float64
        reduction: float64
        makeup: float64

    def reset(self) -> None:
        """Nothing was loud yet."""
        state: Any = self.state
        state.released = state.reduction = 0.0

    @compiled
    def mix_audio(
        output: Any, inputs: Any, params: Any, state: Any, stream: Any
    ) -> None:
        signal, key = inputs.signal.data, inputs.key.data
        rate = float(stream.sample_rate)
        fall = coefficient(params.attack, rate)
        rise = coefficient(params.release, rate)
        quick = 1.0 - coefficient(10.0, rate)
        lowest = lowest_of(params)
        format, of_key = stream.format, scale_of(inputs.key.format)
        scale = scale_of(format)
        if state.started == 0:
            state.started = 1
            state.makeup = params.makeup
        released, reduction, makeup = state.released, state.reduction, state.makeup
        gain = 10.0 ** ((makeup - reduction) / 20.0)
        for frame in range(output.shape[1]):
            wanted = wanted_for(peak_of(key, frame, of_key), lowest, params)
            if (
                wanted > 0.0
                or released > 0.0
                or reduction > 0.0
                or makeup != params.makeup
            ):
                released, reduction = followed(wanted, released, reduction, rise, fall)
                makeup = approach(makeup, params.makeup, quick)
                gain = 10.0 ** ((makeup - reduction) / 20.0)
            for channel in range(output.shape[0]):
                x = get(signal, channel, frame, scale)
                put(output, channel, frame, x * gain, format)
        state.released, state.reduction, state.makeup = released, reduction, makeup


def create_plugin() -> SideChainCompressor:
    """Make the plugin."""
    return SideChainCompressor()
