# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plugin that is saved while gst-launch-1.0 plays it, as an editor does it."""

import os

import pytest

from processes import finish, interrupt, read_until, start

SOURCE = """\
import sys
{more}
class Plugin:
    told = False
    def process_audio(self, buffer):
        if not self.told:
            print("{name} plays", file=sys.stderr, flush=True)
        self.told = True
"""


def save(folder, name, more="", file="plugin.py"):
    """Beside the file, then in its place."""
    written = folder / f".{file}.swp"
    written.write_text(SOURCE.format(name=name, more=more))
    os.replace(written, folder / file)


def wait_for(process, text):
    """Reads standard error up to a line with the text, and gives what it read."""
    return read_until(process, text)


@pytest.fixture
def playing(tmp_path):
    """playing(properties) starts gst-launch-1.0 in a folder with a plugin.py."""
    started = []

    def play(properties, **env):
        command = ["gst-launch-1.0", "-m", "audiotestsrc", "is-live=true", "!"]
        command += ["pythonfilter", *properties.split(), "!", "fakesink"]
        process = start(command, cwd=tmp_path, **env)
        started.append(process)
        return process

    yield play
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(process):
    interrupt(process)
    return finish(process)


@pytest.mark.parametrize("which", ["script=plugin.py", "module=plugin"])
def test_an_edit_plays(tmp_path, playing, which):
    save(tmp_path, "first")
    process = playing(f"{which} reload=true", PYTHONPATH=tmp_path)
    wait_for(process, "first plays")
    save(tmp_path, "second")
    wait_for(process, "second plays")
    save(tmp_path, "third")
    wait_for(process, "third plays")
    result = end(process)
    assert result.code == 0
    assert b"pythonfilter-reloaded" in result.out
    assert b"count=(guint64)2" in result.out


WARMING = """\
import sys, threading
def tell(what):
    print(what, "{name}", threading.get_native_id(), file=sys.stderr, flush=True)
tell("import")
class Plugin:
    told = False
    def initialize(self): tell("initialize")
    def start(self): tell("start")
    def process_audio(self, buffer):
        if not self.told:
            tell("process")
        self.told = True
"""


def test_new_code_is_made_ready_off_the_streaming_thread(tmp_path, playing):
    """So that it can warm up in start() while the old code plays."""
    (tmp_path / "plugin.py").write_text(WARMING.format(name="first"))
    process = playing("script=plugin.py reload=true")
    first = wait_for(process, "process first")
    (tmp_path / "new.py").write_text(WARMING.format(name="second"))
    os.replace(tmp_path / "new.py", tmp_path / "plugin.py")
    second = wait_for(process, "process second")

    def threads(text, name):
        words = (line.split() for line in text.splitlines())
        return {what: thread for what, who, thread in words if who == name}

    assert end(process).code == 0
    stream = threads(first, "first")["process"]
    new = threads(second, "second")
    assert new.pop("process") == stream
    assert sorted(new) == ["import", "initialize", "start"]
    assert len({*new.values()}) == 1 and stream not in new.values()


def test_a_broken_edit_is_told_and_the_old_code_plays_on(tmp_path, playing):
    save(tmp_path, "first")
    process = playing("script=plugin.py reload=true")
    wait_for(process, "first plays")
    broken = (
        "print('half done', file=sys.stderr, flush=True)\nraise ValueError('broken')"
    )
    save(tmp_path, "broken", more=broken)
    wait_for(process, "half done")
    save(tmp_path, "second")
    told = wait_for(process, "second plays")
    assert "broken plays" not in told and "first plays" not in told
    result = end(process)
    assert result.code == 0
    assert result.out.count(b"(warning)") == 1
    assert b"ValueError: broken" in result.out


def test_an_import_that_hangs_does_not_keep_the_process(tmp_path, playing):
    save(tmp_path, "first")
    process = playing("script=plugin.py reload=true")
    wait_for(process, "first plays")
    hang = "print('hangs', file=sys.stderr, flush=True)\nwhile True: pass"
    save(tmp_path, "hanging", more=hang)
    wait_for(process, "hangs")
    assert end(process).code == 0


def test_without_being_asked_nothing_changes(tmp_path, playing):
    """Though another element of the line loads what was saved after it."""
    save(tmp_path, "first")
    save(tmp_path, "asked", file="asked.py")
    process = playing("script=plugin.py ! pythonfilter script=asked.py reload=true")
    wait_for(process, "asked plays")
    save(tmp_path, "second")
    told = ""
    for name in ("asked again", "asked once more"):
        save(tmp_path, name, file="asked.py")
        told += wait_for(process, f"{name} plays")
    result = end(process)
    assert "second plays" not in told + result.err
    assert result.out.count(b"pythonfilter-reloaded") == 2
