# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is there already: other runs' outputs, inputs, and files of somebody else's."""

import fcntl
import json
import os

import numpy as np
import pytest

import processes
from corpora import PLUGIN, job, make, read_wav, run, samples_of
from pythonfilter_corpus import Corpus, Threads, cli
from pythonfilter_corpus.errors import Unusable
from pythonfilter_corpus.folder import Folder

POSTS = (
    PLUGIN
    + """
        self.post("level", db=float("-inf"), n=float("nan"), message="mine")
"""
)
RAISES = (
    PLUGIN
    + """
        if self.gain > 0:
            raise ValueError("loud")
"""
)


def command(folder, *words):
    return processes.run(
        [processes.PLUGINS / "pythonfilter-corpus", *words], folder, OMP_NUM_THREADS=1
    )


def play(folder, inputs, out, **more):
    made = job(folder, **more)
    made.out = os.fspath(out)
    return list(made.run(Corpus.files(*map(str, inputs)), Threads(1)))


def test_back_to_what_was_before_is_done_again(tmp_path):
    make(tmp_path, 2)
    for gain, done in ((0.5, 2), (1.0, 2), (0.5, 2), (0.5, 0)):
        assert len(run(tmp_path, parameters={"gain": gain})) == done
        heard = read_wav(tmp_path / "out/0.wav")
        assert np.array_equal(heard, (samples_of(0) * gain).astype("<i2"))


def test_what_is_read_is_never_written(tmp_path):
    make(tmp_path, 1)
    before = (tmp_path / "in/0.wav").read_bytes()
    with pytest.raises(Unusable, match="0.wav is read, and .* another --out"):
        play(tmp_path, [tmp_path / "in"], tmp_path / "in")
    assert (tmp_path / "in/0.wav").read_bytes() == before


def test_outputs_are_no_inputs_of_the_next_run(tmp_path, monkeypatch):
    make(tmp_path, 2)
    monkeypatch.chdir(tmp_path)
    assert len(play(tmp_path, ["**/*.wav"], tmp_path / "in/clean")) == 2
    assert play(tmp_path, ["**/*.wav"], tmp_path / "in/clean") == []
    assert len([*tmp_path.rglob("*.wav")]) == 4


@pytest.mark.parametrize("plugin", [PLUGIN, POSTS], ids=["silent", "posts"])
def test_a_file_of_somebody_elses_beside_it_stays(tmp_path, plugin):
    make(tmp_path, 2, plugin=plugin)
    mine = tmp_path / "in/0.jsonl"
    mine.write_text("a transcript")
    results = play(tmp_path, [tmp_path / "in/*.wav"], tmp_path / "in", format="flac")
    assert mine.read_text() == "a transcript"
    states = [(each.state, each.kind) for each in results]
    if plugin is PLUGIN:
        assert states == [("done", "")] * 2
    else:
        assert sorted(states) == [("done", ""), ("failed", "output")]
        lines = (tmp_path / "in/1.jsonl").read_text().splitlines()
        line = json.loads(lines[0], parse_constant=pytest.fail)
        assert line["message"] == "level" and line["message_"] == "mine"
        assert line["db"] is None and line["n"] is None
        # The next run knows which are its own.
        (tmp_path / "plugin.py").write_text(PLUGIN)
        play(tmp_path, [tmp_path / "in/*.wav"], tmp_path / "in", format="flac")
        assert mine.exists() and not (tmp_path / "in/1.jsonl").exists()


def test_retry_is_for_the_same_plugin(tmp_path):
    make(tmp_path, 1, plugin=RAISES)
    assert run(tmp_path)["0"].kind == "exception"
    (tmp_path / "plugin.py").write_text(PLUGIN)
    result = command(tmp_path, "retry", "out", "--failed", "--engine", "threads")
    assert result.code == cli.UNUSABLE
    assert "which is what run is for" in result.err
    assert run(tmp_path)["0"].state == "done"


