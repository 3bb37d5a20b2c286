# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python programs that begin as a copy of one that has started.

To start Python, NumPy and PyGObject takes longer than most programs of the tests
do. So each process of pytest has one that did it once, and forks for a program:
that has a process and a session of its own as any other has, with its arguments,
folder, environment and outputs, and ends as an interpreter does. GStreamer is not
initialised in what is copied, and nothing of the project is imported.

    python3 warm.py DESCRIPTOR      forks, for whom has the other end of a socket
"""

import atexit
import contextlib
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import types

from waiting import PATIENCE

# What is read before the first line of a program, and so has to be the same.
EARLY = re.compile(
    "PYTHON(?!FILTER)|LD_|LC_|LANG|G_|GI_|GLIBC|GOBJECT|MALLOC|TZ$|HOME$"
)
LONGEST = 150_000  # bytes of one message through a socket

_busy = threading.Lock()
_socket = None
_started_with = {}


def _early(env):
    return {name: value for name, value in env.items() if EARLY.match(name)}


def run(words, cwd, env, timeout):
    """(exit status, output, standard error), or None where a copy is not the same.

    That is where options of the interpreter or the environment would have made
    another one, where the program looks at what the kernel knows of it, and for the
    second of two at once.
    """
    global _socket, _started_with
    if (
        words[1] != "-c"
        and words[1].startswith("-")
        or "/proc/self" in "".join(words[2:3])
    ):
        return None
    if not _busy.acquire(False):
        return None
    try:
        if _socket is None:
            _socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            number = str(other.fileno())
            # As this process is: whoever comes first may want something else.
            _started_with = _early(os.environ)
            server = subprocess.Popen(
                [sys.executable, __file__, number],
                stdin=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                start_new_session=True,
            )
            other.close()
            atexit.register(_end, server)
        asked = json.dumps([words[1:], cwd and os.fspath(cwd), env]).encode()
        if _early(env) != _started_with or len(asked) > LONGEST:
            return None
        return _follow(asked, timeout)
    finally:
        _busy.release()


def _end(server):
    _socket.close()
    server.wait()


def _follow(asked, timeout):
    outputs = [os.pipe(), os.pipe()]
    socket.send_fds(_socket, [asked], [writing for _, writing in outputs])
    for _, writing in outputs:
        os.close(writing)
    pid = int(_socket.recv(100))
    said = {reading: bytearray() for reading, _ in outputs}
    code, late, end = None, False, time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for file in (_socket, *said):
            selector.register(file, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0, end - time.monotonic()))
            if not ready and late and code is not None:
                break  # what it left to another session still has its outputs
            if not ready:
                late, end = True, end + PATIENCE
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            for key, _ in ready:
                if key.fileobj is _socket:
                    code, more = int(_socket.recv(100)), b""
                else:
                    more = os.read(key.fd, 1 << 16)
                    said[key.fd] += more
                if not more:
                    selector.unregister(key.fileobj)
    for reading in said:
        os.close(reading)
    if late:
        raise subprocess.TimeoutExpired(
            asked[:200], timeout, *map(bytes, said.values())
        )
    return code, *map(bytes, said.values())


def _serve(asking):
    """Returns in a copy alone, with the words of its program."""
    while True:
        asked, outputs, _, _ = socket.recv_fds(asking, LONGEST, 2)
        if not asked:
            os._exit(0)
        words, cwd, env = json.loads(asked)
        pid = os.fork()
        if pid == 0:
            break
        for output in outputs:
            os.close(output)
        asking.send(b"%d" % pid)
        _, status = os.waitpid(pid, 0)
        asking.send(b"%d" % os.waitstatus_to_exitcode(status))
    asking.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, output in enumerate(outputs, 1):
        os.dup2(output, number)
        os.close(output)
    os.environ.clear()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    return words


def _execute(words):
    """As `python3 -c CODE …` and `python3 FILE …` do."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    if words[0] == "-c":
        name, code, words = "<string>", words[1], ["-c", *words[2:]]
        sys.path[0] = ""
    else:
        name = main.__file__ = words[0]
        with open(name, "rb") as file:
            code = file.read()
        sys.path[0] = os.path.dirname(os.path.realpath(name))
    sys.argv[:] = words
    main.__builtins__ = __builtins__
    try:
        exec(compile(code, name, "exec", dont_inherit=True), vars(main))
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__.tb_next)
        sys.exit(1)


def _main():
    import gi
    import numpy  # noqa: F401

    gi.require_version("Gst", "1.0")
    from gi.repository import Gst  # noqa: F401

    with socket.socket(fileno=int(sys.argv[1])) as asking:
        words = _serve(asking)
    _execute(words)


if __name__ == "__main__":
    _main()
