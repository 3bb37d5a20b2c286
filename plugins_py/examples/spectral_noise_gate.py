# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes steady noise (hiss, hum, fans) out of speech.

    gst-launch-1.0 audiotestsrc wave=white-noise volume=0.05 num-buffers=500 \
        ! audiomixer name=mix ! pythonfilter \
        script=plugins_py/examples/spectral_noise_gate.py params="p,reduction=30.0" \
        ! audioconvert ! autoaudiosink audiotestsrc wave=ticks num-buffers=500 ! mix.

You hear the hiss go down after a third of a second, and a clean tick each
second.  With ``autoaudiosrc ! audioconvert`` in front, speak: the room behind
you is gone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from base_plugin import AudioBuffer, AudioProcessorPlugin, Param

Array = NDArray[np.float64]

WINDOW_SECONDS = 0.021  # rounded to a power of two frames
OVERLAP = 4  # windows that cover each sample
SMOOTHING_SECONDS = 0.05  # of the power in which the floor is looked for
LISTEN_SECONDS = 0.3  # with the gate open, as a stream may start with a word
MEMORY_SECONDS = 3.0  # the floor is the least power in this time ...
MEMORY_PARTS = 6  # ... which moves on in this many steps
FLOOR_BIAS = 2.6  # mean power of white noise, relative to that least power
PERSISTENCE = 0.98  # of the signal-to-noise estimate; less of it "sings"
TINY = 1e-20  # far below any audible power; avoids 0 / 0


