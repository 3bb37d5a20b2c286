# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus.finishing: what is done before what, and for how many at once."""

import contextlib
import errno
import os
import threading

import pytest

import corpora
from pythonfilter_corpus import disk, finishing
from pythonfilter_corpus.folder import Claim, Folder
from waiting import eventually


def short(path):
    """Of a part only whose it is."""
    return os.path.basename(path).partition("-")[0]


class Steps:
    """A finisher whose steps on the disk are noted, in their order."""

    def __init__(self, tmp_path, monkeypatch):
        corpora.make(tmp_path, 0)
        self.job = corpora.job(tmp_path)
        self.folder = Folder(self.job.out)
        self.lock = self.folder.begin()
        self.folder.open_claims("run")
        self.claim = Claim(self.folder, "run", 1)
        assert self.claim.take()
        self.done, self.answers, self.fails = [], [], {}
        self.waited_for = threading.Event()
        self.finisher = finishing.Finisher(self._say)
        self.finisher.begin(self.job, [])
        self._rename, self._fsync = os.rename, os.fsync
        monkeypatch.setattr(os, "rename", self._note_rename)
        monkeypatch.setattr(os, "fsync", self._note_fsync)

    def _say(self, *answers):
        self.answers += answers
        if not answers:
            self.waited_for.set()
        if answers:
            (what,) = {[*each][0] for each in answers}
            of = [each[what] for each in answers] if what != "stop" else answers
            names = [each if what == "revoked" else each["id"] for each in of]
            self.done.append((f"tell {what}", *names))

    def _note_rename(self, part, place):
        self._rename(part, place)
        self.done.append(("name", short(place)))

    def _note_fsync(self, file):
        path = os.readlink(f"/proc/self/fd/{file}")
        step = "folder" if os.path.isdir(path) else "content"
        self.done.append((step, short(path)))
        if os.path.basename(path) in self.fails:
            raise OSError(self.fails[os.path.basename(path)], "it fails", path)
        self._fsync(file)

    def output(self, name, lines=(), where="", claim=None):
        part = self.folder.part_of(name, 0)
        with open(part, "w") as file:
            file.write(name)
        work = {"id": name, "output": os.path.join(where, f"{name}.wav")}
        claim = claim or self.claim
        token = claim.path, claim.token
        lines = [{"message": each} for each in lines]
        return finishing.Output(
            *(self.job.out, work, [part], lines, {"id": name}, token)
        )

    def finish(self, *outputs):
        """All of them at once."""
        self.finisher.finish(list(outputs))
        return self.done


@pytest.fixture
def steps(tmp_path, monkeypatch):
    steps = Steps(tmp_path, monkeypatch)
    yield steps
    steps.lock.close()


def test_it_is_told_when_it_is_whole_has_its_name_and_is_on_the_disk(steps):
    assert steps.finish(steps.output("a", lines=["said"])) == [
        *(("content", "a"), ("content", "a")),
        *(("name", "a.jsonl"), ("name", "a.wav")),
        *(("folder", "out"), ("tell done", "a")),
    ]


def test_several_share_what_a_disk_does(steps):
    names = ["a", "b", "c"]
    assert steps.finish(*(steps.output(each) for each in names)) == [
        *(("content", each) for each in names),
        *(("name", f"{each}.wav") for each in names),
        *(("folder", "out"), ("tell done", *names)),
    ]


def test_a_new_folder_is_on_the_disk_before_what_is_in_it(steps):
    done = steps.finish(steps.output("a", where="x/y"), steps.output("b", where="x/y"))
    assert done[:2] == [("folder", "out"), ("folder", "x")]
    assert done[-2:] == [("folder", "y"), ("tell done", "a", "b")]
    assert steps.finish(steps.output("c", where="x/y"))[8:] == [
        *(("content", "c"), ("name", "c.wav"), ("folder", "y"), ("tell done", "c")),
    ]


