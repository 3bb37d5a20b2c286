# SPDX-License-Identifier: LGPL-2.1-or-later
"""A conference of three: everybody hears the two others, and not themselves.

Its output has a channel for each of the three, which channel_splitter.py takes
apart again.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import numpy as np

from base_plugin import AudioMixerPlugin, InputParam, MixerInputs, MixerOutput

PARTY = {"channels": 1, "optional": True}


class Conference(AudioMixerPlugin):
    """Mixes for each of three parties what the others say."""

    inputs = {"first": PARTY, "second": PARTY, "third": PARTY}
    channels = 3

    gain = InputParam(1.0, min=0.0, max=8.0, description="How loud this one is")
    mute = InputParam(False, description="Whether nobody hears this one")

    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> None:
        """To each channel all inputs but its own."""
        for own, party in enumerate(inputs.values()):
            if party.present and not party.mute:
                said = party.data[0] * np.float32(party.gain)
                for channel in range(len(inputs)):
                    if channel != own:
                        output.data[channel] += said


def create_plugin() -> Conference:
    """Make the plugin."""
    return Conference()
