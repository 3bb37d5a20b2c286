# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus: what is done, what not, and what comes out."""

import contextlib
import json
import os
import pty
import re
import subprocess

import numpy as np
import pytest

import corpora
from corpora import RATE, counted, make, read_wav, run, samples_of, write_wav
from processes import PLUGINS, PYTHON, ROOT, run_python
from processes import run as run_process
from pythonfilter_corpus import Corpus, Job, Run, Threads, Unusable
from pythonfilter_corpus.folder import Folder
from pythonfilter_corpus.version import VERSION

COMMAND = PLUGINS / "pythonfilter-corpus"


def command(*words, **more):
    return run_process([PYTHON, COMMAND, *words], **more)


def test_version_is_the_projects():
    text = (ROOT / "meson.build").read_text()
    assert re.search(r"version: '(.*?)'", text)[1] == VERSION


def test_only_what_is_not_done_is_done(tmp_path):
    make(tmp_path, 5)
    plugin = tmp_path / "plugin.py"
    plugin.write_text("import helper\n" + plugin.read_text())
    (tmp_path / "helper.py").write_text("")
    results = run(tmp_path, workers=2)
    assert {each.state for each in results.values()} == {"done"}
    for number in range(5):
        out = read_wav(tmp_path / f"out/{number}.wav")
        assert (out == samples_of(number) // 2).all()
    assert results["0"].seconds == pytest.approx(0.2)
    assert run(tmp_path) == {}

    write_wav(tmp_path / "in/deeper/new.wav", samples_of(9))
    # Changed, or gone: an input, an output.
    write_wav(tmp_path / "in/1.wav", samples_of(11))
    os.truncate(tmp_path / "out/2.wav", 100)
    (tmp_path / "out/3.wav").unlink()
    assert set(run(tmp_path)) == {"1", "2", "3", "new"}
    assert (tmp_path / "out/deeper/new.wav").exists()
    # Another parameter, then other code in a helper, is another work.
    assert len(run(tmp_path, parameters={"gain": 0.25})) == 6
    (tmp_path / "helper.py").write_text("# other code")
    assert len(run(tmp_path, parameters={"gain": 0.25})) == 6


def test_what_was_torn_off_does_not_count(tmp_path):
    make(tmp_path, 3)
    run(tmp_path)
    ledger = next((tmp_path / "out/.pythonfilter/ledger").iterdir())
    # The last line is a "done".
    ledger.write_bytes(ledger.read_bytes()[:-9])
    part = tmp_path / "out/.pythonfilter/parts/left.part"
    part.write_text("half of an output")
    assert len(run(tmp_path)) == 1
    assert not part.exists()
    assert run(tmp_path) == {}


DELAY = """
import numpy as np

class Delay:
    LAG = 700

    def set_sample_rate(self, rate):
        self.rate = rate

    def start(self):
        self.line = np.zeros((1, self.LAG), np.float32)

    def get_processing_latency(self):
        return self.LAG / self.rate

    def process_audio(self, buffer):
        both = np.concatenate([self.line, buffer.data], axis=1)
        buffer.data[:] = both[:, :buffer.get_frame_count()]
        self.line = both[:, buffer.get_frame_count():].copy()

    def drain(self):
        return self.line
"""


TAGGED = """
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
line = "filesrc location=%s ! wavparse ! flacenc name=flac ! filesink location=%s"
pipeline = Gst.parse_launch(line % tuple(sys.argv[1:]))
flac = pipeline.get_by_name("flac")
flac.add_tag_value(Gst.TagMergeMode.REPLACE, Gst.TAG_TITLE, "Song")
pipeline.set_state(Gst.State.PLAYING)
wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR
message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted)
pipeline.set_state(Gst.State.NULL)
assert message.type == Gst.MessageType.EOS, message.parse_error()
"""


def test_lossless_is_exact_with_tags_and_rate(tmp_path):
    """Also through a plugin that delays: no tail is lost, nothing comes late."""
    make(tmp_path, 2, frames=5000, plugin=DELAY)
    flac = tmp_path / "in/tagged.flac"
    write_wav(tmp_path / "plain.wav", samples_of(7, 22050), 22050)
    made = run_python(TAGGED, tmp_path / "plain.wav", flac)
    assert made.code == 0, made.err
    results = run(tmp_path, format="flac")
    assert [each.state for each in results.values()] == ["done"] * 3
    assert b"TITLE=Song" in (tmp_path / "out/tagged.flac").read_bytes()

    back = Job(tmp_path / "plugin.py", tmp_path / "back", format="wav")
    assert len(list(back.run(Corpus.files(str(tmp_path / "out")), Threads(1)))) == 3
    for number in range(2):
        out = read_wav(tmp_path / f"back/{number}.wav")
        assert (out == samples_of(number, 5000)).all()
    assert (read_wav(tmp_path / "back/tagged.wav") == samples_of(7, 22050)).all()


COUNTS = """
from base_plugin import AudioProcessorPlugin

class Counts(AudioProcessorPlugin):
    secrets = ("word",)
    word = ""
    resets = starts = 0

    def start(self):
        self.starts += 1

    def reset(self):
        self.resets += 1

    def process_audio(self, buffer):
        if buffer.pts == 0:
            self.post("file", starts=self.starts, resets=self.resets,
                      word=len(self.word), list=[1.5, 2.5])
"""


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("fresh", (False, True))
def test_one_instance_plays_all_and_what_it_posts_is_beside(fresh, tmp_path):
    make(tmp_path, 3, plugin=COUNTS)
    (tmp_path / "word").write_text("sesame-opens\n")
    secrets = {"word": str(tmp_path / "word")}
    run(tmp_path, secrets=secrets, fresh=fresh)
    for number in range(3):
        (line,) = lines_of(tmp_path / f"out/{number}.jsonl")
        assert line["message"] == "file" and line["time"] == 0
        assert line["word"] == 12 and line["list"] == [1.5, 2.5]
        assert line["starts"] == (1 if fresh else number + 1)
        assert line["resets"] == (0 if fresh else number)
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"sesame" not in path.read_bytes()
    with pytest.raises(Unusable, match="word is a secret of the plugin"):
        run(tmp_path, parameters={"word": "sesame"})
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"sesame" not in path.read_bytes()


SAYS = """
from base_plugin import Timed

class Says:
    output_caps = "text/x-raw, format=utf8"

    def process_audio(self, buffer):
        return Timed(b"so \\xc3\\xbc", buffer.pts, buffer.duration)
"""


def test_text_comes_into_jsonl(tmp_path):
    make(tmp_path, 1, frames=8000, plugin=SAYS)
    assert run(tmp_path)["0"].output == "0.jsonl"
    lines = lines_of(tmp_path / "out/0.jsonl")
    assert lines[0]["time"] == 0 and lines[0]["text"] == "so ü"
    assert sum(line["duration"] for line in lines) == pytest.approx(1)
    with pytest.raises(Unusable, match="gives text"):
        run(tmp_path, format="flac")


def test_parts_of_files_by_a_manifest(tmp_path):
    make(tmp_path, 2, frames=16000)
    source = {"type": "file", "source": "in/1.wav"}
    lines = [
        {"audio_filepath": "in/0.wav", "offset": 0.5, "duration": 0.25, "text": "a"},
        {"audio_filepath": "in/0.wav", "duration": 2.0},
        {
            **{"id": "cut-1", "start": 1.0, "duration": 1.0},
            "recording": {"id": "r", "sources": [source]},
        },
    ]
    path = tmp_path / "list.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    results = list(corpora.job(tmp_path).run(Corpus.of(str(path)), Threads(1)))
    assert [each.state for each in results] == ["done"] * 3, results
    for name, number, begin, end in (
        ("0-0.500", 0, 4000, 6000),
        ("0", 0, 0, 16000),
        ("cut-1", 1, 8000, 16000),
    ):
        out = read_wav(tmp_path / f"out/{name}.wav")
        assert (out == samples_of(number, 16000)[begin:end] // 2).all(), name
    path.write_text('{"audio": "x"}\n')
    with pytest.raises(Unusable, match="list.jsonl:1: neither NeMo's"):
        Corpus.of(str(path))


PART = """
import sys, threading
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
from pythonfilter_corpus import Job, pipeline

come, seeks = threading.Event(), []
add, remove, send = Gst.Pad.add_probe, Gst.Pad.remove_probe, Gst.Pad.send_event

def add_probe(pad, kind, function):
    calls = []
    def called(*arguments):
        result = function(*arguments)
        calls.append(arguments)
        if len(calls) == 2:
            come.set()
        return result
    block = kind == Gst.PadProbeType.BLOCK_DOWNSTREAM
    return add(pad, kind, called if block else function)

def remove_probe(pad, probe):
    assert come.wait(60)
    remove(pad, probe)

def send_event(pad, event):
    seeks.append(event.type == Gst.EventType.SEEK)
    return send(pad, event)

Gst.Pad.add_probe, Gst.Pad.remove_probe = add_probe, remove_probe
Gst.Pad.send_event = send_event
player = pipeline.Player(Job("plugin.py", "."), lambda seconds: None)
player.play({"input": "in/0.wav", "start": 1.0, "duration": 0.5}, "part.wav")
for thread in threading.enumerate():
    if thread.name.endswith("(seek)"):
        thread.join()
assert sum(seeks) == 1, seeks
"""


def test_a_part_begins_once_however_late_the_end_of_the_seek_is_seen(tmp_path):
    """What comes after it is there before, and must not have it seek again."""
    make(tmp_path, 1, frames=16000)
    result = run_python(PART, cwd=tmp_path, PYTHONPATH=PLUGINS)
    assert result.code == 0, result.err
    part = read_wav(tmp_path / "part.wav")
    assert (part == samples_of(0, 16000)[8000:12000] // 2).all()


CHANCE = """
import os, random
import numpy as np
from base_plugin import AudioProcessorPlugin, Param

class Chance(AudioProcessorPlugin):
    seeded = Param(True)

    def process_audio(self, buffer):
        buffer.data += random.random() * 0.1 + np.random.random() * 0.1
        if not self.seeded:
            buffer.data *= int.from_bytes(os.urandom(8), "big") / 2**64
"""


def test_a_sample_is_done_twice_and_compared(tmp_path):
    make(tmp_path, 4, plugin=CHANCE)
    more = {"format": "ogg", "check": 0.5}
    bytes_of = []
    for seed in (0, 1, 0):
        results = run(tmp_path, seed=seed, **more)
        assert [each.state for each in results.values()] == ["done"] * 4
        bytes_of.append((tmp_path / "out/1.ogg").read_bytes())
    assert bytes_of[0] == bytes_of[2] != bytes_of[1]
    more |= {"parameters": {"seeded": "false"}, "retries": 0}
    states = [each.kind for each in run(tmp_path, **more).values()]
    assert states == ["differs", "", "differs", ""]


def test_one_run_at_a_time(tmp_path):
    make(tmp_path, 1)
    lock = Folder(str(tmp_path / "out")).begin()
    with pytest.raises(Unusable, match=f"process {os.getpid()}, runs into this folder"):
        run(tmp_path)
    lock.close()
    assert len(run(tmp_path)) == 1


def test_a_run_that_is_taken_over_stops(tmp_path):
    make(tmp_path, 40)
    results = Run(
        corpora.job(tmp_path), Corpus.files(str(tmp_path / "in")), Threads(1)
    ).results()
    next(results)
    Folder(str(tmp_path / "out")).revoke()
    with pytest.raises(Exception, match="another run has taken"):
        list(results)
    run(tmp_path)
    assert len(counted(tmp_path, "done")) == 40
    assert set(counted(tmp_path, "done").values()) == {1}


def test_names_that_collide_are_told(tmp_path):
    make(tmp_path, 1)
    write_wav(tmp_path / "more/0.wav", samples_of(0))
    both = Corpus.files(str(tmp_path / "in"), str(tmp_path / "more"))
    with pytest.raises(Unusable, match="would both become 0.wav"):
        list(corpora.job(tmp_path).run(both, Threads(1)))
    with pytest.raises(Unusable, match="lies in the folder"):
        corpora.job(tmp_path, template="../{name}")


def test_the_command(tmp_path):
    make(tmp_path, 3)
    (tmp_path / "in/broken.wav").write_text("no sound at all")
    words = ("run", "plugin.py", "--in", "in/*.wav", "--out", "out", "--engine")
    said = command(*words, "threads", "--workers", "1", cwd=tmp_path)
    assert said.code == 3, said.err
    states = [json.loads(line)["state"] for line in said.out.splitlines()]
    assert sorted(states) == ["done"] * 3 + ["failed"]
    assert "broken.wav: input: " in said.err and "3 of 4 files done" in said.err
    report = (tmp_path / "out/report.html").read_text()
    assert "broken.wav" in report and "<circle" in report
    # What has failed is not tried again until somebody says so.
    assert command(*words, "threads", cwd=tmp_path).out == b""
    write_wav(tmp_path / "in/broken.wav", samples_of(1))
    said = command(*words, "threads", cwd=tmp_path)
    assert said.code == 0 and said.out.count(b"\n") == 1
    said = command("status", "out", "--json", cwd=tmp_path)
    told = json.loads(said.out)
    assert (told["files"], told["done"], told["failed"], told["left"]) == (4, 4, 0, 0)
    assert command("status", "nowhere", cwd=tmp_path).code == 2
    (tmp_path / "plugin.py").write_text("class Broken\n")
    said = command(*words, "threads", cwd=tmp_path)
    assert said.code == 2 and "plugin.py:1" in said.err


FLAGGED = """
import os

class Flagged:
    def process_audio(self, buffer):
        if os.path.exists("FLAG") and abs(buffer.data[0, 0]) > 0.1:
            raise OSError("the model is not there")
"""


def test_what_failed_is_tried_again_when_asked(tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    make(tmp_path, 6, plugin=FLAGGED.replace("FLAG", str(flag)))
    words = ("--engine", "threads", "--workers", "1")
    run_words = ("run", "plugin.py", "--in", "in", "--out", "out", "--retries", "0")
    said = command(*run_words, *words, cwd=tmp_path)
    assert said.code == 3, said.err
    failed = len(counted(tmp_path, "failed"))
    assert 0 < failed < 6 and said.err.count("the model is not there") == failed
    (tmp_path / "out/0.wav").unlink(missing_ok=True)
    flag.unlink()
    said = command("retry", "out", "--failed", *words, cwd=tmp_path)
    assert said.out.count(b"\n") == failed
    said = command("retry", "out", *words, cwd=tmp_path)
    assert said.code == 0 and said.out.count(b"\n") <= 1
    assert len(list((tmp_path / "out").glob("*.wav"))) == 6


def test_a_terminal_has_one_line(tmp_path):
    make(tmp_path, 3)
    ours, theirs = pty.openpty()
    words = ("run", "plugin.py", "--in", "in", "--out", "out", "--engine", "threads")
    done = subprocess.run([PYTHON, COMMAND, *words], cwd=tmp_path, stdout=theirs)
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            said += piece
    os.close(ours)
    assert done.returncode == 0
    last = said.decode().rstrip().rpartition("\r")[2]
    assert re.search(r"3 of 3 files, [\d.]+ x real time, 0 s left$", last)


def test_loudness_is_measured_before_and_after(tmp_path):
    make(tmp_path, 0, frames=8000)
    write_wav(tmp_path / "in/0.wav", tone(RATE, 3, 0.1))
    write_wav(tmp_path / "in/1.wav", 0 * samples_of(1))
    run(tmp_path)
    done = [each for each in corpora.events(tmp_path) if each["event"] == "done"]
    by_name = {each["output"]: each["loudness"] for each in done}
    # 997 Hz of -20 dBFS in one channel; at 8 kHz the standard's filters are near.
    assert by_name["0.wav"] == [
        pytest.approx(-23.0, abs=0.05),
        pytest.approx(-29.0, abs=0.05),
    ]
    assert by_name["1.wav"] == [None, None]


def tone(rate, seconds, peak):
    times = np.arange(int(rate * seconds)) / rate
    return np.round(32768 * peak * np.sin(2 * np.pi * 997 * times)).astype("<i2")


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
def test_loudness_is_what_the_standard_says(rate):
    """In pieces of any size: what a sine is by BS.1770, and which blocks count."""
    from pythonfilter_corpus.loudness import Loudness

    def of(sound, channels=1, mask=0, piece=1000):
        loudness = Loudness(rate, channels, mask)
        frames = np.repeat(sound[:, np.newaxis] / 32768, channels, axis=1)
        for begin in range(0, len(frames), piece):
            loudness.add(frames[begin : begin + piece])
        return loudness.integrated()

    loud, low = tone(rate, 3, 0.1), tone(rate, 3, 0.005)
    near = 0.02 if rate == 48000 else 0.05
    for channels, mask, lufs in (
        *((1, 0, -23.01), (2, 3, -20.0), (3, 0b1011, -20.0)),
        (6, 0b111111, -23.01 + 10 * np.log10(3 + 2 * 1.41)),
    ):
        assert of(loud, channels, mask) == pytest.approx(lufs, abs=near)
    # What is 26 dB lower is below the gate, and silence never counts: of 30 blocks
    # that do, three reach into what follows, and have 3, 2 and 1 quarters.
    mixed = np.concatenate([loud, low, 0 * low])
    expected = of(loud) + 10 * np.log10((27 + 1.5) / 30)
    assert of(mixed, piece=99999) == pytest.approx(expected, abs=0.02)
    assert of(tone(rate, 0.2, 0.1)) == pytest.approx(-23.01, abs=near)
    assert of(loud[:0]) is None and of(0 * loud) is None
    for odd in (np.nan, np.inf, 1e200):
        assert of(np.full(rate, odd)) is None


def test_the_weighting_is_the_standards_own():
    """Its coefficients for 48 kHz."""
    from pythonfilter_corpus.loudness import _response

    delay = np.exp(-2j * np.pi * np.arange(1025) / 2048)
    over = np.polyval([1.19839281085285, -2.69169618940638, 1.53512485958697], delay)
    over = over * np.polyval([1.0, -2.0, 1.0], delay)
    under = np.polyval([0.73248077421585, -1.69065929318241, 1.0], delay)
    under = under * np.polyval([0.99007225036621, -1.99004745483398, 1.0], delay)
    assert np.abs(_response(48000, 2048) - over / under).max() < 1e-9
