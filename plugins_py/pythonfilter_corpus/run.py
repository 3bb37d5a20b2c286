# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run: what is not done yet is given out in chunks, and comes back as results."""

from __future__ import annotations

import collections
import contextlib
import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from . import engines, formats, ledger, plan
from .chunks import Sizes
from .corpus import Corpus
from .errors import Stopped, Unusable, system_error, with_place
from .folder import Folder, held
from .job import Job
from .tend import Answer, Order
from .version import VERSION

IN_A_ROW = 20
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Result:
    """What came of one file.

    state: "done" or "failed". seconds: how long the sound is; took: how long it
    took, in seconds. kind, message, file, line, traceback: of a failure, whose kind
    is "exception" (the plugin's), "input" (the file's), "output" (its place), "empty",
    "crash", "late" or "differs". warning: of one that is done, such as that its
    input is shorter than it says.
    """

    id: str
    input: str
    output: str
    state: str
    seconds: float = 0.0
    took: float = 0.0
    kind: str = ""
    message: str = ""
    file: str = ""
    line: int = 0
    traceback: str = ""
    warning: str = ""

    @property
    def speed(self) -> float:
        """How many times as fast as it plays."""
        return self.seconds / self.took if self.took else 0.0


class Run:
    """Of a job over a corpus; or, with `works`, of a part of a plan that there is."""

    def __init__(
        self,
        job: Job,
        corpus: Corpus | None = None,
        engine: engines.Engine | None = None,
        verify: bool = False,
        again: str = "",
    ) -> None:
        self.job, self.corpus, self.verify = job, corpus, verify
        self.again = again  # "failed", "all": which of the plan, however often failed
        self.folder = Folder(job.out)
        self.engine = engine or engines.named("local", 0)
        self.works: dict[str, dict[str, Any]] = {}
        self.todo = 0
        self.before = ledger.Standing()  # what came of them before this run
        self.aside = 0  # how many of these outputs are not in their place any more
        self.tell: Callable[[str], None] = lambda sentence: None  # what is odd
        self._row = 0

    def results(self) -> Generator[Result, None, None]:
        """Raises Unusable before the first, Stopped where it ends early."""
        with held(self.folder.begin()):
            try:
                self.engine.open()
                yield from self._results()
            except (OSError, Stopped) as error:
                raise self._why(error) from None
            finally:
                with contextlib.suppress(OSError):
                    self.folder.revoke()
                self.engine.close(self.job.out)
                self.folder.leave_no_trace()

    def _why(self, error: OSError | Stopped) -> Stopped:
        if not os.path.isdir(self.folder.parts):
            return Stopped(f"{self.job.out} is gone")
        if isinstance(error, OSError):
            return Stopped(system_error(error, self.job.out))
        return error

    def _results(self) -> Iterator[Result]:
        order = self._check()
        reader = ledger.Reader(self.folder)
        for event in reader.read():
            self.before.add(event)
        self.works = self._plan(order)
        waiting = self._waiting()
        if waiting and (page := self.engine.page()):
            self.tell(f"what the engine does is shown at {page}")
        self.todo = len(waiting)
        shift = _Shift(self, order, waiting, reader)
        while shift.goes_on():
            try:
                yield from shift.work()
            except engines.Lost as lost:
                self.tell(f"{lost}: waiting for it")
                self.folder.revoke()
                self.engine.open()
                yield from shift.begin_again()

    def _check(self) -> Order:
        """Asks each worker, before the first file."""
        run, probe = secrets.token_hex(4), secrets.token_hex(8)
        self.folder.write_probe(probe)
        order = Order(VERSION, self.job.as_json(), run, probe)
        answers = self.engine.check(order)
        refused = {name: a["refused"] for name, a in answers.items() if "refused" in a}
        good = [answer for answer in answers.values() if "refused" not in answer]
        if refused and not good:
            # Of those that have one fault the first is named.
            reasons: dict[str, str] = {}
            for name, why in refused.items():
                reasons.setdefault(why, f"{name} {why}".strip())
            raise Unusable("; ".join(reasons.values()))
        for name, why in refused.items():
            self.tell(f"{name} {why}: it gets no work")
            self.engine.avoid(name)
        if not good:
            raise Unusable("there is no worker")
        digests = {answer["digest"] for answer in good}
        if len(digests) > 1:
            raise Unusable("the workers have different plugins of that name")
        if good[0]["hidden"]:
            name = good[0]["hidden"][0]
            raise Unusable(
                f"{name} is a secret of the plugin: give the file that it is in, with "
                f"--secret {name}=FILE"
            )
        self._choose_format(good[0]["makes"])
        return Order(VERSION, self.job.as_json(), run, probe, digests.pop())

    def _choose_format(self, makes: str) -> None:
        is_sound = makes == "audio/x-raw"
        if not self.job.format:
            self.job.format = formats.DEFAULT if is_sound else formats.NONE
        if makes == "text/x-raw" and self.job.format != formats.NONE:
            raise Unusable(
                "this plugin gives text, which is what the format none is for"
            )
        if not is_sound and makes != "text/x-raw" and not self.job.encoder:
            raise Unusable(f"this plugin gives {makes}: say how it is kept, --encoder")

    def _plan(self, order: Order) -> dict[str, dict[str, Any]]:
        if self.corpus is None:
            head, works = self.folder.read_plan()
            if head["digest"] != order.digest:
                raise Unusable(
                    f"{self.job.plugin} is not any more what was run into this "
                    "folder: what it gives is new, which is what run is for"
                )
        else:
            earlier = plan.made_before(self.folder, self.before)
            works = plan.make(self.job, self.corpus, order.digest, self.verify, earlier)
            head = {"job": self.job.as_json(), "digest": order.digest}
            self.folder.write_plan(head, works)
        return {work["id"]: work for work in works}

    def _waiting(self) -> list[dict[str, Any]]:
        before, retries = self.before, self.job.retries
        waiting = []
        for name, work in self.works.items():
            made = before.made(name)
            if made is not None and plan.is_there(self.job.out, work, made):
                continue
            before.done.pop(name, None)
            failed = before.failures.get(name, 0)
            if failed if self.again == "failed" else self.again or failed <= retries:
                waiting.append(work)
                before.failures.pop(name, None)
            else:
                self.set_aside(work)
        return waiting

    def set_aside(self, work: dict[str, Any]) -> None:
        """Where a file failed, nobody is to find what an earlier run made of it.

        What is not as that run left it is somebody else's, and stays.
        """
        output = work["output"]
        made = self.before.last.get(output)
        if made is None or not plan.is_there(self.job.out, work, made):
            return
        self.folder.set_aside(output)
        beside = plan.beside(output)
        if output in self.before.sides and beside != output:
            self.folder.set_aside(beside)
        self.aside += 1

    def result_of(self, event: ledger.Event) -> Result | None:
        """What a line of the ledger says, if it ends a work of this run."""
        work = self.works.get(event["id"])
        what = event.get("event")
        if work is None or what not in ("done", "failed"):
            return None
        common = event["id"], work["input"], work["output"], what
        if what == "done":
            took, warning = round(event["took"] / 1000, 6), event.get("warning", "")
            return Result(*common, event["seconds"], took, warning=warning)
        names = ("kind", "message", "file", "line", "traceback")
        return Result(*common, **{each: event[each] for each in names if each in event})

    def may_again(self, result: Result) -> bool:
        """Counts a failure: whether it is tried once more. Raises Stopped."""
        failures = self.before.failures
        failures[result.id] = failures.get(result.id, 0) + 1
        if failures[result.id] == 1:
            self._row += 1
        self.look_at_row(result)
        return failures[result.id] <= self.job.retries

    def succeeded(self) -> None:
        self._row = 0

    def look_at_row(self, last: Result) -> None:
        if self._row < IN_A_ROW:
            return
        blame = "it is the plugin, not the files"
        if last.kind == "input":
            blame = "these are no files that can be read"
        raise Stopped(
            f"{IN_A_ROW} files in a row failed, so {blame}: "
            + with_place(last.message, last.file, last.line)
        )

    def refuse(self, worker: str, why: str) -> None:
        """One that came later, or is not any more what it was."""
        if not worker:
            raise Stopped(why)
        self.tell(f"{worker} {why}: it gets no work")
        self.engine.avoid(worker)


