# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker is as a process: how it begins and ends, and what it costs."""

import os
import pathlib
import select
import signal
import subprocess
import sys

import numpy as np
import pytest

import processes
import soak
import worker_host
from waiting import PATIENCE, eventually
from worker_host import ESCAPED, OK, WorkerHost, send

ONES = np.ones((2, 480), np.float32)
GOOD = "def process_audio(buffer): pass\n"
HUNG = "def process_audio(buffer):\n while True: pass\n"


# ---- beginning ------------------------------------------------------------------


def interpreters():
    """Such as have no NumPy, or are too old: of pyenv, if it is there."""
    versions = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    if not os.access(versions / "versions", os.R_OK | os.X_OK):
        return
    for python in sorted(versions.glob("versions/*/bin/python")):
        has = subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL)
        if has.returncode != 0:
            yield str(python)


def test_an_interpreter_without_numpy_says_so(tmp_path):
    made = subprocess.run([processes.PYTHON, "-m", "venv", "--without-pip", tmp_path])
    assert made.returncode == 0
    pythons = [str(tmp_path / "bin" / "python"), *interpreters()]
    for python in pythons:
        with WorkerHost(python) as host:
            (word, why) = host.hello
            assert word == "unusable" and why.startswith(python[:20])
            assert "No module named" in why or "too old" in why, why
            assert why.count("\n") == 0
            assert host.output() == ""


def test_what_lies_in_folders_of_no_name_never_runs(files, monkeypatch):
    trap = "open('ran', 'a').write(__name__)\n"
    names = ("numpy", "wire", "view", "pythonfilter", "kinds", "json")
    folder = files({f"cwd/{name}.py": trap for name in names} | {
        "plugin.py": "import json, numpy\ntry: import wire\n"
        "except ImportError: pass\nelse: raise AssertionError(wire)\n" + GOOD
    })  # fmt: skip
    monkeypatch.chdir(folder / "cwd")
    for path in (".", ":", "", None):
        with WorkerHost(PYTHONPATH=path) as host:
            assert host.hello[0] == "ready"
            host.spawn().load(folder / "plugin.py")
            assert not (folder / "cwd" / "ran").exists()


def test_a_server_behind_a_link_has_its_own_modules_to_itself(files):
    """Python takes the link out of the path that it puts on sys.path."""
    folder = files({"plugin.py": "def process_audio(buffer): import wire\n"})
    (folder / "link").symlink_to(worker_host.SERVER.parents[2])
    server = folder / "link" / "pythonfilter" / "worker" / "server.py"
    with WorkerHost(server=server) as host:
        plugin = host.spawn().load(folder / "plugin.py")
        plugin.start()
        assert plugin.process(ONES).failure.type == "ModuleNotFoundError"


# ---- ending ---------------------------------------------------------------------


@pytest.mark.parametrize("source", [GOOD, HUNG])
def test_a_worker_ends_with_its_socket(server, files, source):
    worker = server.spawn()
    plugin = worker.load(files({"plugin.py": source}) / "plugin.py")
    plugin.start()
    plugin.add_slot(0, 4096)
    plugin.request(1, slot=0, frames=8)
    worker.socket.close()
    assert worker.ended()
    assert server.exited() == (int(worker.number), 0)


@pytest.mark.parametrize("kept", [False, True], ids=["dropped", "keeps itself"])
def test_a_worker_looks_for_garbage_only_if_its_plugin_is_left(server, files, kept):
    """Else that would copy all that it shares with its server, and free nothing."""
    folder = files(
        {
            "plugin.py": f"""
import gc, os
def note(what):
    with open(os.path.dirname(__file__) + "/noted", "a") as notes:
        notes.write(what + " ")
class Plugin:
    def __init__(self):
        self.kept = self if {kept} else None
    def process_audio(self, buffer): pass
    def shutdown(self):
        gc.callbacks.append(lambda phase, info: note(phase))
    def __del__(self): note("deleted")
"""
        }
    )
    worker = server.spawn()
    plugin = worker.load(folder / "plugin.py")
    plugin.start()
    plugin.add_slot(0, 4096)
    assert plugin.process(ONES).outcome == OK
    plugin.stop()
    assert plugin.ask("shutdown") == []
    worker.socket.close()
    assert server.exited() == (int(worker.number), 0)
    noted = (folder / "noted").read_text()
    assert noted == ("start deleted stop " if kept else "deleted ")


