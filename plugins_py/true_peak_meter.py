# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says how loud it is: sample peak, RMS and true peak of each channel.

    gst-launch-1.0 -m audiotestsrc volume=0.5 num-buffers=50 ! audioconvert ! audioresample \
        ! pythonsink script=plugins_py/true_peak_meter.py

You hear nothing, and read messages ``levels`` with a peak of -6.02 dBFS and an
RMS of -9.03 dBFS, and a last one, ``loudest``, of all that was played.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import math
from typing import Any

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from _samples import get, scale_of
from base_plugin import MAX_CHANNELS, Array, AudioSinkPlugin, Param, compiled, every

Levels = NDArray[np.float64]

TAPS = 12
# The filter of ITU-R BS.1770-4, annex 2: the first two of its four phases. The
# other two are these backwards.
PHASES = (
    (
        *(0.0017089843750, 0.0109863281250, -0.0196533203125, 0.0332031250000),
        *(-0.0594482421875, 0.1373291015625, 0.9721679687500, -0.1022949218750),
        *(0.0476074218750, -0.0266113281250, 0.0148925781250, -0.0083007812500),
    ),
    (
        *(-0.0291748046875, 0.0292968750000, -0.0517578125000, 0.0891113281250),
        *(-0.1665039062500, 0.4650878906250, 0.7797851562500, -0.2003173828125),
        *(0.1015625000000, -0.0582275390625, 0.0330810546875, -0.0189208984375),
    ),
)


def decibels(value: float) -> float:
    """Of full scale; minus infinity for silence."""
    return 20.0 * math.log10(value) if value > 0.0 else -math.inf


def in_decibels(peak: Levels, rms: Levels, true_peak: Levels) -> dict[str, list[float]]:
    """The fields of a message."""
    levels = {"peak": peak, "rms": rms, "true_peak": true_peak}
    return {
        name: [decibels(float(value)) for value in values]
        for name, values in levels.items()
    }


def oversampled(history: Any, newest: Any) -> Any:
    """The largest of the four samples that lie between two."""
    a = b = c = d = 0.0
    for tap in range(TAPS):
        x = history[(newest - tap) & 15]
        a += PHASES[0][tap] * x
        b += PHASES[1][tap] * x
        c += PHASES[1][TAPS - 1 - tap] * x
        d += PHASES[0][TAPS - 1 - tap] * x
    return max(max(abs(a), abs(b)), max(abs(c), abs(d)))


def close(state: Any, channel: Any) -> None:
    """An interval is whole."""
    peak, power = state.peak[channel], state.power[channel]
    true_peak = state.true_peak[channel]
    last = state.last[(state.shown + 1) & 1]
    last[0, channel] = peak
    last[1, channel] = math.sqrt(power / state.frames)
    last[2, channel] = true_peak
    state.all[0, channel] = max(state.all[0, channel], peak)
    state.all[1, channel] += power
    state.all[2, channel] = max(state.all[2, channel], true_peak)
    state.peak[channel] = state.power[channel] = state.true_peak[channel] = 0.0


class TruePeakMeter(AudioSinkPlugin):
    """Measures what it gets, and throws it away.

    The true peak is that of ITU-R BS.1770-4, by oversampling four times, and never
    less than the sample peak.  A message ``levels`` with lists ``peak``, ``rms``
    and ``true_peak`` in dBFS says what the last ``interval`` of sound had, which
    ended at ``end`` seconds, and ``loudest`` at the end what all of it had.  Where sound comes faster than it
    is heard, intervals are left out of the first.
    """

    formats = ("F32", "F64", "S16", "S32")
    read_only = True

    interval = Param(
        100.0, min=50.0, max=60000.0, unit="ms", description="Between two messages"
    )

    _told = 0

    class State:
        channels: int64
        newest: int64
        frames: int64
        all_frames: int64
        shown: int64
        history: Array[float64, MAX_CHANNELS, 16]
        # Of the interval, of the last two that are whole, and since the start.
        peak: Array[float64, MAX_CHANNELS]
        power: Array[float64, MAX_CHANNELS]
        true_peak: Array[float64, MAX_CHANNELS]
        last: Array[float64, 2, 3, MAX_CHANNELS]
        ends: Array[int64, 2]
        all: Array[float64, 3, MAX_CHANNELS]

    @compiled
    def write_audio(data: Any, params: Any, state: Any, stream: Any) -> None:
        channels, frames = data.shape
        scale = scale_of(stream.format)
        state.channels = channels
        length = max(int(params.interval * stream.sample_rate / 1000.0), 1)
        for frame in range(frames):
            state.newest = (state.newest + 1) & 15
            for channel in range(channels):
                x = get(data, channel, frame, scale)
                history = state.history[channel]
                history[state.newest] = x
                state.peak[channel] = max(state.peak[channel], abs(x))
                state.power[channel] += x * x
                between = max(oversampled(history, state.newest), abs(x))
                state.true_peak[channel] = max(state.true_peak[channel], between)
            state.frames += 1
            if state.frames >= length:
                for channel in range(channels):
                    close(state, channel)
                state.all_frames += state.frames
                state.frames = 0
                # show() reads one of the two while the other is written.
                state.ends[(state.shown + 1) & 1] = state.all_frames
                state.shown += 1

    @every(25)
    def show(self) -> None:
        """Post the last interval, once."""
        state: Any = self.state
        shown = int(state.shown)
        peak, rms, true_peak = state.last[shown & 1, :, : int(state.channels)].copy()
        if shown not in (self._told, 0):
            self._told = shown
            seconds = int(state.ends[shown & 1]) / self.get_sample_rate()
            self.post("levels", end=seconds, **in_decibels(peak, rms, true_peak))

    def loudest(self) -> dict[str, list[float]]:
        """Of all that was played since ``start``, in dBFS."""
        state: Any = self.state
        count, frames = int(state.channels), int(state.all_frames + state.frames)
        peak, power, true_peak = state.all[:, :count]
        return in_decibels(
            np.maximum(peak, state.peak[:count]),
            np.sqrt((power + state.power[:count]) / max(frames, 1)),
            np.maximum(true_peak, state.true_peak[:count]),
        )

    def start(self) -> bool:
        """Begin anew."""
        self._told = 0
        return super().start()

    def drain(self) -> None:
        """Say how loud all of it was."""
        self.post("loudest", **self.loudest())


def create_plugin() -> TruePeakMeter:
    """Make the plugin."""
    return TruePeakMeter()
