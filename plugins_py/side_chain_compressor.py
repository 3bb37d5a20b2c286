# SPDX-License-Identifier: LGPL-2.1-or-later
"""A compressor that listens to another signal than the one that it makes quieter.

It has two inputs: the signal, which comes out, and the key, which is only listened
to: a bass that gives way to each beat of a drum, for one.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import numpy as np

from _side_chain import Follower, Reals, levels
from base_plugin import AudioMixerPlugin, MixerInputs, MixerOutput, Param


class SideChainCompressor(AudioMixerPlugin):
    """Turns the signal down by what the key goes over the threshold."""

    inputs = {
        "signal": {"description": "What is turned down, and comes out"},
        "key": {"optional": True, "description": "What is listened to"},
    }
    output_like = "signal"
    output_zero = False
    block_size = 256

    threshold = Param(
        -30.0, min=-60.0, max=0.0, unit="dB", description="Where it begins to work"
    )
    ratio = Param(4.0, min=1.0, max=100.0, description="So many dB above it become one")
    knee = Param(6.0, min=0.0, max=40.0, unit="dB", description="How wide the bend is")
    attack = Param(
        5.0, min=0.5, max=500.0, unit="ms", description="How fast it turns down"
    )
    release = Param(
        100.0, min=1.0, max=5000.0, unit="ms", description="How fast it lets go"
    )
    makeup = Param(
        0.0, min=-24.0, max=24.0, unit="dB", description="Gain of what comes out"
    )

    def __init__(self) -> None:
        super().__init__()
        self._gain = Follower()

    def reset(self) -> None:
        """Nothing was loud yet."""
        self._gain = Follower()

    def start(self) -> bool:
        """A stream begins."""
        self.reset()
        return super().start()

    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> None:
        """The signal, by a gain that follows the key."""
        gain = self._gain.gains(
            -self._over(levels(inputs["key"].data)),
            output.get_frame_count(),
            *(self.get_sample_rate(), self.attack, self.release, 0.0),
        )
        gain *= np.float32(10.0 ** (self.makeup / 20.0))
        np.multiply(inputs["signal"].data, gain, out=output.data)

    def _over(self, level: Reals) -> Reals:
        """By how many dB these levels in dB are to be less."""
        over = level - self.threshold
        bend = np.clip(over + self.knee / 2, 0.0, self.knee)
        soft = bend**2 / (2 * self.knee) if self.knee else np.zeros_like(bend)
        less: Reals = soft + np.maximum(over - self.knee / 2, 0.0)
        return (1.0 - 1.0 / self.ratio) * less


def create_plugin() -> SideChainCompressor:
    """Make the plugin."""
    return SideChainCompressor()
