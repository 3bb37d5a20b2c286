# SPDX-License-Identifier: LGPL-2.1-or-later
"""The report for people."""

from __future__ import annotations

import os
from typing import Any

from .findings import Findings, Result, Timing

COLOURS = {"ok": "32", "note": "33", "skip": "2", "fail": "1;31"}
WIDEST_CELL = 40
NAMES = {"ok": "ok", "note": "note", "skip": "skip", "fail": "FAIL"}


def write(findings: Findings, base: str, colour: bool) -> str:
    """The whole report, ending in a line that counts."""
    parts = [_head(findings)]
    parts.append("\n".join(_result(each, colour) for each in findings.results))
    for table in (
        _levels(findings.levels),
        _parameters(findings.parameters),
        _cost(findings, base),
    ):
        if table:
            parts.append(table)
    if findings.plots:
        parts.append("\n".join(f"wrote {path}" for path in findings.plots))
    parts.append(_last(findings))
    return "\n\n".join(parts) + "\n"


def _head(findings: Findings) -> str:
    about = findings.plugin
    if "class" not in about:
        return str(about.get("script", ""))
    name = about.get("name") or about["class"]
    version = about.get("version", "")
    first = f"{about['script']}: {name} {version}".rstrip() + f", {about['kind']}"
    lines = [first]
    if about.get("description"):
        lines.append(f"  {about['description']}")
    what = f"makes {about['makes']} of " if about["converts"] else ""
    lines.append(
        f"  {what}{' '.join(about['formats'])}, rate {_ranges(about['rates'])}, "
        f"channels {_ranges(about['channels'])}"
        + (", read-only" if about["read_only"] else "")
        + _latency(about.get("latency_seconds"))
    )
    return "\n".join(lines)


def _latency(seconds: float | None) -> str:
    return f", latency {seconds * 1000:.2f} ms" if seconds else ""


def _ranges(pairs: list[list[int]]) -> str:
    shown = [str(low) if low == high else f"{low}-{high}" for low, high in pairs]
    return " ".join(shown) or "any"


def _result(result: Result, colour: bool) -> str:
    status = f"{NAMES[result.status]:4}"
    if colour:
        status = f"\x1b[{COLOURS[result.status]}m{status}\x1b[0m"
    again = f" [{result.count} times]" if result.count > 1 else ""
    line = f"{status}  {result.check:15}{result.message}{again}"
    if result.file and result.status in ("fail", "note"):
        file = result.file.removeprefix(os.getcwd() + os.sep)
        place = f"{file}:{result.line}" if result.line else file
        line += f"\n{'':21}{place}"
    return line


def _table(head: list[str], rows: list[list[str]]) -> str:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in [head, *rows]
    )


def _level(value: float | None) -> str:
    return "-inf" if value is None else f"{round(value, 1) + 0.0:.1f}"


def _levels(levels: list[dict[str, Any]]) -> str:
    if not levels:
        return ""
    every = ("peak_in", "peak_out", "rms_in", "rms_out")
    names = [name for name in every if f"{name}_dbfs" in levels[0]]
    head = ["level (dBFS)"] + [name.replace("_", " ") for name in names]
    rows = [
        [each["signal"]] + [_level(each[f"{name}_dbfs"]) for name in names]
        for each in levels
    ]
    return _table(head, rows)


def _some(texts: list[str]) -> str:
    """As many of them as a table bears."""
    shown = ""
    for i, text in enumerate(texts):
        if i and len(shown) + len(text) > WIDEST_CELL:
            return f"{shown} and {len(texts) - i} more"
        shown += (" " if shown else "") + text
    return shown or "-"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    if not parameters:
        return ""
    rows = []
    for each in parameters:
        effect = {True: "changes the output", False: "no change", None: "-"}
        tried = _some(each["accepted"])
        refused = _some(each["refused"])
        rows.append(
            [each["name"], each["type"], tried, refused, effect[each["changes_output"]]]
        )
    return _table(["parameter", "type", "accepted", "refused", "heard"], rows)


def _cost(findings: Findings, base: str) -> str:
    parts = []
    if findings.timing:
        head = ["frames", "calls", "p50 us", "p99 us", "max us", "p50 load", "p99 load"]
        rows = [_timing(each) for each in findings.timing]
        parts.append(f"time per call, {base} (load: share of real time)")
        parts.append(_table(head, rows))
    memory = findings.allocations
    if memory:
        parts.append(
            f"memory per call of {memory['frames']} frames: "
            f"{memory['temporary_bytes_per_call']} bytes while it runs, "
            f"{memory['grown_bytes_per_call']:.0f} bytes and "
            f"{memory['grown_blocks_per_call']:.2f} blocks kept"
        )
    element = findings.element
    if "not_measured" in element:
        parts.append(f"what the element adds: {element['not_measured']}")
    elif element:
        low, high = element["added_quartiles_ns"]
        parts.append(
            f"what {element['element']} adds to {element['instead_of']}: "
            f"{element['added_ns']:.0f} ns per buffer of {element['frames']} frames "
            f"(half of {element['rounds']} rounds: {low:.0f} to {high:.0f})"
        )
    return "\n".join(parts)


def _timing(timing: Timing) -> list[str]:
    return [
        str(timing.frames),
        str(timing.calls),
        *(f"{value:.1f}" for value in (timing.p50_us, timing.p99_us, timing.max_us)),
        *(f"{100 * share:.2g} %" for share in (timing.p50_share, timing.p99_share)),
    ]


def _last(findings: Findings) -> str:
    counts = {
        status: sum(result.status == status for result in findings.results)
        for status in ("fail", "note", "ok")
    }
    name = os.path.basename(str(findings.plugin.get("script", "")))
    verdict = "FAILED" if counts["fail"] else "passed"
    return (
        f"{name}: {verdict}; {counts['fail']} failed, {counts['note']} to note, "
        f"{counts['ok']} ok; {findings.calls} calls, "
        f"{len(findings.settings)} stream formats"
    )
