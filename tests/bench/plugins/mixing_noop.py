# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mixer that does nothing, for blocks of 10 ms at 48 kHz."""

from base_plugin import AudioMixerPlugin


class MixingNoop(AudioMixerPlugin):
    inputs = (1, 64)
    block_size = 480

    def mix_audio(self, output, inputs):
        pass
