# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes everything louder or quieter.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! pythonfilter \
        script=plugins_py/simple_gain.py plugin::gain=0.25 \
        ! audioconvert ! autoaudiosink

You hear the 440 Hz tone at a quarter of its amplitude, 12 dB quieter.
"""

import numpy as np

from base_plugin import AudioBuffer, AudioProcessorPlugin, Param


class SimpleGain(AudioProcessorPlugin):
    """Multiplies every sample by the parameter ``gain``."""

    # float32 like the samples, so that the multiplication converts nothing.
    gain = Param(np.float32(1.0), min=0.0, max=10.0, description="Linear gain")

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Scale the samples in place."""
        buffer.data *= self.gain
        return True


def create_plugin() -> SimpleGain:
    """Make the plugin."""
    return SimpleGain()
