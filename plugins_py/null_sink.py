# SPDX-License-Identifier: LGPL-2.1-or-later
"""Throws audio away, and says how loud it was.

    gst-launch-1.0 audiotestsrc volume=0.5 num-buffers=200 ! audioconvert \
        ! pythonsink script=plugins_py/null_sink.py params="p,report=true"

You hear nothing, and read at the end that the tone had a peak of -6.02 dBFS
and an RMS level of -9.03 dBFS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from base_plugin import AudioBuffer, AudioSinkPlugin, Param

Array = NDArray[np.float64]


def decibels(values: Array) -> str:
    """One number for each channel, relative to full scale."""
    with np.errstate(divide="ignore"):
        return " ".join(f"{level:.3f}" for level in 20 * np.log10(values))


class NullSink(AudioSinkPlugin):
    """Measures what it gets, since ``start`` or the last ``reset``.

    ``get_parameter`` of ``peak`` and ``rms`` gives the levels in dBFS, one for
    each channel: "-6.021 -inf".  A full-scale sine has an RMS of -3.01.  To set
    one of them changes nothing; it asks, and the element's ``params`` then show
    the answer.  Setting ``reset`` to anything begins anew; ``report=true``
    prints the levels when the stream ends.
    """

    formats = ("F32", "F64")
    read_only = True

    report = Param(False, description="Whether the levels are printed at the end")

    def __init__(self) -> None:
        super().__init__()
        self._peak: Array = np.zeros(self.get_channel_count())
        self._power: Array = np.zeros(self.get_channel_count())
        self._scratch: Array = np.empty((0, 0))
        self._frames = 0

    @property
    def peak(self) -> str:
        """Largest magnitude of each channel."""
        return decibels(self._peak)

    @property
    def rms(self) -> str:
        """Root of the mean power of each channel."""
        return decibels(np.sqrt(self._power / max(1, self._frames)))

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Set ``report``; the other parameters are only asked for."""
        if key == "reset":
            self._measure_anew()
        return key in ("peak", "rms", "reset") or super().set_parameter(key, value)

    def start(self) -> bool:
        """Begin anew."""
        self._measure_anew()
        return super().start()

    def write_audio(self, buffer: AudioBuffer) -> bool:
        """Measure the samples."""
        shape = buffer.data.shape
        if self._scratch.shape != shape:
            self._scratch = np.empty(shape)
            if len(self._peak) != shape[0]:
                self._peak, self._power = np.zeros(shape[0]), np.zeros(shape[0])
        if shape[1] > 0:
            # Doubles: a long sum of floats would be off by a tenth of a dB.
            size = np.abs(buffer.data, out=self._scratch, dtype=np.float64)
            np.maximum(self._peak, size.max(axis=1), out=self._peak)
            self._power += np.einsum("cf,cf->c", size, size)
            self._frames += shape[1]
        return True

    def stop(self) -> None:
        """Say how loud it was, if that was asked for."""
        if self.report:
            print(f"null_sink: peak {self.peak} dBFS, RMS {self.rms} dBFS")
        super().stop()

    def _measure_anew(self) -> None:
        channels = self.get_channel_count()
        self._peak, self._power = np.zeros(channels), np.zeros(channels)
        self._frames = 0


def create_plugin() -> NullSink:
    """Make the plugin."""
    return NullSink()
