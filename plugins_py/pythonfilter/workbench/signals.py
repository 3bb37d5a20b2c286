# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is played to a plugin.  Samples are float64, (channels, frames)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from base_plugin import AudioBuffer
from wav_file_source import WavFileSource, read_header

from .formats import Samples

SIGNALS = ("noise", "silence", "impulses", "full-scale")
NOISE_RMS = 0.1  # -20 dBFS
IMPULSE_EVERY = 0.25  # s
# The least, one more and one less than a power of two, 10 ms at 48 kHz.
SIZES = (1, 2, 3, 63, 64, 480, 511, 512, 4096)
RANDOM = "random length"


def make(name: str, rate: int, channels: int, frames: int) -> Samples:
    """One of SIGNALS; the same each time, and another one on each channel."""
    out = np.zeros((channels, frames))
    rng = np.random.default_rng(20)
    if name == "noise":
        rng.standard_normal(out.shape, out=out)
        out *= NOISE_RMS
        np.clip(out, -1, 1, out=out)
    elif name == "impulses":
        step = max(1, int(IMPULSE_EVERY * rate))
        for channel in range(channels):
            out[channel, channel % step :: step] = 1.0
    elif name == "full-scale":
        # Both rails, in runs of 1 to 20 samples.
        for channel in range(channels):
            runs = rng.integers(1, 21, frames // 10 + 2)
            signs = np.where(np.arange(len(runs)) % 2, -1.0, 1.0)
            out[channel] = np.resize(np.repeat(signs, runs), frames)
    return out


def read_wav(path: str) -> tuple[int, Samples]:
    """Rate and samples of a WAV file, of integers or floats.

    Raises OSError, and ValueError that says what is wrong with the file.
    """
    source = WavFileSource()
    source.set_parameter("path", path)
    with open(path, "rb") as file:
        wav = read_header(file)
    if wav.frames == 0:
        raise ValueError(f"{path} has no samples")
    source.start()
    try:
        buffer = AudioBuffer(wav.channels, 0)
        buffer.data = np.zeros((wav.channels, wav.frames))
        source.read_audio(buffer)
    finally:
        source.stop()
    return wav.rate, buffer.data


def cuts(frames: int, size: int | str) -> Iterator[slice]:
    """Cuts a stream into blocks of one size, or of RANDOM ones of 1 to 4096."""
    rng = np.random.default_rng(4)
    done = 0
    while done < frames:
        # As many small ones as large ones.
        wanted = size if isinstance(size, int) else int(2 ** rng.uniform(0, 12))
        end = min(frames, done + max(1, wanted))
        yield slice(done, end)
        done = end
