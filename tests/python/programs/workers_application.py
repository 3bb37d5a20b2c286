# SPDX-License-Identifier: LGPL-2.1-or-later
"""An application whose plugins run in processes of their own, for test_workers_*.py.

    kills FOLDER COUNT   their workers are killed at random moments; prints figures
    many COUNT TIMES     so many workers at once, started anew so many times
    wait FOLDER          plays, prints the pids of server and worker, and stays

Prints one JSON object.
"""

import json
import os
import pathlib
import random
import resource
import signal
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from waiting import PATIENCE, eventually  # noqa: E402

# Ends itself when it finds a file that says how: in the middle of its work, in
# start() or in stop(). The file goes first, or each successor would end as well.
PLUGIN = """
import os, resource, signal

FOLDER = {folder!r}


def perhaps_end(where):
    path = os.path.join(FOLDER, where)
    try:
        with open(path) as file:
            how = file.read()
        os.unlink(path)
    except FileNotFoundError:
        return
    if how == "exit":
        os._exit(3)
    elif how == "memory":
        # As with the kernel's OOM killer, but for this process alone.
        now = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (now + (8 << 20), now + (8 << 20)))
        kept = []
        try:
            while True:
                kept.append(bytearray(1 << 20))
        except MemoryError:
            os.kill(os.getpid(), signal.SIGKILL)
    elif how == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif how == "segv":
        import ctypes
        ctypes.string_at(0)


class Plugin:
    def start(self):
        perhaps_end("start")

    def stop(self):
        perhaps_end("stop")

    def process_audio(self, buffer):
        half = buffer.data.shape[1] // 2
        buffer.data[:, :half] = 0.5
        perhaps_end("process")
        buffer.data[:, half:] = 0.5
"""
HOWS = ("exit", "memory", "stop", "segv")
SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def server_descriptors():
    """Of the process that the workers are forked from."""
    [server] = children(deep=False)
    return len(os.listdir(f"/proc/{server}/fd"))


