# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs gst-launch-1.0 and Python programs as a user's shell would.

Each runs in an environment without this process's PYTHON*, GST_* and
VIRTUAL_ENV, with the built plugin and a registry of the tests' own.
"""

import atexit
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]
PLUGINS = ROOT / "plugins_py"
GAIN = PLUGINS / "simple_gain.py"
# Commands run in other folders.
PLUGIN_PATH = os.pathsep.join(
    os.path.abspath(folder)
    for folder in os.environ.get("GST_PLUGIN_PATH", "").split(os.pathsep)
    if folder
) or str(ROOT / "build" / "gst")
# The interpreter that runs the tests: the bridge is built for the same one.
PYTHON = sys.executable
PYTHON_NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"

_folder = tempfile.mkdtemp(prefix="pythonfilter-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
REGISTRY = os.path.join(_folder, "registry.bin")


@dataclass
class Result:
    """How a process ended: a negative code is a signal, as in subprocess."""

    code: int
    out: bytes
    err: str


def environment(**changes):
    """This process's environment, cleaned; None takes a variable away."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "GST_")) and name != "VIRTUAL_ENV"
    }
    kept |= {
        "LC_ALL": "C.UTF-8",
        "GST_PLUGIN_PATH": PLUGIN_PATH,
        "GST_REGISTRY": REGISTRY,
    }
    for name, value in changes.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = str(value)
    return kept


def start(command, cwd=None, **env):
    """Starts a process with both outputs piped, in a process group of its own.

    SIGINT gets its default back: a shell's background job ignores it, and so
    would everything that pytest starts from there.
    """
    return subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process, timeout=30):
    """Waits for the process; one that takes longer is killed and is an error."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(
            f"still running after {timeout} s: {process.args}\n"
            f"{out.decode(errors='replace')}\n{err.decode(errors='replace')}"
        ) from None
    return Result(process.returncode, out, err.decode(errors="replace"))


def run(command, cwd=None, timeout=30, **env):
    """Runs a command to its end."""
    return finish(start(command, cwd, **env), timeout)


def launch(line, *options, cwd=None, timeout=30, **env):
    """Runs a gst-launch-1.0 line; `-q` unless other options are given."""
    words = shlex.split(line)
    return run(["gst-launch-1.0", *(options or ["-q"]), *words], cwd, timeout, **env)


def run_python(code, *arguments, cwd=None, timeout=30, **env):
    """Runs Python source with the interpreter that has gi and NumPy."""
    return run([PYTHON, "-c", code, *arguments], cwd, timeout, **env)


def run_without_gstreamer(code, *arguments, **more):
    """The same, with plugins_py first on sys.path: no GStreamer in it."""
    return run_python(
        f"import sys; sys.path.insert(0, {str(PLUGINS)!r})\n{code}", *arguments, **more
    )
