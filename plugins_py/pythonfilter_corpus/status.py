# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far a folder is, by what lies in it."""

from __future__ import annotations

import os
from typing import Any

from . import ledger, plan
from .errors import with_place
from .folder import Folder, is_running
from .job import Job

RECENT_SECONDS = 60


class Status:
    """Of the last plan of a folder."""

    def __init__(self, out: str) -> None:
        folder = Folder(out)
        self.job, works = read_plan(folder)
        self.running = is_running(folder)
        self.total = len(works)
        self.done: list[tuple[dict[str, Any], ledger.Event]] = []
        self.failed: list[tuple[dict[str, Any], ledger.Event]] = []
        self.begun = 0
        self.earlier = 0  # of what is left: an earlier run's output is in its place
        standing = ledger.standing(folder)
        for work in works:
            name = work["id"]
            done = standing.made(name)
            if done is not None and plan.is_there(folder.out, work, done):
                self.done.append((work, done))
            elif name in standing.failed:
                self.failed.append((work, standing.failed[name]))
            else:
                self.begun += name in standing.begun
                there = os.path.lexists(os.path.join(folder.out, work["output"]))
                self.earlier += there and work["output"] in standing.last
        self.left = self.total - len(self.done) - len(self.failed)

    @property
    def warned(self) -> list[tuple[dict[str, Any], ledger.Event]]:
        """Those that are done, and of which something was noticed."""
        return [each for each in self.done if "warning" in each[1]]

    @property
    def speed(self) -> float:
        """Times real time, of all processes together, when they last worked."""
        recent = self._recent()
        return float(sum(done["seconds"] for done in recent)) / self._span(recent)

    @property
    def seconds_left(self) -> float | None:
        """None: nobody knows, as nobody works at it."""
        recent = self._recent()
        if not self.running or not recent:
            return None
        return self.left * self._span(recent) / len(recent)

    def _recent(self) -> list[ledger.Event]:
        times = [done["time"] for _, done in self.done]
        since = max(times, default=0.0) - RECENT_SECONDS
        return [done for _, done in self.done if done["time"] > since]

    @staticmethod
    def _span(recent: list[ledger.Event]) -> float:
        times = [done["time"] for done in recent]
        return max(max(times, default=0.0) - min(times, default=0.0), 0.1)

    def as_json(self) -> dict[str, Any]:
        left = self.seconds_left
        return {
            "files": self.total,
            "done": len(self.done),
            "warned": len(self.warned),
            "failed": len(self.failed),
            "left": self.left,
            "earlier": self.earlier,
            "running": self.begun if self.running else 0,
            "speed": round(self.speed, 1),
            "seconds_left": None if left is None else round(left, 1),
        }

    def __str__(self) -> str:
        parts = [f"{len(self.done)} of {self.total} files done"]
        if self.warned:
            parts.append(f"{len(self.warned)} of them with a warning")
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        if self.left:
            parts.append(f"{self.left} left")
        if self.earlier:
            parts.append(f"{self.earlier} of them with an earlier run's output")
        if self.done:
            parts.append(f"{self.speed:.1f} x real time")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} to go")
        elif self.left:
            parts.append("nobody works at it")
        return ", ".join(parts)


def read_plan(folder: Folder) -> tuple[Job, list[dict[str, Any]]]:
    head, works = folder.read_plan()
    return Job.of(head["job"], folder.out), works


def failure(work: dict[str, Any], event: ledger.Event) -> str:
    """One line of a list."""
    return printable(f"{work['input']}: {event['kind']}: {told(event)}")


def told(event: ledger.Event) -> str:
    return with_place(event["message"], event.get("file", ""), event.get("line", 0))


def printable(text: str) -> str:
    """Without what a name of a file could tell a terminal to do."""
    plain = (c if c.isprintable() or c in "\t\n" else f"\\x{ord(c):02x}" for c in text)
    return "".join(plain)


def duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
