# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Python application that ends in the way its first argument says, while its
pipeline plays: exit_application.py WAY PLUGIN.py MILLISECONDS

Waits until the plugin is in its first call (or has only just been asked to
load, when "importing") and then as long as said. Prints (CLOCK_MONOTONIC, in s) at which it began to end.
"""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

way, plugin, delay = sys.argv[1:]
LINE = (
    f"audiotestsrc samplesperbuffer=64 ! pythonfilter script={plugin} name=p"
    " ! fakesink"
)


def say_when():
    os.write(1, f"{time.monotonic()}\n".encode())


def wait_for_the_call():
    while way != "importing" and not os.path.exists(plugin + ".called"):
        time.sleep(0.002)
    time.sleep(int(delay) / 1000)


def hold_buffers():
    """A C library keeps what the plugin gives, longer than Python lives."""
    library = ctypes.CDLL(os.environ["EXIT_BUFFERS"])
    library.drop_at_exit()
    # The hash of a GObject is its address.
    pad = pipelines[0].get_by_name("p").get_static_pad("src")
    library.hold(ctypes.c_void_p(hash(pad)))


def stop_all():
    for each in pipelines:
        each.set_state(Gst.State.NULL)


def end_in_loop():
    loop = GLib.MainLoop()
    GLib.timeout_add(int(delay), loop.quit)
    loop.run()
    say_when()


def set_params_for_ever():
    changes = Gst.Structure.new_empty("p")
    while True:
        changes.set_value("gain", 0.5)
        pipelines[0].get_by_name("p").set_property("params", changes)


def count_for_ever():
    number = 0
    while True:
        number += 1


def stop_and_start_for_ever():
    while True:
        for state in (Gst.State.NULL, Gst.State.PLAYING):
            pipelines[0].set_state(state)


def in_background(function, daemon=True):
    threading.Thread(target=function, daemon=daemon).start()


Gst.init(None)
pipelines = [Gst.parse_launch(LINE) for _ in range(3 if way == "three" else 1)]
if way == "atexit-before":  # so it runs after the bridge's own handler
    atexit.register(stop_all)
if way.startswith("held"):
    hold_buffers()
if way in ("importing", "loading"):
    in_background(lambda: pipelines[0].set_state(Gst.State.PLAYING))
else:
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.PLAYING)
wait_for_the_call()
if way == "atexit-after":
    atexit.register(stop_all)
if way in ("daemon", "daemon-params", "daemon-states"):
    in_background(
        {
            "daemon": count_for_ever,
            "daemon-params": set_params_for_ever,
            "daemon-states": stop_and_start_for_ever,
        }[way]
    )
    time.sleep(0.02)
if way == "thread":
    in_background(lambda: time.sleep(0.1), daemon=False)

if way == "starved":
    # From here on another process has the processor, nine turns of ten.
    processor = {min(os.sched_getaffinity(0))}
    other = subprocess.Popen(
        ["sh", "-c", "while kill -0 $PPID; do :; done"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.sched_setaffinity(other.pid, processor)
    for each in map(int, os.listdir("/proc/self/task")):
        os.sched_setaffinity(each, processor)
        os.setpriority(os.PRIO_PROCESS, each, 10)

if way == "main-loop":
    end_in_loop()
    sys.exit(0)
say_when()
if way == "exit":
    sys.exit(3)
elif way == "exception":
    raise RuntimeError("the application fails")
elif way == "interrupt":  # a KeyboardInterrupt
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
elif way in ("sigint", "sigterm"):
    number = getattr(signal, way.upper())
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    time.sleep(5)
elif way == "os-exit":
    os._exit(3)
elif way in ("stopped", "held-stopped"):
    stop_all()
elif way == "stopping":
    in_background(stop_all)
    time.sleep(0.001)
elif way == "deleted":
    del pipeline, pipelines
elif way == "leaked":
    for each in pipelines:
        each.ref()