def test_how_a_worker_ended_is_told(server, files):
    source = "import os, signal, threading\n" + GOOD.replace("pass", "{}")
    ways = {
        "os._exit(3)": 3 << 8,
        "os.kill(os.getpid(), signal.SIGKILL)": signal.SIGKILL,
        # As a crash does, which comes to its own thread.
        "signal.pthread_kill(threading.get_ident(), signal.SIGSEGV)": signal.SIGSEGV,
    }
    for code, status in ways.items():
        worker = server.spawn()
        script = files({"plugin.py": source.format(code)}) / "plugin.py"
        plugin = worker.load(script)
        plugin.start()
        plugin.add_slot(0, 4096)
        plugin.request(1, slot=0, frames=8)
        assert worker.ended()
        number, found = server.exited()
        assert (number, found & 0xFF7F) == (worker.number, status)
        if status == signal.SIGSEGV:  # faulthandler's words
            assert "process_audio" in worker.output()


def test_without_the_server_there_are_no_workers(files):
    host = WorkerHost()
    script = files({"plugin.py": HUNG}) / "plugin.py"
    worker = host.spawn()
    plugin = worker.load(script)
    plugin.start()
    plugin.add_slot(0, 4096)
    plugin.request(1, slot=0, frames=8)
    os.kill(host.pid, signal.SIGKILL)
    assert worker.ended()
    host.close()


HOST = """
import sys
sys.path.insert(0, sys.argv[1])
from worker_host import WorkerHost
host = WorkerHost()
plugins = [host.spawn().load(sys.argv[2]) for _ in range(2)]
for plugin in plugins:
    plugin.start()
    plugin.add_slot(0, 4096)
    plugin.request(1, slot=0, frames=8)
print(host.pid, *(worker.pid for worker in host.workers), flush=True)
sys.stdin.read()
"""


