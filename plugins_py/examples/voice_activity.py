# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tells when somebody begins to speak, and when they have ended.

    gst-launch-1.0 -m autoaudiosrc ! audioconvert \
        ! pythonfilter script=plugins_py/examples/voice_activity.py ! fakesink

Speak, and read a message `voice` with `active=true`; be silent, and a quarter of
a second later there is one with `active=false`. Noise is let alone, and so is a
tone, whose spectrum stays as it is; a chord that beats, or music, is a voice to it.
Further fields are the sound's `level` and the `floor` of noise that it stands out
from, in dB below full scale.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from base_plugin import AudioBuffer, AudioProcessorPlugin, Param

Array = NDArray[np.float64]

WINDOW_SECONDS = 0.024  # rounded to a power of two frames; two cover each sample
BAND = (100.0, 4000.0)  # Hz, where speech is
FLAT = 0.4  # spectral flatness; white noise has 0.56, a vowel less than 0.2
HISS = 3000.0  # Hz; an "s" crosses zero more often, a vowel less
STEADY = 0.1  # part of the power that a tone moves elsewhere in APART windows
APART = 3  # windows, so that no sample is in both
ATTACK_SECONDS = 0.055  # more time that sounds like a voice than does not begins it
QUIETEST = -65.0  # dB; less than this is nobody's voice
LOUDEST_FLOOR = -45.0  # dB; at first, as a stream may start with a word
MEMORY_SECONDS = 2.0  # the floor is the least level in this time ...
MEMORY_PARTS = 8  # ... which moves on in this many steps
TINY = 1e-20


class VoiceActivity(AudioProcessorPlugin):
    """Posts `voice` when its idea of whether somebody speaks changes."""

    formats = ("F32", "F64")
    read_only = True

    threshold = Param(
        10.0,
        min=0.0,
        unit="dB",
        description="Level above the floor of noise from which on it may be a voice",
    )
    hysteresis = Param(
        4.0, min=0.0, unit="dB", description="How much less is enough for it to go on"
    )
    hangover = Param(
        0.25, min=0.0, unit="s", description="Time without a voice that ends it"
    )

    def __init__(self) -> None:
        super().__init__()
        self._active = False
        self._allocate()

    def start(self) -> bool:
        """Learn the floor of noise anew."""
        self._allocate()
        return super().start()

    def reset(self) -> None:
        """Forget the part of a window; the noise is still the same noise."""
        self._fill = 0
        self._input.fill(0.0)

    def drain(self) -> None:
        """Whoever still speaks has ended with the stream."""
        self._change(False)

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Look at each window that the samples complete."""
        data, hop = buffer.data, self._input.size // 2
        done, frames = 0, buffer.get_frame_count()
        while done < frames:
            count = min(hop - self._fill, frames - done)
            part = self._input[hop + self._fill : hop + self._fill + count]
            np.mean(data[:, done : done + count], axis=0, out=part)
            self._fill += count
            done += count
            if self._fill == hop:
                self._look()
                self._input[:hop] = self._input[hop:]
                self._fill = 0
        return True

    def _allocate(self) -> None:
        rate = self.get_sample_rate()
        size = 2 ** max(4, round(math.log2(rate * WINDOW_SECONDS)))
        self._window: Array = np.hanning(size).astype(np.float64)
        self._input: Array = np.zeros(size)  # the newest samples, one channel
        self._fill = 0  # of the newer half
        bins = np.fft.rfftfreq(size, 1 / rate)
        self._band = slice(
            int(np.searchsorted(bins, BAND[0])), int(np.searchsorted(bins, BAND[1]))
        )
        self._seconds = size / 2 / rate  # from one window to the next
        self._attack = math.ceil(ATTACK_SECONDS / self._seconds)  # windows
        self._part = math.ceil(MEMORY_SECONDS / MEMORY_PARTS / self._seconds)
        self._past = np.full(MEMORY_PARTS, LOUDEST_FLOOR)  # least levels, in dB
        self._least = math.inf  # of this part
        self._age = 0  # windows in this part
        # What part of the power is where, in the last windows.
        self._shapes = np.zeros((APART + 1, self._band.stop - self._band.start))
        self._loud = 0  # windows above the threshold, up to now
        self._voiced = 0  # of these, more sound like a voice than do not
        self._quiet = math.inf  # seconds since the last one
        self._level = self._floor = QUIETEST

    def _look(self) -> None:
        """Decide for the window that is now complete."""
        centred = self._input - self._input.mean()
        spectrum = np.fft.rfft(centred * self._window)[self._band]
        power = np.square(spectrum.real) + np.square(spectrum.imag) + TINY
        mean = float(power.mean())
        flatness = math.exp(float(np.log(power).mean())) / mean
        crossings = np.count_nonzero(
            np.signbit(centred[1:]) != np.signbit(centred[:-1])
        )
        pitch = crossings / 2 / (2 * self._seconds)

        # By Parseval's theorem, as if the band's part of a sine were all of it.
        total = (
            2 * float(power.sum()) / (self._window.size * np.square(self._window).sum())
        )
        self._level = max(10 * math.log10(total + TINY), QUIETEST - 20)
        self._learn()

        self._shapes[1:] = self._shapes[:-1].copy()
        np.divide(power, power.sum(), out=self._shapes[0])
        moved = float(np.abs(self._shapes[0] - self._shapes[APART]).sum()) / 2

        above = self._level - self._floor
        vowel = flatness < FLAT and pitch < HISS and moved > STEADY
        self._loud = self._loud + 1 if above > self.threshold else 0
        # What was switched on moves its power then, too.
        if self._loud < APART:
            self._voiced = 0
        else:
            self._voiced = max(0, self._voiced + (1 if vowel else -1))
        if self._active:
            lasts = above > self.threshold - self.hysteresis
            heard = lasts and (vowel or pitch >= HISS)
            self._quiet = 0.0 if heard else self._quiet + self._seconds
            if self._quiet >= self.hangover:
                self._voiced = 0
                self._change(False)
        elif self._voiced >= self._attack:
            self._quiet = 0.0
            self._change(True)

    def _learn(self) -> None:
        """Follow the least level: what is left between the words."""
        self._least = min(self._least, self._level)
        self._floor = max(QUIETEST, min(float(self._past.min()), self._least))
        self._age += 1
        if self._age == self._part:
            self._past[:-1] = self._past[1:]
            self._past[-1] = self._least
            self._least = math.inf
            self._age = 0

    def _change(self, active: bool) -> None:
        if active != self._active:
            self._active = active
            self.post("voice", active=active, level=self._level, floor=self._floor)


def create_plugin() -> VoiceActivity:
    """Make the plugin."""
    return VoiceActivity()
