# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how loud each channel is, as GStreamer's `level` does.

    gst-launch-1.0 -m audiotestsrc wave=ticks num-buffers=500 \
        ! pythonfilter script=plugins_py/examples/level_meter.py \
        ! audioconvert ! autoaudiosink

You hear a tick each second, and read ten messages a second whose `peak` jumps
to it and whose `decay` falls back slowly, as the needle of a meter.

The message is called `level` and has the fields `rms`, `peak` and `decay`: one
number for each channel, in dB below full scale. They are those of the element
`level`, but for `decay` where an interval ends within a buffer: `level` counts
the rest of such a buffer twice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from base_plugin import AudioBuffer, AudioProcessorPlugin, Param

Array = NDArray[np.float64]

TINY = 1e-35  # added to what may have no logarithm


class LevelMeter(AudioProcessorPlugin):
    """Posts RMS, peak and decaying peak of each channel at regular intervals."""

    formats = ("F32", "F64", "S16", "S32")
    read_only = True

    interval = Param(
        0.1, min=0.001, max=3600.0, unit="s", description="Time between messages"
    )
    peak_ttl = Param(
        0.3, min=0.0, max=3600.0, unit="s", description="How long a peak is held"
    )
    peak_falloff = Param(
        10.0,
        min=0.0,
        max=1000.0,
        description="How fast it then falls, as `level` counts: 10 is 5 dB a second",
    )

    def __init__(self) -> None:
        super().__init__()
        self._allocate(self.get_channel_count())

    def start(self) -> bool:
        """Begin with silence."""
        self._allocate(self.get_channel_count())
        return super().start()

    def reset(self) -> None:
        """The interval begins anew; peaks stay."""
        self._measured = 0

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Measure the samples, and post what an interval is full of."""
        data = buffer.data
        scale = 1.0 if data.dtype.kind == "f" else float(-np.iinfo(data.dtype).min)
        if buffer.get_channel_count() != self._squares.size:
            self._allocate(buffer.get_channel_count())
        done, frames = 0, buffer.get_frame_count()
        while done < frames:
            interval = max(1, int(self.interval * self.get_sample_rate() + 1e-6))
            count = min(frames - done, max(1, interval - self._measured))
            power = np.square(data[:, done : done + count] / scale, dtype=np.float64)
            self._measure(power)
            done += count
            self._measured += count
            if self._measured >= interval:
                self._post()
        return True

    def _allocate(self, channels: int) -> None:
        self._squares: Array = np.zeros(channels)  # sums, since the last message
        self._peak: Array = np.zeros(channels)  # power, since the last message
        self._held: Array = np.zeros(channels)  # power of the peak that is held
        self._decay: Array = np.zeros(channels)  # what is left of it
        self._age: Array = np.zeros(channels)  # of it, in frames
        self._measured = 0  # frames since the last message

    def _measure(self, power: Array) -> None:
        peak = power.max(axis=1)
        self._squares += power.sum(axis=1)
        np.maximum(self._peak, peak, out=self._peak)

        self._age += power.shape[1]
        falling = self._age / self.get_sample_rate() - self.peak_ttl
        fallen = self._held * 10 ** (self.peak_falloff * falling / -20)
        np.copyto(self._decay, fallen, where=falling > 1e-9)
        higher = peak >= self._decay
        for array in (self._held, self._decay):
            array[higher] = peak[higher]
        self._age[higher] = 0.0

    def _post(self) -> None:
        self.post(
            "level",
            rms=20 * np.log10(np.sqrt(self._squares / self._measured) + TINY),
            peak=10 * np.log10(self._peak + TINY),
            decay=10 * np.log10(self._decay + TINY),
        )
        # The decaying peak may have fallen below what came meanwhile.
        np.maximum(self._decay, self._peak, out=self._decay)
        self._squares.fill(0.0)
        self._peak.fill(0.0)
        self._measured = 0


def create_plugin() -> LevelMeter:
    """Make the plugin."""
    return LevelMeter()
