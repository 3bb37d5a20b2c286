# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose code gst-launch-1.0 runs: venv, PYTHONPATH and the current directory."""

import os
import re
import subprocess
import sys

import pytest

import soak
from processes import PYTHON, PYTHON_NAME, launch

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LINE = "audiotestsrc num-buffers=2 ! pythonfilter {} ! fakesink async=false"

# Says on stderr what it imported, and where Python thinks it is.
PLUGIN = """
import sys
import {module}
print("got", {module}.__file__)
print("prefix", sys.prefix)
print("executable", sys.executable)
print("path", sys.path)
def process_audio(buffer): ...
"""


def told(result, what):
    (answer,) = re.findall(f"^{what} (.*)$", result.err, re.M)
    return answer


def make_venv(folder, config=f"version = {VERSION}.1\n", name=PYTHON_NAME):
    """A virtual environment made by hand, with the module `only_here`."""
    packages = folder / "lib" / name / "site-packages"
    packages.mkdir(parents=True)
    (packages / "only_here.py").write_text("")
    (folder / "pyvenv.cfg").write_text(config)
    return packages


# ---- venv ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["property", "VIRTUAL_ENV", "both"])
def test_venv_gives_its_modules(files, how):
    folder = files({"plugin.py": PLUGIN.format(module="only_here")})
    packages = make_venv(folder / "venv")
    (folder / "other").mkdir()
    element = f"script={folder}/plugin.py"
    env = {}
    if how != "VIRTUAL_ENV":
        element += f" venv={folder}/venv"
    if how != "property":
        env["VIRTUAL_ENV"] = folder / ("other" if how == "both" else "venv")
    result = launch(LINE.format(element), **env)
    assert result.code == 0, result.err
    assert told(result, "got") == str(packages / "only_here.py")
    assert told(result, "prefix") == str(folder / "venv")


def test_without_venv_its_modules_are_not_there(files):
    folder = files({"plugin.py": PLUGIN.format(module="only_here")})
    make_venv(folder / "venv")
    result = launch(LINE.format(f"script={folder}/plugin.py"))
    assert result.code != 0
    assert "No module named 'only_here'" in result.err


def test_venv_made_by_python(files):
    """Its own interpreter, its .pth files, and NumPy from outside."""
    source = "import numpy\n" + PLUGIN.format(module="through_pth")
    folder = files({"plugin.py": source})
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/through_pth.py").write_text("")
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    packages = folder / "venv/lib" / PYTHON_NAME / "site-packages"
    (packages / "more.pth").write_text(f"{folder}/elsewhere\n")
    result = launch(LINE.format(f"script={folder}/plugin.py venv={folder}/venv"))
    assert result.code == 0, result.err
    assert told(result, "got") == str(folder / "elsewhere/through_pth.py")
    assert told(result, "executable") == str(folder / "venv/bin/python3")


def test_venv_comes_before_the_system(files):
    folder = files({"plugin.py": PLUGIN.format(module="scipy")})
    packages = make_venv(folder / "venv")
    (packages / "scipy.py").write_text("")
    result = launch(LINE.format(f"script={folder}/plugin.py venv={folder}/venv"))
    assert told(result, "got") == str(packages / "scipy.py")


@pytest.mark.parametrize("key", ["version", "version_info", "Version"])
@pytest.mark.parametrize("how", ["property", "VIRTUAL_ENV"])
def test_venv_of_another_version_is_named(files, key, how):
    folder = files({"plugin.py": PLUGIN.format(module="sys")})
    make_venv(folder / "venv", f"home = /usr/bin\n{key} = 3.8.1\n", "python3.8")
    element, env = f"script={folder}/plugin.py", {}
    if how == "property":
        element += f" venv={folder}/venv"
    else:
        env["VIRTUAL_ENV"] = folder / "venv"
    result = launch(LINE.format(element), **env)
    assert 0 < result.code < 256
    sentence = (
        f"{folder}/plugin.py: the virtual environment {folder}/venv was made for "
        f"Python 3.8, but this element runs Python {VERSION}"
    )
    assert sentence in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("how", ["property", "VIRTUAL_ENV"])
