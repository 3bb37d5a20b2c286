# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sum of the curves of its inputs."""

from base_plugin import AudioMixerPlugin, InputParam


class CurveSum(AudioMixerPlugin):
    inputs = (1, 4)
    curves = ("gain",)
    formats = ("F32",)
    channels = 1
    block_size = 100

    gain = InputParam(1.0, min=0.0, max=8.0)

    def mix_audio(self, output, inputs):
        for each in inputs.values():
            output.data += each.curve("gain")