def children(deep=True):
    """Of this process, and theirs."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found = {os.getpid()}
    while more := {pid for pid, of in parents.items() if of in found} - found:
        found |= more
        if not deep:
            break
    return found - {os.getpid()}


class Output:
    """What comes out of the element, on its streaming thread."""

    def __init__(self):
        self.buffers = self.gaps = self.breaks = self.unprocessed = 0
        self.outages = []  # between two good buffers, in ms
        self._seen = None  # when the last good one was
        self.good = 0  # in a row
        self.continues = False  # one buffer begins where the last one ended
        self._next = Gst.CLOCK_TIME_NONE

    def take(self, _pad, info):
        buffer = info.get_buffer()
        self.buffers += 1
        if self._next not in (Gst.CLOCK_TIME_NONE, buffer.pts):
            self.breaks += 1
        if self.continues:
            self._next = buffer.pts + buffer.duration
        if buffer.has_flags(Gst.BufferFlags.GAP):
            self.gaps += 1
            self.good = 0
            wanted = b"\0\0\0\0"
        else:
            now = time.monotonic()
            if self.good == 0 and self._seen is not None:
                self.outages.append((now - self._seen) * 1000)
            self._seen = now
            self.good += 1
            wanted = b"\0\0\0\x3f"
        samples = buffer.extract_dup(0, buffer.get_size())
        if samples != wanted * (len(samples) // 4):
            self.unprocessed += 1
        return Gst.PadProbeReturn.OK

    def interrupt(self):
        """Until the stream plays again, with new times."""
        self.continues = False
        self._seen = None
        self._next = Gst.CLOCK_TIME_NONE


def caps(channels):
    return Gst.Caps.from_string(
        f"audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels={channels}"
    )


class Stream:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        script = self.folder / "plugin.py"
        script.write_text(PLUGIN.format(folder=folder))
        self.pipeline = Gst.parse_launch(
            "audiotestsrc is-live=true samplesperbuffer=480 ! capsfilter name=caps"
            f" ! pythonfilter name=plugin script={script} isolation=process deadline=10"
            " on-error=silence max-restarts=1000000000 ! fakesink async=false sync=false"
        )
        self.element = self.pipeline.get_by_name("plugin")
        self.caps(2)
        self.output = Output()
        pad = self.element.get_static_pad("src")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.output.take)

    def caps(self, channels):
        self.pipeline.get_by_name("caps").set_property("caps", caps(channels))

    def stat(self, name):
        return self.element.get_property("stats").get_value(name)

    def to(self, state):
        self.pipeline.set_state(state)
        changed = self.pipeline.get_state(PATIENCE * Gst.SECOND)[0]
        assert changed in (
            Gst.StateChangeReturn.SUCCESS,
            Gst.StateChangeReturn.NO_PREROLL,
        ), changed

    def wait_until_good(self):
        # From the tenth on, the next restart is at once again.
        eventually(lambda: self.check() or self.output.good >= 12, "a good buffer")
        self.output.continues = True

    def check(self):
        error = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
        assert error is None, error.parse_error()

    def kill(self):
        pid = self.stat("worker-pid")
        if pid > 0:
            try:
                os.kill(pid, random.choice(SIGNALS))
            except ProcessLookupError:
                pass

    def take_notes_away(self):
        for where in ("process", "start", "stop"):
            (self.folder / where).unlink(missing_ok=True)

    def leave_note(self, where):
        path = self.folder / "note"
        path.write_text(random.choice(HOWS))
        path.rename(self.folder / where)


def later(what, seconds):
    timer = threading.Timer(random.uniform(0, seconds), what)
    timer.start()
    return timer


def kills(folder, count):
    random.seed(count)
    stream = Stream(folder)
    stream.to(Gst.State.READY)
    before = None
    done = dict.fromkeys(("call", "process", "caps", "start", "stop"), 0)
    channels = 2
    for _ in range(count):
        stream.to(Gst.State.PLAYING)
        stream.wait_until_good()
        # A plugin that ends twice while it starts is an error.
        stream.take_notes_away()
        if before is None:
            before, server_before = descriptors(), server_descriptors()
        stream.output.good = 0
        way = random.choices(tuple(done), (6, 6, 2, 1, 1))[0]
        done[way] += 1
        if way == "call":
            timer = later(stream.kill, 0.02)
            timer.join()
        elif way == "process":
            stream.leave_note("process")
        elif way == "caps":
            # In the stop() or the start() that they mean, or between two buffers.
            note = random.choice((None, "start", "stop"))
            if note:
                stream.leave_note(note)
            timer = None if note else later(stream.kill, 0.02)
            channels = 3 - channels
            stream.caps(channels)
            if timer:
                timer.join()
        else:
            stream.leave_note(way)
            stream.output.interrupt()
            stream.to(Gst.State.READY)
            if way == "stop":  # it may have been dead already
                stream.take_notes_away()
        stream.check()
    stream.to(Gst.State.PLAYING)
    stream.wait_until_good()
    # The server comes to the ends of the last ones when it does.
    eventually(lambda: server_descriptors() <= server_before + 2)
    after, server_after = descriptors(), server_descriptors()
    restarts = stream.stat("restarts")
    stream.to(Gst.State.NULL)
    eventually(lambda: len(children()) == 1)  # the server stays
    output = stream.output
    return {
        "kills": done,
        "restarts": restarts,
        "buffers": output.buffers,
        "silent": output.gaps,
        "breaks": output.breaks,
        "unprocessed": output.unprocessed,
        "outages": len(output.outages),
        "outage-ms": [
            round(sorted(output.outages)[int(part * (len(output.outages) - 1))])
            for part in (0.1, 0.5, 0.99, 1)
        ],
        "descriptors": [before, after],
        "server-descriptors": [server_before, server_after],
    }


def memory(pids):
    """PSS of all of them, in kB."""
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(text.partition("\nPss:")[2].split()[0])
    return total


def many(count, times):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gain = pathlib.Path(__file__).parents[3] / "plugins_py" / "simple_gain.py"
    filters = " ! ".join([f'pythonfilter script="{gain}" isolation=process'] * count)
    pipeline = Gst.parse_launch(
        f"audiotestsrc num-buffers=20 samplesperbuffer=480 ! {filters} ! fakesink"
    )
    figures = []
    alone = descriptors()
    for _ in range(times):
        pipeline.set_state(Gst.State.PLAYING)
        message = pipeline.get_bus().timed_pop_filtered(
            PATIENCE * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
        )
        assert message and message.type == Gst.MessageType.EOS, (
            message and message.get_structure().to_string()
        )
        pids = children()
        figures.append((len(pids), descriptors(), memory(pids), memory([os.getpid()])))
        pipeline.set_state(Gst.State.NULL)
    eventually(lambda: len(children()) == 1)
    return {
        "processes": [each[0] for each in figures],
        "descriptors": [each[1] for each in figures],
        "descriptors-alone": [alone, descriptors()],
        "workers-kB": [each[2] for each in figures],
        "application-kB": [each[3] for each in figures],
    }


def wait(folder):
    stream = Stream(folder)
    stream.to(Gst.State.PLAYING)
    stream.wait_until_good()
    # On a busy machine one may just be replaced.
    pids = eventually(lambda: len(found := children()) == 2 and found)
    return stream, sorted(pids)  # a pipeline that is dropped while it plays crashes


if __name__ == "__main__":
    Gst.init(None)
    what, *arguments = sys.argv[1:]
    if what == "kills":
        print(json.dumps(kills(arguments[0], int(arguments[1]))), flush=True)
    elif what == "many":
        print(json.dumps(many(*map(int, arguments))), flush=True)
    else:
        playing, pids = wait(arguments[0])
        print(json.dumps(pids), flush=True)
        time.sleep(PATIENCE)
