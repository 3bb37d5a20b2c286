# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an engine runs: a chunk of works, by a runner that it tends.

The runner is a process of its own, which stays with its plugin as long as the same
thread has work for it. What comes of each work is written to the ledger here, and
how a runner ended, too: killed by its own fault, or because a file took too long.
"""

from __future__ import annotations

import collections
import glob
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import finishing, hidden, ledger
from .errors import system_error
from .folder import Claim, Folder, holds
from .job import Job, limit_of
from .version import VERSION

# Works that a runner knows of, so that it never waits: those that it writes to
# the disk, the one that plays, and the next.
AHEAD = finishing.MOST + 2
_START_SECONDS = 600  # a model may be large
_HANDOVER_SECONDS = 0.5
_DISK_SECONDS = 1.0  # until it is asked again whether a disk stalls
_KEPT, _LAST_WORDS = 1 << 16, 4000
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PROGRAM = (
    f"import sys; sys.path[0] = {_HERE!r}; from pythonfilter_corpus.runner import main;"
    " del sys.path[0]; main()"
)
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
# In the words of plugins and of GStreamer there may be anything.
_TOLD = {"unusable", "stop", "message", "traceback", "warning"}
_FRAME = re.compile(r'File "(.+?)", line (\d+) in (\S+)')

Answer = dict[str, Any]


class Refused(Exception):
    """This worker cannot do it."""


class _Ended(Exception):
    """The runner is no more."""


class Tended:
    """A runner with its plugin loaded. Raises Refused."""

    def __init__(self, job: Job) -> None:
        self.key = json.dumps(job.as_json(), sort_keys=True)
        self.out = job.out
        self._secrets = [hidden.in_file(path) for path in job.secrets.values()]
        env = {f"{each}_NUM_THREADS": str(job.threads) for each in _THREADS}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
            bufsize=0,
        )
        self._said = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._rest = b""
        self.ask(job=job.as_json())
        try:
            (answer, *_) = self.answers(time.monotonic() + _START_SECONDS)
        except (_Ended, ValueError):
            self.close()
            raise Refused(f"the plugin does not load: {self.how_it_ended()}") from None
        if "unusable" in answer:
            self.close()
            raise Refused(answer["unusable"])
        self.ready: Answer = answer["ready"]

    def _listen(self) -> None:
        assert self._process.stderr is not None
        while piece := self._process.stderr.read(1000):
            self._said = (self._said + piece)[-_KEPT:]

    def ask(self, **request: Any) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError:
            pass  # it has ended, as answers() will say

    def answers(self, until: float) -> list[Answer]:
        """What it has said, once it has said anything; nothing: the time is over."""
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        while True:
            left = max(0.0, until - time.monotonic())
            endless = math.isinf(until)
            if not select.select([out], [], [], None if endless else left)[0]:
                return []
            piece = os.read(out, 1 << 16)
            if not piece:
                raise _Ended
            *whole, self._rest = (self._rest + piece).split(b"\n")
            if whole:
                return [self._without_secrets(json.loads(line)) for line in whole]

    def _without_secrets(self, answer: Answer) -> Answer:
        for of in (answer, answer.get("failed", {}), answer.get("done", {})):
            for name in _TOLD & of.keys():
                of[name] = hidden.without(of[name], self._secrets)
        return answer

    def is_there(self) -> bool:
        return self._process.poll() is None

    def waits_for_disk(self) -> bool:
        """Whether a thread of it is where only a disk lets it go on."""
        for path in glob.glob(f"/proc/{self._process.pid}/task/*/stat"):
            try:
                with open(path, encoding="ascii", errors="replace") as file:
                    if file.read().rpartition(")")[2].split()[0] == "D":
                        return True
            except OSError:
                pass  # it has ended
        return False

    def remove_parts(self) -> None:
        """What it leaves where it could not do so itself."""
        parts = glob.escape(Folder(self.out).parts)
        unique = f"{glob.escape(os.uname().nodename)}-{self._process.pid}"
        for path in glob.glob(os.path.join(parts, f"*-{unique}-?.part")):
            try:
                os.remove(path)
            except OSError:
                pass

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """It ends by itself, unless it cannot."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(5)
        self._process.stdout.close()

    def last_words(self) -> str:
        self._listener.join(1)
        said: str = hidden.without(self._said.decode(errors="replace"), self._secrets)
        # faulthandler tells of all threads; this is the one that crashed, and not
        # its stack in C, which Python 3.14 tells as well.
        crash = said.rfind("Current thread 0x")
        return said[-_LAST_WORDS:] if crash < 0 else said[crash:][:_LAST_WORDS]

    def how_it_ended(self) -> str:
        code = self._process.wait()
        if code >= 0:
            said = self.last_words().split("\n")
            last = next((line.strip() for line in reversed(said) if line.strip()), "")
            return f"its process ended with {code}" + (f": {last}" if last else "")
        name = signal.Signals(-code).name
        more = ", as by one who is short of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{more}"


