# SPDX-License-Identifier: LGPL-2.1-or-later
"""isolation=process: what the documentation says of it, and launch lines in both modes."""

import gc
import pathlib
import re

import pytest

import processes
import soak

ROOT = processes.ROOT
PAGE = (ROOT / "docs" / "isolation.md").read_text()
CHECKS = ROOT / "tests" / "check"
PLUGINS = processes.PLUGINS
TONE = "audiotestsrc num-buffers=20 ! audioconvert"
# Pipelines that say nothing of isolation.
LINES = {
    "gain": f"{TONE} ! pythonfilter script={PLUGINS}/simple_gain.py"
    ' params="p,gain=0.5" ! filesink location={out}',
    "passthrough": f"{TONE} ! pythonfilter script={PLUGINS}/passthrough.py"
    " ! filesink location={out}",
    "equalizer": f"{TONE} ! pythonfilter"
    f" script={PLUGINS}/examples/scipy_equalizer.py ! filesink location={{out}}",
    # Of a size at which the memory itself goes to the worker.
    "large": f"audiotestsrc num-buffers=4 samplesperbuffer=200000 ! pythonfilter"
    f" script={PLUGINS}/simple_gain.py"
    ' params="p,gain=0.5" ! filesink location={out}',
    "blocks": f"{TONE} ! pythonfilter script={PLUGINS}/simple_gain.py"
    " block-size=300 ! filesink location={out}",
    "source": f"pythonsrc script={PLUGINS}/sine_wave_source.py num-buffers=20"
    " ! filesink location={out}",
    "sink": f"{TONE} ! pythonsink script={PLUGINS}/wav_file_sink.py"
    ' params="p,path=(string){out}"',
}


@soak.one_in(2)
@pytest.mark.parametrize("name", LINES)
def test_a_line_gives_the_same_in_both_modes(name, tmp_path):
    results = []
    for mode in ("none", "process"):
        out = tmp_path / mode
        line = "exec gst-launch-1.0 -q " + LINES[name].format(out=out)
        result = processes.run(
            ["bash", "-c", line], ROOT, GST_PYTHONFILTER_ISOLATION=mode
        )
        assert (result.code, result.err) == (0, ""), mode
        results.append(out.read_bytes())
    assert len(results[0]) > 1000
    assert results[0] == results[1]


COLLECTED = """
import gc
found = [gc.isenabled()]
class Plugin:
    def process_audio(self, buffer):
        found.append(gc.isenabled())
        if len(found) > 9:
            raise ValueError(set(found), gc.get_threshold())
"""


@pytest.mark.parametrize("isolation", ("none", "process"))
def test_garbage_is_collected_as_python_does_it(isolation, tmp_path):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(COLLECTED)
    line = f"{TONE} ! pythonfilter script={plugin} isolation={isolation} ! fakesink"
    result = processes.launch(line)
    assert f"ValueError: ({{True}}, {gc.get_threshold()})" in result.err


PRINTING = """
import logging, sys
class Plugin:
    printed = False
    def process_audio(self, buffer):
        if self.printed:
            return
        self.printed = True
        print("printed")
        print("complained", file=sys.stderr)
        logging.warning("rootly")
        logging.getLogger(__name__).warning("ownly")
"""
SAID = {"printed", "complained", "rootly", "ownly"}


@pytest.mark.parametrize(
    "mode, level, seen",
    [
        ("none", 0, SAID),
        ("process", 0, set()),
        ("none", 2, SAID),
        ("process", 2, {"rootly", "ownly"}),
        ("process", 4, SAID),
    ],
)
def test_what_a_plugin_prints_is_where_the_page_says(mode, level, seen, tmp_path):
    plugin = tmp_path / "printing.py"
    plugin.write_text(PRINTING)
    line = f"{TONE} ! pythonfilter script={plugin} isolation={mode} ! fakesink"
    result = processes.launch(
        line, GST_DEBUG=f"pythonplugin:{level}", GST_DEBUG_NO_COLOR=1
    )
    assert result.code == 0 and result.out == b""
    found = {each for each in SAID if each in result.err}
    assert found == seen, result.err
    assert "| `print()`, and what else goes to standard error | is there |" in PAGE
    assert "| `logging`, where `pythonplugin` shows nothing |" in PAGE


