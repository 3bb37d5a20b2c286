# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins that attack whoever runs them (tests/hostile), in both isolations."""

import os
import re

import pytest

import processes
import soak

HOSTILE = processes.ROOT / "tests" / "hostile"
BOTH = pytest.mark.parametrize("isolation", ["none", "process"])


def launch(attack, isolation, kind="", more="", source="", **env):
    """gst-launch-1.0 of one attack."""
    before = f"audiotestsrc num-buffers=20 {source} ! audio/x-raw,rate=48000,channels=1"
    line = (
        f"{before} ! pythonfilter script={HOSTILE / attack}.py isolation={isolation} "
        f"{more} ! fakesink async=false"
    )
    return processes.launch(line, PYTHONFILTER_ATTACK=kind, **env)


@BOTH
@soak.one_in(3)
@pytest.mark.parametrize(
    "kind, says",
    [
        ("nested", "of a type that no caps need"),
        ("lists", "nested too deep"),
        ("caps", "of a type that no caps need"),
        ("structures", "more structures than any caps"),
        ("values", "more values than any caps"),
        ("fields", "one too many that is new"),
        ("features", "one too many that is new"),
        ("name", "a name that is too long"),
        ("field", "a name that is too long"),
        ("long", "longer than any caps"),
        ("taglist", "of a type that no caps need"),
        ("no-caps", "cannot read as caps"),
        ("rate-0", "has no exact format, rate and channels"),
        ("channels", "has no exact format, rate and channels"),
    ],
)
def test_caps_are_refused_with_a_sentence(kind, says, isolation):
    result = launch("output_caps", isolation, kind)
    assert result.code > 0 and says in result.err, (result.code, result.err[-2000:])
    assert len(result.err) < 400_000


@pytest.mark.parametrize("kind", [f"honest-{i}" for i in range(5)])
def test_caps_that_somebody_needs_pass(kind):
    result = launch("output_caps", "none", kind)
    assert result.code == 0, result.err


@soak.one_in(2)
@BOTH
@pytest.mark.parametrize(
    "kind, says",
    [
        ("text", "ValueError: xxx"),
        ("class", "huge_exception.NNN"),
        ("file", "SyntaxError: xxx (fff"),
        # The list of the traceback is cut, and made in a bearable time.
        ("group", "ExceptionGroup: xxx (100000 sub-exceptions)"),
    ],
)
def test_text_of_an_exception_is_cut(kind, says, isolation):
    result = launch("huge_exception", isolation, kind)
    assert result.code > 0 and says in result.err, result.err[:2000]
    # Of a group some are shown, and how many others there are.
    assert ("and 99985 more exceptions" if kind == "group" else "more)") in result.err
    assert len(result.err) < 200_000


def line_of(attack, kind, isolation, buffers=3):
    """A launch line with its class Filter, Source or Sink."""
    script = f"script={HOSTILE / attack}.py class={kind} isolation={isolation}"
    tone = f"audiotestsrc num-buffers={buffers} samplesperbuffer=441"
    end = "fakesink async=false"
    return {
        "Filter": f"{tone} ! pythonfilter {script} ! {end}",
        "Source": f"pythonsrc num-buffers={buffers} {script} ! {end}",
        "Sink": f"{tone} ! pythonsink sync=false {script}",
    }[kind]


LARGE = "list of length 10000000, too large to show"


@BOTH
@soak.one_in(3)
@pytest.mark.parametrize("kind", ["Filter", "Source", "Sink"])
@pytest.mark.parametrize(
    "what, says",
    [
        ("post", "() raised ValueError: with value the message is larger than 64 KiB"),
        ("raise", f"() raised ValueError: 1, {LARGE}"),
        ("rates", f"declares rates = {LARGE}"),
        ("parameter", f"gain is now {LARGE}"),
        ("description", None),
    ],
)
def test_what_is_too_large_is_told_in_a_line(what, says, kind, isolation):
    result = processes.launch(
        line_of("too_large", kind, isolation), PYTHONFILTER_ATTACK=what
    )
    assert (result.code > 0) == (says is not None), result.err
    assert says is None or says in result.err, result.err[:2000]
    assert says is None or "too_large.py" in result.err
    assert len(result.err) < 5_000


@soak.one_in(2)
@BOTH
@pytest.mark.parametrize(
    "what, says",
    [
        ("latency", "get_processing_latency() gave str of length 10000000: 'xxx"),
        ("caps", "get_output_caps() gave bytes of length 10000000: b'"),
        ("choices", "10000000 choices are more than 4096"),
        ("default", "with the default str of length 10000000: 'xxx"),
        ("time", f"gave a Timed whose pts is {LARGE}: a time is"),
    ],
)
def test_what_is_too_large_for_a_filter_is_told_in_a_line(what, says, isolation):
    result = launch("too_large", isolation, what, more="class=Filter")
    assert says in result.err, result.err[:2000]
    assert len(result.err) < 5_000


