# SPDX-License-Identifier: LGPL-2.1-or-later
"""Work in a child process, so that a plugin that crashes or hangs ends only that.

At each step the child says what it does and what was found until then; where
it ends is told by faulthandler, which writes into a file.
"""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import re
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import IO, Any

from ..failures import is_machinery

FRAME = re.compile(r'^  File "(.*)", line (\d+) in ', re.MULTILINE)
# Seconds that a stack may take to be written.
PATIENCE = 5.0


@dataclass
class End:
    """How the work ended. ``problem`` is empty where it came to its end.

    ``step`` and ``said`` are the last of each, ``result`` what the work gave,
    ``stack`` the Python stacks where it did not come to its end.
    """

    problem: str = ""
    step: str = ""
    said: Any = None
    result: Any = None
    stack: str = ""
    error: BaseException | None = field(default=None, repr=False)

    def place(self, folder: str) -> tuple[str, int]:
        """(file, line) of the innermost frame of a file below the folder."""
        for file, line in FRAME.findall(self.stack):
            inside = os.path.realpath(file).startswith(os.path.join(folder, ""))
            if inside and not is_machinery(file):
                return file, int(line)
        return "", 0


Say = Callable[[str, object], None]


def run(work: Callable[[Say], object], limit: float, expected: type[Exception]) -> End:
    """What became of ``work(say)``; ``say(step, said)`` begins each step.

    A step hangs that has used ``limit`` seconds of processor time, or next to
    none in as many seconds by the clock: a busy machine makes it only slower.
    What the work raises of what is expected is raised here.
    """
    stacks = tempfile.TemporaryFile()
    reading, writing = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        reading.close()
        _work(work, writing, stacks, expected)
    writing.close()
    with reading:
        try:
            end = _follow(pid, reading, limit)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
    _, status = os.waitpid(pid, 0)
    if end.error is not None:
        raise end.error
    if end.result is None and not end.problem:
        code = os.waitstatus_to_exitcode(status)
        name = signal.Signals(-code).name if code < 0 else f"exit({code})"
        end.problem = f"the plugin's process ended with {name}"
    if end.problem:
        stacks.seek(0)
        end.stack = stacks.read().decode("utf-8", "replace")
    return end


def _work(
    work: Callable[[Say], object],
    writing: Connection,
    stacks: IO[bytes],
    expected: type[Exception],
) -> None:
    """The child, which ends here."""
    status = 1
    gc.freeze()  # there are many collections, which need not look at Python's own
    try:
        faulthandler.enable(stacks)
        try:
            result = work(lambda step, said: writing.send((step, said, None, None)))
            writing.send(("", None, (result,), None))
        except expected as error:
            writing.send(("", None, None, error))
        status = 0
    except KeyboardInterrupt:
        status = 130
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _follow(pid: int, pipe: Connection, limit: float) -> End:
    end = End()
    begin, used = time.monotonic(), 0.0
    while True:
        if pipe.poll(min(1.0, limit / 4)):
            try:
                step, said, result, end.error = pipe.recv()
            except (EOFError, OSError):  # also in the middle of a message
                return end
            if result is not None:
                (end.result,) = result
            elif end.error is None:
                end.step, end.said = step, said
            begin, used = time.monotonic(), _processor_time(pid)
            continue
        spent = _processor_time(pid) - used
        if time.monotonic() - begin > limit and not limit / 50 < spent < limit:
            end.problem = f"did nothing new for {limit:g} s"
            os.kill(pid, signal.SIGABRT)  # faulthandler writes the stacks
            pipe.poll(PATIENCE)
            os.kill(pid, signal.SIGKILL)
            return end


def _processor_time(pid: int) -> float:
    """Seconds that the process has used."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return float(ticks / os.sysconf("SC_CLK_TCK"))
