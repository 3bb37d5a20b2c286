# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the element adds to a call: measured, if GStreamer is here.

That is a program of its own, which prints one JSON object:

    python3 element.py pythonfilter|pythonsrc|pythonsink|pythonmixer|pythondemixer

The element and a native one are run by turns with a plugin that does nothing;
only the time from PLAYING to EOS counts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

TIMEOUT_SECONDS = 60
ROUNDS = 7
BUFFERS = 20000
FRAMES = 512
CAPS = "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved"
NATIVE = {
    "pythonfilter": "identity",
    "pythonsrc": "fakesrc",
    "pythonsink": "fakesink",
    "pythonmixer": "audiomixer",
    "pythondemixer": "tee",
}
DECLARATIONS = {
    "pythonfilter": "read_only = True",
    "pythonsrc": "read_only = False",
    "pythonsink": "read_only = True",
    "pythonmixer": "inputs = (1, 1)",
    "pythondemixer": "outputs = ('only',)",
}
PLUGIN = """
class Nothing:
    DECLARATION

    def call(self, buffer):
        return True

    read_audio = process_audio = write_audio = call

    def mix_audio(self, output, inputs):
        return True

    split_audio = mix_audio
"""


def measure(element: str, quick: bool) -> dict[str, Any]:
    """``added_ns``: per buffer, against the native element of the same kind.

    Where it cannot be measured there is ``not_measured`` instead, and why.
    """
    if quick:
        return {"not_measured": "not measured with --quick"}
    try:
        done = subprocess.run(
            [sys.executable, __file__, element],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"not_measured": f"not measured: {error}"}
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return {"not_measured": f"not measured: {last}"}
    return dict(answer)


def _lines(element: str, script: str) -> tuple[str, str]:
    """The native pipeline, and ours."""
    samples = f"fakesrc num-buffers={BUFFERS} sizetype=fixed sizemax={FRAMES * 8}"
    samples += f" filltype=nothing ! {CAPS}"
    if element == "pythonsrc":
        ours = f"pythonsrc script={script} num-buffers={BUFFERS} ! {CAPS}"
        return f"{samples} ! fakesink", f"{ours} ! fakesink"
    if element == "pythonsink":
        ours = f"pythonsink sync=false script={script}"
        return f"{samples} ! fakesink", f"{samples} ! {ours}"
    if element == "pythonmixer":
        # What it sums has times, and blocks are as long as its buffers.
        timed = f"audiotestsrc wave=silence num-buffers={BUFFERS}"
        timed += f" samplesperbuffer={FRAMES} ! {CAPS}"
        block = f"output-buffer-duration-fraction={FRAMES}/48000"
        ours = f"pythonmixer {block} script={script}"
        return (
            f"{timed} ! audiomixer {block} ! fakesink",
            f"{timed} ! {ours} ! fakesink",
        )
    if element == "pythondemixer":
        ours = f"pythondemixer name=all script={script} all.src_only"
        native = f"{samples} ! tee name=all all.src_0 ! fakesink"
        return native, f"{samples} ! {ours} ! fakesink"
    ours = f"pythonfilter script={script}"
    return f"{samples} ! identity ! fakesink", f"{samples} ! {ours} ! fakesink"


def _nanoseconds(gst: Any, line: str) -> float:
    """For each buffer."""
    pipeline = gst.parse_launch(line)
    bus = pipeline.get_bus()
    pipeline.set_state(gst.State.PAUSED)
    pipeline.get_state(10 * gst.SECOND)
    begin = time.perf_counter_ns()
    pipeline.set_state(gst.State.PLAYING)
    wanted = gst.MessageType.EOS | gst.MessageType.ERROR
    message = bus.timed_pop_filtered(30 * gst.SECOND, wanted)
    end = time.perf_counter_ns()
    pipeline.set_state(gst.State.NULL)
    if message is None:
        raise RuntimeError("no end of the stream")
    if message.type == gst.MessageType.ERROR:
        raise RuntimeError(message.parse_error()[0].message)
    return (end - begin) / BUFFERS


def _probe(element: str) -> dict[str, Any]:
    """The object to print."""
    try:
        import gi

        gi.require_version("Gst", "1.0")
        from gi.repository import Gst
    except (ImportError, ValueError):
        return {"not_measured": "not measured: no GStreamer for Python here"}
    Gst.init(None)
    if not Gst.ElementFactory.find(element):
        return {
            "not_measured": f"not measured: GStreamer has no element {element} here "
            "(GST_PLUGIN_PATH says where to look)"
        }
    native: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "nothing.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(PLUGIN.replace("DECLARATION", DECLARATIONS[element]))
        plain, line = _lines(element, script)
        for _ in range(ROUNDS):
            native.append(_nanoseconds(Gst, plain))
            ours.append(_nanoseconds(Gst, line))
    added = [mine - theirs for mine, theirs in zip(ours, native)]
    low, middle, high = statistics.quantiles(added, n=4)
    return {
        "element": element,
        "instead_of": NATIVE[element],
        "frames": FRAMES,
        "buffers": BUFFERS,
        "rounds": ROUNDS,
        "native_ns": round(statistics.median(native), 1),
        "element_ns": round(statistics.median(ours), 1),
        "added_ns": round(middle, 1),
        "added_quartiles_ns": [round(low, 1), round(high, 1)],
    }


if __name__ == "__main__":
    try:
        print(json.dumps(_probe(sys.argv[1])))
    except RuntimeError as error:
        print(json.dumps({"not_measured": f"not measured: {error}"}))