class _Shift:
    """The part of a run in which the engine does not get lost."""

    def __init__(
        self,
        run: Run,
        order: Order,
        waiting: Iterable[dict[str, Any]],
        reader: ledger.Reader,
    ) -> None:
        self._run, self._order, self._reader = run, order, reader
        self._waiting = collections.deque(waiting)
        self._again: collections.deque[dict[str, Any]] = collections.deque()
        self._chunks: dict[int, dict[str, dict[str, Any]]] = {}  # what is given out
        self._number = 0
        self._sizes = Sizes()
        run.folder.open_claims(order.run)

    def goes_on(self) -> bool:
        return bool(self._waiting or self._again or self._chunks)

    def begin_again(self) -> Iterator[Result]:
        """What is not known to have ended is given out anew."""
        yield from self._read()
        for works in self._chunks.values():
            self._waiting.extend(works.values())
        self._chunks.clear()
        self._order = replace(self._order, run=secrets.token_hex(4))
        self._run.folder.open_claims(self._order.run)

    def work(self) -> Iterator[Result]:
        self._give_out()
        ended = list(self._run.engine.completed(_LOOK_SECONDS))
        # Everything that these have written is there.
        yield from self._read()
        for number, answer in ended:
            self._end(number, answer)

    def _give_out(self) -> None:
        run, slots = self._run, self._run.engine.slots()
        # One that is done, and one that comes next, for each.
        while len(self._chunks) < 2 * slots:
            new = not self._waiting
            source = self._again if new else self._waiting
            if not source:
                return
            size = self._sizes.next(len(source), slots)
            works = [source.popleft() for _ in range(min(size, len(source)))]
            self._number += 1
            self._chunks[self._number] = {work["id"]: work for work in works}
            run.engine.submit(self._number, self._order, works, new)

    def _read(self) -> Iterator[Result]:
        # Of each process there is a file: as they came, not one after the other.
        for event in sorted(self._reader.read(), key=_time_of):
            result = self._run.result_of(event)
            if result is None:
                continue
            for works in self._chunks.values():
                works.pop(result.id, None)
            if result.state == "done":
                self._run.succeeded()
                self._sizes.add(result.took)
            elif self._run.may_again(result):
                self._again.append(self._run.works[result.id])
                continue
            else:
                self._run.set_aside(self._run.works[result.id])
            yield result

    def _end(self, number: int, answer: Answer) -> None:
        left = self._chunks.pop(number)
        if "stopped" in answer:
            raise Stopped(answer["stopped"])
        if not self._run.folder.has_claims(self._order.run):
            raise Stopped(f"{self._run.folder.out}: another run has taken this folder")
        # Of a worker that was lost, or does not fit.
        self._waiting.extendleft(reversed(left.values()))
        if "refused" in answer:
            self._run.refuse(answer.get("worker", ""), answer["refused"])


def _time_of(event: ledger.Event) -> float:
    time = event.get("time")
    return time if isinstance(time, float) else 0.0
