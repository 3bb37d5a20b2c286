# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes everything louder or quieter.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! pythonfilter \
        script=plugins_py/simple_gain.py params="p,gain=0.25" \
        ! audioconvert ! autoaudiosink

You hear the 440 Hz tone at a quarter of its amplitude, 12 dB quieter.
"""

import numpy as np

from base_plugin import AudioBuffer, AudioProcessorPlugin


class SimpleGain(AudioProcessorPlugin):
    """Multiplies every sample by the parameter ``gain``, 1.0 at first."""

    def __init__(self) -> None:
        super().__init__()
        # Public, so it is a parameter; float32 like the samples, so that the
        # multiplication converts nothing.
        self.gain = np.float32(1.0)

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Scale the samples in place."""
        buffer.data *= self.gain
        return True


def create_plugin() -> SimpleGain:
    """Make the plugin."""
    return SimpleGain()
