# SPDX-License-Identifier: LGPL-2.1-or-later
"""What comes out: the same each time, finite, within full scale."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from . import signals
from .bench import Bench
from .conformance import look_at
from .trial import GARBAGE
from .formats import INTERLEAVED, PLANAR, Samples, Setting, decode, encode

ROUNDING_DBFS = -138.0
RAIL = 1 - 1e-4


class Heard(NamedTuple):
    """One signal before and after, as float64 of shape (channels, frames)."""

    before: Samples
    after: Samples
    rate_before: int
    rate_after: int


Outputs = dict[str, Heard]


def decibels(ratio: float) -> float:
    """A ratio to full scale in dB; -inf for nothing."""
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def check(bench: Bench) -> Outputs:
    """Fills in the checks of the sound; what went in and came out, as float64."""
    outputs: Outputs = {}
    if bench.is_sink:
        return outputs
    usual = bench.usual_frames
    for name in bench.names:
        bench.progress.step(f"{name}, twice")
        samples = bench.samples(name, bench.base, bench.frames)
        with bench.guard("deterministic", f"{name}, {bench.base}"):
            one = bench.whole(bench.base, samples, usual)
            other = bench.whole(bench.base, _other(bench, samples), usual)
            _compare_instances(bench, name, one, other)
            if isinstance(one, bytes):
                continue
            look_at(bench, one, f"{name}, {bench.base}")
            if bench.is_source:
                _look_for_garbage(bench, one, other)
            assert bench.output
            rates = bench.base.rate, bench.output.rate
            outputs[name] = Heard(decode(samples), decode(one), *rates)
            _levels(bench, name, outputs[name])
    if bench.output:
        _compare_blocks(bench)
        _compare_layouts(bench)
        if not (bench.is_source or bench.converts) and bench.base.dtype.kind == "f":
            _recovery(bench)
    return outputs


def _other(bench: Bench, samples: Samples) -> Samples:
    """A source finds other garbage the second time."""
    if not bench.is_source:
        return samples
    return encode(np.full(samples.shape, GARBAGE[1]), samples.dtype)


def _compare_instances(
    bench: Bench, name: str, one: Samples | bytes, other: Samples | bytes
) -> None:
    if isinstance(one, bytes) or isinstance(other, bytes):
        if one != other and not bench.fails_closed:
            text = f"two new instances make different bytes of the same {name}"
            bench.findings.fail("deterministic", text)
        return
    if one.shape != other.shape:
        text = f"{one.shape[1]} and {other.shape[1]} frames"
    elif np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
        return
    elif bench.is_source and _unfilled(one, other).any():
        return  # told by another check
    else:
        most, frame = difference(one, other)
        text = f"by up to {most:.1f} dBFS, the most at frame {frame}"
    text = f"two new instances differ: {text} ({name}, {bench.base})"
    bench.findings.fail("deterministic", text, *bench.place)


def difference(one: Samples, other: Samples) -> tuple[float, int]:
    """The largest one of two arrays of the same shape, in dBFS, and its frame."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(decode(one) - decode(other))
    apart = np.nan_to_num(apart, nan=math.inf)
    frame = int(np.argmax(apart.max(axis=0)))
    return decibels(float(apart.max())), frame


def _unfilled(one: Samples, other: Samples) -> Samples:
    marks = [encode(np.array([mark]), one.dtype)[0] for mark in GARBAGE]
    untouched: Samples = (one == marks[0]) & (other == marks[1])
    return untouched


def _look_for_garbage(
    bench: Bench, one: Samples | bytes, other: Samples | bytes
) -> None:
    if isinstance(one, bytes) or isinstance(other, bytes) or one.shape != other.shape:
        return
    left = _unfilled(one, other)
    if left.any():
        frame = int(np.argmax(left.any(axis=0)))
        bench.findings.fail(
            "filled",
            f"{int(left.sum())} of {left.size} samples are left as they were, the "
            f"first at frame {frame}: what the buffer holds before is undefined",
            *bench.place,
        )


