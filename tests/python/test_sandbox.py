# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a sandboxed process can still do, and what not.

Each attempt is made by an interpreter of its own, which made itself ready as a
plugin does in start() and was confined then.
"""

import pytest

import soak
from processes import run_without_gstreamer

# Before it is confined: what a plugin may have opened, and a thread.
READY = """
import ctypes, errno, mmap, os, queue, resource, signal, socket, sys, threading
from pythonfilter.worker import sandbox

libc = ctypes.CDLL(None, use_errno=True)
near, far = socket.socketpair()
log = open("log.txt", "w")
region = os.memfd_create("region")
os.truncate(region, 4096)
event = os.eventfd(0)
orders, answers = queue.Queue(), queue.Queue()

def early():  # a thread from before the sandbox
    for order in iter(orders.get, None):
        try:
            answers.put(order())
        except BaseException as error:
            answers.put(error)

threading.Thread(target=early, daemon=True).start()

def call(name, *arguments):
    # As a number where there is one, so that libc cannot go another way.
    result = libc.syscall(name, *arguments) if isinstance(name, int) else (
        getattr(libc, name)(*arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result
"""

STRICT = READY + "applied = sandbox.apply_strict()\n"
BASIC = READY + "applied = sandbox.apply_basic()\n"

# One for each kind. By libc's functions where Python has none.
REFUSED = {
    "socket": "socket.socket()",
    "unix socket": "socket.socket(socket.AF_UNIX)",
    "socketpair": "socket.socketpair()",
    "connect": "near.connect('x')",
    "bind": "near.bind('x')",
    "listen": "near.listen()",
    "accept": "near.accept()",
    "execve": "os.execv(sys.executable, [sys.executable, '-c', ''])",
    "execveat": "call('fexecve', os.open(sys.executable, os.O_RDONLY), "
    "(ctypes.c_char_p * 2)(b'x'), (ctypes.c_char_p * 1)())",
    "fork": "os.fork()",
    "vfork": "call('vfork')",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "unshare": "call('unshare', 0x10000000)",
    "setns": "call('setns', os.open('/proc/self/ns/uts', os.O_RDONLY), 0)",
    "open to write": "os.open('log.txt', os.O_WRONLY)",
    "open to read and write": "os.open('log.txt', os.O_RDWR)",
    "open to append": "open('log.txt', 'a')",
    "open to create": "os.open('new.txt', os.O_RDONLY | os.O_CREAT)",
    "open to empty": "os.open('log.txt', os.O_RDONLY | os.O_TRUNC)",
    "open without a name": "os.open('.', os.O_TMPFILE | os.O_RDWR)",
    "open of a device": "os.open('/dev/null', os.O_WRONLY)",
    "open again": "os.open(f'/proc/self/fd/{log.fileno()}', os.O_WRONLY)",
    "creat": "call('creat', b'new.txt', 0o600)",
    "rename": "os.rename('log.txt', 'x')",
    "unlink": "os.unlink('log.txt')",
    "mkdir": "os.mkdir('x')",
    "rmdir": "os.rmdir('folder')",
    "link": "os.link('log.txt', 'x')",
    "symlink": "os.symlink('log.txt', 'x')",
    "mkfifo": "os.mkfifo('x')",
    "truncate": "call('truncate', b'log.txt', ctypes.c_long(0))",
    "chmod": "os.chmod('log.txt', 0o777)",
    "chmod of what is open": "os.fchmod(log.fileno(), 0o777)",
    "chown": "os.chown('log.txt', os.getuid(), os.getgid())",
    "utime": "os.utime('log.txt')",
    "setxattr": "os.setxattr('log.txt', 'user.x', b'')",
    "mount": "call('mount', None, None, None, 0, None)",
    "chroot": "os.chroot('.')",
    "shared memory": "call('shmget', 0, 4096, 0o1600)",
    "message queue": "call('msgget', 0, 0o1600)",
    "ptrace": "call('ptrace', 0, 0, 0, 0)",
    "process_vm_readv": "call('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
    "process_vm_writev": "call('process_vm_writev', os.getppid(), 0, 0, 0, 0, 0)",
    "kill": "os.kill(os.getppid(), 0)",
    "kill of all": "os.kill(-1, 0)",
    "kill of the group": "os.killpg(0, 0)",
    "pidfd_send_signal": "signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)",
    "sigqueue": "call('sigqueue', os.getppid(), 0, None)",
    "signals by fcntl": "__import__('fcntl').fcntl(near, 8, os.getppid())",
    "which signal by fcntl": "__import__('fcntl').fcntl(near, 10, signal.SIGKILL)",
    "signals by ioctl": "__import__('fcntl').ioctl(near, 0x8901, b'abcd')",
    "keys typed": "__import__('fcntl').ioctl(0, 0x5412, b'x')",
    "flags of a file": "__import__('fcntl').ioctl(os.open('log.txt', os.O_RDONLY), "
    "0x40086602, bytes(8))",
    "being dumpable": "call('prctl', 4, 1, 0, 0, 0)",
    "outliving its parent": "call('prctl', 1, 0, 0, 0, 0)",
    "others' limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CORE)",
    "reboot": "call('reboot', 0)",
    "module loading": "call('delete_module', b'x', 0)",
}

# By number where libc has no function: those that are the same everywhere.
NUMBERED = {
    "pidfd_getfd": 438,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "open_tree": 428,
    "fsopen": 430,
    "process_madvise": 440,
    "mount_setattr": 442,
    "fchmodat2": 452,
    "setxattrat": 463,
    "file_setattr": 469,
}

# Refused to any process that is not root's, or gone into another program.
NOT_TRIED_FREE = (
    "execve",
    "execveat",
    "vfork",
    "unshare",
    "setns",
    "mount",
    "chroot",
    "kill of all",
    "reboot",
    "module loading",
)

HONEST = {
    "numpy": "import numpy as np\n"
    "assert (np.ones((300, 300)) @ np.ones((300, 300)) == 300).all()",
    "numpy's noise": "import numpy as np\nnp.random.default_rng().random(9)",
    "new threads": "t = threading.Thread(target=log.flush)\nt.start()\nt.join()",
    "earlier threads": "orders.put(lambda: 5)\nassert answers.get() == 5",
    "reading": "assert open(os.__file__).read()",
    "listing": "assert os.listdir('/proc/self/fd')",
    "imports": "import decimal, sqlite3, xml.dom.minidom",
    "time": "import time\ntime.sleep(0.01)\nassert time.time() > 1e9 > time.monotonic()",
    "sockets that are open": "near.sendall(b'x')\nassert far.recv(1) == b'x'",
    "descriptors received": """
socket.send_fds(near, [b'x'], [region])
_, (received,), _, _ = socket.recv_fds(far, 1, 1)
view = mmap.mmap(received, 4096)
view[0] = 7
assert mmap.mmap(region, 4096)[0] == 7
""",
    "eventfd": "os.eventfd_write(event, 3)\nassert os.eventfd_read(event) == 3",
    "new eventfd": "os.close(os.eventfd(0))",
    "memory without a name": "mmap.mmap(-1, 1 << 20)[5] = 5",
    "memfd": "os.truncate(os.memfd_create('x'), 100)",
    "pipes": "r, w = os.pipe()\nos.write(w, b'x')\nassert os.read(r, 1) == b'x'",
    "files that are open": "print('written', file=log, flush=True)\n"
    "assert open('log.txt').read() == 'written\\n'",
    "seeking": "log.seek(0)\nlog.truncate()",
    "its own signals": """
seen = []
signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
os.kill(os.getpid(), signal.SIGUSR1)
signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
signal.raise_signal(signal.SIGUSR1)
assert len(seen) == 3
""",
    "its own limits": "resource.getrlimit(resource.RLIMIT_CORE)",
    "an end": "sys.exit(0)",
}


def confined(code, tmp_path):
    """Runs `code`; its error is the test's."""
    (tmp_path / "folder").mkdir()
    result = run_without_gstreamer(code, cwd=tmp_path)
    assert result.code == 0, result.err
    return result


def refusal(attempt, error="PermissionError"):
    return f"""
try:
    {attempt}
except {error}:
    pass
else:
    sys.exit("it was not refused")
"""


@soak.one_in(2)
@pytest.mark.parametrize("name", REFUSED)
def test_strict_refuses(name, tmp_path):
    confined(STRICT + refusal(REFUSED[name]), tmp_path)


@soak.one_in(2)
@pytest.mark.parametrize("name", [n for n in REFUSED if n not in NOT_TRIED_FREE])
def test_it_is_the_sandbox_that_refuses(name, tmp_path):
    code = f"""
try:
    {REFUSED[name]}
except PermissionError:
    sys.exit("it is refused anyway")
except (OSError, AssertionError):
    pass
"""
    confined(READY + code, tmp_path)


def test_strict_refuses_the_calls_of_other_architectures(tmp_path):
    """A program of 32 bits has numbers of its own, which no rule is about."""
    code = """
import platform
from pythonfilter.worker import forbidden, seccomp
filter = seccomp.Filter(forbidden.rules(os.getpid()))
with open("filter.txt", "w+") as file:
    assert filter._library.seccomp_export_pfc(filter._context, file.fileno()) == 0
    file.seek(0)
    text = file.read().split("# invalid architecture action")[1]
assert text.split()[:2] == ["action", "ERRNO(1);"], text
sandbox.apply_strict()
if platform.machine() == "x86_64":
    try:
        call(0x40000000 | 39)  # getpid() of x32
    except PermissionError:
        pass
    else:
        sys.exit("it was not refused")
"""
    confined(READY + code, tmp_path)


def test_strict_refuses_what_has_no_function(tmp_path):
    attempts = [refusal(f"call({n}, 0, 0, 0, 0, 0)") for n in NUMBERED.values()]
    confined(STRICT + "".join(attempts), tmp_path)


@pytest.mark.parametrize("number", [435, 437], ids=["clone3", "openat2"])
def test_strict_does_not_know(number, tmp_path):
    code = f"""
try:
    call({number}, 0, 0, 0, 0)
except OSError as error:
    assert error.errno == errno.ENOSYS, error
else:
    sys.exit("it was not refused")
"""
    confined(STRICT + code, tmp_path)


def test_strict_holds_for_earlier_threads(tmp_path):
    code = """
orders.put(socket.socket)
assert isinstance(answers.get(), PermissionError)
"""
    confined(STRICT + code, tmp_path)


@pytest.mark.parametrize("name", HONEST)
def test_strict_lets_honest_work_go_on(name, tmp_path):
    confined(STRICT + HONEST[name], tmp_path)


def test_strict_is_told_and_holds_twice(tmp_path):
    code = """
assert applied.parts == ("no-new-privs", "rlimits", "landlock", "not-dumpable",
    "seccomp") or applied.problems, applied
assert sandbox.apply_strict() == applied
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status"))
assert status["Seccomp"] == "2\\n"
assert status.get("Seccomp_filters", "1\\n") == "1\\n", "they pile up"
"""
    confined(STRICT + code, tmp_path)


def test_basic_takes_privileges_and_no_work(tmp_path):
    code = """
assert applied.parts == ("no-new-privs", "rlimits", "landlock", "not-dumpable"
    ) or applied.problems, applied
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status"))
assert status["NoNewPrivs"] == "1\\n"
assert status["Seccomp"] == "0\\n"
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
assert soft == hard <= 65536
PR_GET_DUMPABLE = 3
assert libc.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
socket.socket()
open("x", "w")
import subprocess
subprocess.check_call([sys.executable, "-c", ""])
"""
    confined(BASIC + code, tmp_path)


def test_basic_keeps_a_lower_limit(tmp_path):
    code = """
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
sandbox.apply_basic()
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (200, 200)
"""
    confined(READY + code, tmp_path)


# ----- what is missing is told in a sentence


def test_no_ctypes_is_told(tmp_path):
    code = """
import sys
sys.modules["ctypes"] = None  # as an interpreter that has none
from pythonfilter.worker import sandbox
for apply in (sandbox.apply_basic, sandbox.apply_strict):
    (problem,) = apply().problems
    assert problem.startswith("this Python has no ctypes ("), problem
    assert apply().parts == ("rlimits",)
"""
    confined(code, tmp_path)


def test_no_libseccomp_is_told(tmp_path):
    code = """
from pythonfilter.worker import seccomp
seccomp.LIBRARY = "libseccomp-not-there.so.2"
assert "seccomp" not in sandbox.apply_strict().parts
assert "apt install libseccomp2" in sandbox.apply_strict().problems[-1]
socket.socket()
"""
    confined(READY + code, tmp_path)


def test_what_was_applied_is_told_though_it_is_not_all(tmp_path):
    code = """
from pythonfilter.worker import seccomp
from pythonfilter.worker.confinement import Confinement, Refused
seccomp.LIBRARY = "libseccomp-not-there.so.2"
wanted = Confinement("strict", False)
basic = wanted.begin()
assert basic.startswith("no-new-privs, "), basic
told = wanted.close()
assert told.startswith(basic.split(" (")[0] + " ("), told
assert "apt install libseccomp2" in told, told
try:
    Confinement("strict", True).close()
except Refused as error:
    assert "apt install libseccomp2" in str(error), error
else:
    sys.exit("no error")
"""
    confined("import sys\n" + READY + code, tmp_path)


def test_a_kernel_that_refuses_is_told(tmp_path):
    # A filter that refuses more of them, as some containers have.
    code = """
from pythonfilter.worker import forbidden, seccomp
more = [forbidden.Rule("seccomp"), forbidden.Rule("prctl")]
seccomp.Filter(more).load_for_all_threads()
(problem,) = sandbox.apply_strict().problems[-1:]
assert problem == "the kernel refuses a seccomp filter for all threads", problem
problem = sandbox.apply_basic().problems[0]
assert problem == "prctl refuses no-new-privs: Operation not permitted", problem
"""
    confined(
        READY + "libc.prctl(38, *map(ctypes.c_ulong, (1, 0, 0, 0)))\n" + code, tmp_path
    )
