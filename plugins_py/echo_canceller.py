# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes out of a microphone what comes out of the loudspeaker beside it.

It has two inputs: the microphone, and the far end, which is what the loudspeaker
plays. What it gives is the microphone without the echo; whoever speaks into it
meanwhile stays as they are. examples/echo.sh measures both.

The echo is the far end through a room, so a filter that learns what the room does
can take it away: a Kalman filter in the frequency domain, in partitions, so that
it is as long as the room's echo and as late as one short block (Enzner and Vary,
2006; Kuech et al., 2014). It knows how sure it is of each of its coefficients and
how much else there is in the microphone, and learns the slower the more that is.
So two who speak at once need no detection of their own.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import numpy as np
from numpy.typing import NDArray

from base_plugin import AudioMixerPlugin, MixerInputs, MixerOutput, Param

Spectra = NDArray[np.complex128]  # (partitions, bins)
Reals = NDArray[np.float64]


class EchoFilter:
    """Learns how one signal is in another, in blocks of ``frames``."""

    # How much of what was learnt is kept from block to block: rooms change.
    KEEP = 0.9998
    # The echo path's energy before anything is known, and by how many dB it is
    # thought to fall until the end of the filter.
    PRIOR, FALL = 3.0, 30.0
    # The memory, in blocks, of who else is heard.
    OTHERS = 0.8
    # A filter that makes it so much worse, for some blocks, has learnt another room.
    WORSE, MEMORY = 1.1, 0.9
    # In how many blocks all partitions are cut to their length.
    TURNS = 4
    # Below what anybody hears.
    NOTHING = 1e-10

    def __init__(self, frames: int, partitions: int) -> None:
        self.frames = frames
        self.partitions = partitions
        fall = 10 ** (-self.FALL / 10 * np.arange(partitions) / partitions)
        self._prior: Reals = np.repeat(self.PRIOR * fall[:, None], frames + 1, 1)
        # The newest comes first.
        self._played: Spectra = np.zeros(self._prior.shape, complex)
        self._last: Reals = np.zeros(2 * frames)
        self._others: Reals = np.full(frames + 1, 1e-6)
        self._turn = 0
        self.forget()

    def forget(self) -> None:
        """Nothing is known of the room."""
        self._room: Spectra = np.zeros_like(self._played)
        self._unsure = self._prior.copy()
        self._heard = self._left = 0.0

    def run(self, microphone: Reals, played: Reals) -> Reals:
        """The microphone without what was played: arrays of shape (frames,)."""
        frames = self.frames
        self._last[:frames] = self._last[frames:]
        self._last[frames:] = played
        self._played[1:] = self._played[:-1].copy()
        self._played[0] = np.fft.rfft(self._last)
        echo = np.fft.irfft(np.einsum("pb,pb->b", self._played, self._room))
        left: Reals = microphone - echo[frames:]
        # Nothing is learnt of what is no number; it is over in a tail's time.
        if not np.isfinite(left).all():
            return microphone
        self._learn(left)
        self._heard = self._mean(self._heard, microphone)
        self._left = self._mean(self._left, left)
        if self._left > self.WORSE * self._heard + self.NOTHING:
            self.forget()
            return microphone
        return left

    def _mean(self, energy: float, samples: Reals) -> float:
        return self.MEMORY * energy + (1 - self.MEMORY) * float(samples @ samples)

    def _learn(self, left: Reals) -> None:
        played = self._played
        error = np.fft.rfft(np.concatenate((np.zeros(self.frames), left)))
        others = _smooth(error.real**2 + error.imag**2, 4)
        self._others = self.OTHERS * self._others + (1 - self.OTHERS) * others
        # Of the echo that is not yet known. Half a block is cut off, which spreads
        # it over its neighbours: without those it learns too boldly, and then has
        # to unlearn.
        power = played.real**2 + played.imag**2
        unknown = np.einsum("pb,pb->b", power, self._unsure)
        expected = 0.5 * unknown + _smooth(unknown, 8) + self._others + self.NOTHING
        gain = self._unsure / expected
        self._room += gain * played.conj() * error
        self._cut()
        self._unsure *= 1.0 - 0.5 * gain * power
        keep = self.KEEP**2
        self._unsure *= keep
        self._unsure += (1 - keep) * (self._room.real**2 + self._room.imag**2)

    def _cut(self) -> None:
        """Takes from the partitions what is longer than a block, which they learn
        as well and which goes round in a circle. A quarter of them at a time saves
        a third of all the work, and nobody hears it."""
        self._turn = (self._turn + 1) % self.TURNS
        some = self._room[self._turn :: self.TURNS]
        if len(some):
            response = np.fft.irfft(some, axis=1)
            response[:, self.frames :] = 0.0
            some[...] = np.fft.rfft(response, axis=1)


def _smooth(bins: Reals, width: int) -> Reals:
    """Each bin the mean of itself and its neighbours, ``width`` on either side."""
    sums = np.concatenate((np.zeros(1), np.cumsum(np.pad(bins, width, "edge"))))
    return np.maximum(sums[2 * width + 1 :] - sums[: -2 * width - 1], 0.0) / (
        2 * width + 1
    )


class EchoCanceller(AudioMixerPlugin):
    """Removes the echo of the far end from the microphone."""

    inputs = {
        "microphone": {"channels": 1, "description": "What the microphone hears"},
        "far_end": {
            "channels": 1,
            "optional": True,
            "description": "What the loudspeaker plays",
        },
    }
    channels = 1
    output_like = "microphone"
    output_zero = False
    block_size = 256

    tail = Param(
        250.0,
        min=10.0,
        max=2000.0,
        unit="ms",
        description="How long the room's echo is",
    )

    _filter: EchoFilter | None = None

    def start(self) -> bool:
        """Nothing is known of the room yet."""
        self._filter = None
        return super().start()

    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> None:
        """The microphone without the echo of the far end."""
        frames = output.get_frame_count()
        length = self.tail * 1e-3 * self.get_sample_rate()
        partitions = max(1, round(length / frames))
        echo = self._filter
        if echo is None or (echo.frames, echo.partitions) != (frames, partitions):
            echo = self._filter = EchoFilter(frames, partitions)
        output.data[0] = echo.run(
            inputs["microphone"].data[0].astype(np.float64),
            inputs["far_end"].data[0].astype(np.float64),
        )


def create_plugin() -> EchoCanceller:
    """Make the plugin."""
    return EchoCanceller()
