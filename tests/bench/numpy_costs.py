#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what NumPy costs on one audio buffer, as the tables of docs/performance.md.

    numpy_costs.py [--frames N] [--rounds N]

Buffers are float32 stereo.  Interleaved ones are strided views, as in the
elements.  Each figure is the smallest mean of several rounds, in which all ways
take turns; it comes with the ratio to the first way of its group.
"""

import argparse
import gc
import sys
import threading
import time

import numpy as np

CALLS = 400  # of one way in one round


def groups(frames):
    """(title, [(code shown, function)]): each way of a group has one result."""
    memory = np.random.default_rng(0).uniform(-1, 1, (frames, 2)).astype(np.float32)
    strided = memory.T
    contiguous = np.ascontiguousarray(strided)
    work = np.empty_like(contiguous)
    window = np.ones(frames, np.float32)
    window64 = np.ones(frames)
    low, high = np.float32(-0.5), np.float32(0.5)
    gain = np.float32(1.0)
    x = contiguous

    def limit_out():
        np.maximum(x, low, out=work)
        np.minimum(work, high, out=work)

    def expression():
        work[:] = x * gain + x * gain

    def in_place():
        np.multiply(x, gain, out=work)
        np.add(work, work, out=work)

    def loop():
        for row in x:
            for i in range(len(row)):
                row[i] *= gain

    def assign(way):
        def run():
            work[:] = way()

        return run

    return [
        (
            "Limiting to ±0.5",
            [
                ("np.maximum(x, low, out=y); np.minimum(y, high, out=y)", limit_out),
                ("np.clip(x, low, high, out=y)", lambda: np.clip(x, low, high, work)),
                ("y[:] = np.clip(x, low, high)", assign(lambda: np.clip(x, low, high))),
            ],
        ),
        (
            "In place, and with new arrays",
            [
                ("np.multiply(x, g, out=y); np.add(y, y, out=y)", in_place),
                ("y[:] = x * g + x * g", expression),
            ],
        ),
        (
            "Types: a window of float32, and of float64",
            [
                ("y[:] = x * window", assign(lambda: x * window)),
                ("y[:] = x * window64", assign(lambda: x * window64)),
            ],
        ),
        (
            "Memory: planar rows, and interleaved ones",
            [
                ("planar *= g", lambda: np.multiply(x, gain, out=x)),
                ("interleaved *= g", lambda: np.multiply(strided, gain, out=strided)),
                ("np.sqrt(np.mean(planar ** 2, axis=1))", lambda: rms(x)),
                ("np.sqrt(np.mean(interleaved ** 2, axis=1))", lambda: rms(strided)),
            ],
        ),
        (
            "A loop over the samples",
            [
                ("x *= g", lambda: np.multiply(x, gain, out=x)),
                ("for row in x: for i in range(len(row)): row[i] *= g", loop),
            ],
        ),
    ]


def rms(array):
    """The loudness of each channel."""
    return np.sqrt(np.mean(array**2, axis=1))


def measure(ways, rounds):
    """The smallest mean time of a call of each way, in µs."""
    best = [float("inf")] * len(ways)
    for _ in range(rounds):
        for number, (_code, way) in enumerate(ways):
            way()  # what it needs is in the caches
            begin = time.perf_counter_ns()
            way()
            once = time.perf_counter_ns() - begin
            calls = max(1, min(CALLS, 20_000_000 // max(once, 1)))
            begin = time.perf_counter_ns()
            for _ in range(calls):
                way()
            took = (time.perf_counter_ns() - begin) / calls / 1000
            best[number] = min(best[number], took)
    return best


def operations(elements):
    """(code, function) on float32 arrays of so many elements."""
    x = np.ones(elements, np.float32)
    rows = np.ones((2, elements // 2), np.float32)
    work = np.empty_like(x)
    return [
        ("np.sqrt(x, out=y)", lambda: np.sqrt(x, out=work)),
        ("rows *= 1", lambda: np.multiply(rows, 1, out=rows)),
        ("y[:] = x", lambda: np.copyto(work, x)),
        ("x.sum()", x.sum),
        ("np.fft.rfft(x)", lambda: np.fft.rfft(x)),
    ]


def lets_others_run(function, calls=20000):
    """Whether another thread gets the GIL during calls of the function.

    Nobody is asked to let go of it meanwhile, so a thread that waits for it
    runs only if the function itself gives it away.
    """
    turns, stop = 0, False

    def take_turns():
        nonlocal turns
        while not stop:
            turns += 1
            time.sleep(0)

    thread = threading.Thread(target=take_turns)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread.start()
        before = turns
        for _ in range(calls):
            function()
        during = turns - before
    finally:
        stop = True
        sys.setswitchinterval(interval)
    thread.join()
    return during > 0


def collection(objects):
    """ms of a full garbage collection with so many small lists alive."""
    kept = [[] for _ in range(objects)]
    gc.collect()
    begin = time.perf_counter_ns()
    gc.collect()
    took = (time.perf_counter_ns() - begin) / 1e6
    del kept
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    print(f"NumPy {np.__version__}, float32 stereo, {options.frames} frames")
    for title, ways in groups(options.frames):
        print(f"\n{title}\n      us  ratio")
        times = measure(ways, options.rounds)
        for (code, _way), took in zip(ways, times):
            print(f"{took:8.2f} {took / times[0]:6.1f}  {code}")

    print("\nDoes it give the GIL away?\n elements  yes or no")
    for elements in (500, 502):
        for code, function in operations(elements):
            answer = "yes" if lets_others_run(function) else "no"
            print(f"{elements:9} {answer:4} {code}")

    print("\nA full garbage collection\n  objects      ms")
    for count in (1000, 100_000):
        print(f"{count:9} {collection(count):7.2f}")


if __name__ == "__main__":
    main()
