# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter-workbench catches what is wrong with a plugin, and where."""

import json

import pytest

import soak
import workbench
from workbench_bad import BAD, CONVERTING, processor


@pytest.fixture
def write(files):
    """write(source) makes a plugin of it."""
    return lambda source: files({"plugin.py": source}) / "plugin.py"


@soak.one_in(3)
@pytest.mark.parametrize("name", BAD | CONVERTING)
def test_bad_plugin_is_caught_by_its_check(name, write):
    source, check, message, line = (BAD | CONVERTING)[name]
    plugin = write(source)
    code, report, _ = workbench.examine(plugin)
    assert code == 1 and report["ok"] is False
    caught = [r for r in workbench.found(report, check) if message in r["message"]]
    assert caught, report["results"]
    others = {r["check"] for r in report["results"] if r["status"] == "fail"} - {check}
    # A plugin that dies when it is started again also changes the second run.
    assert not others - {"deterministic"}, report["results"]
    if line:
        [number] = {each["line"] for each in caught}
        assert line in source.splitlines()[number - 1]
        assert {each["file"] for each in caught} == {str(plugin)}


def test_report_names_the_place_of_a_failure(write):
    source, check, message, _ = BAD["raises-on-size-1"]
    plugin = write(source)
    result = workbench.run(plugin, *workbench.SHORT)
    text = result.out.decode()
    assert result.code == 1
    number = 1 + source.splitlines().index("            raise ValueError('too short')")
    assert (
        f"FAIL  {check}" in text and message in text and f"{plugin}:{number}\n" in text
    )
    assert "(1 frames, F32 interleaved 48000 Hz 2 ch)" in text
    assert text.splitlines()[-1].startswith("plugin.py: FAILED; 1 failed, ")
    assert "\x1b" not in text and result.err == ""


def test_checks_that_were_cut_short_are_not_called_ok(write):
    plugin = write(processor(["return False"]))
    report = workbench.examine(plugin)[1]
    status = {each["check"]: each["status"] for each in report["results"]}
    assert status["load"] == status["start"] == "ok"
    for check in ("life", "deterministic", "blocks", "layouts"):
        assert status[check] == "skip", check


def test_nothing_is_ok_of_a_plugin_that_does_not_start(write):
    report = workbench.examine(write(BAD["refuses-to-start"][0]))[1]
    good = {each["check"] for each in report["results"] if each["status"] == "ok"}
    assert good == {"load"}


def test_check_can_be_left_out(write):
    plugin = write(BAD["nondeterministic"][0])
    code, report, _ = workbench.examine(plugin, "--skip", "deterministic")
    assert code == 0
    assert workbench.found(report, "deterministic", "skip")


def test_max_load_fails_a_plugin_that_takes_longer(write):
    plugin = write(processor(["buffer.data *= 0.5"]))
    code, report, _ = workbench.examine(plugin, "--max-load", "0.000001")
    assert code == 1 and workbench.found(report, "load-limit")
    assert workbench.examine(plugin, "--max-load", "100000")[0] == 0


@soak.one_in(2)
@pytest.mark.parametrize(
    "check, message, body, more",
    [
        ("in-place", "put in another array", ["buffer.data = buffer.data * 1"], ""),
        ("clipping", "peak +6.0 dBFS", ["buffer.data *= 2"], ""),
        (
            "recovery",
            "still NaN",
            ["self._calls += buffer.data.sum()", "buffer.data += 1e-6 * self._calls"],
            "",
        ),
        ("blocks", "the samples differ by up to", ["buffer.data[:, 0] = 0"], ""),
        (
            "life",
            "carries over state",
            ["self._calls += 1", "buffer.data *= self._calls"],
            "",
        ),
        (
            "parameters",
            "an unknown parameter is not refused",
            ["pass"],
            "def set_parameter(self, key, value):\n    return None",
        ),
    ],
)
def test_what_may_be_meant_is_a_note(check, message, body, more, write):
    plugin = write(processor(body, more))
    code, report, _ = workbench.examine(plugin)
    notes = workbench.found(report, check, "note")
    assert any(message in note["message"] for note in notes), report["results"]
    assert code == 0, report["results"]


def test_format_that_is_not_declared_may_be_refused(write):
    start = "def start(self):\n    return self.get_sample_rate() == 48000"
    report = {}
    for declared in ("", "\nrates = (48000, 44100)"):
        plugin = write(processor(["pass"], start + declared))
        result = workbench.run(
            plugin, *workbench.SHORT[:3], "--channels", "2", "--json"
        )
        report[declared] = result.code, json.loads(result.out)
    (code, undeclared), (strict, contradicts) = report.values()
    [note] = workbench.found(undeclared, "start", "note")
    assert code == 0 and note["message"].startswith("refuses 8000 Hz 2 ch, 44100 Hz")
    [failure] = workbench.found(contradicts, "start")
    assert strict == 1 and "44100 Hz" in failure["message"]


def test_same_fault_is_told_once_and_counted(write):
    report = workbench.examine(write(BAD["raises-on-planar"][0]))[1]
    [fault] = workbench.found(report, "results")
    assert fault["count"] > 3


def test_kept_views_count_as_memory_too(write):
    report = workbench.examine(write(processor(["self._kept.append(buffer.data)"])))[1]
    assert workbench.found(report, "kept")
    [leak] = workbench.found(report, "allocations")
    assert "bytes behind" in leak["message"]


def test_warning_of_a_plugin_is_shown_once(write):
    plugin = write(processor(["import warnings", "warnings.warn('too warm')"]))
    code, _, err = workbench.examine(plugin)
    assert code == 0 and err.count("UserWarning: too warm") == 1


RANGE = BAD["ignores-range"][0].partition("class Range")[2].partition("class Bad")[0]


def with_parameter(declaration, more=""):
    """A plugin with a declared parameter, of which it does nothing."""
    source = processor(["pass"], f"level = {declaration}{more}")
    return source.replace("class Bad", f"class Range{RANGE}class Bad")


@pytest.mark.parametrize("how", ["attribute", "declared"])
def test_secrets_are_neither_shown_nor_changed(how, write):
    if how == "declared":
        source = with_parameter("Range('hunter2', None, None)").replace(
            "None, '', False", "None, '', True"
        )
    else:
        source = processor(["pass"], "level = 'hunter2'\nsecrets = ('level',)")
    plugin = write(source)
    result = workbench.run(plugin, *workbench.SHORT, "--json")
    assert result.code == 0 and b"hunter2" not in result.out
    assert json.loads(result.out)["parameters"] == []


def test_declared_range_is_tried_to_its_ends(write):
    accepts = (
        "\ndef set_parameter(self, key, value):\n"
        "    return 0 <= float(value) <= 4 and super().set_parameter(key, value)"
    )
    plugin = write(with_parameter("Range(1.0, 0.0, 4.0)", accepts))
    code, report, _ = workbench.examine(plugin)
    assert code == 0, report["results"]
    [level] = report["parameters"]
    assert level["declared"] and level["accepted"] == ["0.0", "4.0", "1.0", "2.0"]
    # One that is refused within its range is a failure as well.
    narrow = accepts.replace("<= 4", "<= 3")
    plugin = write(with_parameter("Range(1.0, 0.0, 4.0)", narrow))
    code, report, _ = workbench.examine(plugin)
    [refusal] = workbench.found(report, "parameters")
    assert code == 1
    assert "level=4.0 is refused, but within 0.0 to 4.0" in refusal["message"]
