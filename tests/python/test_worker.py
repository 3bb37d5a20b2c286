# SPDX-License-Identifier: LGPL-2.1-or-later
"""The worker of isolation=process, over its protocol: the life of a plugin."""

import re
import threading

import numpy as np
import pytest

from processes import ROOT
from pythonfilter.host.capabilities import FLAGS
from waiting import eventually
from worker_host import (
    CALL,
    FAILED,
    OK,
    Failure,
    WorkerHost,
    send,
    text,
    unpack_list,
)

ONES = np.ones((2, 480), np.float32)


@pytest.fixture
def load(worker, files):
    """load(source, …) is a plugin; load.path is where its source is."""

    def make(source, kind="processor", into=worker, **more):
        make.path = files({"plugin.py": "from base_plugin import *\n" + source})
        return into.load(make.path / "plugin.py", kind, **more)

    return make


def failure_of(function, *arguments):
    with pytest.raises(Failure) as raised:
        function(*arguments)
    return raised.value


# ---- load -----------------------------------------------------------------------


def test_the_server_says_which_python_it_is(server):
    assert server.hello[0] == "ready"
    assert server.hello[1].count(".") == 2
    assert server.hello[2] == np.__version__


def test_load_process_stop(load):
    plugin = load("class Half:\n def process_audio(self, buffer): buffer.data *= 0.5")
    assert plugin.start() == ""
    reply = plugin.process(ONES)
    assert (reply.outcome, reply.flags) == (OK, 0)
    assert (reply.samples == 0.5).all() and reply.time > 0
    plugin.stop()
    assert plugin.ask("shutdown") == []


def test_the_order_of_calls(load):
    source = """
class Plugin(AudioProcessorPlugin):
    def __init__(self):
        self.calls = []
        for name in ("initialize", "set_sample_rate", "set_channel_count",
                     "set_channels", "set_buffer_size", "start", "reset", "stop",
                     "shutdown"):
            setattr(self, name, self.recorder(name))
    def recorder(self, name):
        return lambda *arguments: self.post(name, arguments=list(arguments))
    def reset(self): pass
    def process_audio(self, buffer): self.post("process")
"""
    plugin = load(source)
    plugin.start(2, rate=44100, frames=333)
    plugin.process(ONES)
    plugin.ask("reset")
    plugin.stop()
    plugin.ask("shutdown")
    assert [(name, *fields.get("arguments", ())) for name, fields in plugin.messages] == [
        ("initialize",), ("set_sample_rate", 44100), ("set_channel_count", 2),
        ("set_channels", 2), ("set_buffer_size", 333), ("start",), ("process",),
        ("reset",), ("stop",), ("shutdown",),
    ]  # fmt: skip


