# SPDX-License-Identifier: LGPL-2.1-or-later
"""A parametric equaliser of ten bands.

    gst-launch-1.0 audiotestsrc wave=pink-noise num-buffers=600 samplesperbuffer=441 ! audioconvert \
        ! pythonfilter script=plugins_py/parametric_equalizer.py plugin::frequency5=800 plugin::gain5=15 \
        plugin::q5=4 plugin::shape10=high-cut ! audioconvert ! autoaudiosink

You hear noise that sings at 800 Hz, and less of its treble.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import math
from typing import Any

from numpy import float64, int64

from _samples import BLOCK, get, kept, put, scale_of
from base_plugin import Array, AudioProcessorPlugin, Param, compiled

BANDS = 10
SHAPES = ("bell", "low-shelf", "high-shelf", "low-cut", "high-cut", "notch")
# Channels are worked on by twos, which the CPU does at once.
PAIRS = 32
# How long a change of a parameter takes.
RAMP_SECONDS = 0.02


def design(to: Any, shape: Any, turns: Any, gain: Any, q: Any) -> None:
    """The biquad of Robert Bristow-Johnson's cookbook: b0, b1, b2, a1, a2.

    turns: the frequency as a part of the rate.
    """
    w = 2.0 * math.pi * min(turns, 0.499)
    a = 10.0 ** (gain / 40.0)
    cos, alpha = math.cos(w), math.sin(w) / (2.0 * q)
    root = 2.0 * math.sqrt(a) * alpha
    a1, a2 = -2.0 * cos, 1.0 - alpha
    if shape == 0:
        b0, b1, b2 = 1.0 + alpha * a, a1, 1.0 - alpha * a
        a0, a2 = 1.0 + alpha / a, 1.0 - alpha / a
    elif shape <= 2:
        # A high shelf is a low one with the spectrum turned round.
        turn = 1.0 if shape == 1 else -1.0
        cos = turn * cos
        b0 = a * ((a + 1.0) - (a - 1.0) * cos + root)
        b1 = turn * 2.0 * a * ((a - 1.0) - (a + 1.0) * cos)
        b2 = a * ((a + 1.0) - (a - 1.0) * cos - root)
        a0 = (a + 1.0) + (a - 1.0) * cos + root
        a1 = turn * -2.0 * ((a - 1.0) + (a + 1.0) * cos)
        a2 = (a + 1.0) + (a - 1.0) * cos - root
    elif shape == 3:
        b0, b1, b2, a0 = (1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0, 1.0 + alpha
    elif shape == 4:
        b0, b1, b2, a0 = (1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0, 1.0 + alpha
    else:
        b0, b1, b2, a0 = 1.0, a1, 1.0, 1.0 + alpha
    to[0], to[1], to[2], to[3], to[4] = b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0


def follow(state: Any, band: Any, asked: Any, rate: Any) -> None:
    """Begins to go to what a band is asked for: shape, Hz, dB, q."""
    shape, frequency, gain, q = asked
    if state.started != 0 and (
        state.asked[band, 0] == shape
        and state.asked[band, 1] == frequency
        and state.asked[band, 2] == gain
        and state.asked[band, 3] == q
    ):
        return
    state.asked[band, 0] = shape
    state.asked[band, 1] = frequency
    state.asked[band, 2] = gain
    state.asked[band, 3] = q
    goal, step = state.goal[band], state.step[band]
    # Where it is now; that lies in `step` while there is another goal to make.
    for i in range(5):
        step[i] = goal[i] - step[i] * state.left[band]
    design(goal, shape, frequency / rate, gain, q)
    state.left[band] = 0
    if state.started != 0:
        state.left[band] = max(int(RAMP_SECONDS * rate), 1)
    for i in range(5):
        step[i] = (goal[i] - step[i]) / max(state.left[band], 1)


def is_active(state: Any, band: Any, channels: Any) -> bool:
    """Whether a band does anything, or did and still sounds."""
    goal = state.goal[band]
    if (
        state.left[band] > 0
        or goal[0] != 1.0
        or goal[1] != goal[3]
        or goal[2] != goal[4]
    ):
        return True
    for channel in range(channels):
        z = state.z[channel // 2, band]
        if z[0, channel % 2] != 0.0 or z[1, channel % 2] != 0.0:
            return True
    return False


def run(work: Any, count: Any, bands: Any, used: Any, goal: Any, z: Any) -> None:
    """Two channels through the bands, all samples of a frame before the next."""
    for frame in range(count):
        one, other = work[frame, 0], work[frame, 1]
        for i in range(bands):
            k = used[i]
            b0, b1, b2 = goal[k, 0], goal[k, 1], goal[k, 2]
            a1, a2 = goal[k, 3], goal[k, 4]
            y, v = b0 * one + z[k, 0, 0], b0 * other + z[k, 0, 1]
            z[k, 0, 0] = b1 * one - a1 * y + z[k, 1, 0]
            z[k, 0, 1] = b1 * other - a1 * v + z[k, 1, 1]
            z[k, 1, 0] = b2 * one - a2 * y
            z[k, 1, 1] = b2 * other - a2 * v
            one, other = y, v
        work[frame, 0], work[frame, 1] = one, other


def run_ramps(work: Any, count: Any, bands: Any, state: Any, z: Any) -> None:
    """The same while coefficients are on their way: each frame has its own.

    They go in straight lines: between two stable biquads all are stable.
    """
    for frame in range(count):
        one, other = work[frame, 0], work[frame, 1]
        for i in range(bands):
            k = state.used[i]
            goal, step = state.goal[k], state.step[k]
            away = float(max(state.left[k] - frame - 1, 0))
            b0, b1, b2 = (
                goal[0] - step[0] * away,
                goal[1] - step[1] * away,
                goal[2] - step[2] * away,
            )
            a1, a2 = goal[3] - step[3] * away, goal[4] - step[4] * away
            y, v = b0 * one + z[k, 0, 0], b0 * other + z[k, 0, 1]
            z[k, 0, 0] = b1 * one - a1 * y + z[k, 1, 0]
            z[k, 0, 1] = b1 * other - a1 * v + z[k, 1, 1]
            z[k, 1, 0] = b2 * one - a2 * y
            z[k, 1, 1] = b2 * other - a2 * v
            one, other = y, v
        work[frame, 0], work[frame, 1] = one, other


def settle(state: Any, channels: Any) -> None:
    """Nothing that never ends is kept."""
    for band in range(BANDS):
        for channel in range(channels):
            z = state.z[channel // 2, band]
            z[0, channel % 2] = kept(z[0, channel % 2])
            z[1, channel % 2] = kept(z[1, channel % 2])


def choose(state: Any, channels: Any) -> None:
    """Which bands are used."""
    state.bands = 0
    for band in range(BANDS):
        if is_active(state, band, channels):
            state.used[state.bands] = band
            state.bands += 1


def filter_work(state: Any, channels: Any, count: Any) -> None:
    """What lies in state.work, by all bands that do something."""
    if state.bands == 0:
        return
    ramping = False
    for band in range(BANDS):
        ramping = ramping or state.left[band] > 0
    for pair in range((channels + 1) // 2):
        work, z = state.work[pair], state.z[pair]
        if ramping:
            run_ramps(work, count, state.bands, state, z)
        else:
            run(work, count, state.bands, state.used, state.goal, z)
    for band in range(BANDS):
        state.left[band] = max(state.left[band] - count, 0)


class ParametricEqualizer(AudioProcessorPlugin):
    """Ten bands, each a bell, a shelf, a cut or a notch; one of 0 dB costs nothing.

    A frequency above half the rate is taken for one just below it.  What
    changes takes 20 ms, frame by frame.
    """

    formats = ("F32", "F64", "S16", "S32")

    shape1 = Param("bell", choices=SHAPES, description="What band 1 is")
    frequency1 = Param(31.25, min=10.0, max=96000.0, unit="Hz", description="Of band 1")
    gain1 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 1")
    q1 = Param(1.0, min=0.1, max=40.0, description="How narrow band 1 is")

    shape2 = Param("bell", choices=SHAPES, description="What band 2 is")
    frequency2 = Param(62.5, min=10.0, max=96000.0, unit="Hz", description="Of band 2")
    gain2 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 2")
    q2 = Param(1.0, min=0.1, max=40.0, description="How narrow band 2 is")

    shape3 = Param("bell", choices=SHAPES, description="What band 3 is")
    frequency3 = Param(125.0, min=10.0, max=96000.0, unit="Hz", description="Of band 3")
    gain3 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 3")
    q3 = Param(1.0, min=0.1, max=40.0, description="How narrow band 3 is")

    shape4 = Param("bell", choices=SHAPES, description="What band 4 is")
    frequency4 = Param(250.0, min=10.0, max=96000.0, unit="Hz", description="Of band 4")
    gain4 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 4")
    q4 = Param(1.0, min=0.1, max=40.0, description="How narrow band 4 is")

    shape5 = Param("bell", choices=SHAPES, description="What band 5 is")
    frequency5 = Param(500.0, min=10.0, max=96000.0, unit="Hz", description="Of band 5")
    gain5 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 5")
    q5 = Param(1.0, min=0.1, max=40.0, description="How narrow band 5 is")

    shape6 = Param("bell", choices=SHAPES, description="What band 6 is")
    frequency6 = Param(
        1000.0, min=10.0, max=96000.0, unit="Hz", description="Of band 6"
    )
    gain6 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 6")
    q6 = Param(1.0, min=0.1, max=40.0, description="How narrow band 6 is")

    shape7 = Param("bell", choices=SHAPES, description="What band 7 is")
    frequency7 = Param(
        2000.0, min=10.0, max=96000.0, unit="Hz", description="Of band 7"
    )
    gain7 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 7")
    q7 = Param(1.0, min=0.1, max=40.0, description="How narrow band 7 is")

    shape8 = Param("bell", choices=SHAPES, description="What band 8 is")
    frequency8 = Param(
        4000.0, min=10.0, max=96000.0, unit="Hz", description="Of band 8"
    )
    gain8 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 8")
    q8 = Param(1.0, min=0.1, max=40.0, description="How narrow band 8 is")

    shape9 = Param("bell", choices=SHAPES, description="What band 9 is")
    frequency9 = Param(
        8000.0, min=10.0, max=96000.0, unit="Hz", description="Of band 9"
    )
    gain9 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 9")
    q9 = Param(1.0, min=0.1, max=40.0, description="How narrow band 9 is")

    shape10 = Param("bell", choices=SHAPES, description="What band 10 is")
    frequency10 = Param(
        16000.0, min=10.0, max=96000.0, unit="Hz", description="Of band 10"
    )
    gain10 = Param(0.0, min=-24.0, max=24.0, unit="dB", description="Of band 10")
    q10 = Param(1.0, min=0.1, max=40.0, description="How narrow band 10 is")

    class State:
        started: int64
        place: int64
        bands: int64
        used: Array[int64, BANDS]
        left: Array[int64, BANDS]
        asked: Array[float64, BANDS, 4]
        goal: Array[float64, BANDS, 5]
        step: Array[float64, BANDS, 5]
        z: Array[float64, PAIRS, BANDS, 2, 2]
        work: Array[float64, PAIRS, BLOCK, 2]

    @compiled
    def process_audio(data: Any, params: Any, state: Any, stream: Any) -> None:
        channels, frames = data.shape
        scale, format = scale_of(stream.format), stream.format
        shapes = (
            params.shape1,
            params.shape2,
            params.shape3,
            params.shape4,
            params.shape5,
            params.shape6,
            params.shape7,
            params.shape8,
            params.shape9,
            params.shape10,
        )
        frequencies = (
            params.frequency1,
            params.frequency2,
            params.frequency3,
            params.frequency4,
            params.frequency5,
            params.frequency6,
            params.frequency7,
            params.frequency8,
            params.frequency9,
            params.frequency10,
        )
        gains = (
            params.gain1,
            params.gain2,
            params.gain3,
            params.gain4,
            params.gain5,
            params.gain6,
            params.gain7,
            params.gain8,
            params.gain9,
            params.gain10,
        )
        qs = (
            params.q1,
            params.q2,
            params.q3,
            params.q4,
            params.q5,
            params.q6,
            params.q7,
            params.q8,
            params.q9,
            params.q10,
        )
        rate = float(stream.sample_rate)
        for band in range(BANDS):
            asked = float(shapes[band]), frequencies[band], gains[band], qs[band]
            follow(state, band, asked, rate)
        state.started = 1
        done = 0
        while done < frames:
            if state.place == 0:
                settle(state, channels)
            choose(state, channels)
            count = min(frames - done, BLOCK - state.place)
            for frame in range(count):
                for channel in range(channels):
                    state.work[channel // 2, frame, channel % 2] = get(
                        data, channel, done + frame, scale
                    )
            filter_work(state, channels, count)
            for frame in range(count):
                for channel in range(channels):
                    x = state.work[channel // 2, frame, channel % 2]
                    put(data, channel, done + frame, x, format)
            done += count
            state.place = (state.place + count) % BLOCK


def create_plugin() -> ParametricEqualizer:
    """Make the plugin."""
    return ParametricEqualizer()
