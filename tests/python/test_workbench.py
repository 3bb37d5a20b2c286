# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter-workbench: what it says, draws and writes."""

import io
import os
import re
import shutil
import stat
import subprocess
import wave

import numpy as np
import pytest
from scipy.io import wavfile

import processes
import soak
import workbench
from pythonfilter.results import DTYPES
from pythonfilter.workbench import findings, formats, progress, signals
from workbench_bad import processor

RATE = 44100
FILTERS = (
    "passthrough.py",
    "simple_gain.py",
    "examples/scipy_equalizer.py",
    "examples/spectral_noise_gate.py",
    "examples/level_meter.py",
    "examples/voice_activity.py",
)
SHIPPED = {
    **dict.fromkeys(FILTERS, "processor"),
    "sine_wave_source.py": "source",
    "wav_file_source.py": "source",
    "wav_file_sink.py": "sink",
    "null_sink.py": "sink",
}
# Sample by sample: in one format, and where Numba compiles them.
COMPILED = {
    "compressor.py": "processor",
    "feedback_delay.py": "processor",
    "parametric_equalizer.py": "processor",
    "plucked_strings.py": "source",
    "true_peak_meter.py": "sink",
}
# Ends whatever process it is in.
CRASHES = {"examples/crashes_at_1000.py"}
# They have test_workbench_mixers.py.
MIXING = {
    *("channel_splitter.py", "comparer.py", "conference.py", "ducker.py"),
    *("echo_canceller.py", "mid_side_splitter.py", "side_chain_compressor.py"),
}
SEALED = ("fernet", "sframe")
# They need a sound card.
DEVICES = {"microphone_source.py", "speaker_sink.py"}


@pytest.fixture
def wav(tmp_path):
    """A mono WAV file of half a second, with 16 bits."""
    path = tmp_path / "in.wav"
    time = np.arange(RATE // 2) / RATE
    tone = (20000 * np.sin(2 * np.pi * 1000 * time)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tone.tobytes())
    return path


def table(text, title):
    """The rows of a table in the report, by their first word."""
    lines = text.split(f"\n{title}", 1)[1].split("\n\n")[0].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in lines if line}


# ---- the plugins that are here ----------------------------------------------


def test_every_plugin_here_is_tried():
    folder = processes.PLUGINS
    there = {
        str(path.relative_to(folder))
        for path in [*folder.glob("*.py"), *folder.glob("examples/*.py")]
        if re.search("^def create_plugin", path.read_text(), re.M)
    }
    sealed = {f"{n}_{what}.py" for n in SEALED for what in ("encryptor", "decryptor")}
    assert there == {*SHIPPED, *COMPILED} | DEVICES | CRASHES | MIXING | sealed


@soak.one_in(2)
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_plugin_passes(name, tmp_path, wav):
    more = []
    if name == "wav_file_source.py":
        more += ["--set", f"path={wav}", "--rate", str(RATE), "--channels", "1"]
    elif name == "wav_file_sink.py":
        more += ["--set", f"path={tmp_path / 'out.wav'}"]
    code, report, _ = workbench.examine(processes.PLUGINS / name, *more)
    assert code == 0 and report["ok"], report["results"]
    assert report["plugin"]["kind"] == SHIPPED[name]
    assert report["calls"] > 50


# Each is compiled twice, once with its bounds checked.
@pytest.mark.parametrize("name", sorted(COMPILED) if soak.SOAK else ["compressor.py"])
def test_compiled_plugin_passes(name):
    pytest.importorskip("numba")
    options = ["--format", "F32", "--channels", "2", "--rate", str(RATE)]
    code, report, _ = workbench.examine(processes.PLUGINS / name, *options)
    assert code == 0 and report["ok"], report["results"]
    assert report["plugin"]["kind"] == COMPILED[name]


@soak.one_in(2)
@pytest.mark.parametrize("name", SEALED)
def test_encrypting_plugins_pass(name, tmp_path):
    key = tmp_path / "call.key"
    processes.run([processes.PYTHON, processes.ROOT / "examples" / "make-key", key])
    code, report, _ = workbench.examine(
        processes.PLUGINS / f"{name}_encryptor.py",
        *("--set", f"key_file={key}"),
    )
    assert code == 0 and report["plugin"]["converts"], report["results"]
    assert not workbench.found(report, "life", "note")
    [skipped] = workbench.found(report, "deterministic", "skip")
    assert "an encryptor" in skipped["message"]
    samples = formats.Setting("F32", formats.INTERLEAVED, 8000, 1).caps
    caps = processes.run_without_gstreamer(
        f"from {name}_encryptor import create_plugin\n"
        "plugin = create_plugin()\n"
        f"plugin.set_parameter('key_file', {str(key)!r})\n"
        f"print(plugin.get_output_caps({samples!r}))"
    ).out.decode()
    code, report, _ = workbench.examine(
        processes.PLUGINS / f"{name}_decryptor.py",
        *("--set", f"key_file={key}", "--caps", caps.strip()),
    )
    assert code == 0, report["results"]
    [note] = workbench.found(report, "results", "note")
    assert note["message"].startswith("DropBuffer is raised")


