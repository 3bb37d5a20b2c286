# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does nothing, as machine code; it has parameters and a state like others."""

from numpy import float64

from base_plugin import MAX_CHANNELS, Array, AudioProcessorPlugin, Param, compiled


class CompiledNoop(AudioProcessorPlugin):
    gain = Param(1.0, min=0.0, max=4.0)
    taps = Param(3, min=1, max=8)
    wet = Param(True)
    mode = Param("plain", choices=("plain", "bent"))

    class State:
        last: Array[float64, MAX_CHANNELS]

    @compiled
    def process_audio(data, params, state, stream):
        pass