def test_capabilities(load, files):
    source = """
import helper
class Plugin(AudioProcessorPlugin):
    formats = ("S16", "F32")
    layouts = "interleaved"
    rates = (8000, 16000)
    channels = range(1, 3)
    read_only = True
    block_size = 64
    block_remainder = "pass"
    curves = "gain"
    gain = Param(0.5, min=0, max=2, unit="dB", description="How loud")
    mode = Param("warm", choices=("warm", "cold"))
    key = Param("", secret=True)
    def __init__(self): self.gain = 1.5
    def process_audio(self, buffer): pass
    def reset(self): pass
    def set_state(self, state): pass
"""
    files({"helper.py": ""})
    plugin = load(source)
    told = plugin.capabilities
    assert plugin.values == ["gain", "1.5", "mode", "warm"]
    flags = {
        "interleaved": 1, "non_interleaved": 0, "read_only": 1, "has_reset": 1,
        "has_drain": 0, "has_latency": 1, "has_unlock": 0, "has_space": 0,
        "has_duration": 0, "has_seek": 0,
        "fail_closed": 0, "carries_state": 1, "compiled": 0, "converts": 0, "maps_to_output": 0,
        "maps_to_input": 0, "as_bytes": 0, "pass_remainder": 1,
        "has_seek": 0, "has_duration": 0, "output_zero": 1, "has_add_input": 0,
        "has_remove_input": 0,
    }  # fmt: skip
    assert {name: int(told.pop(name)[0]) for name in flags} == flags
    parameters = [text(unpack_list(each)) for each in told.pop("parameter")]
    assert parameters == [
        ["gain", "kind", "float", "default", "0.5", "minimum", "0.0",
         "maximum", "2.0", "unit", "dB", "description", "How loud",
         "allowed", "a number from 0 to 2", "curve", "1"],
        ["mode", "kind", "choice", "default", "warm", "allowed",
         "one of warm, cold", "choice", "warm", "choice", "cold"],
        ["key", "kind", "string", "allowed", "a text", "secret", "1"],
    ]  # fmt: skip
    files = text(told.pop("file"))
    assert f"{load.path}/plugin.py" in files and f"{load.path}/helper.py" in files
    assert told == {
        "audio_name": [b"process_audio"], "format": [b"S16", b"F32"],
        "rate": [b"8000 8000", b"16000 16000"], "channels": [b"1 2"],
        "secret": [b"key"], "input_caps": [b""], "output_caps": [b""],
        "block_size": [b"64"],
        "title": [b"Plugin"], "version": [b""], "author": [b""],
        "description": [b""],
    }  # fmt: skip


def test_both_sides_know_the_same_flags():
    header = (ROOT / "bridge" / "capabilities.hpp").read_text()
    assert re.findall(r'\{"(\w+)", &Capabilities::\1\}', header) == [*FLAGS]


GOOD = "class Plugin:\n def process_audio(self, buffer): pass\n"


@pytest.mark.parametrize("source, kind, phase, message", [
    ("x = 1", "unusable", "load", "has no plugin"),
    ("def", "raised", "load", "invalid syntax"),
    ("import nowhere", "raised", "load", "No module named 'nowhere'"),
    (GOOD + " def initialize(self): return False", "refused", "initialize",
     "initialize() returned False"),
    (GOOD + " def initialize(self): raise SystemExit(3)", "raised", "initialize", "3"),
    (GOOD + " p = Param(1)\n def get_parameter(self, key): raise KeyError(key)",
     "raised", "get_parameter", "'p'"),
])  # fmt: skip
def test_what_cannot_be_loaded(load, worker, source, kind, phase, message):
    told = failure_of(load, source)
    assert (told.kind, told.phase) == (kind, phase)
    assert message in told.message
    assert told.file == f"{load.path}/plugin.py"
    # The channel takes another one.
    (load.path / "good.py").write_text(GOOD)
    worker.plugins[-1].load(load.path / "good.py")


def test_a_file_that_is_not_there(worker, tmp_path):
    told = failure_of(worker.load, tmp_path / "none.py")
    assert (told.kind, told.message) == ("not-found", "there is no such file")


def test_a_module_by_name(server, files):
    folder = files({"on_path.py": GOOD})
    with WorkerHost(PYTHONPATH=f".:{folder}") as host:
        assert host.spawn().load("", module="on_path").start() == ""


# ---- between buffers ------------------------------------------------------------


def test_set_parameter_tells_the_value(load):
    plugin = load(
        """
class Plugin(AudioProcessorPlugin):
    gain = Param(1.0, min=0, max=2)
    def process_audio(self, buffer): buffer.data *= self.gain
"""
    )
    assert plugin.ask("set_parameter", "gain", "0.50") == [b"0.5"]
    plugin.start()
    assert (plugin.process(ONES).samples == 0.5).all()
    told = failure_of(plugin.ask, "set_parameter", "gain", "3")
    assert (told.kind, told.phase, told.type) == (
        "raised",
        "set_parameter",
        "ValueError",
    )
    assert told.message == "gain = 3: must be a number from 0 to 2"


