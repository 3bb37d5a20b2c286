#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares what was heard with what was said: two mono WAV files, S16.

    compare_speech.py SAID.wav HEARD.wav [--lossy]

Exit status 0: every sample is the same; with --lossy (a codec was between), they
are the same speech, wherever it begins.
"""

import sys
import wave

import numpy as np


def read(path: str) -> tuple[int, np.ndarray]:
    """Rate in Hz and samples, float64 of shape (frames,), full scale 1.0."""
    with wave.open(path) as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            sys.exit(f"{path}: not mono S16")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), samples / 32768.0


def best_shift(said: np.ndarray, heard: np.ndarray) -> tuple[int, float]:
    """Frames by which `heard` is late, and the correlation there, 0 to 1."""
    size = 1 << (len(said) + len(heard)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    together = np.fft.irfft(product)
    shift = int(np.argmax(together))
    energy = np.sqrt(np.sum(said**2) * np.sum(heard**2))
    late = shift if shift < size // 2 else shift - size
    return late, float(together[shift] / max(energy, 1e-12))


def main() -> int:
    lossy = "--lossy" in sys.argv
    paths = [each for each in sys.argv[1:] if each != "--lossy"]
    if len(paths) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    rate, said = read(paths[0])
    heard_rate, heard = read(paths[1])
    late, likeness = best_shift(said, heard)
    for name, samples in (("said", said), ("heard", heard)):
        level = 20 * np.log10(max(float(np.sqrt(np.mean(samples**2))), 1e-9))
        print(
            f"{name:6} {len(samples):8} samples, {len(samples) / rate:.2f} s, {level:.1f} dB"
        )
    print(f"{late / rate * 1000:.1f} ms apart, correlation {likeness:.4f}")
    if lossy:
        good = heard_rate == rate and likeness > 0.9
        print(
            "the same speech, through a lossy codec" if good else "NOT the same speech"
        )
        return not good
    same = len(said) == len(heard) and bool(np.array_equal(said, heard))
    differing = int(np.sum(said[: len(heard)] != heard[: len(said)]))
    print(
        "every sample is the same"
        if same
        else f"NOT the same: {differing} samples differ"
    )
    return not same


if __name__ == "__main__":
    sys.exit(main())
