#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What isolation=process costs and what it buys, beside isolation=none in one run.

    tests/bench/isolation.py [--busy] [--seconds N]
    tests/bench/isolation.py --two | --start
    tests/bench/isolation.py --eight [--seconds N]

Alone: one buffer each 10 ms (480 x 2 F32) through a plugin that does nothing, both
modes at the same time; what each costs from the element's side, in us. --busy: a
Python thread of the application never rests. --two: how much more two elements
do than one, where each call is 200 us of Python. --eight: eight live streams and a
busy thread, and how many 10 ms deadlines were missed. --start: from READY to the first
buffer in ms, when the server of the workers is there already.
"""

import argparse
import pathlib
import statistics
import tempfile
import threading
import time

import built
import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

NOOP = pathlib.Path(__file__).parent / "plugins" / "noop.py"
FORMAT = "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=2"
SPIN = """
import time
def process_audio(buffer):
    until = time.perf_counter_ns() + 200_000
    while time.perf_counter_ns() < until:
        pass
"""


def line(script, isolation, live, buffers=-1, more=""):
    return Gst.parse_launch(
        f"audiotestsrc is-live={live} samplesperbuffer=480 num-buffers={buffers} "
        f"wave=silence ! {FORMAT} ! pythonfilter name=plugin script={script} "
        f"isolation={isolation} {more} ! fakesink name=sink sync=false async=false"
    )


def stats(pipeline):
    return pipeline.get_by_name("plugin").get_property("stats")


def number(structure, name):
    return structure.get_value(name)


def wait_for_end(pipeline):
    message = pipeline.get_bus().timed_pop_filtered(
        300 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    assert message is not None, "no end within five minutes"
    assert message.type == Gst.MessageType.EOS, message.parse_error()


def play(pipelines, seconds):
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.PLAYING)
    time.sleep(seconds)
    told = [stats(pipeline) for pipeline in pipelines]
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.NULL)
    return told


def be_busy():
    def run():
        while True:
            pass

    threading.Thread(target=run, daemon=True).start()


def cadence(seconds):
    modes = ("none", "process")
    told = play([line(NOOP, mode, True) for mode in modes], seconds)
    for mode, each in zip(modes, told):
        what = ("round-trip",) if mode == "process" else ("gil-wait", "call")
        for name in what:
            values = [number(each, f"{name}-{part}") for part in ("p50", "p99", "max")]
            shown = "  ".join(f"{value / 1000:8.1f}" for value in values)
            print(f"{mode:8} {name:10} p50, p99, max: {shown}   us")
        print(f"{mode:8} {number(each, 'buffers')} buffers")


def throughput(script, isolation, streams, buffers):
    """Buffers a second of all of them together."""
    pipelines = [line(script, isolation, False, buffers) for _ in range(streams)]
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.PAUSED)
        pipeline.get_state(10 * Gst.SECOND)
    begin = time.perf_counter()
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.PLAYING)
    for pipeline in pipelines:
        wait_for_end(pipeline)
    taken = time.perf_counter() - begin
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.NULL)
    return streams * buffers / taken


def two(rounds=7, buffers=3000):
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "spin.py")
        script.write_text(SPIN)
        ratios = {"none": [], "process": []}
        for _ in range(rounds):
            for mode, found in ratios.items():
                one = throughput(script, mode, 1, buffers)
                found.append(throughput(script, mode, 2, buffers) / one)
    for mode, found in ratios.items():
        print(
            f"{mode:8} two elements do {statistics.median(found):.2f} times what one "
            f"does ({min(found):.2f} to {max(found):.2f}, {rounds} rounds)"
        )


def eight(seconds):
    be_busy()
    pipelines = [
        line(NOOP, "process", True, more="deadline=10 on-error=silence")
        for _ in range(8)
    ]
    told = play(pipelines, seconds)
    missed = sum(number(each, "missed-deadlines") for each in told)
    buffers = sum(number(each, "buffers") for each in told)
    worst = max(number(each, "round-trip-max") for each in told)
    print(f"{buffers} buffers of eight streams: {missed} missed their 10 ms,", end=" ")
    print(f"the longest round trip was {worst / 1000:.0f} us")


def start(rounds=21):
    keeper = line(NOOP, "process", False)
    keeper.set_state(Gst.State.READY)  # so that the server stays
    times = []
    for _ in range(rounds):
        pipeline = line(NOOP, "process", False, 1)
        first = threading.Event()
        pad = pipeline.get_by_name("plugin").get_static_pad("src")
        pad.add_probe(
            Gst.PadProbeType.BUFFER, lambda *_: first.set() or Gst.PadProbeReturn.OK
        )
        begin = time.perf_counter()
        pipeline.set_state(Gst.State.PLAYING)
        assert first.wait(10)
        times.append((time.perf_counter() - begin) * 1000)
        pipeline.set_state(Gst.State.NULL)
    keeper.set_state(Gst.State.NULL)
    print(
        f"first buffer after {statistics.median(times):.1f} ms "
        f"({min(times):.1f} to {max(times):.1f}, {rounds} rounds)"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--two", action="store_true")
    parser.add_argument("--eight", action="store_true")
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    built.use()
    Gst.init(None)
    if asked.two:
        two()
    elif asked.eight:
        eight(asked.seconds)
    elif asked.start:
        start()
    else:
        if asked.busy:
            be_busy()
        cadence(asked.seconds)


if __name__ == "__main__":
    main()