class SpectralNoiseGate(AudioProcessorPlugin):
    """Learns the noise floor in each frequency band, and turns down what is near it.

    Each channel is treated by itself.  Parameters count from the next window on.
    """

    reduction = Param(
        24.0,
        min=0.0,
        max=60.0,
        unit="dB",
        description="How far noise is turned down; 0 is off",
    )
    threshold = Param(
        2.0,
        min=-10.0,
        max=30.0,
        unit="dB",
        description="How far above the noise floor the gate is half open",
    )

    def __init__(self) -> None:
        super().__init__()
        self._allocate(self.get_channel_count())

    def start(self) -> bool:
        """Take the stream's rate and channels, and learn the noise anew."""
        self._allocate(self.get_channel_count())
        return super().start()

    def get_processing_latency(self) -> float:
        """One window, about 21 ms."""
        return self._window_length() / self.get_sample_rate()

    def reset(self) -> None:
        """Forget the samples held back; the noise is still the same noise."""
        self._input.fill(0.0)
        self._sum.fill(0.0)
        self._ready.fill(0.0)
        self._signal.fill(0.0)
        self._fill = 0
        # Windows that reach back before the first sample teach nothing.
        self._blind = OVERLAP - 1

    def drain(self) -> NDArray[np.float32]:
        """The samples of the last window's length, which are still held back."""
        channels, size = self._input.shape
        fed = self._fill > 0 or self._blind < OVERLAP - 1
        tail = np.zeros((channels, size if fed else 0), np.float32)
        self._push(tail)
        self.reset()
        return tail

    def process_audio(self, buffer: AudioBuffer) -> bool:
        """Put the samples in, and take those of a window's length ago out."""
        if buffer.get_channel_count() != self._input.shape[0]:
            self._allocate(buffer.get_channel_count())
        self._push(buffer.data)
        return True

    def _window_length(self) -> int:
        exponent = round(math.log2(self.get_sample_rate() * WINDOW_SECONDS))
        return int(2 ** max(exponent, 5))

    def _allocate(self, channels: int) -> None:
        size = self._window_length()
        hop = self._hop = size // OVERLAP
        hops_per_second = self.get_sample_rate() / hop
        self._smoothing = 1 - math.exp(-1 / (SMOOTHING_SECONDS * hops_per_second))
        self._listen = math.ceil(LISTEN_SECONDS * hops_per_second)
        self._part = math.ceil(MEMORY_SECONDS * hops_per_second / MEMORY_PARTS)

        # The root of a Hann window, used twice; such windows add up to OVERLAP/2.
        self._window: Array = np.sin(np.pi * np.arange(size) / size)
        self._synthesis: Array = self._window * (2 / OVERLAP)

        self._input: Array = np.empty((channels, size))  # the newest samples
        self._sum: Array = np.empty((channels, size))  # windows added so far
        self._ready: Array = np.empty((channels, hop))  # finished samples
        self._work: Array = np.empty((channels, size))

        bands = (channels, size // 2 + 1)
        self._power: Array = np.empty(bands)
        self._gain: Array = np.empty(bands)
        self._temp: Array = np.empty(bands)
        self._signal: Array = np.empty(bands)  # last signal power / noise power
        self._smooth: Array = np.zeros(bands)  # power, smoothed in time
        self._least: Array = np.full(bands, np.inf)  # least of it, in this part
        self._past: Array = np.full((MEMORY_PARTS, *bands), np.inf)  # and before
        self._noise: Array = np.full(bands, TINY)  # so little opens the gate
        self._heard = 0  # windows learned from
        self._age = 0  # windows in this part
        self.reset()

    def _push(self, data: NDArray[np.float32]) -> None:
        """Replace the samples in ``data`` by those of one window ago.

        Windows end at fixed places in the stream, however it is cut into
        buffers, so the cut makes no difference to the result.
        """
        hop, done, frames = self._hop, 0, data.shape[1]
        newest = self._input[:, -hop:]
        while done < frames:
            count = min(hop - self._fill, frames - done)
            part = data[:, done : done + count]
            newest[:, self._fill : self._fill + count] = part
            part[:] = self._ready[:, self._fill : self._fill + count]
            done += count
            self._fill += count
            if self._fill == hop:
                self._transform()
                self._fill = 0

    def _transform(self) -> None:
        """Gate the window that is now complete, and move on by one hop."""
        hop, work, total = self._hop, self._work, self._sum
        np.multiply(self._input, self._window, out=work)
        spectrum = np.fft.rfft(work)
        gain = self._measure(spectrum)
        spectrum.real *= gain
        spectrum.imag *= gain
        np.multiply(np.fft.irfft(spectrum), self._synthesis, out=work)
        total += work
        self._ready[:] = total[:, :hop]
        total[:, :-hop] = total[:, hop:]
        total[:, -hop:] = 0.0
        self._input[:, :-hop] = self._input[:, hop:]

    def _measure(self, spectrum: NDArray[np.complex128]) -> Array:
        """The gain for each channel and frequency band."""
        power, gain, temp = self._power, self._gain, self._temp
        np.square(spectrum.real, out=power)
        power += np.square(spectrum.imag, out=temp)
        if self._blind:
            self._blind -= 1
        elif TINY < power.max() < np.inf:  # digital silence is no noise floor
            self._learn(power)

        # Ephraim and Malah's decision-directed estimate of signal to noise:
        # mostly the last window's result, and some of what this one shows.
        power /= self._noise
        np.subtract(power, 1.0, out=gain)
        np.maximum(gain, 0.0, out=gain)
        gain *= 1 - PERSISTENCE
        gain += np.multiply(self._signal, PERSISTENCE, out=temp)
        np.add(gain, 10 ** (self.threshold / 10), out=temp)
        gain /= temp
        # fmax and not maximum, so that one NaN sample does not stay for ever.
        np.fmax(gain, 10 ** (-self.reduction / 20), out=gain)
        np.square(gain, out=temp)
        np.multiply(temp, power, out=self._signal)
        return gain

    def _learn(self, power: Array) -> None:
        """Follow the least power in each band: what is left between the words."""
        smooth, least, temp = self._smooth, self._least, self._temp
        self._heard += 1
        np.subtract(power, smooth, out=temp)
        # At first the mean of all windows: a single one is next to nothing in
        # some bands, and would be their least power for MEMORY_SECONDS.
        temp *= max(self._smoothing, 1 / self._heard)
        smooth += temp
        if self._heard < self._listen:
            return
        np.minimum(least, smooth, out=least)
        np.min(self._past, axis=0, out=self._noise)
        np.minimum(self._noise, least, out=self._noise)
        self._noise *= FLOOR_BIAS
        self._noise += TINY
        self._age += 1
        if self._age == self._part:
            self._past[:-1] = self._past[1:]
            self._past[-1] = least
            least.fill(np.inf)
            self._age = 0


def create_plugin() -> SpectralNoiseGate:
    """Make the plugin."""
    return SpectralNoiseGate()
