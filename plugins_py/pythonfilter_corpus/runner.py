# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that plays: one plugin, one file after the other.

A crash of a decoder or of the plugin ends this process and no other. It is told
what to do in JSON lines on standard input, and answers in such lines on what was
its standard output; what plugins print goes to standard error.

    {"job": …}                 {"ready": {what the plugin is}} or {"unusable": why}
    {"claim": [path, token]}   for all that follow
    {"work": …}                {"begin": id}, {"length": s} where that gives it more
                               time, then one of {"done": …}, {"failed": …},
                               {"stop": why}, {"unfit": why}, {"revoked": id};
                               {"played": id} where only the disk is waited for
"""

from __future__ import annotations

import ctypes
import faulthandler
import filecmp
import json
import os
import random
import select
import signal
import stat
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from . import hidden
from .errors import full_disk, with_place
from .finishing import MOST, Finisher, Output, remove
from .folder import Folder, holds
from .job import Job, limit_of, sum_of
from .version import VERSION

IDLE_SECONDS = 600  # then nobody seems to need it any more
_PR_SET_PDEATHSIG = 1
_MS = 1e-6


def main() -> None:
    parent = os.getppid()
    # Whoever tends it may be killed, and it would go on for nobody.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all
    answers = os.dup(1)
    os.dup2(2, 1)
    Runner(answers).serve()
    # Neither plugins nor GStreamer have anything left to say.
    os._exit(0)


class _Answers:
    """Several at once cost whoever hears them hardly more than one."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._kept: list[dict[str, Any]] = []
        self._saying = threading.Lock()

    def keep(self, answer: dict[str, Any]) -> None:
        """To be said with the next, or before anything is waited for."""
        with self._saying:
            self._kept.append(answer)

    def say(self, *answers: dict[str, Any]) -> None:
        with self._saying:
            every, self._kept = [*self._kept, *answers], []
            if every:
                lines = "".join(json.dumps(each) + "\n" for each in every)
                os.write(self._file, lines.encode())


