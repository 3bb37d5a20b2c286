# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Python applications of test_application*.py begin with.

A program is run as run_application(CODE, …): PRELUDE, then CODE. It has Gst
initialised, and the functions below. It tells its result with tell(value).
"""

import json
import pathlib
import textwrap

import waiting
from processes import run_python

# What it has of eventually() and PATIENCE is the same as here.
WAITING = pathlib.Path(waiting.__file__).read_text()
PRELUDE = (
    WAITING
    + '''
import gc, json, os, signal, sys, threading, time
import numpy as np
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import GLib, Gst, GstApp
os.chdir(sys.argv[1])
Gst.init(None)

CAPS = "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved"

def tell(value):
    os.write(1, json.dumps(value).encode())

def make(line):
    """A pipeline, and its element called p."""
    pipeline = Gst.parse_launch(line)
    return pipeline, pipeline.get_by_name("p")

def wait(pipeline, *types, seconds=PATIENCE):
    """The first message of these types, or an ERROR; none is a failure."""
    mask = Gst.MessageType.ERROR
    for each in types or (Gst.MessageType.EOS,):
        mask |= each
    message = pipeline.get_bus().timed_pop_filtered(seconds * Gst.SECOND, mask)
    assert message, "no message"
    return message

def play(pipeline):
    """Runs it to its end; the last message."""
    pipeline.set_state(Gst.State.PLAYING)
    message = wait(pipeline)
    pipeline.set_state(Gst.State.NULL)
    return message

def params(**fields):
    structure = Gst.Structure.new_empty("p")
    for key, value in fields.items():
        structure.set_value(key, value)
    return structure

def fields(structure):
    return {
        structure.nth_field_name(i): structure.get_value(structure.nth_field_name(i))
        for i in range(structure.n_fields())
    }

def run_in_threads(*functions, seconds=PATIENCE):
    """All at the same time; one that never ends is a deadlock."""
    threads = [threading.Thread(target=each, daemon=True) for each in functions]
    for each in threads:
        each.start()
    end = time.monotonic() + seconds
    for each in threads:
        each.join(max(0, end - time.monotonic()))
    assert not any(each.is_alive() for each in threads), "deadlock"
'''
)


def run_application(folder, code, **env):
    """What the program gives to tell(); it has to end well and print nothing."""
    result = run_python(PRELUDE + textwrap.dedent(code), folder, **env)
    assert result.code == 0, result.err
    assert "CRITICAL" not in result.err
    return json.loads(result.out)
