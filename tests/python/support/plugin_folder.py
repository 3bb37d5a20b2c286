# SPDX-License-Identifier: LGPL-2.1-or-later
"""A folder of plugins, and what gst-inspect-1.0 makes of it: see `place`."""

import re

from processes import run

CAPS = "audio/x-raw,format=F32LE,channels=2,rate=48000"

SOURCE = f"audiotestsrc wave=saw num-buffers=4 ! {CAPS}"

SINK = "class Taker:\n    def write_audio(self, buffer): ...\n"

SOURCE_PLUGIN = "def read_audio(buffer):\n    buffer.data[:] = 0.25\n"


def inspect(name, env):
    result = run(["gst-inspect-1.0", name], **env)
    assert result.code == 0, result.err
    return result.out.decode()


def names(env):
    """All elements of ours that are named after a plugin."""
    result = run(["gst-inspect-1.0"], **env)
    assert result.code == 0, result.err
    return re.findall(r"pythonfilter:  (py-\S+):", result.out.decode())
