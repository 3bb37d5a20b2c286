# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reference counts balance: a debug Python counts them all.

The bridge is compiled a second time for python3-dbg, whose
sys.gettotalrefcount() is the sum over all objects. A plugin reads it twice,
many buffers apart, in each of the three elements.
"""

import os
import pathlib
import shutil
import subprocess
import sysconfig

import pytest

import processes
import soak

VERSION = sysconfig.get_python_version()
DEBUG_PYTHON = f"/usr/bin/python{VERSION}-dbg"
HEADERS = pathlib.Path(f"/usr/include/python{VERSION}d")
BUFFERS = soak.count(2500, 20000)

APPLICATION = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(
    Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
if message.type == Gst.MessageType.ERROR:
    sys.exit(str(message.parse_error()))
pipeline.set_state(Gst.State.NULL)
"""

PLUGIN = f"""
import sys

class Counting:
    calls = 0
    def count(self, buffer):
        self.calls += 1
        if self.calls in (1000, {BUFFERS}):
            print("references", sys.gettotalrefcount(), file=sys.stderr)
    process_audio = read_audio = write_audio = count
"""

PIPELINES = {
    "pythonfilter": "audiotestsrc num-buffers={n} samplesperbuffer=64 ! {caps} "
    "! pythonfilter script={script} ! fakesink",
    "pythonsrc": "pythonsrc num-buffers={n} script={script} ! {caps} ! fakesink",
    "pythonsink": "audiotestsrc num-buffers={n} samplesperbuffer=64 ! {caps} "
    "! pythonsink sync=false script={script}",
}
CAPS = "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved"


@pytest.fixture(scope="module")
def debug_bridge(tmp_path_factory):
    if not os.path.exists(DEBUG_PYTHON) or not HEADERS.exists():
        pytest.skip(f"{DEBUG_PYTHON} is not installed (python3-dbg)")
    probe = subprocess.run(
        [DEBUG_PYTHON, "-c", "import numpy, gi; print(numpy.get_include())"],
        capture_output=True,
        text=True,
    )
    if probe.returncode:
        pytest.skip(f"python3-dbg has no NumPy or gi here: {probe.stderr[-200:]}")
    folder = tmp_path_factory.mktemp("debug-bridge")
    tag = "cpython-" + VERSION.replace(".", "")
    compiler = shutil.which("c++") or "c++"
    # All files as one, which takes a fifth of the time; what imports NumPy first.
    sources = sorted(
        (
            path
            for part in ("bridge", "bridge/python")
            for path in (processes.ROOT / part).glob("*.cpp")
        ),
        key=lambda path: path.name != "numpy_api.cpp",
    )
    unity = folder / "bridge.cpp"
    unity.write_text("".join(f'#include "{path}"\n' for path in sources))
    subprocess.run(
        [compiler, "-std=c++17", "-O0", "-fPIC", "-shared", "-fvisibility=hidden"]
        + ["-fno-exceptions", "-fno-rtti", "-DPy_DEBUG"]
        + ['-DPYTHONFILTER_PYTHON_DIR=""', '-DPYTHONFILTER_PYTHON_WAY=""']
        + ['-DPYTHONFILTER_PYTHON=""']
        + [f"-I{HEADERS}"]
        + ["-isystem", probe.stdout.strip()]
        + [str(unity), "-o", str(folder / f"bridge.{tag}.so")],
        check=True,
    )
    return folder


@soak.one_in(3)
@pytest.mark.parametrize("element", PIPELINES)
def test_total_reference_count_is_flat(element, debug_bridge, tmp_path):
    script = tmp_path / "counting.py"
    script.write_text(PLUGIN)
    pipeline = PIPELINES[element].format(n=BUFFERS, caps=CAPS, script=script)
    result = processes.run(
        [DEBUG_PYTHON, "-c", APPLICATION, pipeline],
        tmp_path,
        GST_PYTHONFILTER_BRIDGE_DIR=str(debug_bridge),
        GST_PYTHONFILTER_PYTHONDIR=str(processes.ROOT / "plugins_py"),
    )
    assert result.code == 0, result.err
    early, late = [
        int(line.split()[1])
        for line in result.err.splitlines()
        if line.startswith("references")
    ]
    # Some are made once: an inline cache, an interned string. A leak of one
    # reference for each buffer would be thousands.
    assert abs(late - early) < 100, result.err