def test_one_that_fails_leaves_the_others_alone(steps, tmp_path):
    outputs = [steps.output(each, lines=["said"] * (each == "b")) for each in "abc"]
    os.remove(outputs[1].parts[0])
    done = steps.finish(*outputs)
    told = [each for each in done if each[0].startswith("tell")]
    assert told == [("tell failed", "b"), ("tell done", "a", "c")]
    assert not os.listdir(steps.folder.parts)
    assert sorted(each.name for each in (tmp_path / "out").glob("*.wav")) == [
        *("a.wav", "c.wav")
    ]


def test_what_another_has_now_gets_no_name(steps, tmp_path):
    other = Claim(steps.folder, "run", 2)
    assert other.take()
    outputs = [steps.output("a"), steps.output("b", claim=other)]
    assert Claim(steps.folder, "run", 1).take()
    del steps.done[:]  # what the claims did
    assert [each for each in steps.finish(*outputs) if each[0] != "content"] == [
        *(("tell revoked", "a"), ("name", "b.wav"), ("folder", "out")),
        ("tell done", "b"),
    ]


def test_what_another_takes_while_it_is_written_gets_no_name(steps, monkeypatch):
    other = Claim(steps.folder, "run", 1)
    monkeypatch.setattr(disk, "sync", lambda path: other.take())
    assert steps.finish(steps.output("a"))[-1] == ("tell revoked", "a")
    assert ("name", "a.wav") not in steps.done


@pytest.mark.parametrize("which", ["content", "folder"])
def test_what_the_disk_does_not_take_is_not_told_as_done(steps, which):
    output = steps.output("a")
    path = output.parts[0] if which == "content" else steps.job.out
    steps.fails[os.path.basename(path)] = errno.EIO
    assert steps.finish(output)[-1] == ("tell stop", "a")
    assert ("name", "a.wav") in steps.done or which == "content"


def test_a_folder_that_fails_is_that_of_all_in_it(steps):
    outputs = [steps.output("a"), steps.output("b")]
    steps.fails["out"] = errno.EIO
    steps.finish(*outputs)
    assert steps.done[-3:] == [
        ("folder", "out"),
        ("tell stop", "a"),
        ("tell stop", "b"),
    ]


def test_a_disk_that_fills_is_told_as_full(steps):
    steps.fails[os.path.basename(steps.output("a").parts[0])] = errno.ENOSPC
    steps.finish(steps.output("a"))
    (answer,) = steps.answers
    assert answer["stop"].startswith(f"{steps.job.out}: the disk is full (")


def test_a_folder_that_is_gone_is_not_made_again(steps, tmp_path):
    output = steps.output("a", where="x")
    os.rename(tmp_path / "out", tmp_path / "away")
    del steps.done[:]
    assert steps.finish(output) == [("tell stop", "a")]
    assert not (tmp_path / "out").exists()


def test_one_that_is_alone_waits_for_nobody(steps):
    steps.finisher.add(steps.output("a"))
    eventually(lambda: ("tell done", "a") in steps.done, "that it is told")
    steps.finisher.settle()


def test_who_waits_waits_for_the_last(steps, monkeypatch):
    monkeypatch.setattr(disk, "sync", lambda path: steps.waited_for.wait())
    steps.finisher.add(steps.output("a"))
    steps.finisher.settle()
    assert steps.done[-1] == ("tell done", "a")


def test_a_finisher_that_fails_ends_its_process(steps, monkeypatch):
    """Or nobody would get an answer any more."""
    ended = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda code: ended.set())
    monkeypatch.setattr(steps.finisher, "finish", None)
    steps.finisher.add(steps.output("a"))
    eventually(ended.is_set, "that it ends")


def test_a_disk_that_knows_no_fsync_of_folders(tmp_path, monkeypatch):
    """And one that fails, which is told."""
    synced = []

    def fsync(file):
        synced.append(file)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    fails = pytest.raises(OSError)
    for code, ends in ((errno.EINVAL, contextlib.nullcontext()), (errno.EIO, fails)):
        with ends:
            disk.sync_folder(str(tmp_path))
    assert len(synced) == 2
    with pytest.raises(OSError):
        disk.sync(str(tmp_path))
