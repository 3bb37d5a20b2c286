# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a call costs: memory and time."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from .bench import Bench
from .formats import Samples
from .results import Timing
from .session import Ended, Session

SIZES = (64, 480, 512, 4096)
WARM_UP_CALLS = 100
WINDOW_CALLS = 200
TIMED_SECONDS = 0.3
QUICK_SECONDS = 0.05
FEWEST_CALLS = 20
MOST_CALLS = 20000
# A leak grows in each of two windows, by an object every other call or more.
LEAK_BLOCKS = 0.5
LEAK_BYTES = 256
FRAMES_OF_TRACEBACK = 12


def check_allocations(bench: Bench) -> None:
    """Whether memory grows; what one call holds while it runs."""
    bench.progress.expect(1)
    bench.progress.step("allocations")
    with bench.guard("allocations"), bench.session() as session:
        samples = _start(bench, session, bench.usual_frames)
        window = WINDOW_CALLS // (4 if bench.options.quick else 1)
        _calls(session, samples, WARM_UP_CALLS // (4 if bench.options.quick else 1))
        blocks = [_grown_blocks(session, samples, window) for _ in range(2)]
        tracemalloc.start(FRAMES_OF_TRACEBACK)
        try:
            _calls(session, samples, 8)
            sizes, place = [], ("", 0)
            for _ in range(2):
                grown, place = _grown_bytes(bench, session, samples, window // 2)
                sizes.append(grown)
            temporary = _temporary_bytes(session, samples)
        finally:
            tracemalloc.stop()
        grown_blocks, grown_bytes = min(blocks), min(sizes)
        bench.findings.allocations = {
            "frames": bench.usual_frames,
            "calls": 3 * window,
            "grown_blocks_per_call": round(grown_blocks, 3),
            "grown_bytes_per_call": round(grown_bytes, 1),
            "temporary_bytes_per_call": temporary,
        }
        if grown_blocks >= LEAK_BLOCKS or grown_bytes >= LEAK_BYTES:
            bench.findings.add(
                "allocations", "fail",
                f"each call of {bench.usual_frames} frames leaves "
                f"{grown_blocks:.1f} blocks and {grown_bytes:.0f} bytes behind",
                *(place if place[0] else session.place()),
            )


def _start(bench: Bench, session: Session, frames: int) -> Samples:
    session.start(bench.base, frames)
    return bench.samples(bench.names[0], bench.base, frames)


def _call(
    session: Session,
    samples: Samples,
    meter: Callable[[], int] = time.perf_counter_ns,
) -> int:
    """What the meter gains in one call.  A source that ends begins again."""
    try:
        return session.metered(samples, meter)
    except Ended:
        session.stop()
        session.start(session.setting, samples.shape[1])
        return session.metered(samples, meter)


def _calls(session: Session, samples: Samples, count: int) -> None:
    for _ in range(count):
        _call(session, samples)


def _grown_blocks(session: Session, samples: Samples, count: int) -> float:
    gc.collect()
    before = sys.getallocatedblocks()
    _calls(session, samples, count)
    gc.collect()
    return (sys.getallocatedblocks() - before) / count


def _grown_bytes(
    bench: Bench, session: Session, samples: Samples, count: int
) -> tuple[float, tuple[str, int]]:
    """Bytes for each call, and the plugin's line that made most of them."""
    ours = tracemalloc.Filter(False, tracemalloc.__file__)
    gc.collect()
    before = tracemalloc.take_snapshot()
    _calls(session, samples, count)
    gc.collect()
    after = tracemalloc.take_snapshot()
    grown = after.filter_traces([ours]).compare_to(
        before.filter_traces([ours]), "traceback"
    )
    total = sum(entry.size_diff for entry in grown)
    script = session.place()[0]
    for entry in grown:
        for frame in reversed(entry.traceback):
            if entry.size_diff > 0 and frame.filename == script:
                return total / count, (frame.filename, frame.lineno)
    return total / count, ("", 0)


def _temporary_bytes(session: Session, samples: Samples) -> int:
    """What a call has at most, and gives back."""
    inside = False

    def level() -> int:
        """First what there is before the call, then the most there was in it."""
        nonlocal inside
        inside = not inside
        if inside:
            tracemalloc.reset_peak()
        return tracemalloc.get_traced_memory()[0 if inside else 1]

    peaks = [_call(session, samples, level) for _ in range(9)]
    return max(0, int(np.median(peaks)))


def check_time(bench: Bench) -> None:
    """Time of the audio method alone, without anything around it."""
    sizes = (bench.block_size,) if bench.block_size else SIZES
    bench.progress.expect(len(sizes))
    seconds = QUICK_SECONDS if bench.options.quick else TIMED_SECONDS
    for frames in sizes:
        bench.progress.step(f"time, {frames} frames")
        with bench.guard("results", f"{frames} frames"), bench.session() as session:
            samples = _start(bench, session, frames)
            _calls(session, samples, FEWEST_CALLS)
            gc.collect()
            bench.findings.timing.append(_measure(bench, session, samples, seconds))
    limit = bench.options.max_load
    for timing in bench.findings.timing:
        if limit and timing.p99_share * 100 > limit:
            bench.findings.add(
                "load-limit", "fail",
                f"{timing.frames} frames: p99 is {timing.p99_share:.2%} of real time, "
                f"--max-load is {limit:g} %",
            )


def _measure(
    bench: Bench, session: Session, samples: Samples, seconds: float
) -> Timing:
    times = np.empty(MOST_CALLS)
    count, end = 0, time.monotonic() + seconds
    while count < MOST_CALLS and (count < FEWEST_CALLS or time.monotonic() < end):
        times[count] = _call(session, samples)
        count += 1
    p50, p99, most = (
        float(value) / 1000 for value in np.quantile(times[:count], (0.5, 0.99, 1.0))
    )
    frames = samples.shape[1]
    block_us = frames / bench.base.rate * 1e6
    return Timing(
        frames, count, round(p50, 3), round(p99, 3), round(most, 3),
        round(p50 / block_us, 6), round(p99 / block_us, 6),
    )
