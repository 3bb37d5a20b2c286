# SPDX-License-Identifier: LGPL-2.1-or-later
"""The call that a plugin is in, and how it is ended."""

from __future__ import annotations

import os
import sys
import threading

from .failure import Timeout
from .surroundings import Surroundings

try:
    from ctypes import c_ulong, py_object, pythonapi
except ImportError:  # then calls are not interrupted, and the host kills
    pythonapi = None  # type: ignore[assignment]


class Running:
    """The call of one plugin. The plugin's thread sets `phase` around each.

    That thread looks at `interrupting` after it has taken `phase` back, and
    interrupt() at `phase` after it has set `interrupting`: one of them sees what
    the other did, without a lock for each call.
    """

    __slots__ = ("phase", "thread", "interrupting", "forked", "surroundings", "_lock")

    def __init__(self) -> None:
        self.phase: str | None = None  # None: no call
        self.thread = 0
        self.interrupting = False
        self.forked = False
        self.surroundings = Surroundings()
        self._lock = threading.Lock()

    def is_here(self) -> bool:
        """Whether this thread is in a call of the plugin's."""
        return self.phase is not None and self.thread == threading.get_ident()

    def end_if_forked(self) -> None:
        """A process that was forked in a call has no business behind it.

        It would answer beside this one, and take requests from it.
        """
        if not self.forked:
            return
        print(
            f"process {os.getpid()} was forked in a call and came back from it, so it "
            "ends here: let it end with os._exit(), or use multiprocessing",
            file=sys.stderr,
        )
        os._exit(1)

    def interrupt(self) -> None:
        """Raises PluginTimeout in the call, if one runs."""
        with self._lock:
            self.interrupting = True
            if self.phase is not None:
                self._raise(Timeout)

    def over(self) -> None:
        """The call is.  A timeout that came too late is taken back: it shall hit
        nothing else."""
        self.phase = None
        if not self.interrupting:
            return
        with self._lock:
            self._raise(None)
            self.interrupting = False

    def _raise(self, error: type[BaseException] | None) -> None:
        if pythonapi is None:
            return
        what = py_object(error) if error else None
        pythonapi.PyThreadState_SetAsyncExc(c_ulong(self.thread), what)
