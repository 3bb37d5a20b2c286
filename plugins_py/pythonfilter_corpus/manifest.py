# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists of sound in JSON lines, as speech corpora have them.

NeMo's lines have `audio_filepath`, and `offset` and `duration` of a part. Lhotse's
are recordings, with `sources`, or cuts, with `start`, `duration` and a `recording`.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from .errors import Unusable

ENDINGS = (".jsonl", ".jsonl.gz")


class Line(NamedTuple):
    """What Entry is made of."""

    input: str
    name: str
    start: float
    duration: float | None


_LONGEST = 1e9  # seconds: GStreamer counts them in 64 bits of nanoseconds


def read(path: str) -> Iterator[Line]:
    """Paths in a list are relative to its folder."""
    try:
        with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
            for number, text in enumerate(file, 1):
                if text.strip():
                    yield _entry(text, f"{path}:{number}", os.path.dirname(path))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Unusable(f"{path}: {error}") from None


def _entry(text: str, place: str, folder: str) -> Line:
    try:
        line = json.loads(text)
        if not isinstance(line, dict):
            raise ValueError("no object")
        file = _file(line)
        start = float(line.get("offset") or line.get("start") or 0)
        length = line.get("duration")
        is_part = start > 0 or "recording" in line or "offset" in line
        duration = float(length) if is_part and length is not None else None
        if not 0 <= start < _LONGEST or not 0 < (duration or 1) < _LONGEST:
            raise ValueError("a part has a start of 0 or more, and lasts")
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise Unusable(
            f"{place}: neither NeMo's audio_filepath nor Lhotse's recording or "
            f"sources ({error})"
        ) from None
    name = str(line.get("id") or os.path.splitext(os.path.basename(file))[0])
    if start and "id" not in line:
        name += f"-{start:.3f}"
    try:
        os.fsencode(path := os.path.join(folder, file) + name)
        if "\0" in path:
            raise ValueError("a zero byte")
    except ValueError as error:
        raise Unusable(f"{place}: no file can be called so ({error})") from None
    return Line(os.path.abspath(os.path.join(folder, file)), name, start, duration)


def _file(line: dict[str, Any]) -> str:
    if "audio_filepath" in line:
        return str(line["audio_filepath"])
    source = line.get("recording", line)["sources"][0]
    if source.get("type", "file") != "file":
        raise ValueError(f"a source of the type {source['type']}")
    return str(source["source"])
