# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin says beside the sound: lines of NAME.jsonl.

A message of post() is `{"time": …, "message": NAME, FIELDS…}`, text that the plugin
gives instead of sound `{"time": …, "duration": …, "text": …}`; both in seconds.
"""

from __future__ import annotations

import json
import math
from typing import Any

_TIMES = ("timestamp", "running-time")
_NONE = 2**64 - 1  # GST_CLOCK_TIME_NONE
SECOND = 1_000_000_000


def seconds(time: Any) -> float | None:
    known = isinstance(time, int) and 0 <= time < _NONE
    return round(time / SECOND, 6) if known else None


def message(structure: Any) -> dict[str, Any]:
    """Of a GstStructure that post() made."""
    line: dict[str, Any] = {"time": None, "message": structure.get_name()}
    for number in range(structure.n_fields()):
        name = structure.nth_field_name(number)
        if name in _TIMES:
            continue
        value = structure.get_value(name)
        if name == "stream-time":
            line["time"] = seconds(value)
        elif name == "duration":
            line["duration"] = seconds(value)
        else:
            line[name if name not in line else f"{name}_"] = _plain(value)
    return line


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None  # the level of silence, say: JSON has no word for it
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    try:
        return [_plain(each) for each in value]
    except TypeError:
        return str(value)


def text(buffer: Any) -> dict[str, Any]:
    """Of a GstBuffer with UTF-8 in it."""
    data = buffer.extract_dup(0, buffer.get_size())
    return {
        "time": seconds(buffer.pts),
        "duration": seconds(buffer.duration),
        "text": data.decode("utf-8", "replace"),
    }


def write(lines: list[dict[str, Any]], file: Any) -> None:
    for line in lines:
        file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
