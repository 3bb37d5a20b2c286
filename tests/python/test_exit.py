# SPDX-License-Identifier: LGPL-2.1-or-later
"""Processes that end while a pipeline plays and while a call is running.

A process may die of no signal but the one it was sent. It waits for no call that
does not end, beyond the second that each is given. How many of each there are is
in the tables; by default there is one that ends for each way, and all that do not.
PYTHONFILTER_EXITS=10 makes ten times as many as the tables say.
"""

import itertools
import pathlib
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import soak
from processes import PYTHON, finish, interrupt, start
from waiting import eventually

PROGRAMS = pathlib.Path(__file__).parent / "programs"
MORE = soak.count(0, 1, "PYTHONFILTER_EXITS")
# Seconds from there to the end. A busy machine may miss this now and then, and
# what waits for more than it should misses it each time.
LIMIT, ATTEMPTS = 3.0, 5

# What the plugin's calls do.
CALLS = {
    "quick": "buffer.data *= 0.5",
    "numpy": "np.linalg.svd(self.matrix)",
    "sort": "self.matrix.copy().ravel().sort()",
    "library": "self.library.work()",
    "long": "self.library.work_long()",
    "openssl": "for _ in range(2000): hashlib.new('sha256', b'x')",
    "sleep": "time.sleep(0.05)",
    "loop": "while True: pass",
    "deaf": "swallow()",
    "long-sleep": "time.sleep(100_000)",
}
SHORT = ("quick", "numpy", "sort", "library", "openssl", "sleep")
ALL = tuple(call for call in CALLS if call != "long")

PLUGIN = """
import ctypes, hashlib, os, time
import numpy as np

def swallow():
    while True:
        try:
            while True:
                time.sleep(0.001)
        except BaseException:
            pass

class Plugin:
    formats = ("F32",)
    def initialize(self):
        self.library = ctypes.CDLL(os.environ["EXIT_LIBRARY"])
        self.matrix = np.random.default_rng(1).random((300, 300))
        {initialize}
    def set_parameter(self, key, value):
        pass
    def process_audio(self, buffer):
        if not hasattr(self, "called"):
            self.called = open(__file__ + ".called", "w").close()
        {call}
"""
# By a C function, and by what is called beside it.
COMPILED = """
import ctypes, os, time
from base_plugin import AudioProcessorPlugin, compiled, every

class Plugin(AudioProcessorPlugin):
    process_audio = compiled(ctypes.CDLL(os.environ["EXIT_LIBRARY"]).work_natively)

    @every(1)
    def show(self):
        if not hasattr(self, "called"):
            self.called = open(__file__ + ".called", "w").close()
        time.sleep(0.01)
"""
ENTER = 'open(__file__ + ".called", "w").close(); time.sleep(0.2)'

# Way to end: (exit code or signal, calls, how many of each).
APPLICATION = {
    "end": (0, ALL, 3),
    "exit": (3, ALL, 2),
    "exception": (1, SHORT, 2),
    "main-loop": (0, SHORT, 2),
    "interrupt": (-signal.SIGINT, SHORT + ("loop",), 2),
    "sigint": (-signal.SIGINT, ALL, 1),
    "sigterm": (-signal.SIGTERM, ALL, 1),
    "os-exit": (3, ALL, 1),
    # set_state(NULL) cannot return before a call that sleeps in C does.
    "atexit-before": (0, SHORT + ("loop",), 2),
    "atexit-after": (0, SHORT + ("loop",), 2),
    "stopped": (0, SHORT + ("loop",), 1),
    "stopping": (0, ALL, 2),
    "deleted": (0, SHORT, 2),
    "leaked": (0, ALL, 1),
    "three": (0, SHORT, 2),
    "thread": (0, SHORT, 2),
    "daemon": (0, SHORT, 2),
    "starved": (0, ("long",), 2),
    "daemon-params": (0, SHORT, 3),
    "daemon-states": (0, SHORT, 4),
    "loading": (0, ("initialize",), 4),
    "importing": (0, ("quick",), 10),
}
HOST = {
    "end": (0, ALL, 3),
    "exit-in-thread": (3, ALL, 1),
    "quick-exit": (3, SHORT, 1),
    "sigint": (-signal.SIGINT, ALL, 1),
    "sigterm": (-signal.SIGTERM, ALL, 1),
    "atexit-before": (0, SHORT + ("loop",), 2),
    "atexit-after": (0, SHORT + ("loop",), 2),
    "stopped": (0, SHORT + ("loop",), 2),
    "states": (0, SHORT, 4),
    "loading": (0, ("initialize",), 4),
    "importing": (0, ("quick",), 10),
}


