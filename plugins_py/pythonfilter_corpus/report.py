# SPDX-License-Identifier: LGPL-2.1-or-later
"""report.html: what ran, how fast, what failed or was noticed, and how loud it is."""

from __future__ import annotations

import html
import os
import string
from typing import Any

from .status import Status, duration, told

MOST_FAILURES = 500  # and warnings
_HIDDEN = ("secrets", "check", "out")


def write(status: Status, path: str) -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "report.html"), encoding="utf-8") as file:
        template = string.Template(file.read())
    text = template.substitute(
        title=_text(f"{os.path.basename(status.job.plugin)} over {status.total} files"),
        summary=_text(str(status)),
        job=_rows(_job(status)),
        speed=_rows(_speed(status)),
        loudness=_loudness(status),
        failures=_failures(status),
        warnings=_warnings(status),
    )
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)


def _text(value: object) -> str:
    return html.escape(str(value).encode("utf-8", "replace").decode())


def _rows(rows: list[tuple[str, object]]) -> str:
    return "\n".join(f"<tr><th>{_text(name)}<td>{_text(value)}" for name, value in rows)


def _job(status: Status) -> list[tuple[str, object]]:
    job = status.job.as_json()
    rows: list[tuple[str, object]] = []
    for name, value in job.items():
        if name == "parameters":
            rows += [(f"parameter {key}", text) for key, text in value.items()]
        elif value not in ("", False, {}) and name not in _HIDDEN:
            rows.append((name.replace("_", " "), value))
    # That they were set, and not to what.
    return rows + [(f"parameter {key}", "(secret)") for key in job["secrets"]]


def _speed(status: Status) -> list[tuple[str, object]]:
    events = [event for _, event in status.done]
    took = sorted(event["took"] for event in events)
    if not took:
        return [("files", 0)]
    seconds = sum(event["seconds"] for event in events)
    slowest = max(status.done, key=lambda each: float(each[1]["took"]))
    return [
        ("files", len(took)),
        ("sound", duration(seconds)),
        ("one process", f"{seconds / max(sum(took) / 1000, 1e-3):.1f} x real time"),
        ("all together, at the end", f"{status.speed:.1f} x real time"),
        ("a file, median", f"{took[len(took) // 2]:.1f} ms"),
        ("a file, longest", f"{took[-1] / 1000:.2f} s: {slowest[0]['input']}"),
    ]


def _loudness(status: Status) -> str:
    """Of those that were measured; None is silence."""
    measured = [event["loudness"] for _, event in status.done if "loudness" in event]
    pairs = [(one, other) for one, other in measured if None not in (one, other)]
    if not measured:
        return "<p>Not measured."
    silent = sum(other is None and one is not None for one, other in measured)
    rows: list[tuple[str, object]] = [("files measured", len(measured))]
    if pairs:
        for name, values in (
            ("before, LUFS", [one for one, _ in pairs]),
            ("after, LUFS", [other for _, other in pairs]),
            ("change, LU", [other - one for one, other in pairs]),
        ):
            rows.append((name, _spread(values)))
    rows.append(("silent only after", silent))
    return f"<table>{_rows(rows)}</table>\n{_picture(pairs)}"


def _spread(values: list[float]) -> str:
    values = sorted(values)
    middle = values[len(values) // 2]
    return f"median {middle:.1f}, from {values[0]:.1f} to {values[-1]:.1f}"


def _picture(pairs: list[tuple[float, float]]) -> str:
    """Each file a dot: before to the right, after upwards; the line is no change."""
    low, size = -70.0, 240
    scale = size / -low

    def at(value: float) -> float:
        return round(max(0.0, value - low) * scale, 1)

    dots = "".join(
        f'<circle cx="{at(one)}" cy="{size - at(other)}" r="2"/>'
        for one, other in pairs
    )
    return (
        f'<svg width="{size}" height="{size}" fill="#26c" fill-opacity=".5">'
        f'<rect width="{size}" height="{size}" fill="#8882"/>'
        f'<path d="M0 {size} {size} 0" stroke="#888"/>{dots}</svg>'
        "<p>Loudness of whole files (ITU-R BS.1770, EBU R 128): before to the right, "
        "after upwards, from -70 to 0 LUFS."
    )


def _failures(status: Status) -> str:
    if not status.failed:
        return "<p>Nothing."
    items = "\n".join(_failure(*each) for each in status.failed[:MOST_FAILURES])
    more = len(status.failed) - MOST_FAILURES
    return items + (f"<p>… and {more} more." if more > 0 else "")


def _warnings(status: Status) -> str:
    rows = [(work["input"], event["warning"]) for work, event in status.warned]
    more = len(rows) - MOST_FAILURES
    if more > 0:
        rows[MOST_FAILURES:] = [("…", f"and {more} more")]
    return f"<table>{_rows(rows)}</table>" if rows else "<p>Nothing."


def _failure(work: dict[str, Any], event: dict[str, Any]) -> str:
    said = _text(event.get("traceback") or "nothing more is known")
    return (
        f'<details><summary><span class="bad">{_text(event["kind"])}</span> '
        f"{_text(work['input'])}: {_text(told(event))}</summary>"
        f"<pre>{said}</pre></details>"
    )
