# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from dataclasses import replace
from typing import Any, TextIO

from ..host.plugin import prepare_interpreter
from .. import ports
from ..kinds import ELEMENTS
from ..results import DTYPES
from . import (
    child,
    compiled,
    conformance,
    cost,
    element,
    inputs,
    parameters,
    plot,
    report,
    sound,
)
from . import template
from .bench import Bench, Options, Unusable
from .findings import CHECKS, Findings
from .trial import Fault, Trial, Target

FINE, FAILED, UNUSABLE = 0, 1, 2
# The kinds of plugins that are run here, and what the host calls them.
TRIED = {"filter": "processor", "source": "source", "sink": "sink"}
TRIED |= {kind: kind for kind in ports.WHAT}

DESCRIPTION = """\
Runs a plugin without GStreamer, as the elements would, and says what is wrong
with it: over noise, silence, impulses, full-scale samples and a WAV file, in
every format, layout, rate and channel count that it declares, in blocks of 1 to
4096 frames."""

EPILOG = """\
checks:
{checks}

  fail: breaks the contract, or costs a copy or memory in every call.
  note: may be meant; worth knowing.

exit status: 0 nothing failed, 1 a check failed, 2 could not run.

--json prints one object.  "schema" is 1 as long as these keys stay: "ok",
"plugin" (script, class, kind, formats, rates, channels, ...), "settings",
"results" (check, status: ok|note|skip|fail, message, file, line, count),
"levels" (in dBFS; null is silence), "parameters", "allocations", "timing"
(frames, calls, p50_us, p99_us, max_us, p50_share, p99_share: of real time),
"element" (added_ns, or not_measured and why), "plots", "no_plot" (why there is
none), "calls".

examples:
  pythonfilter-workbench gain.py
  pythonfilter-workbench gain.py speech.wav --set gain=0.5 --plot gain.png
  pythonfilter-workbench ducker.py music.wav voice.wav
  pythonfilter-workbench recorder.py --set path=/tmp/x.wav --skip allocations
  pythonfilter-workbench gain.py --quick --json | jq .ok
  pythonfilter-workbench new my_filter && pythonfilter-workbench my_filter.py

`pythonfilter-workbench new --help` tells how to begin a plugin.
"""


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:14}{text}" for name, text in CHECKS.items())
    parser = argparse.ArgumentParser(
        prog="pythonfilter-workbench",
        usage="%(prog)s [options] PLUGIN.py [IN.wav ...]\n"
        "       %(prog)s new NAME [--kind KIND] [--package]",
        description=DESCRIPTION,
        epilog=EPILOG.format(checks=listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    option = parser.add_argument

    def value(name: str, shown: str, kind: Any, default: Any, text: str) -> None:
        option(name, metavar=shown, type=kind, default=default, help=text)

    option("plugin", metavar="PLUGIN.py", help="or the folder of a package")
    text = "played as well; its rate and channels are then used (integers or floats)"
    text += "; of a mixer one for each input, in their order"
    option("wav", metavar="IN.wav", nargs="*", help=text)
    text = "a parameter of every instance; may be repeated"
    option("--set", metavar="KEY=VALUE", action="append", default=[], help=text)
    value("--class", "NAME", str, "", "which class, if the file has several")
    text = "which, if the plugin can be several"
    option("--kind", choices=[*TRIED], help=text)
    text = "only this rate (otherwise 48000 and the others)"
    value("--rate", "HZ", _positive, 0, text)
    text = "only so many channels (otherwise 2 and others)"
    value("--channels", "N", _positive, 0, text)
    text = "only this sample format (otherwise all declared)"
    option("--format", choices=tuple(DTYPES), default="", help=text)
    text = (
        "input caps of a plugin that takes no raw audio; it gets bytes without meaning"
    )
    value("--caps", "CAPS", str, "", text)
    text = "length of each signal (1; 0.25 with --quick)"
    value("--seconds", "S", _seconds, 0.0, text)
    text = "shorter runs, and the element is not measured"
    option("--quick", action="store_true", help=text)
    text = "leave a check out; may be repeated"
    checks = tuple(CHECKS)
    option(
        "--skip",
        action="append",
        choices=checks,
        default=[],
        metavar="CHECK",
        help=text,
    )
    text = "fail if the p99 of a call is above this share of real time"
    value("--max-load", "PERCENT", _seconds, 0.0, text)
    text = "of one step, such as a signal in one format, before it hangs (60)"
    value("--time-limit", "S", _seconds, 60.0, text)
    value("--venv", "DIR", str, "", "virtual environment of the plugin")
    text = (
        "pictures of waveform, spectrogram and frequency response before and after: "
        "one for each signal, or one of IN.wav (else of noise)"
    )
    value("--plot", "DIR|FILE.png", str, "", text)
    text = "print JSON on standard output instead of the report"
    option("--json", action="store_true", help=text)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _new_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pythonfilter-workbench new",
        description="Writes NAME.py and test_NAME.py into this folder: a plugin that "
        "works, and its test. It never overwrites a file.",
    )
    parser.add_argument("name", metavar="NAME", help="a Python name, such as my_filter")
    parser.add_argument("--kind", choices=template.KINDS, default="filter")
    text = "a folder for pip instead: pyproject.toml, the plugin in a package, its test"
    parser.add_argument("--package", action="store_true", help=text)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["new"]:
        return _new(words[1:])
    asked = _parser().parse_intermixed_args(words)
    out = _own_output()
    _warn_once()
    # As in an application: where the element starts Python it collects garbage
    # after every plugin, which takes longer than most runs here.
    prepare_interpreter(False, "")
    try:
        return _run(asked, out)
    except Unusable as error:
        print(f"pythonfilter-workbench: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("\npythonfilter-workbench: interrupted", file=sys.stderr)
        return 130


def _new(words: list[str]) -> int:
    asked = _new_parser().parse_args(words)
    try:
        reason = template.problem(asked.name)
        if reason:
            raise OSError(reason)
        paths = template.write(asked.name, asked.kind, os.curdir, asked.package)
    except OSError as error:
        print(f"pythonfilter-workbench new: {error}", file=sys.stderr)
        return UNUSABLE
    *project, plugin, test = (os.path.normpath(path) for path in paths)
    print(f"wrote {', '.join([*project, plugin])} and {test}; try")
    print(f"  {sys.executable} -m pytest {test}")
    print(f"  pythonfilter-workbench {os.path.dirname(plugin) or plugin}")
    for file in project:
        print(f"  pip install ./{os.path.dirname(file)}   # in a virtual environment")
    return FINE


def _own_output() -> TextIO:
    """Standard output for the report alone; what plugins print is an error's way."""
    sys.stdout.flush()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _warn_once() -> None:
    """Each instance warns anew otherwise, and there are hundreds."""
    told = set()
    show: Any = warnings.showwarning

    def show_once(message: Any, category: Any, *place: Any) -> None:
        key = str(message), *place[:2]  # a file and a line
        if key not in told:
            told.add(key)
            show(message, category, *place)

    setattr(warnings, "showwarning", show_once)


def _pairs(words: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = [word.partition("=") for word in words]
    for word, (key, equals, _) in zip(words, pairs):
        if not (key and equals):
            raise Unusable(f"--set {word}: it must be KEY=VALUE")
    return tuple((key, value) for key, _, value in pairs)


def _run(asked: argparse.Namespace, out: TextIO) -> int:
    options = Options(
        rate=asked.rate,
        channels=asked.channels,
        format=asked.format,
        seconds=asked.seconds or (0.25 if asked.quick else 1.0),
        quick=asked.quick,
        files=tuple(asked.wav),
        max_load=asked.max_load,
        skip=frozenset(asked.skip),
    )
    if not os.path.exists(asked.plugin):
        raise Unusable(f"{asked.plugin}: there is no such file")
    # A package's folder, as the shell completes it.
    script = os.path.normpath(asked.plugin)
    given = getattr(asked, "class"), asked.venv, _pairs(asked.set), asked.caps
    target = Target("processor", script, *given)
    bench = Bench(target, options)
    bench.findings.plugin = {"script": script}
    end = child.run(lambda say: _examine(bench, asked, say), asked.time_limit, Unusable)
    bench.progress.clear(drawn=True)
    if end.problem:
        base, skipped = "", {}
        _end_early(bench, end)
    else:
        bench.findings, base, skipped, kind = end.result
        if kind:
            bench.findings.element = element.measure(ELEMENTS[kind], options.quick)
    bench.findings.finish(skipped)
    if asked.json:
        json.dump(bench.findings.as_json(), out, indent=1, default=str)
        out.write("\n")
    else:
        out.write(report.write(bench.findings, base, out.isatty()))
    out.flush()
    if bench.findings.no_plot:
        print(f"pythonfilter-workbench: {bench.findings.no_plot}", file=sys.stderr)
    if bench.findings.failed:
        return FAILED
    return UNUSABLE if bench.findings.no_plot else FINE


def _examine(
    bench: Bench, asked: argparse.Namespace, say: child.Say
) -> tuple[Findings, str, dict[str, str], str]:
    """All that runs the plugin: what was found, at which setting, left out; its kind.

    The kind is empty where it does not load.
    """
    bench.progress.told = lambda step: say(step, bench.findings)
    try:
        bench.target = _find_kind(bench.target, asked.kind)
        bench.prepare()
    except Fault as fault:
        bench.findings.fault("load", fault)
        skipped = {name: "does not load" for name in CHECKS if name != "load"}
        return bench.findings, "", skipped, ""
    skipped = _check(bench, asked.plot)
    bench.progress.clear()
    return bench.findings, str(bench.base), skipped, bench.target.kind


def _end_early(bench: Bench, end: child.End) -> None:
    """A plugin that crashed, or hung, is a failure like others."""
    script = os.path.realpath(bench.target.script)
    folder = script if os.path.isdir(script) else os.path.dirname(script)
    check = "results" if end.step else "load"
    bench.findings = end.said or bench.findings
    step = f" ({end.step})" if end.step else ""
    bench.findings.add(check, "fail", end.problem + step, *end.place(folder))
    rest = [each for each in CHECKS if each != check]
    bench.findings.cut |= dict.fromkeys(rest, f"not to its end: see {check}")
    print(end.stack, file=sys.stderr)


def _find_kind(target: Target, wanted: str | None) -> Target:
    """Tries the kinds by turns; the first one's complaint is told."""
    first: Fault | None = None
    for kind in [wanted] if wanted else TRIED:
        tried = replace(target, kind=TRIED[kind])
        try:
            Trial(tried).load().unload()
            return tried
        except Fault as fault:
            first = first or fault
    assert first is not None
    raise first


def _check(bench: Bench, where: str) -> dict[str, str]:
    """Makes all checks; which ones were left out, and why."""
    skipped = {name: "left out by --skip" for name in bench.options.skip}
    skipped |= _pointless(bench)
    bench.progress.expect(bench.steps)
    if not compiled.stays_within(bench):
        rest = [check for check in CHECKS if check not in ("load", "bounds")]
        bench.findings.cut |= dict.fromkeys(rest, "not run: see bounds")
        return skipped
    bench.look_at_pace()
    if not conformance.check(bench):
        rest = [check for check in CHECKS if check not in ("load", "start")]
        bench.findings.cut |= dict.fromkeys(rest, "does not start")
        return skipped
    if "inputs" not in skipped:
        inputs.check(bench)
    if "outputs" not in skipped:
        inputs.check_outputs(bench)
    outputs = sound.check(bench)
    if "compiled" not in skipped:
        compiled.agrees(bench)
    if "parameters" not in skipped:
        parameters.check(bench)
    if "allocations" not in skipped:
        cost.check_allocations(bench)
    cost.check_time(bench)
    if where:
        name = os.path.basename(bench.target.script)
        try:
            title = f"{name}, {bench.base}"
            bench.findings.plots = plot.write(where, title, outputs, bench.is_source)
        except (plot.CannotPlot, OSError) as error:
            bench.findings.no_plot = str(error)
    return skipped


def _pointless(bench: Bench) -> dict[str, str]:
    """Checks that do not apply to this plugin."""
    skipped: dict[str, str] = {}
    with Trial(bench.target) as trial:
        loaded = trial.loaded
        if bench.is_source:
            skipped |= dict.fromkeys(("reset", "drain"), "a source's is not called")
        if not loaded.has_reset:
            skipped["reset"] = "has no reset()"
        if not loaded.has_drain:
            skipped["drain"] = "has no drain()"
    if len({setting.layout for setting in bench.matrix}) < 2:
        skipped["layouts"] = "takes one layout only"
    if bench.inputs is None:
        skipped["inputs"] = "is no mixer"
    if not bench.is_splitter:
        skipped["outputs"] = "is no splitter"
    if not bench.is_source:
        skipped["filled"] = "is no source"
    if bench.is_source or bench.base.dtype.kind != "f":
        skipped["recovery"] = "no NaN can come in"
    if bench.block_size:
        skipped["blocks"] = f"takes {bench.block_size} frames only"
    of_samples = ["finite", "recovery", "clipping", "blocks", "layouts", "in-place"]
    if bench.converts and not bench.output:
        skipped |= dict.fromkeys(of_samples, "makes bytes")
    elif bench.converts:
        skipped |= dict.fromkeys(["recovery", "in-place"], "converts")
    if bench.is_sink:
        of_samples.append("deterministic")
        skipped |= dict.fromkeys(of_samples, "is a sink: nothing comes out")
    if bench.fails_closed:
        skipped["deterministic"] = "fails closed: an encryptor must not be"
    if not bench.options.max_load:
        skipped["load-limit"] = "no --max-load"
    return skipped
