# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process that plays: one plugin, one file after the other.

A crash of a decoder or of the plugin ends this process and no other. It is told
what to do in JSON lines on standard input, and answers in such lines on what was
its standard output; what plugins print goes to standard error.

    {"job": …}                 {"ready": {what the plugin is}} or {"unusable": why}
    {"claim": [path, token]}   for all that follow
    {"work": …}                {"begin": id}, {"length": s}, then one of
                               {"done": …}, {"failed": …}, {"stop": why}, {"unfit": why},
                               {"revoked": id};
                               {"played": id} where only the disk is waited for
"""

from __future__ import annotations

import collections
import ctypes
import errno
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
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from . import hidden, plan
from .errors import full_disk, system_error, with_place
from .folder import Folder, holds
from .job import Job, sum_of
from .version import VERSION

FINISHING = 4  # outputs on their way to the disk; see tend.AHEAD
IDLE_SECONDS = 600  # then nobody seems to need it any more
_PR_SET_PDEATHSIG = 1
_MS = 1e-6
# What is wrong with the whole folder of the outputs, and not with one of them.
_STOPS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EXDEV}


# Of a file system that writes its folders in ways of its own, as in a cloud.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}
_NOT_OURS = "what the plugin says would be written there, and it is no run's"


class _Revoked(Exception):
    """The claim under which a file was played is another one's."""


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


class Runner:
    def __init__(self, answers: int) -> None:
        self._answers = answers
        self._claim = ("", "")
        self._saying = threading.Lock()
        # Outputs go to the disk while the next files play: a disk that is asked
        # for several at once takes hardly longer than for one.
        self._finisher = ThreadPoolExecutor(FINISHING)
        self._finishing: collections.deque[Future[None]] = collections.deque()

    def say(self, **answer: Any) -> None:
        with self._saying:
            os.write(self._answers, json.dumps(answer).encode() + b"\n")

    def serve(self) -> None:
        for line in _lines(0):
            request = json.loads(line)
            if "job" in request:
                self._begin(Job(**request["job"]))
            elif "claim" in request:
                self._claim = request["claim"]
            else:
                self._do(request["work"])
        self._settle()

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
        self._secrets = [hidden.in_file(path) for path in job.secrets.values()]
        self._folder = Folder(job.out)
        try:
            self._player = pipeline.Player(job, lambda s: self.say(length=s))
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
            self._settle()
            self.say(revoked=name)
            return
        self.say(begin=name)
        began = time.monotonic_ns()
        parts = [self._part(name, 0)]
        try:
            self._look_at(work)
            heard = self._play(work, parts[0])
            if work.get("check"):
                parts.append(self._part(name, 1))
                again = self._play(work, parts[1])
                self._compare(parts, heard, again)
        except self._failed as failed:
            _remove(parts)
            self.say(played=name)
            self._settle()
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
        self.say(played=name)
        self._settle(FINISHING - 1)
        self._finishing.append(
            self._finisher.submit(
                self._finish, work, parts, heard.lines, done, self._claim
            )
        )

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

    def _part(self, name: str, which: int) -> str:
        unique = f"{name}-{os.uname().nodename}-{os.getpid()}-{which}.part"
        return os.path.join(self._folder.parts, unique)

    def _settle(self, but: int = 0) -> None:
        """Waits for the outputs, but for so many."""
        while len(self._finishing) > but:
            self._finishing.popleft().result()

    def _finish(
        self,
        work: dict[str, Any],
        parts: list[str],
        lines: list[dict[str, Any]],
        done: dict[str, Any],
        claim: tuple[str, str],
    ) -> None:
        """Puts an output into its place: whole and on the disk, or not at all."""
        output = os.path.join(self._job.out, work["output"])
        beside = plan.beside(output)
        keep = work.get("keep", False)
        try:
            # Never where the folder of the outputs is gone: what was mounted there
            # may come back, and would hide them.
            os.stat(self._folder.parts)
            # Whoever has it now does this file, too, and will tell of it.
            if not holds(*claim):
                raise _Revoked
            os.makedirs(os.path.dirname(output), exist_ok=True)
            if lines and keep:
                raise FileExistsError(errno.EEXIST, _NOT_OURS, beside)
            if lines or output == beside:
                side = self._part(work["id"], 2)
                parts.append(side)
                from . import sides

                with open(side, "w", encoding="utf-8") as file:
                    sides.write(hidden.without(lines, self._secrets), file)
                _put(side, beside)
            elif os.path.exists(beside) and not keep:
                os.remove(beside)  # of an earlier run's plugin
            if output != beside:
                _put(parts[0], output)
            done["bytes"] = os.stat(output).st_size
            done["output"] = work["output"]
            if lines:
                done["side"] = True
            _remove(parts)
            self.say(done=done)
        except _Revoked:
            _remove(parts)
            self.say(revoked=work["id"])
        except OSError as error:
            _remove(parts)
            why = system_error(error, self._job.out)
            if error.errno in _STOPS or not os.path.isdir(self._folder.parts):
                self.say(stop=why, id=work["id"])
            elif not holds(*claim):  # a later run has removed what is not whole
                self.say(revoked=work["id"])
            else:
                self._fail(work, why)
        except Exception as error:  # whatever it is, somebody waits for an answer
            _remove(parts)
            self._fail(work, f"{output!r}: {error}")

    def _fail(self, work: dict[str, Any], why: str) -> None:
        self.say(failed={"id": work["id"], "kind": "output", "message": why})


def _put(part: str, place: str) -> None:
    """The content first, and then that it is called so."""
    _sync(part)
    os.rename(part, place)
    try:
        _sync(os.path.dirname(place))
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _sync(path: str) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _is_empty(folder: str) -> bool:
    """As where nothing is mounted any more; also if it is not there."""
    try:
        with os.scandir(folder) as found:
            return next(found, None) is None
    except OSError:
        return True


def _remove(parts: list[str]) -> None:
    for each in parts:
        try:
            os.remove(each)
        except OSError:
            pass


def _lines(file: int) -> Any:
    rest = b""
    while True:
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