def _levels(bench: Bench, name: str, heard: Heard) -> None:
    """Peak and RMS; a note if a signal within full scale leaves it."""
    before, after = heard[:2]
    entry: dict[str, Any] = {"signal": name}
    for side, samples in (("in", before), ("out", after)):
        if side == "out" or not bench.is_source:
            good = samples[np.isfinite(samples)]
            peak = float(np.abs(good).max(initial=0.0))
            rms = float(np.sqrt(np.mean(good**2))) if len(good) else 0.0
            for what, value in (("peak", peak), ("rms", rms)):
                level = round(decibels(value), 2) if value > 0 else None
                entry[f"{what}_{side}_dbfs"] = level
    bench.findings.levels.append(entry)
    size = np.abs(after)
    # A sum of full-scale inputs is no mistake of a mixer's.
    most = bench.inputs.count if bench.inputs else 1
    if (bench.output or bench.base).dtype.kind == "f":
        over = size > most
    else:
        # Integers cannot leave their range: those at its end that were not.
        over = (size >= RAIL) & (most == 1) & (np.abs(before).max(initial=0.0) < RAIL)
    if over.any():
        bench.findings.note(
            "clipping",
            f"{name}: peak {decibels(float(size[over].max())):+.1f} dBFS, "
            f"{100 * over.mean():.2g} % of the samples clip",
        )


def _compare_blocks(bench: Bench) -> None:
    """Not a failure: some ways to compute are like that."""
    bench.progress.step("other block sizes")
    if bench.block_size:
        return
    samples = bench.samples(bench.names[0], bench.base, min(bench.frames, 16384))
    with bench.guard("blocks"):
        one = bench.whole(bench.base, samples, bench.usual_frames)
        sizes: tuple[int | str, ...] = (64, signals.RANDOM, 4096)
        others = {
            f"blocks of {size}": bench.whole(bench.base, samples, size)
            for size in sizes
        }
        _note_difference(bench, "blocks", one, others)


def _compare_layouts(bench: Bench) -> None:
    bench.progress.step("the other layout")
    base = bench.base
    planar = Setting(base.format, PLANAR, base.rate, base.channels)
    if base.layout != INTERLEAVED or planar not in bench.matrix:
        return
    samples = bench.samples(bench.names[0], base, min(bench.frames, 16384))
    with bench.guard("layouts"):
        one = bench.whole(base, samples, bench.usual_frames)
        other = bench.whole(planar, samples, bench.usual_frames)
        _note_difference(bench, "layouts", one, {"planar memory": other})


def _note_difference(
    bench: Bench, check: str, one: Samples | bytes, others: dict[str, Samples | bytes]
) -> None:
    """The largest one; what is below the last bit of 24 is rounding."""
    found = []
    for what, other in others.items():
        assert not isinstance(one, bytes) and not isinstance(other, bytes)
        common = min(one.shape[1], other.shape[1])
        if common:
            found.append((*difference(one[:, :common], other[:, :common]), what))
    level, frame, what = max(found, default=(-math.inf, 0, ""))
    if level > -math.inf:
        bench.findings.add(
            check,
            "ok" if level < ROUNDING_DBFS else "note",
            f"{what}: the samples differ by up to {level:.1f} dBFS, the most at frame "
            f"{frame}",
        )


def _recovery(bench: Bench) -> None:
    """One NaN, as another plugin may send, should not be heard for ever."""
    bench.progress.step("a NaN")
    usual = bench.usual_frames
    samples = bench.samples("noise", bench.base, max(bench.frames, 8 * usual))
    samples[:, usual] = np.nan
    with bench.guard("recovery"), np.errstate(all="ignore"):
        with bench.trial() as trial:
            trial.start(bench.base, usual)
            out = bench.feed(trial, samples, usual)
        assert not isinstance(out, bytes)
        if not np.isfinite(out[:, -usual:]).all():
            after = (samples.shape[1] - usual) / bench.base.rate
            text = f"one NaN in the input: still NaN {after:.1f} s later"
            bench.findings.note("recovery", text, *bench.place)
