# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tone control with SciPy: bass, mid and treble, each in dB.

    gst-launch-1.0 audiotestsrc wave=pink-noise volume=0.1 num-buffers=400 \
        ! pythonfilter script=plugins_py/examples/scipy_equalizer.py \
        params="p,bass=12.0,treble=-24.0" ! audioconvert ! autoaudiosink

You hear a waterfall turn into distant thunder: more rumble below 200 Hz, next
to nothing left of the hiss above 4 kHz.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import sosfilt

from base_plugin import AudioBuffer, AudioProcessorPlugin, Param

# Middle of a shelf's slope or of a bell, in Hz.
BASS_HZ = 200.0
MID_HZ = 1000.0
TREBLE_HZ = 4000.0
Q = math.sqrt(0.5)
MAX_DB = 24.0


def design(kind: str, hz: float, db: float, rate: int) -> list[float]:
    """One biquad [b0, b1, b2, 1, a1, a2] from R. Bristow-Johnson's cookbook.

    ``kind`` is "low" (shelf), "bell" or "high" (shelf).
    """
    w = 2 * math.pi * min(hz, 0.4 * rate) / rate
    cos, alpha = math.cos(w), math.sin(w) / (2 * Q)
    a = 10 ** (db / 40)
    if kind == "bell":
        b0, b1, b2 = 1 + alpha * a, -2 * cos, 1 - alpha * a
        a0, a1, a2 = 1 + alpha / a, -2 * cos, 1 - alpha / a
    else:
        # The two shelves mirror each other around a quarter of the rate.
        m = 1.0 if kind == "low" else -1.0
        up, down, s = a + 1, m * (a - 1) * cos, 2 * math.sqrt(a) * alpha
        b0 = a * (up - down + s)
        b1 = 2 * a * (m * (a - 1) - up * cos)
        b2 = a * (up - down - s)
        a0 = up + down + s
        a1 = -2 * (m * (a - 1) + up * cos)
        a2 = up + down - s
    return [b0 / a0, b1 / a0, b2 / a0, 1.0, a1 / a0, a2 / a0]


class ScipyEqualizer(AudioProcessorPlugin):
    """Low shelf, bell and high shelf."""

    bass = Param(
        0.0, min=-MAX_DB, max=MAX_DB, unit="dB", description="Gain of the low shelf"
    )
    mid = Param(0.0, min=-MAX_DB, max=MAX_DB, unit="dB", description="Gain of the bell")
    treble = Param(
        0.0, min=-MAX_DB, max=MAX_DB, unit="dB", description="Gain of the high shelf"
    )

    def __init__(self) -> None:
        super().__init__()
        self._update()
        self.reset()

    def start(self) -> bool:
        """Compute the filters for the stream's rate."""
        self._update()
        self.reset()
        return super().start()

    def reset(self) -> None:
        """Forget the past: the filters' state becomes silence."""
        self._zi = np.zeros((len(self._sos), self.get_channel_count(), 2))

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Set a gain; the filters keep running with the new coefficients."""
        accepted = super().set_parameter(key, value)
        self._update()
        return accepted

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Filter the samples, in double precision, and write them back."""
        if buffer.get_channel_count() != self._zi.shape[1]:
            self.set_channel_count(buffer.get_channel_count())
            self.reset()
        if buffer.get_frame_count() == 0:  # which sosfilt refuses
            return True
        filtered, self._zi = sosfilt(self._sos, buffer.data, zi=self._zi)
        # Neither decay into denormal numbers, which are slow, nor keep a NaN.
        self._zi[~(np.abs(self._zi) >= 1e-30)] = 0.0
        buffer.data[:] = filtered
        return True

    def _update(self) -> None:
        rate = self.get_sample_rate()
        self._sos: NDArray[np.float64] = np.array(
            [
                design("low", BASS_HZ, self.bass, rate),
                design("bell", MID_HZ, self.mid, rate),
                design("high", TREBLE_HZ, self.treble, rate),
            ]
        )


def create_plugin() -> ScipyEqualizer:
    """Make the plugin."""
    return ScipyEqualizer()
