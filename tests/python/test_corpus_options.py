# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus: what its options and its lists say, name by name."""

import gzip
import json
import os
import subprocess
import wave

import numpy as np
import pytest

import corpora
from corpora import PLUGIN, RATE, job, make, read_wav, run, samples_of, write_wav
import soak
from processes import PLUGINS, PYTHON, environment
from pythonfilter_corpus import Corpus, Run, Threads, Unusable
from pythonfilter_corpus import cli, hidden, ledger, tend
from pythonfilter_corpus.folder import Folder
from pythonfilter_corpus.ledger import Standing
from pythonfilter_corpus.status import printable


def command(*words):
    return cli.main([str(word) for word in words])


def asked(*words):
    with pytest.raises(SystemExit) as ended:
        command(*words)
    return ended.value.code


def done(results):
    return sorted(each.output for each in results if each.state == "done")


def test_verify_goes_by_content(tmp_path):
    make(tmp_path, 2)

    def again(verify):
        corpus = Corpus.files(str(tmp_path / "in"))
        return done(Run(job(tmp_path), corpus, Threads(1), verify).results())

    assert again(True) == ["0.wav", "1.wav"]
    # Another time is no other content; other content of one size and time is.
    os.utime(tmp_path / "in/0.wav", (1, 1))
    stat = os.stat(tmp_path / "in/1.wav")
    write_wav(tmp_path / "in/1.wav", samples_of(7))
    os.utime(tmp_path / "in/1.wav", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert again(True) == ["1.wav"]
    assert (read_wav(tmp_path / "out/1.wav") == samples_of(7) // 2).all()


def test_lists_may_be_packed(tmp_path):
    make(tmp_path, 1)
    path = tmp_path / "list.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write('{"audio_filepath": "in/0.wav"}\n')
    assert [each.name for each in Corpus.of(str(path))] == ["0"]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Unusable, match="list.jsonl.gz: "):
        Corpus.of(str(path))


@pytest.mark.parametrize(
    "line, why",
    [
        ('{"audio_filepath": "a.wav", "offset": NaN}', "a start of 0 or more"),
        ('{"audio_filepath": "a.wav", "offset": 1, "duration": NaN}', "and lasts"),
        ('{"audio_filepath": "a.wav", "offset": -1}', "a start of 0 or more"),
        ('{"audio_filepath": "a.wav", "offset": 1e300}', "a start of 0 or more"),
        ('{"audio_filepath": "a.wav", "offset": "x"}', "neither NeMo's"),
        ('{"audio_filepath": "a\\u0000.wav"}', "no file can be called so"),
        ('{"audio_filepath": "a\\ud800.wav"}', "no file can be called so"),
        ('{"audio_filepath": "a.wav", "id": "\\u0000"}', "no file can be called so"),
        ('{"sources": [{"type": "url", "source": "x"}]}', "of the type url"),
        ("[1]", "no object"),
        ('{"audio_fi', "neither NeMo's"),
    ],
)
def test_a_line_that_is_none_is_told_with_its_place(tmp_path, line, why):
    path = tmp_path / "list.jsonl"
    path.write_text(f'{{"audio_filepath": "a.wav"}}\n{line}\n')
    with pytest.raises(Unusable, match=f"list.jsonl:2: .*{why}"):
        Corpus.manifest(str(path))


def decoded(folder, name):
    """The samples of an output, by the corpus itself."""
    # 16 bits also of what decoders give as numbers from -1 to 1.
    line = "audioconvert ! audio/x-raw,format=S16LE ! wavenc"
    plugin, back = str(folder / "plugin.py"), str(folder / "back")
    out = corpora.Job(plugin, back, format="wav", encoder=line)
    list(out.run(Corpus.files(str(folder / "out" / name)), Threads(1)))
    return read_wav(folder / "back" / f"{name.rpartition('.')[0]}.wav")


@soak.one_in(2)
@pytest.mark.parametrize("format", ["opus", "mp3", "m4a", "ogg"])
def test_what_is_lossy_is_as_long_and_as_loud(tmp_path, format):
    make(tmp_path, 0)
    times = np.arange(48000)
    sine = np.round(9000 * np.sin(times * 2 * np.pi * 440 / 48000)).astype("<i2")
    write_wav(tmp_path / "in/0.wav", sine, 48000)
    try:
        results = run(tmp_path, format=format, parameters={"gain": 1.0})
    except Unusable as error:
        pytest.skip(str(error))  # that encoder is not installed here
    assert results["0"].state == "done"
    back = decoded(tmp_path, f"0.{format}").astype(float)
    # Encoders work by blocks, of which the last may be filled up.
    assert len(sine) - 1 <= len(back) <= len(sine) + 4096
    level = np.sqrt(np.mean(back[9600:38400] ** 2)) * np.sqrt(2)
    assert level == pytest.approx(4500, rel=0.05)


def test_24_bits_are_what_they_were(tmp_path):
    make(tmp_path, 0)
    numbers = np.random.default_rng(1).integers(-(2**23), 2**23, 3000)
    packed = numbers.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    (tmp_path / "in").mkdir()
    with wave.open(str(tmp_path / "in/0.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(RATE)
        file.writeframes(packed)
    for format in ("flac", "wav"):
        run(tmp_path, format=format, parameters={"gain": 1.0})
    with wave.open(str(tmp_path / "out/0.wav")) as file:
        assert file.getsampwidth() == 3 and file.readframes(9999) == packed
    (tmp_path / "in/0.wav").unlink()
    os.rename(tmp_path / "out/0.flac", tmp_path / "in/0.flac")
    run(tmp_path, format="wav", parameters={"gain": 1.0}, template="again.wav")
    with wave.open(str(tmp_path / "out/again.wav")) as file:
        assert file.getsampwidth() == 3 and file.readframes(9999) == packed


def test_a_ledger_of_anything_is_read(tmp_path):
    """Lines of whoever else wrote there, or of a disk that was damaged."""
    folder = Folder(str(tmp_path))
    folder.begin().close()
    lines = [
        *(b"", b"[]", b"7", b'{"event": "done"}', b'{"event": "done", "id": 7}'),
        *(b'{"event": "done", "id": []}', b"\xff\xfe", b'{"id": "b", "event": {}}'),
        b'{"event": "begin", "id": "a", "time": 1.0}',
    ]
    with open(os.path.join(folder.ledger, "x.jsonl"), "wb") as file:
        file.write(b"\n".join(lines) + b"\n")
    assert [each["id"] for each in ledger.Reader(folder).read()] == ["b", "a"]
    assert ledger.standing(folder).begun == {"a": 1}


def test_a_name_of_a_chunk_is_nobody_elses(tmp_path):
    """Two that write of one chunk at once, in one process, have a file each."""
    folder = Folder(str(tmp_path))
    folder.begin().close()
    with ledger.Writer(folder, "run", 1) as one, ledger.Writer(folder, "run", 1) as two:
        one.add({"event": "begin", "id": "a"})
        two.add({"event": "begin", "id": "a"})
        one.add({"event": "done", "id": "a", "output": "a"})
    assert ledger.standing(folder, "run-1-*").begun == {"a": 2}
    assert len(os.listdir(folder.ledger)) == 2


def test_what_options_take(tmp_path, capsys):
    make(tmp_path, 1)
    words = ("run", tmp_path / "plugin.py", "--in", tmp_path / "in", "--out")
    words += (tmp_path / "out",)
    assert asked(*words, "--check", "x") == cli.UNUSABLE
    assert "x is not from 0% to 100%" in capsys.readouterr().err
    assert asked(*words, "--check", "101%") == cli.UNUSABLE
    assert asked(*words, "--check", "nan") == cli.UNUSABLE
    capsys.readouterr()
    for more, sentence in (
        (("--workers", "-1"), "there are 0 workers or more"),
        (("--retries", "-1"), "there are 0 retries or more"),
        (("--threads", "0"), "at least 1 thread"),
        (("--set", "gain"), "--set gain: it must be KEY=VALUE"),
        (("--secret", "=x"), "--secret =x: it must be KEY=FILE"),
        (("--format", "wave"), "the format wave is none of wav, flac"),
        (("--encoder", "wavenc"), "an encoder needs the format"),
        (("--engine", "tcp://x"), "tcp://x"),
    ):
        assert command(*words, *more) == cli.UNUSABLE, more
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_workers_are_processes_that_play(tmp_path):
    plugin = (
        PLUGIN
        + """
        import os
        self.post("at", pid=os.getpid(), threads=os.environ["OMP_NUM_THREADS"])
"""
    )
    make(tmp_path, 24, plugin=plugin)
    for workers in (1, 3):
        changed = f"{plugin}\n# {workers}\n"
        (tmp_path / "plugin.py").write_text(changed)
        run(tmp_path, workers=workers, threads=workers)
        said = [path.read_text() for path in (tmp_path / "out").glob("*.jsonl")]
        lines = [json.loads(each.splitlines()[0]) for each in said]
        assert {each["threads"] for each in lines} == {str(workers)}
        pids = {each["pid"] for each in lines}
        assert 1 <= len(pids) <= workers and (workers > 1) == (len(pids) > 1)


def test_names_tell_a_terminal_nothing(tmp_path, capsys):
    make(tmp_path, 1)
    (tmp_path / "in/\x1b]0;mine\x07\x1b[31m.wav").write_text("no sound")
    words = ("run", tmp_path / "plugin.py", "--in", tmp_path / "in", "--out")
    assert command(*words, tmp_path / "out", "--engine", "threads") == cli.FAILED
    assert command("status", tmp_path / "out") == cli.FAILED
    assert command("status", tmp_path / "\x1b[31mnone") == cli.UNUSABLE
    said = capsys.readouterr()
    assert "\x1b" not in said.err + said.out and "\\x1b]0;mine\\x07" in said.err
    assert printable("a\tü\udcff\x9b") == "a\tü\\xdcff\\x9b"


def test_names_that_are_not_utf_8(tmp_path):
    make(tmp_path, 1)
    folder = os.fsencode(tmp_path)
    os.rename(folder + b"/in/0.wav", folder + b"/in/\xff\xe9.wav")
    out = os.fsdecode(folder + b"/out\xff")
    this = corpora.Job(str(tmp_path / "plugin.py"), out, format="flac")
    (result,) = this.run(Corpus.files(str(tmp_path / "in")), Threads(1))
    assert result.state == "done", result
    assert os.path.getsize(os.path.join(out, "\udcff\udce9.flac"))
    assert list(this.run(Corpus.files(str(tmp_path / "in")), Threads(1))) == []
    words = ("run", "plugin.py", "--in", b"in", "--out", b"out\xff", "--format", "flac")
    said = subprocess.run(
        [PYTHON, PLUGINS / "pythonfilter-corpus", *words, "--engine", "threads"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
    )
    assert said.returncode == 0, said.stderr
    os.rename(tmp_path / "plugin.py", folder + b"/\xff.py")
    with pytest.raises(Unusable, match="this is not UTF-8"):
        corpora.Job(os.fsdecode(folder + b"/\xff.py"), out)


def test_links_in_circles_are_walked_once(tmp_path):
    make(tmp_path, 1)
    deep = tmp_path / "in/deep"
    write_wav(deep / "1.wav", samples_of(1))
    write_wav(tmp_path / "else/2.wav", samples_of(2))
    write_wav(tmp_path / "in/.hidden/3.wav", samples_of(3))
    for name in ("up", "back"):
        os.symlink("..", deep / name)
    os.symlink(tmp_path, tmp_path / "in/root")
    for name in ("else", "again"):
        os.symlink(tmp_path / "else", tmp_path / "in" / name)
    for pattern in ("in", "in/**/*.wav", "in/**", "*/**/*.wav"):
        found = Corpus.files(str(tmp_path / pattern))
        names = sorted(os.path.basename(each.input) for each in found)
        assert names == ["0.wav", "1.wav", "2.wav"], pattern
    for pattern, count in (("in/*/*.wav", 3), ("in/d?ep/[0-9].wav", 1)):
        assert len(Corpus.files(str(tmp_path / pattern))) == count


def test_two_outputs_never_share_what_is_beside_them(tmp_path):
    make(tmp_path, 0)
    for name in ("a.1", "a.2"):
        write_wav(tmp_path / f"in/{name}.wav", samples_of(1))
    with pytest.raises(Unusable, match="would both become a.jsonl"):
        run(tmp_path, template="{name}")
    assert set(run(tmp_path)) == {"a.1", "a.2"}


SECRET = (
    PLUGIN.replace("gain = Param(0.5)", 'key = Param("", secret=True)').replace(
        "buffer.data *= self.gain",
        'self.post("mine", key=self.key, all=["x" + self.key])',
    )
    + """
        if abs(buffer.data[0, 0]) < 0.01:
            raise ValueError("not with " + self.key)
"""
)


def test_a_secret_is_told_nowhere(tmp_path):
    make(tmp_path, 1, plugin=SECRET)
    write_wav(tmp_path / "in/1.wav", 0 * samples_of(1))
    (tmp_path / "key").write_text("TOPSECRET99\n")
    results = run(tmp_path, secrets={"key": str(tmp_path / "key")}, retries=0)
    assert results["1"].message.endswith("not with ... (" + results["1"].file + ":11)")
    (line,) = (tmp_path / "out/0.jsonl").read_text().splitlines()
    assert json.loads(line)["key"] == "..." and json.loads(line)["all"] == ["x..."]
    assert results["0"].state == "done"
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written and not [p for p in written if b"TOPSECRET99" in p.read_bytes()]
    assert hidden.without({"a": [1, True, "", "b"]}, ["", "b"]) == {
        "a": [1, True, "", "..."]
    }


OWN = """
import sys

class Own:
    def process_audio(self, buffer):
        what = round(float(buffer.data[0, 0]) * 32768)
        from pythonfilter_corpus import disk, finishing, runner
        if what == 1:
            runner.Runner._compare = None
        if what == 2:
            disk.sync = lambda path: {}[path]
        if what == 3:
            finishing.Finisher.finish = None
"""


def test_an_error_of_our_own_costs_its_file_and_is_told(tmp_path):
    """Where it is in the code of the runner, as if that were broken."""
    make(tmp_path, 3, plugin=OWN)
    for number, what in ((0, 1), (1, 2), (2, 3)):
        samples = samples_of(number)
        samples[0] = what
        write_wav(tmp_path / f"in/{number}.wav", samples)
    results = run(tmp_path, retries=0, check=0.3)
    assert results["0"].kind == "crash" and "NoneType" in results["0"].message
    assert results["1"].kind == "output" and "1.wav" in results["1"].message
    assert results["2"].kind == "crash" and "NoneType" in results["2"].message
    assert os.listdir(tmp_path / "out/.pythonfilter/parts") == []


HIDES = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: (
    None if name == "gi.overrides.Gst" else find(name, package)
)
"""


def test_what_a_machine_lacks_is_said(tmp_path, monkeypatch):
    make(tmp_path, 0)
    (tmp_path / "sitecustomize.py").write_text(HIDES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(tend.Refused, match=r"lacks .* \(Debian: python3-gst-1.0\)"):
        tend.Tended(job(tmp_path))


def test_nobody_that_listens_is_no_traceback(tmp_path):
    make(tmp_path, 60)
    words = ("run", "plugin.py", "--in", "in", "--out", "out", "--engine", "threads")
    read, write = os.pipe()
    os.close(read)
    said = subprocess.run(
        [PYTHON, PLUGINS / "pythonfilter-corpus", *words],
        cwd=tmp_path,
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    assert said.returncode == cli.STOPPED and b"Traceback" not in said.stderr
    assert b"BrokenPipe" not in said.stderr and b"nobody reads" in said.stderr
    run(tmp_path)
    counts = corpora.counted(tmp_path, "done")
    assert len(counts) == 60 and set(counts.values()) == {1}


def test_what_stands_in_a_ledger_in_any_order():
    standing = Standing()
    events = [
        {"event": "done", "id": "b", "output": "x", "time": 2.0, "bytes": 1},
        {"event": "done", "id": "a", "output": "x", "time": 1.0, "bytes": 1},
        {"event": "failed", "id": "b", "time": 0.5},
    ]
    for event in events:
        standing.add(event)
    assert standing.made("b") and standing.made("a") is None
    assert standing.failures == {"b": 1}
