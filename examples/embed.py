#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a tone or a WAV file through a Python plugin whose gain goes up and down.

    embed.py [PLUGIN.py [FILE.wav]]      default: plugins_py/simple_gain.py
"""

import itertools
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402


def print_problem(message):
    """A sentence; where in the Python code, if it is Python's; the traceback."""
    if message.type == Gst.MessageType.ERROR:
        error, debug = message.parse_error()
        details = message.parse_error_details()
    else:
        error, debug = message.parse_warning()
        details = message.parse_warning_details()
    print(f"{message.type.first_value_nick}: {error.message}", file=sys.stderr)
    if details and details.get_name() == "python-exception":
        get = details.get_value
        where = f"{get('function')}(), {get('file')}:{get('line')}"
        print(f"{get('type')} in {where}", file=sys.stderr)
    print(debug, file=sys.stderr)


def main(script="plugins_py/simple_gain.py", wav=None):
    pipeline = Gst.parse_launch(
        ("filesrc name=file ! wavparse" if wav else "audiotestsrc num-buffers=80")
        + " ! audioconvert ! pythonfilter name=python ! audioconvert ! autoaudiosink"
    )
    python = pipeline.get_by_name("python")
    python.set_property("script", script)
    if wav:
        pipeline.get_by_name("file").set_property("location", wav)
    loop, status = GLib.MainLoop(), 0

    def on_message(_bus, message):
        nonlocal status
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.WARNING):
            print_problem(message)
        if message.type == Gst.MessageType.LATENCY:
            pipeline.recalculate_latency()  # the plugin's, now that it is known
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.EOS):
            status = int(message.type == Gst.MessageType.ERROR)
            loop.quit()

    gains = itertools.cycle((0.5, 0.25, 0.5, 1.0))

    def change_gain():
        """The next buffer has the new value; fields that are not named stay."""
        gain = next(gains)
        params = Gst.Structure.new_from_string(f"params, gain=(double){gain}")
        python.set_property("params", params)
        print(f"gain is {gain:g}", flush=True)
        return GLib.SOURCE_CONTINUE

    pipeline.get_bus().add_signal_watch()
    pipeline.get_bus().connect("message", on_message)
    pipeline.set_state(Gst.State.PLAYING)  # what fails is said on the bus
    GLib.timeout_add(300, change_gain)
    try:
        loop.run()
    except KeyboardInterrupt:
        status = 130
    pipeline.set_state(Gst.State.NULL)

    print(python.get_property("stats").to_string())
    return status


if __name__ == "__main__":
    Gst.init(None)
    sys.exit(main(*sys.argv[1:3]))
