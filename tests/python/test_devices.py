# SPDX-License-Identifier: LGPL-2.1-or-later
"""The microphone and the speaker, on a PulseAudio server of the tests' own.

Its one device is a null sink, which plays in real time to nobody; what it plays
can be recorded from its monitor.  PortAudio gets there by ALSA's pulse plugin.
"""

import ast
import contextlib
import functools
import importlib.util
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from scipy.io import wavfile

import processes
import waiting
from shipped_plugins import load
from waiting import eventually

PLUGINS = processes.PLUGINS
RATE = 48000
CAPS = f"audio/x-raw,rate={RATE},channels=2"
SINE = f"pythonsrc script={PLUGINS}/sine_wave_source.py"
TONE = f"{SINE} params=p,frequency=%s,amplitude=0.25"
SPEAKER = f"pythonsink sync=false script={PLUGINS}/speaker_sink.py"
MICROPHONE = f"pythonsrc is-live=true script={PLUGINS}/microphone_source.py"
RECORDER = f"pythonsink sync=false script={PLUGINS}/wav_file_sink.py params=p,path=%s"
LEVEL = 20 * np.log10(0.25 / np.sqrt(2))
FORMAT = [f"--rate={RATE}", "--channels=2", "--format=float32le", "--raw"]
ALSA = """
pcm.default { type pulse hint { show on description "the default" } }
pcm.tests {
  type asym
  playback.pcm { type pulse device "tests" }
  capture.pcm { type pulse device "tests.monitor" }
  hint { show on description "the null sink" }
}
"""
LIST = """
import pyaudio
audio = pyaudio.PyAudio()
for index in range(audio.get_device_count()):
    print(audio.get_device_info_by_index(index)["name"])
"""


class Server:
    """A PulseAudio server and the environment of its clients."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "alsa.conf").write_text(ALSA)
        self.environment = {
            "XDG_RUNTIME_DIR": folder,
            "HOME": folder,
            "PULSE_SERVER": f"unix:{folder}/socket",
            "PULSE_RUNTIME_PATH": folder,
            "ALSA_CONFIG_PATH": folder / "alsa.conf",
            "JACK_NO_START_SERVER": "1",
        }
        self.process = None

    def start(self):
        (self.folder / "socket").unlink(missing_ok=True)
        modules = [
            f"module-native-protocol-unix auth-anonymous=1 socket={self.folder}/socket",
            # With rewinds it would play two seconds at a time.
            f"module-null-sink sink_name=tests norewinds=1 format=float32le rate={RATE}",
        ]
        options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        loads = [word for module in modules for word in ("-L", module)]
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                ["pulseaudio", *options, "--disable-shm=yes", *loads],
                env=processes.environment(**self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(lambda: b"\ttests\t" in self.listed("sinks"), self.folder / "log")

    def listed(self, what):
        """What the server has of one kind: sinks, sink-inputs, source-outputs."""
        return self.run(["pactl", "list", "short", what]).out

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def run(self, command, **more):
        return processes.run(command, **self.environment, **more)

    def spawn(self, command):
        return processes.start(command, **self.environment)


@pytest.fixture(scope="module")
def server():
    for tool in ("pulseaudio", "pactl", "parec", "pacat"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    if not importlib.util.find_spec("pyaudio"):
        pytest.skip("python3-pyaudio is not installed")
    # Not pytest's: the path of a socket may not be long.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pulse-"))
    server = Server(folder)
    try:
        server.start()
        names = server.run([processes.PYTHON, "-c", LIST]).out.split()
        if b"tests" not in names:
            pytest.skip("ALSA has no pulse plugin: libasound2-plugins is not installed")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_server(server):
    """One that the test may break."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pulse-"))
    own = Server(folder)
    try:
        own.start()
        yield own
    finally:
        own.stop()
        shutil.rmtree(folder, ignore_errors=True)


def launch(server, line):
    result = server.run(["gst-launch-1.0", "-q", *line.split()])
    assert result.code == 0, f"{line}\n{result.err}"
    assert "WARNING" not in result.err and "CRITICAL" not in result.err, result.err
    return result