def test_a_refused_secret_is_not_quoted(load):
    plugin = load(
        """
class Plugin:
    secrets = "key"
    def process_audio(self, buffer): pass
    def set_parameter(self, key, value):
        if value != "good":
            raise ValueError(f"{value} is no key")
    def get_parameter(self, key):
        raise AssertionError("asked for a secret")
"""
    )
    assert plugin.ask("set_parameter", "key", "good") == [b"good"]
    told = failure_of(plugin.ask, "set_parameter", "key", "hunter2")
    assert vars(told) == {
        "kind": "raised", "phase": "set_parameter", "type": "ValueError",
        "message": "refused the secret parameter key", "file": "", "line": "0",
        "function": "", "traceback": "",
    }  # fmt: skip


def test_numbers_of_a_source_and_a_sink(load):
    source = load(
        """
class Plugin(AudioSourcePlugin):
    _sample_rate, _channel_count, _buffer_size = 16000, 1, 160
    def read_audio(self, buffer): pass
""",
        "source",
    )
    assert source.ask("preferences") == [b"16000", b"1", b"160"]
    sink = load(
        """
class Plugin:
    def write_audio(self, buffer): pass
    def get_available_space(self): return 77.9
""",
        "sink",
    )
    assert sink.ask("available_space") == [b"77"]
    filter = load(
        """
class Plugin:
    def process_audio(self, buffer): pass
    def get_processing_latency(self): return 0.125
"""
    )
    assert float(filter.ask("latency")[0]) == 0.125
    assert failure_of(load, GOOD + " get_processing_latency = 3", "sink")


def test_drain(load):
    plugin = load(
        """
import numpy as np
class Plugin:
    given = [None, np.arange(6, dtype="f4").reshape(3, 2).T, np.zeros((3, 1), "f4"),
             np.zeros((2, 1))]
    def process_audio(self, buffer): pass
    def drain(self): return self.given.pop(0)
"""
    )
    plugin.start()
    assert plugin.ask("drain", 0) == [b"0", b""]
    frames, samples = plugin.ask("drain", 0)
    assert frames == b"3"
    assert np.frombuffer(samples, "f4").tolist() == [0, 2, 4, 1, 3, 5]
    told = failure_of(plugin.ask, "drain", 0)
    assert told.message == "gave an array of shape (3, 1), not (2, frames)"
    told = failure_of(plugin.ask, "drain", 0)
    assert told.message == (
        "gave an array of float64, not float32: use .astype(np.float32)"
    )


STATE = """
import helper
class State:
    def __init__(self, value): self.value = value
class Plugin:
    state = None
    def process_audio(self, buffer): buffer.data[:] = self.state.value
    def get_state(self): return [State(7), helper.Part()]
    def set_state(self, states):
        self.state, part = states
        assert type(self.state) is State and type(part) is helper.Part
"""


def test_a_state_goes_to_other_code_in_another_process(server, load, files):
    files({"helper.py": "class Part: pass"})
    (state,) = load(STATE).ask("get_state")
    other = server.spawn()
    other.load(load.path / "plugin.py")
    new = other.load(load.path / "plugin.py", again=1)
    assert new.ask("restore_state", state) == []
    new.start()
    assert (new.process(ONES).samples == 7).all()


def test_a_state_that_cannot_travel(load):
    plugin = load(
        GOOD
        + """
 def get_state(self): return lambda: 0
 def set_state(self, state): pass
"""
    )
    told = failure_of(plugin.ask, "get_state")
    assert (told.kind, told.phase) == ("bad-result", "get_state")
    assert told.message.startswith(
        "get_state() gave a state that cannot go to another process: "
    )
    assert told.function == "get_state"
    told = failure_of(plugin.ask, "restore_state", b"nonsense")
    assert (told.kind, told.phase) == ("bad-result", "set_state")


# ---- what it tells --------------------------------------------------------------


