# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus: what fails."""

import os
import pathlib
import subprocess
import time

import pytest

import corpora
from corpora import counted, make, read_wav, run, samples_of
from pythonfilter_corpus import Corpus, Job, Threads, plan, tend
from pythonfilter_corpus.errors import Stopped
from pythonfilter_corpus.folder import Claim, Folder
from pythonfilter_corpus.ledger import Reader
from pythonfilter_corpus.version import VERSION
from waiting import HANG

# By the first sample of the file.
HOSTILE = """
import ctypes, time
from base_plugin import AudioProcessorPlugin

class Hostile(AudioProcessorPlugin):
    def process_audio(self, buffer):
        what = round(float(buffer.data[0, 0]) * 32768)
        if what == 1:
            raise ValueError("this is too loud")
        if what == 2:
            ctypes.string_at(0)
        if what == 4:  # in a thread that Python does not know
            c, thread = ctypes.CDLL(None), ctypes.c_ulong()
            c.pthread_create(ctypes.byref(thread), None, c.abort, None)
        if what in (3, 4):
            while True:
                time.sleep(0.01)
        buffer.data *= 0.5
"""


def mark(folder, number, what):
    samples = samples_of(number)
    samples[0] = what
    corpora.write_wav(folder / "in" / f"{number}.wav", samples)


def test_failures_are_told_apart_and_cost_only_themselves(tmp_path):
    make(tmp_path, 8, plugin=HOSTILE)
    for number, what in ((1, 1), (3, 2), (5, 4)):
        mark(tmp_path, number, what)
    (tmp_path / "in/6.wav").write_bytes(b"RIFF....")
    results = run(tmp_path, workers=1, retries=1)
    kinds = {name: each.kind for name, each in results.items()}
    failed = {"1": "exception", "3": "crash", "5": "crash", "6": "input"}
    assert kinds == {**dict.fromkeys("0247", ""), **failed}
    assert "this is too loud" in results["1"].message
    # Not where that is in GStreamer's own code.
    assert results["6"].message and "gst_" not in results["6"].message
    assert results["1"].file == str(tmp_path / "plugin.py")
    assert results["1"].line == 9 and "ValueError" in results["1"].traceback
    assert "SIGSEGV" in results["3"].message
    assert (results["3"].file, results["3"].line) == (str(tmp_path / "plugin.py"), 11)
    assert "string_at" in results["3"].traceback
    # Neither the plugin's nor ours, whatever other threads are at.
    assert results["5"].message.endswith("SIGABRT, outside of Python, as in a decoder")
    assert (results["5"].file, results["5"].line) == ("", 0)
    tries = counted(tmp_path, "failed")
    assert sorted(tries.values()) == [2, 2, 2, 2]
    assert set(counted(tmp_path, "done").values()) == {1}
    for number in (0, 2, 4, 7):
        out = read_wav(tmp_path / f"out/{number}.wav")
        assert (out == samples_of(number) // 2).all()


def test_what_takes_too_long_is_ended(tmp_path):
    make(tmp_path, 1, plugin=HOSTILE)
    mark(tmp_path, 0, 3)
    late = run(tmp_path, time_limit="1", retries=0)["0"]
    assert (late.kind, late.message) == ("late", "not done within 1 s")


def test_twenty_in_a_row_are_the_plugins_fault(tmp_path):
    make(tmp_path, 60, plugin=HOSTILE)
    for number in range(60):
        mark(tmp_path, number, 1)
    with pytest.raises(Stopped, match=r"it is the plugin.*too loud \(.*plugin.py:9\)"):
        run(tmp_path)
    assert 20 <= len(counted(tmp_path, "failed")) < 60


@pytest.fixture
def chunk(tmp_path):
    """An order, and the works of a chunk, for whoever tends it."""
    make(tmp_path, 4)
    job = corpora.job(tmp_path, format="wav")
    folder = Folder(job.out)
    lock = folder.begin()
    folder.open_claims("run")
    folder.write_probe("seen")
    works = plan.make(job, Corpus.files(str(tmp_path / "in")), "", False)
    yield tend.Order(VERSION, job.as_json(), "run", "seen"), works
    tend.release(job.out)
    lock.close()


def test_a_chunk_that_was_given_to_another_is_left(chunk, tmp_path):
    order, works = chunk
    folder = Folder(order.job["out"])
    runner = tend.Tended(Job(**order.job))
    try:
        claim = Claim(folder, "run", 1)
        assert claim.take()
        runner.ask(claim=[claim.path, claim.token])
        runner.ask(work=works[0])
        answers = []
        while not any("done" in each for each in answers):
            answers += runner.answers(time.monotonic() + HANG)
        assert Claim(folder, "run", 1).take()
        runner.ask(work=works[1])
        answers = runner.answers(time.monotonic() + HANG)
        assert answers == [{"revoked": works[1]["id"]}]
    finally:
        runner.close()
    assert not (tmp_path / "out/1.wav").exists()


def test_a_chunk_that_comes_again_goes_on_where_it_was(chunk, tmp_path):
    order, works = chunk
    assert tend.tend(order, 1, works[:3], False) == {}
    assert tend.tend(order, 1, works, False) == {}
    assert sorted(counted(tmp_path, "begin").values()) == [1, 1, 1, 1]
    folder = Folder(order.job["out"])
    folder.revoke()
    assert tend.tend(order, 2, works, False) == {}
    assert sorted(counted(tmp_path, "begin").values()) == [1, 1, 1, 1]


def test_a_line_counts_when_it_is_whole(tmp_path):
    folder = Folder(str(tmp_path))
    folder.begin().close()
    path = pathlib.Path(folder.ledger) / "one.jsonl"
    reader = Reader(folder)
    path.write_text('{"event": "begin", "id": "a"}\n{"event": "do')
    assert [each["event"] for each in reader.read()] == ["begin"]
    with path.open("a") as file:
        file.write('ne", "id": "a"}\nnonsense\n7\n')
    assert [each["event"] for each in reader.read()] == ["done"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, as root")
def test_a_full_disk_is_one_sentence(tmp_path):
    make(tmp_path, 12, frames=32000)
    out = tmp_path / "out"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "corpus", out]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        with pytest.raises(
            Stopped, match=r"out: the disk is full \(0.\d MB are left\)"
        ):
            run(tmp_path)
        done = counted(tmp_path, "done")
        assert 0 < len(done) < 12 and set(done.values()) == {1}
        for path in out.glob("*.wav"):
            number = int(path.stem)
            assert (read_wav(path) == samples_of(number, 32000) // 2).all()
        subprocess.run([*mount[:4], "remount,size=4m", *mount[5:]], check=True)
        assert len(run(tmp_path)) == 12 - len(done)
    finally:
        subprocess.run(["umount", "-l", out], check=True)


def test_a_folder_that_goes_away_is_one_sentence(tmp_path):
    make(tmp_path, 30)
    corpus = Corpus.files(str(tmp_path / "in"))
    results = corpora.job(tmp_path).run(corpus, Threads(1))
    next(results)
    os.rename(tmp_path / "out", tmp_path / "away")
    with pytest.raises(Stopped, match="out is gone$"):
        list(results)
    # Nor is it made again, as on another disk.
    assert not (tmp_path / "out").exists()
    os.rename(tmp_path / "away", tmp_path / "out")
    run(tmp_path)
    assert len(counted(tmp_path, "done")) == 30
