# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets everything through unchanged: the smallest plugin.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! pythonfilter \
        script=plugins_py/passthrough.py ! audioconvert ! autoaudiosink

You hear the same 440 Hz tone as without it.
"""

__author__ = "The pythonfilter authors"

from base_plugin import AudioBuffer, AudioProcessorPlugin


class Passthrough(AudioProcessorPlugin):
    """Lets everything through unchanged."""

    formats = ("F32", "F64", "S16", "S32")
    read_only = True

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Do nothing: what is in the buffer stays there."""
        return True


def create_plugin() -> Passthrough:
    """Make the plugin."""
    return Passthrough()