_mine = threading.local()
_all: set[Tended] = set()
_lock = threading.Lock()


def _runner(job: Job, new: bool) -> Tended:
    """This thread's, with this job's plugin loaded."""
    key = json.dumps(job.as_json(), sort_keys=True)
    runner: Tended | None = getattr(_mine, "runner", None)
    if runner is not None and not new and runner.key == key and runner.is_there():
        return runner
    _let_go()
    runner = Tended(job)
    _mine.runner = runner
    with _lock:
        _all.add(runner)
    return runner


def _let_go(at_once: bool = False) -> None:
    runner: Tended | None = getattr(_mine, "runner", None)
    _mine.runner = None
    if runner is not None:
        if at_once:
            runner.kill()
        with _lock:
            _all.discard(runner)
        runner.close()


def release(out: str) -> None:
    """Ends the runners for a folder of outputs, and with them what they are at.

    Others may work for another run.
    """
    with _lock:
        runners = [runner for runner in _all if runner.out == out]
        _all.difference_update(runners)
    for runner in runners:
        runner.kill()


@dataclass(frozen=True)
class Order:
    """What is the same for all chunks of a run.

    probe: what the folder has to show. digest: of the plugin; empty before it is
    known.
    """

    version: str
    job: dict[str, Any]
    run: str
    probe: str
    digest: str = ""


def check(order: Order) -> Answer:
    """Whether this worker can do it: what its runner says, or {"refused": why}."""
    try:
        return _fitting_runner(order, False).ready
    except Refused as refused:
        return {"refused": str(refused)}


def _fitting_runner(order: Order, new: bool) -> Tended:
    if order.version != VERSION:
        raise Refused(f"has pythonfilter {VERSION}, and the run {order.version}")
    job = Job(**order.job)
    if not Folder(job.out).has_probe(order.probe):
        raise Refused(f"does not see {job.out} as it is where the run is")
    ready = (runner := _runner(job, new)).ready
    if ready["element"] != VERSION:
        raise Refused(f"has the element of {ready['element']}, and the run {VERSION}")
    if order.digest not in ("", ready["digest"]):
        raise Refused("has another plugin of that name, or other helpers beside it")
    return runner


def tend(order: Order, chunk: int, works: list[Answer], new: bool) -> Answer:
    """Does a chunk: {}; or {"stopped": why} or {"refused": why}.

    new: not by a runner that was there already, as it may have failed.
    """
    folder = Folder(order.job["out"])
    try:
        claim = Claim(folder, order.run, chunk)
        if not claim.take() and folder.has_probe(order.probe):
            return {}
        _fitting_runner(order, new)
        # Somebody may have been at it, and was lost; or was not, and is telling now
        # what it ended while the claim was its own.
        if claim.was_anothers:
            time.sleep(_HANDOVER_SECONDS)
        before = ledger.standing(folder, f"{order.run}-{chunk}-*")
        todo = [work for work in works if not before.ended(work["id"])]
        with ledger.Writer(folder, order.run, chunk) as writer:
            return _Chunk(order, claim, writer, todo).run()
    except Refused as refused:
        return {"refused": str(refused)}
    except OSError as error:
        return {"stopped": system_error(error, folder.out)}


