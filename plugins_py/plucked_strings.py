# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plucked strings that play a tune of their own, another one for each seed.

    gst-launch-1.0 pythonsrc script=plugins_py/plucked_strings.py \
        plugin::seed=7 plugin::tempo=300 num-buffers=500 ! audioconvert ! autoaudiosink

You hear strings, one after the other from left to right, in a scale of five.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import math
from typing import Any

from numpy import float64, int64

from _samples import approach, kept, put
from base_plugin import MAX_CHANNELS, Array, AudioSourcePlugin, Param, compiled

STRINGS = 8
# A string's memory: 20 Hz at 192 kHz.
LONGEST = 2**14
SCALES = ("pentatonic", "major", "minor", "chromatic", "one-note")
# Semitones, and how many of them.
STEPS = (
    (0, 2, 4, 7, 9, 0, 0, 0, 0, 0, 0, 0),
    (0, 2, 4, 5, 7, 9, 11, 0, 0, 0, 0, 0),
    (0, 2, 3, 5, 7, 8, 10, 0, 0, 0, 0, 0),
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
)
COUNTS = (5, 7, 7, 12, 1)


def random(state: Any) -> Any:
    """From 0 to 1, the next of a sequence that the seed decides."""
    state.random = (state.random * 1664525 + 1013904223) & 0xFFFFFFFF
    return (state.random >> 8) / 16777216.0


def tune(state: Any, string: Any, note: Any, decay: Any, brightness: Any) -> None:
    """How long a string is and how it loses its sound.  note: as MIDI has it.

    A loop of a delay, a filter that takes more of the treble away and a gain;
    together they last one period, and fade by 60 dB in the time of the decay.
    """
    rate = state.rate
    w = 2.0 * math.pi * 440.0 * 2.0 ** ((note - 69.0) / 12.0) / rate
    soft = 0.5 * (1.0 - brightness)
    real, imaginary = 1.0 - soft + soft * math.cos(w), soft * math.sin(w)
    period = 2.0 * math.pi / w
    delay = min(max(period - math.atan2(imaginary, real) / w, 3.0), LONGEST - 4.0)
    state.whole[string] = int(delay)
    state.part[string] = delay - int(delay)
    state.soft[string] = soft
    loss = 10.0 ** (-3.0 * period / (decay * rate))
    state.gain[string] = min(loss / math.hypot(real, imaginary), 0.99995)
    state.pluck[string] = int(period) + 1


def pluck(params: Any, state: Any) -> None:
    """The next note, on the next string; what that one played fades away."""
    string = state.next
    state.next = (string + 1) % STRINGS
    steps = COUNTS[params.scale]
    step = int(random(state) * steps * params.octaves)
    note = params.root + STEPS[params.scale][step % steps] + 12 * (step // steps)
    state.rest[string] += state.before[string]
    state.before[string] = state.last[string] = 0.0
    tune(state, string, float(note), params.decay, params.brightness)
    for i in range(state.whole[string] + 4):
        state.line[string, (state.place - 1 - i) & (LONGEST - 1)] = 0.0


def sound(state: Any, string: Any) -> Any:
    """The next sample of a string."""
    if state.whole[string] == 0:
        return 0.0  # nobody has plucked it yet
    place = state.place
    line = state.line[string]
    first = place - state.whole[string]
    t = state.part[string]
    mask = LONGEST - 1
    # Cubic interpolation by Lagrange, from one before to two after.
    y = (
        -t * (t - 1.0) * (t - 2.0) / 6.0 * line[(first + 1) & mask]
        + (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0 * line[first & mask]
        - (t + 1.0) * t * (t - 2.0) / 2.0 * line[(first - 1) & mask]
        + (t + 1.0) * t * (t - 1.0) / 6.0 * line[(first - 2) & mask]
    )
    soft = state.soft[string]
    x = state.gain[string] * ((1.0 - soft) * y + soft * state.last[string])
    state.last[string] = y
    if state.pluck[string] > 0:
        state.pluck[string] -= 1
        x += 2.0 * random(state) - 1.0
    x = kept(x)
    line[place] = x
    state.before[string] = x
    state.rest[string] = kept(0.99 * state.rest[string])
    return x + state.rest[string]


class PluckedStrings(AudioSourcePlugin):
    """Eight strings by Karplus and Strong, plucked by turns.

    The same seed gives the same notes and the same samples.  A parameter other
    than the amplitude is heard from the next note on.
    """

    formats = ("F32", "F64", "S16", "S32")

    seed = Param(1, min=0, max=2**31 - 1, description="Which tune; from start() on")
    tempo = Param(
        240.0, min=1.0, max=3000.0, unit="1/min", description="Notes a minute"
    )
    scale = Param("pentatonic", choices=SCALES, description="The notes there are")
    root = Param(45, min=24, max=96, description="The lowest note, as MIDI counts")
    octaves = Param(2, min=1, max=4, description="How many there are of the scale")
    decay = Param(4.0, min=0.05, max=60.0, unit="s", description="Until 60 dB less")
    brightness = Param(0.5, min=0.0, max=1.0, description="How much treble is kept")
    amplitude = Param(0.3, min=0.0, max=1.0, description="Of one note, about")

    class State:
        started: int64
        rate: float64
        random: int64
        wait: float64
        next: int64
        place: int64
        amplitude: float64
        whole: Array[int64, STRINGS]
        pluck: Array[int64, STRINGS]
        part: Array[float64, STRINGS]
        soft: Array[float64, STRINGS]
        gain: Array[float64, STRINGS]
        last: Array[float64, STRINGS]
        before: Array[float64, STRINGS]
        rest: Array[float64, STRINGS]
        sounds: Array[float64, STRINGS]
        share: Array[float64, STRINGS, MAX_CHANNELS]
        line: Array[float64, STRINGS, LONGEST]

    @compiled
    def read_audio(data: Any, params: Any, state: Any, stream: Any) -> None:
        channels, frames = data.shape
        if state.started == 0:
            state.started = 1
            state.rate = float(stream.sample_rate)
            state.random = params.seed
            state.amplitude = params.amplitude
            for string in range(STRINGS):
                for channel in range(channels):
                    # From the first channel to the last, as strings lie.
                    here = string / (STRINGS - 1.0)
                    there = channel / max(channels - 1.0, 1.0)
                    near = 1.0 - abs(here - there) if channels > 1 else 1.0
                    state.share[string, channel] = math.sqrt(near)
        quick = 1.0 - math.exp(-1.0 / (0.01 * state.rate))
        format = stream.format
        for frame in range(frames):
            if state.wait < 1.0:
                pluck(params, state)
                state.wait += max(60.0 * state.rate / params.tempo, 1.0)
            state.wait -= 1.0
            state.amplitude = approach(state.amplitude, params.amplitude, quick)
            for string in range(STRINGS):
                state.sounds[string] = state.amplitude * sound(state, string)
            state.place = (state.place + 1) & (LONGEST - 1)
            for channel in range(channels):
                x = 0.0
                for string in range(STRINGS):
                    x += state.share[string, channel] * state.sounds[string]
                put(data, channel, frame, x, format)


def create_plugin() -> PluckedStrings:
    """Make the plugin."""
    return PluckedStrings()
