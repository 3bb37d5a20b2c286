# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts outputs into their places: each whole and on the disk, or not at all.

A thread takes what has been played since it took the last, and goes step by step:
the content of all goes to the disk, all get their names, their folders go to the
disk, and only then they are told. So several share what a file system does for a
sync, and one that is alone waits for nobody.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import disk, hidden, plan, sides
from .errors import system_error
from .folder import Folder, holds
from .job import Job

MOST = 8  # outputs on their way to the disk; see tend.AHEAD
# What is wrong with the whole folder of the outputs, and not with one of them.
_STOPS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EXDEV}
_NOT_OURS = "what the plugin says would be written there, and it is no run's"


class _Revoked(Exception):
    """The claim under which a file was played is another one's."""


@dataclass
class Output:
    """What a file became, in parts: the output, a second one, and its lines.

    out: the folder of the outputs. done: what is told of it. claim: under which it
    was played.
    """

    out: str
    work: dict[str, Any]
    parts: list[str]
    lines: list[dict[str, Any]]
    done: dict[str, Any]
    claim: tuple[str, ...]
    side: str = ""  # the part that the lines are in

    def __post_init__(self) -> None:
        self.place = os.path.join(self.out, self.work["output"])
        self.beside = plan.beside(self.place)

    def whole(self) -> list[tuple[str, str]]:
        """Its parts, and what they are to be called; what is seen last is the sound."""
        named = [(self.side, self.beside)] if self.side else []
        if self.place != self.beside:
            named.append((self.parts[0], self.place))
        return named


class Finisher:
    """say: is called with all answers that there are at once, in its thread; and
    without any, where somebody is going to wait.
    """

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._waiting: list[Output] = []
        self._left = 0  # that wait, and those that it is at
        self._changed = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def begin(self, job: Job, secrets: list[str]) -> None:
        self._out, self._folder, self._secrets = job.out, Folder(job.out), secrets

    def add(self, output: Output) -> None:
        with self._changed:
            self._waiting.append(output)
            self._left += 1
            self._changed.notify_all()

    def settle(self, but: int = 0) -> None:
        """Waits until all have ended, but for so many."""
        with self._changed:
            if self._left > but:
                self._say()
            self._changed.wait_for(lambda: self._left <= but)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                outputs, self._waiting = self._waiting, []
            try:
                self.finish(outputs)
            except BaseException:
                # Nobody would get an answer: whoever tends this process gets one.
                traceback.print_exc()
                os._exit(1)
            with self._changed:
                self._left -= len(outputs)
                self._changed.notify_all()

    def finish(self, outputs: list[Output]) -> None:
        """One that fails is told, and leaves the others alone."""
        left = self._each(self._write_lines, outputs)
        if len(left) > 1:
            disk.begin_writing(part for each in left for part, _ in each.whole())
        left = self._each(_sync, left)
        # Whoever has it now does this file, too, and will tell of it.
        held = {claim: holds(*claim) for claim in {each.claim for each in left}}
        left = self._each(lambda each: _look_at(held[each.claim]), left)
        left = self._each(_name, left)
        folders: dict[str, OSError | None] = {}
        left = self._each(lambda each: _sync_folder(each, folders), left)
        if left:
            self._say(*({"done": each.done} for each in left))

    def _each(
        self, step: Callable[[Output], None], outputs: list[Output]
    ) -> list[Output]:
        """Those that did it."""
        did = []
        for output in outputs:
            try:
                step(output)
                did.append(output)
            except Exception as error:  # whatever it is, somebody waits for an answer
                remove(output.parts)
                self._tell_why(output, error)
        return did

    # -- the steps

    def _write_lines(self, output: Output) -> None:
        # Never where the folder of the outputs is gone: what was mounted there
        # may come back, and would hide them.
        os.stat(self._folder.parts)
        disk.make_folder(os.path.dirname(output.place))
        if output.lines and output.work.get("keep"):
            raise FileExistsError(errno.EEXIST, _NOT_OURS, output.beside)
        if output.lines or output.place == output.beside:
            output.side = self._folder.part_of(output.work["id"], 2)
            output.parts.append(output.side)
            with open(output.side, "w", encoding="utf-8") as file:
                sides.write(hidden.without(output.lines, self._secrets), file)

    # -- what is told

    def _tell_why(self, output: Output, error: Exception) -> None:
        name = output.work["id"]
        if isinstance(error, _Revoked):
            self._say({"revoked": name})
        elif not isinstance(error, OSError):
            self._fail(name, f"{output.place!r}: {error}")
        elif error.errno in _STOPS or not os.path.isdir(self._folder.parts):
            self._say({"stop": system_error(error, self._out), "id": name})
        elif not holds(*output.claim):  # a later run has removed what is not whole
            self._say({"revoked": name})
        else:
            self._fail(name, system_error(error, self._out))

    def _fail(self, name: str, why: str) -> None:
        self._say({"failed": {"id": name, "kind": "output", "message": why}})


def _sync(output: Output) -> None:
    for part, _ in output.whole():
        disk.sync(part)


def _name(output: Output) -> None:
    keeps = output.side or output.work.get("keep")
    if not keeps and os.path.exists(output.beside):
        os.remove(output.beside)  # of an earlier run's plugin
    named = output.whole()
    for part, place in named:
        os.rename(part, place)
    output.done["bytes"] = os.stat(output.place).st_size
    output.done["output"] = output.work["output"]
    if output.lines:
        output.done["side"] = True
    remove([each for each in output.parts if each not in dict(named)])


def _look_at(held: bool) -> None:
    if not held:
        raise _Revoked


def _sync_folder(output: Output, known: dict[str, OSError | None]) -> None:
    """Once, for all that lie in it."""
    path = os.path.dirname(output.place)
    if path not in known:
        known[path] = None
        try:
            disk.sync_folder(path)
        except OSError as error:
            known[path] = error
    failed = known[path]
    if failed is not None:
        raise failed


def remove(parts: list[str]) -> None:
    for each in parts:
        with contextlib.suppress(OSError):
            os.remove(each)
