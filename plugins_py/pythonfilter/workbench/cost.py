# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a call costs: memory and time."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from .bench import Bench
from .formats import Samples
from .findings import Timing
from .trial import Ended, Trial

SIZES = (64, 480, 512, 4096)
WINDOW_CALLS = 200
QUICK_WINDOW_CALLS = 50
MORE_WINDOWS = 4
TIMED_SECONDS = 0.3
QUICK_SECONDS = 0.02
FEWEST_CALLS = 20
MOST_CALLS = 20000
# A leak grows in every window, by an object every other call or more.
LEAK_BLOCKS = 0.5
LEAK_BYTES = 256
FRAMES_OF_TRACEBACK = 12


def check_allocations(bench: Bench) -> None:
    """Whether memory grows; what one call holds while it runs."""
    bench.progress.step("allocations")
    calls = QUICK_WINDOW_CALLS if bench.hurries else WINDOW_CALLS
    with bench.guard("allocations"), bench.trial() as trial:
        samples = _start(bench, trial, bench.usual_frames)
        _calls(trial, samples, calls)
        blocks = _grown(sys.getallocatedblocks, trial, samples, calls, LEAK_BLOCKS)
        tracemalloc.start(FRAMES_OF_TRACEBACK)
        try:
            _calls(trial, samples, 8)
            grown = _grown(_traced_bytes, trial, samples, calls // 2, LEAK_BYTES)
            leaks = blocks >= LEAK_BLOCKS or grown >= LEAK_BYTES
            place = _growing_line(trial, samples) if leaks else ("", 0)
            temporary = _temporary_bytes(trial, samples)
        finally:
            tracemalloc.stop()
        bench.findings.allocations = {
            "frames": bench.usual_frames,
            "grown_blocks_per_call": round(blocks, 3),
            "grown_bytes_per_call": round(grown, 1),
            "temporary_bytes_per_call": temporary,
        }
        if leaks:
            bench.findings.fail(
                "allocations",
                f"each call of {bench.usual_frames} frames leaves {blocks:.1f} blocks "
                f"and {grown:.0f} bytes behind",
                *place,
            )


def _traced_bytes() -> int:
    return tracemalloc.get_traced_memory()[0]


def _grown(
    level: Callable[[], int], trial: Trial, samples: Samples, calls: int, limit: float
) -> float:
    """By how much for each call, in the window in which it was least.

    What grows only at first (caches, free lists) is no leak: it is given time.
    """
    found: list[float] = []
    while not found or min(found) >= limit and len(found) <= MORE_WINDOWS:
        count = WINDOW_CALLS if found else calls
        gc.collect()
        before = level()
        _calls(trial, samples, count)
        gc.collect()
        found.append((level() - before) / count)
    return min(found)


def _start(bench: Bench, trial: Trial, frames: int) -> Samples:
    trial.start(bench.base, frames)
    return bench.samples(bench.names[0], bench.base, frames)


def _call(
    trial: Trial, samples: Samples, meter: Callable[[], int] = time.perf_counter_ns
) -> int:
    """What the meter gains in one call.  A plugin that ends begins again."""
    try:
        return trial.metered(samples, meter)
    except Ended:
        trial.stop()
        trial.start(trial.setting, samples.shape[1])
        return trial.metered(samples, meter)


def _calls(trial: Trial, samples: Samples, count: int) -> None:
    for _ in range(count):
        _call(trial, samples)


def _growing_line(trial: Trial, samples: Samples) -> tuple[str, int]:
    """The plugin's line that made most of what was left behind."""
    before = tracemalloc.take_snapshot()
    _calls(trial, samples, WINDOW_CALLS)
    grown = tracemalloc.take_snapshot().compare_to(before, "traceback")
    script = trial.place()[0]
    for entry in grown:
        for frame in reversed(entry.traceback):
            if entry.size_diff > 0 and frame.filename == script:
                return frame.filename, frame.lineno
    return trial.place()


def _temporary_bytes(trial: Trial, samples: Samples) -> int:
    """What a call has at most, and gives back."""
    inside = False

    def level() -> int:
        """First what there is before the call, then the most there was in it."""
        nonlocal inside
        inside = not inside
        if inside:
            tracemalloc.reset_peak()
        return tracemalloc.get_traced_memory()[0 if inside else 1]

    peaks = [_call(trial, samples, level) for _ in range(9)]
    return max(0, int(np.median(peaks)))


def check_time(bench: Bench) -> None:
    """Time of the audio method alone, without anything around it."""
    sizes = (bench.block_size,) if bench.block_size else SIZES
    if bench.slow:
        sizes = (bench.usual_frames,)
    seconds = QUICK_SECONDS if bench.hurries else TIMED_SECONDS
    for frames in sizes:
        bench.progress.step(f"time, {frames} frames")
        with bench.guard("results", f"{frames} frames"), bench.trial() as trial:
            samples = _start(bench, trial, frames)
            _calls(trial, samples, FEWEST_CALLS)
            with _frozen():
                timing = _measure(bench, trial, samples, seconds)
            bench.findings.timing.append(timing)
    limit = bench.options.max_load
    for timing in bench.findings.timing:
        if limit and timing.p99_share * 100 > limit:
            bench.findings.fail(
                "load-limit",
                f"{timing.frames} frames: p99 is {timing.p99_share:.2%} of real time, "
                f"--max-load is {limit:g} %",
            )


@contextmanager
def _frozen() -> Iterator[None]:
    """The garbage collector as it is where the element starts Python."""
    gc.collect(1)  # what is older is not looked at again once it is frozen
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _measure(bench: Bench, trial: Trial, samples: Samples, seconds: float) -> Timing:
    times = np.empty(MOST_CALLS)
    count, end = 0, time.monotonic() + seconds
    while count < MOST_CALLS and (count < FEWEST_CALLS or time.monotonic() < end):
        times[count] = _call(trial, samples)
        count += 1
    p50, p99, most = (
        float(value) / 1000 for value in np.quantile(times[:count], (0.5, 0.99, 1.0))
    )
    frames = samples.shape[1]
    block_us = frames / bench.base.rate * 1e6
    times_us = (round(value, 3) for value in (p50, p99, most))
    shares = (round(value / block_us, 6) for value in (p50, p99))
    return Timing(frames, count, *times_us, *shares)
