# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program of its own: times one of the elements against a native one.

    python3 element_probe.py pythonfilter|pythonsrc|pythonsink

Prints one JSON object.  Both are run by turns with a plugin that does nothing;
only the time from PLAYING to EOS counts.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from typing import Any

ROUNDS = 7
BUFFERS = 20000
FRAMES = 512
CAPS = "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved"
NATIVE = {
    "pythonfilter": "identity",
    "pythonsrc": "fakesrc",
    "pythonsink": "fakesink",
}
PLUGIN = """
class Nothing:
    read_only = READ_ONLY

    def call(self, buffer):
        return True

    read_audio = process_audio = write_audio = call
"""


def lines(element: str, script: str) -> tuple[str, str]:
    """The native pipeline, and ours."""
    samples = f"fakesrc num-buffers={BUFFERS} sizetype=fixed sizemax={FRAMES * 8}"
    samples += f" filltype=nothing ! {CAPS}"
    if element == "pythonsrc":
        ours = f"pythonsrc script={script} num-buffers={BUFFERS} ! {CAPS}"
        return f"{samples} ! fakesink", f"{ours} ! fakesink"
    if element == "pythonsink":
        ours = f"pythonsink sync=false script={script}"
        return f"{samples} ! fakesink", f"{samples} ! {ours}"
    ours = f"pythonfilter script={script}"
    return f"{samples} ! identity ! fakesink", f"{samples} ! {ours} ! fakesink"


def nanoseconds(gst: Any, line: str) -> float:
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


def measure(element: str) -> dict[str, Any]:
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
            file.write(PLUGIN.replace("READ_ONLY", str(element != "pythonsrc")))
        plain, line = lines(element, script)
        for _ in range(ROUNDS):
            native.append(nanoseconds(Gst, plain))
            ours.append(nanoseconds(Gst, line))
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
        print(json.dumps(measure(sys.argv[1])))
    except RuntimeError as error:
        print(json.dumps({"not_measured": f"not measured: {error}"}))
