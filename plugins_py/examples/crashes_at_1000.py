# SPDX-License-Identifier: LGPL-2.1-or-later
"""Crashes at its 1000th buffer, as a fault in a C library would have it.

    gst-launch-1.0 audiotestsrc num-buffers=2500 samplesperbuffer=480 \
        ! pythonfilter script=plugins_py/examples/crashes_at_1000.py \
        isolation=process on-error=silence \
        ! audioconvert ! autoaudiosink

You hear a tone of 25 seconds with two gaps, and read two warnings: each process
that the plugin runs in dies at its 1000th buffer, and the next one goes on. With
`isolation=none` the whole program would.
"""

from __future__ import annotations

import ctypes

from base_plugin import AudioBuffer, AudioProcessorPlugin


class CrashesAt1000(AudioProcessorPlugin):
    """Halves the samples, until it reads where there is no memory."""

    def __init__(self) -> None:
        super().__init__()
        self._buffers = 0

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Half as loud; the 1000th time the process ends in here."""
        self._buffers += 1
        if self._buffers == 1000:
            ctypes.string_at(0)
        buffer.data *= 0.5
        return True


def create_plugin() -> CrashesAt1000:
    """Make the plugin."""
    return CrashesAt1000()
