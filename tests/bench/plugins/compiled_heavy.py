# SPDX-License-Identifier: LGPL-2.1-or-later
"""Much work for each sample, as machine code: 64 filters one after the other."""

from numpy import float64

from base_plugin import MAX_CHANNELS, Array, AudioProcessorPlugin, compiled

FILTERS = 64


class CompiledHeavy(AudioProcessorPlugin):
    class State:
        last: Array[float64, FILTERS, MAX_CHANNELS]

    @compiled
    def process_audio(data, params, state, stream):
        for frame in range(data.shape[1]):
            for channel in range(data.shape[0]):
                x = float(data[channel, frame])
                for i in range(FILTERS):
                    x = state.last[i, channel] = 0.5 * (x + state.last[i, channel])
                data[channel, frame] = x