def make_plugin(folder, call):
    folder.mkdir()
    if call == "compiled":
        source = COMPILED
    elif call == "initialize":
        source = PLUGIN.format(initialize=ENTER, call="pass")
    else:
        source = PLUGIN.format(initialize="", call=CALLS[call])
    (folder / "plugin.py").write_text(source)
    return folder / "plugin.py"


def problems(name, code, expected, err):
    found = []
    if code not in expected:
        found.append(f"ended with {code}, not {expected}")
    if any(word in err for word in ("Fatal", "terminate called", "CRITICAL")):
        found.append("complained")
    return [f"{name}: {'; '.join(found)}\n{err}"] if found else []


def some(calls, turn):
    """One of those that end, another at each turn, and all that do not."""
    short = [call for call in calls if call in SHORT]
    others = [call for call in calls if call not in SHORT]
    return [*others, short[-1 - turn % len(short)]] if short else others


def end_all(tmp_path, command, ways, way):
    """The troubles of all exits of one way, two at a time."""
    expected, calls, times = ways[way]
    # Of "starved" one, as it is another process that takes the time.
    few = 3 if len(calls) == 1 and way != "starved" else 1
    if not MORE:
        calls = some(calls, [*ways].index(way))

    def end_once(number, call):
        name = f"{way}-{call}-{number}"
        spread = 150 if way == "importing" else 30
        for attempt in range(ATTEMPTS):
            plugin = make_plugin(tmp_path / f"{name}-{attempt}", call)
            result = finish(start([*command, way, plugin, number * 13 % spread]))
            ended = time.monotonic()
            if not result.out:
                return [f"{name}: ended with {result.code} too early\n{result.err}"]
            found = problems(name, result.code, (expected,), result.err)
            # How long others keep the processor is theirs to say.
            if found and way != "starved":
                return found
            seconds = ended - float(result.out)
            if not found and (seconds < LIMIT or way == "starved"):
                return []
        return found or [f"{name}: took {seconds:.2f} s to end, and so each time"]

    jobs = enumerate(itertools.product(calls, range(times * MORE or few)))
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda job: end_once(job[0], job[1][0]), jobs)
        return list(itertools.chain.from_iterable(found))


def compile_c(source, program, *options):
    subprocess.run(["cc", "-o", program, PROGRAMS / source, *options], check=True)
    return program