@pytest.mark.parametrize("content", ["nothing", "no pyvenv.cfg"])
def test_not_a_venv(files, content, how):
    folder = files({"plugin.py": PLUGIN.format(module="sys")})
    venv = folder / "venv"
    if content == "no pyvenv.cfg":
        venv.mkdir()
    named, env = f"venv={venv}", {}
    if how == "VIRTUAL_ENV":
        named, env = "", {how: venv}
    result = launch(LINE.format(f"script={folder}/plugin.py {named}"), **env)
    assert 0 < result.code < 256
    why = "no such folder" if content == "nothing" else "no pyvenv.cfg"
    told = re.search(f"{venv} is not a virtual environment: .*{why}.*", result.err)
    assert f"python{VERSION} -m venv" in told[0]
    assert ("the variable VIRTUAL_ENV names it" in told[0]) == (how == "VIRTUAL_ENV")
    assert "Traceback" not in result.err


# ---- PYTHONPATH ---------------------------------------------------------------

MODULE = {"only_here.py": ""}


def test_absolute_entries_work(files):
    folder = files({"plugin/plugin.py": PLUGIN.format(module="only_here")} | MODULE)
    element = LINE.format(f"script={folder}/plugin/plugin.py")
    result = launch(element, PYTHONPATH=f"/nowhere:{folder}")
    assert result.code == 0, result.err
    assert told(result, "got") == f"{folder}/only_here.py"
    assert eval(told(result, "path"))[:2] == ["/nowhere", str(folder)]


@soak.one_in(2)
@pytest.mark.parametrize("path", ["", ":", ".", "./", "..", "a:.", "/nowhere:", ":/x"])
def test_relative_entries_are_ignored(files, path):
    """Each would let code in the current directory run."""
    folder = files({"plugin/plugin.py": PLUGIN.format(module="only_here")} | MODULE)
    (folder / "a").mkdir()
    element = LINE.format(f"script={folder}/plugin/plugin.py")
    cwd = folder / "a" if path == ".." else folder
    result = launch(element, cwd=cwd, PYTHONPATH=path)
    assert result.code != 0
    assert "No module named 'only_here'" in result.err


# ---- the current directory ----------------------------------------------------

TRAPS = [
    "base_plugin", "base_plugin/__init__", "_buffer", "codecs", "encodings/__init__",
    "importlib/__init__", "json", "kinds", "numpy", "numpy/__init__", "os",
    "pythonfilter", "pythonfilter/__init__", "_pythonfilter", "pythonfilter/kinds",
    "pythonfilter/host/plugin", "re", "site", "sitecustomize", "typing",
    "usercustomize",
]  # fmt: skip


@pytest.mark.parametrize("pythonpath", [None, "", ".", ":"])
def test_code_in_the_current_directory_never_runs(files, pythonpath):
    trap = "open({!r}, 'a').write(__name__ + ' ')"
    folder = files({"plugin/plugin.py": "import base_plugin, json, numpy\n" + GOOD})
    for name in TRAPS:
        path = folder / "cwd" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(trap.format(str(folder / "ran")))
    result = launch(
        LINE.format("script=../plugin/plugin.py"),
        cwd=folder / "cwd",
        PYTHONPATH=pythonpath,
    )
    ran = folder / "ran"
    assert not ran.exists(), ran.read_text()
    assert (result.code, result.err) == (0, "")


GOOD = "def process_audio(buffer): ...\n"


@pytest.mark.parametrize("name", ["PYTHONSTARTUP", "PYTHONHOME", "PYTHONINSPECT"])
def test_other_variables_do_no_harm(files, name):
    folder = files({"plugin.py": GOOD, "startup.py": "open('ran', 'w')"})
    value = {"PYTHONSTARTUP": folder / "startup.py", "PYTHONHOME": "/usr"}.get(name, 1)
    element = LINE.format(f"script={folder}/plugin.py")
    result = launch(element, cwd=folder, **{name: value})
    assert (result.code, result.err) == (0, "")
    assert not os.path.exists(folder / "ran")


# ---- the main thread ------------------------------------------------------------

GUARDED = """
import signal, threading
class Plugin:
    def _guard(self):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGUSR1, lambda *_: None)
        thread = threading.Thread(target=lambda: threading.main_thread().name)
        thread.start()
        thread.join()
    __init__ = initialize = start = _guard
    def process_audio(self, buffer):
        self._guard()
"""


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_main_thread_is_what_signal_takes_for_it(tmp_path, isolation):
    (tmp_path / "plugin.py").write_text(GUARDED)
    line = LINE.format(f"script={tmp_path}/plugin.py isolation={isolation}")
    result = launch(line)
    assert result.code == 0, result.err


