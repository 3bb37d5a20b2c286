# SPDX-License-Identifier: LGPL-2.1-or-later
"""A sine tone whose pitch and loudness can change while it plays.

    gst-launch-1.0 pythonsrc script=plugins_py/sine_wave_source.py \
        plugin::frequency=330 plugin::amplitude=0.25 num-buffers=300 \
        ! audioconvert ! autoaudiosink

You hear the E above middle C for three seconds.
"""

from __future__ import annotations

import math

import numpy as np

from base_plugin import AudioBuffer, AudioSourcePlugin, Param, PluginState

# The phase is an integer, this many to one period: adding up loses nothing.
PERIOD = 2**96
# Time for the amplitude to go from 0 to 1; a jump would click.
RAMP_SECONDS = 0.02


class SineWaveSource(AudioSourcePlugin):
    """The same sine tone on every channel."""

    formats = ("F32", "F64")

    frequency = Param(
        440.0, min=0.0, unit="Hz", description="Pitch, up to half the sample rate"
    )
    amplitude = Param(0.5, min=0.0, max=1.0, description="Peak of the samples")

    def __init__(self) -> None:
        super().__init__()
        self._phase = 0
        self._level = self.amplitude  # that of the last sample
        self._tabulate(self.get_buffer_size())

    def start(self) -> bool:
        """Begin at phase 0 with the full amplitude."""
        self._check(self.get_sample_rate() / 2)
        self._phase = 0
        self._level = self.amplitude
        self._tabulate(self.get_buffer_size())
        return super().start()

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Set the frequency, at once, or the amplitude, within 20 ms."""
        before = self.frequency, self.amplitude
        accepted = super().set_parameter(key, value)
        running = self.state is PluginState.RUNNING
        try:
            # Without a stream there is no rate yet.
            self._check(self.get_sample_rate() / 2 if running else math.inf)
        except ValueError:
            self.frequency, self.amplitude = before
            raise
        self._tabulate(len(self._sin))
        return accepted

    def read_audio(self, buffer: AudioBuffer) -> bool:
        """Fill the buffer with what follows the one before."""
        frames = buffer.get_frame_count()
        if frames != len(self._sin):
            self._tabulate(frames)
        # sin(phase + k w) for each k, from the tables of sin(k w) and cos(k w).
        angle = 2 * math.pi * (self._phase / PERIOD)
        ramping = self._level != self.amplitude
        peak = 1.0 if ramping else self.amplitude
        np.multiply(self._sin, peak * math.cos(angle), out=self._block)
        np.multiply(self._cos, peak * math.sin(angle), out=self._other)
        np.add(self._block, self._other, out=self._block)
        if ramping:
            self._ramp(frames)
        buffer.data[:] = self._block
        self._phase = (self._phase + frames * self._step) % PERIOD
        return True

    def _check(self, highest: float) -> None:
        if not (0 <= self.frequency < math.inf and self.frequency <= highest):
            raise ValueError(
                f"frequency: {self.frequency} Hz is not within 0 and half the rate"
            )
        if not 0 <= self.amplitude <= 1:
            raise ValueError(f"amplitude: {self.amplitude} is not within 0 and 1")

    def _tabulate(self, frames: int) -> None:
        rate = self.get_sample_rate()
        over, under = self.frequency.as_integer_ratio()
        self._step = over * PERIOD // (under * rate)
        angles = np.arange(frames) * (2 * math.pi * (self.frequency / rate))
        self._sin, self._cos = np.sin(angles), np.cos(angles)
        self._block, self._other = np.empty(frames), np.empty(frames)

    def _ramp(self, frames: int) -> None:
        """Move towards the amplitude, which the block may not reach."""
        way = self.amplitude - self._level
        slope = math.copysign(1 / (RAMP_SECONDS * self.get_sample_rate()), way)
        levels = self._level + slope * np.arange(1, frames + 1)
        low, high = sorted((self._level, self.amplitude))
        np.clip(levels, low, high, out=levels)
        self._block *= levels
        self._level = float(levels[-1]) if frames else self._level


def create_plugin() -> SineWaveSource:
    """Make the plugin."""
    return SineWaveSource()
