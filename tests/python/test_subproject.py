# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else's meson build that has this one in subprojects/."""

import json
import os
import shutil

import numpy as np
import pytest

import soak
from processes import ROOT, run

# What docs/packaging.md says.
PROJECT = """
project('host', 'c', meson_version: '>= 1.0')
plugin = subproject('pythonfilter').get_variable('gst_plugin')
test('plays', find_program('gst-launch-1.0'), depends: plugin,
  args: 'audiotestsrc num-buffers=5 ! pythonfilter script=@0@ ! fakesink'
    .format(meson.project_source_root() / 'half.py').split(),
  env: {'GST_PLUGIN_PATH': meson.project_build_root() / 'subprojects/pythonfilter/gst'})
"""
PLUGIN = """
class Half:
    def process_audio(self, buffer):
        buffer.data *= 0.5
"""
LINE = "audiotestsrc wave=square volume=1 num-buffers=1 ! audio/x-raw,format=F32LE"


def meson(*arguments, **env):
    result = run(["meson", *arguments], **env)
    assert result.code == 0, result.out + result.err.encode()
    return result.out.decode()


@pytest.fixture
def host(tmp_path):
    """Its folder, configured, with the prefix /opt/host."""
    (tmp_path / "subprojects").mkdir()
    (tmp_path / "meson.build").write_text(PROJECT)
    (tmp_path / "half.py").write_text(PLUGIN)
    left_out = shutil.ignore_patterns(".git", "build*", "__pycache__")
    shutil.copytree(ROOT, tmp_path / "subprojects/pythonfilter", ignore=left_out)
    meson("setup", "--prefix", "/opt/host", tmp_path / "build", tmp_path)
    return tmp_path


def test_it_is_configured_without_tests_and_examples(host):
    def found(kind):
        return json.loads(meson("introspect", host / "build", f"--{kind}"))

    assert [test["name"] for test in found("tests")] == ["plays"]
    names = {target["name"] for target in found("targets")}
    assert "gstpythonfilter" in names and "bridge.process" in names
    assert not names & {"embed", "docs", "checks", "bench-element"}


@pytest.mark.skipif(not soak.SOAK, reason="only in a soak: it builds everything")
def test_it_is_built_tested_and_installed(host):
    meson("compile", "-C", host / "build")
    meson("test", "-C", host / "build", "--no-rebuild")
    # Its devenv has the way to the elements, and the installed tree can be moved.
    line = ["gst-launch-1.0", "-q", *LINE.split(), "!", "pythonfilter"]
    line += [f"script={host}/half.py", "!", "fdsink", "fd=1"]
    env = {"GST_PLUGIN_PATH": None, "GST_REGISTRY": None, "HOME": host}
    played = run(["meson", "devenv", "-C", host / "build", *line], **env)
    assert set(np.frombuffer(played.out, "f4")) == {0.5, -0.5}, played.err
    meson("install", "-C", host / "build", "--no-rebuild", "--destdir", host / "there")
    [plugin] = (host / "there/opt/host").rglob("libgstpythonfilter.so")
    line[line.index("pythonfilter") :] = ["py-simple-gain", "!", "fdsink", "fd=1"]
    played = run(line, **{**env, "GST_PLUGIN_PATH": os.fspath(plugin.parent)})
    assert played.code == 0, played.err
    assert set(np.frombuffer(played.out, "f4")) == {1.0, -1.0}
