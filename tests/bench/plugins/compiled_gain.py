# SPDX-License-Identifier: LGPL-2.1-or-later
"""A gain, as machine code: as one writes it, and in the samples' own type."""

import numpy as np

from base_plugin import AudioProcessorPlugin, Param, compiled


class Natural(AudioProcessorPlugin):
    gain = Param(0.9, min=0.0, max=4.0)

    @compiled
    def process_audio(data, params, state, stream):
        for frame in range(data.shape[1]):
            for channel in range(data.shape[0]):
                data[channel, frame] *= params.gain


class Own(AudioProcessorPlugin):
    gain = Param(np.float32(0.9), min=0.0, max=4.0)

    @compiled
    def process_audio(data, params, state, stream):
        for frame in range(data.shape[1]):
            for channel in range(data.shape[0]):
                data[channel, frame] *= params.gain


class Whole(AudioProcessorPlugin):
    gain = Param(np.float32(0.9), min=0.0, max=4.0)

    @compiled
    def process_audio(data, params, state, stream):
        data *= params.gain
