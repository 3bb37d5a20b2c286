# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that workers are forked from, as the element starts it.

Any Python at all may be told to run this file, so it is written for any, and
says in one sentence what it misses.
"""

import gc
import os
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKET = 3
OLDEST = (3, 10)
HERE = os.path.dirname(os.path.abspath(__file__))


def leave_out_folders():
    # type: () -> None
    """Neither this folder nor the current one is for plugins to import from.

    Python has put them on sys.path, absolute, where PYTHONPATH names them.
    """
    # Without the links that may have led here, as Python has it there.
    if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(HERE):
        del sys.path[0]
    for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if not os.path.isabs(entry):
            for name in (entry, os.path.abspath(entry)):
                if name in sys.path:
                    sys.path.remove(name)


def import_ours(name):
    # type: (str) -> Any
    """A module of our package, whatever sys.path says.

    The package's name in sys.modules is one that nobody else has.
    """
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "_pythonfilter", os.path.join(os.path.dirname(HERE), "__init__.py")
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["_pythonfilter"] = package
    spec.loader.exec_module(package)
    return importlib.import_module("_pythonfilter." + name)


def why_unusable():
    # type: () -> str | None
    """None, or what this interpreter lacks."""
    version = "%d.%d.%d" % sys.version_info[:3]
    who = "%s (Python %s)" % (sys.executable, version)
    if sys.version_info < OLDEST:
        return "%s is too old: a worker needs Python %d.%d" % ((who,) + OLDEST)
    if "t" in getattr(sys, "abiflags", ""):
        return (
            "%s is built to run without a GIL, and what a plugin keeps is found by "
            "exact counts of references: a worker needs a Python with a GIL" % who
        )
    leave_out_folders()
    try:
        import numpy.random
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        what = "%s: %s" % (type(error).__name__, lines[0] if lines else "")
        return "%s has no NumPy that can be used: %s" % (who, what)
    return None


def main():
    # type: () -> int
    connection = socket.fromfd(SOCKET, socket.AF_UNIX, socket.SOCK_STREAM)
    os.close(SOCKET)
    # What is imported stays: serve() looks once for what of it is garbage.
    gc.disable()
    problem = why_unusable()
    if problem:
        fields = [b"unusable", problem.encode("utf-8", "replace")]
        rest = struct.pack("=I", len(fields)) + b"".join(
            struct.pack("=I", len(field)) + field for field in fields
        )
        connection.sendall(struct.pack("=I", len(rest)) + rest)
        return 1
    serve = import_ours("worker.spawning").serve
    serve(connection.detach())
    return 0


if __name__ == "__main__":
    status = main()
    # Whatever libraries want to do at the end is not worth waiting for.
    os._exit(status)