def test_messages_of_every_type(load):
    plugin = load(
        """
import numpy as np
class Plugin(AudioProcessorPlugin):
    def process_audio(self, buffer):
        self.post("all", b=True, i=-2**63, d=0.1, s="\\u00e4", inf=float("inf"),
                  ab=[True, False], ai=np.arange(3), ad=(0.5, 1), as_=["", "x"], none=[])
        raise ValueError("after it")
"""
    )
    plugin.start()
    reply = plugin.process(ONES)
    assert reply.outcome == FAILED and reply.failure.message == "after it"
    assert plugin.messages == [("all", {
        "b": True, "i": -2**63, "d": 0.1, "s": "\u00e4", "inf": float("inf"),
        "ab": [True, False], "ai": [0, 1, 2], "ad": [0.5, 1.0], "as_": ["", "x"],
        "none": [],
    })]  # fmt: skip


def test_the_last_messages_of_a_call_are_kept(load):
    plugin = load(
        """
class Plugin(AudioProcessorPlugin):
    def start(self):
        for i in range(1234): self.post("count", i=i)
    def process_audio(self, buffer): pass
"""
    )
    plugin.start()
    assert [fields["i"] for _, fields in plugin.messages[:-1]] == list(range(234, 1234))
    assert plugin.messages[-1] == 234


def test_messages_outside_a_call_are_events(load):
    plugin = load(
        """
import threading
class Plugin(AudioProcessorPlugin):
    def __init__(self): self.post("early")
    def process_audio(self, buffer):
        thread = threading.Thread(target=lambda: self.post("outside"))
        thread.start(); thread.join()
        self.post("inside")
"""
    )
    assert plugin.messages == [("early", {})]
    plugin.start()
    plugin.process(ONES)
    assert plugin.messages == [("early", {}), ("inside", {})]
    assert plugin.event() == ("outside", {})


LOGGING = """
import logging, threading
log = logging.getLogger(__name__)
class Plugin:
    def process_audio(self, buffer):
        log.info("of mine: %d", 3)
        logging.getLogger("library").warning("of a library")
        for where in ("library", __name__):
            thread = threading.Thread(
                target=logging.getLogger(where).error, args=("of a thread",))
            thread.start(); thread.join()
"""


def test_the_log(server, load):
    plugin = load(LOGGING, into=server.spawn(), level=20)
    plugin.start()
    plugin.process(ONES)
    said = [plugin.event() for _ in range(4)]
    assert [(name, level, words, anonymous) for name, level, _, _, _, words, anonymous in said] == [
        ("log", "20", "of mine: 3", "0"),
        ("log", "30", "library: of a library", "0"),
        ("log", "40", "library: of a thread", "1"),
        ("log", "40", "of a thread", "0"),
    ]  # fmt: skip
    assert said[0][2:5] == (f"{load.path}/plugin.py", "7", "process_audio")


def test_the_threshold_of_the_log_can_change(server, load):
    plugin = load(LOGGING, into=server.spawn(), level=30)
    plugin.start()
    plugin.process(ONES)
    assert [plugin.event()[1] for _ in range(3)] == ["30", "40", "40"]
    plugin.tell("threshold", 20)
    while plugin.process(ONES) and (level := plugin.event()[1]) != "20":
        assert level == "30" and [plugin.event()[1] for _ in range(2)]
    assert [plugin.event()[1] for _ in range(3)] == ["30", "40", "40"]


LOGGING_MUCH = """
import logging
log = logging.getLogger(__name__)
class Plugin:
    def process_audio(self, buffer):
        for i in range(2000): log.error("%d %s", i, "x" * 1000)
"""


def test_nobody_who_reads_the_log_holds_nothing_up_for_ever(load):
    plugin = load(LOGGING_MUCH, level=20)
    plugin.start()
    assert plugin.process(ONES).outcome == OK  # a second, not one for each
    seen = [plugin.event()[5]]
    plugin.process(ONES)
    while not seen[-1].endswith("records were lost: nobody read them"):
        seen.append(plugin.event()[5])
    count = len(seen) - 1
    assert [int(each.split()[0]) for each in seen[:-1]] == list(range(count))
    assert int(seen[-1].split()[0]) >= 2000 - count


