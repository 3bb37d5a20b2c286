# SPDX-License-Identifier: LGPL-2.1-or-later
"""How loud a sound is as a whole: ITU-R BS.1770-4 and EBU R 128, in LUFS.

Each channel goes through the K weighting: a shelf above 1.7 kHz, and less below
38 Hz. Of blocks of 400 ms, which overlap by three quarters, those below -70 LUFS do
not count, nor those 10 LU below the mean of the rest. A shorter sound is one block.

The filters are Fourier transforms of about two seconds, as Python would take too
long over each sample. Of what was before them an eighth of a second is known: by
then the filters have forgotten it to 230 dB.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_OFFSET = -0.691  # 997 Hz are as loud as they are without a weighting
_HOPS, _BLOCK = 10, 4  # hops a second, and of a block
# Bits of GStreamer's channel masks.
_LOW, _REAR, _SIDE, _SURROUND = {3, 9}, {4, 5}, {10, 11}, 1.41


class Loudness:
    """Of sound that comes piece by piece. mask: GStreamer's, of the channels."""

    def __init__(self, rate: int, channels: int, mask: int = 0) -> None:
        self._rate, self._weights = rate, _weights(channels, mask)
        self._size = 1 << max(10, (2 * rate - 1).bit_length())
        self._known = rate // 8
        self._pieces = [np.zeros((self._known, channels))]
        self._waiting = 0  # frames of them that are not weighted yet
        self._frames, self._open = 0, 0.0  # weighted; and the sum of the last hop
        self._hops: list[float] = []

    def add(self, samples: Any) -> None:
        """Frames × channels, from -1 to 1."""
        self._pieces.append(samples)
        self._waiting += len(samples)
        while self._waiting > self._size - self._known:
            self._weigh(self._size - self._known)

    def integrated(self) -> float | None:
        """After the last piece. None is silence, or what is no sound."""
        with np.errstate(all="ignore"):
            level = self._integrated()
        return None if level is None else round(level, 2)

    def _integrated(self) -> float | None:
        self._weigh(self._waiting)
        edges = self._edges(len(self._hops) + 1)
        if len(self._hops) < _BLOCK:
            all_of_it = sum(self._hops) + self._open
            powers = np.array([all_of_it / max(1, self._frames)])
        else:
            sums = np.convolve(self._hops, np.ones(_BLOCK), "valid")
            powers = sums / (edges[_BLOCK:] - edges[:-_BLOCK])
        powers = powers[np.isfinite(powers) & (powers > _power(_ABSOLUTE_GATE))]
        if not len(powers):
            return None
        gate = _power(_level(powers.mean()) + _RELATIVE_GATE)
        return _level(powers[powers > gate].mean())

    def _edges(self, count: int) -> Any:
        """Where the first hops begin, in frames."""
        return np.arange(count) * self._rate // _HOPS

    def _weigh(self, count: int) -> None:
        whole: Any = np.concatenate(self._pieces)
        self._pieces = [whole[count:]]
        self._waiting -= count
        if not count:
            return
        piece = whole[: self._known + count]
        response = _response(self._rate, self._size)[:, np.newaxis]
        spectrum = np.fft.rfft(piece, self._size, axis=0) * response
        weighted = np.fft.irfft(spectrum, self._size, axis=0)[self._known : len(piece)]
        sums = np.cumsum(np.square(weighted) @ self._weights)
        end = self._frames + count
        edges = self._edges(end * _HOPS // self._rate + 2)[len(self._hops) + 1 :]
        whole_hops = sums[edges[edges <= end] - self._frames - 1]
        hops: Any = np.diff(whole_hops, prepend=-self._open)
        self._hops += hops.tolist()
        last = whole_hops[-1] if len(whole_hops) else -self._open
        self._open = float(sums[-1] - last)
        self._frames = end


def _power(level: float) -> float:
    return float(10 ** ((level - _OFFSET) / 10))


def _level(power: float) -> float:
    return _OFFSET + 10 * math.log10(power)


def _weights(channels: int, mask: int) -> Any:
    bits = [bit for bit in range(64) if mask >> bit & 1]
    if len(bits) != channels:
        return np.ones(channels)
    around = _SIDE if _SIDE & set(bits) else _REAR
    return np.array(
        [0.0 if b in _LOW else _SURROUND if b in around else 1.0 for b in bits]
    )


@functools.lru_cache(4)
def _response(rate: int, size: int) -> Any:
    """Of both filters, by the analogue ones that those for 48 kHz were made of."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    gain = 10 ** (3.999843853973347 / 20)
    shelf = gain, gain**0.4996667741545416, 1.0
    pass_high = 1.0, 0.0, 0.0
    whole = np.ones(len(delay), complex)
    for (high, band, low), frequency, q in (
        (shelf, 1681.974450955533, 0.7071752369554196),
        (pass_high, 38.13547087602444, 0.5003270373238773),
    ):
        k = math.tan(math.pi * min(frequency / rate, 0.49))
        first = 1 + k / q + k * k
        over = np.polyval(
            [
                high - band * k / q + low * k * k,
                2 * (low * k * k - high),
                high + band * k / q + low * k * k,
            ],
            delay,
        )
        # The standard's second filter is not as loud as its pole says.
        over = over if high > 1 else np.polyval([1.0, -2.0, 1.0], delay) * first
        whole *= over / np.polyval([1 - k / q + k * k, 2 * (k * k - 1), first], delay)
    return whole