def test_without_the_host_there_is_nothing(files):
    script = files({"plugin.py": HUNG}) / "plugin.py"
    host = subprocess.Popen(
        [
            processes.PYTHON,
            "-c",
            HOST,
            str(pathlib.Path(worker_host.__file__).parent),
            str(script),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    descriptors = [os.pidfd_open(int(pid)) for pid in host.stdout.readline().split()]
    assert len(descriptors) == 3
    host.kill()
    host.wait()
    for descriptor in descriptors:
        assert select.select([descriptor], [], [], PATIENCE)[0]
        os.close(descriptor)
    host.stdin.close()
    host.stdout.close()


def test_ctrl_c_is_the_hosts_business(server, files):
    worker = server.spawn()
    plugin = worker.load(files({"plugin.py": GOOD}) / "plugin.py")
    plugin.start()
    os.kill(server.pid, signal.SIGINT)
    os.kill(worker.pid, signal.SIGINT)
    assert plugin.process(ONES).outcome == OK
    assert server.spawn().pid


# ---- what breaks a rule ---------------------------------------------------------


def bad_record(plugin):
    plugin.calls.sendall(b"\x08\0\0\0" + b"\1\0\0\0" + b"\xff\0\0\0")
    plugin.request(2)


def too_long(plugin):
    plugin.calls.sendall(b"\xff\xff\xff\xff")
    plugin.request(2)


def no_such_call(plugin):
    send(plugin.calls, ["dance"])
    plugin.request(2)


def too_few_fields(plugin):
    send(plugin.calls, ["start", "F32"])
    plugin.request(2)


def no_such_slot(plugin):
    plugin.request(1, slot=99, frames=8)


def outside_the_slot(plugin):
    plugin.add_slot(0, 4096)
    plugin.request(1, slot=0, frames=8, offset=4090)


def no_such_request(plugin):
    plugin.request(9)


def nothing_to_resume(plugin):
    plugin.request(3)


def no_such_event(plugin):
    plugin.tell("explode")


def not_a_notice(plugin):
    plugin.notice(["slot", 0, 4096, 1])
    plugin.request(1, slot=0, frames=8)


@pytest.mark.parametrize("rule", [
    bad_record, too_long, no_such_call, too_few_fields, no_such_slot, outside_the_slot,
    no_such_request, nothing_to_resume, no_such_event, not_a_notice,
])  # fmt: skip
def test_whatever_breaks_a_rule_ends_the_worker(files, server, rule):
    worker = server.spawn()
    plugin = worker.load(files({"plugin.py": GOOD}) / "plugin.py")
    plugin.start()
    rule(plugin)
    assert worker.ended()
    assert server.exited() == (worker.number, 1 << 8)
    said = worker.output()
    assert said.startswith("ProtocolError: ") and said.count("\n") == 1


def test_what_a_plugin_keeps_is_nobodys_samples_again(files, server):
    source = """
        kept = []
        def process_audio(buffer):
            kept.append(buffer.data)
    """
    worker = server.spawn()
    plugin = worker.load(files({"plugin.py": source}) / "plugin.py")
    plugin.start()
    assert plugin.process(ONES).flags & ESCAPED
    plugin.request(1, slot=0, frames=8)
    assert worker.ended()
    assert server.exited() == (worker.number, 1 << 8)
    assert worker.output().startswith("ProtocolError: ")


# ---- what it has ----------------------------------------------------------------


def test_workers_make_other_noise(server, files):
    script = (
        files(
            {
                "plugin.py": """
        import random
        import numpy as np
        def process_audio(buffer):
            buffer.data[0] = np.random.random(buffer.data.shape[1])
            buffer.data[1] = random.random()
    """
            }
        )
        / "plugin.py"
    )
    noises = []
    for _ in range(3):
        plugin = server.spawn().load(script)
        plugin.start()
        noises.append(plugin.process(ONES).samples)
    for i in (0, 1):
        assert len({noise[i].tobytes() for noise in noises}) == 3


def test_a_worker_has_its_own_descriptors_and_no_others(server, files):
    script = files({"plugin.py": GOOD}) / "plugin.py"
    keep = [server.spawn().load(script) for _ in range(2)]
    worker = server.spawn()
    for _ in range(3):
        plugin = worker.load(script)
        plugin.start()
        plugin.process(ONES)
    folder = f"/proc/{worker.pid}/fd"
    found = sorted(os.readlink(f"{folder}/{each}") for each in os.listdir(folder))
    kinds = [each.partition(":")[0].partition(" ")[0] for each in found]
    # Standard input, output and error; the worker's socket; of each plugin two
    # sockets, two eventfds, and before Python 3.13 one for each mapping.
    assert kinds.count("/dev/null") == 1 and kinds.count("pipe") == 2
    assert kinds.count("socket") == 1 + 3 * 2
    assert kinds.count("anon_inode") == 3 * 2
    mappings = [each for each in kinds if each.startswith("/memfd")]
    assert len(mappings) == (0 if sys.version_info >= (3, 13) else 3 * 2)
    assert len(kinds) == 3 + 7 + 6 + len(mappings)
    # With the plugin they go.
    for plugin in worker.plugins:
        plugin.ask("shutdown")
        plugin.close()
    worker.plugins.clear()
    eventually(lambda: len(os.listdir(folder)) == 4)
    assert all(each.process for each in keep)


def test_the_server_keeps_nothing_of_workers_that_are_gone(files):
    with WorkerHost() as host:
        folder = f"/proc/{host.pid}/fd"
        before = len(os.listdir(folder))
        for _ in range(30):
            worker = host.spawn()
            worker.socket.close()
            assert host.exited() == (worker.number, 0)
        assert len(os.listdir(folder)) == before


def test_nothing_is_left_behind_by_a_buffer(server, files):
    last = soak.count(20_000, 100_000)
    script = (
        files(
            {
                "plugin.py": """
        import sys
        count = 0
        class Plugin:
            def process_audio(self, buffer):
                global count
                count += 1
                buffer.data *= 0.5
                if count in (1000, LAST):
                    buffer.data[0, 0] = sys.getallocatedblocks()
    """.replace(
                    "LAST", str(last)
                )
            }
        )
        / "plugin.py"
    )
    plugin = server.spawn().load(script)
    plugin.start(format="F32")
    seen = []
    plugin.process(ONES)
    for i in range(2, last + 1):
        plugin.request(1, slot=0, frames=480, pts=i)
        os.eventfd_read(plugin.replies)
        if i in (1000, last):
            seen.append(plugin.samples(0, 480)[0, 0])
    # An inline cache or two; one block for each buffer would be thousands.
    assert abs(seen[1] - seen[0]) < 50, seen


# ---- the sandbox ----------------------------------------------------------------


def test_what_of_a_sandbox_was_applied_is_told(server, files):
    assert server.spawn("none").hello == ["sandbox", "none"]
    word, applied = server.spawn("basic", required=True).hello
    assert word == "sandbox" and "no-new-privs" in applied
    script = (
        files(
            {
                "plugin.py": """
        import numpy as np
        import threading
        output_caps = "a/b"
        class Plugin:
            def process_audio(self, buffer):
                try:
                    open("/tmp/from-a-strict-worker", "w")
                except PermissionError:
                    buffer.data[:] = 7
            def get_output_caps(self, caps): return caps
            def unlock(self): pass
    """
            }
        )
        / "plugin.py"
    )
    worker = server.spawn("strict")
    for _ in range(2):
        plugin = worker.load(script)
        assert "seccomp" in plugin.start(input_caps="a", output_caps="a")
        for slot in range(3):
            reply = plugin.process(ONES, slot=slot)
            assert reply.outcome == OK and (reply.samples == 7).all(), reply.failure
        plugin.tell("map_caps", 1, "output", "a")
        assert plugin.event()[0] == "mapped"
        plugin.tell("unlock")
        plugin.stop()
        assert "seccomp" in plugin.start()
        plugin.ask("shutdown")