def test_what_was_lost_is_told_though_nothing_else_is_said(load):
    plugin = load(LOGGING_MUCH, level=20)
    plugin.start()
    plugin.process(ONES)
    seen = []

    def read():
        while not seen or not seen[-1].endswith("records were lost: nobody read them"):
            seen.append(plugin.event()[5])

    reading = threading.Thread(target=read, daemon=True)
    reading.start()

    def heard():
        plugin.stop()
        plugin.start()
        return not reading.is_alive()

    eventually(heard)
    assert int(seen[-1].split()[0]) == 2000 - (len(seen) - 1)


def test_what_a_thread_posts_and_nobody_reads_is_counted(load):
    plugin = load(
        """
import threading
from base_plugin import AudioProcessorPlugin
class Plugin(AudioProcessorPlugin):
    calls = 0
    def flood(self):
        for i in range(2000): self.post("flood", i=i, filler="x" * 1000)
    def process_audio(self, buffer):
        self.calls += 1
        if self.calls == 3:
            thread = threading.Thread(target=self.flood)
            thread.start()
            thread.join()
"""
    )
    plugin.start()
    for _ in range(4):  # the usual way, and out of it
        assert plugin.process(ONES).outcome == OK
    (dropped,) = plugin.messages
    seen = [plugin.event()[1]["i"] for _ in range(2000 - dropped)]
    assert seen == list(range(len(seen)))


def test_print_goes_to_the_output(server, load):
    worker = server.spawn()
    source = "import os, sys\n" + GOOD.replace(
        "pass",
        "print('said', end=''); sys.stdout.write('written'); os.write(1, b'and by hand')",
    )
    plugin = load(source, into=worker)
    plugin.start()
    plugin.process(ONES)
    assert worker.printed("hand") == "saidwrittenand by hand"


# ---- while a call runs ----------------------------------------------------------


BUSY = """
import threading, time
class Plugin(AudioProcessorPlugin):
    output_caps = "application/x"
    def __init__(self): self.go = threading.Event()
    def process_audio(self, buffer):
        self.post("inside"); open(__file__ + ".inside", "w").close()
        CODE
        return b""
    def get_output_caps(self, caps):
        if caps == "go": self.go.set()
        if caps == "bad": raise ValueError("no such caps")
        if caps == "none": return None
        return caps.upper()
    def unlock(self): self.go.set()
"""


def send_samples(plugin, folder):
    """Waits until they are in the plugin, and not for the reply."""
    plugin.start(bytes=1, in_place=0)
    plugin.add_slot(0, 4096)
    plugin.request(1, slot=0, frames=4)
    eventually((folder / "plugin.py.inside").exists, "the call")


@pytest.mark.parametrize("code", [
    "while True: pass",
    "while True: time.sleep(0.001)",
    "self.go.wait()",
    "while True:\n            try:\n                time.sleep(0.01)\n"
    "            except Exception: pass",
])  # fmt: skip
def test_a_call_is_interrupted(load, code):
    plugin = load(BUSY.replace("CODE", code))
    send_samples(plugin, load.path)
    if code == "self.go.wait()":  # it is in C, until somebody lets it go
        plugin.tell("interrupt")
        plugin.tell("unlock")
    else:
        plugin.tell("interrupt")
    reply = plugin.reply(None, 0, 0)
    assert reply.outcome == FAILED
    assert (reply.failure.kind, reply.failure.phase) == ("interrupted", "process_audio")
    assert reply.failure.type == "PluginTimeout"
    assert plugin.messages == [("inside", {})]


def test_an_interrupt_outside_a_call_hits_nothing(load):
    plugin = load("class Half:\n def process_audio(self, buffer): buffer.data *= 0.5")
    plugin.start()
    stop = threading.Event()

    def interrupt():
        while not stop.is_set():
            plugin.tell("interrupt")

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        outcomes = set()
        for _ in range(3000):
            reply = plugin.process(ONES)
            kind = reply.failure and reply.failure.kind
            outcomes.add((reply.outcome, kind))
            if reply.outcome == FAILED:
                plugin.slots.pop(0)  # it may count as kept
    finally:
        stop.set()
        thread.join()
    assert outcomes <= {(OK, None), (FAILED, "interrupted")}
    assert plugin.process(ONES, slot=1).outcome in (OK, FAILED)
    assert plugin.process(ONES, slot=2).outcome == OK
    plugin.stop()


