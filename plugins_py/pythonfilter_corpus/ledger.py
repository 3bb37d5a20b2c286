# SPDX-License-Identifier: LGPL-2.1-or-later
"""What came of each work: lines in files that are only ever added to.

Each chunk that somebody works at has a file of its own, so any number of them may
write. A line is one write: `{"event": "begin", "id": …}`, then "done" or "failed".
A last line without its end was torn off, and does not count.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from . import disk
from .folder import Folder

Event = dict[str, Any]


class Writer:
    """Of one chunk of one run."""

    def __init__(self, folder: Folder, run: str, chunk: int) -> None:
        name = f"{run}-{chunk}-{socket.gethostname()}-{os.getpid()}"
        path = os.path.join(folder.ledger, f"{name}-{time.time_ns()}.jsonl")
        self._place = folder.ledger
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._file = os.open(path, flags, 0o666)

    def add(self, *events: Event) -> None:
        now = round(time.time(), 3)
        text = "".join(json.dumps({**each, "time": now}) + "\n" for each in events)
        line = text.encode()
        if os.write(self._file, line) < len(line):
            # A full disk takes a part. What comes after it would not be a line.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        """On the disk: what is lost before that is done again, and no more."""
        try:
            os.fsync(self._file)
            disk.sync_folder(self._place)
        finally:
            os.close(self._file)


class Reader:
    """Reads what is new since it read last."""

    def __init__(self, folder: Folder, which: str = "*") -> None:
        self._pattern = os.path.join(glob.escape(folder.ledger), f"{which}.jsonl")
        self._places: dict[str, int] = {}

    def read(self) -> Iterator[Event]:
        for path in sorted(glob.glob(self._pattern)):
            place = self._places.get(path, 0)
            if place and os.stat(path).st_size == place:
                continue
            with open(path, "rb") as file:
                file.seek(place)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._places[path] = place + len(whole)
            for line in whole.splitlines():
                event = _event(line)
                if event is not None:
                    yield event


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    known = isinstance(event, dict) and isinstance(event.get("id"), str)
    return event if known else None


class Standing:
    """What all lines together say of each work, in whatever order they are read.

    What was done once is done, as long as no other work was done into the same
    output after it; otherwise it counts how often it failed.
    """

    def __init__(self) -> None:
        self.done: dict[str, Event] = {}
        self.failed: dict[str, Event] = {}
        self.failures: dict[str, int] = {}
        self.begun: dict[str, int] = {}
        self.last: dict[str, Event] = {}  # what was done into an output at last
        self.sides: set[str] = set()  # outputs that have, or had, lines beside them

    def add(self, event: Event) -> None:
        name, what = event["id"], event.get("event")
        if what == "begin":
            self.begun[name] = self.begun.get(name, 0) + 1
        elif what == "done":
            self.done[name] = event
            output = event.get("output", "")
            last = self.last.get(output)
            if last is None or last.get("time", 0) <= event.get("time", 0):
                self.last[output] = event
            if event.get("side"):
                self.sides.add(output)
        elif what == "failed":
            self.failed[name] = event
            self.failures[name] = self.failures.get(name, 0) + 1

    def made(self, name: str) -> Event | None:
        """How it was done, if its output is its own still."""
        event = self.done.get(name)
        if event is None or self.last[event.get("output", "")]["id"] != name:
            return None
        return event

    def ended(self, name: str) -> bool:
        return name in self.done or name in self.failed


def standing(folder: Folder, which: str = "*") -> Standing:
    every = Standing()
    for event in Reader(folder, which).read():
        every.add(event)
    return every