def test_rates_channels_formats_and_layouts_are_all_tried():
    result = workbench.run(
        processes.PLUGINS / "passthrough.py", "--quick", "--seconds", "0.05", "--json"
    )
    text = result.out.decode()
    for word in (*DTYPES, "8000 Hz", "192000 Hz", " 1 ch", " 8 ch"):
        assert f"{word}" in text, word
    assert '"S16 non-interleaved 48000 Hz 2 ch"' in text


# ---- what it prints ---------------------------------------------------------


def test_json_has_the_keys_that_help_names():
    code, report, err = workbench.examine(processes.PLUGINS / "simple_gain.py")
    assert (code, err) == (0, "")
    assert report["schema"] == 1
    help_text = workbench.run("--help").out.decode()
    for key in report:
        assert f'"{key}"' in help_text, key
    assert [r["check"] for r in report["results"]] == list(findings.CHECKS)
    assert {r["status"] for r in report["results"]} <= set(findings.STATUSES)
    for timing in report["timing"]:
        assert 0 < timing["p50_us"] <= timing["p99_us"] <= timing["max_us"]
        block_us = timing["frames"] / 48000 * 1e6
        assert timing["p50_share"] == pytest.approx(
            timing["p50_us"] / block_us, rel=0.01, abs=2e-6
        )
        assert timing["calls"] >= 20
    assert [t["frames"] for t in report["timing"]] == [64, 480, 512, 4096]
    [gain] = report["parameters"]
    assert gain["name"] == "gain" and gain["changes_output"] is True
    # Both ends of its range, its default and the middle.
    assert gain["accepted"] == ["0.0", "10.0", "1.0", "5.0"] and gain["refused"] == []


def test_report_shows_levels_and_parameters():
    result = workbench.run(
        processes.PLUGINS / "simple_gain.py", *workbench.SHORT, "--set", "gain=0.5"
    )
    text = result.out.decode()
    assert result.code == 0
    # -6.0 dB; the columns are peak in, peak out, rms in, rms out.
    assert table(text, "level (dBFS)")["full-scale"] == ["0.0", "-6.0", "0.0", "-6.0"]
    assert table(text, "level (dBFS)")["silence"] == ["-inf"] * 4
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 160


def test_what_a_plugin_prints_stays_out_of_json(files):
    body = [
        "print('one')",
        "os.write(1, b'two')",
        "import sys",
        "sys.stdout.write('x')",
    ]
    plugin = files({"loud.py": processor(body)}) / "loud.py"
    code, _, err = workbench.examine(plugin)
    assert code == 0 and "one" in err and "two" in err


def test_help_explains_checks_and_exit_status():
    result = workbench.run("--help")
    text = result.out.decode()
    assert result.code == 0
    for name, meaning in findings.CHECKS.items():
        assert re.search(rf"^  {name} +{re.escape(meaning)}$", text, re.M), name
    assert "exit status: 0" in text and "--json prints" in text
    for option in (
        "--set",
        "--rate",
        "--channels",
        "--format",
        "--seconds",
        "--class",
        "--quick",
        "--plot",
        "--json",
        "--skip",
    ):
        assert option in text
    assert max(map(len, text.splitlines())) <= 80


@soak.one_in(3)
@pytest.mark.parametrize(
    "arguments, says",
    [
        ([], "PLUGIN.py"),
        (["missing.py"], "missing.py: there is no such file"),
        (["simple_gain.py", "missing.wav"], "missing.wav"),
        (["simple_gain.py", "simple_gain.py"], "is no WAV file"),
        (["simple_gain.py", "--set", "gain"], "must be KEY=VALUE"),
        (["simple_gain.py", "--format", "S16"], "--format S16: the plugin has F32"),
        (["simple_gain.py", "--rate", "0"], "0 is not above 0"),
        (["simple_gain.py", "--skip", "nothing"], "nothing"),
        (["new", "not-a-name"], "is no Python name"),
    ],
)
def test_what_cannot_run_exits_with_2(arguments, says):
    result = workbench.run(*arguments, cwd=processes.PLUGINS)
    assert result.code == 2 and result.out == b""
    assert says in result.err and "Traceback" not in result.err


def test_package_is_its_folder(files):
    """As the shell completes it, too."""
    half = "from .half import HALF\nclass Half:\n    def process_audio(self, buffer):\n        buffer.data *= HALF\n"
    folder = files({"half/__init__.py": half, "half/half.py": "HALF = 0.5"})
    for name in ("half", "half/"):
        code, report, _ = workbench.examine(name, cwd=folder)
        assert code == 0 and report["plugin"]["script"] == "half"