def test_a_name_that_is_too_long_costs_only_itself(tmp_path):
    make(tmp_path, 2)
    name = "a" * 251
    (tmp_path / "in/0.wav").rename(tmp_path / f"in/{name}.wav")
    results = run(tmp_path, format="flac", retries=0)
    assert results["1"].state == "done"
    assert results[name].kind == "output"
    assert results[name].message.endswith(f"{name}.flac: File name too long")


def test_a_secret_that_is_printed_before_a_crash_is_not_told(tmp_path):
    plugin = PLUGIN.replace("gain = Param(0.5)", 'key = Param("", secret=True)')
    plugin = plugin.replace(
        "buffer.data *= self.gain",
        'print("key", self.key, flush=True)\n        import os; os._exit(3)',
    )
    make(tmp_path, 1, plugin=plugin)
    (tmp_path / "key").write_text("TOPSECRET99\n")
    result = run(tmp_path, secrets={"key": str(tmp_path / "key")}, retries=0)["0"]
    assert result.kind == "crash" and result.message.endswith("with 3: key ...")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written and not [p for p in written if b"TOPSECRET99" in p.read_bytes()]


@pytest.mark.parametrize("text", ["nan", "inf", "0", "-3", "-2x", "x"])
def test_a_time_limit_is_a_time(tmp_path, text):
    make(tmp_path, 0)
    with pytest.raises(Unusable, match="the time limit"):
        job(tmp_path, time_limit=text)


def test_status_says_that_files_are_left(tmp_path):
    make(tmp_path, 2)
    assert len(run(tmp_path)) == 2
    assert command(tmp_path, "status", "out").code == cli.DONE
    (tmp_path / "out/0.wav").unlink()
    assert command(tmp_path, "status", "out").code == cli.STOPPED


def test_each_source_has_to_name_a_file(tmp_path):
    make(tmp_path, 1)
    with pytest.raises(Unusable, match="no file is called .*typo"):
        Corpus.files(str(tmp_path / "in"), str(tmp_path / "typo/*.wav"))


def everything_in(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_what_is_refused_leaves_no_trace(tmp_path):
    make(tmp_path, 1)
    before = everything_in(tmp_path)
    for out in (tmp_path / "new/deep", tmp_path / "in"):
        with pytest.raises(Unusable, match="refused the parameter nope"):
            play(tmp_path, [tmp_path / "in"], out, parameters={"nope": 1})
        with pytest.raises(Unusable, match="no scheduler with workers"):
            this = job(tmp_path)
            this.out = str(out)
            list(this.run(Corpus.files(str(tmp_path / "in")), Absent()))
        assert everything_in(tmp_path) == before


def test_what_lies_there_stays(tmp_path):
    for number, name in enumerate(("plan.jsonl", "ledger/a.jsonl", "../0.wav")):
        folder = Folder(str(tmp_path / f"out{number}"))
        lock = folder.begin()
        path = os.path.normpath(os.path.join(folder.own, name))
        with open(path, "w") as file:
            file.write("somebody's")
        folder.leave_no_trace()
        lock.close()
        assert os.path.exists(path)
        assert os.path.isdir(folder.ledger) == (name != "../0.wav")


class Absent(Threads):
    """As a cluster that nobody has started."""

    def open(self):
        raise Unusable("there is no scheduler with workers")


def test_a_lock_that_was_taken_away_is_none(tmp_path, monkeypatch):
    """Who opens it while its holder leaves no trace takes the next one's."""
    folder = Folder(str(tmp_path / "out"))
    holder = folder.begin()
    flock, waited = fcntl.flock, []

    def slow(file, how):
        if not waited:
            waited.append(file)
            Folder.leave_no_trace(folder)
            holder.close()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    lock = Folder(str(tmp_path / "out")).begin()
    assert waited and lock.is_there() and os.path.isdir(folder.claims)
    with pytest.raises(Unusable, match="runs into this folder already"):
        Folder(str(tmp_path / "out")).begin()
    lock.close()
