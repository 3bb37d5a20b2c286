# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs code on pythonfilter/host, as the C++ side uses it, in a fresh Python."""

import json
import textwrap

from processes import run_without_gstreamer

# load(path) is a LoadedPlugin, as NULL→READY makes it; gain(host) what it does to 1.0.
PROGRAM = """
import gc, json, os
import numpy as np
from pythonfilter.host import plugin as h
from pythonfilter import loader
h.prepare_interpreter({ours}, "")
load_plugin, PluginTimeout, AudioBuffer = h.names()[:3]
def load(script="", module="", class_name="", kind="processor", **more):
    host = load_plugin(kind, str(script), module, class_name, "", **more)
    host.initialize()
    return host
def gain(host):
    buffer = AudioBuffer(1, 4)
    buffer.data[:] = 1
    host.audio(buffer)
    return float(buffer.data[0, 0])
def fails(*arguments, **more):
    try:
        load(*arguments, **more)
    except BaseException as error:
        return h.describe_exception(error)
    return None
def tell(value):
    os.write(1, json.dumps(value).encode())
os.chdir(sys.argv[1])
{code}
"""

PLUGIN = """
class Plugin:
    def process_audio(self, buffer):
        buffer.data *= GAIN
"""


def run(folder, code, ours=True):
    """What the code gives to tell()."""
    program = PROGRAM.format(ours=ours, code=textwrap.dedent(code))
    result = run_without_gstreamer(program, folder)
    assert result.code == 0, result.err
    return json.loads(result.out)