def test_an_interrupt_that_comes_too_late_is_taken_back():
    from pythonfilter.worker.failure import Timeout
    from pythonfilter.worker.running import Running

    raised = []

    class Recording(Running):
        def _raise(self, error):
            raised.append(error)

    running = Recording()
    running.interrupt()  # no call: but one may just have ended, and looks at this
    assert (raised, running.interrupting) == ([], True)
    running.phase = "process_audio"
    running.interrupt()
    assert raised == [Timeout]
    running.over()
    assert (raised, running.interrupting) == ([Timeout, None], False)


def test_a_call_that_is_no_audio_is_interrupted(load):
    inside = "  open(__file__ + '.inside', 'w')\n"
    plugin = load(f"{GOOD} def start(self):\n{inside}  while True: pass")
    send(
        plugin.calls, ["start", "F32", 1, 48000, 2, 0, "", "", 0, 1, 0, 0, "F32", 1, 2]
    )
    plugin.request(CALL)
    eventually((load.path / "plugin.py.inside").exists, "the call")
    plugin.tell("interrupt")
    told = failure_of(plugin.answer)
    assert (told.kind, told.phase) == ("interrupted", "start")


def test_caps_are_mapped_while_a_call_runs(load):
    plugin = load(BUSY.replace("CODE", "self.go.wait()"))
    assert plugin.capabilities["maps_to_output"] == [b"1"]
    send_samples(plugin, load.path)
    plugin.tell("map_caps", 5, "output", "audio/x-raw")
    place = (f"{load.path}/plugin.py", "11", "get_output_caps")
    assert plugin.event() == ("mapped", "5", "AUDIO/X-RAW", *place)
    plugin.tell("map_caps", 6, "output", "bad")
    name, serial, kind, phase, type, message, *rest = plugin.event()
    assert (name, serial, kind, phase) == (
        "not_mapped",
        "6",
        "raised",
        "get_output_caps",
    )
    assert (type, message) == ("ValueError", "no such caps") and len(rest) == 4
    plugin.tell("map_caps", 7, "output", "none")
    assert plugin.event()[2:6] == (
        "bad-result", "get_output_caps", "",
        "get_output_caps() gave None, not a string of GStreamer caps",
    )  # fmt: skip
    plugin.tell("map_caps", 8, "output", "go")
    assert plugin.event()[0] == "mapped"
    assert plugin.reply(None, 0, 0).outcome == OK


def test_unlock_while_a_call_runs(load):
    plugin = load(BUSY.replace("CODE", "self.go.wait()"))
    send_samples(plugin, load.path)
    plugin.tell("unlock")
    assert plugin.reply(None, 0, 0).outcome == OK


def test_three_plugins_in_one_worker(server, load, files):
    worker = server.spawn()
    source = "import helper\n" + GOOD.replace("pass", "buffer.data[:] = helper.next()")
    files(
        {
            "helper.py": "import os\ncount = 0\ndef next():\n"
            " global count\n count += 1\n return count * 1000 + os.getpid() % 1000\n"
        }
    )
    plugins = [load(source, into=worker) for _ in range(3)]
    for plugin in plugins:
        plugin.start()
    of_pid = worker.pid % 1000
    for count in (1, 2):
        for plugin in plugins:
            samples = plugin.process(ONES).samples
            assert (samples == count * 1000 + of_pid).all()
    # One goes, the others stay.
    plugins[1].ask("shutdown")
    plugins.pop(1).close()
    del worker.plugins[1]
    for plugin in plugins:
        assert plugin.process(ONES).samples[0, 0] == 3000 + of_pid
