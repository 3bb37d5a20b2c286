# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who does the chunks: threads here, each with a runner; or Dask (dask_engine.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from . import tend
from .errors import Unusable


class Lost(Exception):
    """The engine is not there any more, and nobody knows what it does."""


class Engine(Protocol):
    """Calls tend.tend() for each chunk, somewhere. All of these may raise Lost."""

    def open(self) -> None:
        """Until it is there; after Lost again."""

    def check(self, order: tend.Order) -> dict[str, tend.Answer]:
        """What tend.check() says on each worker that there is, by its name."""

    def slots(self) -> int:
        """How many chunks it does at once."""

    def page(self) -> str:
        """The address of a page that shows what it does, or nothing."""

    def submit(self, chunk: int, *arguments: Any) -> None:
        """Calls tend.tend(…, chunk, …)."""

    def completed(self, seconds: float) -> Iterator[tuple[int, tend.Answer]]:
        """The chunks that are done, as soon as there is one, and what was returned."""

    def avoid(self, worker: str) -> None:
        """Gives nothing more to a worker."""

    def close(self, out: str) -> None:
        """Nothing more is to come for this folder, and what still goes on ends."""


def cores() -> int:
    return len(os.sched_getaffinity(0))


class Threads:
    """The cores of this machine, without anything that has to be installed."""

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers or cores()
        self._pool: ThreadPoolExecutor | None = None
        self._futures: dict[Future[tend.Answer], int] = {}

    def open(self) -> None:
        self._pool = ThreadPoolExecutor(self._workers)

    def check(self, order: tend.Order) -> dict[str, tend.Answer]:
        assert self._pool is not None
        return {"": self._pool.submit(tend.check, order).result()}

    def slots(self) -> int:
        return self._workers

    def page(self) -> str:
        return ""

    def submit(self, chunk: int, *arguments: Any) -> None:
        assert self._pool is not None
        order, *rest = arguments
        future = self._pool.submit(tend.tend, order, chunk, *rest)
        self._futures[future] = chunk

    def completed(self, seconds: float) -> Iterator[tuple[int, tend.Answer]]:
        done = wait(self._futures, seconds, FIRST_COMPLETED).done
        for future in done:
            yield self._futures.pop(future), future.result()

    def avoid(self, worker: str) -> None:
        pass

    def close(self, out: str) -> None:
        tend.release(out)
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def named(name: str, workers: int) -> Engine:
    """By what --engine says."""
    if workers < 0:
        raise Unusable("there are 0 workers or more; with 0, one for each core")
    if name == "threads":
        return Threads(workers)
    try:
        from .dask_engine import Dask, local
    except ModuleNotFoundError as error:
        if error.name not in ("distributed", "dask"):
            raise
        if name == "local":
            return Threads(workers)
        raise Unusable(
            "Dask is not installed here (Debian: apt install python3-distributed); "
            "without it there is this machine, with --engine local"
        ) from None
    return local(workers or cores()) if name == "local" else Dask(name)
