# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds its inputs, and keeps the output's arrays, or those of the input `keep`."""

from base_plugin import AudioMixerPlugin, Param
from keeping import Keeping


class KeepingMixer(Keeping, AudioMixerPlugin):
    inputs = (1, 4)
    keep = Param("output", choices=("output", "0", "1"))

    def mix_audio(self, output, inputs):
        for each in inputs.values():
            output.data += each.data
        is_input = self.keep != "output"
        self.keep_some_of(inputs[self.keep] if is_input else output, is_input, inputs)
