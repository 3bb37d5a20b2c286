#!/usr/bin/python3
"""Draw WAV files side by side: waveform above, spectrogram below.

    plot_comparison.py OUTPUT.png TITLE=FILE.wav [TITLE=FILE.wav ...]

Prints one line of levels per file.
"""
# SPDX-License-Identifier: LGPL-2.1-or-later
import sys
import wave

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

FLOOR_DB = -110.0
WINDOW = 1024


def read_wav(path):
    """Return (sample rate, float64 samples (frames, channels) in -1…1)."""
    with wave.open(path) as wav:
        if wav.getsampwidth() != 2:
            sys.exit(f"{path}: not a 16-bit WAV file")
        raw = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
        samples = raw.reshape(-1, wav.getnchannels()) / 32768
        return wav.getframerate(), samples


def decibels(ratio):
    return 20 * np.log10(np.maximum(ratio, 10 ** (FLOOR_DB / 20)))


def levels(rate, samples):
    """Return (peak, RMS level of the quietest tenth of 50 ms pieces), in dBFS."""
    size = rate // 20
    pieces = samples[: len(samples) // size * size]
    pieces = pieces.reshape(-1, size * samples.shape[1])
    rms = np.sqrt((pieces**2).mean(axis=1))
    return decibels(np.abs(samples).max()), decibels(np.quantile(rms, 0.1))


def spectrogram(samples):
    """Return the level of each (frequency, time) cell; a full-scale sine is 0 dB."""
    window = np.hanning(WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[:: WINDOW // 4]
    return decibels(np.abs(np.fft.rfft(frames * window)).T * 2 / window.sum())


def main(output, *pairs):
    files = [pair.split("=", 1) for pair in pairs]
    figure, axes = plt.subplots(
        2,
        len(files),
        figsize=(1 + 5 * len(files), 6.5),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
        height_ratios=(2, 3),
    )
    image = None
    for (title, path), (upper, lower) in zip(files, axes.T):
        rate, samples = read_wav(path)
        peak, quiet = levels(rate, samples)
        samples = samples[:, 0]
        print(f"  {title:26} peak {peak:6.1f} dBFS   quiet parts {quiet:6.1f} dBFS")

        seconds = np.arange(len(samples)) / rate
        upper.plot(seconds, samples, linewidth=0.4, color="#20608f")
        upper.set_title(f"{title}\nquiet parts at {quiet:.0f} dBFS", fontsize=11)
        upper.grid(alpha=0.25)
        upper.margins(x=0)
        image = lower.imshow(
            spectrogram(samples),
            origin="lower",
            aspect="auto",
            extent=(0, len(samples) / rate, 0, rate / 2000),
            vmin=FLOOR_DB,
            vmax=-20,
            cmap="magma",
            interpolation="nearest",
        )
        lower.set_ylim(0, min(12, rate / 2000))
        lower.set_xlabel("time (s)")
    axes[0, 0].set_ylabel("amplitude (full scale = 1)")
    axes[1, 0].set_ylabel("frequency (kHz)")
    figure.colorbar(image, ax=axes[1, :], label="level (dBFS)", pad=0.01)
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    if len(sys.argv) < 3 or not all("=" in pair for pair in sys.argv[2:]):
        sys.exit(__doc__)
    main(*sys.argv[1:])
