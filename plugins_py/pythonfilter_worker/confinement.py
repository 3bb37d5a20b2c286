# SPDX-License-Identifier: LGPL-2.1-or-later
"""When which part of the sandbox is applied, and what is said if it is not."""

from __future__ import annotations

import importlib
import threading


class Refused(Exception):
    """It is required and cannot be applied; says why."""


class Confinement:
    """That of one worker. `kind`: "none", "basic" or "strict"."""

    def __init__(self, kind: str, required: bool) -> None:
        self._kind = kind
        self._required = required
        self._lock = threading.Lock()
        self._basic = "none"  # what was applied first
        self._strict: str | None = None  # and in the end

    def begin(self) -> str:
        """Before any code of a plugin's runs."""
        if self._kind != "none":
            self._basic = self._apply("apply_basic")
        return self._basic

    def close(self) -> str:
        """After a plugin's start(): once, as the strict part holds for good."""
        if self._kind != "strict":
            return ""
        with self._lock:
            if self._strict is None:
                self._strict = self._apply("apply_strict")
            return self._strict

    def _apply(self, function: str) -> str:
        try:
            sandbox = importlib.import_module(".sandbox", __package__)
        except ImportError as problem:
            return self._without(problem)
        try:
            return str(getattr(sandbox, function)())
        except sandbox.SandboxError as problem:
            return self._without(problem)

    def _without(self, problem: Exception) -> str:
        if self._required:
            raise Refused(str(problem))
        return f"{self._basic} ({problem})"
