# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom a worker can reach: the table of docs/sandbox.md, cell by cell.

On the kernel that is here, and as if it were an older one or none of its parts
were to be had: what the server believes of it is changed.
"""

import json
import os
import resource
import subprocess

import pytest

import worker_host
import soak
from processes import PYTHON
from worker_host import WorkerHost

SERVER = worker_host.SERVER

# What an older kernel, or a container, does not have.
KERNELS = {
    "this": "",
    "Linux 5.19": "landlock.version = lambda: 2",
    "Linux 5.13": "landlock.version = lambda: 1",
    "no Landlock": "landlock.version = missing",
    "neither": "landlock.version = missing; user_namespace.enter = missing",
    "Linux 5.4": "landlock.version = missing; seccomp._API_OF_LINUX_5_7 = 99",
    "nothing": "landlock.version = user_namespace.enter = missing; "
    "seccomp.LIBRARY = 'libseccomp-not-there.so.2'",
}
WITHOUT = """
from _pythonfilter.worker import landlock, seccomp, user_namespace
def missing():
    raise OSError(38, "not here")
"""

# Each is what a plugin tries with the process `pid`.
ACTS = {
    "signal": "os.kill(pid, 0)",
    "queued signal": "call('sigqueue', pid, 0, None)",
    "signal of a group": "os.killpg(os.getpgid(pid), 0)",
    "signal to a thread": "call('tgkill', pid, pid, 0)",
    "limit": "resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))",
    "priority": "same_priority(os.PRIO_PROCESS, pid)",
    "priority of a group": "same_priority(os.PRIO_PGRP, os.getpgid(pid))",
    "affinity": "os.sched_setaffinity(pid, os.sched_getaffinity(pid))",
    "turns": "os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))",
    "turns at the disk": "call('syscall', IOPRIO_SET, 1, pid, 0)",
    "seen": "open(f'/proc/{pid}/status').read()",
    "write in proc": "write_score(pid)",
    "descriptors": "os.readlink(f'/proc/{pid}/fd/1')",
    "memory": "os.close(os.open(f'/proc/{pid}/mem', os.O_RDWR))",
    "copying": "copy(pid)",
    "tracing": "trace(pid)",
    "environment": "open(f'/proc/{pid}/environ').close()",
    "maps": "open(f'/proc/{pid}/maps').close()",
    "pages": "open(f'/proc/{pid}/pagemap').close()",
    "advice": "advise(pid)",
    "counting": "count(pid)",
}
SIGNALS = [name for name in ACTS if "signal" in name]
LOOKS = ["descriptors", "memory", "copying", "tracing", "environment", "maps"]
LOOKS += ["pages", "advice", "counting"]
OPEN = ["seen", "write in proc"]
CHANGES = [name for name in ACTS if name not in SIGNALS + LOOKS + OPEN]

PLUGIN = """
import ctypes, fcntl, json, os, resource, signal, socket, subprocess, threading
import multiprocessing

libc = ctypes.CDLL(None, use_errno=True)
IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}.get(os.uname().machine, -1)

def call(name, *arguments):
    function = getattr(libc, name)
    function.argtypes = None
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

PERF_EVENT_OPEN = {"x86_64": 298}.get(os.uname().machine, 241)

def advise(pid):
    descriptor = os.pidfd_open(pid)
    # Of nothing; who may give it is told that this is none.
    try:
        call("syscall", 440, descriptor, None, ctypes.c_size_t(0), 20, 0)
    finally:
        os.close(descriptor)

def count(pid):
    # PERF_TYPE_SOFTWARE, of 112 bytes: the clock of the processor, of the user only.
    attributes = bytearray(112)
    attributes[0:16] = bytes([1, 0, 0, 0, 112]) + bytes(11)
    attributes[40] = 0x60
    place = (ctypes.c_char * 112).from_buffer(attributes)
    call("syscall", PERF_EVENT_OPEN, place, pid, -1, -1, ctypes.c_ulong(0))

def same_priority(which, who):
    os.setpriority(which, who, os.getpriority(which, who))

