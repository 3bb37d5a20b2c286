# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes the channels of a stream apart: output 0 is the first of them."""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from base_plugin import AudioBuffer, AudioSplitterPlugin, SplitterOutputs


class ChannelSplitter(AudioSplitterPlugin):
    """Gives each channel an output of its own."""

    outputs = (1, 64, {"channels": 1, "description": "One channel"})
    formats = ("F32", "F64", "S16", "S32")

    def split_audio(self, buffer: AudioBuffer, outputs: SplitterOutputs) -> None:
        """A channel to each output; silence where there is no such channel."""
        channels = buffer.get_channel_count()
        for name, output in outputs.items():
            if int(name) >= channels:
                output.silent()
            elif output.linked:
                output.data[0] = buffer.data[int(name)]


def create_plugin() -> ChannelSplitter:
    """Make the plugin."""
    return ChannelSplitter()