class _Chunk:
    def __init__(
        self, order: Order, claim: Claim, writer: ledger.Writer, works: list[Answer]
    ) -> None:
        self._order, self._claim, self._writer = order, claim, writer
        self._job = Job(**order.job)
        self._waiting = collections.deque(works)
        self._sent: dict[str, Answer] = {}  # not yet ended, in their order
        self._running = ""  # the last that has begun
        self._limit = self._until = 0.0
        self._outcome: Answer | None = None

    def run(self) -> Answer:
        try:
            while self._outcome is None and (self._waiting or self._sent):
                self._waiting.extendleft(reversed(self._sent.values()))
                self._sent.clear()
                self._running = ""
                self._feed(_fitting_runner(self._order, False))
        except BaseException:
            _let_go(at_once=True)  # it is at something still
            raise
        return self._outcome or {}

    def _feed(self, runner: Tended) -> None:
        runner.ask(claim=[self._claim.path, self._claim.token])
        try:
            self._exchange(runner)
        except _Ended:
            self._note_crash(runner)
            _let_go()

    def _exchange(self, runner: Tended) -> None:
        self._give_time(0)
        while True:
            while self._outcome is None and self._waiting and len(self._sent) < AHEAD:
                work = self._waiting.popleft()
                self._sent[work["id"]] = work
                runner.ask(work=work)
            if not self._sent:
                return
            answers = runner.answers(self._until)
            if not answers:
                if runner.waits_for_disk():
                    self._until = time.monotonic() + _DISK_SECONDS
                    continue
                runner.kill()
                self._note_late(runner)
                _let_go()
                return
            events = [event for each in answers for event in self._take(each)]
            if events:
                self._writer.add(*events)

    def _give_time(self, seconds: float) -> None:
        """To a file of so many seconds, from now on."""
        self._limit = limit_of(self._job.time_limit, seconds)
        self._until = time.monotonic() + self._limit

    def _take(self, answer: Answer) -> Iterator[ledger.Event]:
        if "begin" in answer:
            self._running = answer["begin"]
            self._give_time(0)
            yield {"event": "begin", "id": self._running}
        elif "length" in answer:
            self._give_time(answer["length"])
        elif "played" in answer:
            self._until = math.inf
        elif "done" in answer:
            self._sent.pop(answer["done"]["id"], None)
            yield {"event": "done", **answer["done"]}
        elif "failed" in answer:
            self._sent.pop(answer["failed"]["id"], None)
            yield {"event": "failed", **answer["failed"]}
        elif "stop" in answer:
            self._sent.pop(answer["id"], None)
            self._outcome = {"stopped": answer["stop"]}
        elif "unfit" in answer:
            # Others may see the folder still.
            self._sent.pop(answer["id"], None)
            self._outcome = {"refused": answer["unfit"]}
        elif "revoked" in answer:
            self._sent.pop(answer["revoked"], None)
            self._outcome = self._outcome or {}
            self._waiting.clear()

    def _fail(self, kind: str, message: str, said: str) -> None:
        if not holds(self._claim.path, self._claim.token):
            self._outcome = {}  # whoever ended the run ended the runner
            return
        self._sent.pop(self._running)
        event: ledger.Event = {"event": "failed", "id": self._running, "kind": kind}
        frames = [match.groups() for match in _FRAME.finditer(_of_the_crash(said))]
        home = os.path.dirname(os.path.realpath(self._job.plugin))
        own = [frame for frame in frames if os.path.realpath(frame[0]).startswith(home)]
        for file, line, function in (own or frames)[:1]:
            event |= {"file": file, "line": int(line), "function": function}
        self._writer.add({**event, "message": message, "traceback": said})

    def _note_crash(self, runner: Tended) -> None:
        runner.remove_parts()
        # One that ended between two files is nobody's fault.
        if self._running in self._sent:
            how, said = runner.how_it_ended(), runner.last_words()
            if not _of_the_crash(said) and said:
                how += ", outside of Python, as in a decoder"
            self._fail("crash", how, said)

    def _note_late(self, runner: Tended) -> None:
        runner.how_it_ended()
        runner.remove_parts()
        if self._running in self._sent:
            limit = f"{self._limit:g} s"
            self._fail("late", f"not done within {limit}", runner.last_words())


def _of_the_crash(said: str) -> str:
    """What faulthandler tells of the thread that crashed, and not of the others.

    Nothing, where that is none of Python's, or is at what this package called.
    """
    if said.startswith("Current thread 0x"):
        mine, _, _ = said.partition("\n\n")
        frames = [match[1] for match in _FRAME.finditer(mine)]
        ours = os.path.join(_HERE, "pythonfilter_corpus", "")
        return mine if any(not each.startswith(ours) for each in frames[:1]) else ""
    return "" if "Fatal Python error: " in said else said