def copy(pid):
    # What is read is nowhere: who may look is told so, and nobody else.
    vector = (ctypes.c_size_t * 2)(1, 1)
    try:
        call("process_vm_readv", pid, vector, 1, vector, 1, 0)
    except OSError as error:
        if error.errno != 14:
            raise

def write_score(pid):
    with open(f"/proc/{pid}/oom_score_adj", "r+") as file:
        score = file.read()
        file.seek(0)
        file.write(score)

def trace(pid):
    call("ptrace", 0x4206, pid, None, None)  # PTRACE_SEIZE stops nobody
    subprocess.run(["true"])

def owner(pid, number):
    near, far = socket.socketpair()
    fcntl.fcntl(near, fcntl.F_SETOWN, pid)
    fcntl.fcntl(near, 10, number)
    fcntl.fcntl(near, fcntl.F_SETFL, os.O_ASYNC)
    far.send(b"x")

def attempt(act, pid):
    try:
        exec(act, globals(), {"pid": pid})
    except PermissionError:
        return "refused"
    except FileNotFoundError:
        return "hidden"  # /proc is mounted so that it shows nothing of others
    return "done"

def process_audio(buffer):
    pass

for line in LINES.splitlines():
    act, pid = json.loads(line)
    print(json.dumps([act, pid, attempt(act, pid)]))
"""


def host_on(kernel, folder):
    """A server that takes its kernel for that one."""
    program = folder / "server.py"
    source = SERVER.read_text()
    main = "    serve("
    assert main in source
    changed = source.replace(main, f"    exec({WITHOUT + KERNELS[kernel]!r})\n{main}")
    program.write_text(
        f"__file__ = {str(SERVER)!r}\n"
        f"exec(compile({changed!r}, __file__, 'exec'))\n"
    )
    return WorkerHost(server=program)


def results(worker, folder, acts):
    """Of (act, pid): what becomes of each."""
    lines = "\n".join(json.dumps(each) for each in acts)
    script = folder / f"plugin{worker.number}.py"
    script.write_text(f"LINES = {lines!r}\n{PLUGIN}print('that was all')\n")
    worker.load(script)
    printed = worker.printed("that was all").splitlines()
    told = [json.loads(line) for line in printed if line.startswith("[")]
    return {(act, pid): result for act, pid, result in told}


def has(worker, part):
    return part in worker.hello[1].split(" (")[0].split(", ")


@soak.one_in(2)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("sandbox", ["basic", "strict"])
def test_others_are_out_of_reach(kernel, sandbox, tmp_path):
    with host_on(kernel, tmp_path) as host:
        other, worker = host.spawn("none"), host.spawn(sandbox)
        others = host.pid, os.getpid(), other.pid
        tried = dict.fromkeys(ACTS, others)
        # In ours there may be other priorities, of which it would make one.
        tried["priority of a group"] = host.pid, other.pid
        wanted = [(ACTS[name], pid) for name in ACTS for pid in tried[name]]
        told = results(worker, tmp_path, wanted)

        hidden = has(worker, "landlock") or has(worker, "user-namespace")
        kept = {name: hidden for name in LOOKS}
        kept |= {name: False for name in OPEN}
        kept |= {name: has(worker, "guard") for name in CHANGES + SIGNALS}
        if has(worker, "landlock") and kernel == "this" and not kept["signal"]:
            pytest.skip("no libseccomp here")
        for name in ACTS:
            results_of = {told[ACTS[name], pid] for pid in tried[name]}
            # Something else may keep it from one of them: who is not root, and who
            # has no rights over what root does.
            right = (
                results_of <= {"refused", "hidden"}
                if kept[name]
                else results_of & {"done", "hidden"} or has(worker, "user-namespace")
                # Who has fewer rights than the others is kept from them as well.
                or (os.getuid() == 0 and name in LOOKS)
            )
            assert right, (name, results_of, worker.hello)
        problems = worker.hello[1].partition(" (")[2]
        assert ("look into" in problems) == (not hidden)
        assert ("signal other" in problems) == (not has(worker, "guard"))
        # Which of them there are to be is known of all but the one that is here.
        expected = {
            "Linux 5.19": {"landlock", "guard"},
            "Linux 5.13": {"user-namespace", "guard"},
            "no Landlock": {"user-namespace", "guard"},
            "neither": {"guard"},
            "Linux 5.4": {"user-namespace"},
            "nothing": set(),
        }.get(kernel, {"landlock", "guard"})
        if sandbox == "basic":
            expected -= {"user-namespace"}
        missing = {part for part in expected if not has(worker, part)}
        if missing and problems:
            pytest.skip(f"{missing} cannot be had here: {problems}")
        assert not missing, worker.hello


# A process of its own: pytest-xdist may run tests beside the main thread, which
# alone can say what a signal does. Handlers run in the order of their numbers.
RECEIVER = """
import signal, sys, time

