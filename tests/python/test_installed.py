# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts into a folder works there."""

import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from processes import BUILD, ROOT, launch, run

ENCRYPTORS = ("fernet-decryptor", "fernet-encryptor", "sframe-decryptor",
              "sframe-encryptor")  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of somebody who installed it, and nothing else of ours."""
    place = tmp_path_factory.mktemp("installed")
    command = ["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"]
    subprocess.run(command, check=True, env={**os.environ, "DESTDIR": str(place)})
    [plugin] = place.rglob("libgstpythonfilter.so")
    [workbench] = place.rglob("pythonfilter-workbench")
    home = place / "home"
    home.mkdir()
    path = f"{workbench.parent}:{os.environ['PATH']}"
    env = {
        "GST_PLUGIN_PATH": plugin.parent, "GST_REGISTRY": place / "registry.bin",
        "HOME": home, "XDG_DATA_HOME": None, "PATH": path,
    }  # fmt: skip
    return place, env


def test_every_plugin_is_an_element(installed):
    place, env = installed
    listed = run(["gst-inspect-1.0"], **env).out.decode()
    found = set(re.findall(r"pythonfilter:  py-(\S+):", listed))
    assert found >= {"simple-gain", "sine-wave-source", "null-sink", *ENCRYPTORS}
    # Nothing that is no plugin.
    assert not [name for name in found if re.match("base|pythonfilter", name)]
    text = run(["gst-inspect-1.0", "py-sframe-encryptor"], **env).out.decode()
    assert "key-file " in text
    [script] = re.findall(r"Script +(\S+)", text)
    assert pathlib.Path(script).is_relative_to(place)
    general = run(["gst-inspect-1.0", "pythonfilter"], **env).out.decode()
    assert "Not-usable" not in general


def test_elements_play(installed):
    _, env = installed
    caps = "audio/x-raw,format=F32LE,channels=1"
    line = f"audiotestsrc wave=square volume=1 num-buffers=1 ! {caps}"
    result = launch(f"{line} ! py-simple-gain gain=0.5 ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.5, -0.5}
    # A file of its author's, who imports base_plugin.
    mine = env["HOME"] / ".local/share/pythonfilter/plugins"
    mine.mkdir(parents=True)
    (mine / "mine.py").write_text(
        "from base_plugin import AudioProcessorPlugin, Param\n"
        "class Mine(AudioProcessorPlugin):\n"
        "    level = Param(0.25)\n"
        "    def process_audio(self, buffer): buffer.data[:] = self.level\n"
    )
    result = launch(f"{line} ! py-mine ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.25}


def test_the_command_is_there(installed, tmp_path):
    _, env = installed
    assert run(["pythonfilter-corpus", "--help"], cwd=tmp_path, **env).code == 0
    assert run(["pythonfilter-workbench", "new", "mine"], cwd=tmp_path, **env).code == 0
    options = ["--quick", "--json", "mine.py"]
    result = run(["pythonfilter-workbench", *options], cwd=tmp_path, **env)
    assert result.code == 0, result.err
    assert json.loads(result.out)
    tested = run([sys.executable, "test_mine.py"], cwd=tmp_path, **env)
    assert tested.code == 0, tested.err


def test_the_c_example_of_the_documentation_plays(installed, tmp_path):
    place, env = installed
    [header] = place.rglob("pythonfilter-call.h")
    page = (ROOT / "docs" / "compiled-plugins.md").read_text()
    [code, plugin] = re.findall(
        r"```text\n((?:#include|class Gain).*?)```", page, re.DOTALL
    )
    (tmp_path / "gain.c").write_text(code)
    flags = ["-I", header.parents[1], "-Wall", "-Wextra", "-pedantic", "-Werror"]
    flags += ["-Wno-unused-parameter", "-shared", "-fPIC", "-o", tmp_path / "gain.so"]
    for language in (["cc", "-std=c99"], ["c++", "-x", "c++", "-fpermissive", "-w"]):
        result = run([*language, tmp_path / "gain.c", *flags])
        assert result.code == 0, result.err
    result = run(["cc", "-std=c99", tmp_path / "gain.c", *flags])
    assert result.code == 0, result.err
    (tmp_path / "gain.py").write_text(
        "import ctypes\nfrom base_plugin import *\n"
        + plugin.replace("/path/of", os.fspath(tmp_path))
    )
    caps = "audio/x-raw,format=F32LE,channels=2"
    result = launch(
        f"audiotestsrc wave=square volume=1 num-buffers=1 ! {caps} ! pythonfilter "
        f"script={tmp_path}/gain.py plugin::gain=0.5 ! fdsink fd=1",
        **env,
    )
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.5, -0.5}
