# SPDX-License-Identifier: LGPL-2.1-or-later
"""A thread that calls methods of a plugin beside its stream, now and then.

bridge/python/beside.cpp is the same where the plugin is in the elements' process.
"""

from __future__ import annotations

import threading
import time

from ..host.plugin import LoadedPlugin
from ..host.regular import Regular

from . import failure
from .control_page import REPLY, ControlPage
from .events import Outbox
from .failure import Failure, Timeout
from .running import Running

# How long a call may go on when the stream stops, until it gets PluginTimeout, and
# then until the next one, as it may catch it.
_PATIENCE = 0.5
_AGAIN = 0.1
_MOST_INTERRUPTS = 3


class Beside:
    """Between start() and stop() of one plugin."""

    def __init__(
        self, loaded: LoadedPlugin, stream: Running, outbox: Outbox, page: ControlPage
    ) -> None:
        self._stream = stream
        self._outbox = outbox
        self._page = page
        self._running = Running()
        self._ends = threading.Event()
        now = time.monotonic()
        self._due = [(now + each.interval_ns / 1e9, each) for each in loaded.regular]
        # The last reply to samples, at the last call.
        self._heard = {each.name: page.words[REPLY] for each in loaded.regular}
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        if self._due:
            self._thread.start()

    def end(self) -> None:
        """Returns when nothing is called any more, or when what is called hangs."""
        self._ends.set()
        if not self._due:
            return
        self._thread.join(_PATIENCE)
        for _ in range(_MOST_INTERRUPTS):
            if not self._thread.is_alive():
                return
            self._running.interrupt()
            self._thread.join(_AGAIN)
        phase = self._running.phase
        if phase is not None:
            message = (
                f"{phase}() hangs outside Python code, where it cannot be interrupted; "
                "the stream stops without it"
            )
            self._tell(Failure("interrupted", phase, "", message))

    def _tell(self, told: Failure) -> None:
        self._outbox.send([b"failed", *told.fields()])

    def _run(self) -> None:
        self._running.thread = threading.get_ident()
        while True:
            self._due.sort(key=lambda each: each[0])
            due, regular = self._due[0]
            if self._ends.wait(max(0.0, due - time.monotonic())):
                return
            again = due + regular.interval_ns / 1e9
            self._due[0] = max(again, time.monotonic()), regular
            if self._has_heard(regular):
                self._call(regular)

    def _has_heard(self, regular: Regular) -> bool:
        """Whether a block was answered since the last call."""
        before = self._heard[regular.name]
        now = self._heard[regular.name] = self._page.words[REPLY]
        return before != now

    def _call(self, regular: Regular) -> None:
        running = self._running
        try:
            running.phase = regular.name
            self._stream.surroundings.beside(regular.call)
            running.over()
        except BaseException as error:
            running.over()
            told = failure.of_call(error, regular.name)
            if isinstance(error, Timeout):
                told.type, told.message = "", (
                    f"{regular.name}() was still running when the stream stopped, "
                    "and was interrupted"
                )
            self._tell(told)
