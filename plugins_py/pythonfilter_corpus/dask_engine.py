# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dask as the engine: a cluster of this process alone, or one that is there.

What a chunk returns is a dictionary of a few words, and its future is let go of
at once: what is done is on the disk. A worker that is lost costs what it was at,
and a scheduler that is lost is waited for.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import http.client
import logging
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import dask
import distributed

from . import engines, tend
from .errors import Stopped, Unusable

PATIENCE_SECONDS = 600  # for a scheduler or for workers to come back
_CONNECT_SECONDS = 10
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
_LOST = (OSError, TimeoutError, asyncio.TimeoutError, *_CANCELLED)


# What looks after many machines, many times a second, takes 5 % of a core; here
# there is one worker, and its threads do nothing but wait for those that play.
_CALM = {
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.admin.tick.interval": "500ms",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
}


def local(workers: int) -> Dask:
    """A scheduler and a worker in this process: what plays has one of its own."""

    def cluster() -> Any:
        with dask.config.set(_CALM):
            return distributed.LocalCluster(
                n_workers=1,
                threads_per_worker=workers,
                processes=False,
                dashboard_address="127.0.0.1:0",
                memory_limit=0,
                silence_logs=logging.ERROR,
            )

    return Dask("", cluster)


class Dask:
    """By the address of a scheduler, or of a cluster that is made for it."""

    def __init__(self, address: str, make: Callable[[], Any] | None = None) -> None:
        self._address, self._make = address, make
        found = re.fullmatch(r"(?:tcp|tls)://\[?([^\[\]]+)\]?:(\d+)", address)
        if make is None and not found:
            raise Unusable(f"{address} is no address such as tcp://scheduler:8786")
        self._place = (found[1], int(found[2])) if found else ("", 0)
        self._cluster: Any = None
        self._client: Any = None
        self._futures: dict[Any, int] = {}
        self._ended = threading.Event()  # that of them one has, since it was cleared
        self._avoided: set[str] = set()

    def open(self) -> None:
        again = self._client is not None
        self._forget()
        end = time.monotonic() + (PATIENCE_SECONDS if again else _CONNECT_SECONDS)
        if self._make is not None:
            self._cluster = self._make()
        while True:
            try:
                if self._cluster is None:
                    # A Client that never got there would wait once more at its end.
                    socket.create_connection(self._place, _CONNECT_SECONDS).close()
                self._client = distributed.Client(
                    self._cluster or self._address,
                    timeout=_CONNECT_SECONDS,
                    set_as_default=False,
                )
                left = max(1.0, end - time.monotonic())
                self._client.wait_for_workers(1, timeout=left)
                return
            except (OSError, TimeoutError, asyncio.TimeoutError) as error:
                self._forget()
                if time.monotonic() > end:
                    why = "there is no scheduler with workers at"
                    raise Unusable(f"{why} {self._address} ({error})") from None
                time.sleep(0.5)

    def _forget(self) -> None:
        client, self._client = self._client, None
        self._futures.clear()
        if client is not None:
            with contextlib.suppress(Exception):
                client.close(timeout=1)

    def _workers(self) -> dict[str, int]:
        """How many threads each has that may get work."""
        with self._or_lost():
            found = self._client.nthreads()
        return {
            name: count for name, count in found.items() if name not in self._avoided
        }

    @contextlib.contextmanager
    def _or_lost(self) -> Iterator[None]:
        try:
            yield
        except _LOST as error:
            why = str(error) or type(error).__name__
            raise engines.Lost(f"the scheduler {self._address} is gone ({why})")

    def check(self, order: tend.Order) -> dict[str, tend.Answer]:
        with self._or_lost():
            futures = {
                name: self._client.submit(
                    *(tend.check, order),
                    workers=[name],
                    allow_other_workers=False,
                    pure=False,
                )
                for name in self._workers()
            }
            answers = {name: _answer(each) for name, each in futures.items()}
        return {"": answers.popitem()[1]} if self._make is not None else answers

    def slots(self) -> int:
        return max(1, sum(self._workers().values()))

    def page(self) -> str:
        """Dask's dashboard, or what is there without Bokeh, which Debian has not."""
        with self._or_lost():
            services = self._client.scheduler_info().get("services", {})
        if "dashboard" not in services:
            return ""
        host = self._place[0] or "127.0.0.1"
        base = f"http://[{host}]" if ":" in host else f"http://{host}"
        base += f":{services['dashboard']}"
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with contextlib.suppress(OSError, http.client.HTTPException):
            with direct.open(f"{base}/status", timeout=2) as answer:
                plain = b"needs bokeh" in answer.read(4096)
            return f"{base}/info/main/workers.html" if plain else f"{base}/status"
        return ""

    def submit(self, chunk: int, *arguments: Any) -> None:
        order, *rest = arguments
        where = list(self._workers()) if self._avoided else None
        if where == []:
            raise Stopped("no worker is left that fits")
        with self._or_lost():
            future = self._client.submit(
                *(_tend, order, chunk, *rest),
                workers=where,
                allow_other_workers=False,
                pure=False,
            )
        self._futures[future] = chunk
        future.add_done_callback(lambda _: self._ended.set())

    def completed(self, seconds: float) -> Iterator[tuple[int, tend.Answer]]:
        if self._client.status != "running":
            raise engines.Lost(f"the scheduler {self._address} is gone")
        self._ended.clear()
        if self._futures and not any(each.done() for each in self._futures):
            self._ended.wait(seconds)
        for future in [each for each in self._futures if each.done()]:
            if future.status == "cancelled":
                raise engines.Lost(f"the scheduler {self._address} is gone")
            chunk = self._futures.pop(future)
            with self._or_lost():
                answer = _answer(future)
            future.release()
            yield chunk, answer

    def avoid(self, worker: str) -> None:
        self._avoided.add(worker)

    def close(self, out: str) -> None:
        if self._make is None and self._client is not None:
            # What still runs ends by its claims; the models go with the runners.
            with contextlib.suppress(Exception):
                self._client.cancel(list(self._futures))
                self._client.run(tend.release, out)
        tend.release(out)
        self._forget()
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close()


def _tend(*arguments: Any) -> tend.Answer:
    worker = distributed.get_worker()
    answer = tend.tend(*arguments)
    local = worker.address.startswith("inproc:")
    return answer if local else {**answer, "worker": worker.address}


def _answer(future: Any) -> tend.Answer:
    """Of what Dask itself says only that the worker is gone, or lacks us, matters."""
    try:
        return dict(future.result())
    except ModuleNotFoundError as error:
        return {
            "refused": f"has no {error.name}: install python3-pythonfilter there, or "
            "start it with PYTHONPATH"
        }
    except distributed.scheduler.KilledWorker:
        return {}  # what ran there is given out anew
