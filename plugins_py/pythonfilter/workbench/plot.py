# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures: waveform, spectrogram and frequency response, before and after."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .sound import Heard, Outputs

FLOOR_DB = -110.0
WINDOW = 1024
# Blue and orange of Okabe and Ito, which everybody can tell apart.
BEFORE = "#0072b2"
AFTER = "#d55e00"
RESPONSE_SIGNAL = "noise"
# Below this coherence the output is not the input's, only filtered.
TRUSTED = 0.5

Array = np.ndarray[Any, np.dtype[np.float64]]


class CannotPlot(Exception):
    """Matplotlib or SciPy is missing, or there is nothing to draw."""


def write(where: str, title: str, outputs: Outputs, source: bool) -> list[str]:
    """Writes one picture for a FILE.png, or one for each signal into a folder.

    Returns the files.  Raises CannotPlot, and OSError.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        import scipy.signal  # noqa: F401
        from matplotlib import pyplot
    except ImportError as error:
        raise CannotPlot(
            f"--plot needs {error.name} (Debian: python3-matplotlib, python3-scipy)"
        ) from None
    if not outputs:
        raise CannotPlot("there are no samples to draw")
    if where.endswith(".png"):
        chosen = next(n for n in ("file", "noise", *outputs) if n in outputs)
        files = {chosen: where}
    else:
        os.makedirs(where, exist_ok=True)
        files = {name: os.path.join(where, f"{name}.png") for name in outputs}
    for name, path in files.items():
        figure = _draw(pyplot, name, title, outputs, source)
        figure.savefig(path, dpi=110)
        pyplot.close(figure)
    return list(files.values())


def _draw(pyplot: Any, name: str, title: str, outputs: Outputs, source: bool) -> Any:
    heard = outputs[name]
    before, after = (np.nan_to_num(samples[0]) for samples in heard[:2])
    shown = [("after", after, heard.rate_after, AFTER)]
    if not source:
        shown.insert(0, ("before", before, heard.rate_before, BEFORE))
    rows = 2 if source else 3
    figure = pyplot.figure(figsize=(11, 3.2 * rows), layout="constrained")
    grid = figure.add_gridspec(rows, len(shown))
    figure.suptitle(f"{title}: {name}, channel 1 of {len(heard.after)}")
    first: Any = None
    image = None
    spectra = []
    for column, (which, samples, rate, colour) in enumerate(shown):
        wave = figure.add_subplot(grid[0, column], sharex=first, sharey=first)
        first = first or wave
        _waveform(wave, which if not source else "output", samples, rate, colour)
        axes = figure.add_subplot(grid[1, column], sharex=first)
        image = _spectrogram(axes, which if not source else "output", samples, rate)
        spectra.append(axes)
    figure.colorbar(image, ax=spectra, label="level (dBFS)", pad=0.01)
    if not source:
        reference = RESPONSE_SIGNAL if RESPONSE_SIGNAL in outputs else name
        axes = figure.add_subplot(grid[2, :])
        _response(axes, reference, outputs[reference])
    return figure


def _waveform(axes: Any, which: str, samples: Array, rate: int, colour: str) -> None:
    peak = float(np.abs(samples).max(initial=0.0))
    level = f"{20 * np.log10(peak):.1f} dBFS" if peak else "none, silence"
    seconds = np.arange(len(samples)) / rate
    axes.plot(seconds, samples, linewidth=0.5, color=colour)
    axes.set_title(f"Waveform {which} (peak: {level})")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("amplitude (full scale = 1)")
    axes.grid(alpha=0.3)
    axes.margins(x=0)
    if not peak:
        axes.set_ylim(-1, 1)


def _spectrogram(axes: Any, which: str, samples: Array, rate: int) -> Any:
    padded = np.concatenate([samples, np.zeros(max(0, WINDOW - len(samples)))])
    window = np.hanning(WINDOW)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    pieces = pieces[:: max(WINDOW // 4, len(pieces) // 1500)]
    # A full-scale sine is 0 dB.
    level = np.abs(np.fft.rfft(pieces * window)).T * 2 / window.sum()
    image = axes.imshow(
        20 * np.log10(np.maximum(level, 10 ** (FLOOR_DB / 20))),
        origin="lower",
        aspect="auto",
        extent=(0, len(padded) / rate, 0, rate / 2000),
        vmin=FLOOR_DB,
        vmax=0,
        cmap="viridis",
        interpolation="nearest",
    )
    axes.set_title(f"Spectrogram {which}")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("frequency (kHz)")
    return image


def transfer(rate: int, before: Array, after: Array) -> tuple[Array, Array, Array]:
    """Frequencies in Hz, gain in dB and coherence, by Welch's method."""
    from scipy import signal

    frames = min(len(before), len(after))
    size = min(4096, max(64, frames // 4))
    options: dict[str, Any] = {"fs": rate, "nperseg": size}
    # A delay would tear the pieces apart that are compared.
    spectrum = np.fft.rfft(after[:frames], 2 * frames) * np.conj(
        np.fft.rfft(before[:frames], 2 * frames)
    )
    delay = int(np.argmax(np.abs(np.fft.irfft(spectrum))[:frames]))
    x, y = before[: frames - delay], after[delay:frames]
    if len(x) < size:
        x, y = before[:frames], after[:frames]
    frequencies, power = signal.welch(x, **options)
    _, cross = signal.csd(x, y, **options)
    _, out = signal.welch(y, **options)
    tiny = np.finfo(np.float64).tiny
    gain = 20 * np.log10(np.maximum(np.abs(cross) / np.maximum(power, tiny), 1e-6))
    coherence = np.abs(cross) ** 2 / np.maximum(power * out, tiny)
    return frequencies, gain, coherence


def _response(axes: Any, name: str, heard: Heard) -> None:
    """How much of each frequency comes out."""
    rate = heard.rate_before
    after = np.nan_to_num(heard.after[0])
    if heard.rate_after != rate:
        from scipy import signal

        after = signal.resample_poly(after, rate, heard.rate_after)
    frequencies, gain, coherence = transfer(rate, np.nan_to_num(heard.before[0]), after)
    keep = frequencies >= 20
    trusted = np.where(coherence >= TRUSTED, gain, np.nan)
    if np.isnan(trusted[keep]).any():
        axes.semilogx(
            frequencies[keep],
            gain[keep],
            color="0.4",
            linewidth=1.0,
            linestyle=":",
            label=f"not linear, or noise of its own (coherence < {TRUSTED})",
        )
    axes.semilogx(
        frequencies[keep], trusted[keep], color=AFTER, linewidth=1.6, label="gain"
    )
    axes.xaxis.set_major_formatter(lambda hertz, _: f"{hertz:.0f}")
    axes.set_title(f"Frequency response (transfer estimate from the signal {name})")
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("gain (dB)")
    axes.set_xlim(20, rate / 2)
    middle = float(np.median(gain[keep])) if keep.any() else 0.0
    low, high = float(gain[keep].min()), float(gain[keep].max())
    axes.set_ylim(min(low, middle - 6) - 1, max(high, middle + 6) + 1)
    axes.grid(which="both", alpha=0.3)
    axes.legend(loc="lower left", fontsize=9)