def sounding(samples):
    """From the first to the last sample that is not silence."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > 0.01)
    assert len(loud), "nothing but silence"
    return samples[loud[0] : loud[-1] + 1].astype(np.float64)


def check_tone(samples, hertz, seconds):
    """A tone of that pitch and of TONE's level for so long, without a break.

    A multiple of 100 Hz, so that its periods fit into 10 ms.
    """
    length = int(seconds * RATE)
    assert len(samples) >= length
    # A device takes its time to begin; the rest is even.
    part = samples[len(samples) - length : len(samples) - RATE // 10]
    window = np.hanning(len(part))
    for channel in part.T:
        peak = np.abs(np.fft.rfft(channel * window)).argmax()
        assert peak * RATE / len(part) == pytest.approx(hertz, abs=RATE / len(part))
        level = 20 * np.log10(np.sqrt(np.mean(np.square(channel))))
        assert level == pytest.approx(LEVEL, abs=0.05)
        # The phase stands still against a tone that is as it should be.
        turned = channel * np.exp(-2j * np.pi * hertz * np.arange(len(part)) / RATE)
        steps = turned[: len(part) // 480 * 480].reshape(-1, 480).sum(axis=1)
        assert np.abs(np.angle(steps[1:] / steps[:-1])).max() < 0.01


class Recording:
    """What the null sink plays meanwhile, by someone else's program."""

    def __init__(self, server, folder):
        self.file = folder / "recorded.raw"
        options = [*FORMAT, "--latency-msec=20", str(self.file)]
        self.process = server.spawn(["parec", "--device=tests.monitor", *options])
        eventually(lambda: server.listed("source-outputs"), "the recorder")

    def samples(self):
        # All of it is there when silence follows.
        eventually(lambda: self.file.stat().st_size > 0)
        size = self.file.stat().st_size
        silence = bytes(RATE // 5 * 8)
        eventually(
            lambda: self.file.stat().st_size > size + len(silence)
            and self.file.read_bytes().endswith(silence)
        )
        self.process.terminate()
        processes.finish(self.process)
        return sounding(np.fromfile(self.file, np.float32).reshape(-1, 2))


def play(server, hertz, seconds, tmp_path):
    """Someone else's program plays a tone."""
    times = np.arange(int(seconds * RATE)) / RATE
    tone = 0.25 * np.sin(2 * np.pi * hertz * times)
    path = tmp_path / "tone.raw"
    path.write_bytes(np.repeat(tone[:, np.newaxis], 2, axis=1).astype("<f4").tobytes())
    process = server.spawn(["pacat", "--device=tests", *FORMAT, str(path)])
    eventually(lambda: server.listed("sink-inputs"), "the player")
    return process


PRELUDE = (
    pathlib.Path(waiting.__file__).read_text()
    + f"""
import json, os, signal, sys, time
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
ENDS = Gst.MessageType.EOS | Gst.MessageType.ERROR

def play(line):
    pipeline = Gst.parse_launch(line)
    pipeline.set_state(Gst.State.PLAYING)
    return pipeline

def wait(pipeline, seconds=PATIENCE):
    message = pipeline.get_bus().timed_pop_filtered(int(seconds * Gst.SECOND), ENDS)
    if message and message.type == Gst.MessageType.ERROR:
        return message.parse_error()[0].message
    return message and "EOS"

def play_on(pipeline, buffers=30):
    # Waits until the plugin of the element `p` had so many, or the stream ended.
    p = pipeline.get_by_name("p")
    eventually(lambda: p.get_property("stats")["buffers"] > buffers or wait(pipeline, 0))
    return wait(pipeline, 0)

def stop(pipeline):
    begun = time.monotonic()
    pipeline.set_state(Gst.State.NULL)
    return time.monotonic() - begun

TONE, CAPS, SPEAKER = {TONE!r}, {CAPS!r}, {SPEAKER!r}
MICROPHONE, RECORDER = {MICROPHONE!r}, {RECORDER!r}
"""
)


def program(server, code, *arguments):
    result = server.run([processes.PYTHON, "-c", PRELUDE + code, *map(str, arguments)])
    assert result.code == 0, result.err
    return json.loads(result.out)


def in_real_time(test):
    """Up to ten times: a busy machine may miss a deadline, a fault always does."""

    @functools.wraps(test)
    def repeated(**fixtures):
        for _ in range(9):
            with contextlib.suppress(AssertionError):
                return test(**fixtures)
        return test(**fixtures)

    return repeated


# ---- without a device


@pytest.mark.parametrize("name", ["microphone_source", "speaker_sink"])
def test_without_pyaudio_the_error_names_its_package(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyaudio", None)
    plugin = load(name).create_plugin()
    with pytest.raises(RuntimeError, match="package python3-pyaudio"):
        plugin.initialize()
    plugin.shutdown()


# ---- with one


@in_real_time
def test_speaker_plays_every_sample_of_a_tone(server, tmp_path):
    """Also the last ones, which the device still has when the stream ends."""
    recording = Recording(server, tmp_path)
    launch(server, f"{TONE % 1000.0} num-buffers=188 ! {CAPS} ! {SPEAKER}")
    samples = recording.samples()
    check_tone(samples, 1000, 1.9)
    assert 188 * 512 - 10 < len(samples) <= 188 * 512


@in_real_time
def test_microphone_records_a_tone(server, tmp_path):
    player = play(server, 700, 3, tmp_path)
    path = tmp_path / "out.wav"
    launch(server, f"{MICROPHONE} num-buffers=140 ! {CAPS} ! {RECORDER % path}")
    player.terminate()
    player.communicate()
    rate, samples = wavfile.read(path)
    assert rate == RATE and samples.shape == (140 * 512, 2)
    check_tone(sounding(samples), 700, 1.2)


@in_real_time
def test_microphone_that_is_not_live_records_as_well(server, tmp_path):
    player = play(server, 700, 3, tmp_path)
    path = tmp_path / "out.wav"
    microphone = MICROPHONE.replace("is-live=true", "is-live=false")
    launch(server, f"{microphone} num-buffers=140 ! {CAPS} ! {RECORDER % path}")
    player.terminate()
    player.communicate()
    check_tone(sounding(wavfile.read(path)[1]), 700, 1.2)


@pytest.mark.parametrize("name", ["microphone_source", "speaker_sink"])
def test_launch_line_runs_to_its_end(server, name):
    text = ast.get_docstring(ast.parse((PLUGINS / f"{name}.py").read_text()))
    line = text.replace("\\\n", " ").split("gst-launch-1.0 ")[1].partition("\n")[0]
    line = line.replace("autoaudiosink", "fakesink").replace("=200", "=20")
    line = line.replace("pythonsrc", "pythonsrc num-buffers=20")
    launch(server, line.replace("plugins_py/", f"{PLUGINS}/"))


@in_real_time
def test_both_at_once_in_one_process(server, tmp_path):
    path = tmp_path / "out.wav"
    code = """
speaker = play(f"{TONE % 500.0} num-buffers=250 ! {CAPS} ! {SPEAKER}")
recorder = play(f"{MICROPHONE} num-buffers=180 ! {CAPS} ! {RECORDER % sys.argv[1]}")
ends = [wait(recorder), wait(speaker)]
print(json.dumps([*ends, stop(recorder), stop(speaker)]))
"""
    ends = program(server, code, path)
    assert ends[:2] == ["EOS", "EOS"]
    check_tone(sounding(wavfile.read(path)[1]), 500, 1.5)


@pytest.mark.parametrize("device", ["tests", "TEST", "0"])
def test_device_is_found_by_index_or_name(server, device):
    launch(
        server,
        f"{MICROPHONE} params=p,device=(string){device} num-buffers=5 ! fakesink",
    )
    source = f"{TONE % 500.0} num-buffers=5 ! {CAPS}"
    launch(server, f"{source} ! {SPEAKER} params=p,device=(string){device}")


@pytest.mark.parametrize("kind", ["input", "output"])
def test_unknown_device_is_an_error_that_lists_the_others(server, kind):
    line = f"{MICROPHONE} params=p,device=drum ! fakesink"
    if kind == "output":
        line = f"audiotestsrc ! {SPEAKER} params=p,device=drum"
    result = server.run(["gst-launch-1.0", "-q", *line.split()])
    assert result.code != 0
    assert f"there is no {kind} device 'drum'" in result.err
    assert ": tests" in result.err


@in_real_time
def test_device_changes_while_playing(server, tmp_path):
    code = """
pipeline = play(f"{TONE % 500.0} num-buffers=180 ! {CAPS} ! {SPEAKER} name=p")
play_on(pipeline, 50)
params = Gst.Structure.new_from_string("p,device=tests")
pipeline.get_by_name("p").set_property("params", params)
end = wait(pipeline)
params = pipeline.get_by_name("p").get_property("params")
print(json.dumps([end, params["device"], stop(pipeline)]))
"""
    recording = Recording(server, tmp_path)
    assert program(server, code)[:2] == ["EOS", "tests"]
    check_tone(recording.samples(), 500, 1)


def test_pause_and_go_on(server):
    code = """
pipeline = play(f"{TONE % 500.0} num-buffers=180 ! {CAPS} ! {SPEAKER} name=p")
for _ in range(5):
    time.sleep(0.1)
    pipeline.set_state(Gst.State.PAUSED)
    time.sleep(0.3)
    pipeline.set_state(Gst.State.PLAYING)
end = wait(pipeline)
stats = pipeline.get_by_name("p").get_property("stats")
print(json.dumps([end, stats["frames"], stats["errors"], stop(pipeline)]))
"""
    assert program(server, code)[:3] == ["EOS", 180 * 512, 0]


@in_real_time
def test_the_pipeline_goes_by_the_speaker(server):
    # 2.1 s of sound: the clock is set by then, and is not far from real time, in
    # which the null sink plays.
    code = """
pipeline = play(f"{TONE % 500.0} ! {CAPS} ! {SPEAKER} name=p provide-clock=true")
play_on(pipeline, 10)
clock = pipeline.get_clock()
begun, then = time.monotonic(), clock.get_time()
said = play_on(pipeline, 210)
went = (clock.get_time() - then) / Gst.SECOND / (time.monotonic() - begun)
print(json.dumps([said, clock.get_name(), clock.get_calibration()[0] > 0, went]))
stop(pipeline)
"""
    said, name, calibrated, went = program(server, code)
    assert (said, name, calibrated) == (None, "GstPythonSinkClock", True)
    assert abs(went - 1) < 0.1


ENDLESS = {
    "microphone": f"{MICROPHONE} name=p ! fakesink sync=false",
    "speaker": f"{TONE % 500.0} ! {CAPS} ! {SPEAKER} name=p",
}


@pytest.mark.parametrize("line", ENDLESS.values(), ids=ENDLESS)
@in_real_time
def test_stop_is_not_held_up(server, line):
    code = """
pipeline = play(sys.argv[1])
early = play_on(pipeline)
print(json.dumps([early, stop(pipeline)]))
"""
    early, seconds = program(server, code, line)
    assert early is None and seconds < 0.5


@pytest.mark.parametrize("line", ENDLESS.values(), ids=ENDLESS)
def test_stop_is_not_held_up_by_a_stuck_server(own_server, line):
    code = """
pipeline = play(sys.argv[1])
early = play_on(pipeline)
os.kill(int(sys.argv[2]), signal.SIGSTOP)
wait(pipeline, 0.5)
stop(pipeline)
print(json.dumps(early), flush=True)
os._exit(0)
"""
    assert program(own_server, code, line, own_server.process.pid) is None


@pytest.mark.parametrize("line", ENDLESS.values(), ids=ENDLESS)
def test_server_that_goes_away_is_an_error(own_server, line):
    code = """
pipeline = play(sys.argv[1])
early = play_on(pipeline)
os.kill(int(sys.argv[2]), signal.SIGTERM)
end = wait(pipeline)
stop(pipeline)
print(json.dumps([early, end]))
"""
    early, end = program(own_server, code, line, own_server.process.pid)
    assert early is None
    assert "raised OSError" in end
