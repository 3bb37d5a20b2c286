# SPDX-License-Identifier: LGPL-2.1-or-later
"""What lies in the way of a run, and what is told of it."""

import json
import math
import os
import shutil
import types

import pytest

import corpora
import processes
from corpora import PLUGIN, RATE, counted, job, make, read_wav, run, samples_of
from corpora import write_wav
from pythonfilter_corpus import Corpus, Run, Threads, ledger, report, tend
from pythonfilter_corpus.errors import Stopped, full_disk, with_place
from pythonfilter_corpus.folder import Claim, Folder
from pythonfilter_corpus.status import Status
from pythonfilter_corpus.version import VERSION


def command(*words):
    from pythonfilter_corpus import cli

    return cli.main([str(word) for word in words])


def test_what_is_not_there_fails_alone(tmp_path):
    make(tmp_path, 1, frames=RATE)
    write_wav(tmp_path / "in/empty.wav", samples_of(0, 0))
    os.symlink("nowhere.wav", tmp_path / "in/link.wav")
    (tmp_path / "in/folder.wav").mkdir()
    names = ("in/0.wav", "in/gone.wav", "in/empty.wav", "in/folder.wav", "in/link.wav")
    lines = [{"audio_filepath": name} for name in names]
    lines.append({"audio_filepath": "in/0.wav", "offset": 5, "duration": 1})
    lines.append({"audio_filepath": "in/0.wav", "offset": 0.5, "duration": 9})
    lines.append({"audio_filepath": "in/0.wav", "offset": 0.25, "duration": 0})
    path = tmp_path / "list.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = job(tmp_path, retries=0).run(Corpus.manifest(str(path)), Threads(1))
    told = {each.output: (each.kind, each.message) for each in results}
    assert told == {
        "0.wav": ("", ""),
        "gone.wav": ("input", "No such file or directory"),
        "empty.wav": ("input", "there is not one sample in this file"),
        "folder.wav": ("input", "this is no file"),
        "link.wav": ("input", "No such file or directory"),
        "0-5.000.wav": ("input", "there is not one sample in this file from 5 s on"),
        "0-0.500.wav": ("", ""),
        "0-0.250.wav": (
            *("input", "there is not one sample in this file from 0.25 s on"),
        ),
    }
    # What there was of it, and for how long.
    rest = read_wav(tmp_path / "out/0-0.500.wav")
    assert (rest == samples_of(0, RATE)[RATE // 2 :] // 2).all()
    seconds = [each["seconds"] for each in corpora.events(tmp_path) if "bytes" in each]
    assert sorted(seconds) == [0.5, 1.0]
    # What fails left nothing that is no file, and what comes is new work.
    assert {each.name for each in (tmp_path / "out").glob("*.wav")} == {
        *("0.wav", "0-0.500.wav")
    }
    write_wav(tmp_path / "in/gone.wav", samples_of(1))
    results = list(job(tmp_path).run(Corpus.manifest(str(path)), Threads(1)))
    assert [each.output for each in results if each.state == "done"] == ["gone.wav"]


DROPS = """
from base_plugin import AudioProcessorPlugin, DropBuffer

class Drops(AudioProcessorPlugin):
    def process_audio(self, buffer):
        raise DropBuffer
"""


def cut_off(tmp_path, plugin=PLUGIN):
    """in/whole.flac, 10 s of noise, and the first half of it as in/half.flac."""
    make(tmp_path, 0, plugin=plugin)
    whole = tmp_path / "in/whole.flac"
    whole.parent.mkdir()
    made = processes.launch(
        f"audiotestsrc wave=white-noise num-buffers=100 samplesperbuffer={RATE // 10} "
        f"! audio/x-raw,rate={RATE},channels=1 ! flacenc ! filesink location={whole}"
    )
    assert made.code == 0, made.err
    content = whole.read_bytes()
    (tmp_path / "in/half.flac").write_bytes(content[: len(content) // 2])


def test_a_file_that_is_cut_off_is_told(tmp_path):
    cut_off(tmp_path)
    results = run(tmp_path)
    assert {each.state for each in results.values()} == {"done"}
    whole, half = results["whole.flac"], results["half.flac"]
    assert whole.warning == "" and whole.seconds == 10.0
    # What there is of it is what was played.
    assert 4 < half.seconds < 6
    played = len(read_wav(tmp_path / "out/half.wav"))
    assert half.seconds == pytest.approx(played / RATE, abs=1e-3)
    assert half.warning == (
        f"it says that it has 10.00 s, and ended after {half.seconds:.2f} s: "
        "it may be cut off"
    )
    status = Status(str(tmp_path / "out"))
    assert str(status).startswith("2 of 2 files done, 1 of them with a warning, ")
    report.write(status, str(tmp_path / "report.html"))
    assert half.warning in (tmp_path / "report.html").read_text()


def test_who_wants_no_more_did_not_get_too_little(tmp_path):
    # The second block of each file is too much.
    ends = "        self.gain = 1.5 - self.gain\n        if self.gain < 1:\n"
    ends += "            raise EndOfStream\n"
    cut_off(tmp_path, PLUGIN.replace("import", "import EndOfStream,") + ends)
    results = run(tmp_path).values()
    assert [(each.state, each.warning) for each in results] == [("done", "")] * 2


@pytest.mark.parametrize("format", ["wav", "none"])
def test_nothing_makes_no_broken_file(tmp_path, format):
    make(tmp_path, 1, plugin=DROPS)
    result = run(tmp_path, format=format, retries=0)["0"]
    if format == "none":
        assert result.state == "done"
        return
    assert result.kind == "empty"
    assert result.message == "the plugin gave nothing that can be written"
    assert not (tmp_path / "out/0.wav").exists()


@pytest.mark.parametrize("mine", [False, True], ids=["theirs", "mine"])
def test_a_failed_file_leaves_no_earlier_output_in_its_place(tmp_path, mine, capsys):
    fails = PLUGIN.replace("gain = Param(0.5)", "gain = Param(0.5, min=0.0, max=9.0)")
    fails += '\n        self.post("said")\n        assert self.gain < 1\n'
    make(tmp_path, 2, plugin=fails)
    words = ("run", tmp_path / "plugin.py", "--in", tmp_path / "in", "--out")
    words += (tmp_path / "out", "--engine", "threads", "--retries", "0", "--set")
    out, own = tmp_path / "out", tmp_path / "out/.pythonfilter/earlier"
    assert command(*words, "gain=0.5") == 0
    if mine:
        (out / "0.wav").write_text("mine")
    # Broken off before any has begun, it says that these are old.
    (out / ".pythonfilter/lock").touch()
    assert command(*words, "gain=2") == 3
    said = capsys.readouterr().err
    assert f"{1 if mine else 2} outputs of earlier runs" in said and str(own) in said
    assert (own / "1.wav").exists() and (own / "1.jsonl").exists()
    assert sorted(each.name for each in out.glob("?.*")) == (
        ["0.jsonl", "0.wav"] if mine else []
    )
    assert not mine or (out / "0.wav").read_text() == "mine"
    assert command(*words, "gain=0.25") == 0
    assert len(list(out.glob("?.*"))) == 4


def test_what_is_set_aside_has_room(tmp_path):
    """Where a folder was called as a file is now, and the other way round."""
    folder = Folder(str(tmp_path))
    folder.begin().close()
    for name, text in (("a", "1"), ("a/b", "2"), ("a", "3"), ("a/b", "4")):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
        folder.set_aside(name)
        if "/" in name:
            place.parent.rmdir()
    away = tmp_path / ".pythonfilter/earlier"
    kept = {path.read_text() for path in away.rglob("*") if path.is_file()}
    assert kept == {"2", "3", "4"}


def test_status_tells_of_outputs_that_are_an_earlier_runs(tmp_path):
    make(tmp_path, 3)
    run(tmp_path)
    ledgers = tmp_path / "out/.pythonfilter/ledger"
    before = set(ledgers.iterdir())
    run(tmp_path, parameters={"gain": 0.25})
    for path in set(ledgers.iterdir()) - before:
        path.unlink()
    status = Status(str(tmp_path / "out"))
    assert status.left == status.earlier == 3
    assert f"{status.left} of them with an earlier run's output" in str(status)


@pytest.mark.parametrize(
    "line, why",
    [
        ("flacenc qualty=9", r'flacenc qualty=9 cannot be made: .*"qualty"'),
        ("nosuchenc ! oggmux", 'cannot be made: no element "nosuchenc"'),
        ("capsfilter caps=video/x-raw", "caps=video/x-raw takes no audio/x-raw"),
        ("fakesink", "has no beginning or no end"),
    ],
    ids=lambda each: each.split()[0],
)
def test_an_encoder_is_looked_at_before_the_first_file(tmp_path, line, why):
    make(tmp_path, 1)
    with pytest.raises(tend.Refused, match=why):
        tend.Tended(job(tmp_path, encoder=line, format="x"))


def test_a_place_is_told_as_far_as_it_is_known():
    assert with_place("no", "/p.py", 3) == "no (/p.py:3)"
    assert with_place("no", "/p.py") == "no (/p.py)"
    assert with_place("/p.py:3: no", "/p.py", 3) == "/p.py:3: no"
    assert with_place("no") == "no"


def test_a_crash_is_where_its_own_thread_was():
    """By what faulthandler tells of all threads, of which one is at fault."""

    def thread(name, frame):
        return f"{name} 0x7f (most recent call first):\n  {frame}\n\n"

    mine = 'File "/plugin.py", line 3 in process_audio'
    ours = f'File "{tend.__file__}", line 3 in tend'
    other = thread("Thread", 'File "/helper.py", line 9 in wait')
    current = [thread("Current thread", each) for each in (mine, ours, "<no frame>")]
    where = [tend._of_the_crash(each + other) for each in current]
    assert where == [current[0].rstrip(), "", ""]
    assert tend._of_the_crash(f"Fatal Python error: Aborted\n\n{other}") == ""
    assert tend._of_the_crash("what it said at last") == "what it said at last"


def test_a_full_disk_is_told_with_what_is_left(tmp_path, monkeypatch):
    usage = types.SimpleNamespace(free=1_250_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert full_disk("/out") == "/out: the disk is full (1.2 MB are left)"
    assert full_disk("/out", quota=True).startswith("/out: your quota is used up")
    # A line of which a part went to the disk ends that file of the ledger.
    folder = Folder(str(tmp_path))
    folder.begin().close()
    writer = ledger.Writer(folder, "run", 1)
    monkeypatch.setattr(os, "write", lambda file, line: len(line) - 1)
    with pytest.raises(OSError, match="No space left"):
        writer.add({"event": "begin", "id": "a"})


def test_a_folder_of_inputs_that_goes_away_is_one_sentence(tmp_path):
    make(tmp_path, 30)
    corpus = Corpus.files(str(tmp_path / "in"))
    results = job(tmp_path).run(corpus, Threads(1))
    next(results)
    os.rename(tmp_path / "in", tmp_path / "away")
    with pytest.raises(Stopped, match="in: the files that are read are gone from"):
        list(results)
    assert not counted(tmp_path, "failed")
    os.rename(tmp_path / "away", tmp_path / "in")
    run(tmp_path)
    assert len(counted(tmp_path, "done")) == 30
    # One file that goes is one that fails.
    (tmp_path / "plugin.py").write_text(PLUGIN + "\n# new")
    results = job(tmp_path, retries=0).run(corpus, Threads(1))
    last = corpus.entries[-1].input
    next(results)
    os.remove(last)
    assert [each.input for each in results if each.kind == "input"] == [last]


def told(tmp_path, events):
    """What a run makes of lines: of each writer, its own file."""
    folder = Folder(str(tmp_path / "out"))
    folder.begin().close()
    names = {name for name, *_ in events}
    for name in names:
        lines = [
            {"event": what, "id": each, "time": time, "seconds": 1.0, "took": 1.0}
            | ({"kind": "crash", "message": "no"} if what == "failed" else {})
            for writer, what, each, time in events
            if writer == name
        ]
        with open(os.path.join(folder.ledger, f"{name}.jsonl"), "w") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
    from pythonfilter_corpus.run import _Shift

    this = Run(job(tmp_path), None, Threads(1))
    this.works = {
        each: {"id": each, "input": each, "output": each} for _, _, each, _ in events
    }
    order = tend.Order(VERSION, {}, "run", "")
    return list(_Shift(this, order, [], ledger.Reader(folder))._read())


def test_twenty_in_a_row_are_twenty_one_after_the_other(tmp_path):
    """Of one process all failed at first, and of another none, at the same time."""
    make(tmp_path, 0)
    mixed = [("a", "failed", f"a{each}", float(each)) for each in range(30)]
    mixed += [("b", "done", f"b{each}", each + 0.5) for each in range(30)]
    assert len(told(tmp_path, mixed)) == 30
    (tmp_path / "two").mkdir()
    make(tmp_path / "two", 0)
    after = [
        (who, what, name, time + 99 * (who == "b")) for who, what, name, time in mixed
    ]
    with pytest.raises(Stopped, match="20 files in a row"):
        told(tmp_path / "two", after)


class Waits:
    """A runner whose disk stalls, for _Chunk."""

    def __init__(self, *answers, on_disk=0):
        self.said = list(answers)
        self.until, self.asked, self.on_disk = [], [], on_disk
        self.killed = False

    def ask(self, **request):
        self.asked.append(request)

    def answers(self, until):
        self.until.append(until)
        return self.said.pop(0)

    def waits_for_disk(self):
        self.on_disk -= 1
        return self.on_disk >= 0

    def kill(self):
        self.killed = True

    def remove_parts(self):
        pass

    def how_it_ended(self):
        return "killed"

    def last_words(self):
        return ""


@pytest.fixture
def exchange(tmp_path):
    make(tmp_path, 0)
    folder = Folder(str(tmp_path / "out"))
    lock = folder.begin()
    folder.open_claims("run")
    claim = Claim(folder, "run", 1)
    assert claim.take()
    order = tend.Order(VERSION, job(tmp_path, time_limit="9").as_json(), "run", "")
    with ledger.Writer(folder, "run", 1) as writer:
        yield lambda runner: tend._Chunk(order, claim, writer, [{"id": "a"}])._exchange(
            runner
        )
    lock.close()


def test_a_disk_that_stalls_is_no_files_fault(exchange, tmp_path):
    done = [{"done": {"id": "a"}}]
    runner = Waits([{"begin": "a"}], [{"played": "a"}], done)
    exchange(runner)
    assert [math.isinf(each) for each in runner.until] == [False, False, True]
    # Also where it stalls while the file plays.
    runner = Waits([{"begin": "a"}], [], [], done, on_disk=2)
    exchange(runner)
    assert not runner.killed and not counted(tmp_path, "failed")
    runner = Waits([{"begin": "a"}], [], on_disk=0)
    exchange(runner)
    assert runner.killed and counted(tmp_path, "failed")


TAKEN = (
    PLUGIN
    + """
        import os, shutil
        shutil.rmtree(os.path.join(os.environ["FOLDER"], "claims/run"))
"""
)


def test_what_another_has_now_is_not_put_into_its_place(tmp_path, monkeypatch):
    """The claim goes while the file plays: it is told by who has it, and by no other."""
    make(tmp_path, 1, plugin=TAKEN)
    folder = Folder(str(tmp_path / "out"))
    monkeypatch.setenv("FOLDER", folder.own)
    lock = folder.begin()
    folder.open_claims("run")
    folder.write_probe("seen")
    order = tend.Order(VERSION, job(tmp_path, format="wav").as_json(), "run", "seen")
    work = {"id": "a", "input": str(tmp_path / "in/0.wav"), "output": "0.wav"}
    try:
        assert tend.tend(order, 1, [work], False) == {}
    finally:
        tend.release(order.job["out"])
        lock.close()
    assert counted(tmp_path, "begin") == {"a": 1}
    assert not counted(tmp_path, "done") and not counted(tmp_path, "failed")
    assert not (tmp_path / "out/0.wav").exists()
    assert not os.listdir(folder.parts)
