# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says which of its methods was called, in order."""

import numpy as np

from base_plugin import AudioProcessorPlugin
from checklog import say


class Recorder(AudioProcessorPlugin):
    formats = ("F32", "S16")

    def __init__(self):
        super().__init__()
        say("__init__")
        self._rate = self._channels = 0

    def initialize(self):
        say("initialize")
        return True

    def set_sample_rate(self, rate):
        say("set_sample_rate", rate)
        self._rate = rate

    def set_channel_count(self, channels):
        say("set_channel_count", channels)
        self._channels = channels

    def set_channels(self, channels):
        say("set_channels", channels)

    def set_buffer_size(self, frames):
        say("set_buffer_size", frames)

    def set_parameter(self, key, value):
        say("set_parameter", key, value)

    def get_parameter(self, key):
        return ""

    def start(self):
        say("start")

    def process_audio(self, buffer):
        say(
            "process_audio",
            *buffer.data.shape,
            "pts",
            buffer.pts,
            "duration",
            buffer.duration,
            "offset",
            buffer.offset,
            "discont" if buffer.discont else "-",
            "gap" if buffer.gap else "-",
            buffer.sample_rate,
        )

    def reset(self):
        say("reset")

    def drain(self):
        say("drain")

    def stop(self):
        say("stop")

    def shutdown(self):
        say("shutdown")
