# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker is as a process: its parent, its descriptors, its streams."""

from __future__ import annotations

import faulthandler
import io
import os
import resource
import signal
import sys
from collections.abc import Collection

import numpy as np

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> bool:
    """Has the kernel kill this process when the thread that started it ends."""
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)) == 0
    except (ImportError, AttributeError, OSError):
        return False


def become_worker(server: int, output: int, kept: Collection[int]) -> None:
    """After the fork: nothing of the server's is left but its memory."""
    end_with_parent()
    if os.getppid() != server:
        os._exit(1)  # it ended in between
    # What is sent to its process group is for itself, and it has no terminal that
    # it could type into.
    os.setsid()
    for stream in (1, 2):
        os.dup2(output, stream)
    _close_all_but({0, 1, 2, *kept})
    _write_at_once()
    faulthandler.enable(2)
    # Python's own generator looks after itself. Without this all workers would
    # make the same noise.
    np.random.seed()
    _allow_descriptors()


def _close_all_but(kept: Collection[int]) -> None:
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor not in kept:
            try:
                os.close(descriptor)
            except OSError:
                pass  # the list's own


def _write_at_once() -> None:
    """The last words before a crash are those that matter."""
    sys.stderr = io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False),
        encoding="utf-8",
        errors="backslashreplace",
        write_through=True,
    )
    sys.stdout = sys.stderr
    # Final for a type checker, since a program hardly ever has others.
    for name in ("__stdout__", "__stderr__"):
        setattr(sys, name, sys.stderr)


def _allow_descriptors() -> None:
    """Up to Python 3.12 each mapping has one, also those that a plugin keeps."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