@BOTH
def test_a_text_of_the_log_is_cut(isolation):
    result = launch(
        "too_large",
        isolation,
        "log",
        more="class=Filter",
        GST_DEBUG="pythonplugin:2",
        GST_DEBUG_NO_COLOR=1,
    )
    assert result.code == 0, result.err[:2000]
    lines = [line for line in result.err.splitlines() if "xxx" in line]
    # Where a busy machine keeps who reads them for a second, it is told how many.
    lost = re.findall("([0-9]+) records were lost: nobody read them", result.err)
    assert lines and len(lines) + sum(map(int, lost)) == 20
    assert max(map(len, lines)) < 20_000
    assert "(9983666 characters more)" in lines[0]


@BOTH
def test_terminals_get_nothing_to_obey(isolation):
    result = launch("escapes", isolation, GST_DEBUG="pythonplugin:4")
    assert result.code > 0 and "all is well" in result.err
    ours = [line for line in result.err.splitlines() if "all is well" in line]
    # A plugin in this process prints what it likes, as the application may.
    shown = [line for line in ours if "x1b[2J" in line]
    assert len(shown) >= 3, ours
    for line in shown:
        assert "\x1b[2J" not in line and "\x9b" not in line and "\x07" not in line


@BOTH
@pytest.mark.parametrize("kind", ["inf", "nan", "1e9", "-1", "1e300"])
def test_latency_that_holds_for_ever_is_refused(kind, isolation):
    result = launch("latency", isolation, kind, source="is-live=true")
    assert result.code > 0, result.err
    assert "get_processing_latency()" in result.err and "seconds" in result.err


@soak.one_in(2)
@pytest.mark.parametrize("element", ["pythonfilter", "py-never-comes-up"])
@pytest.mark.parametrize("where", ["import", "__init__", "initialize"])
def test_worker_that_never_comes_up_is_ended(where, element, tmp_path):
    attack = HOSTILE / "never_comes_up.py"
    script = f"script={attack}" if element == "pythonfilter" else ""
    line = (
        f"audiotestsrc num-buffers=20 ! {element} {script} isolation=process"
        " hang-timeout=100 ! fakesink"
    )
    result = processes.launch(
        line,
        PYTHONFILTER_ATTACK=where,
        GST_PYTHONFILTER_PATH=HOSTILE,
        GST_REGISTRY=tmp_path / "registry",
    )
    assert result.code > 0, result.err
    assert "did not return within 600 ms" in result.err
    assert "hang-timeout can give it more time" in result.err


COUNTING = """\
import time
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
Gst.debug_remove_log_function(None)
Gst.debug_set_threshold_for_name("pythonplugin", Gst.DebugLevel.WARNING)
seen = []
Gst.debug_add_log_function(lambda *_: seen.append(time.monotonic()))
pipeline = Gst.parse_launch({line!r})
pipeline.set_state(Gst.State.PLAYING)
pipeline.get_bus().timed_pop_filtered(
    Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR
)
pipeline.set_state(Gst.State.NULL)
print(len(seen), seen[-1] - seen[0])
"""


def test_host_reads_a_flood_of_records_at_its_own_pace():
    line = (
        "audiotestsrc is-live=true num-buffers=40 samplesperbuffer=1600"
        " ! audio/x-raw,rate=48000,channels=1"
        f" ! pythonfilter script={HOSTILE / 'log_flood'}.py isolation=process"
        " ! fakesink async=false"
    )
    result = processes.run_python(COUNTING.format(line=line))
    assert result.code == 0, result.err
    records, seconds = map(float, result.out.split())
    # 1000 between two looks, of which there are five a second.
    assert 100 < records <= 1000 * (5 * seconds + 2), (records, seconds)


def printed(err):
    """(bytes that were shown, bytes and lines that are said to be left out)."""
    shown = sum(map(len, re.findall(r"> (x+)$", err, re.M)))
    left = re.findall(
        r"> (?:(\d+) lines)?(?: and )?(?:(\d+) bytes)? left out$", err, re.M
    )
    lines, skipped = (sum(int(each or 0) for each in row) for row in zip(*left))
    return shown, skipped, lines


