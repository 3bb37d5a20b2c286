# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes room for a voice: the music is quieter while somebody speaks.

It has two inputs, the music and the voice, and gives the music.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import numpy as np

from _side_chain import Follower, levels
from base_plugin import AudioMixerPlugin, MixerInputs, MixerOutput, Param


class Ducker(AudioMixerPlugin):
    """Lowers the music while the voice is heard."""

    inputs = {
        "music": {"description": "What is to give way, and comes out"},
        "voice": {"optional": True, "description": "What it gives way to"},
    }
    output_like = "music"
    output_zero = False
    block_size = 480

    depth = Param(
        -12.0, min=-60.0, max=0.0, unit="dB", description="The music while one speaks"
    )
    threshold = Param(
        -40.0, min=-90.0, max=0.0, unit="dB", description="From where on a voice is one"
    )
    attack = Param(
        20.0, min=1.0, max=1000.0, unit="ms", description="How fast the music goes down"
    )
    hold = Param(
        300.0, min=0.0, max=5000.0, unit="ms", description="How long a pause it bridges"
    )
    release = Param(
        500.0, min=1.0, max=5000.0, unit="ms", description="How fast it comes back"
    )

    def __init__(self) -> None:
        super().__init__()
        self._gain = Follower()

    def reset(self) -> None:
        """Nobody has spoken yet."""
        self._gain = Follower()

    def start(self) -> bool:
        """A stream begins."""
        self.reset()
        return super().start()

    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> None:
        """The music, by a gain that follows the voice."""
        speaks = levels(inputs["voice"].data) > self.threshold
        gain = self._gain.gains(
            np.where(speaks, self.depth, 0.0),
            output.get_frame_count(),
            *(self.get_sample_rate(), self.attack, self.release, self.hold),
        )
        np.multiply(inputs["music"].data, gain, out=output.data)


def create_plugin() -> Ducker:
    """Make the plugin."""
    return Ducker()
