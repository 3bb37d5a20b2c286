# SPDX-License-Identifier: LGPL-2.1-or-later
"""When which part of the sandbox is applied, and what is said if it is not."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

from .sandbox import Applied, apply_basic, apply_strict


class Refused(Exception):
    """A sandbox that is required cannot be applied; says why."""


@dataclass
class Confinement:
    """The sandbox of one worker, which is "none", "basic" or "strict"."""

    _kind: str
    _required: bool
    _server: int = -1  # see apply_basic()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> str:
        """Before any code of a plugin's runs, and any other thread."""
        try:
            if self._kind == "none":
                return "none"
            alone = self._kind == "strict"
            return self._told(apply_basic(self._server, alone))
        finally:
            if self._server >= 0:
                os.close(self._server)

    def close(self) -> str:
        """After a plugin's start(): once, as the strict part holds for good."""
        if self._kind != "strict":
            return ""
        with self._lock:
            return self._told(apply_strict())

    def _told(self, applied: Applied) -> str:
        if applied.problems and self._required:
            raise Refused("; ".join(applied.problems))
        return str(applied)