@soak.one_in(2)
@pytest.mark.parametrize(
    "what, kind",
    [
        ("print", "Filter"),
        ("print", "Source"),
        ("print", "Sink"),
        ("lines", "Filter"),
        ("stderr", "Filter"),
        ("write", "Filter"),
    ],
)
def test_a_flood_of_output_is_read_counted_and_not_shown(what, kind):
    result = processes.launch(
        line_of("prints", kind, "process", buffers=5),
        PYTHONFILTER_ATTACK=what,
        GST_DEBUG="pythonplugin:4",
        GST_DEBUG_NO_COLOR=1,
    )
    assert result.code == 0, result.err[:2000]
    shown, skipped, lines = printed(result.err)
    assert skipped > 0.9 * 50_000_000, (shown, skipped, lines)
    # Of a line of which a part was shown nobody says how long the rest was, but
    # for its bytes. The ends of lines are not shown.
    all_of_it = shown + skipped + 1000 * lines
    assert abs(all_of_it - 50_000_000) <= (result.err.count("> x") + lines) * 1000
    assert what == "lines" or all_of_it in (50_000_000, 50_000_000 - 1)


def test_the_last_of_a_flood_says_why_it_crashed():
    result = processes.launch(
        line_of("prints", "Filter", "process", buffers=5), PYTHONFILTER_ATTACK="crash"
    )
    assert result.code > 0
    assert " in attack()" in result.err
    assert "prints.py:32)" in result.err


ATTACKED = """\
import sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
ENDS = Gst.MessageType.EOS | Gst.MessageType.ERROR

def pipeline(script, buffers, more):
    return Gst.parse_launch(
        f"audiotestsrc num-buffers={buffers} samplesperbuffer=480 "
        f"! audio/x-raw,rate=48000 ! pythonfilter script={script} isolation=process "
        f"{more} ! fakesink name=sink async=false"
    )

def run(name, *arguments):
    playing = pipeline(*arguments)
    playing.set_state(Gst.State.PLAYING)
    message = playing.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, ENDS)
    assert message.type == Gst.MessageType.EOS, (name, message.parse_error())
    playing.set_state(Gst.State.NULL)

living = pipeline(HONEST, -1, "on-error=silence")
living.set_state(Gst.State.PLAYING)
run("the hostile one", HOSTILE, 20, MORE)
for _ in range(3):
    run("one after it", HONEST, 20, "")
sink = living.get_by_name("sink")
buffers = sink.get_property("stats").get_value("rendered")
while sink.get_property("stats").get_value("rendered") < buffers + 100:
    message = living.get_bus().timed_pop_filtered(10 * Gst.MSECOND, ENDS)
    assert message is None, message.parse_error()
living.set_state(Gst.State.NULL)
"""


@soak.one_in(3)
@pytest.mark.parametrize("sandbox", ["none", "basic", "strict"])
@pytest.mark.parametrize("kind", ["stop", "kill", "memory", "files", "time", "turn"])
def test_one_plugin_does_not_stop_all_others(kind, sandbox, tmp_path):
    """Without a sandbox it does what it wants: there is another server then."""
    honest = processes.PLUGINS / "passthrough.py"
    given = {"HONEST": honest, "HOSTILE": HOSTILE / "server.py"}
    given["MORE"] = f"sandbox={sandbox} on-error=silence"
    names = "".join(f"{name} = {str(value)!r}\n" for name, value in given.items())
    result = processes.run_python(
        names + ATTACKED, PYTHONFILTER_ATTACK=kind, GST_DEBUG="pythonplugin:4"
    )
    assert result.code == 0, result.err[-3000:]
    told = [line for line in result.err.splitlines() if "INFO" in line]
    done = [line for line in told if line.endswith("done")]
    refused = [line for line in told if "refused: " in line]
    if sandbox != "none" and not refused:
        pytest.skip("this kernel, or a container, has nothing that could refuse it")
    assert sandbox != "none" or (done and not refused) or kind == "kill"


@soak.one_in(2)
@BOTH
@pytest.mark.parametrize(
    "kind", ["initialize", "start", "first", "later", "start-raises", "later-raises"]
)
def test_a_call_comes_back_once_though_it_forked(kind, isolation):
    line = (
        "audiotestsrc num-buffers=20 ! audio/x-raw,format=F32LE,rate=48000"
        f" ! pythonfilter script={HOSTILE}/fork.py isolation={isolation}"
        f" ! pythonfilter script={HOSTILE}/counted.py ! fakesink async=false"
    )
    result = processes.launch(
        line, PYTHONFILTER_ATTACK=kind, GST_DEBUG="pythonplugin:4"
    )
    assert result.code == 0, result.err[-3000:]
    printed = result.err + result.out.decode()
    assert "counted" in printed, printed[-3000:]
    assert "was forked in" in printed and "came back from it" in printed
    assert "the child ended with 1" in printed
