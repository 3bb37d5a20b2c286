# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes a stereo stream apart into its middle and its sides.

The middle is half of left and right together, and the side half of their
difference: left is the middle and the side, right the middle without it.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import numpy as np

from base_plugin import AudioBuffer, AudioSplitterPlugin, SplitterOutputs


class MidSideSplitter(AudioSplitterPlugin):
    """Splits stereo into mid and side."""

    outputs = {
        "mid": {"channels": 1, "description": "(left + right) / 2"},
        "side": {"channels": 1, "description": "(left - right) / 2"},
    }
    channels = 2

    def split_audio(self, buffer: AudioBuffer, outputs: SplitterOutputs) -> None:
        """Only what somebody listens to."""
        left, right = buffer.data
        mid, side = outputs["mid"], outputs["side"]
        if mid.linked:
            np.add(left, right, out=mid.data[0])
            mid.data *= 0.5
        if side.linked:
            np.subtract(left, right, out=side.data[0])
            side.data *= 0.5


def create_plugin() -> MidSideSplitter:
    """Make the plugin."""
    return MidSideSplitter()
