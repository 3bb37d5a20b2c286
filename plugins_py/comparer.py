# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says how far one recording is from another, as a signal-to-noise ratio.

It has two inputs, the reference and what is compared with it, and gives the
difference of the two, so that it can be heard. Messages called ``comparison`` have
these fields:

``snr``
    The reference's energy to that of the difference, in dB, since the last message;
    infinite where they are the same.
``peak``
    The largest difference in that time; 1.0 is full scale.
``total``
    The ratio since the beginning.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import math

import numpy as np

from base_plugin import AudioMixerPlugin, MixerInputs, MixerOutput, Param


def decibels(signal: float, noise: float) -> float:
    """The ratio of two energies; of nothing to nothing it is infinite."""
    if noise == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / noise) if signal else -math.inf


class Comparer(AudioMixerPlugin):
    """Compares one input with another, and posts the signal-to-noise ratio."""

    inputs = {
        "reference": {"description": "What it should be"},
        "compared": {"description": "What it is"},
    }
    output_like = "reference"
    output_zero = False

    interval = Param(
        1.0, min=0.01, max=3600.0, unit="s", description="How often it is posted"
    )

    def __init__(self) -> None:
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Nothing was compared yet."""
        self._frames = 0
        self._signal = self._noise = self._peak = 0.0
        self._all_signal = self._all_noise = 0.0

    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> None:
        """The difference, and a message whenever it is due."""
        reference, compared = inputs["reference"].data, inputs["compared"].data
        if reference.shape != compared.shape:
            raise ValueError(
                f"the reference has {len(reference)} channels and what is compared "
                f"has {len(compared)}: convert one of them with audioconvert"
            )
        np.subtract(compared, reference, out=output.data)
        difference = output.data.astype(np.float64)
        self._signal += float(np.square(reference, dtype=np.float64).sum())
        self._noise += float(np.square(difference).sum())
        self._peak = max(self._peak, float(np.abs(difference).max(initial=0.0)))
        self._frames += difference.shape[1]
        if self._frames >= self.interval * self.get_sample_rate():
            self._tell()

    def drain(self) -> None:
        """What was not posted yet."""
        if self._frames:
            self._tell()

    def _tell(self) -> None:
        self._all_signal += self._signal
        self._all_noise += self._noise
        self.post(
            "comparison",
            snr=decibels(self._signal, self._noise),
            peak=self._peak,
            total=decibels(self._all_signal, self._all_noise),
        )
        self._frames = 0
        self._signal = self._noise = self._peak = 0.0


def create_plugin() -> Comparer:
    """Make the plugin."""
    return Comparer()