# ---- other people's Pythons -------------------------------------------------------

CHILD = """
import multiprocessing, os, sys
class Plugin:
    def initialize(self):
        assert "PYTHONHOME" not in os.environ
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(answer) == 42
    def process_audio(self, buffer): pass
def answer():
    return 42
"""


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("home", ["/opt/nowhere", "/usr/bin", ""])
def test_pythonhome_is_of_another_python(files, home, isolation):
    folder = files({"plugin.py": CHILD})
    element = f"script={folder}/plugin.py isolation={isolation}"
    result = launch(LINE.format(element), PYTHONHOME=home)
    assert result.code == 0, result.err


def test_an_environment_of_conda_is_told_and_runs_in_its_own_python(files):
    folder = files({"plugin.py": CHILD, "conda/conda-meta/history": ""})
    (folder / "conda/bin").mkdir()
    for name in ("python", "python3"):
        (folder / "conda/bin" / name).symlink_to(PYTHON)
    element = f"script={folder}/plugin.py venv={folder}/conda"
    result = launch(LINE.format(element))
    assert result.code != 0
    told = f"{folder}/conda is an environment of conda, whose libraries are for its own"
    how = f"isolation=process python={folder}/conda/bin/python"
    assert told in result.err and f"set {how}" in result.err
    for element in (f"{element} isolation=process", f"{element} {how}"):
        result = launch(LINE.format(element))
        assert result.code == 0, result.err


def test_an_environment_of_another_python_is_told_with_the_way_out(files):
    folder = files({"plugin.py": GOOD, "old/pyvenv.cfg": "version = 3.2.1\n"})
    element = f"script={folder}/plugin.py venv={folder}/old"
    result = launch(LINE.format(element))
    assert result.code != 0
    assert f"{folder}/old was made for Python 3.2" in result.err
    assert f"isolation=process python={folder}/old/bin/python" in result.err


def test_an_environment_of_conda_without_a_python_is_told(files):
    folder = files({"plugin.py": GOOD, "conda/conda-meta/history": ""})
    element = f"script={folder}/plugin.py venv={folder}/conda isolation=process"
    result = launch(LINE.format(element))
    assert result.code != 0
    assert f"{folder}/conda is an environment of conda without a Python" in result.err
    assert "set isolation=process" not in result.err


@pytest.mark.parametrize(
    "name, told",
    [
        ("PYTHONHASHSEED", "config_init_hash_seed: PYTHONHASHSEED must be"),
        ("PYTHONMALLOC", "preconfig_init_allocator: PYTHONMALLOC: unknown allocator"),
        # Those that a worker has of its own.
        ("PYTHONUTF8", ""),
        ("PYTHONPLATLIBDIR", ""),
    ],
)
def test_why_an_interpreter_does_not_start_is_told(files, name, told):
    folder = files({"plugin.py": GOOD})
    element = f"script={folder}/plugin.py isolation=process"
    result = launch(LINE.format(element), **{name: "nonsense"})
    assert (result.code != 0) == bool(told), result.err
    assert told in result.err


def test_a_later_numpy_than_this_was_built_for_is_told(files):
    folder = files({"plugin.py": CHILD})
    packages = make_venv(folder / "venv")
    (packages / "numpy").mkdir()
    (packages / "numpy/__init__.py").write_text("__version__ = '77.1.0'")
    result = launch(LINE.format(f"script={folder}/plugin.py venv={folder}/venv"))
    assert result.code != 0
    assert f"{packages}/numpy is NumPy 77.1.0: install 'numpy<" in result.err
    assert "or set isolation=process, which takes any" in result.err


def test_two_venvs_in_one_process_are_told(files):
    folder = files({"plugin.py": CHILD})
    for name in ("one", "two"):
        make_venv(folder / name)
    (folder / "same").symlink_to("one")
    line = "script={0}/plugin.py venv={0}/one ! pythonfilter script={0}/plugin.py venv={0}/{1}"
    result = launch(LINE.format(line.format(folder, "two")))
    assert result.code != 0
    assert (
        "already, and a module can be in it only once; set isolation=process"
        in result.err
    )
    for other in ("same", "one/", "two isolation=process"):
        result = launch(LINE.format(line.format(folder, other)))
        assert result.code == 0, result.err
