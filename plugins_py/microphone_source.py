# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records from a microphone, or another input of the sound card.

    gst-launch-1.0 pythonsrc is-live=true script=plugins_py/microphone_source.py \
        ! audioconvert ! audioresample ! autoaudiosink

You hear yourself speak.  Wear headphones, or it howls.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from typing import Any

import numpy as np

from base_plugin import AudioBuffer, AudioSourcePlugin

from _device_plugin import DevicePlugin


class MicrophoneSource(DevicePlugin, AudioSourcePlugin):
    """Reads a device of PortAudio, by PyAudio (Debian's python3-pyaudio).

    The ``device`` can be changed while it records; it says which rate and channels
    it likes.
    """

    DIRECTION = "Input"

    def __init__(self) -> None:
        super().__init__()
        self._block = np.empty((0, 0), np.float32)
        self._filled = 0  # frames of the block

    def initialize(self) -> bool:
        """Start PortAudio."""
        done = super().initialize()
        try:
            self._ask_device()
        except OSError:
            pass  # There is no default, but ``device`` may name another.
        return done

    def read_audio(self, buffer: AudioBuffer) -> bool:
        """Fill the buffer; ``False`` when the device has not enough in time."""
        frames = buffer.get_frame_count()
        if len(self._block) != frames:
            self._block = np.empty((frames, self.get_channel_count()), np.float32)
            self._filled = 0
        patience = 2 * frames / self.get_sample_rate()
        while self._filled < frames:
            count = min(self._device.wait(patience), frames - self._filled)
            if count == 0:
                return False  # What is in the block stays there.
            samples = np.frombuffer(self._device.read(count), np.float32)
            end = self._filled + count
            self._block[self._filled : end] = samples.reshape(count, -1)
            self._filled = end
        buffer.data[:] = self._block.T
        self._filled = 0
        return True

    def get_processing_latency(self) -> float:
        """How much later a sound is read than it was heard."""
        return self._device.latency()

    def _ask_device(self) -> dict[str, Any]:
        device = super()._ask_device()
        self.set_sample_rate(int(device["defaultSampleRate"]))
        self.set_channel_count(min(2, device["maxInputChannels"]))
        return device

    def _open(self) -> None:
        self._filled = 0
        self._block = np.empty((0, 0), np.float32)
        super()._open()


def create_plugin() -> MicrophoneSource:
    """Make the plugin."""
    return MicrophoneSource()
