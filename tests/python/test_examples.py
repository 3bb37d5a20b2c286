# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs in examples/ do what they say, in C, C++ and Python alike."""

import json
import os
import re
import signal
import socket
import wave

import pytest

import processes

EXAMPLES = processes.ROOT / "examples"
BUILD = processes.BUILD
PROGRAMS = {
    "c": [BUILD / "examples" / "embed"],
    "c++": [BUILD / "examples" / "embed-cpp"],
    "python": [processes.PYTHON, EXAMPLES / "embed.py"],
}
MOST_LINES = {"embed.c": 120, "embed.cpp": 120, "embed.py": 80}

PLUGIN = """\
import json
import pathlib

from base_plugin import AudioProcessorPlugin


class Recorder(AudioProcessorPlugin):
    def __init__(self):
        super().__init__()
        self.gain = 1.0
        self._seen = []

    def process_audio(self, buffer):
        self._seen.append((self.gain, buffer.get_frame_count()))
        if len(self._seen) == FAILS_AT:
            raise ValueError("too loud")
        buffer.data *= self.gain

    def stop(self):
        pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(self._seen))
"""


@pytest.fixture(params=PROGRAMS)
def program(request):
    """The words of the program's command line."""
    return PROGRAMS[request.param]


def start(program, *arguments):
    return processes.start([*program, *arguments], processes.ROOT)


def run(program, *arguments):
    return processes.finish(start(program, *arguments))


def make_plugin(folder, fails_at=0):
    """Writes a plugin that records the gain and the frames of each call."""
    path = folder / "it's a recorder.py"
    path.write_text(PLUGIN.replace("FAILS_AT", str(fails_at)))
    return path


def recorded(plugin):
    return json.loads(plugin.with_suffix(".json").read_text())


def output(result):
    """The gains printed, and the statistics as a dictionary."""
    *lines, last = result.out.decode().splitlines()
    gains = [float(re.fullmatch(r"gain is ([\d.]+)", line)[1]) for line in lines]
    assert last.startswith("pythonfilter-stats, ") and last.endswith(";")
    pairs = re.findall(r" ([\w.-]+)=\(guint64\)(\d+)[,;]", last)
    return gains, {name: int(value) for name, value in pairs}


@pytest.fixture(scope="module")
def players(tmp_path_factory):
    """Processes that play the tone, all at once as each takes two seconds.

    By program and plugin; None is the program's default plugin.
    """
    plugins = [(n, make_plugin(tmp_path_factory.mktemp("tone"))) for n in PROGRAMS]
    started = {(n, None): start(PROGRAMS[n]) for n in PROGRAMS}
    started |= {(n, path): start(PROGRAMS[n], path) for n, path in plugins}
    yield started
    for process in started.values():
        process.kill()


@pytest.mark.parametrize("name", MOST_LINES)
def test_program_is_short_and_says_what_it_does(name):
    lines = (EXAMPLES / name).read_text().splitlines()
    assert len(lines) <= MOST_LINES[name]
    assert "SPDX-License-Identifier: LGPL-2.1-or-later" in "".join(lines[:2])
    assert any("Plays a tone" in line for line in lines[:4])


