# SPDX-License-Identifier: LGPL-2.1-or-later
"""What lies beside the outputs, in `.pythonfilter`.

    plan.jsonl    the job, then each work
    ledger/       what came of it: files that are only ever added to
    claims/RUN/   who may work at a chunk; where it is gone, nobody
    parts/        outputs that are not whole yet
    earlier/      outputs of earlier runs, whose files have failed since
    lock          held by who runs
    probe         what a worker reads, to see that it is the same folder
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from . import disk
from .errors import Unusable

NAME = ".pythonfilter"


class Folder:
    """Of one folder of outputs; nothing is made before begin()."""

    def __init__(self, out: str) -> None:
        self.out = out
        self._made: list[str] = []  # the folders that begin() found missing
        self.own = os.path.join(out, NAME)
        self.plan = os.path.join(self.own, "plan.jsonl")
        self.ledger = os.path.join(self.own, "ledger")
        self.claims = os.path.join(self.own, "claims")
        self.parts = os.path.join(self.own, "parts")
        self.earlier = os.path.join(self.own, "earlier")
        self.report = os.path.join(out, "report.html")

    def begin(self) -> Lock:
        """Makes it, and takes it for one run."""
        self._made = _missing(self.out)
        try:
            lock = self._locked()
        except OSError as error:
            raise Unusable(f"{self.out}: {error.strerror}") from None
        # Whoever still works for a run before this one stops at its next file,
        # and what it had begun is nobody's.
        self.revoke()
        for name in os.listdir(self.parts):
            with contextlib.suppress(OSError):
                os.remove(os.path.join(self.parts, name))
        return lock

    def _locked(self) -> Lock:
        """Whoever held it may have left no trace of it since: then it is made anew.

        Not for ever, as there are file systems that number their files as they like.
        """
        for last in (*[False] * 9, True):
            os.makedirs(self.own, exist_ok=True)
            try:
                lock = Lock(os.path.join(self.own, "lock"))
            except FileNotFoundError:
                if last:
                    raise
                continue
            if last or lock.is_there():
                break
            lock.close()
        for each in (self.ledger, self.claims, self.parts):
            os.makedirs(each, exist_ok=True)
        return lock

    def leave_no_trace(self) -> None:
        """What never came to a plan leaves nothing, and takes nothing else along.

        Only for who holds the lock.
        """
        if os.path.exists(self.plan):
            return
        with contextlib.suppress(OSError):
            for each in (self.ledger, self.claims, self.parts):
                os.rmdir(each)
            for name in ("probe", "plan.jsonl.part", "lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(self.own, name))
            for each in (self.own, *self._made):
                os.rmdir(each)

    # -- claims: see Claim

    def open_claims(self, run: str) -> None:
        os.makedirs(os.path.join(self.claims, run))

    def has_claims(self, run: str) -> bool:
        return os.path.isdir(os.path.join(self.claims, run))

    def revoke(self) -> None:
        """No claim holds any longer."""
        for run in os.listdir(self.claims):
            # At once, for nobody can add to it while it is emptied.
            away = os.path.join(self.claims, f".{secrets.token_hex(4)}")
            with contextlib.suppress(FileNotFoundError):
                os.rename(os.path.join(self.claims, run), away)
            shutil.rmtree(away, ignore_errors=True)

    # -- outputs

    def part_of(self, name: str, which: int) -> str:
        """Where this process puts one of a work's parts."""
        unique = f"{name}-{os.uname().nodename}-{os.getpid()}-{which}.part"
        return os.path.join(self.parts, unique)

    def set_aside(self, output: str) -> None:
        """Takes an output away from its place."""
        # There a file may be called as a folder was, and the other way round.
        for place in (self.earlier, os.path.join(self.earlier, secrets.token_hex(4))):
            away = os.path.join(place, output)
            try:
                os.makedirs(os.path.dirname(away), exist_ok=True)
                os.rename(os.path.join(self.out, output), away)
                return
            except FileNotFoundError:
                return  # somebody else has taken it away
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                pass

    # -- the plan

    def write_plan(self, job: dict[str, Any], works: Iterable[dict[str, Any]]) -> None:
        part = f"{self.plan}.part"
        with open(part, "w", encoding="utf-8") as file:
            for line in (job, *works):
                file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, self.plan)
        disk.sync_folder(self.own)

    def read_plan(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        try:
            with open(self.plan, encoding="utf-8") as file:
                job, *works = map(json.loads, file)
        except OSError:
            raise Unusable(f"{self.out}: nothing was run into this folder") from None
        return job, works

    # -- the probe

    def write_probe(self, token: str) -> None:
        with open(os.path.join(self.own, "probe"), "w", encoding="utf-8") as file:
            file.write(token)

    def has_probe(self, token: str) -> bool:
        with contextlib.suppress(OSError):
            with open(os.path.join(self.own, "probe"), encoding="utf-8") as file:
                return file.read() == token
        return False


class Lock:
    """Held until it is closed, or until the process ends, however it does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "a+", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise Unusable(
                f"{os.path.dirname(os.path.dirname(path))}: {holder} runs into this "
                "folder already; wait for it, or give another one"
            ) from None
        except OSError:
            pass  # no locks there: the later one takes it by the claims
        self._file.truncate(0)
        self._file.write(f"{socket.gethostname()}, process {os.getpid()},")
        self._file.flush()

    def is_there(self) -> bool:
        """Whether whoever comes next would find this one."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), os.stat(self._path))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        self._file.close()


def _missing(path: str) -> list[str]:
    """The folders that making this one would make, the innermost first."""
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def is_running(folder: Folder) -> bool:
    """Whether somebody holds the lock."""
    try:
        with open(os.path.join(folder.own, "lock"), encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


class Claim:
    """The right to work at a chunk: its last holder has it, as long as it is there.

    A scheduler that takes a worker for dead gives its chunk to another one, and it
    may live on. So before each file a worker looks whether the chunk is still its
    own.
    """

    def __init__(self, folder: Folder, run: str, chunk: int) -> None:
        self.path = os.path.join(folder.claims, run, str(chunk))
        self.token = secrets.token_hex(8)
        self.was_anothers = False

    def take(self) -> bool:
        """False: the run is over."""
        self.was_anothers = os.path.exists(self.path)
        part = f"{self.path}-{self.token}"
        try:
            with open(part, "w", encoding="utf-8") as file:
                file.write(self.token)
            os.rename(part, self.path)
        except FileNotFoundError:
            return False
        return True


def holds(path: str, token: str) -> bool:
    """Whether a claim is still its holder's."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() == token
    except OSError:
        return False


@contextlib.contextmanager
def held(lock: Lock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.close()
