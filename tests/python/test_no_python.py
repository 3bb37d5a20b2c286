# SPDX-License-Identifier: LGPL-2.1-or-later
"""gst-inspect-1.0 and a registry scan start no Python."""

import shutil

import pytest

from processes import GAIN, run

COMMANDS = {
    "inspect": ["gst-inspect-1.0", "pythonfilter"],
    "inspect all": ["gst-inspect-1.0"],
    "types": ["gst-typefind-1.0", "/dev/null"],
    "launch without it": "gst-launch-1.0 -q audiotestsrc num-buffers=1 ! fakesink".split(),
}
PLAYS = (
    "gst-launch-1.0 -q audiotestsrc num-buffers=1 "
    f"! pythonfilter script={GAIN} ! fakesink"
).split()


def opened(tmp_path, command, **env):
    """Paths that the command and its children opened."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    log = tmp_path / "strace"
    result = run(["strace", "-f", "-qq", "-e", "openat", "-o", log, *command], **env)
    assert result.code == 0, result.err
    return log.read_text()


def test_strace_sees_python_when_there_is_one(tmp_path):
    assert "libpython3" in opened(tmp_path, PLAYS)


@pytest.mark.parametrize("fresh", [True, False], ids=["scan", "known"])
@pytest.mark.parametrize("what", COMMANDS)
def test_no_python_is_opened(tmp_path, what, fresh):
    env = {"GST_REGISTRY": tmp_path / "registry.bin"} if fresh else {}
    text = opened(tmp_path, COMMANDS[what], **env)
    assert "libgstpythonfilter.so" in text or not fresh
    assert "libpython" not in text
    assert "/bridge." not in text


def test_inspect_tells_the_properties():
    result = run(["gst-inspect-1.0", "pythonfilter"])
    assert result.code == 0
    for name in (
        "script",
        "module",
        "class",
        "params",
        "on-error",
        "venv",
        "stats",
        "reload",
    ):
        assert f"\n  {name} ".encode() in result.out
    assert b"NOT_LINKED" not in result.out
