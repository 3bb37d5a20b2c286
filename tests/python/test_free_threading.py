# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Python without a GIL is refused: what plugins keep is found by exact counts."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import sysconfig

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def compile_bridge(*options):
    """What the compiler says of the header that each file of bridge/python has."""
    return subprocess.run(
        [*os.environ.get("CXX", "c++").split(), "-std=c++17", "-fsyntax-only"]
        + [f"-I{sysconfig.get_paths()['include']}", "-x", "c++", *options]
        + [os.fspath(ROOT / "bridge/python/python.hpp")],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stderr


def test_the_bridge_does_not_compile_for_it():
    assert "error" not in compile_bridge()
    errors = compile_bridge("-DPy_GIL_DISABLED=1")
    assert "pythonfilter needs a Python with a GIL" in errors


@pytest.mark.parametrize(("flags", "refused"), [("", False), ("t", True), ("td", True)])
def test_a_worker_says_so_in_a_sentence(monkeypatch, flags, refused):
    path = ROOT / "plugins_py/pythonfilter/worker/server.py"
    spec = importlib.util.spec_from_file_location("server_of_workers", path)
    server = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec.loader.exec_module(server)
    monkeypatch.setattr(sys, "abiflags", flags)
    why = server.why_unusable()
    assert bool(why) == refused
    if refused:
        assert why.startswith(f"{sys.executable} (Python 3.")
        assert why.endswith(": a worker needs a Python with a GIL") and "\n" not in why