def gst_flags():
    return subprocess.run(
        ["pkg-config", "--cflags", "--libs", "gstreamer-1.0"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    """The C program."""
    program = tmp_path_factory.mktemp("c") / "host"
    return compile_c("exit_host.c", program, PROGRAMS / "exit_buffers.c", *gst_flags())


@pytest.fixture(scope="session")
def built_library(tmp_path_factory):
    library = tmp_path_factory.mktemp("c") / "library.so"
    return compile_c("exit_library.c", library, "-O1", "-shared", "-fPIC")


@pytest.fixture(autouse=True)
def library(built_library, monkeypatch):
    """What the plugins call finds its way to them."""
    monkeypatch.setenv("EXIT_LIBRARY", str(built_library))


@soak.one_in(2)
@pytest.mark.parametrize("way", APPLICATION)
def test_application_ends(tmp_path, way):
    command = [PYTHON, PROGRAMS / "exit_application.py"]
    assert end_all(tmp_path, command, APPLICATION, way) == []


@soak.one_in(2)
@pytest.mark.parametrize("way", ["end", "exit", "sigterm", "stopping", "leaked"])
def test_application_with_a_compiled_plugin_ends(tmp_path, way):
    command = [PYTHON, PROGRAMS / "exit_application.py"]
    ways = {way: (APPLICATION[way][0], ("compiled",), 3)}
    assert end_all(tmp_path, command, ways, way) == []


@soak.one_in(2)
@pytest.mark.parametrize("way", HOST)
def test_c_program_ends(tmp_path, host, way):
    assert end_all(tmp_path, [host], HOST, way) == []


def test_who_is_refused_is_not_waited_for(tmp_path, host):
    """Calls are over in a moment, and no other ones get in meanwhile."""
    taken = []
    for attempt in range(ATTEMPTS):
        plugin = make_plugin(tmp_path / str(attempt), "sleep")
        result = finish(start([host, "several", plugin, 300 + 7 * attempt]))
        taken.append(time.monotonic() - float(result.out))
        # Those that are inside are waited for as long, and then once more.
        if taken[-1] < 0.9:
            return
    raise AssertionError(f"never ended at once: {taken}")


GIVING = """
import numpy as np

class Plugin:
    output_caps = "application/x-held"
    number = 0
    def process_audio(self, buffer):
        self.number += 1
        if self.number == 300:
            open(__file__ + ".called", "w").close()
        byte = self.number % 256
        made = bytes([byte]) * 1000
        return (made, bytearray(made), np.full(1000, byte, "u1"))[self.number % 3]
"""


@pytest.mark.parametrize("way", ["held", "held-stopped"])
@pytest.mark.parametrize("kind", ["application", "host"])
def test_buffers_outlive_python(tmp_path, tmp_path_factory, host, kind, way):
    """What a plugin gave is read and dropped when Python is long gone."""
    library = tmp_path_factory.mktemp("c") / "buffers.so"
    compile_c("exit_buffers.c", library, "-shared", "-fPIC", *gst_flags())
    plugin = tmp_path / "giving.py"
    plugin.write_text(GIVING)
    called = pathlib.Path(f"{plugin}.called")
    program = (
        [PYTHON, PROGRAMS / "exit_application.py"] if kind == "application" else [host]
    )
    for number in range(3 * MORE or 1):
        command = [*program, way, plugin, number]
        result = finish(start(command, EXIT_BUFFERS=library))
        called.unlink()
        dropped = int(result.out.split()[-1])
        assert dropped >= 299, result.err  # the call that said so was not over
        assert problems(way, result.code, (0,), result.err) == []


LAUNCH = [(signal.SIGINT, call) for call in SHORT + ("loop",)] + [
    (signal.SIGTERM, call) for call in ALL
]


@soak.one_in(2)
@pytest.mark.parametrize("number,call", LAUNCH)
def test_gst_launch_ends(tmp_path, number, call):
    """SIGINT stops the pipeline, SIGTERM ends the process on the spot."""
    expected = (0, 1) if number == signal.SIGINT else (-signal.SIGTERM,)
    plugin = make_plugin(tmp_path / "folder", call)
    called = pathlib.Path(f"{plugin}.called")
    line = f"-q audiotestsrc ! pythonfilter script={plugin} ! fakesink"
    quick = 0
    for attempt in range(ATTEMPTS * (MORE or 1)):
        process = start(["gst-launch-1.0", *line.split()])
        eventually(lambda: called.exists() or process.poll() is not None)
        time.sleep(0.02 * attempt)  # another moment each time
        sent = time.monotonic()
        if number == signal.SIGINT:
            interrupt(process)
        else:
            process.send_signal(number)
        result = finish(process)
        quick += time.monotonic() - sent < LIMIT
        called.unlink()
        assert problems(call, result.code, expected, result.err) == []
        if quick >= (2 * MORE or 1):
            return
    raise AssertionError(f"only {quick} ended within {LIMIT} s")