signal.signal(signal.SIGUSR1, lambda *_: print("seen", flush=True))
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print("ready", flush=True)
while True:
    time.sleep(0.02)
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_signal_comes_by_a_descriptor(kernel, tmp_path):
    """The kernel sends it when something can be read, or refuses that it would."""
    command = [PYTHON, "-S", "-c", RECEIVER]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver,
        host_on(kernel, tmp_path) as host,
    ):
        try:
            assert receiver.stdout.readline() == "ready\n"
            worker = host.spawn("basic")
            results(worker, tmp_path, [("owner(pid, signal.SIGUSR1)", receiver.pid)])
            if not has(worker, "guard"):
                assert receiver.stdout.readline() == "seen\n"
        finally:
            receiver.terminate()
        if has(worker, "guard"):
            assert receiver.stdout.read() == ""


OWN = """
owner(os.getpid(), signal.SIGWINCH)
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
plain = subprocess.Popen(["sleep", "1000"])
grandchild = subprocess.Popen(
    ["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, text=True
)
pids = [os.getpid(), child.pid, plain.pid, int(grandchild.stdout.readline())]
for pid in pids:
    for act in ACTS:
        print(json.dumps([act, attempt(act, pid)]))

ended = threading.Event()
thread = threading.Thread(target=ended.wait)
thread.start()
os.sched_setaffinity(thread.native_id, os.sched_getaffinity(0))
os.setpriority(os.PRIO_PROCESS, thread.native_id, 0)
os.sched_setscheduler(thread.native_id, os.SCHED_OTHER, os.sched_param(0))
ended.set()
os.sched_setaffinity(0, os.sched_getaffinity(0))
os.nice(1)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.prlimit(os.getpid(), resource.RLIMIT_CORE, (0, 0))
os.kill(os.getpid(), 0)
signal.raise_signal(signal.SIGCONT)
signal.pthread_kill(threading.get_ident(), signal.SIGCONT)
call("sigqueue", os.getpid(), 0, None)

os.killpg(child.pid, signal.SIGTERM)
os.kill(pids[-1], signal.SIGKILL)
plain.kill()
print("ends", child.wait(), plain.wait(), grandchild.wait())
process = multiprocessing.get_context("fork").Process(target=signal.pause)
process.start()
process.terminate()
process.join()
print("process", process.exitcode)
# Children have the same right over themselves and theirs.
inner = "import os, subprocess as s; os.kill(os.getpid(), 0); " \\
    "p = s.Popen(['sleep', '9']); p.kill(); print(p.wait(), flush=True); os.abort()"
ran = subprocess.run(["python3", "-c", inner], stdout=subprocess.PIPE, text=True)
print("inner", ran.stdout.strip(), ran.returncode)
folder = os.path.dirname(__file__)
os.mkdir(folder + "/new")
os.rename(__file__, folder + "/new/moved.py")
print("that was all")
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_plugin_does_what_it_likes_with_its_own(kernel, tmp_path):
    # Nobody traces itself, and its own memory is no file of its own's.
    acts = [ACTS[name] for name in SIGNALS + CHANGES + ["descriptors"]]
    script = tmp_path / "own.py"
    script.write_text(f"ACTS = {acts!r}\nLINES = ''\n{PLUGIN}{OWN}")
    with host_on(kernel, tmp_path) as host:
        worker = host.spawn("basic")
        worker.load(script)
        printed = worker.printed("that was all")
    for line in printed.splitlines():
        if line.startswith("["):
            act, result = json.loads(line)
            assert result == "done", line
    assert "ends -15 -9 " in printed and "process -15" in printed, printed
    assert "inner -9 -6" in printed, printed


WIDE = {
    "all": "os.kill(-1, 0)",
    "all of the user": "os.setpriority(os.PRIO_USER, 0, 0)",
    "the user's at the disk": "call('syscall', IOPRIO_SET, 3, os.getuid(), 0)",
    "a key typed": "fcntl.ioctl(0, 0x5412, b'x')",
}


@pytest.mark.parametrize("name", WIDE)
def test_what_is_for_many_is_refused(name, tmp_path):
    with host_on("Linux 5.19", tmp_path) as host:
        worker = host.spawn("basic")
        if not has(worker, "guard"):
            pytest.skip(worker.hello[1])
        act = (WIDE[name], 0)
        assert results(worker, tmp_path, [act])[act] == "refused"


# Nothing would come of these if they were let: there is no such thing.
SYSTEM = {
    "mounting": "call('mount', b'none', FOLDER, b'no-such-thing', 0, None)",
    "unmounting": "call('umount2', FOLDER, 0)",
    "changing the root": "call('syscall', PIVOT_ROOT, FOLDER, FOLDER)",
    "swapping": "call('swapon', FOLDER + b'/no-such-thing', 0)",
}


@pytest.mark.parametrize("kernel", ["this", "nothing"])
@pytest.mark.parametrize("name", SYSTEM)
def test_the_system_is_not_changed(name, kernel, tmp_path):
    """Also by root."""
    with host_on(kernel, tmp_path) as host:
        worker = host.spawn("basic")
        number = 155 if os.uname().machine == "x86_64" else 41
        values = f"FOLDER, PIVOT_ROOT = {bytes(tmp_path)!r}, {number}"
        act = (f"{values}\n{SYSTEM[name]}", 0)
        assert results(worker, tmp_path, [act])[act] == "refused"


# Bits of linux/capability.h: modules, raw memory, tracing, administration, reboot,
# performance counters, BPF, checkpoints.
OVER_THE_SYSTEM = sum(1 << bit for bit in (16, 17, 19, 21, 22, 38, 39, 40))


def test_root_keeps_no_right_over_the_system(tmp_path):
    with WorkerHost() as host:
        worker = host.spawn("basic")
        act = (
            "kept = [int(line.split()[1], 16) for line in open('/proc/self/status') "
            "if line[:6] in ('CapInh', 'CapPrm', 'CapEff')]\n"
            f"if len(kept) != 3 or any(each & {OVER_THE_SYSTEM} for each in kept):\n"
            "    raise PermissionError",
            0,
        )
        assert results(worker, tmp_path, [act])[act] == "done"


def test_a_signal_to_its_group_is_the_workers_own(tmp_path):
    with WorkerHost() as host:
        worker = host.spawn("none")
        act = ("1 / (os.getpgrp() == os.getsid(0) == os.getpid())", 0)
        assert results(worker, tmp_path, [act])[act] == "done"


def test_limits_that_somebody_lowered_are_not_inherited():
    """The host starts another server then."""
    with WorkerHost() as host:
        host.spawn()
        resource.prlimit(host.pid, resource.RLIMIT_AS, (1 << 40, 1 << 40))
        worker_host.send(
            host.socket, ["spawn", 1, "none", 0], [host.socket.fileno()] * 2
        )
        assert host.exited() == (1, 256)


def test_descriptors_of_guards_do_not_pile_up(tmp_path):
    def count():
        return len(os.listdir(f"/proc/{host.pid}/fd"))

    with WorkerHost() as host:
        first = host.spawn("basic")
        before = None
        for _ in range(5):
            worker = host.spawn("basic")
            worker.socket.close()
            assert worker.ended()
            assert host.exited()[0] == worker.number
            host.spawn("none").socket.close()
            host.exited()
            now = count()
            before = before or now
            assert now <= before
        assert first.hello