@pytest.mark.parametrize("name", PROGRAMS)
def test_tone_plays_to_its_end_while_the_gain_changes(name, players):
    result = processes.finish(players[name, None])
    assert result.code == 0, result.err
    gains, stats = output(result)
    assert gains[:3] == [0.5, 0.25, 0.5]
    assert stats["buffers"] == 80 and stats["frames"] == 80 * 1024
    assert stats["errors"] == stats["dropped"] == stats["copies"] == 0
    assert 0 < stats["call-min"] <= stats["call-p50"] <= stats["call-max"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_plugin_gets_each_gain_while_it_plays(name, players):
    [plugin] = [path for (n, path) in players if n == name and path]
    result = processes.finish(players[name, plugin])
    assert result.code == 0, result.err
    printed = output(result)[0]
    calls = [gain for gain, _ in recorded(plugin)]
    changes = [b for a, b in zip([None, *calls], calls) if b != a]
    # The first may have come before the first buffer, the last after the last.
    given = [1.0, *printed]
    assert changes in (given[: len(changes)], given[1 : 1 + len(changes)])
    assert len(changes) >= 4
    assert all(calls.count(gain) > 3 for gain in changes[1:-1])


def test_wav_file_plays_to_its_end(program, tmp_path):
    file = tmp_path / 'some "quoted" sound.wav'
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(48000)
        wav.writeframes(b"\1\2\3\4" * 24000)
    plugin = make_plugin(tmp_path)
    result = run(program, plugin, file)
    assert result.code == 0, result.err
    assert output(result)[1]["frames"] == 24000
    assert sum(frames for _, frames in recorded(plugin)) == 24000


def test_exception_is_told_with_its_place_and_its_traceback(program, tmp_path):
    plugin = make_plugin(tmp_path, fails_at=3)
    line = 1 + PLUGIN.splitlines().index('            raise ValueError("too loud")')
    result = run(program, plugin)
    assert result.code == 1
    text = result.err.replace("error: ", "ERROR: ")
    assert f"process_audio() raised ValueError: too loud ({plugin}:{line})\n" in text
    assert text.count("ERROR: ") == 1
    assert f"ValueError in process_audio(), {plugin}:{line}\n" in text
    assert "Traceback (most recent call last):" in text
    stats = output(result)[1]
    assert stats["buffers"] == 3 and stats["errors"] == 1


def test_missing_plugin_is_an_error_that_names_it(program, tmp_path):
    result = run(program, tmp_path / "missing.py")
    assert result.code == 1
    assert str(tmp_path / "missing.py") in result.err
    assert output(result)[1]["buffers"] == 0


def test_interrupt_stops_at_once_and_still_prints_statistics(program):
    process = start(program)
    first = processes.read_until(process, "\n", "stdout")
    process.send_signal(signal.SIGINT)
    result = processes.finish(process)
    assert result.code == 130, result.err
    result.out = first.encode() + result.out
    gains, stats = output(result)
    assert gains and 0 < stats["buffers"] < 80 and stats["errors"] == 0


def test_duplex_runs_two_pipelines_and_measures_both():
    result = processes.run(
        [BUILD / "examples" / "duplex", "--seconds", "3"], processes.ROOT
    )
    lines = result.out.decode().splitlines()
    assert result.code == 0, result.err
    assert len([line for line in lines if "TX" in line and "RX" in line]) == 3
    assert all("CPU" in line and "dropped" in line for line in lines[:3])
    assert lines[-1] == "stopping" and result.err == ""


def test_duplex_stops_on_interrupt():
    process = processes.start([BUILD / "examples" / "duplex"], processes.ROOT)
    first = processes.read_until(process, "\n", "stdout")
    process.send_signal(signal.SIGINT)
    result = processes.finish(process)
    assert result.code == 0, result.err
    assert "TX" in first and result.out.decode().endswith("stopping\n")


def test_duplex_says_what_is_wrong_with_a_plugin(tmp_path):
    plugin = tmp_path / "broken.py"
    plugin.write_text("def process_audio(buffer):\n    return 1 / 0\n")
    result = processes.run(
        [BUILD / "examples" / "duplex", "--processor", plugin], processes.ROOT
    )
    assert result.code == 1
    assert f"{plugin}:2" in result.err


def test_duplex_is_short():
    assert len((EXAMPLES / "duplex.cpp").read_text().splitlines()) <= 200


def test_desk_is_short():
    sources = [*(EXAMPLES / "desk").glob("*.[ch]pp")]
    assert 0 < sum(len(each.read_text().splitlines()) for each in sources) <= 1500


SECURE_CALL = EXAMPLES / "secure-call.sh"


@pytest.mark.parametrize("codec", [[], ["--opus"]], ids=["raw", "opus"])
def test_secure_call_is_heard_by_whoever_has_the_key(codec, tmp_path):
    env = {"BUILD_DIR": BUILD, "PATH": os.environ["PATH"]}
    result = processes.run([SECURE_CALL, *codec], processes.ROOT, **env)
    text = result.out.decode()
    assert result.code == 0, text + result.err
    counts = {
        line.split()[0]: [int(number) for number in line.split()[1:]]
        for line in text.splitlines()
        if re.fullmatch(r"(sender|receiver|spy) +\d+ +\d+", line)
    }
    sent, received, spied = (counts[who][0] for who in ("sender", "receiver", "spy"))
    assert sent > 20 and received == sent and counts["receiver"][1] == 0
    assert counts["spy"] == [spied, spied] and spied > 20
    same = "the same speech" if codec else "every sample is the same"
    assert same in text and "NOT" not in text


def test_secure_call_notices_another_speech(tmp_path):
    said, heard = tmp_path / "said.wav", tmp_path / "heard.wav"
    for path, step in ((said, 7), (heard, 5)):
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(bytes((i * i * step) % 251 for i in range(8000)))
    compare = [processes.PYTHON, EXAMPLES / "compare_speech.py"]
    assert processes.run([*compare, said, said]).code == 0
    for option in ([], ["--lossy"]):
        result = processes.run([*compare, said, heard, *option])
        assert result.code == 1 and b"NOT" in result.out, result.err


def test_echo_is_measured_beside_webrtcdsp():
    env = {"BUILD_DIR": BUILD, "PATH": os.environ["PATH"]}
    result = processes.run([EXAMPLES / "echo.sh"], processes.ROOT, **env)
    text = result.out.decode()
    assert result.code == 0, text + result.err
    row = r"^(\S+) +the echo is (\S+) dB less .* is (\S+) dB, (\S+) dB over"
    rows = {
        name: [float(each) for each in numbers]
        for name, *numbers in re.findall(row, text, re.M)
    }
    assert abs(rows["microphone"][0]) < 0.1
    erle, gain, rest = rows["echo_canceller.py"]
    assert erle >= 25.0 and abs(gain) <= 0.1 and rest >= 20.0
    # It is of the packages that only some have.
    assert "webrtcdsp" in rows or "webrtcdsp is missing" in text


def test_duplex_hears_itself_encrypted(tmp_path):
    key = tmp_path / "call.key"
    assert processes.run([EXAMPLES / "make-key", key]).code == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secure = ["--secure", key, "--port", port, "--seconds", "3"]
    result = processes.run([BUILD / "examples" / "duplex", *secure], processes.ROOT)
    assert result.code == 0, result.err
    last = result.out.decode().splitlines()[2]
    sent, received = (int(n) for n in re.findall(r"[TR]X +(\d+) buffers", last))
    # Of 300 at the most: a busy machine keeps it from some.
    assert sent >= received > 10 and result.err == ""
    assert re.findall(r"(\d+) dropped", last) == ["0", "0"]