def test_a_failure_is_told_in_the_same_words(tmp_path):
    plugin = tmp_path / "failing.py"
    # Not at once: gst-launch-1.0 may miss the error of a pipeline that prerolls.
    plugin.write_text(
        "calls = []\ndef process_audio(buffer):\n    calls.append(1)\n"
        "    if len(calls) > 9:\n        raise ValueError('no')\n"
    )
    told = []
    for mode in ("none", "process"):
        line = (
            f"exec gst-launch-1.0 -q {TONE} ! pythonfilter script={plugin} ! fakesink"
        )
        result = processes.run(
            ["bash", "-c", line], ROOT, GST_PYTHONFILTER_ISOLATION=mode
        )
        assert result.code == 1
        # What a source says that cannot go on is another one.
        error, *_ = re.findall(r"^ERROR: from .*", result.err, re.MULTILINE)
        told.append(error)
    assert told[0] == told[1]
    assert "ValueError: no" in told[0] and "failing.py:5" in told[0]


def test_a_crash_ends_the_application_without_isolation():
    plugin = PLUGINS / "examples" / "crashes_at_1000.py"
    line = (
        "exec gst-launch-1.0 -q --no-fault audiotestsrc num-buffers=1100 samplesperbuffer=32"
        f" ! pythonfilter script={plugin} on-error=silence ! fakesink"
    )
    crashed, played = (
        processes.run(["bash", "-c", line], ROOT, GST_PYTHONFILTER_ISOLATION=mode)
        for mode in ("none", "process")
    )
    assert crashed.code not in (0, 1)
    assert played.code == 0, played.err


def reasons():
    """Of every check that is not made a second time."""
    for file in sorted((CHECKS / "elements").glob("*.cpp")):
        source = file.read_text()
        for call in re.findall(
            r"\badd_(?:loop_)?test_here\((.*?)\);", source, re.DOTALL
        ):
            said = re.findall(r'"([^"]*)"', call)
            name = call.split()[-1]  # of a reason that several have
            yield "".join(said) or re.search(
                rf'constexpr char {name}\[\] = "(.*?)";', source
            )[1]


def test_every_check_that_is_left_out_has_its_reason_on_the_page():
    found = set(reasons())
    assert len(found) >= 5
    text = " ".join(PAGE.split())
    for reason in found:
        assert reason and reason in text, reason
    build = pathlib.Path(CHECKS / "meson.build").read_text()
    for name in re.search(r"here_only = \[(.*?)\]", build)[1].split(","):
        assert f"`{name.strip()[1:-1]}`" in text


def test_a_flood_is_counted_though_silence_follows(tmp_path):
    plugin = tmp_path / "flood.py"
    plugin.write_text(
        "import os\ncalls = []\ndef process_audio(buffer):\n    calls.append(1)\n"
        "    if len(calls) == 1:\n        os.write(1, b'line\\n' * 5000)\n"
    )
    line = (
        "exec gst-launch-1.0 -q audiotestsrc is-live=true samplesperbuffer=441"
        f" ! pythonfilter script={plugin} isolation=process deadline=0 ! fakesink sync=false async=false"
    )
    process = processes.start(
        ["bash", "-c", line], ROOT, GST_DEBUG="pythonplugin:4", GST_DEBUG_NO_COLOR="1"
    )
    # Not only when the worker ends: until then nothing does.
    said = processes.read_until(process, "lines left out")
    processes.interrupt(process)
    result = processes.finish(process)
    said += result.err
    # Those that came in another second than the first are shown again.
    shown = said.count("> line\n")
    left_out = sum(map(int, re.findall(r"> (\d+) lines left out", said)))
    assert left_out > 0 and shown + left_out == 5000, (shown, left_out)


def test_an_interpreter_is_looked_up_in_the_path(tmp_path):
    (tmp_path / "python-of-mine").symlink_to(processes.PYTHON)
    line = (
        "exec gst-launch-1.0 -q audiotestsrc num-buffers=3"
        f" ! pythonfilter script={PLUGINS}/passthrough.py isolation=process"
        " python=python-of-mine ! fakesink"
    )
    path = f"{tmp_path}:/usr/bin:/bin"
    result = processes.run(["bash", "-c", line], ROOT, PATH=path)
    assert (result.code, result.err) == (0, "")


STARVED = """\
import os, time
processor = {min(os.sched_getaffinity(0))}
os.sched_setaffinity(0, processor)
busy = os.fork()
if busy == 0:
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        pass
    os._exit(0)
os.nice(19)
while os.waitpid(busy, os.WNOHANG) == (0, 0):
    pass
def process_audio(buffer):
    pass
"""


def test_a_busy_machine_makes_a_start_late_and_no_failure(tmp_path):
    """What somebody else has of the only processor is not the plugin's time."""
    (tmp_path / "plugin.py").write_text(STARVED)
    # 1.5 seconds for an import that takes 2.5, of which it works few.
    line = (
        "audiotestsrc num-buffers=3 ! pythonfilter script=plugin.py isolation=process"
        " hang-timeout=250 ! fakesink async=false"
    )
    result = processes.launch(line, cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
