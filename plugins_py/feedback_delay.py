# SPDX-License-Identifier: LGPL-2.1-or-later
"""Echoes: a delay that feeds back into itself.

    gst-launch-1.0 audiotestsrc wave=ticks num-buffers=600 samplesperbuffer=441 ! audioconvert \
        ! pythonfilter script=plugins_py/feedback_delay.py plugin::time=150 plugin::feedback=0.7 \
        ! audioconvert ! autoaudiosink

You hear each tick again and again, 150 ms apart and ever quieter.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import math
from typing import Any

from numpy import float64, int64

from _samples import approach, get, kept, put, scale_of
from base_plugin import Array, AudioProcessorPlugin, Param, compiled

# Of all channels together; 32 MiB, of which a stream uses two seconds.
LINE = 2**22
LONGEST_SECONDS = 2.0


class FeedbackDelay(AudioProcessorPlugin):
    """Gives what it gets and, later, its echoes.

    A change of ``time`` glides, as a tape does, and changes the pitch of the
    echoes until it is there.  With so many channels and so high a rate that two
    seconds are more than 4 million samples, the delay is as long as there is
    room.
    """

    formats = ("F32", "F64", "S16", "S32")

    time = Param(300.0, min=1.0, max=2000.0, unit="ms", description="Between echoes")
    feedback = Param(
        0.5, min=-0.98, max=0.98, description="How loud an echo is to the one before"
    )
    mix = Param(0.5, min=0.0, max=1.0, description="Echoes only: 1; without: 0")

    class State:
        started: int64
        place: int64
        time: float64
        feedback: float64
        mix: float64
        line: Array[float64, LINE]

    @compiled
    def process_audio(data: Any, params: Any, state: Any, stream: Any) -> None:
        channels, frames = data.shape
        rate = float(stream.sample_rate)
        length = min(LINE // channels, int(rate * LONGEST_SECONDS) + 8)
        goal = min(max(params.time * rate / 1000.0, 2.0), length - 4.0)
        if state.started == 0:
            state.started = 1
            state.time, state.feedback, state.mix = goal, params.feedback, params.mix
        scale, format = scale_of(stream.format), stream.format
        glide = 1.0 - math.exp(-1.0 / (0.1 * rate))
        quick = 1.0 - math.exp(-1.0 / (0.01 * rate))
        place = state.place
        line = state.line
        for frame in range(frames):
            state.time = approach(state.time, goal, glide)
            state.feedback = approach(state.feedback, params.feedback, quick)
            state.mix = approach(state.mix, params.mix, quick)
            feedback, mix = state.feedback, state.mix
            whole = int(state.time)
            part = state.time - whole
            # Cubic interpolation by Lagrange, from one before to two after.
            c0 = -part * (part - 1.0) * (part - 2.0) / 6.0
            c1 = (part + 1.0) * (part - 1.0) * (part - 2.0) / 2.0
            c2 = -(part + 1.0) * part * (part - 2.0) / 2.0
            c3 = (part + 1.0) * part * (part - 1.0) / 6.0
            first = place - whole
            if first < 0:
                first += length
            p0 = first + 1 if first + 1 < length else 0
            p2 = first - 1 if first > 0 else length - 1
            p3 = p2 - 1 if p2 > 0 else length - 1
            for channel in range(channels):
                echo = (
                    c0 * line[p0 * channels + channel]
                    + c1 * line[first * channels + channel]
                    + c2 * line[p2 * channels + channel]
                    + c3 * line[p3 * channels + channel]
                )
                x = get(data, channel, frame, scale)
                line[place * channels + channel] = kept(x + feedback * echo)
                put(data, channel, frame, x + mix * (echo - x), format)
            place = place + 1 if place + 1 < length else 0
        state.place = place


def create_plugin() -> FeedbackDelay:
    """Make the plugin."""
    return FeedbackDelay()
