# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mixers as machine code: one that does nothing, and one that adds as audiomixer."""

from base_plugin import AudioMixerPlugin, InputParam, compiled


class Noop(AudioMixerPlugin):
    inputs = (1, 64)
    block_size = 480
    gain = InputParam(1.0, min=0.0, max=8.0)

    @compiled
    def mix_audio(output, inputs, params, state, stream):
        pass


class Sum(AudioMixerPlugin):
    inputs = (1, 64)
    block_size = 480

    @compiled
    def mix_audio(output, inputs, params, state, stream):
        for number in range(len(inputs)):
            data = inputs[number].data
            for frame in range(output.shape[1]):
                for channel in range(output.shape[0]):
                    output[channel, frame] += data[channel, frame]