class Runner:
    def __init__(self, answers: int) -> None:
        self._answers = _Answers(answers)
        self._claim: tuple[str, ...] = ("", "")
        self._finisher = Finisher(self._answers.say)

    def say(self, **answer: Any) -> None:
        self._answers.say(answer)

    def serve(self) -> None:
        for line in _lines(0, self._answers.say):
            request = json.loads(line)
            if "job" in request:
                self._begin(Job(**request["job"]))
            elif "claim" in request:
                self._claim = tuple(request["claim"])
            else:
                self._do(request["work"])
        # Outputs that are on their way to the disk are told still.
        self._finisher.settle()

    def _begin(self, job: Job) -> None:
        # Only now, as what they lack is an answer.
        try:
            import gi

            gi.require_version("Gst", "1.0")
            from gi.repository import GLib, Gst

            import numpy  # noqa: F401

            # Without it there are no values of lists, as plugins may post them.
            if "gi.overrides.Gst" not in sys.modules:
                raise ImportError("GStreamer for Python (Debian: python3-gst-1.0)")
        except (ImportError, ValueError) as error:
            self.say(unusable=f"{sys.executable} lacks what it takes: {error}")
            return
        Gst.init(None)
        from . import pipeline

        self._job, self._glib, self._failed = job, GLib, pipeline.Failed
        self._folder = Folder(job.out)
        secrets = [hidden.in_file(path) for path in job.secrets.values()]
        self._finisher.begin(job, secrets)
        try:
            self._player = pipeline.Player(job, self._say_length)
        except pipeline.Failed as failed:
            event: dict[str, Any] = failed.event
            place = event.get("file", ""), event.get("line", 0)
            self.say(unusable=with_place(event["message"], *place))
            return
        except OSError as error:
            self.say(unusable=f"{error.filename}: {error.strerror}")
            return
        element = Gst.Registry.get().find_plugin("pythonfilter")
        self.say(
            ready={
                "digest": _digest(job.plugin),
                "makes": self._player.makes,
                "hidden": self._player.hidden(),
                "version": VERSION,
                "element": element.get_version() if element else "",
                "host": os.uname().nodename,
            }
        )

    def _do(self, work: dict[str, Any]) -> None:
        name = work["id"]
        if not holds(*self._claim):
            self._finisher.settle()
            self.say(revoked=name)
            return
        self.say(begin=name)
        began = time.monotonic_ns()
        parts = [self._folder.part_of(name, 0)]
        try:
            self._look_at(work)
            heard = self._play(work, parts[0])
            if work.get("check"):
                parts.append(self._folder.part_of(name, 1))
                again = self._play(work, parts[1])
                self._compare(parts, heard, again)
        except self._failed as failed:
            remove(parts)
            self._answers.keep({"played": name})
            self._finisher.settle()
            event = self._seen_again(work, failed.event)
            if event.get("full"):
                self.say(stop=full_disk(self._job.out), id=name)
            elif event["kind"] == "output":
                self.say(stop=event["message"], id=name)
            elif event["kind"] == "gone":
                self.say(unfit=event["message"], id=name)
            else:
                self.say(failed={"id": name, **event})
            return
        took = (time.monotonic_ns() - began) * _MS
        done: dict[str, Any] = {"id": name, "seconds": round(heard.seconds, 3)}
        done["took"] = round(took, 3)  # in ms
        if heard.loudness:  # in LUFS
            done["loudness"] = heard.loudness
        if heard.warning:
            done["warning"] = heard.warning
        # A disk may stall for longer than a file may take, which is not its fault.
        self._answers.keep({"played": name})
        self._finisher.settle(MOST - 1)
        output = Output(self._job.out, work, parts, heard.lines, done, self._claim)
        self._finisher.add(output)

    def _say_length(self, seconds: float) -> None:
        limit = self._job.time_limit
        if limit_of(limit, seconds) != limit_of(limit, 0):
            self.say(length=seconds)

    def _look_at(self, work: dict[str, Any]) -> None:
        """Whether there is a file; without its whole folder nothing goes on here."""
        path = work["input"]
        try:
            if stat.S_ISREG(os.stat(path).st_mode):
                return
            why = "this is no file"
        except OSError as error:
            why = str(error.strerror)
            if not work.get("missing") and _is_empty(os.path.dirname(path)):
                folder = os.path.dirname(path)
                sentence = f"{folder}: the files that are read are gone from there"
                raise self._failed("gone", sentence) from None
        raise self._failed("input", why)

    def _seen_again(
        self, work: dict[str, Any], event: dict[str, Any]
    ) -> dict[str, Any]:
        """What failed; a file may have gone after it was looked at."""
        try:
            if event["kind"] == "input":
                self._look_at(work)
        except self._failed as failed:
            event = failed.event
        return event

    def _play(self, work: dict[str, Any], part: str) -> Any:
        seed = zlib.crc32(os.fsencode(f"{self._job.seed} {work['output']}"))
        random.seed(seed)
        self._glib.random_set_seed(seed)  # a muxer takes its numbers from there
        sys.modules["numpy"].random.seed(seed)
        return self._player.play(work, part)

    def _compare(self, parts: list[str], one: Any, other: Any) -> None:
        there = os.path.exists(parts[0])
        same = not there or filecmp.cmp(parts[0], parts[1], shallow=False)
        if not same or one.lines != other.lines:
            raise self._failed("differs", "done twice, it is not the same")


def _is_empty(folder: str) -> bool:
    """As where nothing is mounted any more; also if it is not there."""
    try:
        with os.scandir(folder) as found:
            return next(found, None) is None
    except OSError:
        return True


def _lines(file: int, before_waiting: Callable[[], None]) -> Iterator[bytes]:
    rest = b""
    while True:
        before_waiting()
        if not select.select([file], [], [], IDLE_SECONDS)[0]:
            return
        piece = os.read(file, 1 << 16)
        if not piece:
            return
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole


def _digest(plugin: str) -> str:
    """Of the code of the plugin and of the helpers that it has imported."""
    import hashlib

    loader: Any = sys.modules["_pythonfilter.loader"]
    files = sorted({os.path.realpath(each) for each in loader.all_files()})
    home = os.path.dirname(os.path.realpath(plugin))
    total = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            total.update(f"{os.path.relpath(path, home)} {sum_of(file)}\n".encode())
    return total.hexdigest()
