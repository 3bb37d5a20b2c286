# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs gst-launch-1.0 and Python programs as a user's shell would.

Each runs in an environment of which only what is in KEPT is the user's own, with
the built plugin, the GStreamer plugins that gst_plugins.py names, a registry and
a home of the tests' own. So does this process, and what it runs by other means.
"""

import atexit
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

import gst_plugins
import warm
from waiting import HANG, PATIENCE, eventually

# Where programs, libraries and temporary files are; who runs the tests, and how.
KEPT = r"""(PATH | TMPDIR | USER | LOGNAME | LD_LIBRARY_PATH | PKG_CONFIG_PATH
    | CC | CFLAGS | BUILD_DIR | PYENV_ROOT | PYTEST_.* | PYTHONFILTER_.*)"""

_folder = pathlib.Path(tempfile.mkdtemp(prefix="pythonfilter-tests-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def _plain(path, name):
    """The path, or a link to it if a launch line would take it apart."""
    path = pathlib.Path(os.path.abspath(path))
    if re.fullmatch(r"[\w./+-]+", os.fspath(path)):
        return path
    (_folder / name).symlink_to(path)
    return _folder / name


def _plugin_folder():
    """The first folder in which the plugin is, of those that can be told."""
    told = os.environ.get("GST_PLUGIN_PATH", "").split(os.pathsep)
    build = ROOT / os.environ.get("BUILD_DIR", "build")
    for folder in [*filter(None, told), build / "gst"]:
        if os.path.exists(os.path.join(folder, "libgstpythonfilter.so")):
            return os.path.abspath(folder)
    raise SystemExit(f"the plugin is not built: none in {build / 'gst'}")


ROOT = _plain(pathlib.Path(__file__).parents[3], "project")
PLUGINS = ROOT / "plugins_py"
GAIN = PLUGINS / "simple_gain.py"
BUILD = _plain(pathlib.Path(_plugin_folder()).parent, "build")
PLUGIN_PATH = os.fspath(BUILD / "gst")
# The interpreter that runs the tests: the bridge is built for the same one.
PYTHON = sys.executable
PYTHON_NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def _clean():
    """This process's own environment, which all others begin with."""
    for name in [*os.environ]:
        if not re.fullmatch(KEPT, name, re.VERBOSE):
            del os.environ[name]
    home = _folder / "home"
    home.mkdir()
    os.environ |= {
        "HOME": os.fspath(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GST_PLUGIN_PATH": PLUGIN_PATH,
        "GST_PLUGIN_SYSTEM_PATH_1_0": gst_plugins.link(_folder / "gstreamer"),
        "GST_REGISTRY": os.fspath(_folder / "registry.bin"),
    }
    os.umask(0o022)


_clean()


@dataclass
class Result:
    """How a process ended: a negative code is a signal, as in subprocess."""

    code: int
    out: bytes
    err: str


def environment(**changes):
    """This process's environment, changed; None takes a variable away."""
    changed = {name: str(value) for name, value in changes.items()}
    none = {name for name, value in changes.items() if value is None}
    return {
        name: value
        for name, value in {**os.environ, **changed}.items()
        if name not in none
    }


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


def read_until(process, text, stream="stderr"):
    """Reads lines of a process's output up to one with the text; what it read."""
    read = ""
    watch = threading.Timer(PATIENCE, process.kill)
    watch.start()
    try:
        for line in getattr(process, stream):
            read += line.decode(errors="replace")
            if text in read:
                return read
    finally:
        watch.cancel()
    said = process.stderr.read().decode(errors="replace")
    raise AssertionError(f"no {text!r} in: {read}\n{said}")


def interrupt(process):
    """Sends SIGINT to gst-launch-1.0, which may play before it can take it."""
    status = pathlib.Path(f"/proc/{process.pid}/status")

    def catches():
        caught = re.search(r"^SigCgt:\s*(\w+)$", status.read_text(), re.MULTILINE)
        return not caught or int(caught[1], 16) & 1 << signal.SIGINT - 1

    eventually(catches, "a handler of SIGINT")
    process.send_signal(signal.SIGINT)


def _still_running(command, out, err, timeout):
    raise AssertionError(
        f"still running after {timeout} s: {command}\n"
        f"{out.decode(errors='replace')}\n{err.decode(errors='replace')}"
    ) from None


def finish(process, timeout=HANG):
    """Waits for the process; one that takes longer is killed and is an error."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        _still_running(process.args, *process.communicate(), timeout)
    return Result(process.returncode, out, err.decode(errors="replace"))


def run(command, cwd=None, timeout=HANG, **env):
    """Runs a command to its end; one of Python as warm.py says."""
    words = [str(word) for word in command]
    if words[0] == PYTHON:
        try:
            ended = warm.run(words, cwd, environment(**env), timeout)
        except subprocess.TimeoutExpired as error:
            _still_running(command, error.output, error.stderr, timeout)
        if ended:
            code, out, err = ended
            return Result(code, out, err.decode(errors="replace"))
    return finish(start(command, cwd, **env), timeout)


def launch(line, *options, cwd=None, timeout=HANG, **env):
    """Runs a gst-launch-1.0 line; `-q` unless other options are given.

    An error that comes before the sinks have their first buffer can make
    gst-launch-1.0 of GStreamer 1.22 wait for ever, once in many runs: lines that
    are meant to fail have sinks with async=false.
    """
    words = shlex.split(line)
    return run(["gst-launch-1.0", *(options or ["-q"]), *words], cwd, timeout, **env)


def run_python(code, *arguments, cwd=None, timeout=HANG, **env):
    """Runs Python source with the interpreter that has gi and NumPy."""
    return run([PYTHON, "-c", code, *arguments], cwd, timeout, **env)


def run_without_gstreamer(code, *arguments, **more):
    """The same, with plugins_py first on sys.path: no GStreamer in it."""
    return run_python(
        f"import sys; sys.path.insert(0, {str(PLUGINS)!r})\n{code}", *arguments, **more
    )