def test_class_is_chosen_by_name(files):
    source = "class One:\n    def process_audio(self, buffer):\n        pass\n"
    plugin = files({"two.py": source + source.replace("One", "Two")}) / "two.py"
    code, report, _ = workbench.examine(plugin)
    assert code == 1 and "choose one" in workbench.found(report, "load")[0]["message"]
    code, report, _ = workbench.examine(plugin, "--class", "Two")
    assert code == 0 and report["plugin"]["class"] == "Two"


def test_element_is_measured_or_says_why_not():
    plugin = processes.PLUGINS / "passthrough.py"
    options = ["--seconds", "0.05", "--rate", "48000", "--channels", "2", "--json"]
    without = workbench.run(plugin, *options, GST_PLUGIN_PATH=None)
    assert b'"not_measured": "not measured: GStreamer has no element' in without.out
    result = workbench.run(plugin, *options)
    assert b'"instead_of": "identity"' in result.out, result.out
    assert b'"added_ns"' in result.out


# ---- signals and progress ---------------------------------------------------


@pytest.mark.parametrize("dtype", ["<i2", "<i4", "<f4", "<f8"])
def test_wav_files_are_read_whatever_their_samples(dtype, tmp_path):
    path = tmp_path / "a.wav"
    wanted = np.array([[0.0, 0.5], [-0.25, -1.0], [0.125, 0.0]])
    kind = np.dtype(dtype)
    wavfile.write(path, 8000, formats.encode(wanted, kind))
    rate, samples = signals.read_wav(str(path))
    assert rate == 8000
    np.testing.assert_array_equal(samples, wanted.T)


def test_signals_are_what_they_are_called():
    made = {name: signals.make(name, 48000, 2, 48000) for name in signals.SIGNALS}
    assert not made["silence"].any()
    assert set(np.unique(made["full-scale"])) == {-1.0, 1.0}
    assert set(np.unique(made["impulses"])) == {0.0, 1.0}
    assert made["impulses"].sum() == 8
    assert np.sqrt(np.mean(made["noise"] ** 2)) == pytest.approx(0.1, rel=0.02)
    assert (made["noise"][0] != made["noise"][1]).all()


@pytest.mark.parametrize("layout", [formats.INTERLEAVED, formats.PLANAR])
def test_samples_have_the_strides_of_their_layout(layout):
    setting = formats.Setting("S16", layout, 48000, 3)
    view = formats.from_bytes(bytes(range(30)), setting)
    interleaved = layout == formats.INTERLEAVED
    assert view.strides == ((2, 6) if interleaved else (10, 2))
    assert formats.memory_of(view, setting) == bytes(range(30))


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("S24LE", b"\x12\x34\x56\xff\xff\x7f"),
        ("U8", b"\x56\x7f"),
        ("F64BE", b"\0\0\0\0\0\x12\x34\x56\0\0\0\0\xff\xff\xff\x7f"),
    ],
)
def test_samples_that_numpy_has_no_type_for_are_bytes(name, wanted):
    setting = formats.Setting(name, formats.INTERLEAVED, 48000, 1)
    samples = np.array([[0x56341200, 0x7FFFFFFF]], np.int32)
    assert setting.dtype == samples.dtype and not setting.known
    assert formats.memory_of(samples, setting) == wanted


def test_progress_is_for_terminals_and_only_grows(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 0.0)
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    for stream in (terminal, io.StringIO()):
        bar = progress.Progress(stream)
        bar.expect(4)
        for number in range(4):
            bar.step(f"step {number}")
            bar.expect(number)
        bar.clear()
        if stream is not terminal:
            assert stream.getvalue() == ""
    shares = [int(share) for share in re.findall(r"(\d+)%", terminal.getvalue())]
    assert len(shares) == 4 and shares == sorted(shares) and shares[-1] <= 100
    assert terminal.getvalue().endswith(progress.CLEAR)


# ---- installing -------------------------------------------------------------


def test_script_runs_from_a_prefix_whatever_python_is_in_path(tmp_path):
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "pythonfilter-workbench"
    shutil.copy(workbench.COMMAND, command)
    assert command.stat().st_mode & stat.S_IXUSR
    shutil.copytree(
        processes.PLUGINS,
        tmp_path / "share" / "pythonfilter",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    other = tmp_path / "other" / "python3"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\nexit 99\n")
    other.chmod(0o755)
    env = processes.environment(PATH=f"{other.parent}:{os.environ['PATH']}")
    gain = tmp_path / "share" / "pythonfilter" / "simple_gain.py"
    done = subprocess.run([command, gain, *workbench.SHORT], env=env, cwd=tmp_path)
    assert done.returncode == 0


def test_missing_numpy_is_said_in_one_line():
    result = processes.run([processes.PYTHON, "-S", workbench.COMMAND, "--help"])
    assert result.code == 2 and "has no NumPy" in result.err
    assert "python3-numpy" in result.err and len(result.err.splitlines()) == 1
